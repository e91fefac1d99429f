//! Applications, users and consents of sign-in are those of Graph: each change of one side shows on the other.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use wfi_emulator::internals::text::exchange::{RecordedRequest, RecordedResponse};
use wfi_emulator::internals::world::World;
use wfi_emulator::internals::world::clock::Clock;
use wfi_emulator::internals::world::fixture::directory::Directory;
use wfi_emulator::internals::world::settings::{Settings, SignIn};
use wfi_emulator::internals::world::worlds::Worlds;

use crate::support::{harness, museum, tokens};

const TENANT: &str = "88888888-8888-8888-8888-888888888888";
const WEB: &str = "11111111-1111-1111-1111-111111111111";
const ORDERS: &str = "22222222-2222-2222-2222-222222222222";
const DAEMON: &str = "33333333-3333-3333-3333-333333333333";
const ADELE: &str = "366c0b19-49b1-41b5-a03f-9f3887bd0ed8";
/// The id of a user of the built-in fixtures.
const NORA: &str = "c5d0c76b-80c4-481c-be50-923cd8d680a1";
const GRAPH: &str = "00000003-0000-0000-c000-000000000000";
const REDIRECT: &str = "https://web.contoso.com/in";

/// Mail.Read and User.Read as delegated permissions, User.Read.All as an application permission.
const MAIL_READ: &str = "570282fd-fa5c-430d-a7fd-fc8dc98a9dca";
const USER_READ: &str = "e1fe6dd8-ba31-4d61-89e7-88639da4683d";
const USER_READ_ALL: &str = "df021288-bdef-4463-88db-98f22de89214";

fn directory() -> Value {
    json!({
        "tenantId": TENANT,
        "applications": [
            {
                "appId": WEB, "displayName": "Web", "secrets": ["right", { "secretText": "old", "endDateTime": "2025-01-01T00:00:00Z" }],
                "redirectUris": { "web": [REDIRECT] }, "scopes": ["User.Read", "https://management.azure.com/user_impersonation"],
                "implicit": { "idTokens": true }, "optionalClaims": { "idToken": ["sid"] }, "groupMembershipClaims": true,
                "federatedCredentials": [{ "issuer": "https://issuer.example", "subject": "a" }],
            },
            {
                "appId": ORDERS, "displayName": "Orders", "identifierUris": ["https://orders.contoso.com"], "exposedScopes": ["Orders.Read"],
                "appRoleAssignments": { "adele@contoso.com": ["Approver"], DAEMON: ["Sync"] }, "appRoleAssignmentRequired": true,
            },
            { "appId": DAEMON, "displayName": "Daemon", "secrets": ["s"], "roles": ["User.Read.All"] },
        ],
        "users": [
            {
                "id": ADELE, "userPrincipalName": "adele@contoso.com", "password": "p",
                "groups": ["99999999-0000-4000-8000-000000000001"],
            },
            { "id": "11110b19-49b1-41b5-a03f-9f3887bd0ed8", "userPrincipalName": "lynne@contoso.com" },
            { "id": NORA, "userPrincipalName": "nora.lindqvist@contoso.onmicrosoft.com", "surname": "Lind" },
        ],
    })
}

fn settings(directory: &Value) -> Settings {
    let directory = Directory::read(directory.to_string().as_bytes()).unwrap().into();
    Settings { directory, ..harness::settings_with(&[]) }
}

fn world() -> World {
    World::new(settings(&directory()))
}

fn send(world: &World, method: Method, target: &str, headers: &[(&str, &str)], body: &str) -> RecordedResponse {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    harness::send(world, &RecordedRequest { method, target: target.to_owned(), headers, body: body.to_owned().into() })
}

/// Sends a request to Graph, which succeeds, and returns the answer.
#[allow(clippy::needless_pass_by_value, reason = "calls read better so")]
fn graph(world: &World, method: Method, path: &str, body: &Value) -> Value {
    let text = if body.is_null() { String::new() } else { body.to_string() };
    let answer = send(
        world,
        method.clone(),
        &format!("/v1.0{}", path.replace(' ', "%20")),
        &[("Content-Type", "application/json")],
        &text,
    );
    assert!(answer.status.is_success(), "{method} {path}: {} {}", answer.status, String::from_utf8_lossy(&answer.body));
    serde_json::from_slice(&answer.body).unwrap_or_default()
}

