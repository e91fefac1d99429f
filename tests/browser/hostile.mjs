// Hostile texts: the Big List of Naughty Strings, and markup that would run a script if a page took it for markup.
import { createRequire } from "node:module";

const naughty = createRequire(import.meta.url)("big-list-of-naughty-strings");

const RUN = "window.executed=1";
const tags = [
  `<script>${RUN}</script>`, `<img src=x onerror=${RUN}>`, `<svg onload=${RUN}>`, `<iframe srcdoc="<script>parent.${RUN}</script>"></iframe>`,
  `<body onload=${RUN}>`, `<input autofocus onfocus=${RUN}>`, `<details open ontoggle=${RUN}>`, `<a href="javascript:${RUN}">x</a>`,
  `<object data="javascript:${RUN}"></object>`, `<embed src="javascript:${RUN}">`, `<form action="javascript:${RUN}"><button>x</button></form>`,
  `<math><mtext><img src=x onerror=${RUN}></mtext></math>`, `<style>@import "javascript:${RUN}"</style>`, `<meta http-equiv=refresh content="0;javascript:${RUN}">`,
  `<link rel=stylesheet href="javascript:${RUN}">`, `<base href="javascript:${RUN}//">`, `<template><script>${RUN}</script></template>`,
  `<video><source onerror=${RUN}></video>`, `<marquee onstart=${RUN}>`, `<select autofocus onfocus=${RUN}>`, `<textarea autofocus onfocus=${RUN}>`,
  `{{constructor.constructor('${RUN}')()}}`, `\${${RUN}}`,
];
const before = ["", "\"", "'", "\">", "'>", "</title>", "</textarea>", "</script>", "</style>", "-->", "]]>", "\\\"", "&quot;>", "`", "\u202e", "\u0000", "\u2028", "javascript:"];
const after = ["", "<!--"];

/** 1,289 texts. */
export const hostile = [...naughty, ...tags.flatMap((tag) => before.flatMap((start) => after.map((end) => start + tag + end)))];
