// The entities of a world: a tree of collections, a table of each, and one entity as JSON.

import { json, worldPath } from "./api.js";
import { attempt, button, element, fill, say, shown } from "./dom.js";
import { highlighted, pretty } from "./json.js";

const COLUMNS = 5;

const MASK = "REDACTED";

export class Entities {
  constructor() {
    Object.assign(this, { world: "default", turn: 0 });
    this.tree = element("nav", { className: "tree", "aria-label": "Collections" });
    this.table = element("div", { className: "table" });
    this.entity = element("section", { className: "detail", "aria-label": "Entity", hidden: true });
    this.root = element("div", { className: "panes three" }, this.tree, this.table, this.entity);
  }

  /** Begins to show something else. What it returns says whether that is still wanted: an answer that comes late shows nothing. */
  begin() {
    const turn = ++this.turn;
    return () => turn === this.turn;
  }

  get(at, more = {}) {
    const query = new URLSearchParams({ ...(at === undefined ? {} : { at }), ...more });
    return json(worldPath(this.world, `/entities?${query}`));
  }

  /** Shows the collections of a world. */
  async show(world) {
    this.world = world;
    this.entity.hidden = true;
    this.path = undefined;
    fill(this.table, element("p", { className: "quiet" }, "Choose a collection."));
    const isWanted = this.begin();
    const page = await attempt(() => this.get());
    if (!page || !isWanted()) return;
    // Collections with entities come first.
    const sorted = page.collections.toSorted((one, other) => Number(other.count > 0) - Number(one.count > 0));
    fill(this.tree, element("ul", {}, sorted.map((collection) => this.node(collection))));
  }

  /** Returns a collection in the tree. Its entities are read when it is opened. */
  node(collection) {
    const inner = element("ul", {});
    const name = button(`${shown(collection.name)} (${collection.count})`, () => this.open(collection.path), { className: "link" });
    if (!collection.count) return element("li", { className: "leaf" }, name);
    const onToggle = () => attempt(async () => {
      if (!made.open || inner.childNodes.length) return;
      const page = await this.get(collection.path);
      const item = (entity) => element("li", {}, button(shown(nameOf(entity)), () => this.edit(entity), { className: "link" }),
        entity.contains.length > 0 && element("ul", {}, entity.contains.map((contained) => this.node(contained))));
      fill(inner, page.entities.map(item), page.next !== null && element("li", { className: "quiet" }, "more in the table"));
    });
    const made = element("details", { ontoggle: onToggle }, element("summary", { "aria-label": `Entities of ${shown(collection.name)}` }), inner);
    return element("li", {}, name, made);
  }

  /** Shows a collection as a table. */
  open(path, after) {
    return attempt(async () => {
      const isWanted = this.begin();
      const page = await this.get(path, after === undefined ? {} : { after });
      if (!isWanted()) return;
      Object.assign(this, { path, after });
      const columns = columnsOf(page.entities);
      const head = element("tr", {}, ["key", ...columns].map((name) => element("th", { scope: "col" }, shown(name))));
      const row = (entity) => element("tr", {},
        element("td", {}, button(shown(entity.key), () => (entity.isLink ? this.follow(entity.path) : this.edit(entity)), { className: "link" })),
        columns.map((name) => element("td", {}, cell(own(entity.entity, name)))));
      fill(this.table, element("h2", {}, shown(page.path)),
        element("div", { className: "scroll", tabIndex: 0, role: "region", "aria-label": "Table of entities" },
          element("table", {}, element("thead", {}, head), element("tbody", {}, page.entities.map(row)))),
        element("p", {}, after !== undefined && button("First page", () => this.open(path)), page.next !== null && button("Next page", () => this.open(path, page.next))),
        page.entities.length === 0 && element("p", { className: "quiet" }, "Empty"));
    });
  }

  /** Shows the entity that a link leads to. */
  follow(address) {
    return attempt(async () => {
      const isWanted = this.begin();
      const { path, entities: [found] } = await this.get(address, this.secrets ? { secrets: true } : {});
      if (!isWanted()) return;
      if (found?.path !== address) throw new Error(`'${address}' is no longer there`);
      if (path !== this.path) {
        await this.open(path);
        // Something else may have been chosen meanwhile.
        if (path !== this.path) return;
      }
      this.edit(found);
    });
  }

