// Fault rules: predefined ones by a switch, all as JSON, with live counts.

import { json, tables, worldPath } from "./api.js";
import { attempt, button, element, fill, say, shown } from "./dom.js";
import { pretty } from "./json.js";

const PERIOD = 1000;

export class Faults {
  constructor(context) {
    Object.assign(this, { context, rules: [], changes: 0, last: Promise.resolve() });
    this.presets = element("fieldset", { className: "switches" });
    this.counts = element("div", { className: "scroll", tabIndex: 0, role: "region", "aria-label": "Counts of the rules" });
    this.area = element("textarea", { rows: 14, spellcheck: false, "aria-label": "Rules as JSON" });
    this.problem = element("p", { className: "problem", role: "alert" });
    this.root = element("div", { className: "view scroll" }, this.presets, element("h2", {}, "Rules"), this.counts, this.area, this.problem,
      element("p", { className: "actions" },
        button("Apply", () => this.apply()), button("Undo", () => this.read()), button("Remove all", () => this.put(() => []))));
    setInterval(() => this.root.isConnected && !document.hidden && attempt(() => this.count()), PERIOD);
  }

  path() {
    return worldPath(this.context.world, "/faults");
  }

  async show() {
    this.names = (await attempt(tables))?.faults ?? [];
    await this.read();
  }

  read() {
    this.problem.textContent = "";
    return attempt(async () => {
      const rules = await this.count();
      this.area.value = pretty(rules.map(({ rule }) => rule));
    });
  }

  async count() {
    const changes = this.changes;
    const { faults } = await json(this.path());
    // A change meanwhile reads the newer ones.
    if (changes !== this.changes) return this.rules;
    this.rules = faults;
    const row = (rule) => element("tr", {}, [rule.name, JSON.stringify(rule.rule), rule.seen, rule.struck].map((text) => element("td", {}, shown(text))));
    const heads = ["Rule", "As JSON", "Matched", "Applied"].map((name) => element("th", { scope: "col" }, name));
    fill(this.counts, faults.length
      ? element("table", {}, element("thead", {}, element("tr", {}, heads)), element("tbody", {}, faults.map(row)))
      : element("p", { className: "quiet" }, "No rules: all requests are answered as usual."));
    this.showPresets();
    return faults;
  }

  /** Returns the rules without those of a predefined name. */
  without(name) {
    return this.rules.filter((rule) => rule.name !== name && !rule.name.startsWith(`${name}: `)).map(({ rule }) => rule);
  }

  showPresets() {
    const isOn = (name) => this.without(name).length < this.rules.length;
    const state = this.names.map((name) => [name, isOn(name)]);
    if (this.shownState === JSON.stringify(state)) return;
    this.shownState = JSON.stringify(state);
    const box = ([name, isOn]) => element("label", {},
      element("input", { type: "checkbox", role: "switch", checked: isOn, onchange: (event) => this.turn(name, event.target.checked) }), ` ${name}`);
    fill(this.presets, element("legend", {}, "Predefined rules"), state.map(box));
  }

  turn(name, isOn) {
    return this.put(() => (isOn ? [...this.rules.map(({ rule }) => rule), { preset: name }] : this.without(name)));
  }

  apply() {
    let rules;
    try {
      rules = JSON.parse(this.area.value);
    } catch (error) {
      this.problem.textContent = shown(error.message);
      return undefined;
    }
    return this.put(() => rules);
  }

  /** Puts rules in force that are made from those of then: one change after another, so that none takes back another. */
  put(make) {
    const path = this.path();
    return (this.last = this.last.then(() => this.send(path, make)));
  }

  async send(path, make) {
    // The rules of another world say nothing about these.
    if (path !== this.path()) return;
    this.problem.textContent = "";
    this.changes += 1;
    try {
      await json(path, "PUT", make());
      this.changes += 1;
    } catch (error) {
      this.problem.textContent = shown(error.message);
      this.shownState = "";
      this.showPresets();
      return;
    }
    say("Rules are in force");
    await this.read();
  }
}
