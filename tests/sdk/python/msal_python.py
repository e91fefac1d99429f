"""MSAL for Python: every supported way to sign in, and a request with the token."""

import base64
import os
import re
import time

import jwt
import msal
import requests
from azure.core.pipeline import Pipeline
from azure.core.pipeline.policies import BearerTokenCredentialPolicy
from azure.core.pipeline.transport import RequestsTransport
from azure.core.rest import HttpRequest
from azure.identity import DeviceCodeCredential, ManagedIdentityCredential

from checks import CONTOSO, arrived, check, done, equal, own

GRAPH_URL = os.environ["GRAPH_URL"]
AUTHORITY = GRAPH_URL + "/contoso"
SCOPES = ["https://graph.microsoft.com/WorkforceIntegration.ReadWrite.All"]
#: An API of one's own.
API = "22222222-2222-2222-2222-222222222222"
COLLECTION = "/v1.0/teamwork/workforceIntegrations"


def use(result):
    """Calls Graph with a token."""
    assert "access_token" in result, result
    answer = requests.get(f"{GRAPH_URL}{COLLECTION}/{CONTOSO}", headers=own(result["access_token"]))
    equal((answer.status_code, answer.json()["displayName"]), (200, "Contoso Workforce"))


def confidential():
    return msal.ConfidentialClientApplication("any-app", client_credential="any-secret", authority=AUTHORITY, instance_discovery=False)


class Ported(requests.Session):
    """MSAL for Python asks for the realm of a user without the port of the authority."""

    def request(self, method, url, **options):
        host, _, path = url.removeprefix("https://").partition("/")
        return super().request(method, url if ":" in host else f"{GRAPH_URL}/{path}", **options)


def public(**options):
    return msal.PublicClientApplication("any-app", authority=AUTHORITY, instance_discovery=False, http_client=Ported(), **options)


with check("client credentials"):
    application = confidential()
    use(application.acquire_token_for_client(["https://graph.microsoft.com/.default"]))
    again = application.acquire_token_for_client(["https://graph.microsoft.com/.default"])
    equal(again["token_source"], "cache")
    arrived("GET", "/contoso/v2.0/.well-known/openid-configuration", 200)
    arrived("POST", "/*/oauth2/v2.0/token", 200)
    arrived("GET", f"{COLLECTION}/{CONTOSO}", 200)

with check("authorization code with PKCE, then the refresh token"):
    application = public()
    flow = application.initiate_auth_code_flow(SCOPES, redirect_uri="http://localhost/back")
    answer = requests.get(flow["auth_uri"], headers=own(), allow_redirects=False)
    equal(answer.status_code, 302)
    query = requests.utils.urlparse(answer.headers["Location"]).query
    result = application.acquire_token_by_auth_code_flow(flow, dict(part.split("=", 1) for part in requests.utils.unquote(query).split("&")))
    use(result)
    assert result["id_token_claims"]["preferred_username"], result
    (account,) = application.get_accounts()
    use(application.acquire_token_silent(SCOPES, account, force_refresh=True))
    arrived("GET", "/*/oauth2/v2.0/authorize*", 302)

with check("device code"):
    application = public()
    flow = application.initiate_device_flow(SCOPES)
    assert flow["user_code"] and flow["verification_uri"], flow
    use(application.acquire_token_by_device_flow(flow))
    arrived("POST", "/*/oauth2/v2.0/devicecode", 200)

with check("user name and password, then the cache"):
    application = public()
    use(application.acquire_token_by_username_password("adele@contoso.com", "any-password", SCOPES))
    (account,) = application.get_accounts("adele@contoso.com")
    equal(application.acquire_token_silent(SCOPES, account)["token_source"], "cache")
    equal((account["realm"], account["local_account_id"]), tuple(reversed(account["home_account_id"].split("."))))
    arrived("GET", "/*/userrealm/*@contoso.com*", 200)


def validated(token, audience):
    """Returns the claims of a token, checked by the published documents as an API does."""
    document = requests.get(AUTHORITY + "/v2.0/.well-known/openid-configuration", headers=own()).json()
    key = jwt.PyJWKClient(document["jwks_uri"]).get_signing_key_from_jwt(token).key
    tenant = document["issuer"].split("/")[-2]
    return jwt.decode(token, key, ["RS256"], audience=audience, issuer=f"https://sts.windows.net/{tenant}/")


