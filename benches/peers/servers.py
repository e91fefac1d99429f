"""The compared servers: installation, data, and start of each."""

import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import typing

SOURCES = pathlib.Path(__file__).resolve().parent
ROOT = SOURCES.parent.parent
CACHE = ROOT / "target" / "peers"

#: The path of the integrations in Graph, and one of the built-in fixtures.
COLLECTION = "/v1.0/teamwork/workforceIntegrations"
ENTITY = "WFI_05227533-379e-4a0a-9d17-afe306a1e10d"
PATH = f"{COLLECTION}/{ENTITY}"

#: Time limit of one installation or compilation, in seconds.
PATIENCE = 900

#: The digest of the archive in java/pom.xml, since Maven has no lock files.
WIREMOCK_DIGEST = "d097b19bd483c5038479b13a5c71e9faf8f2f5106584f0c120a7770ab0bdb367"


class Failure(Exception):
    """A failed step, with its output."""


class Inputs(typing.NamedTuple):
    """The inputs of the servers: a folder for their files, the integrations, and the programs built from this repository."""

    folder: pathlib.Path
    #: The integrations as the emulator returns them.
    integrations: list
    integration: dict
    recording: pathlib.Path
    emulator: pathlib.Path
    bench: pathlib.Path


class Server(typing.NamedTuple):
    """A server and its start. The command is made from the inputs and a port, unused by servers that print their address."""

    name: str
    version: typing.Callable
    setup: str
    prepare: typing.Callable
    command: typing.Callable
    prints_address: bool = False
    path: str = PATH


def environment():
    """Returns the environment of the child processes, without variables that configure the servers."""
    ours = ("WFI_EMULATOR_", "NODE_", "HTTPMOCK_", "MOCKOON_", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "TOKIO_", "RUST_LOG")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


def step(command, folder=ROOT, output=subprocess.STDOUT):
    """Runs a preparing command, silently unless it fails, and returns its standard output."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words, cwd=folder, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=output, text=True, errors="replace", timeout=PATIENCE
        )
    except OSError as problem:
        raise Failure(f"`{words[0]}` cannot be run: {problem.strerror}") from problem
    except subprocess.TimeoutExpired as problem:
        raise Failure(f"`{' '.join(words[:2])}` takes longer than {PATIENCE} s") from problem
    if done.returncode != 0:
        # The first line may appear on the page, so it contains no folder.
        raise Failure(f"`{' '.join(words[:2])}` exits with {done.returncode}\n{' '.join(words)}\n{(done.stdout + (done.stderr or ''))[-2000:]}")
    return done.stdout


def once(name, inputs, prepare):
    """Prepares target/peers/NAME again if one of its input files has changed."""
    digest = hashlib.sha256()
    for path in inputs:
        digest.update(path.read_bytes())
    stamp = CACHE / f"{name}.stamp"
    if stamp.exists() and stamp.read_text() == digest.hexdigest():
        return
    shutil.rmtree(CACHE / name, ignore_errors=True)
    (CACHE / name).mkdir(parents=True)
    prepare(CACHE / name)
    stamp.write_text(digest.hexdigest())


def build():
    """Builds the emulator and the benchmark, and returns the paths of both."""
    programs = {}
    for line in step(["cargo", "bench", "--no-run", "--locked", "--message-format=json"], output=subprocess.PIPE).splitlines():
        artifact = json.loads(line)
        if artifact.get("reason") == "compiler-artifact" and artifact.get("executable"):
            programs[artifact["target"]["name"]] = pathlib.Path(artifact["executable"])
    return programs["wfi-emulator"], programs["reference"]


def write(path, content):
    """Writes a file for a server, as JSON unless it is text, and returns its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


# Servers from npm. All are installed at once from one lock file, without install scripts.


def prepare_node():
    inputs = [SOURCES / "node" / name for name in ("package.json", "package-lock.json", ".npmrc")]

    def install(folder):
        for path in inputs:
            shutil.copy(path, folder)
        step(["npm", "ci", "--no-progress"], folder)

    once("node", inputs, install)


def node_version(package):
    def version():
        return json.loads((CACHE / "node" / "node_modules" / package / "package.json").read_text())["version"]

    return version


def node(package):
    """Returns the beginning of a command that runs the only program of a package directly."""
    folder = CACHE / "node" / "node_modules" / package
    programs = json.loads((folder / "package.json").read_text())["bin"]
    return ["node", folder / (programs if isinstance(programs, str) else next(iter(programs.values())))]


