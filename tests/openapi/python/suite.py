"""Does each operation of the control API with a client by openapi-python-client, and checks values of the answers."""

import datetime
import json
import os
import urllib.error
import urllib.parse
import urllib.request
from typing import TypeVar

from control import Client
from control.api.behaviors import get_behaviors, set_behaviors
from control.api.clock import get_clock, set_clock
from control.api.connectors import call_connector, perform_act
from control.api.faults import add_faults, clear_faults, get_faults, set_faults
from control.api.journal import clear_journal, follow_journals, get_exchanges, get_journal, get_report, verify_journal
from control.api.process import get_emulator, get_evidence, get_health, get_proxy, get_readiness, reload
from control.api.sign_ins import decide_device, refuse_sign_ins, revoke_sign_ins
from control.api.state import browse_entities, edit_entity, export_collection, export_state, import_collection, import_state
from control.api.worlds import create_labeled_world, create_world, drop_world, get_world, list_worlds, reset_world
from control.models import (
    Act,
    ActKind,
    ActRequest,
    Behaviors,
    ClockChange,
    Collection,
    ConnectorCall,
    ConnectorPurpose,
    Decision,
    Delay,
    Destination,
    DeviceDecision,
    EarlyRequests,
    Entity,
    ErrorBody,
    Expectation,
    ExpectedRequest,
    FaultAnswer,
    FaultEffect,
    FaultPreset,
    FaultRule,
    FaultRules,
    HealthStatus,
    HttpMethod,
    JournalMessage,
    JsonObject,
    LabeledWorldCreation,
    RateLimit,
    ReadinessStatus,
    RequestSelector,
    RevocationRequest,
    RulePreset,
    Severity,
    SignInRefusal,
    State,
    TextCondition,
    TextConditions,
    Times,
    World,
    WorldCreation,
)
from control.types import UNSET, Response

BASE, CONNECTOR, SEED = (os.environ[name] for name in ("URL", "CONNECTOR", "SEED"))

T = TypeVar("T")


def ok(response: Response[ErrorBody | T]) -> T:
    """Returns the body of an answer of success."""
    assert response.status_code < 300, (response.status_code, response.content)
    assert response.parsed is not None and not isinstance(response.parsed, ErrorBody), response.content
    return response.parsed


def refused(response: Response[ErrorBody | T], status: int) -> str:
    """Returns the code of an error, which has a message."""
    assert response.status_code == status and isinstance(response.parsed, ErrorBody), response
    assert response.parsed.error.message
    return response.parsed.error.code


