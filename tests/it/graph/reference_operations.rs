//! Answers and effects of operations on the reference pages, and values of new entities that follow from others.

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};
use wfi_emulator::emulator::Emulator;

/// An answer: status, headers, and JSON or null.
type Answer = (StatusCode, HeaderMap, Value);

fn emulator(state: &Value) -> Emulator {
    let emulator = Emulator::builder().build();
    let request = http::Request::put("/_emulator/worlds/default/state").header("content-type", "application/json");
    let response = emulator.send(request.body(state.to_string().into()).unwrap());
    assert!(response.status().is_success(), "{:?}", response.body());
    emulator
}

fn send(emulator: &Emulator, method: Method, path: &str, body: Option<&Value>) -> http::Response<Bytes> {
    let path = path.trim_start_matches("http://localhost:9340");
    let request = http::Request::builder().method(method).uri(path).header("host", "localhost:9340");
    let request = match body {
        Some(body) => request.header("content-type", "application/json").body(body.to_string().into()),
        None => request.body(Bytes::new()),
    };
    emulator.send(request.unwrap())
}

fn json_of(response: &http::Response<Bytes>) -> Value {
    serde_json::from_slice(response.body()).unwrap_or_default()
}

#[track_caller]
fn post(emulator: &Emulator, path: &str, body: &Value) -> Answer {
    let response = send(emulator, Method::POST, path, Some(body));
    (response.status(), response.headers().clone(), json_of(&response))
}

#[track_caller]
fn get(emulator: &Emulator, path: &str) -> Value {
    let response = send(emulator, Method::GET, path, None);
    assert_eq!(response.status(), StatusCode::OK, "{path}: {:?}", response.body());
    json_of(&response)
}

/// Follows the address of an operation, relative to the version or whole.
#[track_caller]
fn located(emulator: &Emulator, headers: &HeaderMap) -> Value {
    let location = headers["location"].to_str().unwrap();
    let path = if location.starts_with('/') && !location.starts_with("/v1.0") {
        format!("/v1.0{location}")
    } else {
        location.to_owned()
    };
    get(emulator, &path)
}

#[test]
fn a_request_for_a_role_is_granted_at_once_later_or_taken_back() {
    let emulator = emulator(&json!({ "users": [{ "id": "u1", "displayName": "Megan" }] }));
    let body = |action: &str, start: &str| {
        json!({ "action": action, "roleDefinitionId": "r", "directoryScopeId": "/", "principalId": "u1",
                "scheduleInfo": { "startDateTime": start, "expiration": { "type": "noExpiration" } } })
    };
    for (path, action, start, status, has_target) in [
        ("roleManagement/directory/roleAssignmentScheduleRequests", "adminAssign", "2020-01-01T00:00:00Z", "Provisioned", true),
        ("roleManagement/directory/roleEligibilityScheduleRequests", "selfActivate", "2999-01-01T00:00:00Z", "Granted", true),
        ("roleManagement/directory/roleEligibilityScheduleRequests", "adminRemove", "2020-01-01T00:00:00Z", "Revoked", false),
    ] {
        let (answer, _, request) = post(&emulator, &format!("/v1.0/{path}"), &body(action, start));
        assert_eq!((answer, &request["status"]), (StatusCode::CREATED, &json!(status)), "{request}");
        assert_eq!((&request["isValidationOnly"], &request["ticketInfo"]["ticketNumber"]), (&json!(false), &Value::Null));
        assert_eq!(request["targetScheduleId"] == request["id"], has_target, "{request}");
        assert_eq!(request["completedDateTime"].is_null(), !has_target, "{request}");
        assert_eq!(request["createdBy"]["user"]["displayName"], "Local User", "{request}");
        if status == "Granted" {
            assert_eq!(request["completedDateTime"], start);
        }
    }
    let group = json!({ "accessId": "member", "principalId": "u1", "groupId": "g1", "action": "adminAssign" });
    let (_, _, request) = post(&emulator, "/v1.0/identityGovernance/privilegedAccess/group/assignmentScheduleRequests", &group);
    let id = request["id"].as_str().unwrap();
    assert_eq!(request["targetScheduleId"], format!("g1_member_{id}"), "{request}");
}

