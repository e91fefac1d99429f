"""A suite as a user has it, run with the installed package, also by several workers."""

import json
import socket
import ssl
import subprocess
import sys
import urllib.error
import urllib.request

import pytest
from wfi_emulator import ControlError, Emulator, find_program

PATH = "/teamwork/workforceIntegrations"


def send(method, url, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request) as answer:
        content = answer.read()
    return json.loads(content) if content else None


@pytest.mark.parametrize("name", ["a/b", "a-b", "a b", "a b", "T\u00e4tig", "T\u00f6tig", "x" * 200])
def test_each_case_has_its_own_world(wfi_world, name):
    send("POST", wfi_world.graph_url + PATH, {"displayName": name})
    assert len(send("GET", wfi_world.graph_url + PATH)["value"]) == 5


attempts = []


@pytest.mark.flaky(reruns=1)
def test_a_rerun_has_its_own_world(wfi_world):
    attempts.append(wfi_world.name)
    send("POST", wfi_world.graph_url + PATH, {"displayName": "again"})
    assert len(send("GET", wfi_world.graph_url + PATH)["value"]) == 5
    assert len(attempts) == 2, "the first attempt fails"


def test_requests_are_expected(wfi_world):
    send("POST", wfi_world.graph_url + PATH, {"displayName": "Contoso"})
    wfi_world.expect(method="POST", body={"displayName": "Contoso"}, status="2xx")
    with pytest.raises(AssertionError, match="expected exactly 1 PATCH"):
        wfi_world.expect(method="PATCH")
    assert [entry["method"] for entry in wfi_world.journal()] == ["POST"]
    assert '"displayName": "Contoso"' in wfi_world.exchanges()


def test_faults_belong_to_one_world(wfi_emulator, wfi_world):
    wfi_world.faults([{"on": {"method": "GET"}, "do": "throttled"}])
    with pytest.raises(urllib.error.HTTPError) as failure:
        send("GET", wfi_world.graph_url + PATH)
    assert failure.value.code == 429
    assert send("GET", wfi_emulator.default_world.graph_url + PATH)["value"]
    wfi_world.reset()
    assert wfi_world.faults()["faults"] == []


def test_a_clean_client_passes(wfi_world):
    send("GET", wfi_world.graph_url + "/me?$select=displayName")
    wfi_world.assert_clean_client()
    report = wfi_world.report()
    assert (report["requests"], report["dropped"]) == (1, 0)
    assert report["permissions"]["operations"][0]["operation"] == "GET /v1.0/me"


def test_what_a_client_does_wrong_fails_its_test(wfi_world):
    send("GET", wfi_world.graph_url.replace("/v1.0", "/beta") + "/me")
    with pytest.raises(AssertionError) as failure:
        wfi_world.assert_clean_client()
    lines = str(failure.value).split("\n")
    assert lines[:3] == ["the client is not clean", "", "warning: beta used where v1.0 has the operation [beta-used]"]
    assert "    request 1 GET /beta/me" in lines
    assert any(line.startswith("    better: use v1.0") for line in lines) and any(line.startswith("    source: https://") for line in lines)
    assert lines[-1].endswith(f"in 1 request to the world {wfi_world.name}")
    # Notes do not count, nor are they listed, unless they are to.
    assert "no-token" not in str(failure.value)
    with pytest.raises(AssertionError, match="note: request without a token \\[no-token\\]"):
        wfi_world.assert_clean_client(fail_on="note", allow=["beta-used"])
    wfi_world.assert_clean_client(allow="beta-used")
    wfi_world.assert_clean_client(only=["polling", "early-retry"])
    wfi_world.assert_clean_client(fail_on="error")
    assert wfi_world.report(severity="error")["findings"] == []
    found = wfi_world.report(only="beta-used")["findings"]
    assert [(finding["rule"], finding["severity"], finding["count"]) for finding in found] == [("beta-used", "warning", 1)]
    assert found[0]["requests"][0]["number"] == 1
    assert '"version": "2.1.0"' in wfi_world.report("sarif")


def test_a_report_cannot_be_empty_by_mistake(wfi_world):
    with pytest.raises(AssertionError, match="no requests to check"):
        wfi_world.assert_clean_client()
    with pytest.raises(ControlError, match="unknown rule 'beta'"):
        wfi_world.assert_clean_client(allow=["beta"])
    with pytest.raises(ControlError, match="unknown severity 'fatal': expected error, warning, note"):
        wfi_world.assert_clean_client(fail_on="fatal")


def test_state_clock_and_behaviors(wfi_world):
    wfi_world.state({"workforceIntegrations": [{"id": "WFI_1", "displayName": "One"}]})
    assert [item["id"] for item in send("GET", wfi_world.graph_url + PATH)["value"]] == ["WFI_1"]
    assert wfi_world.clock(now="2026-01-01T00:00:00Z", advance=3600, running=False)["now"] == "2026-01-01T01:00:00Z"
    wfi_world.behaviors(update_response="no-content")
    assert send("PATCH", f"{wfi_world.graph_url}{PATH}/WFI_1", {"displayName": "Two"}) is None
    with pytest.raises(ControlError, match="unknown behavior"):
        wfi_world.behaviors(no_such="x")


def test_a_seed_makes_ids_equal():
    with Emulator() as emulator:
        ids = [send("POST", emulator.world(name, seed=1).graph_url + PATH, {"displayName": "A"})["id"] for name in "ab"]
    assert ids[0] == ids[1]


def test_the_reason_of_a_failed_start_is_in_the_error():
    with pytest.raises(RuntimeError, match="(?s)status 2: .*no-such-file"):
        Emulator("--fixtures", "no-such-file.json")


def test_the_command_is_the_program():
    version = subprocess.run([find_program(), "--version"], capture_output=True, text=True, check=True).stdout
    module = subprocess.run([sys.executable, "-m", "wfi_emulator", "--version"], capture_output=True, text=True, check=True).stdout
    assert version == module and version.startswith("wfi-emulator ")


def test_over_tls_a_world_has_a_secure_address_and_the_verbs(tmp_path):
    with Emulator("--tls", "--ca-dir", str(tmp_path), "--log=error") as emulator:
        world = emulator.world("secure")
        assert world.graph_url.startswith("https://")
        trust = ssl.create_default_context(cafile=emulator.ca)
        with urllib.request.urlopen(world.graph_url + PATH, context=trust) as answer:
            assert len(json.load(answer)["value"]) == 4
        world.expect(method="GET", status="200")
        world.faults("throttled")
        assert len(world.faults()["faults"]) == 1


def test_flags_that_the_helper_sets_can_be_given():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with Emulator("--port", str(port), "--log", "info") as emulator:
        assert emulator.port == port and emulator.ca is None
