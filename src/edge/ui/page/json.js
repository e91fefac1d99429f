// JSON with colors.

import { element, shown, shownLines } from "./dom.js";

const TOKEN = /"(?:[^"\\]|\\.)*"(?=\s*:)|"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|\b(?:true|false|null)\b/g;

/** Returns JSON text with a line for each member, members in the order of the value, and escapes for characters that do not show. */
export const pretty = (value) => shownLines(JSON.stringify(value, null, 2));

/** Returns a text of JSON as an element. Beyond a length, colors would take more time than they save. */
export function highlighted(text, label) {
  const block = element("pre", { className: "json", tabIndex: 0, role: "region", "aria-label": label });
  if (text.length > 200000) {
    block.textContent = text;
    return block;
  }
  let end = 0;
  for (const match of text.matchAll(TOKEN)) {
    block.append(text.slice(end, match.index), element("span", { className: kindOf(match[0], text[match.index + match[0].length]) }, match[0]));
    end = match.index + match[0].length;
  }
  block.append(text.slice(end));
  return block;
}

function kindOf(token, next) {
  if (token[0] === '"') return next === ":" ? "name" : "text";
  return /^[-\d]/.test(token) ? "number" : "word";
}

/** Returns a body of the journal: JSON, or another text. */
export function body(value, label) {
  if (value === null || value === undefined) return element("p", { className: "quiet" }, "No body");
  if (typeof value === "string") return element("pre", { className: "json", tabIndex: 0, role: "region", "aria-label": label }, shownLines(value));
  return highlighted(pretty(value), label);
}

/** Returns a table of headers. */
export function headers(pairs, label) {
  const row = ([name, value]) => element("tr", {}, element("th", { scope: "row" }, shown(name)), element("td", {}, shown(value)));
  return element("table", { className: "headers", "aria-label": label }, element("tbody", {}, pairs.map(row)));
}
