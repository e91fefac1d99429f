//! The JSON Schemas of files: they accept what the program reads, and refuse what it refuses.

use std::collections::BTreeSet;
use std::path::Path;

use jsonschema::Validator;
use serde_json::Value;

use crate::program::process::{Folder, outcome};

/// Returns the validator for a kind of file, with a schema that the program prints.
fn validator(arguments: &[&str]) -> Validator {
    let printed = outcome(&[&["json-schema"], arguments].concat());
    assert_eq!((printed.status, printed.stderr.as_str()), (Some(0), ""), "{arguments:?}");
    let schema: Value = serde_json::from_str(&printed.stdout).unwrap();
    assert!(jsonschema::meta::is_valid(&schema), "{arguments:?}");
    jsonschema::draft7::new(&schema).unwrap()
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Whether the program accepts a text as a file of this name.
fn is_read(folder: &Folder, flag: Option<&str>, name: &str, text: &str) -> bool {
    let path = folder.file(name, text);
    let outcome = match flag {
        None => outcome(&["check", &path]),
        // An address of no machine, so that nothing starts to serve.
        Some(flag) => outcome(&["--host", "192.0.2.1", flag, &path]),
    };
    // Files are read before the server listens.
    outcome.status != Some(2)
}

#[test]
fn built_in_fixtures_fit() {
    let any = validator(&["fixtures"]);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        let Some(collection) = name.strip_suffix(".json") else { continue };
        let fixtures = parsed(&std::fs::read_to_string(entry.path()).unwrap());
        for validator in [&any, &validator(&["fixtures", collection])] {
            let problems: Vec<String> =
                validator.iter_errors(&fixtures).map(|error| format!("{}: {error}", error.instance_path())).collect();
            assert!(problems.is_empty(), "{name}: {problems:?}");
        }
        count += 1;
    }
    assert!(count >= 8, "{count}");
}

/// Returns the names of the definitions that a part of a schema refers to.
fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        Value::Object(members) => {
            let target = members.get("$ref").and_then(Value::as_str).and_then(|target| target.strip_prefix("#/definitions/"));
            found.extend(target.map(str::to_owned));
            members.values().for_each(|member| references(member, found));
        }
        _ => {}
    }
}

#[test]
fn schemas_of_fixtures_are_short_and_have_what_they_refer_to() {
    // The last one is outside the core of the schema, from where most of the rest can be reached.
    for (arguments, limit) in
        [(&["fixtures"][..], 400_000), (&["fixtures", "teams"], 200_000), (&["fixtures", "devices"], 1_000_000)]
    {
        let printed = outcome(&[&["json-schema"], arguments].concat()).stdout;
        assert!(printed.len() < limit, "{arguments:?}: {} bytes", printed.len());
        let schema: Value = serde_json::from_str(&printed).unwrap();
        let mut referred = BTreeSet::new();
        references(&schema, &mut referred);
        let defined: BTreeSet<String> = schema["definitions"].as_object().unwrap().keys().cloned().collect();
        assert_eq!(referred, defined, "{arguments:?}");
    }
}