#[test]
fn callers_are_set_by_name_unless_the_client_or_a_behavior_says_otherwise() {
    let stated = json!({ "displayName": "Physics", "mailNickname": "p", "createdBy": { "user": { "id": "x" } } });
    let state = json!({ "sites": [{ "id": "s", "webUrl": "https://contoso.sharepoint.com" }] });
    let set = emulator(&state);
    let (_, _, page) =
        post(&set, "/v1.0/sites/s/pages", &json!({ "@odata.type": "#microsoft.graph.sitePage", "name": "a.aspx", "title": "a" }));
    assert_eq!(page["createdBy"]["user"]["displayName"], "Local User", "{page}");
    assert_eq!(page["webUrl"], "https://contoso.sharepoint.com/SitePages/a.aspx");
    assert_eq!(post(&set, "/v1.0/education/classes", &stated).2["createdBy"]["user"]["id"], "x");
    let absent = Emulator::builder().behavior("server-callers", "absent").unwrap().build();
    let request = json!({ "action": "adminRemove", "roleDefinitionId": "r", "directoryScopeId": "/", "principalId": "u1" });
    for (emulator, is_set) in [(&set, true), (&absent, false)] {
        let (_, _, created) = post(emulator, "/v1.0/roleManagement/directory/roleAssignmentScheduleRequests", &request);
        assert_eq!(created["createdBy"].is_object(), is_set, "{created}");
    }
}

#[test]
fn a_page_is_published_in_a_new_major_version() {
    let emulator = emulator(&json!({ "sites": [{ "id": "s" }] }));
    let new = json!({ "@odata.type": "#microsoft.graph.sitePage", "name": "a.aspx", "title": "a" });
    let (_, _, page) = post(&emulator, "/v1.0/sites/s/pages", &new);
    let state = &page["publishingState"];
    assert_eq!((&state["level"], &state["versionId"]), (&json!("checkout"), &json!("0.1")), "{page}");
    let path = format!("/v1.0/sites/s/pages/{}", page["id"].as_str().unwrap());
    for version in ["1.0", "2.0"] {
        let (status, _, _) = post(&emulator, &format!("{path}/microsoft.graph.sitePage/publish"), &json!({}));
        assert_eq!(status, StatusCode::NO_CONTENT);
        let state = get(&emulator, &format!("{path}/microsoft.graph.sitePage"))["publishingState"].take();
        assert_eq!(state, json!({ "level": "published", "versionId": version, "checkedOutBy": null }));
    }
}

#[test]
fn a_tag_of_a_team_counts_its_members() {
    let emulator =
        emulator(&json!({ "teams": [{ "id": "t", "displayName": "T" }], "users": [{ "id": "u1", "displayName": "Megan" }] }));
    let body = json!({ "displayName": "Finance", "members": [{ "userId": "u1" }, { "userId": "u2" }] });
    let (_, _, tag) = post(&emulator, "/v1.0/teams/t/tags", &body);
    assert_eq!((&tag["teamId"], &tag["tagType"], &tag["memberCount"]), (&json!("t"), &json!("standard"), &json!(2)), "{tag}");
    let path = format!("/v1.0/teams/t/tags/{}", tag["id"].as_str().unwrap());
    let (_, _, member) = post(&emulator, &format!("{path}/members"), &json!({ "userId": "u1" }));
    assert_eq!(member["displayName"], "Megan", "{member}");
    assert_eq!(get(&emulator, &path)["memberCount"], 3);
    let gone = send(&emulator, Method::DELETE, &format!("{path}/members/{}", member["id"].as_str().unwrap()), None);
    assert_eq!(gone.status(), StatusCode::NO_CONTENT);
    assert_eq!(get(&emulator, &path)["memberCount"], 2);
    assert_eq!(send(&emulator, Method::DELETE, &format!("{path}/members/none"), None).status(), StatusCode::NOT_FOUND);
    assert_eq!(get(&emulator, &path)["memberCount"], 2);
}