fn get(world: &World, path: &str) -> Value {
    graph(world, Method::GET, path, &Value::Null)
}

fn post_form(world: &World, form: &str) -> Value {
    let answer = send(world, Method::POST, "/contoso.com/oauth2/v2.0/token", &[], form);
    serde_json::from_slice(&answer.body).unwrap()
}

/// Returns the number of the refusal of a request for a token, 0 for a token.
fn number(world: &World, form: &str) -> i64 {
    let answer = post_form(world, form);
    if answer["access_token"].is_string() { 0 } else { answer["error_codes"][0].as_i64().unwrap() }
}

fn claims(world: &World, form: &str) -> Value {
    let answer = post_form(world, form);
    tokens::claims(answer["access_token"].as_str().unwrap_or_else(|| panic!("{answer}")))
}

fn of_application(client: &str, secret: &str) -> String {
    let scope = "https%3A%2F%2Fgraph.microsoft.com%2F.default";
    format!("grant_type=client_credentials&client_id={client}&client_secret={secret}&scope={scope}")
}

fn of_user(user: &str, password: &str, scope: &str) -> String {
    format!("grant_type=password&client_id={WEB}&username={user}@contoso.com&password={password}&scope={scope}")
}

fn authorize(world: &World, scope: &str) -> RecordedResponse {
    let redirect = "https%3A%2F%2Fweb.contoso.com%2Fin";
    let query = format!("client_id={WEB}&response_type=code&redirect_uri={redirect}&scope={scope}&login_hint=adele@contoso.com");
    send(world, Method::GET, &format!("/contoso.com/oauth2/v2.0/authorize?{query}"), &[], "")
}

fn application(world: &World, app_id: &str) -> Value {
    get(world, &format!("/applications(appId='{app_id}')"))
}

fn principal(world: &World, app_id: &str) -> String {
    get(world, &format!("/servicePrincipals(appId='{app_id}')"))["id"].as_str().unwrap().to_owned()
}

#[test]
fn an_application_that_graph_creates_signs_in() {
    let world = world();
    let created = graph(&world, Method::POST, "/applications", &json!({ "displayName": "New" }));
    let (id, app_id) = (created["id"].as_str().unwrap(), created["appId"].as_str().unwrap());
    assert_eq!(number(&world, &of_application(app_id, "any")), 7_000_215, "it has no secret yet");
    let add = |body: Value| graph(&world, Method::POST, &format!("/applications/{id}/addPassword"), &body);
    let secret = add(json!({ "passwordCredential": { "displayName": "first" } }));
    let text = secret["secretText"].as_str().unwrap();
    let token = claims(&world, &of_application(app_id, text));
    assert_eq!((&token["app_displayname"], &token["roles"]), (&"New".into(), &Value::Null));
    assert_eq!(number(&world, &of_application(app_id, "other")), 7_000_215);
    let old = add(json!({ "passwordCredential": { "endDateTime": "2026-01-01T00:00:00Z" } }));
    assert_eq!(number(&world, &of_application(app_id, old["secretText"].as_str().unwrap())), 7_000_222);
    graph(&world, Method::POST, &format!("/applications/{id}/removePassword"), &json!({ "keyId": secret["keyId"] }));
    assert_eq!(number(&world, &of_application(app_id, text)), 7_000_215);
    let again = add(json!({}));
    let again = of_application(app_id, again["secretText"].as_str().unwrap());
    assert_eq!(number(&world, &again), 0);
    graph(&world, Method::DELETE, &format!("/applications/{id}"), &Value::Null);
    assert_eq!(number(&world, &again), 700_016);
    graph(&world, Method::POST, &format!("/directory/deletedItems/{id}/restore"), &json!({}));
    assert_eq!(number(&world, &again), 0);
}

