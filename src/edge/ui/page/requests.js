// Requests as they come: a list with filters, and one request beside it.

import { Detail, duration } from "./detail.js";
import { button, element, field, select, setOptions, shown } from "./dom.js";
import { follow } from "./feed.js";
import { VirtualList } from "./list.js";

const LIMIT = 10000;

// Values in the list of a filter.
const OPTIONS = 500;

// Worlds whose place in the stream is kept, and those that the server takes.
const KEPT = 1000, RESUMED = 50;

const keyOf = (row) => `${row.world} ${row.number}`;

/** Returns a test of texts for a pattern with stars; without one, the text must be in there. */
function pattern(text) {
  if (!text.includes("*")) return (path) => path.includes(text);
  const parts = text.split("*").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  const expression = new RegExp(`^${parts.join(".*")}$`);
  return (path) => expression.test(path);
}

export class Requests {
  constructor() {
    Object.assign(this, { rows: [], waiting: [], known: new Set(), isPaused: false, skipped: 0, filter: {}, methods: new Set(), worlds: new Set(), journals: new Map(), problem: "" });
    this.list = new VirtualList({ label: "Requests, the latest first", draw, keyOf, open: (row) => this.open(row) });
    this.detail = new Detail({ related: (row, entry) => this.related(row, entry), close: () => {
      this.panes.classList.remove("split");
      this.list.root.focus();
    } });
    this.count = element("span", { role: "status", className: "count" });
    this.pause = button("Pause", () => this.setPaused(!this.isPaused), { "aria-pressed": "false", title: "p" });
    const input = (name, label) => field(label, element("input", { type: "search", oninput: (event) => this.setFilter(name, event.target.value.trim()) }));
    const choice = (name) => select([["", "all"]], "", (value) => this.setFilter(name, value));
    this.method = choice("method");
    this.world = choice("world");
    const filters = element("div", { className: "bar", role: "search", "aria-label": "Filters" },
      field("World", this.world), field("Method", this.method), input("status", "Status, such as 4xx"), input("path", "Path, such as /v1.0/teams/*"),
      input("text", "Text"), this.pause, button("Clear", () => this.clear()), this.count);
    const heads = element("div", { className: "row heads", "aria-hidden": "true" },
      ["Time", "Method", "Status", "Took", "World", "Path", "Rule"].map((name) => element("span", {}, name)));
    this.panes = element("div", { className: "panes" }, element("div", { className: "rows" }, heads, this.list.root), this.detail.root);
    this.root = element("div", { className: "view" }, filters, this.panes);
    this.root.addEventListener("keydown", (event) => this.onKey(event));
    document.addEventListener("visibilitychange", () => this.watch());
    this.watch();
  }

  /** Follows the journals while the page is in sight: a browser has few connections to a server, and a server few streams. */
  watch() {
    this.stream?.abort();
    if (document.hidden) return;
    this.stream = new AbortController();
    const after = () => [...this.journals].slice(-RESUMED).map(([world, { journal, number }]) => `${world}:${journal}:${number}`).join();
    follow(() => `?${new URLSearchParams({ after: after() })}`, (event) => this.onEvent(event), (problem) => this.onState(problem), this.stream.signal);
  }

