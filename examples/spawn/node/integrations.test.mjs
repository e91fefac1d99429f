import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { startEmulator } from "./emulator.mjs";

const path = "/v1.0/teamwork/workforceIntegrations";
let emulator;
before(async () => { emulator = await startEmulator(); });
after(() => emulator.stop());

const call = async (method, url, body) => {
  const headers = { "Content-Type": "application/json" };
  const response = await fetch(url, { method, headers, body: body && JSON.stringify(body) });
  assert.ok(response.ok, `${method} ${url}: ${response.status}`);
  return response.json();
};

test("one creates", async (t) => {
  const base = await emulator.world(t.name);
  const created = await call("POST", base + path, { displayName: "Contoso" });
  assert.equal((await call("GET", base + path)).value.length, 5);
  assert.ok((await call("GET", `${base}${path}/${created.id}`))["@odata.context"].startsWith(base));
});

test("another does not see it", async (t) => {
  assert.equal((await call("GET", (await emulator.world(t.name)) + path)).value.length, 4);
});

// Tests of equal names, of names that differ in a sign, and of long ones have a world each.
for (const name of ["a/b", "a-b", "a b", "a b", "Tätig", "Tötig", "x".repeat(200)]) {
  test(name, async (t) => {
    const base = await emulator.world(t.name);
    await call("POST", base + path, { displayName: name });
    assert.equal((await call("GET", base + path)).value.length, 5);
  });
}

for (const suite of ["early", "late"]) {
  describe(suite, () => {
    test("an equal name", async (t) => {
      const base = await emulator.world(t.name);
      await call("POST", base + path, { displayName: suite });
      assert.equal((await call("GET", base + path)).value.length, 5);
    });
  });
}
