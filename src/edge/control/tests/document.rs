//! The `OpenAPI` file: its form, which generators of clients understand, and its agreement with requests and answers.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, LazyLock, Mutex};

use jsonschema::{Draft, Validator};
use serde_json::Map;

use super::*;
use crate::edge::control::connectors::RETRY_LIMIT;
use crate::edge::control::entities::PAGE_LIMIT;
use crate::edge::control::journal::{ORDER_LIMIT, WAIT_LIMIT};
use crate::text::json::EXACT_LIMIT;
use crate::world::fault::{DELAY_LIMIT, RULE_LIMIT, ready_names};
use crate::world::journal::Destination;
use crate::world::sign_ins::REFUSAL_LIMIT;

const TEXT: &str = include_str!("../../../../docs/control-api.openapi.json");

static FILE: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(TEXT).unwrap());

const SCHEMAS: &str = "#/components/schemas/";

/// Schemas without a type.
const UNTYPED: [(&str, &str); 1] = [("JsonValue", "bodies of Graph and of connectors are any JSON")];

/// Unions, which are all of one schema and null. A member that is absent instead would break clients that read null.
const UNIONS: [(&str, &str); 7] = [
    ("JournalEntry.response", "a fault has ended the connection, or a call has failed"),
    ("JournalEntry.before", "the request has changed nothing, or created the entity"),
    ("JournalEntry.after", "the request has changed nothing, or deleted the entity"),
    ("ItemChange.before", "the item is new"),
    ("ItemChange.after", "the item is deleted"),
    ("BrowsedEntity.entity", "a link has the address of an entity that lives elsewhere"),
    ("ActReport.request", "Graph has no request for the assignment of an open shift"),
];

fn schemas() -> &'static Map<String, Value> {
    FILE["components"]["schemas"].as_object().unwrap()
}

/// Returns the name of the schema that a reference leads to.
fn referenced(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.strip_prefix(SCHEMAS)
}

/// Returns the operations of the file: method, path, and description.
fn operations() -> Vec<(String, &'static str, &'static Value)> {
    let mut operations = Vec::new();
    for (path, item) in FILE["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap().iter().filter(|(key, _)| *key != "parameters") {
            operations.push((method.to_uppercase(), path.as_str(), operation));
        }
    }
    operations
}

#[test]
fn it_has_every_operation_and_no_other() {
    let mut described: Vec<String> = operations().iter().map(|(method, path, _)| format!("{method} {path}")).collect();
    let mut operations: Vec<String> =
        OPERATIONS.iter().map(|operation| format!("{} {PREFIX}{}", operation.method, operation.path)).collect();
    described.sort();
    operations.sort();
    assert_eq!(described, operations);
    let page = include_str!("../../../../docs/control-api.md");
    for operation in operations {
        assert!(page.contains(&format!("`{operation}`")), "docs/control-api.md does not describe {operation}");
    }
}

