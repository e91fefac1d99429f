// The JavaScript core client with @azure/identity.
import assert from "node:assert/strict";
import { BatchRequestContent, BatchResponseContent, GraphError, PageIterator } from "@microsoft/microsoft-graph-client";
import { arrived, BUSY, check, COLLECTION, CONTOSO, NAMES, onlyChanged, stored } from "./checks.mjs";

// README: begin
import { ClientSecretCredential } from "@azure/identity";
import { Client } from "@microsoft/microsoft-graph-client";
import { TokenCredentialAuthenticationProvider } from "@microsoft/microsoft-graph-client/authProviders/azureTokenCredentials/index.js";

const graphUrl = process.env.GRAPH_URL;
const options = { authorityHost: graphUrl, disableInstanceDiscovery: true };
const credential = new ClientSecretCredential("contoso", "any-app", "any-secret", options);
const client = Client.initWithMiddleware({
  baseUrl: graphUrl,
  customHosts: new Set([new URL(graphUrl).hostname]),
  authProvider: new TokenCredentialAuthenticationProvider(credential, { scopes: ["https://graph.microsoft.com/.default"] }),
});

async function rename(id) {
  return client.api(`/teamwork/workforceIntegrations/${id}`).patch({ displayName: "Renamed", supportedEntities: "shift,openShift" });
}
// README: end

const path = "/teamwork/workforceIntegrations";
let created;

await check("sign in", async () => {
  const { token } = await credential.getToken("https://graph.microsoft.com/.default");
  assert.equal(token.split(".").length, 3);
  arrived("GET", "/contoso/v2.0/.well-known/openid-configuration*", 200);
  arrived("POST", "/*/oauth2/v2.0/token*", 200);
});

await check("list with paging", async () => {
  const first = await client.api(path).get();
  assert.equal(first.value.length, 2);
  const names = [];
  await new PageIterator(client, first, (item) => names.push(item.displayName) > 0).iterate();
  assert.deepEqual(names, NAMES);
  arrived("GET", COLLECTION, 200);
  arrived("GET", `${COLLECTION}?*skiptoken=*`, 200);
});

await check("query options", async () => {
  const answer = await client.api(path).filter("displayName eq 'Contoso Workforce'").select(["id", "displayName"]).count().get();
  assert.deepEqual(answer.value, [{ id: CONTOSO, displayName: "Contoso Workforce" }]);
  assert.equal(answer["@odata.count"], 1);
  arrived("GET", `${COLLECTION}?$filter=*`, 200);
});

await check("create", async () => {
  created = await client.api(path).post({
    displayName: "From JavaScript",
    apiVersion: 1,
    isActive: true,
    url: "https://contoso.com/shifts/",
    supportedEntities: "shift, swapRequest",
    encryption: { protocol: "sharedSecret", secret: "s".repeat(64) },
  });
  assert.equal(created.supportedEntities, "shift,swapRequest");
  assert.deepEqual((await stored(created.id)).encryption, { protocol: "sharedSecret", secret: null });
  arrived("POST", COLLECTION, 201);
});

await check("get", async () => {
  const entity = await client.api(`${path}/${created.id}`).get();
  assert.equal(entity.displayName, "From JavaScript");
  arrived("GET", `${COLLECTION}/WFI_*`, 200);
});

await check("update", async () => {
  const before = await stored(CONTOSO);
  assert.equal((await rename(CONTOSO)).displayName, "Renamed");
  const after = await stored(CONTOSO);
  onlyChanged(before, after, "displayName", "supports", "supportedEntities");
  assert.equal(after.supportedEntities, "shift,openShift");
  assert.equal(after.lastModifiedBy.application?.id, "any-app", "the token has not arrived");
  arrived("PATCH", `${COLLECTION}/${CONTOSO}`, 200);
});

await check("update of a nested object", async () => {
  const before = await stored(CONTOSO);
  await client.api(`${path}/${CONTOSO}`).patch({ encryption: { secret: "t".repeat(64) } });
  onlyChanged(before, await stored(CONTOSO));
});

await check("read, modify, write", async () => {
  const before = await stored(CONTOSO);
  const entity = await client.api(`${path}/${CONTOSO}`).get();
  await client.api(`${path}/${CONTOSO}`).patch({ ...entity, displayName: "Written back" });
  onlyChanged(before, await stored(CONTOSO), "displayName");
});

await check("a retry after 429", async () => {
  assert.equal((await client.api(`${path}/${BUSY}`).patch({ apiVersion: 3 })).apiVersion, 3);
  arrived("PATCH", `${COLLECTION}/${BUSY}`, 429);
  arrived("PATCH", `${COLLECTION}/${BUSY}`, 200);
});

await check("batch", async () => {
  // Node insists on absolute addresses; the client strips the host.
  const request = (target, init) => new Request(`${graphUrl}${target}`, init);
  const write = { method: "PATCH", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ apiVersion: 2 }) };
  const content = new BatchRequestContent([
    { id: "read", request: request(`${path}/${CONTOSO}`) },
    { id: "write", request: request(`${path}/${CONTOSO}`, write), dependsOn: ["read"] },
    { id: "missing", request: request(`${path}/WFI_none`), dependsOn: ["write"] },
  ]);
  const answer = new BatchResponseContent(await client.api("/$batch").post(await content.getContent()));
  const statuses = ["read", "write", "missing"].map((id) => answer.getResponseById(id).status);
  assert.deepEqual(statuses, [200, 200, 404]);
  assert.equal((await answer.getResponseById("read").json()).displayName, "Written back");
  assert.equal((await stored(CONTOSO)).apiVersion, 2);
  arrived("POST", "/v1.0/$batch", 200);
});

await check("delete", async () => {
  await client.api(`${path}/${created.id}`).delete();
  arrived("DELETE", `${COLLECTION}/${created.id}`, 204);
});

await check("a typed error", async () => {
  await assert.rejects(client.api(`${path}/${created.id}`).get(), (error) => {
    assert.ok(error instanceof GraphError);
    assert.equal(error.statusCode, 404);
    assert.equal(error.code, "NotFound");
    assert.ok(error.requestId);
    return true;
  });
  arrived("GET", `${COLLECTION}/${created.id}`, 404);
});

await check("paging over plain HTTP", async () => {
  // Over plain HTTP, this client prepends its base URL to the absolute link to the next page.
  const plain = Client.init({ baseUrl: process.env.PLAIN_URL, authProvider: (done) => done(null, "none") });
  const names = [];
  await new PageIterator(plain, await plain.api(path).get(), (item) => names.push(item.displayName) > 0).iterate();
  assert.deepEqual(names, ["Written back", ...NAMES.slice(1)]);
  arrived("GET", `/v1.0/http://*${COLLECTION}?*skiptoken=*`, 200);
});
