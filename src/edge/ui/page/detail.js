// One request, beside the list: what was sent and answered, why, and what has changed.

import { json, tables, worldPath } from "./api.js";
import * as copy from "./copy.js";
import { difference } from "./diff.js";
import { attempt, button, element, fill, shown } from "./dom.js";
import { body, headers } from "./json.js";
import { findingsOf } from "./report.js";

/** Returns the entry of a row, from the journal. */
async function entryOf(row, secrets) {
  const { entries } = await json(worldPath(row.world, `/journal?number=${row.number}&secrets=${secrets}`));
  if (!entries.length) throw new Error(`request ${row.number} is no longer in the journal of '${row.world}'`);
  return entries[0];
}

const time = (row) => (row.micros === null ? "" : ` · ${duration(row.micros)}`);

export const duration = (micros) =>
  micros === null ? "" : micros < 1000 ? `${micros} µs` : micros < 1e6 ? `${(micros / 1000).toFixed(1)} ms` : `${(micros / 1e6).toFixed(1)} s`;

/** The part of the view that shows one request. */
export class Detail {
  /** `related(row, entry)` returns the rows of its calls and of its batch; `close()` is called when the view is left. */
  constructor({ related, close }) {
    Object.assign(this, { related, onClose: close, secrets: false, row: null });
    this.root = element("section", { className: "detail", "aria-label": "Request", hidden: true });
    this.root.addEventListener("keydown", (event) => event.key === "Escape" && this.close());
  }

  close() {
    this.root.hidden = true;
    this.row = null;
    this.onClose();
  }

  async open(row) {
    // The details of another request are removed before those of this one arrive.
    if (this.row !== row) fill(this.root, element("p", { className: "quiet" }, "…"));
    this.row = row;
    this.root.hidden = false;
    const parts = await attempt(async () => {
      const [entry, evidence, findings] = await Promise.all([entryOf(row, this.secrets), tables(), findingsOf(row)]);
      return this.parts(row, entry, evidence, findings);
    });
    if (this.row !== row) return;
    if (!parts) return this.close();
    fill(this.root, parts);
    this.root.querySelector("h2").focus();
  }

  parts(row, entry, evidence, findings) {
    const secrets = element("input", { type: "checkbox", checked: this.secrets, onchange: () => {
      this.secrets = secrets.checked;
      this.open(row);
    } });
    const { calls, items } = this.related(row, entry);
    return [
      element("h2", { tabIndex: -1 }, `${shown(entry.method)} `, element("span", { className: "target" }, shown(entry.target))),
      element("p", {}, `${entry.status ?? "no answer"}${time(row)} · ${entry.time} · world ${row.world} · request ${entry.number}`),
      element("p", { className: "actions" },
        button("Copy as curl", () => copy.show("Command", copy.curl(entry, row.world))),
        button("as exchange", () => attempt(async () => copy.show("Exchange", await copy.exchange(entry, row.world, this.secrets)))),
        button("as expectation", () => copy.show("Expectation for verify", copy.expectation(entry))),
        !/^https?:/.test(entry.target) && button("as fault rule", () => copy.show("Fault rule", copy.faultRule(entry))),
        element("label", {}, secrets, " Secrets"),
        button("Close", () => this.close(), { title: "Escape" })),
      element("h3", {}, "Why"), reasons(entry, evidence),
      findings.length > 0 && [element("h3", {}, "What the client does wrong"), findings],
      (entry.before || entry.after) && [element("h3", {}, "Change"), difference(entry.before, entry.after)],
      element("h3", {}, "Request"), headers(entry.request.headers, "Headers of the request"), body(entry.request.body, "Body of the request"),
      entry.response && [
        element("h3", {}, "Response"), headers(entry.response.headers, "Headers of the response"), body(entry.response.body, "Body of the response"),
      ],
      calls.length > 0 && [element("h3", {}, "Calls to connectors"), calls.map((call) => this.nested(call, "plain text"))],
      items.length > 0 && [element("h3", {}, "Requests of the batch"), items.map((item) => this.nested(item))],
    ];
  }

  /** Returns a request within another one, which is read when it is opened. */
  nested(row, note) {
    const content = element("div", {}), secrets = this.secrets;
    const title = `${row.method} ${row.target} ${row.status ?? "no answer"}`;
    const onToggle = () => attempt(async () => {
      if (!made.open || content.childNodes.length) return;
      const [entry, evidence] = [await entryOf(row, secrets), await tables()];
      fill(content, reasons(entry, evidence), difference(entry.before, entry.after),
        note && element("p", { className: "quiet" }, `The bodies are shown in ${note}; what was sent is in the header x-wfi-emulator-raw-body.`),
        headers(entry.request.headers, "Headers"), body(entry.request.body, "Body sent"), entry.response && body(entry.response.body, "Body received"));
    });
    const made = element("details", { ontoggle: onToggle }, element("summary", {}, shown(title)), content);
    return made;
  }
}

/** Says which rule has decided, with its evidence and the way to change it. */
function reasons(entry, evidence) {
  const found = [];
  const refusal = evidence.refusals.find((row) => row.name === entry.refusedBy);
  if (entry.refusedBy) {
    found.push(element("p", {}, "Refused by ", element("b", {}, shown(entry.refusedBy)), entry.detail && `: ${shown(entry.detail)}`));
  }
  if (refusal) {
    found.push(element("p", {}, `“${refusal.text}” (${refusal.status} ${refusal.code})`));
    found.push(grounds(refusal));
    found.push(refusal.behaviors.map((name) => change(name, evidence)));
  }
  if (!entry.refusedBy && entry.detail) {
    const isCall = /^https?:/.test(entry.target);
    found.push(element("p", {}, isCall ? "Verdict: " : "Answered by the stub ", shown(entry.detail)));
  }
  if (entry.faults) found.push(element("p", {}, "Fault rules: ", element("b", {}, shown(entry.faults)), " · ", element("a", { href: "#faults" }, "change them")));
  if (entry.endedBy) found.push(element("p", {}, `Ended by ${shown(entry.endedBy)}`));
  if (entry.via) found.push(element("p", {}, "The client has taken the emulator for its proxy."));
  const explained = entry.response?.headers.find(([name]) => name.toLowerCase() === "x-wfi-emulator-explain");
  if (explained && !entry.refusedBy) {
    found.push(element("p", {}, `Explained: ${shown(explained[1])}`));
    found.push(evidence.behaviors.filter((row) => explained[1].split(/[^\w-]+/).includes(row.name)).map((row) => change(row.name, evidence)));
  }
  if (!found.length) found.push(element("p", { className: "quiet" }, "No rule has refused it: it was answered as the schema and the behaviors say."));
  return element("div", { className: "reasons" }, found);
}

const grounds = (row) => element("p", { className: "quiet" }, `Evidence: ${row.grade}. ${row.source}`);

function change(name, evidence) {
  const row = evidence.behaviors.find((behavior) => behavior.name === name);
  return element("p", {}, element("a", { href: `#behaviors/${name}` }, `Change ${name}`), row && `: ${row.decides}`, row && grounds(row));
}
