// A list of thousands of rows, of which only those in sight are elements. It is a listbox: arrows move, Enter opens.

import { element } from "./dom.js";

const HEIGHT = 26, BEYOND = 8;

export class VirtualList {
  /** `draw(item)` returns the children of a row, `keyOf(item)` its key, `open(item)` is called when a row is chosen. */
  constructor({ label, draw, keyOf, open }) {
    Object.assign(this, { draw, keyOf, open, items: [], current: null });
    this.space = element("div", { className: "space", role: "presentation" });
    this.root = element("div", { className: "list", role: "listbox", tabIndex: 0, "aria-label": label }, this.space);
    this.root.addEventListener("scroll", () => this.render());
    this.root.addEventListener("keydown", (event) => this.onKey(event));
    this.root.addEventListener("click", (event) => this.onClick(event));
    new ResizeObserver(() => this.render()).observe(this.root);
  }

  /** Shows other items. `added` rows are new at the top: what is in sight stays, unless that is the top. */
  show(items, added = 0) {
    this.items = items;
    this.space.style.height = `${items.length * HEIGHT}px`;
    if (added && this.root.scrollTop > 0) this.root.scrollTop += added * HEIGHT;
    this.render();
  }

  indexOf(key) {
    return this.items.findIndex((item) => this.keyOf(item) === key);
  }

  choose(index, isOpened) {
    if (index < 0 || index >= this.items.length) return;
    this.current = this.keyOf(this.items[index]);
    const top = index * HEIGHT, sight = this.root.clientHeight;
    if (top < this.root.scrollTop) this.root.scrollTop = top;
    if (top + HEIGHT > this.root.scrollTop + sight) this.root.scrollTop = top + HEIGHT - sight;
    this.render();
    if (isOpened) this.open(this.items[index]);
  }

  onKey(event) {
    const at = this.indexOf(this.current), last = this.items.length - 1;
    const page = Math.max(1, Math.floor(this.root.clientHeight / HEIGHT) - 1);
    const targets = {
      ArrowDown: at + 1, ArrowUp: at < 0 ? 0 : at - 1, Home: 0, End: last, PageDown: Math.min(last, at + page), PageUp: Math.max(0, at - page),
    };
    if (Object.hasOwn(targets, event.key)) this.choose(Math.max(0, Math.min(last, targets[event.key])), false);
    else if (event.key === "Enter" || event.key === " ") this.choose(at, true);
    else return;
    event.preventDefault();
  }

  onClick(event) {
    const row = event.target.closest("[role=option]");
    if (row) this.choose(this.indexOf(row.dataset.key), true);
  }

  render() {
    const first = Math.max(0, Math.floor(this.root.scrollTop / HEIGHT) - BEYOND);
    const count = Math.ceil(this.root.clientHeight / HEIGHT) + 2 * BEYOND;
    const rows = this.items.slice(first, first + count).map((item, offset) => this.row(item, first + offset));
    this.space.replaceChildren(...rows);
    const chosen = rows.find((row) => row.getAttribute("aria-selected") === "true");
    if (chosen) this.root.setAttribute("aria-activedescendant", chosen.id);
    else this.root.removeAttribute("aria-activedescendant");
  }

  row(item, index) {
    const row = element("div", {
      role: "option", id: `row-${index}`, className: "row", "aria-selected": String(this.keyOf(item) === this.current),
      "aria-posinset": index + 1, "aria-setsize": this.items.length,
    }, this.draw(item));
    row.dataset.key = this.keyOf(item);
    row.style.top = `${index * HEIGHT}px`;
    return row;
  }
}
