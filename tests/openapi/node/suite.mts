// Does each operation of the control API with the types of openapi-typescript, and checks values of the answers.

import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { components, paths } from "./control.js";

type Schemas = components["schemas"];

const { URL: base, CONNECTOR: connector, SEED: seed } = process.env as Record<string, string>;
const client = createClient<paths>({ baseUrl: base! });

/** Returns the body of an answer of success. */
function ok<T>({ data, response }: { data?: T; response: Response }): T {
  assert.ok(response.ok, `${response.status} of ${response.url}`);
  return data as T;
}

/** Returns the code of an error, which has a message. */
function refused({ error, response }: { error?: Schemas["ErrorBody"]; response: Response }, status: number): string {
  assert.equal(response.status, status);
  assert.notEqual(error!.error.message, "");
  return error!.error.code;
}

assert.equal(ok(await client.GET("/_emulator/health")).status, "ok");
assert.equal(ok(await client.GET("/_emulator/ready")).status, "ready");
const emulator = ok(await client.GET("/_emulator"));
assert.deepEqual([emulator.name, String(emulator.seed), emulator.worlds.limit], ["wfi-emulator", seed, 10_000]);
assert.deepEqual([emulator.configuration["auth"], emulator.worlds.byToken], ["open", false]);
assert.ok(emulator.operations.includes("GET /_emulator/worlds/{name}/journal/exchanges"));
assert.equal(ok(await client.POST("/_emulator/reload")).faults, 1);
const evidence = ok(await client.GET("/_emulator/evidence"));
assert.ok(evidence.behaviors.some(({ name, profiles }) => name === "update-response" && profiles["documented"] === "entity"));
assert.ok(evidence.refusals.some(({ name, status }) => name === "schema-mismatch" && status === 400) && evidence.faults.includes("throttled"));
const proxy = ok(await client.GET("/_emulator/proxy"));
assert.deepEqual([proxy.refused, proxy.tunnels, proxy.refusedHosts["proxied.example"]], [1, 0, 1]);

// Seeds are whole: a named world has one that does not fit into 32 bits, and every digit arrives.
const labeled = ok(await client.POST("/_emulator/worlds", { body: { label: "suite::typescript", seed: 7 } }));
assert.deepEqual([labeled.seed, labeled.url], [7, `${base}/_world/${labeled.name}`]);
const path = { name: "tenant" };
const tenant = ok(await client.PUT("/_emulator/worlds/{name}", { params: { path } }));
assert.ok(tenant.seed > 2 ** 32 && Number.isSafeInteger(tenant.seed), String(tenant.seed));
const text = await (await fetch(`${base}/_emulator/worlds/tenant`)).text();
assert.ok(text.includes(`"seed": ${tenant.seed},`), text);
const twin = ok(await client.PUT("/_emulator/worlds/{name}", { params: { path: { name: "twin" } }, body: { seed: tenant.seed } }));
assert.equal(twin.seed, tenant.seed);
const copy = ok(await client.PUT("/_emulator/worlds/{name}", { params: { path: { name: "copy" } }, body: { fork: "tenant" } }));
assert.deepEqual([copy.fixture, copy.entities["teams"]], [null, 2]);
assert.equal(refused(await client.PUT("/_emulator/worlds/{name}", { params: { path } }), 409), "world-exists");
assert.equal(refused(await client.GET("/_emulator/worlds/{name}", { params: { path: { name: "absent" } } }), 404), "unknown-world");
assert.equal(ok(await client.GET("/_emulator/worlds/{name}", { params: { path } })).seed, tenant.seed);
const names = ok(await client.GET("/_emulator/worlds")).worlds.map((world) => world.name);
assert.deepEqual(names, ["default", "copy", labeled.name, "tenant", "twin"]);
const some = ok(await client.GET("/_emulator/worlds", { params: { query: { limit: 2 } } }));
assert.deepEqual([some.worlds.map((world) => world.name), some.count, some.next], [["default", "copy"], 5, "copy"]);
const found = ok(await client.GET("/_emulator/worlds", { params: { query: { after: some.next!, search: "TWI" } } }));
assert.deepEqual([found.worlds.map((world) => world.name), found.next], [["twin"], null]);