#[test]
fn an_application_without_a_directory_is_as_graph_says() {
    let world = World::new(harness::settings_with(&[]));
    assert_eq!(number(&world, &of_application("any", "any")), 0);
    let created = graph(&world, Method::POST, "/applications", &json!({ "displayName": "New" }));
    let (id, app_id) = (created["id"].as_str().unwrap(), created["appId"].as_str().unwrap());
    let secret = graph(&world, Method::POST, &format!("/applications/{id}/addPassword"), &json!({}));
    assert_eq!(number(&world, &of_application(app_id, secret["secretText"].as_str().unwrap())), 0);
    assert_eq!(number(&world, &of_application(app_id, "other")), 7_000_215);
    graph(&world, Method::DELETE, &format!("/applications/{id}"), &Value::Null);
    assert_eq!(number(&world, &of_application(app_id, "other")), 700_016);
    // Recorded answers have no secrets: any text is one, as long as it has not expired.
    let recorded = "00000000-0000-4000-8000-000000000002";
    assert_eq!(number(&world, &of_application(recorded, "any")), 0);
    let id = application(&world, recorded)["id"].as_str().unwrap().to_owned();
    let ended = json!({ "passwordCredentials": [{ "endDateTime": "2025-01-01T00:00:00Z" }] });
    graph(&world, Method::PATCH, &format!("/applications/{id}"), &ended);
    assert_eq!(number(&world, &of_application(recorded, "any")), 7_000_222);
}

#[test]
fn graph_shows_the_directory_file() {
    let world = world();
    let web = application(&world, WEB);
    assert_eq!(web["displayName"], "Web");
    assert_eq!(web["web"]["redirectUris"], json!([REDIRECT]));
    assert_eq!(web["web"]["implicitGrantSettings"], json!({ "enableAccessTokenIssuance": false, "enableIdTokenIssuance": true }));
    assert_eq!(web["groupMembershipClaims"], "SecurityGroup");
    assert_eq!(web["optionalClaims"]["idToken"][0]["name"], "sid");
    let secrets = web["passwordCredentials"].as_array().unwrap();
    assert_eq!(secrets.len(), 2);
    assert!(secrets.iter().all(|secret| secret["secretText"].is_null()), "{web}");
    assert_eq!((&secrets[0]["hint"], &secrets[1]["endDateTime"]), (&"rig".into(), &"2025-01-01T00:00:00Z".into()));
    let required = &web["requiredResourceAccess"];
    assert!(
        required
            .as_array()
            .unwrap()
            .iter()
            .any(|one| { *one == json!({ "resourceAppId": GRAPH, "resourceAccess": [{ "id": USER_READ, "type": "Scope" }] }) }),
        "{required}"
    );
    let id = web["id"].as_str().unwrap();
    let federated = get(&world, &format!("/applications/{id}/federatedIdentityCredentials"));
    assert_eq!(
        (&federated["value"][0]["issuer"], &federated["value"][0]["subject"]),
        (&"https://issuer.example".into(), &"a".into())
    );
    let client = principal(&world, WEB);
    let token = claims(&world, &of_application(WEB, "right"));
    assert_eq!(token["oid"], client, "the token is of the service principal");
    let grants = get(&world, &format!("/oauth2PermissionGrants?$filter=clientId eq '{client}'"));
    let of_graph =
        grants["value"].as_array().unwrap().iter().find(|grant| grant["resourceId"] == principal(&world, GRAPH)).unwrap();
    assert_eq!((&of_graph["scope"], &of_graph["consentType"]), (&"User.Read".into(), &"AllPrincipals".into()));
    let assigned = get(&world, &format!("/users/{ADELE}/appRoleAssignments"));
    assert_eq!(
        (&assigned["value"][0]["resourceId"], &assigned["value"][0]["principalId"]),
        (&principal(&world, ORDERS).into(), &ADELE.into())
    );
    let role = get(&world, &format!("/servicePrincipals/{}/appRoleAssignments", principal(&world, DAEMON)));
    assert!(role["value"].as_array().unwrap().iter().any(|one| one["appRoleId"] == USER_READ_ALL), "{role}");
    let user = get(&world, &format!("/users/{ADELE}?$select=userPrincipalName,passwordProfile,accountEnabled,jobTitle"));
    assert_eq!(user["userPrincipalName"], "adele@contoso.com");
    assert!(user["passwordProfile"].is_null() && user["accountEnabled"] == true, "{user}");
    assert!(user["jobTitle"].is_null(), "the fixture has another user with this id: {user}");
    let nora = get(&world, &format!("/users/{NORA}"));
    assert_eq!((&nora["surname"], &nora["jobTitle"]), (&"Lind".into(), &"Baker".into()), "the fixture has more of this one");
    assert_eq!(get(&world, &format!("/users/{ADELE}/memberOf"))["value"][0]["id"], "99999999-0000-4000-8000-000000000001");
}

