// Requests to the control API. They carry the token that the document has, or the control token of another machine.

import { element, fill, field, button, shown } from "./dom.js";

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
  const message = await messageOf(response);
  throw new Refusal(response.status === 403 ? refused(message) : message, response.status);
}

/** A refusal by the server. */
export class Refusal extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

async function messageOf(response) {
  try {
    return (await response.json()).error.message;
  } catch {
    return `status ${response.status}`;
  }
}

/** Returns what to say about a request without access, and asks for the control token once. */
function refused(message) {
  if (own) return `${message}; reload the page if the emulator has been restarted`;
  if (!hasAsked) askForToken(message);
  return `${message}; reload the page to enter the control token`;
}

let hasAsked = false;

function askForToken(message) {
  hasAsked = true;
  sessionStorage.removeItem(KEPT);
  const dialog = document.getElementById("dialog");
  const input = element("input", { type: "password", autocomplete: "off" });
  const keep = () => {
    sessionStorage.setItem(KEPT, input.value);
    location.reload();
  };
  input.addEventListener("keydown", (event) => event.key === "Enter" && keep());
  fill(dialog, element("p", {}, shown(message)), field("Control token", input), button("Use it", keep), " ", button("Close", () => dialog.close()));
  if (!dialog.open) dialog.showModal();
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