const state = ok(await client.GET("/_emulator/worlds/{name}/state", { params: { path, query: { secrets: true } } }));
const team: string | undefined = state.teams?.[0]?.id;
assert.equal(team, "3d88b7a2-f988-4f4b-bb34-d66df66af126");
assert.equal(ok(await client.PUT("/_emulator/worlds/{name}/state", { params: { path }, body: state })).entities["shifts"], 78);
const teams = ok(await client.GET("/_emulator/worlds/{name}/state/{collection}", { params: { path: { ...path, collection: "teams" } } }));
assert.deepEqual(teams.value.map(({ id }) => id), state.teams!.map(({ id }) => id));
const entities = "/_emulator/worlds/{name}/entities";
const page = ok(await client.GET(entities, { params: { path, query: { at: "teams", limit: 1 } } }));
assert.deepEqual([page.entities.map(({ key }) => key), page.entities[0]!.contains.some(({ name }) => name === "schedule")], [[team], true]);
const edited = await client.PATCH(entities, { params: { path, query: { at: page.entities[0]!.path } }, body: { description: "Edited" } });
assert.equal(edited.response.status, 204);
assert.ok(ok(await client.GET(entities, { params: { path } })).collections.some(({ path, count }) => path === "teams" && count === 2));
const integration = { id: "WFI_1", apiVersion: 1, isActive: true, url: connector, encryption: { protocol: "sharedSecret", secret: "s".repeat(64) } };
const integrations = { params: { path: { ...path, collection: "workforceIntegrations" } }, body: { value: [integration] } };
const imported = ok(await client.PUT("/_emulator/worlds/{name}/state/{collection}", integrations));
assert.equal(imported.entities["workforceIntegrations"], 1);
const absent = await client.GET("/_emulator/worlds/{name}/state/{collection}", { params: { path: { ...path, collection: "bakeries" } } });
assert.equal(refused(absent, 404), "unknown-collection");

assert.equal(ok(await client.GET("/_emulator/worlds/{name}/behaviors", { params: { path } }))["update-response"], "entity");
const choices = { "update-response": "no-content", "device-code": "user" };
const behaviors = ok(await client.PATCH("/_emulator/worlds/{name}/behaviors", { params: { path }, body: choices }));
assert.equal(behaviors["update-response"], "no-content");
const change = { now: "2026-01-01T00:00:00Z", advance: 1.5, running: false };
const clock = ok(await client.PUT("/_emulator/worlds/{name}/clock", { params: { path }, body: change }));
assert.deepEqual([Date.parse(clock.now), clock.running], [Date.UTC(2026, 0, 1, 0, 0, 1, 500), false]);
assert.deepEqual(ok(await client.GET("/_emulator/worlds/{name}/clock", { params: { path } })), clock);

const busy: Schemas["FaultRule"] = {
  name: "busy",
  on: { method: ["PATCH"], nth: 1 },
  do: { answer: { preset: "throttled" }, retryAfter: "3", early: "accept", delay: { fixed: 5 } },
};
const set = ok(await client.PUT("/_emulator/worlds/{name}/faults", { params: { path }, body: { rules: [busy] } }));
assert.deepEqual([set.seed, set.faults[0]?.on, set.faults[0]?.do], [tenant.seed, busy.on, busy.do]);
const more: Schemas["FaultRules"] = { rules: [{ preset: "published-limits" }, { do: { answer: { status: 409, code: "conflict" } }, on: { id: "none" } }] };
const added = ok(await client.POST("/_emulator/worlds/{name}/faults", { params: { path }, body: more })).faults;
assert.deepEqual([added.length, added[1]?.do.limit?.requests, added[5]?.do.answer?.status], [6, 15_000, 409]);
const unknown = { rules: [{ preset: "busy" as Schemas["RulePreset"] }] };
assert.equal(refused(await client.PUT("/_emulator/worlds/{name}/faults", { params: { path }, body: unknown }), 400), "unusable");

const graph = `${tenant.url}/v1.0`;
const rename = { method: "PATCH", headers: { "Content-Type": "application/json" }, body: '{"displayName":"Renamed"}' };
const patch = async () => (await fetch(`${graph}/teamwork/workforceIntegrations/WFI_1`, rename)).status;
assert.deepEqual([await patch(), await patch(), (await fetch(`${graph}/me`)).status], [429, 204, 200]);
const struck = ok(await client.GET("/_emulator/worlds/{name}/faults", { params: { path } })).faults[0];
assert.deepEqual([struck?.seen, struck?.struck], [2, 1]);
assert.equal((await client.DELETE("/_emulator/worlds/{name}/faults", { params: { path } })).response.status, 204);