#[test]
fn a_change_of_an_application_is_obeyed() {
    let world = world();
    let id = application(&world, WEB)["id"].as_str().unwrap().to_owned();
    let patch = |body: Value| graph(&world, Method::PATCH, &format!("/applications/{id}"), &body);
    assert_eq!(authorize(&world, "User.Read").status, StatusCode::FOUND);
    patch(json!({ "web": { "redirectUris": ["https://web.contoso.com/other"] } }));
    let page = authorize(&world, "User.Read");
    assert_eq!(page.status, StatusCode::BAD_REQUEST);
    assert!(String::from_utf8_lossy(&page.body).contains("AADSTS50011"));
    patch(json!({ "spa": { "redirectUris": [REDIRECT] } }));
    assert_eq!(authorize(&world, "User.Read").status, StatusCode::FOUND);

    assert_eq!(number(&world, &of_user("adele", "p", "User.Read")), 0);
    patch(json!({ "isFallbackPublicClient": false }));
    assert_eq!(number(&world, &of_user("adele", "p", "User.Read")), 7_000_218);
    patch(json!({ "isFallbackPublicClient": null }));

    let service = principal(&world, WEB);
    graph(&world, Method::PATCH, &format!("/servicePrincipals/{service}"), &json!({ "accountEnabled": false }));
    assert_eq!(number(&world, &of_user("adele", "p", "User.Read")), 7_000_112);
    graph(&world, Method::PATCH, &format!("/servicePrincipals/{service}"), &json!({ "accountEnabled": true }));

    let grants = get(&world, &format!("/oauth2PermissionGrants?$filter=clientId eq '{service}'"));
    for grant in grants["value"].as_array().unwrap() {
        graph(&world, Method::DELETE, &format!("/oauth2PermissionGrants/{}", grant["id"].as_str().unwrap()), &Value::Null);
    }
    let default = "https%3A%2F%2Fgraph.microsoft.com%2F.default";
    assert_eq!(number(&world, &of_user("adele", "p", default)), 65_001);
    patch(json!({ "requiredResourceAccess": [] }));
    let refused = post_form(&world, &of_user("adele", "p", default));
    assert_eq!(refused["error_codes"][0], 650_057, "{refused}");
}

