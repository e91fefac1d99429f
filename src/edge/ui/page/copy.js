// A request in forms for elsewhere: a command, an exchange, an expectation, a fault rule.

import { send, worldPath } from "./api.js";
import { button, element, fill, say } from "./dom.js";
import { pretty } from "./json.js";

// Those of the connection, which clients set by themselves.
const OWN = new Set(["host", "content-length", "connection", "transfer-encoding", "accept-encoding", "keep-alive", "te", "upgrade"]);

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

const isJson = (value) => value !== null && typeof value === "object";

const bodyText = (value) => (isJson(value) ? JSON.stringify(value) : value ?? "");

// A star in a pattern is a segment.
const pathOf = (entry) => entry.target.split("?")[0].replaceAll("*", "%2A");

export function curl(entry, world) {
  const isCall = /^https?:/.test(entry.target);
  const prefix = isCall ? "" : location.origin + (world === "default" ? "" : `/_world/${world}`);
  const parts = [`curl -i -X ${entry.method} ${quoted(prefix + entry.target)}`];
  for (const [name, value] of entry.request.headers) {
    if (!OWN.has(name.toLowerCase())) parts.push(`-H ${quoted(`${name}: ${value}`)}`);
  }
  const body = bodyText(entry.request.body);
  if (body) parts.push(`--data-raw ${quoted(body)}`);
  return parts.join(" \\\n  ");
}

export function expectation(entry) {
  const wanted = { method: entry.method, path: pathOf(entry) };
  if (/^https?:/.test(entry.target)) {
    wanted.to = "connector";
    wanted.path = new URL(entry.target).pathname;
  }
  if (entry.status !== null) wanted.status = entry.status;
  if (isJson(entry.request.body)) wanted.body = entry.request.body;
  return pretty(wanted);
}

export function faultRule(entry) {
  return pretty([{ on: { method: entry.method, path: pathOf(entry), count: 1 }, do: "throttled" }]);
}

export async function exchange(entry, world, secrets) {
  const response = await send(worldPath(world, `/journal/exchanges?number=${entry.number}&secrets=${secrets}`));
  return response.text();
}

/** Shows a text, and copies it. */
export async function show(title, text) {
  const dialog = document.getElementById("dialog");
  const area = element("textarea", { readOnly: true, rows: 16, value: text, "aria-label": title, spellcheck: false });
  fill(dialog, element("h2", {}, title), area, element("p", {}, button("Close", () => dialog.close())));
  dialog.showModal();
  area.select();
  try {
    await navigator.clipboard.writeText(text);
    say("Copied");
  } catch {
    say("Press Ctrl-C to copy");
  }
}
