// Users, groups, teams, mail, and calendars through the typed models of the Graph SDK for TypeScript.
import assert from "node:assert/strict";
import { DeviceCodeCredential } from "@azure/identity";
import { HttpMethod, type ModelSerializerFunction, type Parsable, type ParsableFactory, RequestInformation } from "@microsoft/kiota-abstractions";
import { createGraphServiceClient, GraphRequestAdapter } from "@microsoft/msgraph-sdk";
import { GraphAzureIdentityAuthenticationProvider, PageIterator } from "@microsoft/msgraph-sdk-core";
import * as models from "@microsoft/msgraph-sdk/models/index.js";
import { createODataErrorFromDiscriminatorValue, type ODataError } from "@microsoft/msgraph-sdk/models/oDataErrors/index.js";
import { arrived, BAKERY, check, NORA, PEOPLE, read } from "./checks.mjs";

const graphUrl = process.env.GRAPH_URL!;
// `/me` needs a user, signed in by a device code.
const credential = new DeviceCodeCredential({
  tenantId: "contoso",
  clientId: "any-app",
  authorityHost: graphUrl,
  disableInstanceDiscovery: true,
  userPromptCallback: () => {},
});
const scopes = ["https://graph.microsoft.com/User.ReadWrite.All"];
const hosts = new Set([new URL(graphUrl).hostname]);
const adapter = new GraphRequestAdapter(new GraphAzureIdentityAuthenticationProvider(credential, scopes, undefined, hosts));
adapter.baseUrl = graphUrl + "/v1.0";
createGraphServiceClient(adapter); // registers the serializers

const errors = { XXX: createODataErrorFromDiscriminatorValue };

type Page<T> = Parsable & { value?: T[] | null; odataNextLink?: string | null; odataCount?: number | null };
type Options = Record<string, string | number | boolean | string[]>;

/** A collection, with the models of its entities. */
class Collection<T extends Parsable> {
  constructor(
    readonly path: string,
    readonly one: ParsableFactory<T>,
    readonly many: ParsableFactory<Page<T>>,
    readonly serialize: ModelSerializerFunction<T>,
  ) {}

  request(method: HttpMethod, id = "", options: Options = {}, body?: Partial<T>): RequestInformation {
    const template = `{+baseurl}${this.path}${id && "/{id}"}{?%24count,%24expand,%24filter,%24orderby,%24search,%24select}`;
    const information = new RequestInformation(method, template, { baseurl: adapter.baseUrl, id });
    information.headers.tryAdd("Accept", "application/json");
    for (const [name, value] of Object.entries(options)) {
      information.queryParameters[`%24${name}`] = value;
    }
    if (options.count) {
      information.headers.tryAdd("ConsistencyLevel", "eventual");
    }
    if (body) {
      information.setContentFromParsable(adapter, "application/json", body as T, this.serialize);
    }
    return information;
  }

  async list(options?: Options): Promise<Page<T> & { value: T[] }> {
    const page = await adapter.send(this.request(HttpMethod.GET, "", options), this.many, errors);
    assert.ok(page?.value);
    return { ...page, value: page.value };
  }

  /** Returns the entities of all pages. */
  async all(options?: Options): Promise<T[]> {
    const first = await this.list(options);
    const found: T[] = [];
    const pages = new PageIterator<T>(
      adapter,
      { ...first, odataNextLink: first.odataNextLink! },
      (item) => found.push(item) > 0,
      this.many as never,
      errors,
    );
    await pages.iterate();
    return found;
  }

  async get(id: string, options?: Options): Promise<T> {
    const entity = await adapter.send(this.request(HttpMethod.GET, id, options), this.one, errors);
    assert.ok(entity);
    return entity;
  }

  async create(body: Partial<T>): Promise<T> {
    const entity = await adapter.send(this.request(HttpMethod.POST, "", {}, body), this.one, errors);
    assert.ok(entity);
    return entity;
  }

  /** Returns what an update answers: nothing with status 204. */
  async update(id: string, body: Partial<T>): Promise<T | undefined> {
    return adapter.send(this.request(HttpMethod.PATCH, id, {}, body), this.one, errors);
  }

  /** Deletes an entity, and checks that a typed error refuses it from then on. */
  async delete(id: string, code: string): Promise<void> {
    await adapter.sendNoResponseContent(this.request(HttpMethod.DELETE, id), errors);
    await assert.rejects(this.get(id), (error: ODataError) => {
      assert.deepEqual([error.responseStatusCode, error.errorEscaped?.code], [404, code]);
      assert.ok(error.errorEscaped?.message && error.errorEscaped.innerError?.requestId);
      return true;
    });
  }
}