def json_server(inputs, port):
    # Data from a module stays in memory; a JSON file would be written at each update.
    data = write(inputs.folder / "json-server" / "data.js", f"module.exports = () => ({json.dumps({'workforceIntegrations': inputs.integrations})});\n")
    routes = write(inputs.folder / "json-server" / "routes.json", {"/v1.0/teamwork/*": "/$1"})
    return [*node("json-server"), data, "--routes", routes, "--quiet", "--host", "127.0.0.1", "--port", port]


def mockoon(inputs, port):
    response = {
        "uuid": "b44ea7a4-4f0c-4c4c-9be4-1f2b0a3f6b01", "body": "", "latency": 0, "statusCode": 200, "label": "", "headers": [],
        "bodyType": "DATABUCKET", "databucketID": "wfis", "filePath": "", "sendFileAsBody": False, "rules": [], "rulesOperator": "OR",
        "disableTemplating": True, "fallbackTo404": False, "default": True, "crudKey": "id", "callbacks": [],
    }  # fmt: skip
    route = {
        "uuid": "b44ea7a4-4f0c-4c4c-9be4-1f2b0a3f6b02", "type": "crud", "documentation": "", "method": "", "endpoint": COLLECTION[1:],
        "responses": [response], "responseMode": None, "streamingMode": None, "streamingInterval": 0,
    }  # fmt: skip
    bucket = {
        "uuid": "b44ea7a4-4f0c-4c4c-9be4-1f2b0a3f6b03", "id": "wfis", "name": "integrations", "documentation": "", "value": json.dumps(inputs.integrations),
    }  # fmt: skip
    environment = {
        "uuid": "b44ea7a4-4f0c-4c4c-9be4-1f2b0a3f6b04", "lastMigration": 33, "name": "Graph", "endpointPrefix": "", "latency": 0, "port": port,
        "hostname": "127.0.0.1", "folders": [], "routes": [route], "rootChildren": [{"type": "route", "uuid": route["uuid"]}],
        "proxyMode": False, "proxyHost": "", "proxyRemovePrefix": False,
        "tlsOptions": {"enabled": False, "type": "CERT", "pfxPath": "", "certPath": "", "keyPath": "", "caPath": "", "passphrase": ""},
        "cors": True, "headers": [{"key": "Content-Type", "value": "application/json"}], "proxyReqHeaders": [], "proxyResHeaders": [],
        "data": [bucket], "callbacks": [],
    }  # fmt: skip
    data = write(inputs.folder / "mockoon" / "environment.json", environment)
    return [*node("@mockoon/cli"), "start", "--data", data, "--disable-log-to-file", "--disable-admin-api"]


def prism(inputs, port):
    answer = {"description": "It.", "content": {"application/json": {"schema": {"type": "object"}, "example": inputs.integration}}}
    changes = {"type": "object", "properties": {"displayName": {"type": "string"}, "apiVersion": {"type": "integer"}}}
    document = {
        "openapi": "3.0.3",
        "info": {"title": "The part of Microsoft Graph that is compared", "version": "1"},
        "paths": {
            f"{COLLECTION}/{{id}}": {
                "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
                "get": {"responses": {"200": answer}},
                "patch": {"requestBody": {"content": {"application/json": {"schema": changes}}}, "responses": {"200": answer}},
            }
        },
    }
    openapi = write(inputs.folder / "prism" / "openapi.json", document)
    return [*node("@stoplight/prism-cli"), "mock", openapi, "--host", "127.0.0.1", "--port", port, "--verboseLevel", "silent"]


def fe_mockserver(inputs, _):
    # Node looks for packages next to the script that imports them.
    script = shutil.copy(SOURCES / "node" / "fe_mockserver.mjs", CACHE / "node")
    folder = inputs.folder / "fe-mockserver"
    write(folder / "data" / "workforceIntegrations.json", without_nulls(inputs.integrations))
    shutil.copy(SOURCES / "node" / "fe_metadata.xml", folder / "metadata.xml")
    return ["node", script, folder, COLLECTION.rpartition("/")[0]]