with check("an API that validates tokens calls Graph on behalf of the user"):
    result = public().acquire_token_by_username_password("adele@contoso.com", "any-password", [f"api://{API}/Orders.Read"])
    claims = validated(result["access_token"], f"api://{API}")
    equal((claims["scp"], claims["upn"], claims["ver"]), ("Orders.Read", "adele@contoso.com", "1.0"))
    for other in [f"api://{API}2", API]:
        try:
            validated(result["access_token"], other)
        except jwt.InvalidAudienceError:
            continue
        raise AssertionError(f"accepted for {other}")
    api = msal.ConfidentialClientApplication(API, client_credential="any-secret", authority=AUTHORITY, instance_discovery=False)
    use(api.acquire_token_on_behalf_of(result["access_token"], SCOPES))
    (account,) = api.get_accounts()
    equal(api.acquire_token_silent(SCOPES, account)["token_source"], "cache")
    equal(api.acquire_token_on_behalf_of(result["id_token"], SCOPES)["error_codes"], [240002])
    arrived("GET", "/*/discovery/v2.0/keys", 200)

with check("hybrid sign-in with form_post"):
    application = confidential()
    flow = application.initiate_auth_code_flow(SCOPES, redirect_uri="http://localhost/back", response_mode="form_post")
    page = requests.get(flow["auth_uri"], headers=own())
    equal(page.status_code, 200)
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page.text))
    use(application.acquire_token_by_auth_code_flow(flow, fields))
    arrived("GET", "/*/oauth2/v2.0/authorize*", 200)

with check("a challenge after a revocation"):
    application = public(client_capabilities=["CP1"])
    result = application.acquire_token_by_username_password("nora@contoso.com", "any-password", [*SCOPES, "User.RevokeSessions.All"])
    equal(result["expires_in"], 86399)
    token = result["access_token"]
    time.sleep(1.1)
    equal(requests.post(GRAPH_URL + "/v1.0/me/revokeSignInSessions", headers=own(token)).json()["value"], True)
    refused = requests.get(f"{GRAPH_URL}{COLLECTION}/{CONTOSO}", headers=own(token))
    equal(refused.status_code, 401)
    challenge = base64.b64decode(re.search(r'claims="([^"]*)"', refused.headers["WWW-Authenticate"])[1]).decode()
    (account,) = application.get_accounts("nora@contoso.com")
    silent = application.acquire_token_silent_with_error(SCOPES, account, claims_challenge=challenge)
    equal((silent["error"], silent["suberror"], silent["error_codes"]), ("invalid_grant", "bad_token", [50173]))
    use(application.acquire_token_by_username_password("nora@contoso.com", "any-password", SCOPES, claims_challenge=challenge))
    arrived("POST", "/v1.0/me/revokeSignInSessions", 200)
    arrived("GET", f"{COLLECTION}/{CONTOSO}", 401)

with check("azure-identity answers a challenge by itself"):
    scopes = [*SCOPES, "https://graph.microsoft.com/User.RevokeSessions.All"]
    shown = []
    credential = DeviceCodeCredential(
        "any-app", tenant_id="contoso", authority=GRAPH_URL, disable_instance_discovery=True, prompt_callback=lambda *code: shown.append(code)
    )
    pipeline = Pipeline(RequestsTransport(), [BearerTokenCredentialPolicy(credential, *scopes, enable_cae=True)])
    statuses = []
    for method, path in [("GET", COLLECTION), ("GET", COLLECTION), ("POST", "/v1.0/me/revokeSignInSessions"), ("GET", COLLECTION)]:
        if method == "POST":
            time.sleep(1.1)
        statuses.append(pipeline.run(HttpRequest(method, GRAPH_URL + path)).http_response.status_code)
    equal(statuses, [200, 200, 200, 200])
    equal(len(shown), 2)
    arrived("GET", COLLECTION, 200)
    arrived("GET", COLLECTION, 401)

with check("managed identities by environment"):
    plain = os.environ["PLAIN_URL"]
    for variables, path in [
        ({"IDENTITY_ENDPOINT": plain + "/msi/token", "IDENTITY_HEADER": "any"}, "/msi/token*"),
        ({"AZURE_POD_IDENTITY_AUTHORITY_HOST": plain}, "/metadata/identity/oauth2/token*"),
    ]:
        os.environ.update(variables)
        token = ManagedIdentityCredential().get_token("https://graph.microsoft.com/.default")
        use({"access_token": token.token})
        assert token.expires_on - time.time() > 80000, token
        identity = ManagedIdentityCredential(client_id="11111111-1111-1111-1111-111111111111")
        claims = jwt.decode(identity.get_token("https://vault.azure.net/.default").token, options={"verify_signature": False})
        equal((claims["appid"], claims["aud"], claims["appidacr"]), ("11111111-1111-1111-1111-111111111111", "https://vault.azure.net", "2"))
        for name in variables:
            del os.environ[name]
        arrived("GET", path, 200)

with check("a grant that is refused"):
    result = confidential().acquire_token_on_behalf_of("no-token", SCOPES)
    assert result.get("error") and "AADSTS" in result["error_description"], result
    arrived("POST", "/*/oauth2/v2.0/token", 400)

done()
