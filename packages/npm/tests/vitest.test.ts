import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Emulator, type World, start } from "wfi-emulator";

let emulator: Emulator;
beforeAll(async () => { emulator = await start("--profile", "observed"); });
afterAll(() => emulator.stop());

test.each([1, 2])("the same name", async () => {
  const world: World = await emulator.world("the same name");
  await fetch(`${world.graphUrl}/teamwork/workforceIntegrations/WFI_05227533-379e-4a0a-9d17-afe306a1e10d`, { method: "DELETE" });
  const journal = await world.journal({ status: "2xx" });
  expect(journal.map((entry) => entry.number)).toEqual([1]);
});

test("a report has types", async ({ task }) => {
  const world = await emulator.world(task);
  await fetch(`${world.graphUrl}/me?$select=id`);
  const rules: string[] = (await world.report({ allow: "no-token" })).findings.map((finding) => finding.rule);
  const text: string = await world.report({ format: "text" });
  expect(rules).not.toContain("no-token");
  expect(text).toContain("[no-token]");
  await world.assertCleanClient({ failOn: "error" });
});

for (const suite of ["early", "late"]) {
  describe(suite, () => {
    test("an equal name", async ({ task }) => {
      const world = await emulator.world(task);
      expect(await world.journal()).toEqual([]);
      await fetch(`${world.graphUrl}/teamwork/workforceIntegrations`);
    });
  });
}

let attempts = 0;
test("a repeated test has its own world", { retry: 1 }, async ({ task }) => {
  const world = await emulator.world(task);
  expect(await world.journal()).toEqual([]);
  await fetch(`${world.graphUrl}/teamwork/workforceIntegrations`);
  attempts += 1;
  expect(attempts, "the first attempt fails").toBe(2);
});