#[test]
fn an_assignment_of_a_role_names_both_sides() {
    let (group, principal) = ("11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222");
    let state = json!({
        "groups": [{ "id": group, "displayName": "Parents" }],
        "servicePrincipals": [{ "id": principal, "displayName": "Fabrikam App" }],
    });
    let emulator = emulator(&state);
    let body = json!({ "principalId": group, "resourceId": principal, "appRoleId": "00000000-0000-0000-0000-000000000000" });
    let (_, _, assigned) = post(&emulator, &format!("/v1.0/servicePrincipals/{principal}/appRoleAssignedTo"), &body);
    let of_group = get(&emulator, &format!("/v1.0/groups/{group}/appRoleAssignments"))["value"][0].take();
    for assignment in [assigned, of_group] {
        let names = ["principalDisplayName", "principalType", "resourceDisplayName"].map(|name| assignment[name].clone());
        assert_eq!(names, [json!("Parents"), json!("Group"), json!("Fabrikam App")], "{assignment}");
    }
}

#[test]
fn a_presence_is_set_and_found_by_the_user() {
    let state = json!({
        "users": [{ "id": "u1", "displayName": "A" }, { "id": "u2", "displayName": "B" }],
        "communications": { "presences": [{ "id": "u2", "availability": "Away", "activity": "Away" }] },
    });
    let emulator = emulator(&state);
    let set = |user: &str, operation: &str, availability: &str| {
        let body = json!({ "sessionId": "s", "availability": availability, "activity": availability });
        let body = if operation == "setUserPreferredPresence" {
            json!({ "availability": availability, "activity": availability })
        } else {
            body
        };
        let (status, _, body) = post(&emulator, &format!("/v1.0/users/{user}/presence/{operation}"), &body);
        assert!(status.is_success(), "{body}");
    };
    let of = |user: &str| get(&emulator, &format!("/v1.0/users/{user}/presence"));
    // Without a session a user stays offline.
    set("u1", "setUserPreferredPresence", "Busy");
    assert_eq!(of("u1")["availability"], "Offline");
    set("u1", "setPresence", "Available");
    set("u2", "setPresence", "Busy");
    assert_eq!((&of("u1")["id"], &of("u1")["activity"]), (&json!("u1"), &json!("Available")));
    set("u1", "setUserPreferredPresence", "DoNotDisturb");
    assert_eq!(of("u1")["availability"], "DoNotDisturb");
    assert_eq!(get(&emulator, "/v1.0/communications/presences/u2")["availability"], "Busy");
    let (_, _, found) = post(&emulator, "/v1.0/communications/getPresencesByUserId", &json!({ "ids": ["u2", "u1", "none"] }));
    let found: Vec<_> =
        found["value"].as_array().unwrap().iter().map(|found| (found["id"].clone(), found["availability"].clone())).collect();
    assert_eq!(found, [(json!("u2"), json!("Busy")), (json!("u1"), json!("DoNotDisturb"))]);
    let (status, _, _) = post(&emulator, "/v1.0/users/u1/presence/clearPresence", &json!({ "sessionId": "s" }));
    assert!(status.is_success());
    assert_eq!(of("u1")["activity"], "Offline");
}

#[test]
fn an_administrator_settles_risks() {
    let risky = |id: &str| json!({ "id": id, "riskState": "atRisk", "riskLevel": "medium" });
    let emulator = emulator(&json!({ "identityProtection": { "riskyUsers": [risky("a"), risky("b"), risky("c")] } }));
    for (operation, user) in [("dismiss", "a"), ("confirmCompromised", "b")] {
        let body = json!({ "userIds": [user, "unknown"] });
        let (status, _, _) = post(&emulator, &format!("/v1.0/identityProtection/riskyUsers/{operation}"), &body);
        assert_eq!(status, StatusCode::NO_CONTENT, "{operation}");
    }
    let of = |user: &str| {
        let user = get(&emulator, &format!("/v1.0/identityProtection/riskyUsers/{user}"));
        [user["riskState"].clone(), user["riskLevel"].clone()]
    };
    assert_eq!(of("a"), [json!("dismissed"), json!("none")]);
    assert_eq!(of("b"), [json!("confirmedCompromised"), json!("high")]);
    assert_eq!(of("c"), [json!("atRisk"), json!("medium")]);
}

