// Requests to the control API. They carry the token that the document has, or the control token of another machine.

import { element, fill, field, button } from "./dom.js";

const own = document.documentElement.dataset.token;
delete document.documentElement.dataset.token;
const KEPT = "wfi-emulator-control-token";

function tokens() {
  if (own) return { "x-wfi-emulator-ui-token": own };
  const given = sessionStorage.getItem(KEPT);
  return given ? { "x-wfi-emulator-control-token": given } : {};
}

/** Sends a request, and returns the response; throws the message of a refusal. */
export async function send(path, { method = "GET", body, headers, signal } = {}) {
  let response;
  const init = { method, body, signal, headers: { ...tokens(), ...headers }, cache: "no-store", credentials: "omit" };
  try {
    response = await fetch(`/_emulator${path}`, init);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("no answer: has the emulator stopped?");
  }
  if (response.ok) return response;
  if (response.status === 403) return refused(response);
  throw new Error(await messageOf(response));
}

async function messageOf(response) {
  try {
    return (await response.json()).error.message;
  } catch {
    return `status ${response.status}`;
  }
}

async function refused(response) {
  const message = await messageOf(response);
  if (own) throw new Error(`${message}; reload the page if the emulator has been restarted`);
  askForToken(message);
  throw new Error(message);
}

function askForToken(message) {
  const dialog = document.getElementById("dialog");
  if (dialog.open) return;
  const input = element("input", { type: "password", autocomplete: "off" });
  const keep = () => {
    sessionStorage.setItem(KEPT, input.value);
    location.reload();
  };
  fill(dialog, element("p", {}, message), field("Control token", input), button("Use it", keep));
  dialog.showModal();
}

/** Sends a request with JSON, and returns the JSON of the answer, if it has some. */
export async function json(path, method = "GET", value = undefined) {
  const body = value === undefined ? undefined : typeof value === "string" ? value : JSON.stringify(value);
  const response = await send(path, { method, body, headers: body === undefined ? {} : { "content-type": "application/json" } });
  return response.status === 204 ? undefined : response.json();
}

/** Returns the path of a world. */
export const worldPath = (name, rest = "") => `/worlds/${encodeURIComponent(name)}${rest}`;

let evidence;

/** Returns the tables of behaviors and refusals. */
export function tables() {
  evidence ??= json("/evidence").catch((error) => {
    evidence = undefined;
    throw error;
  });
  return evidence;
}
