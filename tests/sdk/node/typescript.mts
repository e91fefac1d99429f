// The Graph SDK for TypeScript, made by Kiota, with @azure/identity.
import assert from "node:assert/strict";
import { BatchRequestContent, PageIterator } from "@microsoft/msgraph-sdk-core";
import {
  createWorkforceIntegrationCollectionResponseFromDiscriminatorValue,
  EligibilityFilteringEnabledEntitiesObject,
  type WorkforceIntegrationCollectionResponse,
  WorkforceIntegrationEncryptionProtocolObject,
} from "@microsoft/msgraph-sdk/models/index.js";
import { createODataErrorFromDiscriminatorValue, type ODataError } from "@microsoft/msgraph-sdk/models/oDataErrors/index.js";
import { arrived, BUSY, check, COLLECTION, CONTOSO, NAMES, onlyChanged, stored } from "./checks.mjs";

// docs/clients.md: begin
import { ClientSecretCredential } from "@azure/identity";
import { HttpMethod, RequestInformation } from "@microsoft/kiota-abstractions";
import { createGraphServiceClient, GraphRequestAdapter } from "@microsoft/msgraph-sdk";
import { GraphAzureIdentityAuthenticationProvider } from "@microsoft/msgraph-sdk-core";
import {
  createWorkforceIntegrationFromDiscriminatorValue,
  serializeWorkforceIntegration,
  type WorkforceIntegration,
  WorkforceIntegrationSupportedEntitiesObject as Entities,
} from "@microsoft/msgraph-sdk/models/index.js";

const graphUrl = process.env.GRAPH_URL!;
const options = { authorityHost: graphUrl, disableInstanceDiscovery: true };
const credential = new ClientSecretCredential("contoso", "any-app", "any-secret", options);
const scopes = ["https://graph.microsoft.com/.default"];
const hosts = new Set([new URL(graphUrl).hostname]);
const adapter = new GraphRequestAdapter(new GraphAzureIdentityAuthenticationProvider(credential, scopes, undefined, hosts));
adapter.baseUrl = graphUrl + "/v1.0";
createGraphServiceClient(adapter); // registers the serializers

// No package has the fluent API of /teamwork yet; models and adapter are typed all the same.
async function rename(id: string) {
  const change: WorkforceIntegration = { displayName: "Renamed", supportedEntities: [Entities.Shift, Entities.OpenShift] };
  const request = new RequestInformation(HttpMethod.PATCH, "{+baseurl}/teamwork/workforceIntegrations/{id}", { baseurl: adapter.baseUrl, id });
  request.setContentFromParsable(adapter, "application/json", change, serializeWorkforceIntegration);
  return adapter.send<WorkforceIntegration>(request, createWorkforceIntegrationFromDiscriminatorValue, undefined);
}
// docs/clients.md: end

const errors = { XXX: createODataErrorFromDiscriminatorValue };
let created: WorkforceIntegration;

/** A request to the collection, or to one of its entities, with a body. */
function request(method: HttpMethod, id = "", body?: WorkforceIntegration): RequestInformation {
  const template = "{+baseurl}/teamwork/workforceIntegrations" + (id ? "/{id}" : "") + "{?%24filter,%24select,%24count}";
  const information = new RequestInformation(method, template, { baseurl: adapter.baseUrl, id });
  information.headers.tryAdd("Accept", "application/json");
  if (body) {
    information.setContentFromParsable(adapter, "application/json", body, serializeWorkforceIntegration);
  }
  return information;
}

async function one(information: RequestInformation): Promise<WorkforceIntegration> {
  const entity = await adapter.send(information, createWorkforceIntegrationFromDiscriminatorValue, errors);
  assert.ok(entity);
  return entity;
}

async function list(information: RequestInformation): Promise<WorkforceIntegrationCollectionResponse> {
  const page = await adapter.send(information, createWorkforceIntegrationCollectionResponseFromDiscriminatorValue, errors);
  assert.ok(page);
  return page;
}

await check("sign in", async () => {
  const { token } = await credential.getToken(scopes);
  assert.equal(token.split(".").length, 3);
  arrived("GET", "/contoso/v2.0/.well-known/openid-configuration*", 200);
  arrived("POST", "/*/oauth2/v2.0/token*", 200);
});

await check("list with paging", async () => {
  const first = await list(request(HttpMethod.GET));
  assert.equal(first.value?.length, 2);
  const names: (string | null | undefined)[] = [];
  const pages = new PageIterator<WorkforceIntegration>(
    adapter,
    { ...first, value: first.value!, odataNextLink: first.odataNextLink! },
    (item) => names.push(item.displayName) > 0,
    // The page type of the iterator is looser than that of the models.
    createWorkforceIntegrationCollectionResponseFromDiscriminatorValue as never,
    errors,
  );
  await pages.iterate();
  assert.deepEqual(names, NAMES);
  arrived("GET", COLLECTION, 200);
  arrived("GET", `${COLLECTION}?*skiptoken=*`, 200);
});