#[test]
fn combinations_of_authentication_methods_are_replaced() {
    let policy =
        json!({ "id": "p", "displayName": "P", "policyType": "custom", "allowedCombinations": ["fido2", "password,voice"] });
    let emulator = emulator(&json!({ "policies": { "authenticationStrengthPolicies": [policy] } }));
    let path = "/v1.0/policies/authenticationStrengthPolicies/p";
    let body = json!({ "allowedCombinations": ["password,voice"] });
    let (status, _, result) = post(&emulator, &format!("{path}/updateAllowedCombinations"), &body);
    assert_eq!(status, StatusCode::OK, "{result}");
    assert_eq!(result["previousCombinations"], json!(["fido2", "password,voice"]), "{result}");
    assert_eq!(result["currentCombinations"], json!(["password,voice"]));
    assert_eq!(get(&emulator, path)["allowedCombinations"], json!(["password,voice"]));
}

#[test]
fn a_report_leads_to_a_file_that_needs_no_token() {
    let emulator = emulator(&json!({ "users": [] }));
    for (report, begin) in [
        ("getOffice365ActiveUserDetail(period='D7')", "Report Refresh Date,User Principal Name,Display Name,Is Deleted"),
        ("getTeamsUserActivityUserDetail(date=2026-01-01)", "Report Refresh Date,Tenant Display Name"),
        ("getYammerGroupsActivityDetail(period='D30')", ""),
    ] {
        let answer = send(&emulator, Method::GET, &format!("/v1.0/reports/{report}"), None);
        assert_eq!((answer.status(), answer.body().len()), (StatusCode::FOUND, 0), "{report}");
        let location = answer.headers()["location"].to_str().unwrap();
        let file = send(&emulator, Method::GET, location, None);
        assert_eq!(file.headers()["content-type"], "application/octet-stream");
        let text = std::str::from_utf8(file.body()).unwrap();
        assert!(text.starts_with(begin) && text.lines().count() <= 1, "{text}");
        let forged = format!("{}A", &location[..location.len() - 1]);
        assert!(forged == location || send(&emulator, Method::GET, &forged, None).status() != StatusCode::OK);
    }
    // JSON is asked for by name.
    let path = "/v1.0/reports/getM365AppUserDetail(period='D7')?$format=application/json";
    assert_eq!(send(&emulator, Method::GET, path, None).status(), StatusCode::OK);
    // Reports on devices come as JSON.
    assert_eq!(send(&emulator, Method::GET, "/v1.0/reports/deviceConfigurationDeviceActivity", None).status(), StatusCode::OK);
}

#[test]
fn a_password_is_reset_by_an_operation() {
    let method = json!({ "@odata.type": "#microsoft.graph.passwordAuthenticationMethod", "id": "m" });
    let user = json!({ "id": "u1", "displayName": "A", "authentication": { "methods": [method] } });
    let emulator = emulator(&json!({ "users": [user] }));
    let path = "/v1.0/users/u1/authentication/methods/m/resetPassword";
    let (status, headers, answer) = post(&emulator, path, &json!({ "newPassword": "Cuyo5459!" }));
    assert_eq!((status, &answer["newPassword"]), (StatusCode::ACCEPTED, &Value::Null), "{answer}");
    assert_eq!(located(&emulator, &headers)["status"], "succeeded");
    let response = send(&emulator, Method::POST, path, None);
    let made = json_of(&response)["newPassword"].as_str().unwrap().to_owned();
    assert!(made.len() >= 8, "{made}");
    let operations = get(&emulator, "/v1.0/users/u1/authentication/operations");
    assert_eq!(operations["value"].as_array().unwrap().len(), 2, "{operations}");
    assert!(!operations.to_string().contains(&made));
    let user = get(&emulator, "/v1.0/users/u1?$select=lastPasswordChangeDateTime");
    assert!(user["lastPasswordChangeDateTime"].is_string(), "{user}");
}