/** Declares the requests of a create, an update, a get, and a delete. */
function arrivedOf(path: string, updated: number): void {
  arrived("POST", path, 201);
  arrived("PATCH", `${path}/*`, updated);
  arrived("GET", `${path}/*`, 200);
  arrived("DELETE", `${path}/*`, 204);
  arrived("GET", `${path}/*`, 404);
}

const users = new Collection<models.User>(
  "/users", models.createUserFromDiscriminatorValue, models.createUserCollectionResponseFromDiscriminatorValue, models.serializeUser);
const groups = new Collection<models.Group>(
  "/groups", models.createGroupFromDiscriminatorValue, models.createGroupCollectionResponseFromDiscriminatorValue, models.serializeGroup);
const members = new Collection<models.DirectoryObject>(
  `/groups/${BAKERY}/members`,
  models.createDirectoryObjectFromDiscriminatorValue,
  models.createDirectoryObjectCollectionResponseFromDiscriminatorValue,
  models.serializeDirectoryObject,
);
const channels = new Collection<models.Channel>(
  `/teams/${BAKERY}/channels`,
  models.createChannelFromDiscriminatorValue,
  models.createChannelCollectionResponseFromDiscriminatorValue,
  models.serializeChannel,
);
const messages = new Collection<models.Message>(
  "/me/messages", models.createMessageFromDiscriminatorValue, models.createMessageCollectionResponseFromDiscriminatorValue, models.serializeMessage);
const events = new Collection<models.Event>(
  "/me/events", models.createEventFromDiscriminatorValue, models.createEventCollectionResponseFromDiscriminatorValue, models.serializeEvent);

const recipient = (name: string): models.Recipient => ({ emailAddress: { name, address: `${name}@example.com` } });

await check("me: the manager in a $select and an $expand", async () => {
  const one = new Collection<models.User>("/me", users.one, users.many, users.serialize);
  const me = await one.get("", { select: ["displayName", "jobTitle"], expand: ["manager($select=displayName)"] });
  assert.deepEqual([me.displayName, me.jobTitle, me.mail], ["Local User", "Shift planner", undefined]);
  const manager: models.User = me.manager!;
  assert.deepEqual([manager.odataType, manager.displayName], ["#microsoft.graph.user", "John Doe"]);
  arrived("POST", "/*/oauth2/v2.0/devicecode*", 200);
  arrived("GET", "/v1.0/me?*", 200);
});

await check("users: list with paging", async () => {
  const found = await users.all();
  assert.deepEqual(found.map((user) => user.displayName), PEOPLE);
  assert.deepEqual([found[0].jobTitle, found[0].createdDateTime], ["Shift planner", undefined]);
  const [first] = (await users.list({ select: ["createdDateTime"] })).value!;
  assert.deepEqual(first.createdDateTime, new Date("2021-05-28T09:12:45Z"));
  arrived("GET", "/v1.0/users?*select=createdDateTime", 200);
  arrived("GET", "/v1.0/users", 200);
  arrived("GET", "/v1.0/users?$skiptoken=*", 200);
});

await check("users: filter, order, and select", async () => {
  const filter = "userType eq 'Member' and department ne 'Bakery'";
  const answer = await users.list({ filter, orderby: ["displayName desc"], select: ["displayName"], count: true });
  assert.deepEqual(answer.value.map((user) => [user.displayName, user.id]), [["Tomás Ribeiro", undefined], ["Ife Adeyemi", undefined]]);
  assert.equal(answer.odataCount, 2);
  arrived("GET", "/v1.0/users?*filter=*", 200);
});

await check("users: search", async () => {
  const answer = await users.list({ search: '"displayName:nora" OR "mail:tomas"', select: ["id", "displayName"], count: true });
  assert.deepEqual(answer.value.map((user) => user.displayName), ["Nora Lindqvist", "Tomás Ribeiro"]);
  arrived("GET", "/v1.0/users?*search=*", 200);
});

await check("users: create, get, update, delete", async () => {
  const created = await users.create({
    accountEnabled: true,
    displayName: "From TypeScript",
    mailNickname: "typescript",
    userPrincipalName: "typescript@contoso.onmicrosoft.com",
    passwordProfile: { forceChangePasswordNextSignIn: true, password: "xWwvJ]6NMw+bWH-d" },
    businessPhones: ["+1 312 555 0199"],
  });
  assert.deepEqual([created.displayName, created.passwordProfile?.password], ["From TypeScript", undefined]);
  assert.equal(await users.update(created.id!, { jobTitle: "Baker" }), undefined);
  const same = await users.get("typescript@contoso.onmicrosoft.com");
  assert.deepEqual([same.id, same.jobTitle, same.businessPhones], [created.id, "Baker", ["+1 312 555 0199"]]);
  assert.equal((await read(`/v1.0/users/${created.id}`)).jobTitle, "Baker");
  await users.delete(created.id!, "Request_ResourceNotFound");
  arrivedOf("/v1.0/users", 204);
});

