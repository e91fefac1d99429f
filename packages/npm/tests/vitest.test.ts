import { afterAll, beforeAll, expect, test } from "vitest";
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
