// A single-page application with MSAL for browsers, in Chromium, signs people in at the emulator's page.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:https";
import { tmpdir } from "node:os";
import path from "node:path";
import { chromium } from "playwright-core";

const program = process.argv[2];
const modules = path.join(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), "node_modules");
const library = path.join(modules, "@azure/msal-browser/lib");
const folder = mkdtempSync(path.join(tmpdir(), "wfi-emulator-browser-"));
const application = "11111111-1111-1111-1111-111111111111";
const scopes = ["User.Read", "Mail.Read"];

/** What the application's server has received. */
const received = { posted: [], front: [] };

// Over plain HTTP the page would be of another site than the emulator, whose frames get no cookies.
const [key, cert] = ["key.pem", "cert.pem"].map((name) => path.join(folder, name));
const made = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-subj", "/CN=localhost", "-days", "2"];
execFileSync("openssl", made, { stdio: "ignore" });
const server = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (request, response) => {
  let body = "";
  request.on("data", (part) => (body += part));
  request.on("end", () => {
    const { pathname, searchParams } = new URL(request.url, "https://localhost");
    const send = (type, text) => response.writeHead(200, { "content-type": type }).end(text);
    if (pathname === "/msal.js") return send("text/javascript", readFileSync(path.join(library, "msal-browser.min.js")));
    if (pathname === "/bridge.js") return send("text/javascript", readFileSync(path.join(library, "redirect-bridge/msal-redirect-bridge.min.js")));
    if (pathname === "/signed-in") received.posted.push(Object.fromEntries(new URLSearchParams(body)));
    if (pathname === "/front") received.front.push(Object.fromEntries(searchParams));
    if (pathname === "/blank") {
      const script = '<script src="/bridge.js"></script><script>msalRedirectBridge.broadcastResponseToMainFrame();</script>';
      return send("text/html", `<!doctype html><title>blank</title>${script}`);
    }
    send("text/html", `<!doctype html><title>${pathname}</title><script src="/msal.js"></script>`);
  });
});
await new Promise((resolve) => server.listen(0, "localhost", resolve));
const own = `https://localhost:${server.address().port}`;

const directory = path.join(folder, "directory.json");
writeFileSync(directory, JSON.stringify({
  tenantId: "88888888-8888-8888-8888-888888888888",
  domains: ["contoso.com"],
  applications: [{
    appId: application,
    displayName: "Page",
    redirectUris: { spa: [`${own}/`, `${own}/blank`], web: [`${own}/signed-in`, `${own}/bye`] },
    implicit: { idTokens: true },
    scopes: ["User.Read"],
    frontChannelLogoutUrl: `${own}/front`,
  }],
  users: [
    { id: "366c0b19-49b1-41b5-a03f-9f3887bd0ed8", userPrincipalName: "adele@contoso.com", displayName: "Adele Vance" },
    { id: "00000000-0000-4000-8000-000000000001", userPrincipalName: "lynne@contoso.com", displayName: "Lynne Robbins" },
  ],
}));
const flags = ["--port", "0", "--tls", "--ca-dir", path.join(folder, "ca"), "--sign-in", "page", "--directory", directory, "--auth", "strict"];
const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("WFI_EMULATOR_")));
const emulator = spawn(program, flags, { env: environment, stdio: ["ignore", "pipe", "pipe"] });
let log = "";
emulator.stderr.on("data", (part) => (log += part));
const base = await new Promise((resolve, reject) => {
  emulator.stdout.once("data", (line) => resolve(String(line).trim().replace("127.0.0.1", "localhost")));
  emulator.once("exit", () => reject(new Error(`the emulator does not start: ${log}`)));
});

/** Returns how many requests to an endpoint the log has. */
const count = (part) => log.split("\n").filter((line) => line.includes(part)).length;

