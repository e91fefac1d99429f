"""The servers that are compared: how each is installed, given the integrations, and started."""

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

#: Where Graph has the integrations, and one of the built-in fixtures.
COLLECTION = "/v1.0/teamwork/workforceIntegrations"
ENTITY = "WFI_05227533-379e-4a0a-9d17-afe306a1e10d"
PATH = f"{COLLECTION}/{ENTITY}"

#: How long installing or compiling one thing may take, in seconds.
PATIENCE = 900

#: Of the archive that java/pom.xml names, since Maven has no lock files.
WIREMOCK_DIGEST = "d097b19bd483c5038479b13a5c71e9faf8f2f5106584f0c120a7770ab0bdb367"


class Failure(Exception):
    """A step that did not succeed, with what it has printed."""


class World(typing.NamedTuple):
    """What the servers are made from: a folder for their files, the integrations, and the programs built from these sources."""

    folder: pathlib.Path
    #: As the emulator answers them.
    integrations: list
    integration: dict
    recording: pathlib.Path
    emulator: pathlib.Path
    bench: pathlib.Path


class Server(typing.NamedTuple):
    """How a server is started. The command is made from the world and a port, which is not used by those that tell their address."""

    name: str
    version: typing.Callable
    setup: str
    prepare: typing.Callable
    command: typing.Callable
    tells_address: bool = False
    path: str = PATH


def environment():
    """Returns the environment of whatever is started, without what would change how the servers work."""
    ours = ("WFI_EMULATOR_", "NODE_", "HTTPMOCK_", "MOCKOON_", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "TOKIO_", "RUST_LOG")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


def step(command, folder=ROOT, output=subprocess.STDOUT):
    """Runs a command that prepares something, silently unless it fails, and returns what it prints to standard output."""
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
        # The first line may get into the page, so it names no folder.
        raise Failure(f"`{' '.join(words[:2])}` exits with {done.returncode}\n{' '.join(words)}\n{(done.stdout + (done.stderr or ''))[-2000:]}")
    return done.stdout


def once(name, inputs, prepare):
    """Prepares target/peers/NAME anew if one of the files has changed that it is made of."""
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
    """Writes a file that a server reads, as JSON unless it is text, and returns its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


# What comes from npm. All is installed at once from one lock file; nothing that packages would run when installed is run.


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
    """Returns the beginning of a command that runs a package's only program, without the links to it."""
    folder = CACHE / "node" / "node_modules" / package
    programs = json.loads((folder / "package.json").read_text())["bin"]
    return ["node", folder / (programs if isinstance(programs, str) else next(iter(programs.values())))]


def json_server(world, port):
    # Data from a module stay in memory; those from a JSON file would be written back at each update.
    data = write(world.folder / "json-server" / "data.js", f"module.exports = () => ({json.dumps({'workforceIntegrations': world.integrations})});\n")
    routes = write(world.folder / "json-server" / "routes.json", {"/v1.0/teamwork/*": "/$1"})
    return [*node("json-server"), data, "--routes", routes, "--quiet", "--host", "127.0.0.1", "--port", port]


def mockoon(world, port):
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
        "uuid": "b44ea7a4-4f0c-4c4c-9be4-1f2b0a3f6b03", "id": "wfis", "name": "integrations", "documentation": "", "value": json.dumps(world.integrations),
    }  # fmt: skip
    environment = {
        "uuid": "b44ea7a4-4f0c-4c4c-9be4-1f2b0a3f6b04", "lastMigration": 33, "name": "Graph", "endpointPrefix": "", "latency": 0, "port": port,
        "hostname": "127.0.0.1", "folders": [], "routes": [route], "rootChildren": [{"type": "route", "uuid": route["uuid"]}],
        "proxyMode": False, "proxyHost": "", "proxyRemovePrefix": False,
        "tlsOptions": {"enabled": False, "type": "CERT", "pfxPath": "", "certPath": "", "keyPath": "", "caPath": "", "passphrase": ""},
        "cors": True, "headers": [{"key": "Content-Type", "value": "application/json"}], "proxyReqHeaders": [], "proxyResHeaders": [],
        "data": [bucket], "callbacks": [],
    }  # fmt: skip
    data = write(world.folder / "mockoon" / "environment.json", environment)
    return [*node("@mockoon/cli"), "start", "--data", data, "--disable-log-to-file", "--disable-admin-api"]


