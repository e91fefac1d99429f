// The clock of a world.

import { json, worldPath } from "./api.js";
import { attempt, button, element, field, say, select, shown } from "./dom.js";

const UNITS = [["1", "seconds"], ["60", "minutes"], ["3600", "hours"], ["86400", "days"]];

export class Clock {
  constructor(context) {
    // The button does what it says, before the clock has been read too.
    Object.assign(this, { context, isRunning: true, turn: 0 });
    this.now = element("p", { className: "now", role: "timer", "aria-label": "Time of the world" });
    this.freeze = button("Freeze", () => this.put({ running: !this.isRunning }));
    this.amount = element("input", { type: "number", value: "1", step: "any" });
    this.unit = select(UNITS, "3600", () => {});
    this.time = element("input", { placeholder: "2026-01-01T00:00:00Z", autocomplete: "off" });
    this.root = element("div", { className: "view" }, this.now,
      element("div", { className: "bar" }, this.freeze),
      element("div", { className: "bar" }, field("Advance by", this.amount), field("Unit", this.unit),
        button("Advance", () => this.put({ advance: Number(this.amount.value) * Number(this.unit.value) }))),
      element("div", { className: "bar" }, field("Time", this.time), button("Set", () => this.put({ now: this.time.value }))));
    setInterval(() => this.root.isConnected && !document.hidden && this.show(), 1000);
  }

  show() {
    return attempt(async () => {
      const turn = ++this.turn;
      const clock = await json(worldPath(this.context.world, "/clock"));
      // A read that began before a change may show the clock as it was.
      if (turn === this.turn) this.draw(clock);
    });
  }

  draw({ now, running }) {
    this.isRunning = running;
    this.now.textContent = `${shown(now)} · ${running ? "running" : "frozen"}`;
    this.freeze.textContent = running ? "Freeze" : "Let it run";
  }

  put(change) {
    return attempt(async () => {
      this.turn += 1;
      const clock = await json(worldPath(this.context.world, "/clock"), "PUT", change);
      this.turn += 1;
      this.draw(clock);
      say("The clock is set");
    });
  }
}