#[test]
fn a_temporary_pass_is_in_the_answer_to_its_creation_alone() {
    let emulator = emulator(&json!({ "users": [{ "id": "u1", "displayName": "A" }] }));
    let path = "/v1.0/users/u1/authentication/temporaryAccessPassMethods";
    for (start, is_usable, reason) in
        [("2999-01-01T00:00:00Z", false, "NotYetValid"), ("2020-01-01T00:00:00Z", true, "EnabledByPolicy")]
    {
        let body = json!({ "startDateTime": start, "lifetimeInMinutes": 60, "temporaryAccessPass": "mine" });
        let (status, _, method) = post(&emulator, path, &body);
        assert_eq!(status, StatusCode::CREATED, "{method}");
        let pass = method["temporaryAccessPass"].as_str().unwrap();
        assert!(pass.len() == 8 && pass != "mine", "{pass}");
        assert_eq!((&method["isUsable"], &method["methodUsabilityReason"]), (&json!(is_usable), &json!(reason)));
        let later = get(&emulator, &format!("{path}/{}", method["id"].as_str().unwrap()));
        assert_eq!(later["temporaryAccessPass"], Value::Null, "{later}");
    }
}

#[test]
fn work_on_a_file_and_on_a_case_is_shown_at_an_address() {
    let state = json!({
        "drives": [{ "id": "d", "root": { "id": "r", "folder": {}, "children": [{ "id": "i", "name": "a.txt", "file": {} }] } }],
        "security": { "cases": { "ediscoveryCases": [{ "id": "c", "displayName": "C", "searches": [{ "id": "s", "displayName": "S" }] }] } },
    });
    let emulator = emulator(&state);
    let (status, headers, _) =
        post(&emulator, "/v1.0/drives/d/items/i/assignSensitivityLabel", &json!({ "sensitivityLabelId": "l" }));
    assert_eq!(status, StatusCode::ACCEPTED);
    assert_eq!(located(&emulator, &headers), json!({ "percentageComplete": 100.0, "resourceId": "i", "status": "completed" }));
    let response = send(&emulator, Method::POST, "/v1.0/security/cases/ediscoveryCases/c/searches/s/estimateStatistics", None);
    assert_eq!(response.status(), StatusCode::ACCEPTED, "{:?}", response.body());
    let operation = located(&emulator, response.headers());
    assert_eq!((&operation["action"], &operation["status"]), (&json!("estimateStatistics"), &json!("succeeded")), "{operation}");
    assert_eq!(get(&emulator, "/v1.0/security/cases/ediscoveryCases/c/operations")["value"].as_array().unwrap().len(), 1);
}

#[test]
fn a_clone_is_a_team_of_its_own_with_the_parts_that_were_named() {
    let member = json!({ "@odata.type": "#microsoft.graph.aadUserConversationMember", "id": "m", "userId": "u1", "displayName": "Megan", "roles": ["owner"] });
    let state = json!({
        "users": [{ "id": "u1", "displayName": "Megan" }],
        "groups": [{ "id": "g", "displayName": "G", "mailNickname": "taken" }],
        "teams": [{
            "id": "t", "displayName": "T", "memberSettings": { "allowCreateUpdateChannels": false }, "members": [member],
            "channels": [{ "id": "19:a@thread.tacv2", "displayName": "General" }, { "id": "19:b@thread.tacv2", "displayName": "Plans" }],
        }],
    });
    let emulator = emulator(&state);
    let body = |parts: &str, nickname: &str| json!({ "displayName": "Copy", "mailNickname": nickname, "partsToClone": parts, "visibility": "public" });
    for (parts, channels, owners, is_set) in [("apps,tabs,settings,channels,members", 2, 1, true), ("apps", 1, 0, false)] {
        let (status, headers, answer) = post(&emulator, "/v1.0/teams/t/clone", &body(parts, &format!("copy{channels}")));
        assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
        let operation = located(&emulator, &headers);
        assert_eq!(operation["operationType"], "cloneTeam", "{operation}");
        let id = operation["targetResourceId"].as_str().unwrap();
        assert_ne!(id, "t");
        let team = get(&emulator, &format!("/v1.0/teams/{id}"));
        assert_eq!((&team["displayName"], &team["visibility"]), (&json!("Copy"), &json!("public")), "{team}");
        assert_eq!(team["memberSettings"]["allowCreateUpdateChannels"] == json!(false), is_set, "{team}");
        let count = |part: &str| get(&emulator, &format!("/v1.0/teams/{id}/{part}"))["value"].as_array().unwrap().len();
        assert_eq!(count("channels"), channels, "{parts}");
        let members = get(&emulator, &format!("/v1.0/teams/{id}/members"));
        let found = members["value"].as_array().unwrap().iter().filter(|member| member["userId"] == "u1").count();
        assert_eq!(found, owners, "{members}");
        assert_eq!(get(&emulator, &format!("/v1.0/groups/{id}"))["mailNickname"], format!("copy{channels}"));
    }
    let before = get(&emulator, "/v1.0/teams/t/operations")["value"].as_array().unwrap().len();
    assert_eq!(before, 2);
}