def without_nulls(value):
    """Returns JSON without null members."""
    if isinstance(value, dict):
        return {name: without_nulls(member) for name, member in value.items() if member is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


# Servers from Maven.


def prepare_wiremock():
    pom = SOURCES / "java" / "pom.xml"

    def install(folder):
        step(["mvn", "--quiet", "--batch-mode", "-f", pom, "dependency:copy-dependencies", f"-DoutputDirectory={folder}"])
        digest = hashlib.sha256(wiremock_archive().read_bytes()).hexdigest()
        if digest != WIREMOCK_DIGEST:
            raise Failure(f"{wiremock_archive().name} has the digest {digest}, not the one expected")

    once("java", [pom, pathlib.Path(__file__)], install)


def wiremock_archive():
    return next((CACHE / "java").glob("wiremock-standalone-*.jar"))


def wiremock(inputs, port):
    headers = {"Content-Type": "application/json"}
    for method in ("GET", "PATCH"):
        mapping = {"request": {"method": method, "urlPath": PATH}, "response": {"status": 200, "headers": headers, "jsonBody": inputs.integration}}
        write(inputs.folder / "wiremock" / "mappings" / f"{method}.json", mapping)
    flags = ["--bind-address", "127.0.0.1", "--disable-banner", "--no-request-journal", "--root-dir", inputs.folder / "wiremock"]
    return ["java", "-jar", wiremock_archive(), "--port", port, *flags]


# Servers from crates.io.


def prepare_rust():
    step(["cargo", "build", "--release", "--quiet", "--locked", "--manifest-path", SOURCES / "rust" / "Cargo.toml", "--target-dir", CACHE / "rust"])


def rust(name):
    def command(inputs, _):
        integration = write(inputs.folder / "rust" / "integration.json", inputs.integration)
        return [CACHE / "rust" / "release" / "wfi-emulator-peers", name, PATH, integration]

    return command


def locked_version(lock, crate):
    return lambda: re.search(rf'name = "{crate}"\nversion = "([^"]+)"', lock.read_text())[1]


def nothing():
    """Prepares nothing: the programs of this repository are built before."""


OUR_LOCK, RUST_LOCK = ROOT / "Cargo.lock", SOURCES / "rust" / "Cargo.lock"

#: The names of the reference server and of the emulator.
REFERENCE, EMULATOR = "reference", "emulator"

#: All servers. Each peer has its cheapest settings: no log, no journal of requests, data in memory. The emulator has no log either, but its
#: journal, as by default.
SERVERS = [
    Server(
        REFERENCE, locked_version(OUR_LOCK, "hyper"), "a bare hyper server with the bytes that the emulator gave, as in `cargo bench`", nothing,
        lambda inputs, _: [inputs.bench, "--serve-reference", inputs.recording], prints_address=True,
    ),
    Server(
        EMULATOR, locked_version(OUR_LOCK, "wfi-emulator"), "`--log off`; its journal is on", nothing,
        lambda inputs, _: [inputs.emulator, "--port", "0", "--log", "off"], prints_address=True,
    ),
    Server(
        "wiremock-rs", locked_version(RUST_LOCK, "wiremock"), "a program around the library; one mock per method; recording of requests off, though each mock keeps those that it answered",
        prepare_rust, rust("wiremock-rs"), prints_address=True,
    ),
    Server(
        "httpmock", locked_version(RUST_LOCK, "httpmock"), "a program around the library; one mock per method; its history of 100 requests",
        prepare_rust, rust("httpmock"), prints_address=True,
    ),
    Server(
        "WireMock", lambda: re.search(r"(\d[\d.]*\d)\.jar", wiremock_archive().name)[1], "`--no-request-journal`; one stub per method",
        prepare_wiremock, wiremock,
    ),
    Server("json-server", node_version("json-server"), "`--quiet`; routes rewritten; data from a module, so in memory", prepare_node, json_server),
    Server(
        "Mockoon", node_version("@mockoon/cli"), "`@mockoon/cli`; a CRUD route over a data bucket; no log to files", prepare_node, mockoon,
    ),
    Server(
        "Prism", node_version("@stoplight/prism-cli"), "`@stoplight/prism-cli`; examples of an OpenAPI document; `--verboseLevel silent`",
        prepare_node, prism,
    ),
    Server(
        "fe-mockserver", node_version("@sap-ux/fe-mockserver-core"),
        "`@sap-ux/fe-mockserver-core` in Node’s `http`; an entity set with keys as `('id')`; data without nulls, which it fails on in complex values",
        prepare_node, fe_mockserver, prints_address=True, path=f"{COLLECTION}('{ENTITY}')",
    ),
]  # fmt: skip
