// @odata/client, a generic OData client: entities are addressed with parentheses.
import assert from "node:assert/strict";
import { OData } from "@odata/client";
import { arrived, check, COLLECTION, CONTOSO, NAMES, onlyChanged, stored } from "./checks.mjs";

const client = OData.New4({ serviceEndpoint: `${process.env.GRAPH_URL}/v1.0/teamwork/`, processCsrfToken: false });
const integrations = client.getEntitySet("workforceIntegrations");
let created;

await check("list", async () => {
  const found = await integrations.query();
  assert.deepEqual(found.map((entity) => entity.displayName), NAMES.slice(0, 2));
  arrived("GET", `${COLLECTION}*`, 200);
});

await check("query options", async () => {
  const found = await integrations.query(OData.newOptions().filter(OData.newFilter().field("displayName").eqString(NAMES[1])).select("displayName"));
  assert.deepEqual(found, [{ displayName: NAMES[1] }]);
});

await check("create", async () => {
  created = await integrations.create({ displayName: "From @odata/client", apiVersion: 1, supportedEntities: "shift" });
  assert.equal((await stored(created.id)).displayName, "From @odata/client");
  arrived("POST", COLLECTION, 201);
});

await check("get", async () => {
  assert.equal((await integrations.retrieve(created.id)).displayName, "From @odata/client");
  arrived("GET", `${COLLECTION}('WFI_*')*`, 200);
});

await check("update", async () => {
  const before = await stored(CONTOSO);
  await integrations.update(CONTOSO, { displayName: "Renamed" });
  onlyChanged(before, await stored(CONTOSO), "displayName");
  arrived("PATCH", `${COLLECTION}('${CONTOSO}')`, 200);
});

await check("delete", async () => {
  await integrations.delete(created.id);
  arrived("DELETE", `${COLLECTION}('${created.id}')`, 204);
});

await check("an error", async () => {
  await assert.rejects(integrations.retrieve(created.id), /not found/i);
  arrived("GET", `${COLLECTION}('${created.id}')*`, 404);
});