#[test]
fn consents_are_permission_grants() {
    let world = World::new(Settings { sign_in: SignIn::Page, ..settings(&directory()) });
    let client = principal(&world, WEB);
    assert_eq!(number(&world, &of_user("adele", "p", "Mail.Read")), 65_001);
    let page = authorize(&world, "openid+Mail.Read");
    let text = String::from_utf8_lossy(&page.body).into_owned();
    let request = text.split_once("name=\"sign_in_request\" value=\"").unwrap().1.split('"').next().unwrap();
    let body = format!("sign_in_request={request}&user=adele@contoso.com&decision=accept");
    let back = send(&world, Method::POST, "/contoso.com/oauth2/v2.0/authorize", &[], &body);
    assert!(back.header("location").unwrap().contains("?code="), "{back:?}");
    assert_eq!(number(&world, &of_user("adele", "p", "Mail.Read")), 0);
    assert_eq!(number(&world, &of_user("lynne", "p", "Mail.Read")), 65_001, "she has not consented");
    let of_adele = || {
        let grants = get(&world, &format!("/oauth2PermissionGrants?$filter=clientId eq '{client}' and principalId eq '{ADELE}'"));
        grants["value"].as_array().unwrap().clone()
    };
    let [grant] = &of_adele()[..] else { panic!("{:?}", of_adele()) };
    assert_eq!((&grant["consentType"], &grant["scope"]), (&"Principal".into(), &"Mail.Read openid".into()));
    assert_eq!(grant["resourceId"], principal(&world, GRAPH));
    let path = format!("/oauth2PermissionGrants/{}", grant["id"].as_str().unwrap());
    graph(&world, Method::PATCH, &path, &json!({ "scope": "Calendars.Read" }));
    assert_eq!(number(&world, &of_user("adele", "p", "Mail.Read")), 65_001);
    assert_eq!(claims(&world, &of_user("adele", "p", "Calendars.Read"))["scp"], "Calendars.Read User.Read");
    graph(&world, Method::DELETE, &path, &Value::Null);
    assert_eq!(number(&world, &of_user("adele", "p", "Calendars.Read")), 65_001);

    let consent = format!(
        "/contoso.com/v2.0/adminconsent?client_id={WEB}&redirect_uri=https%3A%2F%2Fweb.contoso.com%2Fin&scope=Mail.Read+https%3A%2F%2Forders.contoso.com%2FOrders.Read"
    );
    assert_eq!(send(&world, Method::GET, &consent, &[], "").status, StatusCode::FOUND);
    assert_eq!(number(&world, &of_user("lynne", "p", "Mail.Read")), 0);
    assert_eq!(claims(&world, &of_user("adele", "p", "https%3A%2F%2Forders.contoso.com%2FOrders.Read"))["scp"], "Orders.Read");
    let new = json!({ "clientId": client, "consentType": "AllPrincipals", "resourceId": principal(&world, GRAPH), "scope": "Files.Read" });
    graph(&world, Method::POST, "/oauth2PermissionGrants", &new);
    assert_eq!(claims(&world, &of_user("lynne", "p", "Files.Read"))["scp"], "Files.Read Mail.Read User.Read");
}

#[test]
fn an_administrator_consents_to_what_an_application_requires() {
    let world = world();
    let required = json!([{ "resourceAppId": GRAPH, "resourceAccess": [{ "id": MAIL_READ, "type": "Scope" }, { "id": USER_READ_ALL, "type": "Role" }] }]);
    let body = json!({
        "displayName": "Mailer", "requiredResourceAccess": required, "web": { "redirectUris": [REDIRECT] },
        "passwordCredentials": [],
    });
    let created = graph(&world, Method::POST, "/applications", &body);
    let (id, app_id) = (created["id"].as_str().unwrap(), created["appId"].as_str().unwrap());
    let secret = graph(&world, Method::POST, &format!("/applications/{id}/addPassword"), &json!({}));
    let form = of_application(app_id, secret["secretText"].as_str().unwrap());
    assert_eq!(claims(&world, &form)["roles"], Value::Null);
    let consent = format!("/contoso.com/adminconsent?client_id={app_id}&redirect_uri=https%3A%2F%2Fweb.contoso.com%2Fin");
    assert_eq!(send(&world, Method::GET, &consent, &[], "").status, StatusCode::FOUND);
    let token = claims(&world, &form);
    assert_eq!(token["roles"], json!(["User.Read.All"]));
    let service = principal(&world, app_id);
    assert_eq!(token["oid"], service);
    let grants = get(&world, &format!("/oauth2PermissionGrants?$filter=clientId eq '{service}'"));
    assert_eq!(
        (&grants["value"][0]["scope"], &grants["value"][0]["consentType"]),
        (&"Mail.Read".into(), &"AllPrincipals".into())
    );
    assert_eq!(send(&world, Method::GET, &consent, &[], "").status, StatusCode::FOUND);
    assert_eq!(get(&world, &format!("/servicePrincipals/{service}/appRoleAssignments"))["value"].as_array().unwrap().len(), 1);
}

