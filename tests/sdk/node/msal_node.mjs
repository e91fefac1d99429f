// MSAL for Node: every supported way to sign in, and a request with the token.
import assert from "node:assert/strict";
import { bearerTokenAuthenticationPolicy, createDefaultHttpClient, createEmptyPipeline, createPipelineRequest } from "@azure/core-rest-pipeline";
import { DeviceCodeCredential } from "@azure/identity";
import { ConfidentialClientApplication, CryptoProvider, ManagedIdentityApplication, PublicClientApplication, ServerError } from "@azure/msal-node";
import { arrived, check, COLLECTION, CONTOSO, own } from "./checks.mjs";

const graphUrl = process.env.GRAPH_URL;
const auth = { clientId: "any-app", authority: `${graphUrl}/contoso`, knownAuthorities: [new URL(graphUrl).host] };
const scopes = ["https://graph.microsoft.com/WorkforceIntegration.ReadWrite.All"];

/** Calls Graph with a token. */
async function use(result) {
  const answer = await fetch(`${graphUrl}${COLLECTION}/${CONTOSO}`, { headers: own(result.accessToken) });
  assert.equal(answer.status, 200);
  assert.equal((await answer.json()).displayName, "Contoso Workforce");
}

await check("client credentials", async () => {
  const application = new ConfidentialClientApplication({ auth: { ...auth, clientSecret: "any-secret" } });
  const request = { scopes: ["https://graph.microsoft.com/.default"] };
  await use(await application.acquireTokenByClientCredential(request));
  assert.equal((await application.acquireTokenByClientCredential(request)).fromCache, true);
  arrived("GET", "/contoso/v2.0/.well-known/openid-configuration*", 200);
  arrived("POST", "/*/oauth2/v2.0/token*", 200);
  arrived("GET", `${COLLECTION}/${CONTOSO}`, 200);
});

await check("authorization code with PKCE, then the refresh token", async () => {
  const application = new PublicClientApplication({ auth });
  const { verifier, challenge } = await new CryptoProvider().generatePkceCodes();
  const redirectUri = "http://localhost/back";
  const url = await application.getAuthCodeUrl({ scopes, redirectUri, codeChallenge: challenge, codeChallengeMethod: "S256", responseMode: "query" });
  const answer = await fetch(url, { headers: own(), redirect: "manual" });
  assert.equal(answer.status, 302);
  const code = new URL(answer.headers.get("location")).searchParams.get("code");
  const result = await application.acquireTokenByCode({ code, scopes, redirectUri, codeVerifier: verifier });
  await use(result);
  const silent = await application.acquireTokenSilent({ account: result.account, scopes, forceRefresh: true });
  await use(silent);
  arrived("GET", "/*/oauth2/v2.0/authorize*", 302);
});

await check("device code", async () => {
  const application = new PublicClientApplication({ auth });
  let shown;
  await use(await application.acquireTokenByDeviceCode({ scopes, deviceCodeCallback: (answer) => (shown = answer) }));
  assert.ok(shown.userCode && shown.verificationUri && shown.message);
  arrived("POST", "/*/oauth2/v2.0/devicecode*", 200);
});

await check("user name and password, then the cache", async () => {
  const application = new PublicClientApplication({ auth });
  const result = await application.acquireTokenByUsernamePassword({ scopes, username: "jane@contoso.com", password: "secret" });
  await use(result);
  assert.equal(result.account.username, "jane@contoso.com");
  assert.equal(result.account.homeAccountId, `${result.account.localAccountId}.${result.account.tenantId}`);
  assert.equal((await application.acquireTokenSilent({ account: result.account, scopes })).fromCache, true);
});

await check("an API calls Graph on behalf of the user", async () => {
  const api = "22222222-2222-2222-2222-222222222222";
  const application = new PublicClientApplication({ auth });
  const asked = { scopes: [`api://${api}/Orders.Read`], username: "jane@contoso.com", password: "secret" };
  const oboAssertion = (await application.acquireTokenByUsernamePassword(asked)).accessToken;
  const service = new ConfidentialClientApplication({ auth: { ...auth, clientId: api, clientSecret: "any-secret" } });
  await use(await service.acquireTokenOnBehalfOf({ scopes, oboAssertion }));
  assert.equal((await service.acquireTokenOnBehalfOf({ scopes, oboAssertion })).fromCache, true);
});

await check("azure-identity answers a challenge by itself", async () => {
  let shown = 0;
  const credential = new DeviceCodeCredential({
    tenantId: "contoso", clientId: "any-app", authorityHost: graphUrl, disableInstanceDiscovery: true, userPromptCallback: () => (shown += 1),
  });
  const pipeline = createEmptyPipeline();
  pipeline.addPolicy(bearerTokenAuthenticationPolicy({ credential, scopes: [...scopes, "https://graph.microsoft.com/User.RevokeSessions.All"] }));
  const client = createDefaultHttpClient();
  const send = async (method, path) => (await pipeline.sendRequest(client, createPipelineRequest({ method, url: graphUrl + path }))).status;
  assert.equal(await send("GET", COLLECTION), 200);
  await new Promise((resolve) => setTimeout(resolve, 1100));
  assert.equal(await send("POST", "/v1.0/me/revokeSignInSessions"), 200);
  assert.equal(await send("GET", COLLECTION), 200);
  assert.equal(shown, 2);
  arrived("POST", "/v1.0/me/revokeSignInSessions", 200);
  arrived("GET", COLLECTION, 200);
  arrived("GET", COLLECTION, 401);
});

await check("a managed identity by environment", async () => {
  process.env.IDENTITY_ENDPOINT = `${process.env.PLAIN_URL}/msi/token`;
  process.env.IDENTITY_HEADER = "any";
  const application = new ManagedIdentityApplication({});
  const result = await application.acquireToken({ resource: "https://graph.microsoft.com" });
  await use(result);
  assert.equal((await application.acquireToken({ resource: "https://graph.microsoft.com" })).fromCache, true);
  arrived("GET", "/msi/token*", 200);
});

await check("a grant that is refused", async () => {
  const service = new ConfidentialClientApplication({ auth: { ...auth, clientSecret: "any-secret" } });
  const exchange = service.acquireTokenOnBehalfOf({ scopes, oboAssertion: "no-token" });
  await assert.rejects(exchange, (error) => error instanceof ServerError && /AADSTS/.test(error.errorMessage));
  arrived("POST", "/*/oauth2/v2.0/token*", 400);
});
