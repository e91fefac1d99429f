// PnPjs with @azure/identity.
import assert from "node:assert/strict";
import { ClientSecretCredential } from "@azure/identity";
import { DefaultHeaders, DefaultInit, graphDelete, graphfi, graphGet, GraphCollection, GraphQueryable, graphPatch, graphPost } from "@pnp/graph";
import "@pnp/graph/batching.js";
import { BrowserFetchWithRetry, DefaultParse, HttpRequestError, body } from "@pnp/queryable";
import { arrived, BUSY, check, COLLECTION, CONTOSO, NAMES, onlyChanged, stored } from "./checks.mjs";

const graphUrl = process.env.GRAPH_URL;
const credential = new ClientSecretCredential("contoso", "any-app", "any-secret", { authorityHost: graphUrl, disableInstanceDiscovery: true });

/** Signs each request in, as the presets of PnPjs do for the browser. */
function signIn(instance) {
  instance.on.auth.replace(async (url, init) => {
    const { token } = await credential.getToken("https://graph.microsoft.com/.default");
    init.headers = { ...init.headers, Authorization: `Bearer ${token}` };
    return [url, init];
  });
  return instance;
}

const graph = graphfi().using(DefaultHeaders(), DefaultInit(`${graphUrl}/v1.0`), BrowserFetchWithRetry(), DefaultParse(), signIn);
const collection = (from = graph) => from.create(GraphCollection, "teamwork/workforceIntegrations");
const item = (id, from = graph) => from.create(GraphQueryable, `teamwork/workforceIntegrations/${id}`);
let created;

await check("list with paging", async () => {
  const names = [];
  let pages = 0;
  for await (const page of collection()) {
    names.push(...page.map((entity) => entity.displayName));
    pages += 1;
  }
  assert.equal(pages, 2);
  assert.deepEqual(names, NAMES);
  arrived("GET", "/contoso/v2.0/.well-known/openid-configuration*", 200);
  arrived("POST", "/*/oauth2/v2.0/token*", 200);
  arrived("GET", COLLECTION, 200);
  arrived("GET", `${COLLECTION}?*skiptoken=*`, 200);
});

await check("query options", async () => {
  const found = await collection().select("id", "displayName").filter("isActive eq false").top(5)();
  assert.deepEqual(found.map((entity) => entity.displayName), [NAMES[3]]);
  arrived("GET", `${COLLECTION}?%24select=id%2CdisplayName&%24filter=*`, 200);
});

await check("create", async () => {
  created = await graphPost(collection(), body({ displayName: "From PnPjs", apiVersion: 1, isActive: true, supportedEntities: "shift,swapRequest" }));
  assert.equal((await stored(created.id)).supportedEntities, "shift,swapRequest");
  arrived("POST", COLLECTION, 201);
});

await check("get", async () => {
  assert.equal((await item(created.id)()).displayName, "From PnPjs");
  arrived("GET", `${COLLECTION}/WFI_*`, 200);
});

await check("read, modify, write", async () => {
  const before = await stored(CONTOSO);
  const entity = await graphGet(item(CONTOSO));
  await graphPatch(item(CONTOSO), body({ ...entity, displayName: "Written back" }));
  const after = await stored(CONTOSO);
  onlyChanged(before, after, "displayName");
  assert.equal(after.lastModifiedBy.application?.id, "any-app", "the token has not arrived");
  arrived("PATCH", `${COLLECTION}/${CONTOSO}`, 200);
});

await check("a retry after 429", async () => {
  await graphPatch(item(BUSY), body({ apiVersion: 3 }));
  assert.equal((await stored(BUSY)).apiVersion, 3);
  arrived("GET", `${COLLECTION}/${BUSY}`, 200);
  arrived("PATCH", `${COLLECTION}/${BUSY}`, 429);
  arrived("PATCH", `${COLLECTION}/${BUSY}`, 200);
});

await check("batch", async () => {
  const [batched, execute] = graph.batched();
  const results = [item(CONTOSO, batched)(), graphPatch(item(CONTOSO, batched), body({ apiVersion: 2 })), item("WFI_none", batched)()];
  const outcome = Promise.allSettled(results);
  await execute();
  const [read, write, missing] = await outcome;
  assert.equal(read.value?.displayName, "Written back");
  assert.equal(write.status, "fulfilled");
  assert.equal(missing.reason?.status, 404);
  assert.equal((await stored(CONTOSO)).apiVersion, 2);
  arrived("POST", "/v1.0/$batch", 200);
});

await check("delete", async () => {
  await graphDelete(item(created.id));
  arrived("DELETE", `${COLLECTION}/${created.id}`, 204);
});

await check("a typed error", async () => {
  await assert.rejects(item(created.id)(), (error) => {
    assert.ok(error instanceof HttpRequestError);
    assert.equal(error.status, 404);
    assert.match(error.message, /"code":"NotFound"/);
    return true;
  });
  arrived("GET", `${COLLECTION}/${created.id}`, 404);
});
