// Worlds, and what is in them.

import { json, send, worldPath } from "./api.js";
import { attempt, button, element, field, fill, say, shown } from "./dom.js";
import { Entities } from "./entities.js";

const PAGE = 100;

export class State {
  constructor(context) {
    this.context = context;
    this.entities = new Entities();
    this.worlds = element("div", { className: "scroll", tabIndex: 0, role: "region", "aria-label": "Worlds" });
    this.file = element("input", { type: "file", accept: ".json,application/json" });
    this.file.addEventListener("change", () => this.import());
    this.search = element("input", { type: "search", oninput: () => this.showWorlds() });
    this.name = element("input", { pattern: "[A-Za-z0-9._~\\-]{1,128}", autocomplete: "off" });
    const act = (label, run) => button(label, () => attempt(run));
    this.root = element("div", { className: "view" },
      element("details", { open: true }, element("summary", {}, "Worlds"), this.worlds),
      element("div", { className: "bar" }, field("Find a world", this.search),
        act("Reset", () => this.reset()), field("New name", this.name), act("Fork", () => this.fork()), act("Create", () => this.create()),
        act("Drop", () => this.drop()), act("Export", () => this.export()), field("Import", this.file)),
      this.entities.root);
  }

  async show() {
    await this.context.refresh();
    // The page of the worlds that was chosen stays, also if the view is shown once more meanwhile.
    await this.showWorlds(this.after);
    await this.entities.show(this.context.world);
  }

  /** Shows the worlds after one: there may be thousands. */
  async showWorlds(after) {
    const query = new URLSearchParams({ limit: PAGE, search: this.search.value, ...(after === undefined ? {} : { after }) });
    const turn = (this.turn = (this.turn ?? 0) + 1);
    this.after = after;
    const answer = await attempt(() => json(`/worlds?${query}`));
    if (!answer || turn !== this.turn) return;
    const { worlds, count, next } = answer;
    const total = (world) => Object.values(world.entities).reduce((sum, count) => sum + count, 0);
    const row = (world) => element("tr", { className: world.name === this.context.world ? "chosen" : "" },
      element("td", {}, button(shown(world.name), () => this.context.choose(world.name), { className: "link" })),
      [total(world), world.requests, world.faults, world.fixture ?? ""].map((text) => element("td", {}, shown(text))));
    fill(this.worlds, element("table", {},
      element("thead", {}, element("tr", {}, ["World", "Entities", "Requests", "Fault rules", "Fixture"].map((name) => element("th", { scope: "col" }, name)))),
      element("tbody", {}, worlds.map(row))),
    (after !== undefined || next !== null) && element("p", { className: "actions" }, `${worlds.length} of ${count} `,
      after !== undefined && button("First worlds", () => this.showWorlds()), next !== null && button("Next worlds", () => this.showWorlds(next))));
  }

  async reset() {
    const name = this.context.world;
    await json(worldPath(name, "/reset"), "POST");
    await this.show();
    say(`World ${name} has been reset`);
  }

  newName() {
    if (!this.name.value || !this.name.checkValidity()) throw new Error("invalid name: use 1–128 letters, digits, -_.~");
    return this.name.value;
  }

  async make(body, what) {
    const name = this.newName();
    await json(worldPath(name), "PUT", body);
    this.name.value = "";
    await this.context.choose(name);
    say(`World ${name} ${what}`);
  }

  fork() {
    return this.make({ fork: this.context.world }, `is a fork of ${this.context.world}`);
  }

  create() {
    return this.make({}, "has been created");
  }

  async drop() {
    const name = this.context.world;
    await json(worldPath(name), "DELETE");
    await this.context.choose("default");
    say(`World ${name} has been dropped`);
  }

  async export() {
    const response = await send(worldPath(this.context.world, "/state"));
    const address = URL.createObjectURL(await response.blob());
    element("a", { href: address, download: `${this.context.world}.json` }).click();
    setTimeout(() => URL.revokeObjectURL(address), 60000);
    say("Exported without secrets");
  }

  import() {
    const [file] = this.file.files;
    this.file.value = "";
    return file && attempt(async () => {
      await json(worldPath(this.context.world, "/state"), "PUT", await file.text());
      await this.show();
      say(`Imported ${shown(file.name)}`);
    });
  }
}