def prism(world, port):
    answer = {"description": "It.", "content": {"application/json": {"schema": {"type": "object"}, "example": world.integration}}}
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
    openapi = write(world.folder / "prism" / "openapi.json", document)
    return [*node("@stoplight/prism-cli"), "mock", openapi, "--host", "127.0.0.1", "--port", port, "--verboseLevel", "silent"]


def fe_mockserver(world, _):
    # Node looks for packages beside the script that asks for them.
    script = shutil.copy(SOURCES / "node" / "fe_mockserver.mjs", CACHE / "node")
    folder = world.folder / "fe-mockserver"
    write(folder / "data" / "workforceIntegrations.json", without_nulls(world.integrations))
    shutil.copy(SOURCES / "node" / "fe_metadata.xml", folder / "metadata.xml")
    return ["node", script, folder, COLLECTION.rpartition("/")[0]]


def without_nulls(value):
    """Returns JSON without members that are null."""
    if isinstance(value, dict):
        return {name: without_nulls(member) for name, member in value.items() if member is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


# What comes from Maven.


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


def wiremock(world, port):
    headers = {"Content-Type": "application/json"}
    for method in ("GET", "PATCH"):
        mapping = {"request": {"method": method, "urlPath": PATH}, "response": {"status": 200, "headers": headers, "jsonBody": world.integration}}
        write(world.folder / "wiremock" / "mappings" / f"{method}.json", mapping)
    flags = ["--bind-address", "127.0.0.1", "--disable-banner", "--no-request-journal", "--root-dir", world.folder / "wiremock"]
    return ["java", "-jar", wiremock_archive(), "--port", port, *flags]


# What comes from crates.


def prepare_rust():
    step(["cargo", "build", "--release", "--quiet", "--locked", "--manifest-path", SOURCES / "rust" / "Cargo.toml", "--target-dir", CACHE / "rust"])


def rust(name):
    def command(world, _):
        integration = write(world.folder / "rust" / "integration.json", world.integration)
        return [CACHE / "rust" / "release" / "wfi-emulator-peers", name, PATH, integration]

    return command


def locked_version(lock, crate):
    return lambda: re.search(rf'name = "{crate}"\nversion = "([^"]+)"', lock.read_text())[1]


def nothing():
    """Prepares nothing: what is built from these sources is built before."""


OUR_LOCK, RUST_LOCK = ROOT / "Cargo.lock", SOURCES / "rust" / "Cargo.lock"

#: The names of the server that is the measure, and of what the comparison is about.
REFERENCE, EMULATOR = "reference", "emulator"

#: All servers. Where it can be chosen, each peer has the setting that costs least: no log, no journal of requests, data in memory. The emulator
#: has no log either, but its journal, as by default.
SERVERS = [
    Server(
        REFERENCE, locked_version(OUR_LOCK, "hyper"), "a bare hyper server with the bytes that the emulator gave, as in `cargo bench`", nothing,
        lambda world, _: [world.bench, "--serve-reference", world.recording], tells_address=True,
    ),
    Server(
        EMULATOR, locked_version(OUR_LOCK, "wfi-emulator"), "`--log off`; its journal is on", nothing,
        lambda world, _: [world.emulator, "--port", "0", "--log", "off"], tells_address=True,
    ),
    Server(
        "wiremock-rs", locked_version(RUST_LOCK, "wiremock"), "a program around the library; one mock per method; recording of requests off, though each mock keeps those that it answered",
        prepare_rust, rust("wiremock-rs"), tells_address=True,
    ),
    Server(
        "httpmock", locked_version(RUST_LOCK, "httpmock"), "a program around the library; one mock per method; its history of 100 requests",
        prepare_rust, rust("httpmock"), tells_address=True,
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
        prepare_node, fe_mockserver, tells_address=True, path=f"{COLLECTION}('{ENTITY}')",
    ),
]  # fmt: skip