await check("groups: list with paging", async () => {
  assert.deepEqual((await groups.all()).map((group) => group.displayName), ["Contoso Bakery", "Contoso Deliveries", "Frontline managers"]);
  arrived("GET", "/v1.0/groups", 200);
  arrived("GET", "/v1.0/groups?$skiptoken=*", 200);
});

await check("groups: members as users, over pages", async () => {
  const found: models.User[] = await members.all();
  assert.deepEqual(found.map((member) => [member.odataType, member.jobTitle]), [
    ["#microsoft.graph.user", "Bakery manager"],
    ["#microsoft.graph.user", "Shift planner"],
    ["#microsoft.graph.user", "Baker"],
    ["#microsoft.graph.user", "Head of operations"],
    ["#microsoft.graph.user", "Driver"],
  ]);
  arrived("GET", `/v1.0/groups/${BAKERY}/members`, 200);
  arrived("GET", `/v1.0/groups/${BAKERY}/members?$skiptoken=*`, 200);
});

await check("groups: members of a type", async () => {
  const bakers = new Collection<models.User>(`${members.path}/graph.user`, users.one, users.many, users.serialize);
  const answer = await bakers.list({ filter: "jobTitle eq 'Baker'", select: ["id"], count: true });
  assert.deepEqual([answer.odataCount, answer.value.map((user) => user.id)], [1, [NORA]]);
  arrived("GET", `/v1.0/groups/${BAKERY}/members/graph.user?*`, 200);
});

await check("groups: expanded members", async () => {
  const group = await groups.get(BAKERY, { select: ["displayName"], expand: ["members($select=id,displayName)"] });
  const found: models.User[] = group.members!;
  assert.deepEqual(found.map((member) => member.displayName), ["John Doe", "Local User", "Nora Lindqvist", "Ife Adeyemi", "Tomás Ribeiro"]);
  arrived("GET", `/v1.0/groups/${BAKERY}?*`, 200);
});

await check("groups: create, get, update, delete", async () => {
  const created = await groups.create({
    displayName: "From TypeScript", mailEnabled: false, mailNickname: "typescript", securityEnabled: true, groupTypes: [],
  });
  assert.deepEqual([created.displayName, created.groupTypes, created.mailEnabled], ["From TypeScript", [], false]);
  assert.equal(await groups.update(created.id!, { description: "Changed" }), undefined);
  assert.equal((await groups.get(created.id!)).description, "Changed");
  assert.equal((await read(`/v1.0/groups/${created.id}`)).securityEnabled, true);
  await groups.delete(created.id!, "Request_ResourceNotFound");
  arrivedOf("/v1.0/groups", 204);
});

await check("channels: list with paging", async () => {
  const found = await channels.all();
  assert.deepEqual(found.map((channel) => channel.displayName), ["General", "Ovens", "Leads"]);
  assert.equal(found[2].membershipType, models.ChannelMembershipTypeObject.Private);
  arrived("GET", `/v1.0/teams/${BAKERY}/channels`, 200);
  arrived("GET", `/v1.0/teams/${BAKERY}/channels?$skiptoken=*`, 200);
});

await check("channels: create, get, update, delete", async () => {
  const membershipType = models.ChannelMembershipTypeObject.Standard;
  const created = await channels.create({ displayName: "From TypeScript", description: "New", membershipType });
  assert.deepEqual([created.displayName, created.membershipType], ["From TypeScript", membershipType]);
  assert.equal(await channels.update(created.id!, { description: "Changed" }), undefined);
  const same = await channels.get(created.id!);
  assert.deepEqual([same.displayName, same.description, same.createdDateTime], ["From TypeScript", "Changed", created.createdDateTime]);
  await channels.delete(created.id!, "NotFound");
  arrivedOf(`/v1.0/teams/${BAKERY}/channels`, 204);
});

await check("messages: order and select over pages", async () => {
  const found = await messages.all({ select: ["subject", "receivedDateTime"], orderby: ["receivedDateTime desc"] });
  assert.deepEqual(found.map((message) => message.subject), [
    "Stock-taking", "Re: Rota for next week", "Rota for next week", "Second oven is cold", "Prices from April",
  ]);
  assert.equal(found[0].body, undefined);
  arrived("GET", "/v1.0/me/messages?*orderby=*", 200);
});

