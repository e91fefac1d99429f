// The difference of two values, line by line.

import { element } from "./dom.js";
import { pretty } from "./json.js";

const LIMIT = 1500;

/** Returns the lines of both texts: each is removed, added, or the same. */
export function lines(before, after) {
  const [old, young] = [before, after].map((text) => (text === "" ? [] : text.split("\n")));
  if (old.length > LIMIT || young.length > LIMIT) return [...old.map((line) => ["-", line]), ...young.map((line) => ["+", line])];
  // The lengths of the longest common sequences of the ends.
  const common = Array.from({ length: old.length + 1 }, () => new Uint16Array(young.length + 1));
  for (let i = old.length - 1; i >= 0; i--) {
    for (let j = young.length - 1; j >= 0; j--) {
      common[i][j] = old[i] === young[j] ? common[i + 1][j + 1] + 1 : Math.max(common[i + 1][j], common[i][j + 1]);
    }
  }
  const found = [];
  let i = 0, j = 0;
  while (i < old.length || j < young.length) {
    if (i < old.length && j < young.length && old[i] === young[j]) found.push([" ", old[i++], j++]);
    else if (j >= young.length || (i < old.length && common[i + 1][j] >= common[i][j + 1])) found.push(["-", old[i++]]);
    else found.push(["+", young[j++]]);
  }
  return found;
}

/** Returns the change of an entity as an element. */
export function difference(before, after) {
  const text = (value) => (value === null || value === undefined ? "" : pretty(value));
  const kinds = { "-": "removed", "+": "added", " ": "same" };
  const line = ([sign, content]) => element("span", { className: kinds[sign] }, `${sign} ${content}\n`);
  const label = "Entity before and after";
  return element("pre", { className: "diff", tabIndex: 0, role: "region", "aria-label": label }, lines(text(before), text(after)).map(line));
}
