// The page: views by tabs, and the world that they are about.

import { json, worldPath } from "./api.js";
import { Behaviors } from "./behaviors.js";
import { Clock } from "./clock.js";
import { attempt, button, element, setOptions } from "./dom.js";
import { Faults } from "./faults.js";
import { Report } from "./report.js";
import { Requests } from "./requests.js";
import { State } from "./state.js";

// Worlds to choose from; there may be thousands, which are looked for under State.
const LIMIT = 200;

const world = document.getElementById("world"), panel = document.getElementById("panel"), tabs = document.getElementById("tabs");

/** What views share. */
const context = {
  world: "default",

  /** Reads the names of the worlds. */
  async refresh() {
    const answer = await attempt(() => json(`/worlds?limit=${LIMIT}`));
    if (!answer) return;
    const names = answer.worlds.map(({ name }) => name), more = answer.count - names.length;
    if (!names.includes(this.world)) {
      // One that is dropped meanwhile gives way to the default one.
      const isThere = answer.next !== null && (await json(worldPath(this.world)).then(() => true, () => false));
      if (isThere) names.push(this.world);
      else this.world = "default";
    }
    setOptions(world, names.map((name) => [name]), this.world);
    if (more > 0) world.append(element("option", { disabled: true, value: "" }, `${more} more, under State`));
  },

  /** Chooses a world for all views. */
  async choose(name) {
    this.world = name;
    await this.refresh();
    await show();
  },
};

const views = {
  requests: ["Requests", new Requests()],
  state: ["State", new State(context)],
  report: ["Report", new Report(context)],
  faults: ["Faults", new Faults(context)],
  clock: ["Clock", new Clock(context)],
  behaviors: ["Behaviors", new Behaviors(context)],
};

const names = Object.keys(views);
const tabOf = {};
for (const name of names) {
  tabOf[name] = button(views[name][0], () => { location.hash = name; }, { role: "tab", id: `tab-${name}`, "aria-controls": "panel" });
  tabs.append(tabOf[name]);
}

/** Shows the view of the address. */
async function show() {
  const [name, argument] = location.hash.slice(1).split("/");
  const current = Object.hasOwn(views, name) ? name : "requests";
  for (const other of names) {
    tabOf[other].setAttribute("aria-selected", String(other === current));
    tabOf[other].tabIndex = other === current ? 0 : -1;
  }
  panel.setAttribute("aria-labelledby", `tab-${current}`);
  const view = views[current][1];
  if (panel.firstChild !== view.root) panel.replaceChildren(view.root);
  document.title = `${views[current][0]} · wfi-emulator`;
  await view.show?.(argument && decoded(argument));
}

/** Returns a part of an address, as it is if it is not encoded. */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

document.querySelector(".skip").addEventListener("click", (event) => {
  // The address says which view is shown.
  event.preventDefault();
  document.getElementById("main").focus();
});

tabs.addEventListener("keydown", (event) => {
  const at = names.indexOf(document.activeElement.id.slice(4));
  const targets = { ArrowRight: at + 1, ArrowLeft: at - 1 + names.length, Home: 0, End: names.length - 1 };
  if (!Object.hasOwn(targets, event.key)) return;
  event.preventDefault();
  const tab = tabOf[names[targets[event.key] % names.length]];
  tab.focus();
  tab.click();
});
world.addEventListener("change", () => context.choose(world.value));
world.addEventListener("focus", () => context.refresh());
addEventListener("hashchange", show);
await context.refresh();
await show();