  /** Shows an entity, to change it. */
  edit(entity) {
    if (entity.isLink) return this.follow(entity.path);
    this.begin();
    const text = pretty(entity.entity);
    const area = element("textarea", { value: text, rows: 18, spellcheck: false, "aria-label": `JSON of ${shown(entity.key)}` });
    const secrets = element("input", { type: "checkbox", checked: this.secrets, onchange: () => {
      this.secrets = secrets.checked;
      this.follow(entity.path);
    } });
    const problem = element("p", { className: "problem", role: "alert" });
    const save = () => this.save(entity, area.value, problem);
    const contained = (collection) => element("li", {}, button(`${shown(collection.name)} (${collection.count})`, () => this.open(collection.path), { className: "link" }));
    const linked = (link) => element("li", {}, `${shown(link.name)} (${link.count}): `,
      link.targets.map((target) => [button(shown(target), () => this.follow(target), { className: "link" }), " "]));
    fill(this.entity,
      element("h2", { tabIndex: -1 }, shown(nameOf(entity))), element("p", { className: "target" }, shown(entity.path)),
      highlighted(text, "Entity as JSON"),
      element("details", {}, element("summary", {}, "Edit"), area, problem,
        element("p", { className: "actions" }, button("Save", save), button("Undo", () => { area.value = text; }))),
      entity.contains.length > 0 && [element("h3", {}, "Contains"), element("ul", {}, entity.contains.map(contained))],
      entity.links.length > 0 && [element("h3", {}, "Links to"), element("ul", {}, entity.links.map(linked))],
      element("p", { className: "actions" }, element("label", {}, secrets, " Secrets"), button("Close", () => this.close())));
    this.entity.hidden = false;
    this.entity.querySelector("h2").focus();
  }

  close() {
    this.begin();
    this.entity.hidden = true;
  }

  /** Sends the values that differ, as a PATCH, and shows what is stored then. */
  async save(entity, text, problem) {
    const { world, turn } = this;
    problem.textContent = "";
    try {
      const edited = JSON.parse(text);
      if (!isObject(edited)) throw new Error("invalid JSON: expected an object");
      const changes = changeOf(entity.entity, edited, "", entity.masked);
      if (changes === undefined) return say("Nothing has changed");
      await json(worldPath(world, `/entities?${new URLSearchParams({ at: entity.path })}`), "PATCH", changes);
      say("Saved");
    } catch (error) {
      problem.textContent = shown(error.message);
      return;
    }
    // Something else may have been chosen meanwhile.
    if (turn !== this.turn) return;
    if (this.path !== undefined) await this.open(this.path, this.after);
    await this.follow(entity.path);
  }
}

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

/** Returns a member by a name from outside. */
const own = (value, name) => (value && Object.hasOwn(value, name) ? value[name] : undefined);

/**
 * Returns the values that differ, in the form of a PATCH; nothing if there are none. `masked` has JSON pointers of values that are hidden:
 * they are not written back in their place.
 */
export function changeOf(before, after, pointer, masked) {
  if (isObject(before) && isObject(after)) {
    // Without a prototype, every name is that of a member.
    const change = Object.create(null);
    for (const name of new Set([...Object.keys(after), ...Object.keys(before)])) {
      const place = `${pointer}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
      const inner = changeOf(own(before, name), own(after, name) ?? null, place, masked);
      if (inner !== undefined) change[name] = inner;
    }
    return Object.keys(change).length ? change : undefined;
  }
  const text = JSON.stringify(after);
  if (text === JSON.stringify(before)) return undefined;
  const within = after === null ? undefined : masked.find((path) => path.startsWith(`${pointer}/`));
  const hidden = within ?? (masked.length && text.includes(MASK) ? pointer : undefined);
  if (hidden !== undefined) throw new Error(`masked value at ${hidden}: check Secrets to edit it`);
  return after;
}

const nameOf = ({ key, entity }) => (typeof entity?.displayName === "string" && entity.displayName ? `${entity.displayName} · ${key}` : key);

/** Returns the members that most entities have with a short value, names first. */
function columnsOf(entities) {
  const counts = new Map();
  for (const { entity } of entities) {
    for (const [name, value] of Object.entries(entity ?? {})) {
      if (name !== "id" && !name.includes("@") && value !== null && typeof value !== "object") counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  }
  const weight = ([name, count]) => count + (/^(displayName|name|subject|mail|userPrincipalName)$/.test(name) ? 1e6 : 0);
  return [...counts].sort((one, other) => weight(other) - weight(one)).slice(0, COLUMNS).map(([name]) => name);
}

function cell(value) {
  const text = value === null || value === undefined ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);
  return shown(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}