#[test]
fn assignments_decide_about_roles() {
    let world = world();
    let (daemon, service) = (principal(&world, DAEMON), principal(&world, GRAPH));
    let form = of_application(DAEMON, "s");
    assert_eq!(claims(&world, &form)["roles"], json!(["User.Read.All"]));
    let roles = get(&world, &format!("/servicePrincipals/{service}?$select=appRoles"))["appRoles"].clone();
    let role = roles.as_array().unwrap().iter().find(|role| role["value"] == "Mail.Send").unwrap()["id"].clone();
    let new = json!({ "principalId": daemon, "resourceId": service, "appRoleId": role });
    let assigned = graph(&world, Method::POST, &format!("/servicePrincipals/{daemon}/appRoleAssignments"), &new);
    assert_eq!(claims(&world, &form)["roles"], json!(["Mail.Send", "User.Read.All"]));
    let path = format!("/servicePrincipals/{daemon}/appRoleAssignments/{}", assigned["id"].as_str().unwrap());
    let of_service = || {
        let all = get(&world, &format!("/servicePrincipals/{service}/appRoleAssignedTo"));
        all["value"].as_array().unwrap().iter().map(|one| one["appRoleId"].clone()).collect::<Vec<Value>>()
    };
    assert_eq!(of_service(), [Value::from(USER_READ_ALL), role], "the resource has it too");
    graph(&world, Method::DELETE, &path, &Value::Null);
    assert_eq!((&claims(&world, &form)["roles"], of_service()), (&json!(["User.Read.All"]), vec![USER_READ_ALL.into()]));
    let of_graph = get(&world, &format!("/servicePrincipals/{service}/appRoleAssignedTo"))["value"][0]["id"].clone();
    let path = format!("/servicePrincipals/{service}/appRoleAssignedTo/{}", of_graph.as_str().unwrap());
    graph(&world, Method::DELETE, &path, &Value::Null);
    assert_eq!(claims(&world, &form)["roles"], Value::Null);
    assert_eq!(get(&world, &format!("/servicePrincipals/{daemon}/appRoleAssignments"))["value"].as_array().unwrap().len(), 1);

    // Lynne is not assigned to the API, until a group of hers is.
    let orders = principal(&world, ORDERS);
    let asked =
        |user: &str| format!("grant_type=password&client_id={ORDERS}&username={user}@contoso.com&password=p&scope=User.Read");
    assert_eq!((number(&world, &asked("adele")), number(&world, &asked("lynne"))), (0, 50_105));
    let group = "99999999-0000-4000-8000-000000000001";
    let new = json!({ "principalId": group, "resourceId": orders, "appRoleId": "00000000-0000-0000-0000-000000000000" });
    graph(&world, Method::POST, &format!("/servicePrincipals/{orders}/appRoleAssignedTo"), &new);
    assert_eq!(number(&world, &asked("lynne")), 50_105);
    let member = json!({ "@odata.id": "https://graph.microsoft.com/v1.0/directoryObjects/11110b19-49b1-41b5-a03f-9f3887bd0ed8" });
    graph(&world, Method::POST, &format!("/groups/{group}/members/$ref"), &member);
    assert_eq!(number(&world, &asked("lynne")), 0);
}

