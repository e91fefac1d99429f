//! Values that answers hide, asked for on every way to them.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use wfi_emulator::internals::text::exchange::RecordedRequest;
use wfi_emulator::internals::world::World;

use crate::support::harness;

/// A text in all secrets of the world.
const HIDDEN: &str = "Qz7Hidden";

const GROUP: &str = "3d88b7a2-f988-4f4b-bb34-d66df66af126";

/// A world of objects with secrets, and links to them.
struct Secrets {
    world: World,
    user: String,
    application: String,
    integration: String,
}

impl Secrets {
    fn new() -> Secrets {
        let world = harness::world(&[]);
        let create = |path: &str, body: Value| {
            let (status, entity) = harness::json(&world, Method::POST, &format!("/v1.0/{path}"), Some(&body.to_string()));
            assert!(status.is_success(), "{path}: {entity}");
            entity["id"].as_str().unwrap_or_default().to_owned()
        };
        let user = create(
            "users",
            json!({
                "accountEnabled": true, "displayName": "Zed", "mailNickname": "zed", "userPrincipalName": "zed@contoso.onmicrosoft.com",
                "passwordProfile": { "password": format!("{HIDDEN}-1!a") },
            }),
        );
        let application = create(
            "applications",
            json!({
                "displayName": "App", "passwordCredentials": [{ "displayName": "p", "secretText": format!("{HIDDEN}-2") }],
            }),
        );
        let secret = format!("{HIDDEN}{}", "x".repeat(64 - HIDDEN.len()));
        let integration = create(
            "teamwork/workforceIntegrations",
            json!({
                "displayName": "W", "url": "https://w.contoso.com", "encryption": { "protocol": "sharedSecret", "secret": secret },
            }),
        );
        let reference = json!({ "@odata.id": format!("users/{user}") });
        create(&format!("groups/{GROUP}/members/$ref"), reference.clone());
        create(&format!("applications/{application}/owners/$ref"), reference);
        Secrets { world, user, application, integration }
    }

    /// Returns the status and the whole answer, its headers included.
    fn get(&self, path: &str) -> (StatusCode, String) {
        let headers = vec![("ConsistencyLevel".to_owned(), "eventual".to_owned())];
        let target = format!("/v1.0/{path}").replace(' ', "%20");
        let response = harness::send(&self.world, &RecordedRequest { method: Method::GET, target, headers, body: "".into() });
        (response.status, format!("{:?} {}", response.headers, String::from_utf8_lossy(&response.body)))
    }

    /// Returns the addresses of the objects, of lists that have them, and of their values.
    fn ways(&self) -> Vec<String> {
        let Secrets { user, application, integration, .. } = self;
        vec![
            format!("users/{user}"),
            "users".to_owned(),
            "users/delta".to_owned(),
            format!("users/{user}/passwordProfile"),
            format!("users/{user}/passwordProfile/password"),
            format!("users/{user}/passwordProfile/password/$value"),
            format!("users/{user}/ownedObjects"),
            format!("users/{user}/ownedObjects/microsoft.graph.application"),
            format!("groups/{GROUP}/members"),
            format!("groups/{GROUP}/members/microsoft.graph.user"),
            format!("groups/{GROUP}/transitiveMembers"),
            format!("directoryObjects/{user}"),
            format!("directoryObjects/{user}/passwordProfile"),
            format!("directoryObjects/{user}/microsoft.graph.user/passwordProfile/password"),
            format!("directoryObjects/{application}"),
            format!("directoryObjects/{application}/passwordCredentials"),
            "applications".to_owned(),
            "applications/delta".to_owned(),
            format!("applications/{application}"),
            format!("applications/{application}/passwordCredentials"),
            format!("applications/{application}/owners"),
            "teamwork/workforceIntegrations".to_owned(),
            format!("teamwork/workforceIntegrations/{integration}"),
            format!("teamwork/workforceIntegrations/{integration}/encryption"),
            format!("teamwork/workforceIntegrations/{integration}/encryption/secret/$value"),
        ]
    }
}

#[test]
fn no_way_to_a_hidden_value_shows_it() {
    let secrets = Secrets::new();
    let names = [
        "passwordProfile",
        "passwordProfile/password",
        "passwordCredentials",
        "passwordCredentials/secretText",
        "encryption/secret",
        "*",
    ];
    let mut successes = 0;
    let mut check = |path: &str| {
        let (status, answer) = secrets.get(path);
        assert!(!answer.contains(HIDDEN), "{path}: {answer}");
        successes += usize::from(status.is_success());
    };
    for way in secrets.ways() {
        check(&way);
        check(&format!("{way}?$format=application/json;odata.metadata=full"));
        for name in &names {
            check(&format!("{way}?$select={name}"));
        }
    }
    for (holder, navigation) in [
        (format!("groups/{GROUP}"), "members"),
        (format!("applications/{}", secrets.application), "owners"),
        (format!("users/{}", secrets.user), "ownedObjects"),
        ("groups".to_owned(), "members"),
    ] {
        check(&format!("{holder}?$expand=*"));
        check(&format!("{holder}?$expand={navigation}"));
        for name in &names {
            check(&format!("{holder}?$expand={navigation}($select={name})"));
        }
    }
    assert!(successes > 100, "{successes}");
}

