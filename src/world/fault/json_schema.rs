//! The JSON Schema of files with fault rules.

use serde_json::{Map, Value, json};

use super::read::{METHODS, STATUS};
use super::{DELAY_LIMIT, READY, ready};
use crate::text::json::EXACT_LIMIT;
use crate::text::json_schema::{SCHEMA_MEMBER, document, list, object, reference};

/// Returns the schema.
pub(crate) fn json_schema() -> Value {
    let text = || json!({ "type": "string" });
    let texts = || json!({ "type": "object", "additionalProperties": { "type": "string" } });
    let whole = |least: u64| json!({ "type": "integer", "minimum": least, "maximum": EXACT_LIMIT });
    let millis =
        || json!({ "type": "number", "minimum": 0, "maximum": u64::try_from(DELAY_LIMIT.as_millis()).unwrap_or(u64::MAX) });
    let yes = || json!({ "const": true });
    let names: Vec<&str> = READY.iter().map(|ready| ready.name).collect();
    let rules: Vec<&str> = ready::names().collect();
    let methods = METHODS.map(|method| method.as_str().to_owned());
    let on = object(
        json!({
            "method": { "anyOf": [{ "enum": methods }, list(json!({ "enum": methods }))] },
            "path": text(),
            "id": text(),
            "headers": texts(),
            "query": texts(),
            "body": text(),
            "nth": whole(1),
            "from": whole(1),
            "every": whole(1),
            "probability": { "type": "number", "minimum": 0, "maximum": 1 },
            "count": whole(0),
        }),
        &[],
    );
    let answer = object(
        json!({
            "status": { "type": "integer", "minimum": STATUS.start(), "maximum": STATUS.end() },
            "code": text(),
            "message": text(),
            "body": text(),
            "contentType": text(),
            "headers": texts(),
        }),
        &["status"],
    );
    let delay = json!({ "anyOf": [
        millis(),
        object(json!({ "fixed": millis() }), &["fixed"]),
        object(json!({ "from": millis(), "to": millis() }), &["from", "to"]),
        object(json!({ "mean": millis() }), &["mean"]),
        object(json!({ "median": millis(), "p99": millis() }), &["median", "p99"]),
    ] });
    let effect = object(
        json!({
            "answer": { "anyOf": [{ "enum": names }, answer, object(json!({ "preset": { "enum": names } }), &["preset"])] },
            "retryAfter": { "type": ["number", "string", "null"] },
            "early": { "enum": ["refuse", "accept"] },
            "limit": object(
                json!({ "requests": whole(0), "seconds": { "type": "number", "minimum": 0.001, "maximum": 86400 } }),
                &["requests", "seconds"],
            ),
            "reset": yes(),
            "silence": yes(),
            "truncate": whole(0),
            "slow": object(json!({ "bytes": whole(1), "every": millis() }), &["bytes", "every"]),
            "malformed": yes(),
            "delay": delay,
            "applies": { "type": "boolean" },
        }),
        &[],
    );
    let mut definitions = Map::new();
    definitions.insert("on".to_owned(), on);
    definitions.insert("do".to_owned(), json!({ "anyOf": [{ "enum": names }, effect] }));
    let members = |more: &[&str]| {
        let mut members = json!({ "name": text(), "on": reference("on"), "do": reference("do") });
        for name in more {
            members[*name] = text();
        }
        object(members, &["do"])
    };
    let preset = |more: &[&str]| {
        let mut members = json!({ "preset": { "enum": rules } });
        for name in more {
            members[*name] = text();
        }
        object(members, &["preset"])
    };
    let rule = json!({ "anyOf": [{ "enum": rules }, members(&[]), preset(&[])] });
    definitions.insert("rule".to_owned(), rule);
    let of_rules = list(reference("rule"));
    let in_object = object(json!({ SCHEMA_MEMBER: text(), "rules": of_rules }), &["rules"]);
    let forms = json!({ "anyOf": [of_rules, in_object, members(&[SCHEMA_MEMBER]), preset(&[SCHEMA_MEMBER]), { "enum": rules }] });
    document("Fault rules of wfi-emulator", forms, definitions)
}
