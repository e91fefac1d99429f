// Shared code of the Node suites: a line per check, and the stored entities.
import assert from "node:assert/strict";

export const COLLECTION = "/v1.0/teamwork/workforceIntegrations";

/** An entity of the built-in fixtures. */
export const CONTOSO = "WFI_05227533-379e-4a0a-9d17-afe306a1e10d";

/** An entity whose first update gets 429, by faults.json. */
export const BUSY = "0ce9b8e3-b8e3-0ce9-e3b8-e90ce3b8e90c";

/** The names of the built-in fixtures, in their order. */
export const NAMES = ["Contoso Workforce", "Display Name value", "Northwind time clock", "Tailwind pilot (switched off)"];

/** The names of the built-in users, in their order. */
export const PEOPLE = ["Local User", "John Doe", "Nora Lindqvist", "Tomás Ribeiro", "Ife Adeyemi", "Kenji Okada"];

/** One of them. */
export const NORA = "c5d0c76b-80c4-481c-be50-923cd8d680a1";

/** A built-in group, and its team. */
export const BAKERY = "3d88b7a2-f988-4f4b-bb34-d66df66af126";

/** Prints the result of a check, and continues with the next one. */
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

/** Declares a request that the emulator's log must contain; `*` matches any text. */
export function arrived(method, path, status) {
  console.log(`arrived ${method} ${path} ${status}`);
}

/** Returns the headers of a request of the suite itself: the findings of the report are to be those of the SDK. */
export function own(token) {
  const headers = { "User-Agent": "wfi-emulator-suite", "client-request-id": crypto.randomUUID() };
  return token ? { ...headers, Authorization: `Bearer ${token}` } : headers;
}

/** Returns an integration as read over plain HTTP, without the SDK. */
export async function stored(id) {
  return read(`${COLLECTION}/${id}`);
}

/** Returns what is read over plain HTTP, without the SDK. */
export async function read(path) {
  const answer = await fetch(process.env.PLAIN_URL + path, { headers: own() });
  assert.equal(answer.status, 200);
  return answer.json();
}

/** Checks that only these properties of an entity have changed, and the author and time of the change. */
export function onlyChanged(before, after, ...names) {
  const changed = Object.keys(after).filter((name) => JSON.stringify(after[name]) !== JSON.stringify(before[name]));
  assert.deepEqual(changed.filter((name) => !name.startsWith("lastModified")), names);
}
