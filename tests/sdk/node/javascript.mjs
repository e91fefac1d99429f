// The JavaScript core client with @azure/identity.
import assert from "node:assert/strict";
import { DeviceCodeCredential } from "@azure/identity";
import { BatchRequestContent, BatchResponseContent, GraphError, PageIterator } from "@microsoft/microsoft-graph-client";
import { arrived, BAKERY, BUSY, check, COLLECTION, CONTOSO, NAMES, onlyChanged, PEOPLE, stored } from "./checks.mjs";

// docs/clients.md: begin
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
// docs/clients.md: end

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

// `/me` needs a user, signed in by a device code.
const user = new DeviceCodeCredential({ tenantId: "contoso", clientId: "any-app", ...options, userPromptCallback: () => {} });
const signedIn = Client.initWithMiddleware({
  baseUrl: graphUrl,
  customHosts: new Set([new URL(graphUrl).hostname]),
  authProvider: new TokenCredentialAuthenticationProvider(user, { scopes: ["https://graph.microsoft.com/User.ReadWrite.All"] }),
});

/** Returns the items of all pages. */
async function all(request) {
  const found = [];
  await new PageIterator(signedIn, await request.get(), (item) => found.push(item) > 0).iterate();
  return found;
}

/** Creates, updates, reads, and deletes an entity, and returns it as created, updated, and read. */
async function life(collection, body, change, code) {
  const first = await signedIn.api(collection).post(body);
  const entity = () => signedIn.api(`${collection}/${first.id}`);
  const updated = await entity().patch(change);
  const last = await entity().get();
  await entity().delete();
  await assert.rejects(entity().get(), (error) => error instanceof GraphError && error.statusCode === 404 && error.code === code);
  arrived("POST", `/v1.0${collection}`, 201);
  arrived("PATCH", `/v1.0${collection}/${first.id}`, updated ? 200 : 204);
  arrived("GET", `/v1.0${collection}/${first.id}`, 200);
  arrived("DELETE", `/v1.0${collection}/${first.id}`, 204);
  arrived("GET", `/v1.0${collection}/${first.id}`, 404);
  return [first, updated, last];
}

await check("me: the manager in a $select and an $expand", async () => {
  const me = await signedIn.api("/me").select("displayName").expand("manager($select=displayName)").get();
  assert.deepEqual([me.displayName, me.mail, me.manager.displayName], ["Local User", undefined, "John Doe"]);
  assert.equal(me.manager["@odata.type"], "#microsoft.graph.user");
  arrived("POST", "/*/oauth2/v2.0/devicecode*", 200);
  arrived("GET", "/v1.0/me?*", 200);
});

await check("users: list with paging", async () => {
  assert.deepEqual((await all(signedIn.api("/users"))).map((found) => found.displayName), PEOPLE);
  arrived("GET", "/v1.0/users", 200);
  arrived("GET", "/v1.0/users?$skiptoken=*", 200);
});

await check("users: filter, order, and search", async () => {
  const advanced = () => signedIn.api("/users").header("ConsistencyLevel", "eventual").select("displayName").count(true);
  const names = ({ value }) => value.map((found) => found.displayName);
  const filtered = await advanced().filter("userType eq 'Member' and department ne 'Bakery'").orderby("displayName desc").get();
  assert.deepEqual([names(filtered), filtered["@odata.count"]], [["Tomás Ribeiro", "Ife Adeyemi"], 2]);
  assert.deepEqual(names(await advanced().search('"displayName:nora" OR "mail:tomas"').get()), ["Nora Lindqvist", "Tomás Ribeiro"]);
  arrived("GET", "/v1.0/users?*$filter=*", 200);
  arrived("GET", "/v1.0/users?*$search=*", 200);
});