def request(method: str, url: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
    """Sends a request without the client."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers, method=method)) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


client = Client(base_url=BASE)
assert ok(get_health.sync_detailed(client=client)).status is HealthStatus.OK
assert ok(get_readiness.sync_detailed(client=client)).status is ReadinessStatus.READY
emulator = ok(get_emulator.sync_detailed(client=client))
assert (emulator.name, str(emulator.seed), emulator.worlds.limit) == ("wfi-emulator", SEED, 10_000)
assert (emulator.configuration["auth"], emulator.worlds.by_token) == ("open", False)
assert "GET /_emulator/worlds/{name}/journal/exchanges" in emulator.operations
assert ok(reload.sync_detailed(client=client)).faults == 1
evidence = ok(get_evidence.sync_detailed(client=client))
assert any(row.name == "update-response" and row.profiles["documented"] == "entity" for row in evidence.behaviors)
assert any((row.name, row.status) == ("schema-mismatch", 400) for row in evidence.refusals) and "throttled" in evidence.faults
proxy = ok(get_proxy.sync_detailed(client=client))
assert (proxy.refused, proxy.tunnels, proxy.refused_hosts["proxied.example"]) == (1, 0, 1)

# Seeds are whole: a named world has one that does not fit into 32 bits, and every digit arrives.
labeled = ok(create_labeled_world.sync_detailed(client=client, body=LabeledWorldCreation(label="suite::python", seed=7)))
assert (labeled.seed, labeled.url) == (7, f"{BASE}/_world/{labeled.name}")
tenant: World = ok(create_world.sync_detailed("tenant", client=client))
assert 2**32 < tenant.seed < 2**53
assert json.loads(request("GET", f"{BASE}/_emulator/worlds/tenant")[1])["seed"] == tenant.seed
twin = ok(create_world.sync_detailed("twin", client=client, body=WorldCreation(seed=tenant.seed)))
assert twin.seed == tenant.seed
copy = ok(create_world.sync_detailed("copy", client=client, body=WorldCreation(fork="tenant")))
assert (copy.fixture, copy.entities["teams"]) == (None, 2)
assert refused(create_world.sync_detailed("tenant", client=client), 409) == "world-exists"
assert refused(get_world.sync_detailed("absent", client=client), 404) == "unknown-world"
assert ok(get_world.sync_detailed("tenant", client=client)).seed == tenant.seed
names = [world.name for world in ok(list_worlds.sync_detailed(client=client)).worlds]
assert names == ["default", "copy", labeled.name, "tenant", "twin"], names
some = ok(list_worlds.sync_detailed(client=client, limit=2))
assert ([world.name for world in some.worlds], some.count, some.next_) == (["default", "copy"], 5, "copy")
assert isinstance(some.next_, str)
found = ok(list_worlds.sync_detailed(client=client, after=some.next_, search="TWI"))
assert ([world.name for world in found.worlds], found.next_) == (["twin"], None)

state: State = ok(export_state.sync_detailed("tenant", client=client, secrets=True))
assert state.teams and state.teams[0].id == "3d88b7a2-f988-4f4b-bb34-d66df66af126"
assert ok(import_state.sync_detailed("tenant", client=client, body=state)).entities["shifts"] == 78
teams = ok(export_collection.sync_detailed("tenant", "teams", client=client))
assert [team.id for team in teams.value] == [team.id for team in state.teams]
page = ok(browse_entities.sync_detailed("tenant", client=client, at="teams", limit=1))
assert [entity.key for entity in page.entities] == [state.teams[0].id]
edit = JsonObject.from_dict({"description": "Edited"})
assert edit_entity.sync_detailed("tenant", client=client, at=page.entities[0].path, body=edit).status_code == 204
collections = ok(browse_entities.sync_detailed("tenant", client=client)).collections
assert any((found.path, found.count) == ("teams", 2) for found in collections)
integration = Entity(id="WFI_1")
integration["apiVersion"] = 1
integration["isActive"] = True
integration["url"] = CONNECTOR
integration["encryption"] = {"protocol": "sharedSecret", "secret": "s" * 64}
imported = ok(import_collection.sync_detailed("tenant", "workforceIntegrations", client=client, body=Collection(value=[integration])))
assert imported.entities["workforceIntegrations"] == 1
assert refused(export_collection.sync_detailed("tenant", "bakeries", client=client), 404) == "unknown-collection"

assert ok(get_behaviors.sync_detailed("tenant", client=client))["update-response"] == "entity"
choices = Behaviors()
choices.additional_properties.update({"update-response": "no-content", "device-code": "user"})
assert ok(set_behaviors.sync_detailed("tenant", client=client, body=choices))["update-response"] == "no-content"
start = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
clock = ok(set_clock.sync_detailed("tenant", client=client, body=ClockChange(now=start, advance=1.5, running=False)))
assert (clock.now, clock.running) == (start + datetime.timedelta(seconds=1.5), False)
assert ok(get_clock.sync_detailed("tenant", client=client)) == clock

answer = FaultEffect(
    answer=FaultAnswer(preset=FaultPreset.THROTTLED), retry_after="3", early=EarlyRequests.ACCEPT, delay=Delay(fixed=5)
)
busy = FaultRule(name="busy", on=RequestSelector(method=[HttpMethod.PATCH], nth=1), do=answer)
in_force = ok(set_faults.sync_detailed("tenant", client=client, body=FaultRules(rules=[busy])))
assert in_force.seed == tenant.seed
assert (in_force.faults[0].name, in_force.faults[0].on, in_force.faults[0].do) == ("busy", busy.on, answer)
conflict = FaultRule(on=RequestSelector(id="none"), do=FaultEffect(answer=FaultAnswer(status=409, code="conflict")))
more = FaultRules(rules=[FaultRule(preset=RulePreset.PUBLISHED_LIMITS), conflict])
added = ok(add_faults.sync_detailed("tenant", client=client, body=more)).faults
assert len(added) == 6
assert isinstance(added[1].do.limit, RateLimit) and added[1].do.limit.requests == 15_000
assert isinstance(added[5].do.answer, FaultAnswer) and added[5].do.answer.status == 409
nothing = FaultRules(rules=[FaultRule(name="no effect")])
assert refused(set_faults.sync_detailed("tenant", client=client, body=nothing), 400) == "unusable"


def rename() -> int:
    url = f"{tenant.url}/v1.0/teamwork/workforceIntegrations/WFI_1"
    return request("PATCH", url, b'{"displayName":"Renamed"}', **{"Content-Type": "application/json"})[0]


assert [rename(), rename(), request("GET", f"{tenant.url}/v1.0/me")[0]] == [429, 204, 200]
struck = ok(get_faults.sync_detailed("tenant", client=client)).faults[0]
assert (struck.seen, struck.struck) == (2, 1)
assert clear_faults.sync_detailed("tenant", client=client).status_code == 204

journal = ok(
    get_journal.sync_detailed(
        "tenant",
        client=client,
        to=Destination.GRAPH,
        method="PATCH",
        status="2xx",
        since=start,
        until=start + datetime.timedelta(days=365),
        after=1,
        limit=5,
    )
)
entry = journal.entries[0]
assert (journal.count, len(journal.entries), entry.number, entry.status, entry.via) == (3, 1, 2, 204, None)
assert isinstance(entry.response, JournalMessage) and isinstance(entry.before, Entity) and isinstance(entry.after, Entity)
assert (entry.request.body, entry.response.body, entry.before.id) == ({"displayName": "Renamed"}, None, "WFI_1")
assert (entry.after["displayName"], entry.time) == ("Renamed", clock.now)
assert ["content-type", "application/json"] in entry.request.headers
entries = ok(get_journal.sync_detailed("tenant", client=client)).entries
assert [(entry.faults, entry.before is None) for entry in entries] == [("busy", True), (None, False), (None, True)]
exchanges = ok(get_exchanges.sync_detailed("tenant", client=client, status="429"))
assert "PATCH {{base}}/v1.0/teamwork/workforceIntegrations/WFI_1" in exchanges, exchanges
found_by_rules = ok(get_report.sync_detailed("tenant", client=client, only="early-retry"))
assert (found_by_rules.world, found_by_rules.rules, found_by_rules.requests) == ("tenant", ["early-retry"], 3), found_by_rules
severe = ok(get_report.sync_detailed("tenant", client=client, only="early-retry,polling", severity=Severity.ERROR, number=entry.number))
assert severe.rules == ["early-retry"], severe.rules
one = ok(get_journal.sync_detailed("tenant", client=client, number=entry.number))
assert [found.number for found in one.entries] == [entry.number]
events = follow_journals.sync_detailed(client=client, world="tenant", seconds=0).content.decode()
assert events.startswith("data: {") and "WFI_1" in events, events
headers = TextConditions()
headers["If-Match"] = TextCondition(absent=True)
headers["Content-Type"] = TextCondition(is_="application/json")
expected = Expectation(
    method=["PATCH", "PUT"],
    id="WFI_1",
    status="2xx",
    headers=headers,
    body={"displayName": {"$like": "Ren*"}},
    times=Times(at_least=1, at_most=1),
)
verdict = ok(verify_journal.sync_detailed("tenant", client=client, body=expected))
assert (verdict.holds, verdict.found, verdict.closest) == (True, [2], None)
expected.status, expected.times = "404", UNSET
verdict = ok(verify_journal.sync_detailed("tenant", client=client, body=expected))
assert (verdict.holds, verdict.found, verdict.closest) == (False, [], 2)
in_order = Expectation(in_order=[ExpectedRequest(method=["PATCH"]), ExpectedRequest(method=["GET"], path="/v1.0/me")], within=1)
assert ok(verify_journal.sync_detailed("tenant", client=client, body=in_order)).holds

call = ConnectorCall(integration="WFI_1", purpose=ConnectorPurpose.UPDATE, retries=0)
report = ok(call_connector.sync_detailed("tenant", client=client, body=call))
assert (report.passes, len(report.calls), report.calls[0].status, report.calls[0].answer) == (False, 1, 500, "out of order")
act = Act(do=ActKind.APPROVE, request="SREQ_40f71e21-4259-53e0-bc36-bb3d025265f1")
done = ok(perform_act.sync_detailed("tenant", client=client, body=act))
assert isinstance(done.request, ActRequest) and done.request.method == "POST"
assert (done.act, done.is_done, done.status, done.calls) == (ActKind.APPROVE, True, 204, [])
time_off = next(change for change in done.changes if change.before is None)
assert "/timesOff/" in time_off.path and isinstance(time_off.after, Entity) and time_off.after.id

assert ok(revoke_sign_ins.sync_detailed("tenant", client=client, body=RevocationRequest())).valid_from == clock.now
form = urllib.parse.urlencode({"client_id": "app", "scope": "openid"}).encode()
device = json.loads(request("POST", f"{tenant.url}/contoso.com/oauth2/v2.0/devicecode", form)[1])
decision = DeviceDecision(user_code=device["user_code"], decision=Decision.APPROVE)
assert ok(decide_device.sync_detailed("tenant", client=client, body=decision)).user_code == device["user_code"]
refusal = ok(refuse_sign_ins.sync_detailed("tenant", client=client, body=SignInRefusal(refusal="entra-mfa", times=2)))
assert (refusal.refusal, refusal.status, refusal.times) == ("entra-mfa", 400, 2)

assert clear_journal.sync_detailed("tenant", client=client).status_code == 204
assert ok(reset_world.sync_detailed("tenant", client=client)).requests == 0
assert drop_world.sync_detailed("tenant", client=client).status_code == 204