#[test]
fn lists_have_numbers_contexts_and_members_of_enums_as_their_pages_print_them() {
    let channel = json!({ "id": "19:a@thread.tacv2", "displayName": "Shared", "membershipType": "shared" });
    let state = json!({
        "teams": [{ "id": "t", "displayName": "T", "channels": [channel], "allChannels": [channel], "incomingChannels": [channel] }],
        "users": [{ "id": "u1", "displayName": "A" }],
        "solutions": { "bookingBusinesses": [{ "id": "b", "displayName": "B", "staffMembers": [] }] },
        "print": { "shares": [{ "id": "s", "displayName": "S", "allowedUsers": [{ "id": "u1", "displayName": "A" }] }] },
        "identityGovernance": { "accessReviews": { "definitions": [{ "id": "d", "displayName": "D", "instances": [{ "id": "i" }] }] } },
    });
    let emulator = emulator(&state);
    for (path, shown) in [("channels", "unknownFutureValue"), ("allChannels", "shared"), ("incomingChannels", "shared")] {
        let list = get(&emulator, &format!("/v1.0/teams/t/{path}"));
        assert_eq!(list["value"][0]["membershipType"], shown, "{path}: {list}");
    }
    let filter =
        |path: &str| send(&emulator, Method::GET, &format!("/v1.0/teams/t/{path}?$filter=membershipType%20eq%20'shared'"), None);
    assert_eq!(json_of(&filter("allChannels"))["value"].as_array().unwrap().len(), 1);
    assert_eq!(filter("channels").status(), StatusCode::BAD_REQUEST);
    let instances = get(&emulator, "/v1.0/identityGovernance/accessReviews/definitions/d/instances");
    assert_eq!(instances["@odata.count"], 1, "{instances}");
    let uncounted = get(&emulator, "/v1.0/identityGovernance/accessReviews/definitions/d/instances?$count=false");
    assert_eq!(uncounted["@odata.count"], Value::Null);
    let staff = get(&emulator, "/v1.0/solutions/bookingBusinesses/b/staffMembers");
    let context = "http://localhost:9340/v1.0/solutions/$metadata#bookingBusinesses('b')/staffMembers";
    assert_eq!(staff["@odata.context"], context);
    let business = get(&emulator, "/v1.0/solutions/bookingBusinesses/b?$expand=staffMembers");
    assert_eq!(business["staffMembers@odata.context"], context, "{business}");
    let users = get(&emulator, "/v1.0/education/users/delta");
    assert_eq!(users["@odata.context"], "http://localhost:9340/v1.0/$metadata#Collection(educationUser)", "{users}");
    let events = get(&emulator, "/v1.0/solutions/virtualEvents/webinars");
    assert_eq!(events["@odata.context"], "http://localhost:9340/v1.0/$metadata#solutions/virtualEvents/webinars");
    let users = get(&emulator, "/v1.0/print/shares/s/allowedUsers");
    assert_eq!(users["@odata.context"], "http://localhost:9340/v1.0/$metadata#Collection(microsoft.graph.user)", "{users}");
}