await check("messages: an expanded file attachment", async () => {
  const { value: [message] } = await messages.list({ filter: "hasAttachments eq true", expand: ["attachments"] });
  assert.equal(message.from?.emailAddress?.name, "Kenji Okada");
  const attachment: models.FileAttachment = message.attachments![0];
  assert.equal(attachment.odataType, "#microsoft.graph.fileAttachment");
  assert.ok(attachment.contentBytes);
  arrived("GET", "/v1.0/me/messages?*filter=*", 200);
});

await check("messages: create, get, update, delete", async () => {
  const created = await messages.create({
    subject: "From TypeScript",
    importance: models.ImportanceObject.Low,
    body: { contentType: models.BodyTypeObject.Text, content: "Hello" },
    toRecipients: [recipient("nora"), recipient("ife")],
  });
  assert.deepEqual([created.subject, created.isDraft, created.body?.contentType], ["From TypeScript", true, "text"]);
  const changed = await messages.update(created.id!, { importance: models.ImportanceObject.High, toRecipients: [recipient("ife")] });
  assert.deepEqual([changed?.importance, changed?.toRecipients?.map((to) => to.emailAddress?.name)], ["high", ["ife"]]);
  await messages.update(created.id!, { ...(await messages.get(created.id!)), subject: "Written back" });
  const found = await read(`/v1.0/me/messages/${created.id}`);
  assert.deepEqual([found.subject, found.importance, found.body.content], ["Written back", "high", "Hello"]);

  const attachments = new Collection<models.FileAttachment>(
    `/me/messages/${created.id}/attachments`,
    models.createAttachmentFromDiscriminatorValue,
    models.createAttachmentCollectionResponseFromDiscriminatorValue,
    models.serializeFileAttachment,
  );
  const contentBytes = new TextEncoder().encode("hello").buffer as ArrayBuffer;
  // Unlike the other SDKs, this one leaves the name of the type to its user.
  const odataType = "#microsoft.graph.fileAttachment";
  const attached = await attachments.create({ odataType, name: "hello.txt", contentType: "text/plain", contentBytes });
  assert.deepEqual([attached.odataType, attached.name], [odataType, "hello.txt"]);
  assert.equal((await read(`/v1.0/me/messages/${created.id}/attachments`)).value[0].contentBytes, "aGVsbG8=");
  arrived("POST", `/v1.0/me/messages/${created.id}/attachments`, 201);

  await messages.delete(created.id!, "ErrorItemNotFound");
  arrivedOf("/v1.0/me/messages", 200);
});

await check("events: list with paging", async () => {
  const found = await events.all();
  assert.deepEqual(found.map((event) => [event.subject, event.isAllDay]), [["Monday round", false], ["Oven service", false], ["Day off", true]]);
  arrived("GET", "/v1.0/me/events", 200);
  arrived("GET", "/v1.0/me/events?$skiptoken=*", 200);
});

await check("events: filter", async () => {
  const answer = await events.list({ filter: "start/dateTime ge '2024-03-10T00:00:00Z'", select: ["subject", "start"] });
  assert.deepEqual(answer.value.map((event) => [event.subject, event.start?.timeZone, event.end]), [["Oven service", "UTC", undefined], ["Day off", "UTC", undefined]]);
  arrived("GET", "/v1.0/me/events?*filter=*", 200);
});

await check("events: create, get, update, delete", async () => {
  const created = await events.create({
    subject: "From TypeScript",
    body: { contentType: models.BodyTypeObject.Html, content: "<p>Hello</p>" },
    start: { dateTime: "2024-04-02T09:00:00", timeZone: "UTC" },
    end: { dateTime: "2024-04-02T10:00:00", timeZone: "UTC" },
    location: { displayName: "Bakery 1" },
    attendees: [{ ...recipient("ife"), type: models.AttendeeTypeObject.Optional }],
  });
  assert.deepEqual([created.subject, created.location?.displayName, created.attendees?.[0].type], ["From TypeScript", "Bakery 1", "optional"]);
  const changed = await events.update(created.id!, { location: { displayName: "Bakery 2" }, isReminderOn: false });
  assert.deepEqual([changed?.location?.displayName, changed?.isReminderOn], ["Bakery 2", false]);
  await events.update(created.id!, { ...(await events.get(created.id!)), subject: "Written back" });
  const found = await read(`/v1.0/me/events/${created.id}`);
  assert.deepEqual([found.subject, found.isReminderOn, found.start.dateTime.slice(0, 16)], ["Written back", false, "2024-04-02T09:00"]);
  await events.delete(created.id!, "ErrorItemNotFound");
  arrivedOf("/v1.0/me/events", 200);
});
