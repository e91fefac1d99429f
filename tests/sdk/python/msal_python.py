"""MSAL for Python: every supported way to sign in, and a request with the token."""

import os

import msal
import requests

from checks import CONTOSO, arrived, check, done, equal

GRAPH_URL = os.environ["GRAPH_URL"]
AUTHORITY = GRAPH_URL + "/contoso"
SCOPES = ["https://graph.microsoft.com/WorkforceIntegration.ReadWrite.All"]
COLLECTION = "/v1.0/teamwork/workforceIntegrations"


def use(result):
    """Calls Graph with a token."""
    assert "access_token" in result, result
    answer = requests.get(f"{GRAPH_URL}{COLLECTION}/{CONTOSO}", headers={"Authorization": "Bearer " + result["access_token"]})
    equal((answer.status_code, answer.json()["displayName"]), (200, "Contoso Workforce"))


def confidential():
    return msal.ConfidentialClientApplication("any-app", client_credential="any-secret", authority=AUTHORITY, instance_discovery=False)


def public():
    return msal.PublicClientApplication("any-app", authority=AUTHORITY, instance_discovery=False)


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
    answer = requests.get(flow["auth_uri"], allow_redirects=False)
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

with check("a grant that is refused"):
    result = confidential().acquire_token_on_behalf_of("no-token", SCOPES)
    assert result.get("error") and "AADSTS" in result["error_description"], result
    arrived("POST", "/*/oauth2/v2.0/token", 400)

done()