#[test]
fn entities_outside_the_core_are_described_if_they_are_asked_for() {
    let (all, skus) = (validator(&["fixtures"]), validator(&["fixtures", "subscribedSkus"]));
    let folder = Folder::new("json-schema-skus");
    for (text, fits) in [
        (r#"[{"id":"a","skuPartNumber":"b","subscriptionIds":["c"],"prepaidUnits":{"enabled":3,"suspended":null}}]"#, true),
        (r#"[{"id":"a","servicePlans":[{"servicePlanName":"b","servicePlanId":"00000000-0000-4000-8000-000000000000"}]}]"#, true),
        (r#"[{"id":"a","servicePlans":[{"servicePlanId":"b"}]}]"#, false),
        (r#"[{"id":"a","prepaidUnits":{"enabled":"3"}}]"#, false),
        (r#"[{"id":"a","skuPartNumbr":"b"}]"#, false),
        (r#"[{"skuPartNumber":"b"}]"#, false),
    ] {
        assert_eq!(skus.is_valid(&parsed(text)), fits, "the schema: {text}");
        let of_all = format!(r#"{{"subscribedSkus":{text}}}"#);
        assert!(!fits || all.is_valid(&parsed(&of_all)), "the schema of all: {text}");
        assert_eq!(is_read(&folder, None, "subscribedSkus.json", text), fits, "the program: {text}");
    }
}

#[test]
fn problems_are_those_of_the_whole_schema() {
    let folder = Folder::new("problems-of-the-whole");
    let problem = |name: &str, text: &str| {
        let path = folder.file(name, text);
        let outcome = outcome(&["check", &path]);
        assert_eq!(outcome.status, Some(2), "{text}");
        outcome.stderr.replace(&path, name)
    };
    // The core would refuse the name of the collection.
    assert_eq!(
        problem("subscribedSkus.json", r#"[{"id":"a","consumedUnits":"b"}]"#),
        problem("any.json", r#"{"subscribedSkus":[{"id":"a","consumedUnits":"b"}]}"#)
            .replace("any.json", "subscribedSkus.json")
            .replace("$.subscribedSkus", "$")
    );
    assert!(problem("subscribedSkus.json", r#"[{"id":"a","consumedUnits":"b"}]"#).contains("consumedUnits"));
    // Beside an unknown one are the names of the core.
    let unknown = problem("any.json", r#"{"nosites":[]}"#);
    assert!(
        unknown.contains("unknown member \"nosites\"") && unknown.contains("workforceIntegrations, deletedItems, teams, "),
        "{unknown}"
    );
    assert!(!unknown.contains('…'), "{unknown}");
}

#[test]
fn fixtures_fit_if_they_are_read() {
    let (validator, folder) = (validator(&["fixtures"]), Folder::new("json-schema-fixtures"));
    let of = |members: &str| format!(r#"{{"workforceIntegrations":[{{"id":"a"{members}}}]}}"#);
    for (text, fits) in [
        // Beyond the core of the schema.
        (r#"{"sites":[{"id":"a","displayName":"b"}],"deviceManagement":{"managedDevices":[{"id":"c"}]}}"#.to_owned(), true),
        (r#"{"users":[{"id":"a","todo":{"lists":[{"id":"b"}]}}]}"#.to_owned(), true),
        (r#"{"nosites":[{"id":"a"}]}"#.to_owned(), false),
        (of(""), true),
        (of(r#","displayName":"a","apiVersion":1,"isActive":true,"supportedEntities":"shift,openShift""#), true),
        (of(r#","encryption":{"protocol":"sharedSecret","secret":"s"},"x@y.z":1,"lastModifiedDateTime":"2021-03-12T17:37:05.84Z""#), true),
        (r#"{"$schema":"./fixtures.schema.json","workforceIntegrations":[{"id":"a"}]}"#.to_owned(), true),
        (r#"{"$schema":"x","@odata.context":"https://graph.microsoft.com/v1.0/$metadata#teamwork/workforceIntegrations","value":[{"id":"a"}]}"#.to_owned(), true),
        (r#"{"$schema":"x","@odata.context":"https://graph.microsoft.com/v1.0/$metadata#teamwork/workforceIntegrations/$entity","id":"a"}"#.to_owned(), true),
        (r#"{"teams":[{"id":"t","schedule":{"shifts":[{"id":"s","userId":"u"}]},"group@odata.bind":"groups/1"}]}"#.to_owned(), true),
        // Links to contained entities, in closed and in open types; a link that a type does not have.
        (r#"{"teams":[{"id":"t","schedule":{"shifts@odata.bind":["teams/t/schedule/shifts/s"]}}]}"#.to_owned(), false),
        (r#"{"users":[{"id":"a","messages@odata.bind":["users/b/messages/c"]}]}"#.to_owned(), false),
        (r#"{"users":[{"id":"a","drive@odata.bind":"drives/b"}]}"#.to_owned(), false),
        (r#"{"users":[{"id":"a","manager@odata.bind":"users/b","mail@x.y":1}]}"#.to_owned(), true),
        (of(r#","members@odata.bind":["users/1"]"#), false),
        ("[]".to_owned(), true),
        (of(r#","displayNam":"a""#), false),
        (of(r#","apiVersion":"1""#), false),
        (of(r#","apiVersion":99999999999"#), false),
        (r#"{"workforceIntegrations":[{"id":null}]}"#.to_owned(), false),
        (r#"{"workforceIntegrations":[{"displayName":"a"}]}"#.to_owned(), false),
        (of(r#","supportedEntities":"none,car""#), false),
        (of(r#","encryption":{"protocol":"secret"}"#), false),
        (of(r#","lastModifiedDateTime":"yesterday""#), false),
        (r#"{"workforceIntegrations":{"id":"a"}}"#.to_owned(), false),
        (r#"{"workforceIntegration":[]}"#.to_owned(), false),
        (r#"{"teams":[{"id":"t","schedule":{"shifts":[{"id":"s","color":"blue"}]}}]}"#.to_owned(), false),
        (r#"{"teams":[{"id":""}]}"#.to_owned(), false),
        (r#""teams""#.to_owned(), false),
    ] {
        assert_eq!(validator.is_valid(&parsed(&text)), fits, "the schema: {text}");
        assert_eq!(is_read(&folder, None, "any.json", &text), fits, "the program: {text}");
    }
}

#[test]
fn fault_rules_fit_if_they_are_read() {
    let (validator, folder) = (validator(&["faults"]), Folder::new("json-schema-faults"));
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/faults.md")).unwrap();
    let example = page.split("```json\n").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
    for (text, fits) in [
        (example, true),
        (r#"{"$schema":"faults.schema.json","rules":[{"do":"throttled"}]}"#, true),
        (r#"{"$schema":"faults.schema.json","name":"a","do":{"delay":5}}"#, true),
        (
            r#"{"on":{"method":["GET","PUT"],"path":"/v1.0/**","headers":{"a":"*"},"every":2},"do":{"answer":{"status":502,"body":"<p>","contentType":"text/html"},"retryAfter":1.5}}"#,
            true,
        ),
        (
            r#"[{"do":{"limit":{"requests":3,"seconds":1}}},{"do":{"slow":{"bytes":1,"every":2}}},{"do":{"delay":{"median":1,"p99":2}}}]"#,
            true,
        ),
        (r#""published-limits""#, true),
        (r#"{"do":"published-limits"}"#, false),
        (r#"{"do":"throtled"}"#, false),
        (r#"[{"preset":"published-limits"},{"do":{"answer":{"preset":"throttled"},"delay":{"fixed":1}}}]"#, true),
        (r#"{"preset":"throttled","$schema":"x"}"#, true),
        (r#"{"preset":"throttled","do":"throttled"}"#, false),
        (r#"{"preset":"trottled"}"#, false),
        (r#"{"do":{"answer":{"preset":"throttled","status":429}}}"#, false),
        (r#"{"do":{"answer":{"preset":"published-limits"}}}"#, false),
        (r#"{"on":{"nth":9007199254740991},"do":"throttled"}"#, true),
        (r#"{"on":{"nth":9007199254740992},"do":"throttled"}"#, false),
        (r#"{"on":{"nth":0},"do":"throttled"}"#, false),
        (r#"{"on":{"methods":"GET"},"do":"throttled"}"#, false),
        (r#"{"do":{"answer":{"code":"a"}}}"#, false),
        (r#"{"do":{"truncate":-1}}"#, false),
        (r#"{"do":{"reset":false}}"#, false),
        (r#"{"do":{"delay":{"from":1}}}"#, false),
        (r#"{"rules":[1]}"#, false),
        (r#"{"name":"a"}"#, false),
    ] {
        assert_eq!(validator.is_valid(&parsed(text)), fits, "the schema: {text}");
        assert_eq!(is_read(&folder, Some("--faults"), "faults.json", text), fits, "the program: {text}");
    }
}

#[test]
fn a_directory_fits_if_it_is_read() {
    let (validator, folder) = (validator(&["directory"]), Folder::new("json-schema-directory"));
    for (text, fits) in [
        ("{}", true),
        (
            r#"{"$schema":"directory.schema.json","tenantId":"contoso.com","applications":[{"appId":"a","secrets":["s",{"secretText":"t","endDateTime":"2030-01-01T00:00:00Z"}],"redirectUris":{"spa":["http://localhost"]}}],"users":[{"id":"1","userPrincipalName":"u@contoso.com","home":{"tenantId":"t","id":"2"}}],"conditionalAccess":[{"id":"c","requires":"mfa"}]}"#,
            true,
        ),
        (r#"{"users":null}"#, true),
        (r#"{"tenant":"a"}"#, false),
        (r#"{"tenantId":"a b"}"#, false),
        (r#"{"users":[{"id":"1"}]}"#, false),
        (r#"{"users":[{"id":"1","userPrincipalName":"u","groups":null}]}"#, false),
        (r#"{"applications":[{"appId":"a","secrets":[1]}]}"#, false),
        (r#"{"applications":[{"appId":"a","requestedAccessTokenVersion":300}]}"#, false),
        (r#"{"conditionalAccess":[{"id":"c","requires":"nothing"}]}"#, false),
        ("[]", false),
    ] {
        assert_eq!(validator.is_valid(&parsed(text)), fits, "the schema: {text}");
        assert_eq!(is_read(&folder, Some("--directory"), "directory.json", text), fits, "the program: {text}");
    }
}

#[test]
fn a_configuration_fits_if_it_is_read() {
    let (validator, folder) = (validator(&["config"]), Folder::new("json-schema-config"));
    // The same in both languages.
    for (toml, json, fits) in [
        ("", "{}", true),
        ("\"$schema\" = \"x\"\nport = 0", r#"{"$schema":"x","port":0}"#, true),
        ("explain = true\ncontrol = false\nauth = \"open\"", r#"{"explain":true,"control":false,"auth":"open"}"#, true),
        ("idle-timeout = 1.5\nseed = 3", r#"{"idle-timeout":1.5,"seed":3}"#, true),
        (
            "profile = \"observed\"\n[behavior]\nupdate-response = \"no-content\"",
            r#"{"profile":"observed","behavior":{"update-response":"no-content"}}"#,
            true,
        ),
        ("behavior = [\"update-response=no-content\"]", r#"{"behavior":["update-response=no-content"]}"#, true),
        ("prot = 1", r#"{"prot":1}"#, false),
        ("port = \"1\"", r#"{"port":"1"}"#, false),
        ("port = 1.5", r#"{"port":1.5}"#, false),
        ("explain = \"yes\"", r#"{"explain":"yes"}"#, false),
        ("auth = \"none\"", r#"{"auth":"none"}"#, false),
        ("profile = \"observe\"", r#"{"profile":"observe"}"#, false),
        ("fixtures = [\"a\"]", r#"{"fixtures":["a"]}"#, false),
        ("[behavior]\nupdate-response = \"x\"", r#"{"behavior":{"update-response":"x"}}"#, false),
        ("[server]\nport = 1", r#"{"server":{"port":1}}"#, false),
    ] {
        assert_eq!(validator.is_valid(&parsed(json)), fits, "the schema: {json}");
        assert_eq!(is_read(&folder, Some("--config"), "wfi-emulator.toml", toml), fits, "the program: {toml}");
    }
}

#[test]
fn wrong_arguments_are_refused() {
    for (arguments, problem) in [
        (&["fixtures", "team"][..], "wfi-emulator: unknown collection 'team' (did you mean 'teams'?)\n"),
        (&["faults", "teams"], "wfi-emulator: unexpected collection: only fixtures have collections\n"),
    ] {
        let outcome = outcome(&[&["json-schema"], arguments].concat());
        assert_eq!((outcome.status, outcome.stderr.as_str()), (Some(2), problem));
    }
}
