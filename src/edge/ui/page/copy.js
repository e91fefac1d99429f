// A request in forms for elsewhere: a command, an exchange, an expectation, a fault rule.

import { send, worldPath } from "./api.js";
import { HIDDEN, button, element, fill, say } from "./dom.js";
import { pretty } from "./json.js";

// Those of the connection, which clients set by themselves.
const OWN = new Set(["host", "content-length", "connection", "transfer-encoding", "accept-encoding", "keep-alive", "te", "upgrade"]);

/** Returns a text as one word of a shell; characters that do not show are bytes in the form of bash and zsh. */
function quoted(text) {
  if (text.search(HIDDEN) < 0) return `'${text.replaceAll("'", "'\\''")}'`;
  const byte = (value) => `\\x${value.toString(16).padStart(2, "0")}`;
  const bytes = (character) => Array.from(new TextEncoder().encode(character), byte).join("");
  return `$'${text.replace(/[\\']/g, "\\$&").replace(HIDDEN, bytes)}'`;
}

const isJson = (value) => value !== null && typeof value === "object";

const bodyText = (value) => (isJson(value) ? JSON.stringify(value) : value ?? "");

const isSet = (body) => body !== null && body !== undefined && body !== "";

const isJsonRequest = (headers) => headers.some(([name, value]) => name.toLowerCase() === "content-type" && /json/i.test(value));

const LINE = " \\\n  ";

// A star in a pattern is a segment.
const pathOf = (entry) => entry.target.split("?")[0].replaceAll("*", "%2A");

export function curl(entry, world) {
  const isCall = /^https?:/.test(entry.target);
  const prefix = isCall ? "" : location.origin + (world === "default" ? "" : `/_world/${world}`);
  // Nothing in the address is a pattern, and a HEAD has no body to wait for.
  const method = entry.method === "HEAD" ? "--head" : `-X ${quoted(entry.method)}`;
  const parts = [`curl -i -g --path-as-is ${method} ${quoted(prefix + entry.target)}`];
  const headers = entry.request.headers.filter(([name]) => !OWN.has(name.toLowerCase()));
  // A header without a value ends with a semicolon there.
  for (const [name, value] of headers) parts.push(`-H ${quoted(value ? `${name}: ${value}` : `${name};`)}`);
  const { body } = entry.request;
  if (!isSet(body)) return parts.join(LINE);
  if (!headers.some(([name]) => name.toLowerCase() === "content-type")) parts.push("-H 'content-type:'");
  const text = bodyText(body), isBinary = isJson(body) && Object.keys(body).join() === "base64" && !isJsonRequest(headers);
  if (!isBinary && !text.includes("\0")) return [...parts, `--data-raw ${quoted(text)}`].join(LINE);
  // No word of a shell has a byte of zero.
  const base64 = isBinary ? body.base64 : btoa(String.fromCharCode(...new TextEncoder().encode(text)));
  return `base64 -d <<< ${quoted(base64)} | ${[...parts, "--data-binary @-"].join(LINE)}`;
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