  onKey(event) {
    if (event.target.matches("input, select, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "p") this.setPaused(!this.isPaused);
    if (event.key === "/") {
      event.preventDefault();
      this.root.querySelector("input").focus();
    }
  }

  onState(problem) {
    this.problem = problem;
    this.tell();
  }

  onEvent({ entries, skipped, cleared, positions }) {
    for (const { world, upTo } of cleared) this.forget((row) => row.world === world && (upTo === null || row.number <= upTo));
    for (const { world, journal, number } of positions) {
      // A world of the same name, of another process or after a reset.
      if ((this.journals.get(world)?.journal ?? journal) !== journal) this.forget((row) => row.world === world);
      this.journals.delete(world);
      this.journals.set(world, { journal, number });
    }
    for (const [world] of this.journals) {
      if (this.journals.size <= KEPT) break;
      this.journals.delete(world);
    }
    for (const { count } of skipped) this.skipped += count;
    if (this.isPaused) this.waiting = [...new Map(this.waiting.concat(entries).map((row) => [keyOf(row), row])).values()].slice(-LIMIT);
    else this.add(entries);
    this.tell();
  }

  /** Removes rows. */
  forget(isGone) {
    this.waiting = this.waiting.filter((row) => !isGone(row));
    this.rows = this.rows.filter((row) => !isGone(row));
    this.known = new Set(this.rows.map(keyOf));
    this.refresh();
  }

  add(entries) {
    const fresh = entries.filter((row) => !this.known.has(keyOf(row)));
    if (!fresh.length) return;
    for (const row of fresh) this.known.add(keyOf(row));
    this.offer(this.methods, this.method, fresh.map((row) => row.method));
    this.offer(this.worlds, this.world, fresh.map((row) => row.world));
    this.rows.push(...fresh);
    if (this.rows.length > LIMIT + LIMIT / 10) this.rows.splice(0, this.rows.length - LIMIT).forEach((row) => this.known.delete(keyOf(row)));
    this.refresh(fresh.filter((row) => this.matches(row)).length);
  }

  /** Adds options to a filter. */
  offer(values, control, found) {
    const before = values.size;
    for (const value of found) if (values.size < OPTIONS) values.add(value);
    if (values.size === before) return;
    setOptions(control, [["", "all"], ...[...values].sort().map((name) => [name])], control.value);
  }

  setPaused(isPaused) {
    this.isPaused = isPaused;
    this.pause.textContent = isPaused ? "Resume" : "Pause";
    this.pause.setAttribute("aria-pressed", String(isPaused));
    if (!isPaused) this.add(this.waiting.splice(0));
    this.tell();
  }

  setFilter(name, value) {
    this.filter[name] = value;
    this.path = this.filter.path ? pattern(this.filter.path) : null;
    this.refresh();
  }

  matches(row) {
    const { world, method, status, text } = this.filter;
    return (!world || row.world === world) && (!method || row.method === method)
      && (!status || String(row.status ?? "none").startsWith(status.toLowerCase().replace(/x+$/, "")))
      && (!this.path || this.path(row.target.split("?")[0]))
      && (!text || `${row.method} ${row.target} ${row.refusedBy ?? ""} ${row.faults ?? ""}`.toLowerCase().includes(text.toLowerCase()));
  }

  refresh(added = 0) {
    this.list.show(this.rows.filter((row) => this.matches(row)).reverse(), added);
    this.tell();
  }

  clear() {
    Object.assign(this, { rows: [], waiting: [], known: new Set(), skipped: 0 });
    this.refresh();
  }

  tell() {
    const parts = [`${this.list.items.length} of ${this.rows.length}`];
    if (this.skipped) parts.push(`${this.skipped} left out`);
    if (this.isPaused) parts.push(`paused, ${this.waiting.length} waiting`);
    if (this.problem) parts.push(`not connected: ${shown(this.problem)}`);
    const text = parts.join(" · ");
    if (this.count.textContent !== text) this.count.textContent = text;
  }

  /** Shows the list; and a request, named by its number and its world. */
  show(name) {
    if (!name) return;
    // The address is that of the list again, so that the same link opens the request again.
    history.replaceState(null, "", "#requests");
    const [, number, world] = /^(\d+) (.*)$/s.exec(name) ?? [];
    if (!number) return;
    const key = keyOf({ world, number });
    const row = this.rows.concat(this.waiting).find((known) => keyOf(known) === key);
    const at = this.list.indexOf(key);
    if (at < 0) this.open(row ?? { world, number: Number(number), micros: null });
    else this.list.choose(at, true);
  }

  open(row) {
    this.panes.classList.add("split");
    this.detail.open(row);
  }

  /** Returns the calls that a request has caused, and the requests of a batch. */
  related(row, entry) {
    const all = this.rows.concat(this.waiting).filter((other) => other.world === row.world);
    const calls = all.filter((other) => other.cause === row.number);
    const id = entry.response?.headers.find(([name]) => name.toLowerCase() === "request-id")?.[1];
    const isBatch = /\/\$batch$/i.test(entry.target);
    return { calls, items: isBatch ? all.filter((other) => other.batch && other.batch === id) : [] };
  }
}

/** Returns the time of day with milliseconds, of which the end may be left out. */
function timeOfDay(time) {
  const [seconds, fraction = ""] = time.slice(11).replace("Z", "").split(".");
  return `${seconds}.${fraction.slice(0, 3).padEnd(3, "0")}`;
}

function draw(row) {
  const kind = row.status === null ? "none" : `s${Math.floor(row.status / 100)}`;
  const rule = [row.refusedBy, row.faults && `fault ${row.faults}`, row.endedBy, row.hasChanged && "changed"].filter(Boolean).join(", ");
  const cell = (text, className = "") => element("span", { className }, text);
  const mark = row.to === "connector" ? "→ " : row.batch ? "· " : "";
  return [
    cell(timeOfDay(row.time)), cell(shown(row.method), "method"), cell(row.status ?? "–", `status ${kind}`), cell(duration(row.micros)),
    cell(shown(row.world)), cell(mark + shown(row.target) + (row.isCut ? "…" : ""), "target"), cell(shown(rule), "rule"),
  ];
}
