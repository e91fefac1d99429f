// Starts wfi-emulator, an offline Microsoft Graph, and gives each test a world of its own.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { findProgram } from "./program.js";

export { findProgram };

/** A refusal by the control API, with its status. */
export class ControlError extends Error {
  constructor(status, message) {
    super(`refused with ${status}: ${message}`);
    this.name = "ControlError";
    this.status = status;
  }
}

async function call(method, url, body, form = "json") {
  const headers = { "Content-Type": "application/json" };
  const answer = await fetch(url, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  const text = await answer.text();
  if (!answer.ok) {
    let message = text;
    try { message = JSON.parse(text).error.message; } catch { /* not of the control API */ }
    throw new ControlError(answer.status, message);
  }
  return form === "text" ? text : text ? JSON.parse(text) : undefined;
}

/** A world: its own entities, faults, journal, and clock. */
export class World {
  #path;

  constructor(control, name, url) {
    this.name = name;
    this.url = url;
    this.graphUrl = `${url}/v1.0`;
    this.#path = `${control}/worlds/${encodeURIComponent(name)}`;
  }

  async faults(rules) {
    if (rules !== undefined) await call("PUT", `${this.#path}/faults`, typeof rules === "string" ? [rules] : rules);
    return call("GET", `${this.#path}/faults`);
  }

  async expect(expectation) {
    const verdict = await call("POST", `${this.#path}/journal/verify`, expectation);
    if (!verdict.holds) throw new Error(verdict.text);
  }

  async journal(query = {}) {
    return (await call("GET", `${this.#path}/journal?${new URLSearchParams(query)}`)).entries;
  }

  exchanges() {
    return call("GET", `${this.#path}/journal?format=exchange`, undefined, "text");
  }

  report({ format = "json", allow = [], only = [], severity = "note" } = {}) {
    const query = new URLSearchParams({ format, allow: String(allow), only: String(only), severity });
    return call("GET", `${this.#path}/report?${query}`, undefined, format === "json" ? "json" : "text");
  }

  async assertCleanClient({ allow, only, failOn = "warning" } = {}) {
    const rules = { allow, only, severity: failOn };
    const { requests, findings } = await this.report(rules);
    if (requests > 0 && findings.length === 0) return;
    const text = (await this.report({ ...rules, format: "text" })).trim();
    throw new Error(findings.length > 0 ? `the client is not clean\n\n${text}` : `no requests to check\n${text}`);
  }

  async state(replacement) {
    if (replacement !== undefined) await call("PUT", `${this.#path}/state`, replacement);
    return call("GET", `${this.#path}/state`);
  }

  async behaviors(changes) {
    if (changes !== undefined) await call("PATCH", `${this.#path}/behaviors`, changes);
    return call("GET", `${this.#path}/behaviors`);
  }

  async clock(change) {
    if (change !== undefined) await call("PUT", `${this.#path}/clock`, change);
    return call("GET", `${this.#path}/clock`);
  }

  async reset() {
    await call("POST", `${this.#path}/reset`);
  }

  async drop() {
    await call("DELETE", this.#path);
  }
}

/** A running emulator. It ends when it is stopped, or with this process. */
export class Emulator {
  #child;
  #control;

  constructor(child, ready) {
    this.#child = child;
    // HTTP is served on the same port as HTTPS, and needs no trust.
    this.#control = ready.control.replace(/^https:/, "http:");
    this.url = ready.url;
    this.ca = ready.ca;
    this.port = ready.port;
    this.seed = ready.seed;
  }

  /** Creates a world. Its name begins with the label and is in no other use. */
  async world(label = "", options = {}) {
    const name = typeof label === "string" ? label : label.fullName ?? label.name ?? label.task?.name ?? "";
    const { name: given, url } = await call("POST", `${this.#control}/worlds`, { label: name, ...options });
    return new World(this.#control, given, this.url + new URL(url).pathname);
  }

  /** The world of requests that name none. */
  get defaultWorld() {
    return new World(this.#control, "default", this.url);
  }

  async stop() {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, "exit");
    this.#child.stdin.end();
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), 10_000);
    await ended;
    clearTimeout(timer);
  }
}

/** Starts an emulator on a free port. */
export async function start(...flags) {
  const program = findProgram();
  const given = new Set(flags.map((flag) => flag.split("=")[0]));
  const defaults = [["--port", "0"], ["--log", "off"]].filter(([name]) => !given.has(name));
  const all = ["--ready", "json", "--exit-with-parent", ...defaults.flat(), ...flags];
  // The pipe to its standard input ties its life to that of this process.
  const child = spawn(program, all, { stdio: ["pipe", "pipe", "pipe"] });
  let reason = "";
  child.stderr.setEncoding("utf8").on("data", (text) => { reason = (reason + text).slice(-4096); });
  const lines = createInterface({ input: child.stdout });
  const ended = once(child, "close").then(([status]) => {
    throw new Error(`${program} has ended with status ${status}: ${reason.trim()}`);
  });
  ended.catch(() => {});
  const [line] = await Promise.race([once(lines, "line"), ended]);
  // A test runner that forgets to stop it can still end.
  for (const handle of [child, child.stdin, child.stdout, child.stderr]) handle.unref();
  return new Emulator(child, JSON.parse(line));
}
