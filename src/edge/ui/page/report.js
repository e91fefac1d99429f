// The report of a world: its findings with their requests, and the permissions that the run needs.

import { json, worldPath } from "./api.js";
import { show } from "./copy.js";
import { attempt, button, element, field, fill, select, shown } from "./dom.js";

const SEVERITIES = [["note", "all"], ["warning", "errors and warnings"], ["error", "errors"]];

const KINDS = [["delegated", "Delegated"], ["personal", "Personal accounts"], ["application", "Application"]];

/** Returns what a request shows, as elements. */
export async function findingsOf({ world, number }) {
  const { findings } = await json(worldPath(world, `/report?number=${number}`));
  return findings.map((finding) => card(finding));
}

/** Returns a finding as an element; with a world, with links to its requests. */
function card(finding, world) {
  const { rule, severity, title, subject, detail, better, source, grade, count, requests } = finding;
  // The address of a page, and for some a place in it.
  const [page, ...place] = source.split(" ");
  const isPage = page.startsWith("https:");
  const link = ({ number, method, target }) => element("li", {},
    element("a", { href: `#requests/${encodeURIComponent(`${number} ${world}`)}` }, `${number} ${shown(method)} `, element("span", { className: "target" }, shown(target))));
  return element("article", { className: "card" },
    element(world === undefined ? "h4" : "h3", {}, element("span", { className: `severity ${severity}` }, severity), ` ${shown(title)} `, element("span", { className: "quiet" }, shown(rule))),
    element("p", {}, element("span", { className: "target" }, shown(subject)), ` · ${count === 1 ? "once" : `${count} times`}`),
    element("p", { className: "target" }, shown(detail)), element("p", {}, `Better: ${shown(better)}`),
    element("p", { className: "quiet" }, `Evidence: ${grade}. `,
      isPage ? element("a", { href: page, target: "_blank", rel: "noopener noreferrer" }, shown(page)) : shown(page), ` ${shown(place.join(" "))}`),
    world !== undefined && element("ul", { className: "requests" }, requests.map(link), count > requests.length && element("li", {}, `and ${count - requests.length} more`)));
}

/** Returns the operations and their least privileged permissions as a table of Markdown. */
export function markdown({ operations, covering }) {
  const cell = (text) => shown(text).replaceAll("|", "\\|");
  const row = (cells) => `| ${cells.map(cell).join(" | ")} |`;
  const rows = operations.map(({ operation, count, least, isKnown }) => [operation, count, ...KINDS.map(([kind]) => (isKnown ? any(least[kind]) : "unknown"))]);
  const heads = ["Operation", "Requests", ...KINDS.map(([, name]) => name)];
  return [heads, heads.map(() => "---"), ...rows, ["All", "", ...KINDS.map(([kind]) => covering[kind].join(", "))]].map(row).join("\n") + "\n";
}

const any = (names) => names.join(" or ") || "not supported";

export class Report {
  constructor(context) {
    Object.assign(this, { context, turn: 0 });
    this.severity = select(SEVERITIES, "note", () => this.show());
    this.count = element("span", { role: "status", className: "count" });
    this.findings = element("div", {});
    this.permissions = element("div", {});
    this.root = element("div", { className: "view" },
      element("div", { className: "bar" }, field("Severity", this.severity), button("Read again", () => this.show()), this.count),
      element("div", { className: "scroll", tabIndex: 0, role: "region", "aria-label": "Report" },
        element("h2", {}, "Findings"), this.findings, element("h2", {}, "Least privileged permissions"), this.permissions));
  }

  show() {
    return attempt(async () => {
      const turn = ++this.turn, { world } = this.context;
      const report = await json(worldPath(world, `/report?severity=${this.severity.value}`));
      // Another world or severity was chosen meanwhile.
      if (turn === this.turn) this.draw(report, world);
    });
  }

  draw({ requests, dropped, findings, permissions }, world) {
    const parts = [`${findings.length} findings`, `${requests} requests`];
    if (dropped) parts.push(`${dropped} earlier ones dropped`);
    this.count.textContent = parts.join(" · ");
    fill(this.findings, findings.length ? findings.map((finding) => card(finding, world)) : element("p", { className: "quiet" }, "Nothing"));
    fill(this.permissions, permissions.operations.length ? this.tables(permissions) : element("p", { className: "quiet" }, "No operations yet"));
  }

  tables(permissions) {
    const { operations, covering } = permissions;
    const row = ({ operation, count, least, isKnown }) => element("tr", {},
      [operation, count, ...KINDS.map(([kind]) => (isKnown ? any(least[kind]) : "unknown"))].map((text) => element("td", {}, shown(text))));
    const heads = ["Operation", "Requests", ...KINDS.map(([, name]) => name)].map((name) => element("th", { scope: "col" }, name));
    return [
      element("table", {}, element("thead", {}, element("tr", {}, heads)), element("tbody", {}, operations.map(row))),
      element("h3", {}, "For the registration of the application: they cover all of these"),
      KINDS.filter(([kind]) => covering[kind].length).map(([kind, name]) => element("p", {}, `${name}: `, shown(covering[kind].join(", ")), " ",
        button("Copy", () => show(name, `${covering[kind].join("\n")}\n`), { "aria-label": `Copy ${name}` }))),
      element("p", {}, button("Copy the table", () => show("Least privileged permissions", markdown(permissions)))),
    ];
  }
}