#[test]
fn every_operation_has_a_name_and_one_answer_per_status() {
    let mut problems = Vec::new();
    let mut names = BTreeSet::new();
    for (method, path, operation) in operations() {
        let place = format!("{method} {path}");
        match operation["operationId"].as_str() {
            Some(name) if names.insert(name) => {}
            other => problems.push(format!("{place}: operationId {other:?} is missing or not its own")),
        }
        let responses = operation["responses"].as_object().unwrap();
        let (errors, successes): (Vec<_>, Vec<_>) = responses.iter().partition(|(status, _)| !status.starts_with('2'));
        if errors.iter().map(|(status, response)| (status.as_str(), response["$ref"].as_str())).collect::<Vec<_>>()
            != [("4XX", Some("#/components/responses/Error"))]
        {
            problems.push(format!("{place}: errors other than 4XX with the response Error"));
        }
        if successes.len() != 1 {
            problems.push(format!("{place}: {} statuses of success", successes.len()));
        }
        let bodies = successes.iter().map(|(status, response)| (status.as_str(), &response["content"]));
        for (of, content) in bodies.chain([("request", &operation["requestBody"]["content"])]) {
            let content = content.as_object().into_iter().flatten().collect::<Vec<_>>();
            if content.len() > 1 {
                problems.push(format!("{place}: {} content types of {of}", content.len()));
            }
            for (media_type, body) in content {
                if referenced(&body["schema"]).is_none_or(|name| !schemas().contains_key(name)) {
                    problems.push(format!("{place}: {of} {media_type} without a named schema"));
                }
            }
        }
    }
    let error = &FILE["components"]["responses"]["Error"]["content"]["application/json"]["schema"];
    if referenced(error) != Some("ErrorBody") {
        problems.push("the response Error has another schema than ErrorBody".to_owned());
    }
    let detail = &FILE["components"]["schemas"]["ErrorDetail"];
    if detail["properties"]["message"]["type"] != "string" || detail["required"] != json!(["code", "message"]) {
        problems.push("an error without a code and a message".to_owned());
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn every_schema_is_named_typed_and_bounded() {
    let mut walk = SchemaWalk::default();
    for (name, schema) in schemas() {
        walk.visit(name, schema, true);
    }
    for (name, parameter) in FILE["components"]["parameters"].as_object().into_iter().flatten() {
        walk.visit(&format!("parameter {name}"), &parameter["schema"], false);
    }
    for (method, path, operation) in operations() {
        let of_path = FILE["paths"][path]["parameters"].as_array();
        for parameter in [of_path, operation["parameters"].as_array()].into_iter().flatten().flatten() {
            if parameter["$ref"].as_str().is_none() {
                walk.problems.push(format!("{method} {path}: parameter {} without a name", parameter["name"]));
            }
        }
        walk.find_references(operation);
    }
    walk.find_references(&FILE["components"]["responses"]);
    let SchemaWalk { mut problems, references, untyped, unions } = walk;
    problems.extend(schemas().keys().filter(|name| !references.contains(*name)).map(|name| format!("{name}: unused")));
    problems.extend(references.iter().filter(|name| !schemas().contains_key(*name)).map(|name| format!("{name}: unknown")));
    let listed = |list: &[(&str, &str)]| -> BTreeSet<String> { list.iter().map(|(place, _)| (*place).to_owned()).collect() };
    let differing =
        |found: &BTreeSet<String>, known: &BTreeSet<String>| found.symmetric_difference(known).cloned().collect::<Vec<_>>();
    problems.extend(differing(&untyped, &listed(&UNTYPED)).iter().map(|place| format!("{place}: no type, or no longer without")));
    problems.extend(differing(&unions, &listed(&UNIONS)).iter().map(|place| format!("{place}: a union, or no longer one")));
    assert!(problems.is_empty(), "{} problems\n{}", problems.len(), problems.join("\n"));
}

#[derive(Default)]
struct SchemaWalk {
    problems: Vec<String>,
    references: BTreeSet<String>,
    untyped: BTreeSet<String>,
    unions: BTreeSet<String>,
}

impl SchemaWalk {
    fn problem(&mut self, place: &str, problem: impl fmt::Display) {
        self.problems.push(format!("{place}: {problem}"));
    }

    fn find_references(&mut self, value: &Value) {
        match value {
            Value::Object(members) => {
                self.references.extend(referenced(value).map(str::to_owned));
                members.values().for_each(|member| self.find_references(member));
            }
            Value::Array(items) => items.iter().for_each(|item| self.find_references(item)),
            _ => {}
        }
    }

    fn visit(&mut self, place: &str, schema: &Value, is_named: bool) {
        if let Some(name) = referenced(schema) {
            self.references.insert(name.to_owned());
            return;
        }
        for keyword in ["anyOf", "allOf", "not", "if", "patternProperties", "const"] {
            if schema.get(keyword).is_some() {
                self.problem(place, format!("{keyword} is not understood by all generators"));
            }
        }
        if let Some(parts) = schema["oneOf"].as_array() {
            self.unions.insert(place.to_owned());
            match &parts[..] {
                [one, null] if referenced(one).is_some() && *null == json!({ "type": "null" }) => self.visit(place, one, false),
                _ => self.problem(place, "a union of more than one schema and null"),
            }
            return;
        }
        let kind = match &schema["type"] {
            Value::String(kind) => kind.as_str(),
            Value::Array(kinds) => match &kinds[..] {
                [Value::String(kind), null] if null == "null" => kind.as_str(),
                _ => return self.problem(place, "several types"),
            },
            _ => {
                self.untyped.insert(place.to_owned());
                return;
            }
        };
        if schema.get("enum").is_some() && !is_named {
            self.problem(place, "an enumeration without a name");
        }
        match kind {
            "integer" => self.visit_integer(place, schema),
            "number" if schema["format"] != "double" => self.problem(place, "a number without a format"),
            "object" => self.visit_object(place, schema, is_named),
            "array" if schema["items"]["items"].is_array() || schema["items"]["type"] == "array" => {
                self.problem(place, "an array of arrays without a name");
            }
            "array" => self.visit(&format!("{place}[]"), &schema["items"], false),
            _ => {}
        }
    }

    fn visit_integer(&mut self, place: &str, schema: &Value) {
        let largest = match schema["format"].as_str() {
            Some("int32") => i64::from(i32::MAX),
            // Doubles are exact up to here.
            Some("int64") => i64::try_from(EXACT_LIMIT).unwrap(),
            _ => return self.problem(place, "an integer without a format"),
        };
        match (schema["minimum"].as_i64(), schema["maximum"].as_i64()) {
            (Some(least), Some(most)) if -largest <= least && least <= most && most <= largest => {}
            range => self.problem(place, format!("an integer with the range {range:?}")),
        }
    }

    fn visit_object(&mut self, place: &str, schema: &Value, is_named: bool) {
        if !is_named {
            self.problem(place, "an object without a name");
        }
        let properties = schema["properties"].as_object();
        for (name, property) in properties.into_iter().flatten() {
            if name.eq_ignore_ascii_case(place) {
                self.problem(place, "a member with the name of its schema, which generators take for the same variable");
            }
            self.visit(&format!("{place}.{name}"), property, false);
        }
        for name in schema["required"].as_array().into_iter().flatten() {
            if properties.is_none_or(|properties| !properties.contains_key(name.as_str().unwrap())) {
                self.problem(place, format!("requires {name}, which it does not describe"));
            }
        }
        match &schema["additionalProperties"] {
            Value::Null if properties.is_none() => self.problem(place, "an object without members"),
            Value::Null | Value::Bool(_) => {}
            of => self.visit(&format!("{place}.*"), of, false),
        }
    }
}

/// Returns the names that a message lists as expected ones.
fn expected(message: &str) -> BTreeSet<String> {
    let list = message.split("expected ").nth(1).unwrap_or_else(|| panic!("{message}"));
    if list.contains('`') {
        return list.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    }
    list.trim_start_matches("one of ").split(" (").next().unwrap().split(", ").map(|name| name.trim().to_owned()).collect()
}

fn members(name: &str) -> BTreeSet<String> {
    schemas()[name]["properties"].as_object().unwrap().keys().cloned().collect()
}

fn values(name: &str) -> BTreeSet<String> {
    schemas()[name]["enum"].as_array().unwrap().iter().map(|value| value.as_str().unwrap().to_owned()).collect()
}

/// Sends a body, and returns the names that the refusal lists.
fn expected_by(method: &str, path: &str, body: &str) -> BTreeSet<String> {
    let path = path.strip_prefix(PREFIX).unwrap().replace("{name}", "a").replace("{collection}", "teams");
    expected(&refusal(&worlds(), method.parse().unwrap(), &path, body))
}

#[test]
fn bodies_of_requests_have_the_members_that_are_read() {
    for (method, path, operation) in operations() {
        let Some(name) = referenced(&operation["requestBody"]["content"]["application/json"]["schema"]) else { continue };
        // Entities have members of Graph, behaviors have names of their own, and the rules of faults are below.
        if matches!(name, "State" | "Collection" | "Behaviors" | "FaultRules" | "JsonObject") {
            continue;
        }
        assert_eq!(schemas()[name]["additionalProperties"], false, "{name}");
        assert_eq!(expected_by(&method, path, r#"{"zzz":1}"#), members(name), "{method} {path}: {name}");
        for (member, schema) in schemas()[name]["properties"].as_object().unwrap() {
            if let Some(of) = referenced(schema).filter(|of| schemas()[*of].get("enum").is_some() && *of != "Destination") {
                let body = format!(r#"{{"{member}":"zzz"}}"#);
                assert_eq!(expected_by(&method, path, &body), values(of), "{method} {path}: {of}");
            }
        }
    }
    let faults = |body: &str| expected_by("PUT", "/_emulator/worlds/{name}/faults", body);
    let in_rule = |text: &str| faults(&format!(r#"{{"rules":[{text}]}}"#));
    let in_effect = |member: &str| in_rule(&format!(r#"{{"do":{{"{member}":{{"zzz":1}}}}}}"#));
    assert_eq!(faults(r#"{"rules":[],"zzz":1}"#), members("FaultRules"));
    assert_eq!(in_rule(r#"{"zzz":1}"#), members("FaultRule"));
    assert_eq!(in_rule(r#"{"on":{"zzz":1}}"#), members("RequestSelector"));
    assert_eq!(in_rule(r#"{"do":{"zzz":1}}"#), members("FaultEffect"));
    assert_eq!(in_effect("answer"), members("FaultAnswer"));
    assert_eq!(in_effect("limit"), members("RateLimit"));
    assert_eq!(in_effect("slow"), members("SlowBody"));
    assert_eq!(in_rule(r#"{"preset":"zzz"}"#), values("RulePreset"));
    assert_eq!(in_rule(r#"{"do":{"answer":{"preset":"zzz"}}}"#), values("FaultPreset"));
    assert_eq!(in_rule(r#"{"on":{"method":["zzz"]},"do":"throttled"}"#), values("HttpMethod"));
    assert_eq!(values("RulePreset"), ready_names().map(str::to_owned).collect());
    assert_eq!(values("Destination"), ["graph", "connector"].map(str::to_owned).into());
    assert!(values("Destination").iter().all(|name| Destination::from_name(name).is_some()));
}

#[test]
fn bounds_are_those_of_the_program() {
    let property = |schema: &str, name: &str| &schemas()[schema]["properties"][name];
    let size = |of: usize| Value::from(of);
    assert_eq!(property("ConnectorCall", "retries")["maximum"], Value::from(RETRY_LIMIT));
    assert_eq!(property("Expectation", "within")["maximum"], Value::from(WAIT_LIMIT.as_secs()));
    assert_eq!(property("Expectation", "inOrder")["maxItems"], size(ORDER_LIMIT));
    assert_eq!(FILE["components"]["parameters"]["PageLimit"]["schema"]["maximum"], size(PAGE_LIMIT));
    assert_eq!(property("SignInRefusal", "times")["maximum"], size(REFUSAL_LIMIT));
    assert_eq!(property("FaultRules", "rules")["maxItems"], size(RULE_LIMIT));
    assert_eq!(property("WorldCreation", "seed")["maximum"], Value::from(EXACT_LIMIT));
    for name in ["fixed", "from", "to", "mean", "median", "p99"] {
        assert_eq!(property("Delay", name)["maximum"].as_u64().map(Duration::from_millis), Some(DELAY_LIMIT), "{name}");
    }
    let worlds = worlds();
    let exported = json_of(&worlds, Method::GET, "/worlds/a/state", "");
    assert_eq!(exported.as_object().unwrap().keys().cloned().collect::<BTreeSet<String>>(), members("State"));
}

#[test]
fn the_seed_of_a_world_can_be_used_for_another() {
    let worlds = worlds();
    for name in ["a", "contoso", "suite--a-b-1"] {
        let seed = &json_of(&worlds, Method::PUT, &format!("/worlds/{name}"), "")["seed"];
        let again = json_of(&worlds, Method::PUT, "/worlds/again", &json!({ "seed": seed }).to_string());
        assert_eq!(&again["seed"], seed, "{name}");
        assert_eq!(call(&worlds, Method::DELETE, "/worlds/again", "").0, 204);
    }
}

/// Fails unless an answer is one that the file describes.
pub(super) fn check_answer(request: &Request, answer: &Answer) {
    let path = request.target.path().strip_prefix(PREFIX).unwrap();
    let query = request.target.query().unwrap_or_default();
    // The file describes neither former paths nor parameters that give an operation another kind of answer.
    let is_former = path.starts_with(TENANTS) || query.contains("collection=") || query.contains("format=");
    let response = &answer.response;
    let (status, body) = (response.status(), response.body());
    let place = format!("{} {path} {status}", request.method);
    let schema = if status.is_success() && is_former {
        return;
    } else if status.is_success() {
        let operation = OPERATIONS.iter().find(|of| of.method == request.method && names_in(path, of.path).is_some()).unwrap();
        let item = &FILE["paths"][format!("{PREFIX}{}", operation.path)][operation.method.as_str().to_lowercase()];
        let described = &item["responses"][status.as_str()];
        assert!(described.is_object(), "{place} is not described");
        let Some((media_type, content)) = described["content"].as_object().and_then(|content| content.iter().next()) else {
            return assert!(body.is_empty(), "{place} has a body");
        };
        let found = response.headers()[header::CONTENT_TYPE].to_str().unwrap();
        assert_eq!(found.split(';').next(), Some(media_type.as_str()), "{place}");
        if media_type != "application/json" {
            return;
        }
        referenced(&content["schema"]).unwrap()
    } else {
        "ErrorBody"
    };
    let body: Value = serde_json::from_slice(body).unwrap();
    let validator = validator(schema);
    let problems: Vec<String> = validator.iter_errors(&body).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(problems.is_empty(), "{place} differs from {schema}: {}", problems.join("\n"));
}

/// Returns the validator of a schema. Members that are not described are problems, which they are not for clients.
fn validator(name: &str) -> Arc<Validator> {
    static VALIDATORS: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);
    let mut validators = VALIDATORS.lock().unwrap();
    let of_schema = || {
        let mut components = FILE["components"].clone();
        for schema in components["schemas"].as_object_mut().unwrap().values_mut() {
            if schema["properties"].is_object() && schema.get("additionalProperties").is_none() {
                schema["additionalProperties"] = false.into();
            }
        }
        let schema = json!({ "$ref": format!("{SCHEMAS}{name}"), "components": components });
        let options = jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(true);
        Arc::new(options.build(&schema).unwrap())
    };
    Arc::clone(validators.entry(name.to_owned()).or_insert_with(of_schema))
}
