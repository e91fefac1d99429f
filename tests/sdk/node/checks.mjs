// What the suites on Node share: a line per check, and a look at what is stored.
import assert from "node:assert/strict";

export const COLLECTION = "/v1.0/teamwork/workforceIntegrations";

/** An entity of the built-in fixtures. */
export const CONTOSO = "WFI_05227533-379e-4a0a-9d17-afe306a1e10d";

/** An entity whose first update meets 429, as faults.json says. */
export const BUSY = "0ce9b8e3-b8e3-0ce9-e3b8-e90ce3b8e90c";

/** The names of the built-in fixtures, in their order. */
export const NAMES = ["Contoso Workforce", "Display Name value", "Northwind time clock", "Tailwind pilot (switched off)"];

/** Prints how a check ends, and goes on with the next one. */
export async function check(name, body) {
  try {
    await body();
    console.log(`ok ${name}`);
  } catch (error) {
    console.error(error);
    console.log(`not ok ${name}: ${String(error.message ?? error).split("\n").slice(0, 9).join(" ")}`);
    process.exitCode = 1;
  }
}

/** Tells the runner that the emulator's log must show such a request; `*` stands for anything. */
export function arrived(method, path, status) {
  console.log(`arrived ${method} ${path} ${status}`);
}

/** Returns an entity as plain HTTP shows it, past the SDK. */
export async function stored(id) {
  const answer = await fetch(`${process.env.PLAIN_URL}${COLLECTION}/${id}`);
  assert.equal(answer.status, 200);
  return answer.json();
}

/** Checks that of an entity nothing has changed but these properties, and who changed it when. */
export function onlyChanged(before, after, ...names) {
  const changed = Object.keys(after).filter((name) => JSON.stringify(after[name]) !== JSON.stringify(before[name]));
  assert.deepEqual(changed.filter((name) => !name.startsWith("lastModified")), names);
}
