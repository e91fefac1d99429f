import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { get } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { ControlError, findProgram, start } from "wfi-emulator";

const path = "/teamwork/workforceIntegrations";
let emulator;
before(async () => { emulator = await start(); });
after(() => emulator.stop());

const send = async (method, url, body) => {
  const answer = await fetch(url, { method, headers: { "Content-Type": "application/json" }, body: body && JSON.stringify(body) });
  return { status: answer.status, body: answer.status === 204 ? undefined : await answer.json() };
};

for (const name of ["a/b", "a-b", "a b", "a b", "Tätig", "Tötig", "x".repeat(200)]) {
  test(name, async (t) => {
    const world = await emulator.world(t);
    await send("POST", world.graphUrl + path, { displayName: name });
    assert.equal((await send("GET", world.graphUrl + path)).body.value.length, 5);
  });
}

test("requests are expected", async (t) => {
  const world = await emulator.world(t);
  await send("POST", world.graphUrl + path, { displayName: "Contoso" });
  await world.expect({ method: "POST", body: { displayName: "Contoso" }, status: "2xx" });
  await assert.rejects(world.expect({ method: "PATCH" }), /expected exactly 1 PATCH/);
  assert.deepEqual((await world.journal()).map((entry) => entry.method), ["POST"]);
  assert.match(await world.exchanges(), /"displayName": "Contoso"/);
});

test("faults belong to one world", async (t) => {
  const world = await emulator.world(t);
  await world.faults([{ on: { method: "GET" }, do: "throttled" }]);
  assert.equal((await send("GET", world.graphUrl + path)).status, 429);
  assert.equal((await send("GET", emulator.defaultWorld.graphUrl + path)).status, 200);
  await world.reset();
  assert.deepEqual((await world.faults()).faults, []);
  await world.drop();
});

test("a clean client passes", async (t) => {
  // docs/report.md: begin
  const world = await emulator.world(t);
  await send("GET", `${world.graphUrl}/me?$select=displayName`);
  await world.assertCleanClient({ allow: ["no-token-cache"], failOn: "warning" });
  // docs/report.md: end
  const report = await world.report();
  assert.deepEqual([report.requests, report.dropped], [1, 0]);
  assert.equal(report.permissions.operations[0].operation, "GET /v1.0/me");
});

test("what a client does wrong fails its test", async (t) => {
  const world = await emulator.world(t);
  await send("GET", `${world.url}/beta/me`);
  await assert.rejects(world.assertCleanClient(), ({ message }) => {
    const lines = message.split("\n");
    assert.deepEqual(lines.slice(0, 3), ["the client is not clean", "", "warning: beta used where v1.0 has the operation [beta-used]"]);
    assert.ok(lines.includes("    request 1 GET /beta/me"));
    assert.match(message, /^ {4}better: use v1\.0.*\n {4}source: https:/m);
    assert.ok(lines.at(-1).endsWith(`in 1 request to the world ${world.name}`));
    assert.doesNotMatch(message, /no-token/);
    return true;
  });
  await assert.rejects(world.assertCleanClient({ failOn: "note", allow: ["beta-used"] }), /note: request without a token \[no-token\]/);
  await world.assertCleanClient({ allow: "beta-used" });
  await world.assertCleanClient({ only: ["polling", "early-retry"] });
  await world.assertCleanClient({ failOn: "error" });
  assert.deepEqual((await world.report({ severity: "error" })).findings, []);
  const { findings } = await world.report({ only: "beta-used" });
  assert.deepEqual(findings.map(({ rule, severity, count, requests }) => [rule, severity, count, requests[0].number]), [["beta-used", "warning", 1, 1]]);
  assert.match(await world.report({ format: "sarif" }), /"version": "2\.1\.0"/);
});

test("a report cannot be empty by mistake", async (t) => {
  const world = await emulator.world(t);
  await assert.rejects(world.assertCleanClient(), /no requests to check/);
  await assert.rejects(world.assertCleanClient({ allow: ["beta"] }), /unknown rule 'beta'/);
  await assert.rejects(world.assertCleanClient({ failOn: "fatal" }), /unknown severity 'fatal': expected error, warning, note/);
});

test("state, clock, and behaviors", async (t) => {
  const world = await emulator.world(t);
  await world.state({ workforceIntegrations: [{ id: "WFI_1", displayName: "One" }] });
  assert.equal((await send("GET", world.graphUrl + path)).body.value[0].id, "WFI_1");
  assert.equal((await world.clock({ now: "2026-01-01T00:00:00Z", advance: 3600, running: false })).now, "2026-01-01T01:00:00Z");
  await world.behaviors({ "update-response": "no-content" });
  assert.equal((await send("PATCH", `${world.graphUrl}${path}/WFI_1`, { displayName: "Two" })).status, 204);
  await assert.rejects(world.behaviors({ "no-such": "x" }), ControlError);
});

test("a seed makes ids equal", async () => {
  const ids = [];
  for (const name of ["a", "b"]) {
    const world = await emulator.world(name, { seed: 1 });
    ids.push((await send("POST", world.graphUrl + path, { displayName: "A" })).body.id);
  }
  assert.equal(ids[0], ids[1]);
});

test("over TLS a world has a secure address and the verbs", async () => {
  const folder = mkdtempSync(join(tmpdir(), "wfi-"));
  const secure = await start("--tls", "--ca-dir", folder, "--log=error");
  try {
    const world = await secure.world("secure");
    assert.match(world.graphUrl, /^https:/);
    const status = await new Promise((resolve, reject) => {
      get(world.graphUrl + path, { ca: readFileSync(secure.ca) }, (answer) => { answer.resume(); resolve(answer.statusCode); }).on("error", reject);
    });
    assert.equal(status, 200);
    await world.expect({ method: "GET", status: "200" });
    assert.equal((await world.faults("throttled")).faults.length, 1);
  } finally {
    await secure.stop();
    rmSync(folder, { recursive: true });
  }
});

test("the reason of a failed start is in the error", async () => {
  await assert.rejects(start("--fixtures", "no-such-file.json"), /status 2: .*no-such-file/s);
});

test("the command is the program", () => {
  assert.match(execFileSync("npx", ["wfi-emulator", "--version"], { encoding: "utf8" }), /^wfi-emulator /);
  assert.match(findProgram(), /@wfi-emulator/);
});