#[test]
fn a_change_of_a_user_is_obeyed() {
    let world = world();
    let path = format!("/users/{ADELE}");
    let answer = post_form(&world, &of_user("adele", "p", "User.Read+offline_access"));
    let refresh = format!(
        "grant_type=refresh_token&client_id={WEB}&scope=User.Read&refresh_token={}",
        answer["refresh_token"].as_str().unwrap()
    );
    assert_eq!(number(&world, &refresh), 0);
    graph(&world, Method::PATCH, &path, &json!({ "accountEnabled": false }));
    assert_eq!((number(&world, &refresh), number(&world, &of_user("adele", "p", "User.Read"))), (50_057, 50_057));
    graph(&world, Method::PATCH, &path, &json!({ "accountEnabled": true }));
    assert_eq!(number(&world, &refresh), 0, "the clock has not moved since");
    let later = world.with_clock(Clock::Fixed(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_767_323_145)));
    graph(&later, Method::PATCH, &path, &json!({ "accountEnabled": false }));
    graph(&later, Method::PATCH, &path, &json!({ "accountEnabled": true }));
    assert_eq!(number(&later, &refresh), 50_173, "a disabled user has lost the tokens");

    graph(
        &world,
        Method::PATCH,
        &path,
        &json!({ "passwordProfile": { "password": "New-pass1", "forceChangePasswordNextSignIn": false } }),
    );
    assert_eq!(
        (number(&world, &of_user("adele", "p", "User.Read")), number(&world, &of_user("adele", "New-pass1", "User.Read"))),
        (50_126, 0)
    );
    graph(&world, Method::PATCH, &path, &json!({ "passwordProfile": { "forceChangePasswordNextSignIn": true } }));
    assert_eq!(number(&world, &of_user("adele", "New-pass1", "User.Read")), 50_055);
    graph(
        &world,
        Method::PATCH,
        &path,
        &json!({ "passwordProfile": { "forceChangePasswordNextSignIn": false }, "userPrincipalName": "a@contoso.com" }),
    );
    assert_eq!(
        (number(&world, &of_user("adele", "New-pass1", "User.Read")), number(&world, &of_user("a", "New-pass1", "User.Read"))),
        (50_034, 0)
    );
    graph(&world, Method::DELETE, &path, &Value::Null);
    assert_eq!(number(&world, &of_user("a", "New-pass1", "User.Read")), 50_034);

    let new = json!({
        "accountEnabled": true, "displayName": "New", "mailNickname": "new", "userPrincipalName": "new@contoso.com",
        "passwordProfile": { "password": "Secret-1", "forceChangePasswordNextSignIn": false },
    });
    assert_eq!(number(&world, &of_user("new", "Secret-1", "User.Read")), 50_034);
    graph(&world, Method::POST, "/users", &new);
    assert_eq!(
        (number(&world, &of_user("new", "Secret-1", "User.Read")), number(&world, &of_user("new", "p", "User.Read"))),
        (0, 50_126)
    );
    // The fixtures have more users, whom the directory file does not list.
    let other = of_user("tomas.ribeiro", "p", "User.Read").replace("@contoso.com", "@contoso.onmicrosoft.com");
    assert_eq!(
        (get(&world, "/users/7878981d-a6c7-46ef-9585-7bb41714e981")["givenName"].as_str(), number(&world, &other)),
        (Some("Tomás"), 50_034)
    );
}

#[test]
fn consents_take_bounded_memory() {
    let world = world();
    let ask = |scope: &str| {
        let target = format!(
            "/contoso.com/v2.0/adminconsent?client_id={WEB}&redirect_uri=https%3A%2F%2Fweb.contoso.com%2Fin&scope={scope}"
        );
        send(&world, Method::GET, &target, &[], "").status
    };
    let count = || get(&world, "/oauth2PermissionGrants?$top=999")["value"].as_array().unwrap().len();
    let before = count();
    assert_eq!(ask("api%3A%2F%2Fnothing%2FRead"), StatusCode::BAD_REQUEST);
    assert_eq!(ask(&"x".repeat(2000)), StatusCode::FOUND);
    assert_eq!(count(), before);
    for part in 0..60 {
        let names: Vec<String> = (0..20).map(|number| format!("Scope.{part}.{number}")).collect();
        assert_eq!(ask(&names.join("+")), StatusCode::FOUND);
    }
    assert_eq!(count(), before);
    let grants = get(&world, "/oauth2PermissionGrants");
    let longest =
        grants["value"].as_array().unwrap().iter().map(|grant| grant["scope"].as_str().unwrap().split(' ').count()).max();
    assert_eq!(longest, Some(1000));
}

#[test]
fn each_world_has_its_own() {
    let worlds = Worlds::of(settings(&directory()));
    let (one, other) = (worlds.world("one").unwrap(), worlds.world("other").unwrap());
    let path = format!("/users/{ADELE}");
    graph(&one, Method::PATCH, &path, &json!({ "accountEnabled": false }));
    let form = of_user("adele", "p", "User.Read");
    assert_eq!((number(&one, &form), number(&other, &form), number(&worlds.default_world(), &form)), (50_057, 0, 0));
    let copy = worlds.fork("one", "fork").unwrap();
    assert_eq!(number(&copy, &form), 50_057);
    assert_eq!(number(&worlds.reset("one").unwrap(), &form), 0);
}

