// The page under /_emulator/ui/ in Chromium: what a person does with it, and what others cannot do to it.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { connect, createServer as createTcpServer } from "node:net";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { deflateSync } from "node:zlib";
import { chromium } from "playwright-core";
import { hostile } from "./hostile.mjs";

const [program, pictures] = process.argv.slice(2);
const folder = mkdtempSync(path.join(tmpdir(), "wfi-emulator-ui-"));
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("WFI_EMULATOR_")));

/** Starts an emulator, and returns its address and the process. */
async function start(...flags) {
  const child = spawn(program, ["--port", "0", "--log", "off", ...flags], { env: environment, stdio: ["ignore", "pipe", "inherit"] });
  const url = await new Promise((resolve, reject) => {
    child.stdout.once("data", (line) => resolve(String(line).trim().replace("127.0.0.1", "localhost")));
    child.once("exit", () => reject(new Error("the emulator does not start")));
  });
  return { url, port: new URL(url).port, stop: () => child.kill() };
}

/** A way to an emulator that can be cut, mended, and led to another one. */
async function bridge(port) {
  const sockets = new Set(), way = { port, isOpen: true };
  const server = createTcpServer((near) => {
    if (!way.isOpen) return near.destroy();
    const far = connect(way.port, "127.0.0.1");
    for (const [socket, other] of [[near, far], [far, near]]) {
      sockets.add(socket);
      socket.on("error", () => {}).on("close", () => { sockets.delete(socket); other.destroy(); });
      socket.pipe(other);
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  way.url = `http://localhost:${server.address().port}`;
  way.cut = () => { way.isOpen = false; sockets.forEach((socket) => socket.destroy()); };
  way.mend = () => { way.isOpen = true; };
  way.close = () => { way.cut(); server.close(); };
  return way;
}

/** A connector that approves everything, and a page of another site. */
const others = createServer((request, response) => {
  if (request.url.startsWith("/page")) {
    response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><title>other</title><body>");
    return;
  }
  request.resume().on("end", () => response.writeHead(200, { "content-type": "application/json" }).end("{}"));
});
await new Promise((resolve) => others.listen(0, "127.0.0.1", resolve));
const other = `http://127.0.0.1:${others.address().port}`;

const emulator = await start("--seed", "1", "--explain", "--behavior", "connect=report");
const base = emulator.url;
const candidates = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const browser = await chromium.launch({
  executablePath: candidates.find(existsSync),
  args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--host-resolver-rules=MAP evil.test 127.0.0.1"],
});
let failed = 0, passed = 0;

async function check(name, body) {
  try {
    await body();
    passed += 1;
    console.log(`ok ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`not ok ${name}: ${error.stack}`);
  }
}

/** Sends a request to the emulator, and returns status and JSON. */
async function ask(method, target, body, headers = {}) {
  const text = body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body);
  const response = await fetch(base + target, { method, body: text, headers: { "content-type": "application/json", ...headers } });
  const answer = await response.text();
  return { status: response.status, json: answer.startsWith("{") ? JSON.parse(answer) : undefined, text: answer };
}

const integrations = "/v1.0/teamwork/workforceIntegrations";
const integration = { displayName: "Bakery rota", apiVersion: 1, url: other, encryption: { protocol: "sharedSecret", secret: "0123456789abcdef".repeat(4) } };
const first = `${integrations}/WFI_05227533-379e-4a0a-9d17-afe306a1e10d`;

/** What a page has tried that its policy forbids, and errors of scripts. */
const problems = [];

async function open(context, address = `${base}/_emulator/ui/`) {
  const page = await context.newPage();
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("console", (message) => message.type() === "error" && !/status of 4|net::ERR_/.test(message.text()) && problems.push(message.text()));
  page.on("dialog", (dialog) => {
    problems.push(`a dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  await page.goto(address);
  return page;
}

const rows = (page) => page.locator(".list .row");
const row = (page, text) => rows(page).filter({ hasText: text }).first();
/** Opens a request, wherever it is when the list has moved. */
const choose = (found) => found.first().dispatchEvent("click");
const tab = (page, name) => page.getByRole("tab", { name }).click();
/** Waits for what the page says, and takes it away, so that the next wait does not see it again. */
const said = async (page, text) => {
  await page.locator("#message", { hasText: text }).waitFor();
  await page.locator("#message").evaluate((message) => message.replaceChildren());
};

/** Returns what is shown with characters that do not show, or that change how others are shown. */
const raw = (page) => page.evaluate(() => {
  const hidden = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u, found = [];
  const look = (text) => hidden.test(text.replaceAll(/[\n\t]/g, "")) && found.push(JSON.stringify(text.slice(0, 200)));
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) look(texts.currentNode.data);
  for (const element of document.querySelectorAll("*")) {
    for (const { name, value } of element.attributes) if (name !== "data-key") look(value);
    if (typeof element.value === "string" && element.tagName !== "OPTION") look(element.value);
  }
  return found;
});

/** Hides a page, or shows it again, as a browser does with a tab. */
const setHidden = (page, isHidden) => page.evaluate((isHidden) => {
  Object.defineProperty(document, "hidden", { configurable: true, get: () => isHidden });
  document.dispatchEvent(new Event("visibilitychange"));
}, isHidden);

/** Opens a stream of the journals beside the page; returns what closes it, and nothing if it is refused. */
async function follow() {
  const control = new AbortController();
  const response = await fetch(`${base}/_emulator/journal/stream`, { signal: control.signal });
  if (response.ok) return () => control.abort();
  assert.equal(response.status, 409);
  return undefined;
}

/** Waits until a condition holds. `seen` returns what there is if it does not. */
async function eventually(holds, what, seen = () => undefined) {
  const deadline = Date.now() + 20000;
  for (; !(await holds()); await new Promise((resolve) => setTimeout(resolve, 20))) {
    if (Date.now() > deadline) assert.fail(`not so after 20 s: ${what}; seen: ${JSON.stringify(await seen())}`);
  }
}

const isExecuted = (page) => page.evaluate(() => "executed" in window);

/** Fails unless axe-core finds nothing to complain about. */
async function audit(page, what) {
  // The policy of the page refuses scripts of others, but not those of the driver.
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html}\n${failureSummary}`).join("\n")}`);
  assert.deepEqual(found, [], what);
}

async function picture(page, name) {
  if (!pictures) return;
  mkdirSync(pictures, { recursive: true });
  writeFileSync(path.join(pictures, `${name}.png`), await small(await page.screenshot({ animations: "disabled" })));
}

/** Returns a picture as a PNG of at most 256 colors: those that are most frequent, which the edges of letters get near enough to. */
async function small(picture) {
  const canvas = await browser.newPage();
  const { width, height, palette, indexes } = await canvas.evaluate(async (address) => {
    const image = new Image();
    image.src = address;
    await image.decode();
    const { width, height } = image, context = Object.assign(document.createElement("canvas"), { width, height }).getContext("2d");
    context.drawImage(image, 0, 0);
    const pixels = new Uint32Array(context.getImageData(0, 0, width, height).data.buffer), counts = new Map();
    for (const pixel of pixels) counts.set(pixel, (counts.get(pixel) ?? 0) + 1);
    const palette = [...counts].sort((one, other) => other[1] - one[1]).slice(0, 256).map(([color]) => color);
    const parts = (color) => [color & 255, (color >> 8) & 255, (color >> 16) & 255], known = palette.map(parts), nearest = new Map();
    const index = (color) => {
      const [r, g, b] = parts(color), distances = known.map((other) => (r - other[0]) ** 2 + (g - other[1]) ** 2 + (b - other[2]) ** 2);
      return distances.indexOf(Math.min(...distances));
    };
    for (const color of counts.keys()) nearest.set(color, index(color));
    return { width, height, palette: known.flat(), indexes: Array.from(pixels, (color) => nearest.get(color)) };
  }, `data:image/png;base64,${picture.toString("base64")}`);
  await canvas.close();
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 3, 0, 0, 0], 8);
  const lines = Buffer.alloc((width + 1) * height);
  for (let y = 0; y < height; y += 1) lines.set(indexes.slice(y * width, (y + 1) * width), y * (width + 1) + 1);
  const chunk = (type, data) => {
    const body = Buffer.concat([Buffer.from(type), data]), [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    sum.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, sum]);
  };
  const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
  return Buffer.concat([signature, chunk("IHDR", head), chunk("PLTE", Buffer.from(palette)), chunk("IDAT", deflateSync(lines, { level: 9 })), chunk("IEND", Buffer.alloc(0))]);
}