await check("query options", async () => {
  const information = request(HttpMethod.GET);
  Object.assign(information.queryParameters, { "%24filter": "isActive eq false", "%24select": ["displayName"], "%24count": true });
  const answer = await list(information);
  assert.deepEqual(answer.value?.map((item) => [item.displayName, item.url]), [["Tailwind pilot (switched off)", undefined]]);
  assert.equal(answer.odataCount, 1);
  arrived("GET", `${COLLECTION}?*filter=isActive*`, 200);
});

await check("create", async () => {
  created = await one(
    request(HttpMethod.POST, "", {
      displayName: "From TypeScript",
      apiVersion: 1,
      isActive: true,
      url: "https://contoso.com/shifts/",
      supportedEntities: [Entities.Shift, Entities.SwapRequest],
      eligibilityFilteringEnabledEntities: [EligibilityFilteringEnabledEntitiesObject.SwapRequest],
      encryption: { protocol: WorkforceIntegrationEncryptionProtocolObject.SharedSecret, secret: "s".repeat(64) },
    }),
  );
  assert.equal(created.encryption?.protocol, "sharedSecret");
  const after = await stored(created.id);
  assert.equal(after.supportedEntities, "shift,swapRequest");
  assert.equal(after.eligibilityFilteringEnabledEntities, "swapRequest");
  arrived("POST", COLLECTION, 201);
});

await check("get", async () => {
  const entity = await one(request(HttpMethod.GET, created.id!));
  assert.equal(entity.displayName, "From TypeScript");
  assert.deepEqual(entity.lastModifiedDateTime, created.lastModifiedDateTime);
  arrived("GET", `${COLLECTION}/WFI_*`, 200);
});

await check("update", async () => {
  const before = await stored(CONTOSO);
  assert.equal((await rename(CONTOSO))?.displayName, "Renamed");
  const after = await stored(CONTOSO);
  onlyChanged(before, after, "displayName", "supports", "supportedEntities");
  assert.equal(after.supportedEntities, "shift,openShift");
  assert.equal(after.lastModifiedBy.application?.id, "any-app", "the token has not arrived");
  arrived("PATCH", `${COLLECTION}/${CONTOSO}`, 200);
});

await check("update of a nested object", async () => {
  const before = await stored(CONTOSO);
  await one(request(HttpMethod.PATCH, CONTOSO, { encryption: { secret: "t".repeat(64) } }));
  onlyChanged(before, await stored(CONTOSO));
});

await check("read, modify, write", async () => {
  const before = await stored(CONTOSO);
  const entity = await one(request(HttpMethod.GET, CONTOSO));
  entity.displayName = "Written back";
  await one(request(HttpMethod.PATCH, CONTOSO, entity));
  const after = await stored(CONTOSO);
  assert.equal(after.displayName, "Written back");
  assert.equal(after.url, before.url);
  // This SDK reads a list of flags as an empty list, and so writes `""` back.
  assert.equal(after.supportedEntities, "none");
});

await check("a retry after 429", async () => {
  assert.equal((await one(request(HttpMethod.PATCH, BUSY, { apiVersion: 3 }))).apiVersion, 3);
  arrived("PATCH", `${COLLECTION}/${BUSY}`, 429);
  arrived("PATCH", `${COLLECTION}/${BUSY}`, 200);
});

await check("batch", async () => {
  const content = new BatchRequestContent(adapter, errors);
  content.addBatchRequest(request(HttpMethod.GET, CONTOSO), "read");
  content.addBatchRequest(request(HttpMethod.PATCH, CONTOSO, { apiVersion: 2 }), "write");
  content.addBatchRequest(request(HttpMethod.GET, "WFI_none"), "missing");
  const answer = await content.postAsync();
  assert.deepEqual(await answer?.getResponsesStatusCodes(), new Map([["read", 200], ["write", 200], ["missing", 404]]));
  assert.equal((await stored(CONTOSO)).apiVersion, 2);
  arrived("POST", "/v1.0/$batch", 200);
});

await check("delete", async () => {
  await adapter.sendNoResponseContent(request(HttpMethod.DELETE, created.id!), errors);
  arrived("DELETE", `${COLLECTION}/${created.id}`, 204);
});

await check("a typed error", async () => {
  await assert.rejects(one(request(HttpMethod.GET, created.id!)), (error: ODataError) => {
    assert.equal(error.responseStatusCode, 404);
    assert.equal(error.errorEscaped?.code, "NotFound");
    assert.ok(error.errorEscaped?.innerError?.requestId);
    return true;
  });
  arrived("GET", `${COLLECTION}/${created.id}`, 404);
});

await import("./resources.mjs");