#[test]
fn what_has_changed_shows_no_hidden_value() {
    let secrets = Secrets::new();
    let path = |link: &str| link.split_once("/v1.0/").unwrap().1.to_owned();
    for select in ["", "?$select=displayName,passwordProfile", "?$select=passwordProfile"] {
        let mut next = format!("users/delta{select}");
        let delta = loop {
            let (_, answer) = secrets.get(&next);
            let body: Value = serde_json::from_str(&answer[answer.find("] {").unwrap() + 2..]).unwrap();
            match body["@odata.nextLink"].as_str() {
                Some(link) => next = path(link),
                None => break path(body["@odata.deltaLink"].as_str().unwrap()),
            }
        };
        let change = json!({ "displayName": "Zed", "jobTitle": "Baker", "passwordProfile": { "password": format!("{HIDDEN}-3!a{select}") } });
        let target = format!("/v1.0/users/{}", secrets.user);
        let (status, answer) = harness::json(&secrets.world, Method::PATCH, &target, Some(&change.to_string()));
        assert!(status.is_success(), "{answer}");
        let (status, answer) = secrets.get(&delta);
        assert!(status.is_success() && answer.contains(&secrets.user), "{select}: {answer}");
        assert!(!answer.contains(HIDDEN), "{select}: {answer}");
    }
}

#[test]
fn no_condition_tells_a_right_guess_of_a_hidden_value_from_a_wrong_one() {
    let secrets = Secrets::new();
    let lists = [
        "users".to_owned(),
        "groups".to_owned(),
        "applications".to_owned(),
        "directoryObjects".to_owned(),
        format!("groups/{GROUP}/members"),
        format!("groups/{GROUP}/members/microsoft.graph.user"),
        format!("users/{}/ownedObjects", secrets.user),
        format!("applications/{}/owners", secrets.application),
        "teamwork/workforceIntegrations".to_owned(),
    ];
    let conditions = [
        "passwordProfile/password eq '{}-1!a'",
        "startswith(passwordProfile/password,'{}')",
        "PASSWORDPROFILE/password ge '{}'",
        "$it/passwordProfile/password eq '{}-1!a'",
        "microsoft.graph.user/passwordProfile/password eq '{}-1!a'",
        "members/any(m:m/passwordProfile/password eq '{}-1!a')",
        "members/any(m:m/microsoft.graph.user/passwordProfile/password eq '{}-1!a')",
        "owners/any(o:startswith(o/passwordProfile/password,'{}'))",
        "passwordCredentials/any(c:c/secretText eq '{}-2')",
        "passwordCredentials/any(c:c ne null and startswith(c/SecretText,'{}'))",
        "microsoft.graph.application/passwordCredentials/any(c:c/secretText eq '{}-2')",
        "ownedObjects/any(o:o/passwordCredentials/any(c:c/secretText eq '{}-2'))",
        "ownedObjects/any(o:o/microsoft.graph.application/passwordCredentials/any(c:c/secretText eq '{}-2'))",
        "contains(encryption/secret,'{}')",
    ];
    let found = |list: &str, condition: &str, guess: &str| {
        let (status, answer) = secrets.get(&format!("{list}?$count=true&$filter={}", condition.replace("{}", guess)));
        (status, answer.matches("\"id\"").count())
    };
    for list in &lists {
        for condition in conditions {
            let (right, wrong) = (found(list, condition, HIDDEN), found(list, condition, "Qz8Hidden"));
            assert_eq!(right, wrong, "{list}: {condition}");
            assert!(right.0.is_client_error() || right.1 == 0, "{list}: {condition}: {right:?}");
        }
    }
}

#[test]
fn problems_do_not_repeat_a_hidden_value() {
    let settings = wfi_emulator::internals::world::settings::Settings { explains: true, ..harness::settings_with(&[]) };
    let world = World::new(settings);
    for body in [
        r#"{"passwordProfile":{"password":77665544}}"#,
        r#"{"passwordProfile":{"forceChangePasswordNextSignIn":"77665544"}}"#,
        r#"{"passwordProfile":{"password":["77665544"]}}"#,
        r#"{"passwordProfile":"77665544"}"#,
    ] {
        let headers = vec![("Content-Type".to_owned(), "application/json".to_owned())];
        let target = "/v1.0/users/00000000-0000-4000-8000-000000000001".to_owned();
        let request = RecordedRequest { method: Method::PATCH, target, headers, body: body.into() };
        let response = harness::send(&world, &request);
        let answer = format!("{:?} {}", response.headers, String::from_utf8_lossy(&response.body));
        assert_eq!(response.status, StatusCode::BAD_REQUEST, "{body}: {answer}");
        assert!(answer.contains("refused by schema-mismatch") && !answer.contains("77665544"), "{body}: {answer}");
    }
}
