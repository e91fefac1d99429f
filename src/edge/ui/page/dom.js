// Elements. Everything from outside becomes a text node: this module is the only one that creates elements, and it sets no markup.

/** Returns an element with properties, and children that are elements or texts. Listeners are functions under `on…`. */
export function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key in made && !key.startsWith("aria") && key !== "role" && key !== "list") made[key] = value;
    else made.setAttribute(key, value === true ? "" : String(value));
  }
  append(made, children);
  return made;
}

export function append(parent, children) {
  for (const child of children.flat(9)) {
    if (child === undefined || child === null || child === false) continue;
    parent.append(child instanceof Node ? child : String(child));
  }
}

/** Replaces what is in an element. */
export function fill(parent, ...children) {
  parent.replaceChildren();
  append(parent, children);
}

/** Characters that do not show, or change how others are shown, such as those that turn the direction of a text around. */
export const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\u115f\u1160\u17b4\u17b5\u3164\uffa0]/gu;

const escaped = (character) => character.replace(/[^]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);

/** Returns a text from outside in one line, with escapes in place of characters that do not show. */
export const shown = (text) => String(text ?? "").replace(HIDDEN, escaped);

/** Returns a text from outside likewise; line feeds and tabs remain. The escapes are those of JSON, whose value stays the same. */
export const shownLines = (text) => String(text ?? "").replace(HIDDEN, (character) => ("\n\t".includes(character) ? character : escaped(character)));

export function button(label, onclick, properties = {}) {
  return element("button", { type: "button", onclick, ...properties }, label);
}

/** Returns a labeled control. */
export function field(label, control) {
  control.id ||= `field-${(field.count = (field.count ?? 0) + 1)}`;
  return element("div", { className: "field" }, element("label", { htmlFor: control.id }, label), control);
}

export function select(options, value, onchange, properties = {}) {
  const made = element("select", { ...properties, onchange: () => onchange(made.value) });
  setOptions(made, options, value);
  return made;
}

export function setOptions(made, options, value) {
  fill(made, options.map(([option, label]) => element("option", { value: option }, shown(label ?? option))));
  made.value = value;
}

/** Says something to the user, and to readers of the screen. */
export function say(text, isProblem = false) {
  const place = document.getElementById("message");
  place.className = isProblem ? "problem" : "";
  place.textContent = shown(text);
  clearTimeout(say.timer);
  say.timer = setTimeout(() => { place.textContent = ""; }, isProblem ? 15000 : 5000);
}

/** Does something, and says what went wrong. Returns nothing then. */
export async function attempt(act) {
  try {
    return await act();
  } catch (error) {
    say(error.message, true);
  }
}