/** Returns the checksum of a part of a PNG. */
function crc32(bytes) {
  let sum = ~0;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit += 1) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0);
  }
  return ~sum >>> 0;
}

try {
  const context = await browser.newContext({ viewport: { width: 1160, height: 640 }, permissions: ["clipboard-read", "clipboard-write"] });
  context.setDefaultTimeout(10000);
  let page;

  await check("a browser that opens the root is led to the page, other clients are not", async () => {
    page = await open(context, `${base}/`);
    assert.equal(page.url(), `${base}/_emulator/ui/`);
    await page.getByRole("tab", { name: "Requests" }).waitFor();
    assert.equal((await ask("GET", "/")).status, 400);
    assert.equal((await ask("GET", "/", undefined, { accept: "text/html" })).status, 400);
  });

  await check("requests are shown as they come, the latest first", async () => {
    await ask("GET", integrations);
    await ask("PATCH", first, { displayName: "Contoso rota" });
    await row(page, "PATCH").waitFor();
    assert.match(await rows(page).first().innerText(), /PATCH[\s\S]*200[\s\S]*(µs|ms)[\s\S]*default[\s\S]*workforceIntegrations[\s\S]*changed/);
    await ask("PATCH", `/_world/second${first}`, { displayName: 1 });
    await row(page, "second").waitFor();
    assert.match(await row(page, "second").innerText(), /second[\s\S]*schema-mismatch/);
  });

  await check("a request has its change, its reason and its evidence beside it", async () => {
    await choose(row(page, "changed"));
    const detail = page.locator(".detail:visible");
    await detail.getByText("Contoso rota").first().waitFor();
    assert.match(await detail.locator(".diff .added").first().innerText(), /^\+ .*Contoso rota/);
    assert.equal(await detail.locator(".json .name").filter({ hasText: "displayName" }).count() >= 2, true);
    await choose(row(page, "schema-mismatch"));
    await detail.getByText("Refused by schema-mismatch").first().waitFor();
    assert.match(await detail.innerText(), /does not match schema[\s\S]*Evidence: (strong|medium|weak|none)/);
    await page.keyboard.press("Escape");
    assert.equal(await detail.count(), 0);
  });

  await check("a refusal leads to the behavior that decides", async () => {
    await ask("POST", integrations, { ...integration, url: "http://a.test", unknownMember: 1 });
    const refused = await ask("PATCH", first, { displayName: "x" }, { "if-match": 'W/"none"' });
    const name = refused.status >= 400 ? "412" : "400";
    await choose(row(page, name));
    const link = page.locator(".detail:visible a[href^='#behaviors/']").first();
    await link.waitFor();
    const behavior = (await link.getAttribute("href")).split("/")[1];
    await link.click();
    await page.locator(".card").first().waitFor();
    assert.equal(await page.getByRole("searchbox", { name: "Search" }).inputValue(), behavior);
    await tab(page, "Requests");
  });

  await check("a request is copied in four forms, which work elsewhere", async () => {
    await choose(rows(page).filter({ hasText: "changed" }).last());
    const area = page.locator("dialog textarea");
    const copied = async (name) => {
      await page.getByRole("button", { name }).click();
      await area.waitFor();
      const text = await area.inputValue();
      assert.equal(await page.evaluate(() => navigator.clipboard.readText()), text);
      await page.keyboard.press("Escape");
      return text;
    };
    const curl = await copied("Copy as curl");
    assert.match(curl, /^curl -i -g --path-as-is -X 'PATCH' 'http:\/\/localhost:\d+\/v1\.0\/teamwork/);
    assert.match(curl, /--data-raw '\{"displayName":"Contoso rota"\}'/);
    const exchange = await copied("as exchange");
    assert.match(exchange, /PATCH \{\{base\}\}\/v1\.0[\s\S]*HTTP 200/);
    const expectation = await copied("as expectation");
    assert.equal((await ask("POST", "/_emulator/worlds/default/journal/verify", expectation)).json.holds, true, expectation);
    const rule = await copied("as fault rule");
    assert.equal((await ask("PUT", "/_emulator/worlds/rule/faults", rule)).status, 200, rule);
    assert.equal((await ask("PATCH", `/_world/rule${first}`, { displayName: "x" })).status, 429);
    await page.keyboard.press("Escape");
  });

  await check("a copied command has the words of the request, whatever they are", async () => {
    const of = (method, text, type) => {
      const isPossible = !text.includes("\0");
      const headers = [["host", "x"], ...(isPossible ? [["x-text", text]] : []), ...(type ? [["content-type", type]] : [])];
      return { method: isPossible ? method : "GET", target: `/v1.0/${isPossible ? text : ""}`, request: { headers, body: text } };
    };
    const entries = [...hostile.map((text) => of(text, text)), of("HEAD", ""), of("X|touch$IFS'pwned'&`touch$IFS./pwned`", "$(touch pwned)", "text/plain")];
    entries.push({ ...of("PUT", "", "application/octet-stream"), target: "/v1.0/x", request: { headers: [["content-type", "x/y"]], body: { base64: "AP8=" } } });
    const commands = await page.evaluate(async (entries) => {
      const { curl } = await import("/_emulator/ui/copy.js");
      return entries.map((entry) => curl(entry, "default"));
    }, entries);
    const script = path.join(folder, "commands.sh");
    const shell = "curl() { for word in \"$@\"; do printf '%s\\0' \"$word\"; if [ \"$word\" = @- ]; then base64 -w0; printf '\\0'; fi; done; printf 'end\\0'; }";
    writeFileSync(script, [shell, ...commands].join("\n"));
    const words = execFileSync("bash", [script], { cwd: folder, maxBuffer: 1 << 28 }).toString().split("\0");
    for (const { method, target, request: { headers, body } } of entries) {
      const type = headers.some(([name]) => name === "content-type") || body === "" ? [] : ["-H", "content-type:"];
      const sent = headers.filter(([name]) => name !== "host").flatMap(([name, value]) => ["-H", value ? `${name}: ${value}` : `${name};`]);
      const text = typeof body === "string" ? Buffer.from(body) : Buffer.from(body.base64, "base64");
      const content = text.length === 0 ? [] : text.includes(0) ? ["--data-binary", "@-", text.toString("base64")] : ["--data-raw", body];
      const expected = ["-i", "-g", "--path-as-is", ...(method === "HEAD" ? ["--head"] : ["-X", method]), base + target, ...sent, ...type, ...content, "end"];
      assert.deepEqual(words.splice(0, expected.length), expected);
    }
    assert.deepEqual([words.join(""), existsSync(path.join(folder, "pwned"))], ["", false]);
    assert.deepEqual(commands.filter((command) => /[\p{Cc}\p{Cf}]/u.test(command.replaceAll("\n", ""))), []);
  });

  await check("calls to connectors are shown in plain text with the request that caused them", async () => {
    assert.equal((await ask("POST", integrations, integration)).status, 201);
    await rows(page).filter({ hasText: "POST" }).filter({ hasText: "201" }).first().waitFor();
    await choose(rows(page).filter({ hasText: "POST" }).filter({ hasText: "201" }));
    const call = page.locator(".detail:visible details").first();
    await call.locator("summary").click();
    await call.getByText("tenantId").first().waitFor();
    assert.match(await call.innerText(), /x-wfi-emulator-raw-body/);
    await page.keyboard.press("Escape");
    // Requests at the same time on a frozen clock have their own calls.
    await ask("PUT", "/_emulator/worlds/calls/clock", { now: "2026-01-01T08:00:00.25Z", running: false });
    const names = Array.from({ length: 12 }, (_, index) => `Rota ${index}`);
    const create = (displayName) => ask("POST", `/_world/calls${integrations}`, { ...integration, displayName, url: `${other}/${displayName.slice(5)}` });
    const answers = await Promise.all(names.map(create));
    assert.deepEqual(answers.filter(({ status }) => status !== 201), []);
    const created = rows(page).filter({ hasText: "calls" }).filter({ hasText: "201" });
    await eventually(async () => (await created.count()) === names.length, "all requests are there",
      async () => [await page.locator(".count:visible").allInnerTexts(), await rows(page).allInnerTexts()]);
    assert.match(await created.first().innerText(), /^08:00:00\.250\s/);
    for (let index = 0; index < names.length; index += 1) {
      await choose(created.nth(index));
      const name = (await page.getByLabel("Body of the request").innerText()).match(/"displayName": "Rota (\d+)"/)[1];
      await page.locator(".detail:visible details").first().waitFor();
      assert.deepEqual(await page.locator(".detail:visible details summary").allInnerTexts(), [`POST ${other}/${name}/v1/connect 200`]);
      await page.keyboard.press("Escape");
    }
  });

  await check("requests of a batch are nested in it", async () => {
    await ask("POST", "/v1.0/$batch", { requests: [{ id: "1", method: "GET", url: "/teams" }, { id: "2", method: "GET", url: "/nothing" }] });
    await choose(row(page, "$batch"));
    const nested = page.locator(".detail:visible details");
    await nested.nth(1).waitFor();
    assert.match(await nested.nth(0).innerText(), /GET \/v1\.0\/teams 200/);
    await nested.nth(1).locator("summary").click();
    await nested.nth(1).getByText("Refused by unknown-segment").first().waitFor();
    await page.keyboard.press("Escape");
  });

  await check("secrets are hidden until they are asked for", async () => {
    const secret = integration.encryption.secret;
    await choose(rows(page).filter({ hasText: "POST" }).filter({ hasText: "201" }));
    await page.getByLabel("Body of the request").waitFor();
    assert.equal((await page.content()).includes(secret), false);
    await page.getByLabel("Secrets").check();
    await page.getByLabel("Body of the request").getByText(secret).waitFor();
    await page.getByLabel("Secrets").uncheck();
    await page.keyboard.press("Escape");
  });

  await check("findings are beside the requests they come from, and the report leads to these", async () => {
    const [member, secret] = ["<b>{{x}}</b>", "hush-hush-in-the-address"];
    await ask("GET", "/_world/unclean/beta/teams?$select=id");
    await ask("PATCH", `/_world/unclean${first}`, { displayName: "x", [member]: 1 });
    await ask("GET", `/_world/unclean/v1.0/teams?$select=id&client_secret=${secret}`);
    const rules = { "/beta/teams": "beta-used", PATCH: "refused-members", client_secret: "secret-in-address" };
    const detail = page.locator(".detail:visible");
    for (const [text, rule] of Object.entries(rules)) {
      await choose(rows(page).filter({ hasText: "unclean" }).filter({ hasText: text }));
      const findings = detail.locator("article.card");
      await findings.filter({ hasText: rule }).waitFor();
      for (const other of Object.values(rules)) assert.equal(await findings.filter({ hasText: other }).count(), other === rule ? 1 : 0, `${other} at ${text}`);
      await page.keyboard.press("Escape");
    }
    await tab(page, "Report");
    await page.evaluate(() => document.getElementById("world").focus());
    await page.getByLabel("World", { exact: true }).first().selectOption("unclean");
    const report = page.getByRole("region", { name: "Report" });
    await report.locator("article", { hasText: "beta-used" }).waitFor();
    const severities = await report.locator("article .severity").allInnerTexts();
    assert.deepEqual([...new Set(severities)], ["error", "warning", "note"]);
    assert.equal((await page.content()).includes(secret), false);
    const refused = report.locator("article", { hasText: "refused-members" });
    assert.match(await refused.innerText(), /^error .*refused-members\n[\s\S]*<b>\{\{x\}\}<\/b>[\s\S]*Better: [\s\S]*Evidence: /);
    const source = refused.getByRole("link", { name: /^https:/ });
    assert.deepEqual([await source.getAttribute("href"), await source.getAttribute("rel")], ["https://github.com/microsoftgraph/msgraph-sdk-python/issues/440", "noopener noreferrer"]);
    await page.getByLabel("Severity").selectOption("error");
    await report.locator("article", { hasText: "beta-used" }).waitFor({ state: "detached" });
    assert.deepEqual([...new Set(await report.locator("article .severity").allInnerTexts())], ["error"]);
    await page.getByLabel("Severity").selectOption("note");
    await report.locator("article", { hasText: "beta-used" }).waitFor();
    // What came since is read when it is asked for.
    await ask("GET", "/_world/unclean/beta/users?$select=id");
    await page.getByRole("button", { name: "Read again" }).click();
    const beta = report.locator("article", { hasText: "GET /beta/users" }).filter({ hasText: "beta-used" });
    await beta.waitFor();
    await beta.getByRole("link", { name: "4 GET /beta/users" }).click();
    await page.getByRole("tab", { name: "Requests", selected: true }).waitFor();
    await detail.getByText("world unclean · request 4").waitFor();
    await detail.locator("article", { hasText: "beta-used" }).waitFor();
    await page.keyboard.press("Escape");
    // The same link once more, to a request that the list has no more.
    await page.getByRole("button", { name: "Clear" }).click();
    await tab(page, "Report");
    await beta.getByRole("link", { name: "4 GET /beta/users" }).click();
    await detail.getByText("world unclean · request 4").waitFor();
    await page.keyboard.press("Escape");
    await page.reload();
    await row(page, "unclean").waitFor();
  });

  await check("the least privileged permissions of a run are a table to copy", async () => {
    await ask("GET", "/_world/least/v1.0/users?$select=id");
    await ask("PATCH", `/_world/least${first}`, { displayName: "x" });
    await tab(page, "Report");
    await page.evaluate(() => document.getElementById("world").focus());
    await page.getByLabel("World", { exact: true }).first().selectOption("least");
    const table = page.getByRole("region", { name: "Report" }).locator("table");
    await table.getByRole("cell", { name: "GET /v1.0/users" }).waitFor();
    assert.deepEqual(await table.locator("tbody tr").first().locator("td").allInnerTexts(), ["GET /v1.0/users", "1", "User.ReadBasic.All", "not supported", "User.ReadBasic.All"]);
    const copied = async (name) => {
      await page.getByRole("button", { name, exact: true }).click();
      const text = await page.locator("dialog textarea").inputValue();
      assert.equal(await page.evaluate(() => navigator.clipboard.readText()), text);
      await page.keyboard.press("Escape");
      return text;
    };
    const { permissions } = (await ask("GET", "/_emulator/worlds/least/report")).json;
    assert.equal(await copied("Copy Application"), `${permissions.covering.application.join("\n")}\n`);
    assert.equal(permissions.covering.application.length, 2);
    const lines = (await copied("Copy the table")).trimEnd().split("\n");
    assert.deepEqual([lines.length, lines[0], lines[2]],
      [5, "| Operation | Requests | Delegated | Personal accounts | Application |", "| GET /v1.0/users | 1 | User.ReadBasic.All | not supported | User.ReadBasic.All |"]);
    await page.getByLabel("World", { exact: true }).first().selectOption("default");
    await tab(page, "Requests");
  });

  await check("filters leave what they say", async () => {
    const counted = async (label, value, pattern) => {
      const control = page.getByRole("search").getByLabel(label);
      const isChoice = await control.evaluate((element) => element.tagName === "SELECT");
      await (isChoice ? control.selectOption(value) : control.fill(value));
      const texts = await rows(page).allInnerTexts();
      assert.ok(texts.length > 0 && texts.every((text) => pattern.test(text)), `${label} ${value}: ${texts.join(" | ")}`);
      await (isChoice ? control.selectOption("") : control.fill(""));
    };
    // The rows of a world that was chosen a moment ago are read in pieces.
    const settled = async () => {
      for (let last = -1; ;) {
        const count = await rows(page).count();
        if (count === last) return count;
        last = count;
        await page.waitForTimeout(200);
      }
    };
    const all = await settled();
    await counted("World", "second", /second/);
    await counted("Method", "PATCH", /PATCH/);
    await counted("Status", "4xx", /\b4\d\d\b/);
    await counted("Path", "/v1.0/*/workforceIntegrations/*", /workforceIntegrations\/WFI/);
    await counted("Text", "SCHEMA-mismatch", /schema-mismatch/);
    assert.equal(await settled(), all);
  });

  await check("a paused list stays as it is until it is resumed", async () => {
    await page.getByRole("button", { name: "Pause" }).click();
    await ask("GET", "/v1.0/paused");
    await page.getByText("1 waiting").waitFor();
    assert.equal(await row(page, "/v1.0/paused").count(), 0);
    await page.getByRole("button", { name: "Resume" }).click();
    await row(page, "/v1.0/paused").waitFor();
  });

  await check("everything in the list is done by keyboard", async () => {
    await page.locator(".list").focus();
    await page.keyboard.press("Home");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => document.activeElement.tagName === "H2");
    await page.keyboard.press("Escape");
    assert.equal(await page.evaluate(() => document.activeElement.getAttribute("role")), "listbox");
    await page.keyboard.press("End");
    const last = await page.evaluate(() => document.getElementById(document.activeElement.getAttribute("aria-activedescendant")).getAttribute("aria-posinset"));
    assert.equal(last, await rows(page).first().getAttribute("aria-setsize"));
    await page.keyboard.press("p");
    await page.getByRole("button", { name: "Resume" }).waitFor();
    await page.keyboard.press("p");
    await page.keyboard.press("/");
    assert.equal(await page.evaluate(() => document.activeElement.type), "search");
    await page.getByRole("tab", { name: "Requests" }).focus();
    await page.keyboard.press("ArrowRight");
    await page.getByRole("tab", { name: "State", selected: true }).waitFor();
    await page.keyboard.press("Home");
    await page.getByRole("tab", { name: "Requests", selected: true }).waitFor();
  });

  await check("worlds are forked, reset, exported, imported and dropped", async () => {
    await tab(page, "State");
    const worlds = page.getByRole("region", { name: "Worlds" });
    await worlds.getByRole("button", { name: "default" }).waitFor();
    const { displayName } = (await ask("GET", first)).json;
    await page.getByLabel("New name").fill("copy");
    await page.getByRole("button", { name: "Fork" }).click();
    await said(page, "fork of default");
    assert.equal(await page.getByLabel("World", { exact: true }).first().inputValue(), "copy");
    await ask("DELETE", `/_world/copy${first}`);
    await page.getByRole("button", { name: "Reset" }).click();
    await said(page, "has been reset");
    assert.equal((await ask("GET", `/_world/copy${first}`)).json.displayName, displayName);
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Export" }).click()]);
    const exported = JSON.parse(readFileSync(await download.path(), "utf8"));
    assert.equal(download.suggestedFilename(), "copy.json");
    assert.equal(JSON.stringify(exported).includes(integration.encryption.secret), false);
    const file = path.join(folder, "state.json");
    writeFileSync(file, JSON.stringify({ teams: [{ id: "only", displayName: "The only team" }] }));
    await page.getByLabel("Import").setInputFiles(file);
    await said(page, "Imported");
    assert.equal((await ask("GET", "/_world/copy/v1.0/teams/only")).status, 200);
    writeFileSync(file, JSON.stringify({ teams: [{ id: 1 }] }));
    await page.getByLabel("Import").setInputFiles(file);
    await page.locator("#message.problem", { hasText: "teams[0].id" }).waitFor();
    await page.getByRole("button", { name: "Drop" }).click();
    await said(page, "has been dropped");
    assert.equal((await ask("GET", "/_emulator/worlds/copy")).status, 404);
  });

  await check("entities are found in the tree, and what they contain and link to", async () => {
    const tree = page.getByRole("navigation", { name: "Collections" });
    const teams = tree.locator("li").filter({ has: page.getByRole("button", { name: /^teams \(/ }) }).first();
    await teams.locator("summary").first().click();
    await teams.getByRole("button", { name: /Contoso Bakery/ }).click();
    const entity = page.getByRole("region", { name: "Entity", exact: true });
    await entity.getByText("Contoso Bakery").first().waitFor();
    await entity.getByRole("button", { name: /^members/ }).click();
    await page.getByRole("heading", { name: /^teams\('.*'\)\/members$/ }).waitFor();
    assert.ok(await page.locator(".table tbody tr").count() >= 5);
    await tree.getByRole("button", { name: /^groups \(/ }).click();
    await page.getByRole("heading", { name: "groups", exact: true }).waitFor();
    await page.locator(".table tbody button").first().click();
    await entity.getByText("Links to").waitFor();
    await entity.locator("li button").filter({ hasText: "users(" }).first().click();
    await page.getByRole("heading", { name: "users", exact: true }).waitFor();
    await entity.getByText("userPrincipalName").first().waitFor();
  });

  await check("an entity is changed with the checks and the words of a PATCH", async () => {
    await page.getByRole("navigation", { name: "Collections" }).getByRole("button", { name: /^workforceIntegrations \(/ }).click();
    await page.locator(".table tbody button", { hasText: "WFI_05227533" }).click();
    const entity = page.getByRole("region", { name: "Entity", exact: true });
    await entity.locator("summary", { hasText: "Edit" }).click();
    const area = entity.locator("textarea");
    const edited = JSON.parse(await area.inputValue());
    await area.fill(JSON.stringify({ ...edited, displayName: 1 }));
    await entity.getByRole("button", { name: "Save" }).click();
    const graph = await ask("PATCH", first, { displayName: 1 });
    await entity.getByRole("alert").filter({ hasText: graph.json.error.message }).waitFor();
    await area.fill("{");
    await entity.getByRole("button", { name: "Save" }).click();
    await entity.getByRole("alert").filter({ hasText: "JSON" }).waitFor();
    const { json: { count } } = await ask("GET", "/_emulator/worlds/default/journal");
    await area.fill(JSON.stringify({ ...edited, displayName: "Edited by hand" }));
    const [sent] = await Promise.all([page.waitForRequest((request) => request.method() === "PATCH"), entity.getByRole("button", { name: "Save" }).click()]);
    assert.deepEqual(sent.postDataJSON(), { displayName: "Edited by hand" }, "only what differs is sent");
    await said(page, "Saved");
    await entity.getByRole("heading", { name: /^Edited by hand/ }).waitFor();
    await page.locator(".table td", { hasText: "Edited by hand" }).first().waitFor();
    assert.equal((await ask("GET", "/_emulator/worlds/default/journal")).json.count, count, "the journal is for clients");
    assert.equal((await ask("GET", first)).json.displayName, "Edited by hand");
  });

  await check("masked values are not written back", async () => {
    const [secret, hush] = ["s".repeat(64), "hush-hush"];
    const stored = { id: "WFI_1", displayName: "Masked", url: `https://a.test/?code=${hush}`, encryption: { protocol: "sharedSecret", secret } };
    await ask("PUT", "/_emulator/worlds/masked/state", { workforceIntegrations: [stored] });
    const at = "teamwork/workforceIntegrations('WFI_1')";
    const now = async () => (await ask("GET", `/_emulator/worlds/masked/entities?${new URLSearchParams({ at, secrets: true })}`)).json.entities[0].entity;
    await page.evaluate(() => document.getElementById("world").focus());
    await page.getByLabel("World", { exact: true }).first().selectOption("masked");
    await page.getByRole("navigation", { name: "Collections" }).getByRole("button", { name: /^workforceIntegrations \(1/ }).click();
    await page.locator(".table tbody button", { hasText: "WFI_1" }).click();
    const entity = page.getByRole("region", { name: "Entity", exact: true }), area = entity.locator("textarea");
    const save = async (change) => {
      if (!(await area.isVisible())) await entity.locator("summary", { hasText: "Edit" }).click();
      await area.fill(JSON.stringify(change(JSON.parse(await area.inputValue()))));
      await entity.getByRole("button", { name: "Save" }).click();
    };
    const before = await now();
    assert.equal((await area.inputValue()).includes(hush), false);
    await save((shown) => ({ ...shown, url: shown.url.replace("a.test", "b.test") }));
    await entity.getByRole("alert").filter({ hasText: "masked value at /url" }).waitFor();
    await save((shown) => ({ ...shown, url: before.url.replace(hush, "REDACTED"), encryption: [shown.encryption] }));
    await entity.getByRole("alert").filter({ hasText: "masked value at /encryption/secret" }).waitFor();
    assert.deepEqual(await now(), before);
    // Other values are, and leave the masked ones as they are.
    await entity.getByRole("button", { name: "Undo" }).click();
    await save((shown) => ({ ...shown, displayName: "Seen", encryption: { ...shown.encryption, protocol: "sharedSecret" } }));
    await said(page, "Saved");
    assert.deepEqual([(await now()).encryption, (await now()).displayName, (await now()).url], [before.encryption, "Seen", before.url]);
    await entity.getByLabel("Secrets").check();
    await entity.getByText(hush).first().waitFor();
    await save((shown) => ({ ...shown, url: shown.url.replace("a.test", "b.test") }));
    await entity.getByText("b.test").first().waitFor();
    assert.deepEqual([(await now()).url, (await now()).encryption.secret], [`https://b.test/?code=${hush}`, secret]);
    await entity.getByLabel("Secrets").uncheck();
    await entity.getByText(hush).first().waitFor({ state: "detached" });
    // Names of the language are names like others.
    const changes = await page.evaluate(async () => {
      const { changeOf } = await import("/_emulator/ui/entities.js");
      const of = (before, after) => JSON.stringify(changeOf(JSON.parse(before), JSON.parse(after), "", []) ?? null);
      return [of("{}", '{"__proto__":1,"constructor":2}'), of('{"toString":1}', "{}"), of('{"a":{"b":1,"c":[1]}}', '{"a":{"b":2,"c":[1]}}'), of('{"a":1}', '{"a":1}')];
    });
    assert.deepEqual(changes, ['{"__proto__":1,"constructor":2}', '{"toString":null}', '{"a":{"b":2}}', "null"]);
    await page.getByLabel("World", { exact: true }).first().selectOption("default");
  });

  await check("predefined faults have a switch, all are edited as JSON, and counts are live", async () => {
    await tab(page, "Faults");
    const preset = page.getByRole("switch", { name: "throttled", exact: true });
    await preset.check();
    await said(page, "in force");
    assert.equal((await ask("GET", integrations)).status, 429);
    const counts = page.getByRole("region", { name: "Counts of the rules" });
    await counts.getByRole("cell", { name: "1", exact: true }).first().waitFor();
    await page.getByRole("switch", { name: "throttled", exact: true }).uncheck();
    await counts.getByText("No rules").waitFor();
    assert.equal((await ask("GET", integrations)).status, 200);
    await page.getByRole("switch", { name: "published-limits" }).check();
    await counts.getByText("published-limits: reads").first().waitFor();
    await page.getByRole("switch", { name: "published-limits" }).uncheck();
    await counts.getByText("No rules").waitFor();
    const area = page.getByLabel("Rules as JSON");
    await area.fill('[{"on": {"pth": "/v1.0"}, "do": "throttled"}]');
    await page.getByRole("button", { name: "Apply" }).click();
    await page.getByRole("alert").filter({ hasText: "pth" }).waitFor();
    await area.fill('[{"name": "mine", "on": {"method": "DELETE"}, "do": "gateway-timeout"}]');
    await page.getByRole("button", { name: "Apply" }).click();
    await counts.getByRole("cell", { name: "mine", exact: true }).waitFor();
    assert.equal((await ask("DELETE", first)).status, 504);
    await page.getByRole("button", { name: "Remove all" }).click();
    await counts.getByText("No rules").waitFor();
  });

  await check("the clock is frozen, advanced, set and let run", async () => {
    await tab(page, "Clock");
    const clock = async () => (await ask("GET", "/_emulator/worlds/default/clock")).json;
    await page.getByRole("button", { name: "Freeze" }).click();
    await page.getByText("frozen").waitFor();
    await page.getByLabel("Time", { exact: true }).fill("2030-01-01T00:00:00Z");
    await page.getByRole("button", { name: "Set" }).click();
    await page.getByText("2030-01-01T00:00:00").waitFor();
    await page.getByLabel("Advance by").fill("2");
    await page.getByLabel("Unit").selectOption("days");
    await page.getByRole("button", { name: "Advance" }).click();
    await page.getByText("2030-01-03T00:00:00").waitFor();
    assert.deepEqual(await clock(), { now: "2030-01-03T00:00:00Z", running: false });
    await page.getByRole("button", { name: "Let it run" }).click();
    await page.getByText("running").waitFor();
    assert.equal((await clock()).running, true);
    await page.getByLabel("Time", { exact: true }).fill("noon");
    await page.getByRole("button", { name: "Set" }).click();
    await page.locator("#message.problem", { hasText: "noon" }).waitFor();
    await ask("POST", "/_emulator/worlds/default/reset");
  });

  await check("behaviors are searched and changed, with their evidence", async () => {
    await tab(page, "Behaviors");
    await page.getByRole("searchbox", { name: "Search" }).fill("update-response");
    const card = page.locator(".card").first();
    await card.getByText("Evidence: strong").waitFor();
    await card.getByRole("combobox").selectOption("no-content");
    await said(page, "has changed");
    assert.equal((await ask("PATCH", first, { displayName: "x" })).status, 204);
    await page.getByRole("searchbox", { name: "Search" }).fill("");
    await page.getByLabel("Only changed ones").check();
    assert.equal(await page.locator(".card h2", { hasText: "update-response" }).count(), 1);
    await page.getByLabel("Only changed ones").uncheck();
    await page.getByLabel("Profile").selectOption("documented");
    await page.getByRole("button", { name: "Apply" }).click();
    await said(page, "has changed");
    assert.equal((await ask("PATCH", first, { displayName: "x" })).status, 200);
  });

  await check("answers that come late, and clicks that come early, undo nothing", async () => {
    await ask("PUT", "/_emulator/worlds/late", {});
    const slow = await open(context);
    try {
      await useSlowly(slow);
    } finally {
      await slow.close();
      await ask("DELETE", "/_emulator/worlds/late");
    }
  });

  async function useSlowly(slow) {
    await slow.getByLabel("World", { exact: true }).first().selectOption("late");
    const held = new Set();
    const pause = (ms) => new Promise((done) => { setTimeout(done, ms); });
    await slow.route(/\/_emulator\/worlds\/late\/(clock|faults|behaviors|entities)/, async (route) => {
      const request = route.request(), address = request.url();
      const isFirst = request.method() === "GET" && !held.has(address);
      held.add(address);
      await pause(isFirst && /clock|at=users/.test(address) ? 1500 : 200);
      await route.continue().catch(() => {});
    });
    await tab(slow, "Clock");
    await slow.getByRole("button", { name: "Freeze" }).click();
    await slow.getByRole("button", { name: "Let it run" }).waitFor();
    assert.equal((await ask("GET", "/_emulator/worlds/late/clock")).json.running, false, "the button does what it says");
    await pause(1600);
    assert.match(await slow.getByRole("timer").innerText(), /frozen/);
    await tab(slow, "Faults");
    await slow.getByRole("switch").nth(1).waitFor();
    const names = await slow.locator(".switches label").allInnerTexts();
    await slow.evaluate(() => [0, 1].forEach((index) => document.querySelectorAll(".switches input")[index].click()));
    const on = async () => (await ask("GET", "/_emulator/worlds/late/faults")).json.faults.map(({ name }) => name.split(":")[0]);
    await eventually(async () => (await on()).includes(names[1].trim()), "the second switch is on");
    assert.ok((await on()).includes(names[0].trim()), "the first switch is still on");
    await tab(slow, "State");
    const tree = slow.getByRole("navigation", { name: "Collections" });
    await tree.getByRole("button", { name: /^users \(/ }).click();
    await tree.getByRole("button", { name: /^groups \(/ }).click();
    await slow.getByRole("heading", { name: "groups", exact: true }).waitFor();
    await pause(1600);
    assert.equal(await slow.locator(".table h2").innerText(), "groups");
  }

  await check("a cleared or reset journal goes from the list, and the request that is open stays", async () => {
    await tab(page, "Requests");
    await ask("GET", "/v1.0/before-clear");
    await row(page, "before-clear").waitFor();
    await choose(row(page, "before-clear"));
    const heading = await page.locator(".detail:visible h2").elementHandle();
    await ask("GET", "/v1.0/beside-it");
    await row(page, "beside-it").waitFor();
    const others = await rows(page).filter({ hasText: "second" }).count();
    assert.ok(others > 0, "there are rows of other worlds");
    await ask("DELETE", "/_emulator/worlds/default/journal");
    const count = () => page.locator(".list .row:has-text('default')").count();
    await eventually(async () => (await count()) === 0, "the cleared rows are gone");
    assert.equal(await rows(page).filter({ hasText: "second" }).count(), others);
    assert.equal(await heading.evaluate((element) => element.isConnected && element.innerText.includes("before-clear")), true);
    await page.keyboard.press("Escape");
    await ask("GET", "/v1.0/after-clear");
    await row(page, "after-clear").waitFor();
    await ask("POST", "/_emulator/worlds/default/reset");
    await ask("GET", "/v1.0/after-reset");
    await row(page, "after-reset").waitFor();
    assert.equal(await count(), 1);
  });

  await check("a lost stream goes on where it ended, also in a world that was reset meanwhile", async () => {
    const way = await bridge(emulator.port);
    const far = await open(context, `${way.url}/_emulator/ui/`);
    const streams = [];
    far.on("request", (request) => request.url().includes("/journal/stream") && streams.push(new URL(request.url()).searchParams.get("after")));
    await ask("GET", "/_world/lost/v1.0/before-cut");
    await row(far, "before-cut").waitFor();
    const missed = (text) => far.locator(".count", { hasText: text }).waitFor();
    way.cut();
    await missed("not connected");
    await ask("GET", "/_world/lost/v1.0/during-cut");
    assert.equal(await row(far, "before-cut").count(), 1, "what was there stays");
    way.mend();
    await row(far, "during-cut").waitFor();
    assert.match(streams.at(-1), /(^|,)lost:[0-9a-f]+-\d+:1(,|$)/);
    assert.equal(await rows(far).filter({ hasText: "before-cut" }).count(), 1);
    assert.equal((await far.locator(".count").innerText()).includes("not connected"), false);
    way.cut();
    await missed("not connected");
    await ask("POST", "/_emulator/worlds/lost/reset");
    await ask("GET", "/_world/lost/v1.0/after-reset");
    way.mend();
    await row(far, "lost").filter({ hasText: "after-reset" }).waitFor();
    assert.equal(await rows(far).filter({ hasText: "-cut" }).count(), 0, "requests of the journal before");
    // Another process has another token.
    const next = await start("--seed", "1");
    way.cut();
    Object.assign(way, { port: next.port });
    way.mend();
    await missed("reload the page if the emulator has been restarted");
    await far.close();
    way.close();
    next.stop();
  });

  await check("a hidden page has no stream, and a refused one says why", async () => {
    const readers = [];
    await eventually(async () => {
      const reader = await follow();
      if (reader) readers.push(reader);
      return !reader;
    }, "the streams are used up");
    const late = await open(context);
    await late.locator(".count", { hasText: "not connected: too many streams" }).waitFor();
    const streams = [];
    const note = (request) => request.url().includes("/journal/stream") && streams.push(request.url());
    page.on("request", note);
    await setHidden(page, true);
    await late.locator(".count:not(:has-text('not connected'))").waitFor({ timeout: 30000 });
    await ask("GET", "/v1.0/while-hidden");
    await row(late, "while-hidden").waitFor();
    assert.deepEqual([await row(page, "while-hidden").count(), streams], [0, []]);
    page.off("request", note);
    readers.forEach((close) => close());
    await late.close();
    const [resumed] = await Promise.all([page.waitForRequest((request) => request.url().includes("/journal/stream")), setHidden(page, false)]);
    assert.match(new URL(resumed.url()).searchParams.get("after"), /default:[0-9a-f]+-\d+:\d+/);
    await row(page, "while-hidden").waitFor();
  });

  await check("someone of another machine is asked for the control token once, and not again and again", async () => {
    const token = "a control token of a test";
    const guarded = await start("--control-token", token);
    const behind = await browser.newContext({ extraHTTPHeaders: { "x-forwarded-for": "192.0.2.1" } });
    behind.setDefaultTimeout(10000);
    const far = await open(behind, `${guarded.url}/_emulator/ui/`);
    const dialog = far.locator("dialog[open]");
    await dialog.getByText("need the control token").waitFor();
    assert.equal(await far.evaluate(() => document.documentElement.dataset.token ?? ""), "");
    await dialog.getByRole("button", { name: "Close" }).click();
    await far.locator(".count", { hasText: "reload the page to enter the control token" }).waitFor();
    await tab(far, "Clock");
    for (let count = 0; count < 3; count += 1) await far.waitForResponse((response) => response.url().endsWith("/clock") && response.status() === 403);
    await said(far, "reload the page");
    assert.equal(await dialog.count(), 0);
    for (const given of ["wrong", token]) {
      if (!(await dialog.count())) await far.reload();
      await dialog.getByLabel("Control token").fill(given);
      await Promise.all([far.waitForEvent("load"), dialog.getByRole("button", { name: "Use it" }).click()]);
      if (given !== token) await dialog.getByText("need the control token").waitFor();
    }
    await far.getByText("running").waitFor();
    assert.deepEqual(await far.evaluate(() => Object.values({ ...sessionStorage })), [token]);
    assert.equal(await far.evaluate(() => document.cookie + JSON.stringify({ ...localStorage })), "{}");
    await behind.close();
    guarded.stop();
  });

  await check("an address that nobody wrote leads to the requests, and the skip link to the content", async () => {
    for (const hash of ["#behaviors/%E0%A4%A", "#constructor", "#__proto__/x", "#toString", "#"]) {
      await page.evaluate((hash) => { location.hash = hash; }, hash);
      const name = hash.startsWith("#behaviors") ? "Behaviors" : "Requests";
      await page.getByRole("tab", { name, selected: true }).waitFor();
    }
    await tab(page, "Behaviors");
    await page.locator(".skip").focus();
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate(() => document.activeElement.id), "main");
    assert.equal(await page.getByRole("tab", { name: "Behaviors", selected: true }).count(), 1);
    await tab(page, "Requests");
  });

  await check(`${hostile.length} hostile names and ids are texts and nothing else`, async () => {
    await ask("PUT", "/_emulator/worlds/hostile", {});
    const entities = hostile.map((text, index) => ({ id: `${index} ${text}`, displayName: text, description: text }));
    const imported = await ask("PUT", "/_emulator/worlds/hostile/state/teams", { value: entities });
    assert.equal(imported.status, 200, imported.text);
    for (let index = 0; index < hostile.length; index += 20) {
      await Promise.all(hostile.slice(index, index + 20).map((text) =>
        ask("PATCH", `/_world/hostile/v1.0/teams/${encodeURIComponent(text || "x").slice(0, 1500)}`, { displayName: text, [text]: text }).catch(() => {})));
    }
    await ask("PATCH", `/_world/hostile${first}`, Object.fromEntries(hostile.slice(-36 * 23).filter((text) => text.includes("<script>")).map((text) => [text, 1])));
    // The list shows them while they come, and all of them once more when it scrolls.
    const list = page.locator(".list");
    await page.getByRole("search").getByLabel("World").selectOption("hostile");
    const height = await list.evaluate((element) => element.scrollHeight);
    for (let top = 0; top < height; top += 400) await list.evaluate((element, to) => { element.scrollTop = to; }, top);
    for (let index = 0; index < 1000; index += 50) {
      const chosen = await page.evaluate((at) => {
        const list = document.querySelector(".list");
        list.scrollTop = at * 26;
        list.dispatchEvent(new Event("scroll"));
        const found = document.querySelector(`[aria-posinset="${at + 1}"]`);
        found?.click();
        return Boolean(found);
      }, index);
      if (!chosen) continue;
      await page.locator(".detail:visible .reasons").waitFor();
      assert.deepEqual(await raw(page), []);
    }
    await page.keyboard.press("Escape");
    await tab(page, "Report");
    await page.evaluate(() => document.getElementById("world").focus());
    await page.getByLabel("World", { exact: true }).first().selectOption("hostile");
    const report = page.getByRole("region", { name: "Report" });
    await report.locator("article", { hasText: "refused-members" }).filter({ hasText: "<script>window.executed=1</script>" }).waitFor();
    assert.deepEqual(await raw(page), []);
    // The same view with each text in each place of a finding and of the permissions.
    const table = await page.evaluate(async (texts) => {
      const { Report, markdown } = await import("/_emulator/ui/report.js");
      const finding = (text) => ({ rule: text, severity: "error", title: text, subject: text, detail: text, better: text, source: text, grade: "none", count: 2,
        requests: [{ number: 1, method: text, target: text }] });
      const kinds = (text) => ({ delegated: [text], personal: [text], application: [text, text] });
      const permissions = { operations: texts.map((text) => ({ operation: text, count: 1, least: kinds(text), isKnown: true })), covering: kinds(texts.join("")) };
      const view = new Report({ world: "hostile" });
      view.draw({ requests: 1, dropped: 1, findings: texts.map(finding), permissions }, texts.at(-1));
      document.getElementById("panel").append(view.root);
      return markdown(permissions);
    }, hostile);
    assert.equal(await page.locator("article").filter({ hasText: "error" }).count() >= hostile.length, true);
    assert.deepEqual(await raw(page), []);
    assert.deepEqual([table.split("\n").length, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(table.replaceAll("\n", ""))], [hostile.length + 4, false]);
    assert.equal(await isExecuted(page), false);
    assert.equal(await page.locator("main script, main img, main svg, main iframe, main object, main embed, main form, main style, main base").count(), 0);
    const links = await report.locator("a").evaluateAll((found) => found.map(({ href }) => href).filter((href) => !/^https:\/\/|^http:\/\/localhost:\d+\/_emulator\/ui\/#requests\//.test(href)));
    assert.deepEqual(links, []);
    await tab(page, "State");
    await page.getByLabel("World", { exact: true }).first().selectOption("hostile");
    const tree = page.getByRole("navigation", { name: "Collections" });
    await tree.getByRole("button", { name: /^teams \(1289\)/ }).click();
    let shown = 0;
    for (;;) {
      await page.locator(".table tbody tr").first().waitFor();
      shown += await page.locator(".table tbody tr").count();
      const last = await page.locator(".table tbody tr").last().innerText();
      await page.locator(".table tbody button").last().click();
      await page.locator(".panes.three > .detail:visible h2").waitFor();
      await page.locator(".detail summary", { hasText: "Edit" }).click();
      assert.deepEqual(await raw(page), []);
      const next = page.getByRole("button", { name: "Next page" });
      if (!(await next.count())) break;
      await next.click();
      await page.waitForFunction((text) => document.querySelector(".table tbody tr:last-child")?.innerText !== text, last);
    }
    assert.equal(shown, hostile.length);
    assert.equal(await page.locator("main script, main img, main svg, main iframe, main object, main embed, main form, main style, main base").count(), 0);
    assert.equal(await isExecuted(page), false);
    await page.getByLabel("World", { exact: true }).first().selectOption("default");
  });

  await check("ten thousand rows scroll without lag", async () => {
    await tab(page, "Requests");
    await page.getByRole("button", { name: "Clear" }).click();
    for (const { name } of (await ask("GET", "/_emulator/worlds")).json.worlds) {
      if (name !== "default") await ask("DELETE", `/_emulator/worlds/${name}`);
    }
    for (let world = 0; world < 11; world += 1) {
      const one = async () => { for (let index = 0; index < 100; index += 1) await ask("GET", `/_world/many-${world}/v1.0/teams`); };
      await Promise.all(Array.from({ length: 10 }, one));
    }
    // Those that came too fast are there for a reader that comes later.
    await page.goto("about:blank");
    await page.goto(`${base}/_emulator/ui/`);
    await page.waitForFunction(() => Number(document.querySelector(".list .row")?.getAttribute("aria-setsize")) >= 9000, undefined, { timeout: 60000 });
    const { elements, times, count } = await page.evaluate(async () => {
      const list = document.querySelector(".list"), count = Number(document.querySelector(".list .row").getAttribute("aria-setsize"));
      const times = [];
      for (let step = 0; step < 60; step += 1) {
        const begun = performance.now();
        list.scrollTop = (list.scrollHeight * ((step * 37) % 60)) / 60;
        list.dispatchEvent(new Event("scroll"));
        list.getBoundingClientRect();
        times.push(performance.now() - begun);
        await new Promise(requestAnimationFrame);
      }
      return { elements: document.querySelectorAll("*").length, times: times.sort((one, other) => one - other), count };
    });
    assert.ok(elements < 2000, `${elements} elements`);
    // Other programs use the machine too, so the slowest step says little.
    const median = times[times.length / 2];
    assert.ok(median < 50, `${median} ms`);
    console.log(`   ${count} rows, ${elements} elements, a step takes ${median.toFixed(1)} ms`);
  });

  const evil = async (address, attempt) => {
    const spy = await context.newPage();
    await spy.goto(address);
    return spy.evaluate(attempt, base).finally(() => spy.close());
  };

  await check("a page of another tab, frame or site reads nothing", async () => {
    for (const address of [`${other}/page`, `http://evil.test:${others.address().port}/page`, `http://localhost:${others.address().port}/page`]) {
      const read = await evil(address, async (base) => {
        const found = [];
        const paths = ["/_emulator/ui/", "/_emulator/ui/main.js", "/_emulator/worlds", "/_emulator/journal/stream?seconds=0", "/_emulator/evidence"];
        for (const path of paths) {
          for (const init of [{}, { credentials: "include" }, { headers: { "x-wfi-emulator-ui-token": "0".repeat(64) } }]) {
            try { found.push(path + await (await fetch(base + path, init)).text()); } catch {}
          }
          await new Promise((resolve) => {
            const script = document.createElement("script");
            Object.assign(script, { src: base + path, onload: () => { found.push(`script ${path}`); resolve(); }, onerror: resolve });
            document.body.append(script);
          });
        }
        return found;
      });
      assert.deepEqual(read, [], address);
    }
  });

  await check("no page shows the page, or what it shows, in a frame", async () => {
    const spy = await context.newPage();
    for (const address of [`${other}/page`, `http://evil.test:${others.address().port}/page`, `${base}/v1.0/teams`]) {
      await spy.goto(address);
      const framed = async (source) => {
        await spy.evaluate((source) => new Promise((resolve) => {
          const frame = document.createElement("iframe");
          Object.assign(frame, { src: source, onload: resolve, onerror: resolve });
          document.body.append(frame);
        }), source);
        const frame = spy.frames().at(-1);
        const found = [frame.url(), await frame.evaluate(() => document.body?.innerText ?? "")];
        await spy.evaluate(() => document.querySelector("iframe").remove());
        return found;
      };
      assert.deepEqual(await framed(`${base}/v1.0/nothing`).then(([url, text]) => [url, text.includes("error")]), [`${base}/v1.0/nothing`, true], "frames work");
      for (const target of ["/_emulator/ui/", "/_emulator/ui/main.js", "/_emulator/worlds", "/_emulator/journal/stream?seconds=0", "/"]) {
        const [url, text] = await framed(base + target);
        const isRefused = url.startsWith("chrome-error:") || /requests of web pages are refused|opened in a window|other pages are refused/.test(text) || target === "/";
        assert.ok(isRefused && !/wfi-emulator|data-token|"worlds"|entries/.test(text), `${address} ${target} ${url} ${text}`);
      }
    }
    await spy.close();
  });

  await check("a name that is turned to this machine gets nothing", async () => {
    const spy = await context.newPage();
    for (const target of ["/_emulator/ui/", "/_emulator/worlds", "/_emulator/ui/main.js"]) {
      assert.equal((await spy.goto(`http://evil.test:${emulator.port}${target}`)).status(), 403, target);
    }
    assert.equal((await spy.goto(`http://evil.test:${emulator.port}/`)).status(), 400);
    await spy.close();
  });

  await check("a window that another page opens is a door without a token, and has no handle", async () => {
    const spy = await context.newPage();
    await spy.goto(`${other}/page`);
    const [opened] = await Promise.all([context.waitForEvent("page"), spy.evaluate((base) => { window.opened = window.open(`${base}/_emulator/ui/`); }, base)]);
    await opened.getByRole("link", { name: "Open the emulator" }).waitFor();
    assert.equal(await opened.evaluate(() => document.documentElement.dataset.token), undefined);
    assert.equal(await opened.evaluate(() => window.opener), null);
    assert.equal(await spy.evaluate(() => window.opened.closed), true);
    await opened.getByRole("link", { name: "Open the emulator" }).click();
    await opened.getByRole("tab", { name: "Requests" }).waitFor();
    await opened.close();
    await spy.close();
  });

  await check("pages of the emulator's own origin, such as the sign-in page, get nothing", async () => {
    // Its form posts to any address that a link names.
    const spy = await context.newPage();
    const link = (url) => `${url}/common/oauth2/v2.0/authorize?client_id=a&response_type=code&response_mode=form_post&redirect_uri=${encodeURIComponent(`${base}/_emulator/ui/`)}`;
    const [posted] = await Promise.all([
      spy.waitForResponse((response) => response.url() === `${base}/_emulator/ui/`),
      spy.goto(link(base)).catch(() => {}),
    ]);
    assert.deepEqual([posted.request().method(), posted.status()], ["POST", 405]);
    await spy.close();
    // A script in such a page, whatever its own policy is, can do what the page of the emulator can, but for the token.
    const shop = await start("--sign-in", "page");
    const bare = await browser.newContext({ bypassCSP: true });
    const inside = await bare.newPage();
    await inside.goto(link(shop.url));
    assert.equal(new URL(inside.url()).pathname, "/common/oauth2/v2.0/authorize");
    const found = await inside.evaluate(async () => {
      const found = {};
      const get = async (name, path, init) => { found[name] = await fetch(path, init).then(async (response) => [response.status, (await response.text()).includes("data-token")], String); };
      await get("graph", "/v1.0/teams");
      await get("document", "/_emulator/ui/");
      await get("posted", "/_emulator/ui/", { method: "POST", body: "{}" });
      await get("worlds", "/_emulator/worlds");
      await get("stream", "/_emulator/journal/stream?seconds=0");
      await get("reset", "/_emulator/worlds/default/reset", { method: "POST", body: "{}" });
      await get("guess", "/_emulator/worlds", { headers: { "x-wfi-emulator-ui-token": "0".repeat(64) } });
      await get("entity", "/_emulator/worlds/default/entities?at=teams", { method: "PATCH", body: "{}" });
      const frame = document.createElement("iframe");
      await new Promise((resolve) => { Object.assign(frame, { src: "/_emulator/ui/", onload: resolve, onerror: resolve }); document.body.append(frame); });
      found.frame = frame.contentDocument?.documentElement.dataset.token ?? "";
      return found;
    });
    const refused = [403, false];
    assert.deepEqual(found, {
      graph: [200, false], document: refused, posted: [405, false], worlds: refused, stream: refused, reset: refused, guess: refused, entity: refused, frame: "",
    });
    await bare.close();
    shop.stop();
  });

  await check("the token is not left in the document", async () => {
    assert.equal(/[0-9a-f]{64}/.test(await page.content()), false);
    assert.equal(await page.evaluate(() => document.cookie + JSON.stringify({ ...localStorage, ...sessionStorage })), "{}");
  });

  for (const scheme of ["light", "dark"]) {
    await check(`axe-core finds nothing, ${scheme} and narrow`, async () => {
      await page.emulateMedia({ colorScheme: scheme });
      for (const width of [1160, 420]) {
        await page.setViewportSize({ width, height: 640 });
        await tab(page, "Requests");
        await page.locator(".list").evaluate((list) => { list.scrollTop = 0; });
        await ask("PATCH", first, { displayName: `Rota ${scheme} ${width}` });
        await ask("PATCH", first, { displayName: 1 });
        await choose(rows(page).filter({ hasText: "PATCH" }));
        await page.locator(".detail:visible .reasons").waitFor();
        await audit(page, `requests, ${width}`);
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        assert.equal(overflow, 0, `the page is ${overflow} pixels too wide at ${width}`);
        await page.keyboard.press("Escape");
        // What was shown at the last visit is read again.
        await Promise.all([page.waitForResponse((response) => response.url().endsWith("/entities?")), tab(page, "State")]);
        await page.getByRole("navigation", { name: "Collections" }).getByRole("button", { name: /^teams \(/ }).click();
        await page.locator(".table tbody button").first().click();
        await page.locator(".panes.three > .detail:visible h2").waitFor();
        await page.locator(".detail summary").first().click();
        await audit(page, `state, ${width}`);
        for (const name of ["Report", "Faults", "Clock", "Behaviors"]) {
          await tab(page, name);
          await page.waitForTimeout(200);
          await audit(page, `${name}, ${width}`);
        }
      }
      await page.setViewportSize({ width: 1160, height: 640 });
    });
  }

  await check("no head of a column is cut, and arrows of the tree are beside their names", async () => {
    for (const width of [1040, 1160]) {
      await page.setViewportSize({ width, height: 640 });
      await tab(page, "Requests");
      const cut = () => page.locator(".heads:visible span").evaluateAll((heads) => heads.filter((head) => head.scrollWidth > head.clientWidth).map((head) => head.textContent));
      assert.deepEqual(await cut(), [], `of the list, ${width}`);
      await choose(rows(page).filter({ hasText: "PATCH" }));
      await page.locator(".detail:visible").waitFor();
      assert.deepEqual(await cut(), [], `beside a request, ${width}`);
      await page.keyboard.press("Escape");
      await tab(page, "State");
      await page.getByRole("navigation", { name: "Collections" }).getByRole("button", { name: /^teams \(/ }).waitFor();
      const apart = await page.locator(".tree li:has(> details)").evaluateAll((items) => items.filter((item) => {
        const [name, arrow] = [item.querySelector(":scope > button"), item.querySelector(":scope > details > summary")].map((part) => part.getBoundingClientRect());
        return arrow.top >= name.bottom;
      }).map((item) => item.textContent));
      assert.deepEqual(apart, [], `of the tree, ${width}`);
    }
    await page.setViewportSize({ width: 1160, height: 640 });
  });

  if (pictures) {
    const shop = await start("--seed", "1");
    const send = (method, target, body) => fetch(shop.url + target, { method, headers: { "content-type": "application/json" }, body: body && JSON.stringify(body) });
    for (const scheme of ["light", "dark"]) {
      const shots = await browser.newContext({ viewport: { width: 1040, height: 560 }, colorScheme: scheme });
      const shot = await open(shots, `${shop.url}/_emulator/ui/`);
      await send("GET", "/v1.0/teams");
      await send("GET", `${integrations}?$filter=isActive eq true`);
      await send("PATCH", first, { displayName: scheme === "light" ? "Contoso rota" : "Contoso rota (new)", isActive: scheme !== "light" });
      await send("PATCH", first, { displayName: 1 });
      await send("POST", "/v1.0/$batch", { requests: [{ id: "1", method: "GET", url: "/users" }, { id: "2", method: "GET", url: "/teams/none" }] });
      await row(shot, "$batch").waitFor();
      await choose(row(shot, "changed"));
      await shot.locator(".detail:visible .diff").waitFor();
      await picture(shot, `requests-${scheme}`);
      await tab(shot, "State");
      const tree = shot.getByRole("navigation", { name: "Collections" });
      await tree.getByRole("button", { name: /^teams \(/ }).click();
      await shot.locator(".table tbody button").first().click();
      await shot.locator(".panes.three > .detail:visible h2").waitFor();
      await picture(shot, `state-${scheme}`);
      await shots.close();
    }
    shop.stop();
  }

  await check("ten thousand worlds are shown page by page", async () => {
    const many = await start("--seed", "1");
    const one = async (from) => { for (let index = from; index < 10000; index += 16) await fetch(`${many.url}/_world/suite-${String(index).padStart(4, "0")}/v1.0/none`); };
    await Promise.all(Array.from({ length: 16 }, (_, from) => one(from)));
    const far = await open(context, `${many.url}/_emulator/ui/`);
    far.setDefaultTimeout(60000);
    const sizes = [];
    far.on("response", async (response) => { if (response.url().includes("/_emulator/worlds?")) sizes.push((await response.body().catch(() => "")).length); });
    await tab(far, "State");
    const worlds = far.getByRole("region", { name: "Worlds" });
    await worlds.getByText("100 of 10001").waitFor();
    assert.ok((await far.locator("#world option").count()) < 250);
    await worlds.getByRole("button", { name: "Next worlds" }).click();
    await worlds.getByRole("button", { name: "suite-0198", exact: true }).waitFor();
    assert.equal(await worlds.locator("tbody tr").count(), 100);
    await far.getByLabel("Find a world").fill("SUITE-87");
    await worlds.getByRole("button", { name: "suite-8765", exact: true }).waitFor();
    await worlds.getByRole("button", { name: "suite-8765", exact: true }).click();
    await far.locator("#world option:checked", { hasText: "suite-8765" }).waitFor({ state: "attached" });
    await far.getByRole("navigation", { name: "Collections" }).getByRole("button", { name: /^teams \(/ }).waitFor();
    assert.ok(sizes.length > 0 && Math.max(...sizes) < 300000, String(sizes));
    await far.close();
    many.stop();
  });

  await check("without the page, or without the control API, there is nothing of it", async () => {
    for (const flags of [["--ui", "off"], ["--control", "off"]]) {
      const plain = await start(...flags);
      const spy = await context.newPage();
      assert.equal((await spy.goto(`${plain.url}/`)).status(), 400);
      const { status } = await fetch(`${plain.url}/_emulator/ui/`);
      assert.ok(status === 404 || status === 400, `${flags} ${status}`);
      await spy.close();
      plain.stop();
    }
  });

  await check("no script has failed, and nothing was tried that the policy forbids", async () => assert.deepEqual(problems, []));
} finally {
  await browser.close();
  emulator.stop();
  others.close();
  rmSync(folder, { recursive: true, force: true });
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;