#[test]
fn a_saved_state_keeps_what_has_changed() {
    let world = world();
    let id = application(&world, WEB)["id"].as_str().unwrap().to_owned();
    graph(
        &world,
        Method::PATCH,
        &format!("/applications/{id}"),
        &json!({ "web": { "redirectUris": ["https://web.contoso.com/other"] } }),
    );
    graph(&world, Method::PATCH, &format!("/users/{ADELE}"), &json!({ "passwordProfile": { "password": "New-pass1" } }));
    let new = json!({ "accountEnabled": true, "displayName": "New", "mailNickname": "new", "userPrincipalName": "new@contoso.com", "passwordProfile": { "password": "Secret-1" } });
    graph(&world, Method::POST, "/users", &new);
    let restored = |state: World| {
        let mut settings = settings(&directory());
        settings.restore(state.store.entities());
        World::new(settings)
    };
    let world = restored(world);
    assert_eq!(authorize(&world, "User.Read").status, StatusCode::BAD_REQUEST);
    let form = |user: &str, password: &str| of_user(user, password, "User.Read");
    assert_eq!((number(&world, &form("adele", "p")), number(&world, &form("adele", "New-pass1"))), (50_126, 0));
    assert_eq!(
        (
            number(&world, &form("new", "Secret-1")),
            number(&world, &form("tomas.ribeiro", "p").replace("@contoso.com", "@contoso.onmicrosoft.com"))
        ),
        (0, 50_034)
    );
    let world = restored(World::new(harness::settings_with(&[])));
    assert_eq!(
        (number(&world, &form("adele", "p")), authorize(&world, "User.Read").status),
        (0, StatusCode::FOUND),
        "a state without them gets them"
    );
}

#[test]
fn a_schema_without_applications_leaves_the_file() {
    let directory = Directory::read(directory().to_string().as_bytes()).unwrap().into();
    let world = World::new(Settings { directory, schema: museum::schema(), entities: Vec::new(), ..harness::settings_with(&[]) });
    assert_eq!((number(&world, &of_application(DAEMON, "s")), number(&world, &of_application(DAEMON, "x"))), (0, 7_000_215));
    assert_eq!(claims(&world, &of_application(DAEMON, "s"))["roles"], json!(["User.Read.All"]));
    assert_eq!(number(&world, &of_user("adele", "p", "Mail.Read")), 65_001);
    let consent =
        format!("/contoso.com/v2.0/adminconsent?client_id={WEB}&redirect_uri=https%3A%2F%2Fweb.contoso.com%2Fin&scope=Mail.Read");
    assert_eq!(send(&world, Method::GET, &consent, &[], "").status, StatusCode::FOUND);
    assert_eq!(number(&world, &of_user("adele", "p", "Mail.Read")), 0);
}

#[test]
fn the_directory_file_bounds_the_tenants() {
    let status = |world: &World, tenant: &str| {
        let answer = send(world, Method::GET, &format!("/{tenant}/v2.0/.well-known/openid-configuration"), &[], "");
        let body: Value = serde_json::from_slice(&answer.body).unwrap();
        (answer.status.as_u16(), body["error_codes"][0].as_i64().unwrap_or_default())
    };
    let bounded = world();
    for known in [TENANT, "contoso.com", "contoso.onmicrosoft.com", "common", "organizations", "consumers"] {
        assert_eq!(status(&bounded, known), (200, 0), "{known}");
    }
    for unknown in ["fabrikam.com", "66666666-6666-6666-6666-666666666666"] {
        assert_eq!(status(&bounded, unknown), (400, 90_002), "{unknown}");
    }
    assert_eq!(status(&bounded, "a%20b"), (400, 900_023));
    let listed = World::new(settings(&json!({ "tenantId": "fabrikam.com", "domains": ["fabrikam.net"] })));
    assert_eq!([status(&listed, "fabrikam.com"), status(&listed, "fabrikam.net")], [(200, 0); 2]);
    assert_eq!([status(&listed, "contoso.com"), status(&listed, TENANT)], [(400, 90_002); 2]);
    let open = World::new(settings(&json!({})));
    assert_eq!([status(&open, "fabrikam.com"), status(&open, TENANT)], [(200, 0); 2]);
    let named = World::new(Settings { is_named_by_token: true, ..settings(&directory()) });
    assert_eq!(status(&named, "66666666-6666-6666-6666-666666666666"), (200, 0), "each tenant is a world");
}