const candidates = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const browser = await chromium.launch({
  executablePath: candidates.find(existsSync),
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
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

/** Runs a function with an application of MSAL in the page. */
const withMsal = (page, body, more = {}) => page.evaluate(async ({ text, ...options }) => {
  const host = new URL(options.base).host;
  window.application = new msal.PublicClientApplication({
    auth: { clientId: options.application, authority: `${options.base}/contoso.com`, knownAuthorities: [host], redirectUri: `${location.origin}/` },
    cache: { cacheLocation: "localStorage" },
  });
  await window.application.initialize();
  try {
    return await eval(`(${text})`)(window.application, options);
  } catch (error) {
    return { error: error.errorCode, message: error.message };
  }
}, { text: body.toString(), base, application, scopes, own, ...more });

try {
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const page = await context.newPage();
  const begin = async () => {
    await page.goto(`${own}/`);
    const opened = page.waitForURL(`${base}/**`);
    withMsal(page, (application, { scopes }) => application.loginRedirect({ scopes })).catch(() => {});
    await opened;
  };
  const finish = () => withMsal(page, async (application) => {
    const result = await application.handleRedirectPromise();
    return result && { name: result.account.name, username: result.account.username, home: result.account.homeAccountId, scopes: result.scopes };
  });

  await check("a person declines", async () => {
    await begin();
    assert.match(await page.locator("ul").innerText(), /Mail\.Read/);
    await Promise.all([page.waitForURL(`${own}/**`), page.click("text=Decline")]);
    const result = await finish();
    assert.equal(result.error, "access_denied", JSON.stringify(result));
  });

  await check("a person cancels", async () => {
    await begin();
    await Promise.all([page.waitForURL(`${own}/**`), page.click("text=Cancel")]);
    assert.equal((await finish()).error, "access_denied");
  });

  await check("a person accepts: code with PKCE", async () => {
    await begin();
    await page.check('input[value="lynne@contoso.com"]');
    await Promise.all([page.waitForURL(`${own}/**`), page.click("text=Accept")]);
    const result = await finish();
    assert.equal(result.username, "lynne@contoso.com", JSON.stringify(result));
    assert.equal(result.home, "00000000-0000-4000-8000-000000000001.88888888-8888-8888-8888-888888888888");
    assert.ok(result.scopes.includes("Mail.Read"), JSON.stringify(result));
  });

  await check("the cache sends nothing, and the token is Graph's", async () => {
    const before = count("/oauth2/v2.0/token");
    const result = await withMsal(page, async (application, { scopes, base }) => {
      const [account] = application.getAllAccounts();
      const result = await application.acquireTokenSilent({ scopes, account });
      const answer = await fetch(`${base}/v1.0/me/messages?$top=1`, { headers: { Authorization: `Bearer ${result.accessToken}` } });
      return { fromCache: result.fromCache, status: answer.status };
    });
    assert.deepEqual(result, { fromCache: true, status: 200 });
    assert.equal(count("/oauth2/v2.0/token"), before);
  });

  await check("a refresh token renews", async () => {
    const before = count("/oauth2/v2.0/token");
    const result = await withMsal(page, async (application, { scopes }) => {
      const [account] = application.getAllAccounts();
      return (await application.acquireTokenSilent({ scopes, account, forceRefresh: true })).fromCache;
    });
    assert.equal(result, false, JSON.stringify(result));
    assert.equal(count("/oauth2/v2.0/token"), before + 1);
  });

  await check("a frame signs in silently", async () => {
    const result = await withMsal(page, async (application, { scopes, own }) => {
      const result = await application.ssoSilent({ scopes, loginHint: "lynne@contoso.com", redirectUri: `${own}/blank` });
      return result.account.username;
    });
    assert.equal(result, "lynne@contoso.com", JSON.stringify(result));
  });

  await check("hybrid sign-in by form_post", async () => {
    const asked = new URLSearchParams({
      client_id: application, response_type: "code id_token", redirect_uri: `${own}/signed-in`, scope: "openid profile User.Read",
      response_mode: "form_post", nonce: "n", state: "a \"quoted\" <state>",
    });
    await Promise.all([page.waitForURL(`${own}/signed-in`), page.goto(`${base}/contoso.com/oauth2/v2.0/authorize?${asked}`)]);
    const [fields] = received.posted;
    assert.deepEqual(Object.keys(fields), ["code", "id_token", "state", "session_state"]);
    assert.equal(fields.state, "a \"quoted\" <state>");
    const claims = JSON.parse(Buffer.from(fields.id_token.split(".")[1], "base64url").toString());
    assert.equal(claims.nonce, "n");
    assert.ok(claims.c_hash);
  });

  await check("sign-out ends the session", async () => {
    await page.goto(`${own}/`);
    const back = page.waitForURL(`${own}/bye**`);
    withMsal(page, (application, { own }) => {
      const [account] = application.getAllAccounts();
      return application.logoutRedirect({ account, postLogoutRedirectUri: `${own}/bye` });
    }).catch(() => {});
    await back;
    assert.equal(received.front.length, 1);
    assert.ok(received.front[0].sid && received.front[0].iss.endsWith("/v2.0"), JSON.stringify(received.front));
    const result = await withMsal(page, async (application, { scopes, own }) => {
      await application.ssoSilent({ scopes, redirectUri: `${own}/blank` });
      return {};
    });
    assert.equal(result.error, "login_required", JSON.stringify(result));
  });
} finally {
  await browser.close();
  emulator.kill();
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true, force: true });
}
if (failed) console.log(log.split("\n").filter((line) => line.includes("INFO")).join("\n"));
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed || !passed ? 1 : 0);
