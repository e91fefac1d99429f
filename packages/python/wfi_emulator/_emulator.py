"""The emulator of a test run, and its worlds."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sysconfig
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Sequence, TypedDict, overload

# Requests to the emulator go to this machine, whatever proxy the environment names.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class ControlError(Exception):
    """A refusal by the control API, with its status and message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"refused with {status}: {message}")
        self.status = status


def find_program() -> str:
    """Returns the path of the program: that of WFI_EMULATOR, that of this package, or the one on the PATH."""
    named = os.environ.get("WFI_EMULATOR")
    if named:
        return named
    name = "wfi-emulator.exe" if os.name == "nt" else "wfi-emulator"
    schemes = [None, f"{os.name}_user"]
    for scheme in schemes:
        folder = sysconfig.get_path("scripts", scheme) if scheme else sysconfig.get_path("scripts")
        if (path := Path(folder) / name).is_file():
            return str(path)
    found = shutil.which(name)
    if found is None:
        raise FileNotFoundError(f"no program {name}: install the package wfi-emulator, or set WFI_EMULATOR")
    return found


def _text(method: str, url: str, body: Any = None) -> str:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    try:
        with _OPENER.open(request, timeout=360) as answer:
            content: str = answer.read().decode()
            return content
    except urllib.error.HTTPError as error:
        content = error.read().decode(errors="replace")
        try:
            message = json.loads(content)["error"]["message"]
        except (ValueError, KeyError, TypeError):
            message = content
        raise ControlError(error.code, message) from None


def _names(given: Sequence[str]) -> Sequence[str]:
    """Returns a list of names. One alone is a list too."""
    return [given] if isinstance(given, str) else given


def _call(method: str, url: str, body: Any = None) -> dict[str, Any]:
    text = _text(method, url, body)
    value: dict[str, Any] = json.loads(text) if text else {}
    return value


#: How bad a finding is: it will fail in production, it will fail some day or costs, or it could be better.
Severity = Literal["error", "warning", "note"]


class Sighting(TypedDict):
    """A request that shows a problem: its number in the journal, and its time on the world's clock."""

    number: int
    time: str
    method: str
    target: str


class Finding(TypedDict):
    """What a client does wrong with one subject, such as an operation."""

    rule: str
    severity: Severity
    title: str
    subject: str
    detail: str
    better: str
    source: str
    grade: str
    count: int
    requests: list[Sighting]


class Report(TypedDict):
    """What clients do wrong in a world, the worst first, and the permissions that they need."""

    world: str
    requests: int
    dropped: int
    rules: list[str]
    findings: list[Finding]
    permissions: dict[str, Any]


