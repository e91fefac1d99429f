// The core client for JavaScript with its sign-in, as its documentation shows it: no address, no certificate, no proxy. `tests/run` runs it.
import { ClientSecretCredential } from "@azure/identity";
import { Client } from "@microsoft/microsoft-graph-client";
import { TokenCredentialAuthenticationProvider } from "@microsoft/microsoft-graph-client/authProviders/azureTokenCredentials/index.js";

const credential = new ClientSecretCredential("6a8a9cb5-4c02-4f5e-9a4b-7c9b6a1f0d31", "0d6e0b2f-3f57-4f3c-8a39-0f4b8f7f2a11", "hush");
const authProvider = new TokenCredentialAuthenticationProvider(credential, { scopes: ["https://graph.microsoft.com/.default"] });
const users = await Client.initWithMiddleware({ authProvider }).api("/users").get();
for (const user of users.value) console.log(user.displayName);
