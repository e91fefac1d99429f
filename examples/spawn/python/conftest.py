"""Pytest fixtures: one emulator per session, one world per test."""

import json
import os
import subprocess
import urllib.request

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
    # The emulator completes the label, so that no two tests share a world: reruns, parameters, and equal names neither.
    body = json.dumps({"label": request.node.nodeid}).encode()
    with urllib.request.urlopen(f"{emulator['control']}/worlds", body) as response:
        return json.load(response)["url"]