const query = { to: "graph", method: "PATCH", status: "2xx", since: change.now, until: "2027-01-01T00:00:00Z", after: 1, limit: 5 } as const;
const journal = ok(await client.GET("/_emulator/worlds/{name}/journal", { params: { path, query } }));
const entry = journal.entries[0]!;
assert.deepEqual([journal.count, journal.entries.length, entry.number, entry.status, entry.via], [3, 1, 2, 204, null]);
assert.deepEqual([entry.request.body, entry.response?.body, entry.before?.id], [{ displayName: "Renamed" }, null, "WFI_1"]);
assert.deepEqual([entry.after?.["displayName"], Date.parse(entry.time)], ["Renamed", Date.parse(clock.now)]);
assert.ok(entry.request.headers.some(([name, value]) => name === "content-type" && value === "application/json"));
const all = ok(await client.GET("/_emulator/worlds/{name}/journal", { params: { path } })).entries;
assert.deepEqual(all.map(({ faults, before }) => [faults, before?.id]), [["busy", undefined], [null, "WFI_1"], [null, undefined]]);
const exchanges = ok(await client.GET("/_emulator/worlds/{name}/journal/exchanges", { params: { path, query: { status: "429" } }, parseAs: "text" }));
assert.ok(exchanges.includes("PATCH {{base}}/v1.0/teamwork/workforceIntegrations/WFI_1"), exchanges);
const { number } = entry;
const one = ok(await client.GET("/_emulator/worlds/{name}/journal", { params: { path, query: { number } } }));
assert.deepEqual(one.entries.map((found) => found.number), [number]);
const events = ok(await client.GET("/_emulator/journal/stream", { params: { query: { world: path.name, seconds: 0 } }, parseAs: "text" }));
assert.ok(events.startsWith("data: {") && events.includes("WFI_1"), events);
const ruled = ok(await client.GET("/_emulator/worlds/{name}/report", { params: { path, query: { only: "early-retry" } } }));
assert.deepEqual([ruled.world, ruled.rules, ruled.requests], [path.name, ["early-retry"], 3]);
const severe = ok(await client.GET("/_emulator/worlds/{name}/report", { params: { path, query: { only: "early-retry,polling", severity: "error", number } } }));
assert.deepEqual(severe.rules, ["early-retry"]);
const verify = async (body: Schemas["Expectation"]) => ok(await client.POST("/_emulator/worlds/{name}/journal/verify", { params: { path }, body }));
const expected: Schemas["Expectation"] = {
  method: ["PATCH", "PUT"],
  id: "WFI_1",
  status: "2xx",
  headers: { "If-Match": { $absent: true }, "Content-Type": { $is: "application/json" } },
  body: { displayName: { $like: "Ren*" } },
};
const held = await verify({ ...expected, times: { atLeast: 1, atMost: 1 } });
assert.deepEqual([held.holds, held.found, held.closest], [true, [2], null]);
const failed = await verify({ ...expected, status: "404" });
assert.deepEqual([failed.holds, failed.found, failed.closest], [false, [], 2]);
assert.ok((await verify({ inOrder: [{ method: ["PATCH"] }, { method: ["GET"], path: "/v1.0/me" }], within: 1 })).holds);

const call = { integration: "WFI_1", purpose: "update", retries: 0 } as const;
const report = ok(await client.POST("/_emulator/worlds/{name}/connectors/call", { params: { path }, body: call }));
assert.deepEqual([report.passes, report.calls.length, report.calls[0]?.status, report.calls[0]?.answer], [false, 1, 500, "out of order"]);
const approve = { do: "approve", request: "SREQ_40f71e21-4259-53e0-bc36-bb3d025265f1" } as const;
const act = ok(await client.POST("/_emulator/worlds/{name}/acts", { params: { path }, body: approve }));
assert.deepEqual([act.act, act.isDone, act.status, act.request?.method, act.calls], ["approve", true, 204, "POST", []]);
const timeOff = act.changes.find(({ before }) => before === null);
assert.ok(timeOff?.path.includes("/timesOff/") && timeOff.after?.id, JSON.stringify(act.changes));

const revoked = ok(await client.POST("/_emulator/worlds/{name}/sign-ins/revoke", { params: { path }, body: {} }));
assert.equal(Date.parse(revoked.validFrom), Date.parse(clock.now));
const form = new URLSearchParams({ client_id: "app", scope: "openid" });
const device = (await (await fetch(`${tenant.url}/contoso.com/oauth2/v2.0/devicecode`, { method: "POST", body: form })).json()) as { user_code: string };
const decision = { userCode: device.user_code, decision: "approve" } as const;
assert.equal(ok(await client.POST("/_emulator/worlds/{name}/sign-ins/devices", { params: { path }, body: decision })).userCode, device.user_code);
const refusal = ok(await client.POST("/_emulator/worlds/{name}/sign-ins/refuse", { params: { path }, body: { refusal: "entra-mfa", times: 2 } }));
assert.deepEqual(refusal, { refusal: "entra-mfa", status: 400, times: 2 });

assert.equal((await client.DELETE("/_emulator/worlds/{name}/journal", { params: { path } })).response.status, 204);
assert.equal(ok(await client.POST("/_emulator/worlds/{name}/reset", { params: { path } })).requests, 0);
assert.equal((await client.DELETE("/_emulator/worlds/{name}", { params: { path } })).response.status, 204);