await check("users: create, update, get, delete", async () => {
  const body = {
    accountEnabled: true,
    displayName: "From JavaScript",
    mailNickname: "javascript",
    userPrincipalName: "javascript@contoso.onmicrosoft.com",
    passwordProfile: { forceChangePasswordNextSignIn: true, password: "xWwvJ]6NMw+bWH-d" },
  };
  const [first, , last] = await life("/users", body, { jobTitle: "Baker" }, "Request_ResourceNotFound");
  assert.deepEqual([first.displayName, last.jobTitle, last.passwordProfile], ["From JavaScript", "Baker", undefined]);
});

await check("groups: list and members with paging", async () => {
  const names = async (path) => (await all(signedIn.api(path))).map((found) => found.displayName);
  assert.deepEqual(await names("/groups"), ["Contoso Bakery", "Contoso Deliveries", "Frontline managers"]);
  assert.deepEqual(await names(`/groups/${BAKERY}/members`), ["John Doe", "Local User", "Nora Lindqvist", "Ife Adeyemi", "Tomás Ribeiro"]);
  for (const collection of ["/v1.0/groups", `/v1.0/groups/${BAKERY}/members`]) {
    arrived("GET", collection, 200);
    arrived("GET", `${collection}?$skiptoken=*`, 200);
  }
});

await check("groups: create, update, get, delete", async () => {
  const body = { displayName: "From JavaScript", mailEnabled: false, mailNickname: "javascript", securityEnabled: true, groupTypes: [] };
  const [first, , last] = await life("/groups", body, { description: "Changed" }, "Request_ResourceNotFound");
  assert.deepEqual([first.displayName, last.description], ["From JavaScript", "Changed"]);
});

await check("channels: list with paging, create, update, get, delete", async () => {
  const collection = `/teams/${BAKERY}/channels`;
  assert.deepEqual((await all(signedIn.api(collection))).map((channel) => channel.displayName), ["General", "Ovens", "Leads"]);
  const [first, , last] = await life(collection, { displayName: "From JavaScript" }, { description: "Changed" }, "NotFound");
  assert.deepEqual([first.displayName, last.description], ["From JavaScript", "Changed"]);
  arrived("GET", `/v1.0${collection}`, 200);
  arrived("GET", `/v1.0${collection}?$skiptoken=*`, 200);
});

await check("messages: order over pages, attachments, create, update, get, delete", async () => {
  const found = await all(signedIn.api("/me/messages").select("subject").orderby("receivedDateTime desc"));
  assert.deepEqual([found.length, found[4].subject], [5, "Prices from April"]);
  const { value } = await signedIn.api("/me/messages").filter("hasAttachments eq true").expand("attachments").get();
  assert.deepEqual(value.map((message) => message.attachments[0]["@odata.type"]), ["#microsoft.graph.fileAttachment"]);
  arrived("GET", "/v1.0/me/messages?*$orderby=*", 200);
  arrived("GET", "/v1.0/me/messages?*$filter=*", 200);
  const [first, updated, last] = await life("/me/messages", { subject: "From JavaScript" }, { importance: "high" }, "ErrorItemNotFound");
  assert.deepEqual([first.isDraft, updated.importance, last.subject], [true, "high", "From JavaScript"]);
});

await check("events: list with paging, create, update, get, delete", async () => {
  assert.deepEqual((await all(signedIn.api("/me/events"))).map((event) => event.subject), ["Monday round", "Oven service", "Day off"]);
  const time = (dateTime) => ({ dateTime, timeZone: "UTC" });
  const body = { subject: "From JavaScript", start: time("2024-04-02T09:00:00"), end: time("2024-04-02T10:00:00") };
  const [first, updated, last] = await life("/me/events", body, { location: { displayName: "Bakery 2" } }, "ErrorItemNotFound");
  assert.deepEqual([first.subject, updated.location.displayName, last.start.timeZone], ["From JavaScript", "Bakery 2", "UTC"]);
  arrived("GET", "/v1.0/me/events", 200);
  arrived("GET", "/v1.0/me/events?$skiptoken=*", 200);
});
