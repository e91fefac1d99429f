// A connector as strict as the published ones. No dependencies.
//
//     node connector.mjs 8080 SECRET
//
// It compares words with their case, takes an item that is not active for a deletion, looks up ids in its own tables, and takes the elements
// of a call in any order. Of a call, it approves all elements or none.

import { createDecipheriv, createHmac, randomUUID, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

// ---- Messages: AES-256-CBC with HMAC-SHA-256, in a Bond envelope

class Rejected extends Error {}

/** Returns the plaintext of a message. `secret` has 64 characters, of which the first half is the key of the tag. */
export function openMessage(body, secret) {
  const key = Buffer.from(secret, "ascii");
  const [encryptedKey, vector, ciphertext, tag] = parts(body);
  const associated = Buffer.concat([Buffer.from("AES-256-CBC-HMAC-SHA256"), Buffer.from([1, 0, 0, 0])]);
  const expected = createHmac("sha256", key.subarray(0, 32))
    .update(Buffer.concat([associated, encryptedKey, vector, ciphertext]))
    .digest();
  // Before anything is decrypted, and in constant time.
  if (tag.length !== 32 || !timingSafeEqual(expected, tag)) throw new Rejected("the tag is wrong");
  const unwrap = createDecipheriv("aes-256-ecb", key.subarray(32), null).setAutoPadding(false);
  const dataKey = Buffer.concat([unwrap.update(encryptedKey), unwrap.final()]);
  const cipher = createDecipheriv("aes-256-cbc", dataKey, vector);
  return Buffer.concat([cipher.update(ciphertext), cipher.final()]).toString("utf8");
}

/** Returns the four blobs of a message. Each field has one byte for its number and type, and the end of a struct is a zero. */
function parts(body) {
  // Field 0 is the number of the key as an int32 in zigzag form: 1 is 2.
  if (body[0] !== 0x10 || body[1] !== 0x02) throw new Rejected("the key is another one, or this is no envelope");
  const [inner, rest] = blob(body.subarray(2), 0x2b);
  const blobs = [];
  let more = inner;
  for (const field of [0x0b, 0x2b, 0x4b, 0x6b]) {
    const [value, behind] = blob(more, field);
    blobs.push(value);
    more = behind;
  }
  if (![rest, more].every((end) => end.length === 1 && end[0] === 0)) throw new Rejected("the envelope does not end as a struct does");
  return blobs;
}

/** Returns a blob and what follows it. The length is a LEB128 number. */
function blob(data, field) {
  if (data[0] !== field || data[1] !== 0x0e) throw new Rejected("the envelope has another form");
  let length = 0;
  for (let index = 2; index < 7 && index < data.length; index += 1) {
    length += (data[index] & 0x7f) * 2 ** (7 * (index - 2));
    if (data[index] < 0x80) {
      const start = index + 1;
      if (start + length > data.length) break;
      return [data.subarray(start, start + length), data.subarray(start + length)];
    }
  }
  throw new Rejected("the envelope is cut off");
}

// ---- Rules

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const THEMES = new Set(
  ("White Blue Green Purple Pink Yellow Gray DarkBlue DarkGreen DarkPurple DarkPink DarkYellow DarkRed Cranberry DarkOrange Bronze Peach " +
    "Gold Lime Forest LightGreen Jade LightTeal DarkTeal Steel SkyBlue BlueGray Lavender Lilac Plum Magenta DarkBrown Beige Charcoal " +
    "Silver").split(" "),
);
/** The kinds of entities, with the names of their items, or of their members for a request. */
const ITEMS = { shifts: "Shift", openshifts: "OpenShift", timesoff: "TimeOff" };
const REQUESTS = {
  swapRequests: ["senderShiftId", "recipientShiftId", "recipientUserId"],
  offershiftrequests: ["senderShiftId", "recipientUserId"],
  openshiftrequests: ["openShiftId"],
  timeOffRequests: ["timeOffReasonId", "startDateTime", "endDateTime"],
};
const OTHERS = ["timeoffReasons", "timecards", "settings/shiftpreferences"];

/** The reason why a change is not approved, for the person who asked for it. */
class Refusal extends Error {}

function need(condition, reason) {
  if (!condition) throw new Refusal(reason);
}

/** Returns one change of a call. */
function element({ id, method, url, body, headers }) {
  const end = `/${id}`;
  const kind = (url.endsWith(end) ? url.slice(0, -end.length) : url).slice(1);
  return { id, method, kind, body, transaction: headers["X-MS-Transaction-ID"] };
}

const times = (body, name) => {
  const item = body[`shared${name}`] ?? body[`draft${name}`];
  return [item.startDateTime, item.endDateTime];
};

/** Whether two lists have the same things, in any order. */
const same = (some, others) => {
  const sorted = (list) => JSON.stringify(list.map((thing) => JSON.stringify(thing)).sort());
  return sorted(some) === sorted(others);
};

export class Connector {
  tables = Object.fromEntries([...Object.keys(ITEMS), ...Object.keys(REQUESTS), ...OTHERS].map((kind) => [kind, new Map()]));
  answered = new Map();

  update(message) {
    const elements = message.requests.map(element);
    // A call that is repeated, because its answer was lost, gets the same answer.
    const calls = elements.map(({ transaction, id }) => `${transaction} ${id}`);
    if (!calls.every((call) => this.answered.has(call))) {
      this.decide(elements).forEach((item, index) => this.answered.set(calls[index], item));
    }
    return calls.map((call) => this.answered.get(call));
  }

  /** Returns an item for each element. What is missing in an answer counts as approved. */
  decide(elements) {
    const tables = structuredClone(this.tables);
    try {
      for (const one of elements) this.apply(tables, one, elements);
    } catch (reason) {
      if (!(reason instanceof Refusal)) throw reason;
      const error = { code: "403", message: reason.message };
      return elements.map(({ id }) => ({ id, status: 403, body: { error, data: null } }));
    }
    this.tables = tables;
    return elements.map(({ id }) => ({ id, status: 200, body: { eTag: randomUUID(), error: null, data: null } }));
  }

  apply(tables, { id, method, kind, body }, elements) {
    need(Object.hasOwn(tables, kind), `The entity type of ${id} is unknown.`);
    const table = tables[kind];
    const isKnown = table.has(id);
    if (method === "DELETE") {
      need(isKnown && body === null, `${id} is unknown.`);
      table.delete(id);
      return;
    }
    need(["POST", "PUT"].includes(method) && body.id === id, `The element ${id} is malformed.`);
    // Preferences have no other method.
    if (kind !== "settings/shiftpreferences") need(isKnown === (method === "PUT"), `${id} is ${isKnown ? "known already" : "unknown"}.`);
    table.set(id, body);
    if (Object.hasOwn(ITEMS, kind)) this.checkItems(table, { id, method, kind, body });
    else if (Object.hasOwn(REQUESTS, kind)) this.checkRequest({ id, method, kind, body }, elements);
  }

  checkItems(table, { id, method, kind, body }) {
    const owner = kind === "openshifts" ? "schedulingGroupId" : "userId";
    need(body[owner], `${owner} of ${id} is missing.`);
    const [shared, draft] = [body[`shared${ITEMS[kind]}`], body[`draft${ITEMS[kind]}`]];
    need(shared || draft, `${id} has no item.`);
    for (const item of [shared, draft].filter(Boolean)) {
      need(TIME.test(item.startDateTime) && TIME.test(item.endDateTime), "A time has another form.");
      need(THEMES.has(item.theme), `The theme ${item.theme} is unknown.`);
      need(kind !== "openshifts" || item.openSlotCount >= 0, "An open shift has less than no slots.");
    }
    // Without isActive, an item is a deletion; in a draft, one that is not yet shared.
    if (shared && shared.isActive !== true) {
      need(method === "PUT", `${id} is new and deleted.`);
      table.delete(id);
    }
  }

  checkRequest({ id, method, kind, body }, elements) {
    need([...REQUESTS[kind], "senderUserId"].every((member) => body[member]), `The request ${id} is incomplete.`);
    const before = this.tables[kind].get(id);
    const isWithRecipient = before?.assignedTo === "Recipient";
    const first = REQUESTS[kind].includes("recipientUserId") ? "Recipient" : "Manager";
    switch (`${method} ${body.state} ${body.assignedTo}`) {
      case `POST Pending ${first}`:
        return this.checkSubjects({ kind, body });
      case "PUT Pending Manager":
        return need(isWithRecipient, `The request ${id} was accepted before.`);
      case "PUT Approved Manager":
        need(before.state === "Pending" && !isWithRecipient, `The request ${id} was decided before.`);
        need(body.managerUserId, `The request ${id} was approved by no one.`);
        return this.checkApproval({ id, kind, body }, elements);
      case "PUT Declined Recipient":
      case "PUT Declined Manager":
      case "PUT Declined System":
        return need(before.state === "Pending", `The request ${id} was decided before.`);
      default:
        throw new Refusal(`A request that is ${body.state} is with ${body.assignedTo}.`);
    }
  }

  checkSubjects({ kind, body }) {
    for (const [member, owned] of [["senderShiftId", "shifts"], ["recipientShiftId", "shifts"], ["openShiftId", "openshifts"]]) {
      if (!REQUESTS[kind].includes(member)) continue;
      const known = this.tables[owned].get(body[member]);
      need(known, `${body[member]} is unknown.`);
      const owner = body[member.replace("ShiftId", "UserId")];
      need(owned === "openshifts" || known.userId === owner, `${body[member]} is another person's shift.`);
    }
  }

  /** Compares the shifts of an approval with those that follow from the request, whatever their order is. */
  checkApproval({ id, kind, body }, elements) {
    const shifts = this.tables.shifts;
    const changes = elements.filter((other) => other.kind === "shifts");
    const deleted = changes.filter(({ method }) => method === "DELETE").map((other) => other.id);
    const created = changes.filter(({ method }) => method === "POST").map((other) => [other.body.userId, ...times(other.body, "Shift")]);
    let [gone, made] = [[], []];
    if (kind === "swapRequests") {
      const [sent, received] = [shifts.get(body.senderShiftId), shifts.get(body.recipientShiftId)];
      gone = [body.senderShiftId, body.recipientShiftId];
      made = [[received.userId, ...times(sent, "Shift")], [sent.userId, ...times(received, "Shift")]];
    } else if (kind === "offershiftrequests") {
      gone = [body.senderShiftId];
      made = [[body.recipientUserId, ...times(shifts.get(body.senderShiftId), "Shift")]];
    } else if (kind === "openshiftrequests") {
      const opened = this.tables.openshifts.get(body.openShiftId);
      made = [[body.senderUserId, ...times(opened, "OpenShift")]];
      const rest = elements.filter((other) => other.id === body.openShiftId).map((other) => other.body.sharedOpenShift.openSlotCount);
      need(same(rest, [opened.sharedOpenShift.openSlotCount - 1]), "The open shift has another number of slots.");
    }
    need(same(deleted, gone), `The approval of ${id} deletes other shifts.`);
    need(same(created, made), `The approval of ${id} creates other shifts.`);
  }

  read(message) {
    return message.requests.map(({ id, url }) => {
      const { pathname, searchParams } = new URL(url, "http://connector");
      const type = searchParams.get("requestType");
      let data;
      if (pathname === `/users/${id}/timeOffReasons` && type === "TimeOffReason") {
        data = [...this.tables.timeoffReasons].filter(([, reason]) => reason.isActive).map(([reason]) => reason);
      } else if (pathname === `/shifts/${id}/requestableShifts` && type === "SwapRequest") {
        const [own, from, to] = [this.tables.shifts.get(id), searchParams.get("startTime"), searchParams.get("endTime")];
        const isOther = ([, body]) => own && body.userId !== own.userId && from <= times(body, "Shift")[0] && times(body, "Shift")[0] <= to;
        data = [...this.tables.shifts].filter(isOther).map(([shift]) => shift);
      } else {
        return { id, status: 404, body: { data: null, error: { code: "404", message: `The query ${url} is unknown.` } } };
      }
      return { id, status: 200, body: { data, error: null } };
    });
  }
}

// ---- HTTP

function answer(connector, secret, path, body) {
  let message;
  try {
    message = JSON.parse(openMessage(body, secret));
  } catch (reason) {
    // A caller without the secret is not Shifts.
    return [400, { reason: reason.message }];
  }
  const [version, ...rest] = path.slice(1).split("/");
  const call = rest.length === 3 ? `${rest[0]} ${rest[2]}` : rest.join(" ");
  if (version !== "v1") return [404, {}];
  try {
    // The status is 200 even if items are refused.
    if (call === "teams update" || call === "users update") return [200, { responses: connector.update(message) }];
    if (call === "teams read") return [200, { responses: connector.read(message) }];
  } catch (problem) {
    return [400, { reason: `a member is missing or has another form: ${problem.message}` }];
  }
  return call === "connect" ? [message.tenantId && message.userId ? 200 : 400, {}] : [404, {}];
}

const [port, secret] = process.argv.slice(2);
if (secret?.length !== 64) {
  console.error("expected a port and a secret of 64 characters");
  process.exit(2);
}
const connector = new Connector();
const server = createServer((request, response) => {
  const pieces = [];
  request.on("data", (piece) => pieces.push(piece));
  request.on("end", () => {
    const [status, body] = request.method === "POST" ? answer(connector, secret, request.url, Buffer.concat(pieces)) : [405, {}];
    response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(body));
  });
});
server.listen(Number(port), "127.0.0.1", () => console.log(`listening on 127.0.0.1:${server.address().port}`));
