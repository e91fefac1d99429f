// The JavaScript core client with @azure/identity, recorded between client and service over HTTPS, and the recording compared.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { ClientSecretCredential } from "@azure/identity";
import { Client, PageIterator } from "@microsoft/microsoft-graph-client";
import { TokenCredentialAuthenticationProvider } from "@microsoft/microsoft-graph-client/authProviders/azureTokenCredentials/index.js";
import { arrived, check, COLLECTION, CONTOSO, NAMES, own } from "./checks.mjs";

const { AUTHORITIES, EMULATOR, GRAPH_URL, SSL_CERT_FILE } = process.env;
const scope = "https://graph.microsoft.com/.default";
const folder = mkdtempSync(join(tmpdir(), "wfi-emulator-recorded-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

// The service is the emulator of the suite, which accepts its own tokens only; both present certificates of one authority.
const flags = ["--upstream", GRAPH_URL, "--upstream-ca", SSL_CERT_FILE, "--out", folder, "--port", "0", "--tls", "--ca-dir", AUTHORITIES];
const recorder = spawn(EMULATOR, ["record", ...flags, "--log", "warn"], { stdio: ["ignore", "pipe", "inherit"] });
const [url] = await once(createInterface({ input: recorder.stdout }), "line");

// Sign-in is at the service, as in production, where the recorder has Graph alone behind it.
const options = { authorityHost: GRAPH_URL, disableInstanceDiscovery: true };
const credential = new ClientSecretCredential("contoso", "any-app", "any-secret", options);
const client = Client.initWithMiddleware({
  baseUrl: url,
  customHosts: new Set([new URL(url).hostname]),
  authProvider: new TokenCredentialAuthenticationProvider(credential, { scopes: [scope] }),
});
const { token } = await credential.getToken(scope);

await check("two pages through the recorder", async () => {
  const first = await client.api("/teamwork/workforceIntegrations").get();
  assert.equal(first.value.length, 2);
  assert.ok(first["@odata.nextLink"].startsWith(`${url}${COLLECTION}?`), first["@odata.nextLink"]);
  const names = [];
  await new PageIterator(client, first, (item) => names.push(item.displayName) > 0).iterate();
  assert.deepEqual(names, NAMES);
  const entity = await client.api(`/teamwork/workforceIntegrations/${CONTOSO}`).get();
  assert.equal(entity.displayName, NAMES[0]);
  arrived("GET", "/contoso/v2.0/.well-known/openid-configuration*", 200);
  arrived("POST", "/*/oauth2/v2.0/token*", 200);
  arrived("GET", COLLECTION, 200);
  arrived("GET", `${COLLECTION}?*skiptoken=*`, 200);
  arrived("GET", `${COLLECTION}/${CONTOSO}`, 200);
});

await check("the recording has the links of the service, and no token", async () => {
  recorder.kill("SIGTERM");
  const [status] = await once(recorder, "exit");
  assert.equal(status, 0);
  const text = readFileSync(join(folder, "recorded-0001.hurl"), "utf8");
  assert.ok(text.includes(`"@odata.nextLink": "${GRAPH_URL}${COLLECTION}?`), text);
  assert.ok(text.includes("\nauthorization: Bearer ") && !text.includes(token), text);
  assert.equal(text.match(/^GET /gm).length, 3);
});

/** Compares the recording, and returns the counts. */
async function compare(...more) {
  const { stdout } = await promisify(execFile)(EMULATOR, ["compare", folder, "--format", "json", ...more]);
  return JSON.parse(stdout).total;
}

await check("compared with the emulator in the process", async () => {
  assert.deepEqual(await compare(), { exchanges: 3, same: 3, known: 0, drift: 0 });
});

await check("compared with the service", async () => {
  const header = ["--header", `Authorization: Bearer ${token}`];
  assert.deepEqual(await compare("--against", GRAPH_URL, "--against-ca", SSL_CERT_FILE, ...header), { exchanges: 3, same: 3, known: 0, drift: 0 });
  // Another user has changed something meanwhile.
  const changed = await fetch(`${GRAPH_URL}${COLLECTION}/${CONTOSO}`, {
    method: "PATCH",
    headers: { ...own(token), "Content-Type": "application/json" },
    body: JSON.stringify({ displayName: "Renamed" }),
  });
  assert.equal(changed.status, 200);
  arrived("PATCH", `${COLLECTION}/${CONTOSO}`, 200);
  const failure = await compare("--against", GRAPH_URL, "--against-ca", SSL_CERT_FILE, ...header).catch((error) => error);
  assert.deepEqual([failure.code, JSON.parse(failure.stdout).total.drift], [1, 2]);
});
