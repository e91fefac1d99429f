// o.js, a generic OData client: entities are addressed with parentheses.
import assert from "node:assert/strict";
import { o } from "odata";
import { arrived, check, COLLECTION, CONTOSO, NAMES, onlyChanged, stored } from "./checks.mjs";

const client = o(`${process.env.GRAPH_URL}/v1.0/teamwork/`, { headers: { "Content-Type": "application/json" } });
const one = (id) => `workforceIntegrations('${id}')`;
let created;

await check("list", async () => {
  const found = await client.get("workforceIntegrations").query();
  assert.deepEqual(found.map((entity) => entity.displayName), NAMES.slice(0, 2));
  arrived("GET", COLLECTION, 200);
});

await check("query options", async () => {
  const found = await client.get("workforceIntegrations").query({ $filter: "isActive eq false", $select: "displayName", $orderby: "displayName desc" });
  assert.deepEqual(found.map((entity) => entity.displayName ?? entity), [NAMES[3]]);
  arrived("GET", `${COLLECTION}?%24filter=isActive%20eq%20false*`, 200);
});

await check("create", async () => {
  created = await client.post("workforceIntegrations", { displayName: "From o.js", apiVersion: 1, supportedEntities: "shift" }).query();
  assert.equal((await stored(created.id)).displayName, "From o.js");
  arrived("POST", COLLECTION, 201);
});

await check("get", async () => {
  assert.equal((await client.get(one(created.id)).query()).displayName, "From o.js");
  arrived("GET", `${COLLECTION}('WFI_*')`, 200);
});

await check("update", async () => {
  const before = await stored(CONTOSO);
  await client.patch(one(CONTOSO), { displayName: "Renamed" }).query();
  onlyChanged(before, await stored(CONTOSO), "displayName");
  arrived("PATCH", `${COLLECTION}('${CONTOSO}')`, 200);
  arrived("GET", `${COLLECTION}/WFI_*`, 200);
});

await check("delete", async () => {
  await client.delete(one(created.id)).query();
  arrived("DELETE", `${COLLECTION}('${created.id}')`, 204);
});

await check("an error", async () => {
  await assert.rejects(client.get(one(created.id)).query(), (answer) => answer.status === 404);
  arrived("GET", `${COLLECTION}('${created.id}')`, 404);
});

await check("a batch as multipart is refused, for Graph takes JSON alone", async () => {
  const batch = o(`${process.env.GRAPH_URL}/v1.0/`);
  batch.get(`teamwork/${one(CONTOSO)}`);
  await assert.rejects(batch.batch(), (answer) => answer.status === 400);
  arrived("POST", "/v1.0/$batch", 400);
});
