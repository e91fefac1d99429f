"""A pytest fixture: one emulator per session, one tenant per test."""

import json
import os
import re
import subprocess

import pytest


@pytest.fixture(scope="session")
def emulator():
    program = os.environ.get("WFI_EMULATOR", "wfi-emulator")
    arguments = ["--port", "0", "--ready", "json", "--exit-with-parent", "--log", "off"]
    # The pipe to its standard input is what ties its life to ours.
    with subprocess.Popen([program, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        line = process.stdout.readline()
        assert line, f"{program} has ended with status {process.wait()}"
        yield json.loads(line)
        process.stdin.close()


@pytest.fixture
def base_url(emulator, request):
    name = re.sub(r"[^A-Za-z0-9._~-]", "-", request.node.nodeid)[-128:]
    return f"{emulator['url']}/_world/{name}"