class World:
    """A world: its own entities, faults, journal, and clock."""

    def __init__(self, control: str, name: str, url: str) -> None:
        self.name = name
        #: The base URL, without a version.
        self.url = url
        #: The base URL of v1.0, for clients that expect it.
        self.graph_url = f"{url}/v1.0"
        self._path = f"{control}/worlds/{urllib.parse.quote(name, safe='')}"

    def __repr__(self) -> str:
        return f"World({self.name!r})"

    def faults(self, rules: Sequence[dict[str, Any] | str] | str | None = None) -> dict[str, Any]:
        """Replaces the fault rules, if some are given, and returns those in force with their counts. The name of a ready-made one is a rule too."""
        if rules is not None:
            _call("PUT", f"{self._path}/faults", [rules] if isinstance(rules, str) else list(rules))
        return _call("GET", f"{self._path}/faults")

    def expect(self, **expectation: Any) -> None:
        """Fails unless the journal has the requests that are expected, for example `expect(method="PATCH", times=1)`."""
        __tracebackhide__ = True
        verdict = _call("POST", f"{self._path}/journal/verify", expectation)
        if not verdict["holds"]:
            raise AssertionError(verdict["text"])

    def journal(self, **query: Any) -> list[dict[str, Any]]:
        """Returns the requests of the world, or those that match: method, path, id, status, since, until, limit, to."""
        entries: list[dict[str, Any]] = _call("GET", f"{self._path}/journal?{urllib.parse.urlencode(query)}")["entries"]
        return entries

    def exchanges(self) -> str:
        """Returns the journal as the text of exchanges, for snapshots."""
        return _text("GET", f"{self._path}/journal?format=exchange")

    @overload
    def report(
        self, format: Literal["json"] = "json", *, allow: Sequence[str] = (), only: Sequence[str] = (), severity: Severity = "note"
    ) -> Report: ...

    @overload
    def report(
        self, format: Literal["text", "junit", "sarif", "html"], *, allow: Sequence[str] = (), only: Sequence[str] = (), severity: Severity = "note"
    ) -> str: ...

    def report(self, format: str = "json", *, allow: Sequence[str] = (), only: Sequence[str] = (), severity: Severity = "note") -> Any:
        """Returns what clients do wrong in the world, of this severity or worse, without the allowed rules, or by the only ones: as a value, or
        as a text in another format."""
        query = {"format": format, "allow": ",".join(_names(allow)), "only": ",".join(_names(only)), "severity": severity}
        text = _text("GET", f"{self._path}/report?{urllib.parse.urlencode(query)}")
        return json.loads(text) if format == "json" else text

    def assert_clean_client(self, *, allow: Sequence[str] = (), only: Sequence[str] = (), fail_on: Severity = "warning") -> None:
        """Fails with the findings of this severity or a worse one, if there are any, and if the world has got no requests."""
        __tracebackhide__ = True
        report = self.report(allow=allow, only=only, severity=fail_on)
        if report["requests"] and not report["findings"]:
            return
        text = self.report("text", allow=allow, only=only, severity=fail_on).strip()
        raise AssertionError(f"the client is not clean\n\n{text}" if report["findings"] else f"no requests to check\n{text}")

    def state(self, replacement: dict[str, Any] | None = None) -> dict[str, Any]:
        """Replaces the collections of the state, if some are given, and returns the state."""
        if replacement is not None:
            _call("PUT", f"{self._path}/state", replacement)
        return _call("GET", f"{self._path}/state")

    def behaviors(self, **changes: str) -> dict[str, Any]:
        """Sets behaviors, with `_` for `-` in their names, and returns all."""
        if changes:
            _call("PATCH", f"{self._path}/behaviors", {name.replace("_", "-"): value for name, value in changes.items()})
        return _call("GET", f"{self._path}/behaviors")

    def clock(self, *, now: str | None = None, advance: float | None = None, running: bool | None = None) -> dict[str, Any]:
        """Sets, advances by seconds, freezes, or starts the clock, and returns it."""
        change = {"now": now, "advance": advance, "running": running}
        change = {name: value for name, value in change.items() if value is not None}
        return _call("PUT", f"{self._path}/clock", change) if change else _call("GET", f"{self._path}/clock")

    def reset(self) -> None:
        """Restores the initial state, and clears faults and journal."""
        _call("POST", f"{self._path}/reset")


class Emulator:
    """A running emulator. It ends with the context, or with this process."""

    def __init__(self, *arguments: str, program: str | None = None) -> None:
        given = {argument.split("=")[0] for argument in arguments}
        defaults = [["--port", "0"], ["--log", "off"]]
        flags = [word for default in defaults if default[0] not in given for word in default]
        flags = ["--ready", "json", "--exit-with-parent", *flags, *arguments]
        program = program or find_program()
        # A pipe that is not read would fill up.
        self._errors = tempfile.TemporaryFile()
        # The pipe to its standard input ties its life to that of this process.
        self._process = subprocess.Popen([program, *flags], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            status = self._process.wait()
            self._errors.seek(0)
            reason = self._errors.read().decode(errors="replace").strip()
            raise RuntimeError(f"{program} has ended with status {status}: {reason}")
        ready = json.loads(line)
        self.url: str = ready["url"]
        self.port: int = ready["port"]
        self.seed: int = ready["seed"]
        #: The file with the local authority, for clients to trust, if the emulator serves TLS with one.
        self.ca: str | None = ready.get("ca")
        # HTTP is served on the same port as HTTPS, and needs no trust.
        self._control: str = ready["control"].replace("https://", "http://", 1)

    def world(self, label: str = "", *, fixture: str | None = None, fork: str | None = None, seed: int | None = None) -> World:
        """Creates a world. Its name begins with the label and is in no other use."""
        body = {"label": label, "fixture": fixture, "fork": fork, "seed": seed}
        world = _call("POST", f"{self._control}/worlds", {name: value for name, value in body.items() if value is not None})
        return World(self._control, world["name"], self.url + urllib.parse.urlsplit(world["url"]).path)

    @property
    def default_world(self) -> World:
        """The world of requests that name none."""
        return World(self._control, "default", self.url)

    def drop(self, world: World) -> None:
        """Drops a world."""
        _call("DELETE", f"{self._control}/worlds/{urllib.parse.quote(world.name, safe='')}")

    def stop(self) -> None:
        """Stops the emulator."""
        if self._process.stdin and not self._process.stdin.closed:
            self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()
        self._errors.close()

    def __enter__(self) -> Emulator:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()
