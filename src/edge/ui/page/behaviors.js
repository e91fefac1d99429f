// Behaviors: the choices where public sources are silent or disagree, with their evidence.

import { json, tables, worldPath } from "./api.js";
import { attempt, button, element, field, fill, say, select, shown } from "./dom.js";

export class Behaviors {
  constructor(context) {
    Object.assign(this, { context, rows: [], values: {}, turn: 0 });
    this.search = element("input", { type: "search", oninput: () => this.draw() });
    this.changed = element("input", { type: "checkbox", onchange: () => this.draw() });
    this.count = element("span", { role: "status", className: "count" });
    this.list = element("div", { className: "scroll", tabIndex: 0, role: "region", "aria-label": "Behaviors" });
    this.profile = select([["", "choose"]], "", () => {});
    this.root = element("div", { className: "view" },
      element("div", { className: "bar" }, field("Search", this.search), element("label", {}, this.changed, " Only changed ones"),
        field("Profile", this.profile), button("Apply", () => this.profile.value && this.set({ profile: this.profile.value })), this.count),
      this.list);
  }

  /** Shows the behaviors; a name is that of one to look for. */
  show(name) {
    if (name) this.search.value = name;
    return attempt(async () => {
      const turn = ++this.turn;
      this.rows = (await tables()).behaviors;
      const values = await json(worldPath(this.context.world, "/behaviors"));
      // A change meanwhile has newer ones.
      if (turn === this.turn) this.values = values;
      const profiles = Object.keys(this.rows[0].profiles).map((profile) => [profile]);
      this.profile.replaceChildren(...[["", "choose"], ...profiles].map(([value, label]) => element("option", { value }, label ?? value)));
      this.draw();
    });
  }

  draw() {
    const words = this.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const text = (row) => `${row.name} ${row.decides} ${row.source} ${row.values.flat().map((value) => `${value.value} ${value.meaning}`).join(" ")}`.toLowerCase();
    const isChanged = (row) => this.values[row.name] !== row.profiles.documented;
    const wanted = this.rows.filter((row) => words.every((word) => text(row).includes(word)) && (!this.changed.checked || isChanged(row)));
    this.count.textContent = `${wanted.length} of ${this.rows.length}`;
    fill(this.list, wanted.map((row) => this.card(row, isChanged(row))));
  }

  card(row, isChanged) {
    const value = this.values[row.name], meaning = row.values.find((known) => known.value === value)?.meaning;
    const set = (chosen) => this.set({ [row.name]: chosen });
    const control = row.isFreeText
      ? element("input", { value, autocomplete: "off", onchange: (event) => set(event.target.value) })
      : select(row.values.map((known) => [known.value]), value, set);
    control.setAttribute("aria-label", row.name);
    return element("article", { className: isChanged ? "card chosen" : "card" },
      element("h2", {}, row.name, " ", control), element("p", {}, shown(row.decides)), meaning && element("p", {}, `Now: ${shown(meaning)}`),
      element("p", { className: "quiet" }, `Evidence: ${row.grade}. ${shown(row.source)}`));
  }

  set(choices) {
    return attempt(async () => {
      const turn = ++this.turn;
      try {
        const values = await json(worldPath(this.context.world, "/behaviors"), "PATCH", choices);
        if (turn === this.turn) this.values = values;
        say("The behavior has changed");
      } finally {
        this.draw();
      }
    });
  }
}
