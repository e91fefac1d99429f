//! Verdict of Shifts on the outcome of a call.
//!
//! Source of the rules and the sentences: learn.microsoft.com/microsoft-365/frontline/shifts-custom-wfm-integration. Rules that it does not
//! give are marked as guesses.

use std::collections::{HashMap, HashSet};
use std::fmt;

use http::{HeaderMap, StatusCode, header};
use serde_json::Value;

use crate::text::json::{self, Json};
use crate::text::visible::visible;
use crate::world::outbound::{CallFailure, CallOutcome};

/// Sentence that the user of Shifts reads after a refusal.
pub(crate) const REFUSED_SENTENCE: &str = "Something went wrong. Sorry, your change couldn't be completed,";

/// Sentence that the user reads after an answer with invalid data.
pub(crate) const INVALID_DATA_SENTENCE: &str =
    "Something went wrong. The workforce integration set up on your team has responded with invalid data.";

/// Sentence that the user reads after a status other than 200. It is published with this spelling of "setup".
pub(crate) const NOT_OK_SENTENCE: &str =
    "Something went wrong. The workforce integration setup on your team has responded with invalid data.";

/// Purpose of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallPurpose {
    /// Handshake.
    Connect,
    /// Approval of changes.
    Update,
    /// Query for eligible entities.
    Read,
}

/// Verdict of Shifts on the outcome of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectorVerdict {
    /// The handshake succeeded.
    Connected,
    /// The answer is usable: one verdict per element, in order.
    Answered(Vec<ElementVerdict>),
    /// The answer has invalid data, for this reason.
    InvalidData(String),
    /// The status of the answer is not 200.
    NotOk(StatusCode),
    /// The call failed. Guess: Shifts treats this like a status other than 200.
    NoAnswer(CallFailure),
}

/// Verdict on one element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ElementVerdict {
    /// Id of the element.
    pub id: String,
    /// Verdict on its item.
    pub judgement: ItemVerdict,
    /// Hint for the author of the connector.
    pub note: Option<&'static str>,
}

/// Verdict on the item of an element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ItemVerdict {
    /// The connector approves the change.
    Approved {
        /// Version of the entity in the connector's system.
        etag: Option<String>,
    },
    /// The item is missing or incomplete, which counts as approval.
    ApprovedImplicitly {
        /// Missing part.
        missing: &'static str,
    },
    /// The connector refuses the change.
    Refused {
        /// Status of the item.
        status: i64,
        /// `error.code`
        code: Option<String>,
        /// `error.message`
        message: Option<String>,
    },
    /// Eligible ids.
    Eligible(Vec<String>),
}

impl ConnectorVerdict {
    /// Judges the outcome of a call with these elements.
    pub fn of<'i>(purpose: CallPurpose, ids: impl IntoIterator<Item = &'i str>, outcome: &CallOutcome) -> ConnectorVerdict {
        match outcome {
            CallOutcome::Failed(failure) => ConnectorVerdict::NoAnswer(*failure),
            CallOutcome::Answered { status, .. } if *status != StatusCode::OK => ConnectorVerdict::NotOk(*status),
            // "A success response is returned only if this endpoint returns an HTTP 200 OK response"; the body is ignored.
            CallOutcome::Answered { .. } if purpose == CallPurpose::Connect => ConnectorVerdict::Connected,
            CallOutcome::Answered { headers, body, .. } => match judge_body(purpose, ids, headers, body) {
                Ok(elements) => ConnectorVerdict::Answered(elements),
                Err(reason) => ConnectorVerdict::InvalidData(reason),
            },
        }
    }

    /// Whether Shifts repeats the call: it "retries /read and /update multiple times".
    pub fn is_retried(&self, purpose: CallPurpose) -> bool {
        purpose != CallPurpose::Connect && !matches!(self, ConnectorVerdict::Connected | ConnectorVerdict::Answered(_))
    }

    /// Whether the change is stored, or the query has a result. One refused element blocks the whole call (a guess).
    pub fn lets_pass(&self) -> bool {
        let is_refused = |element: &ElementVerdict| matches!(element.judgement, ItemVerdict::Refused { .. });
        match self {
            ConnectorVerdict::Connected => true,
            ConnectorVerdict::Answered(elements) => !elements.iter().any(is_refused),
            ConnectorVerdict::InvalidData(_) | ConnectorVerdict::NotOk(_) | ConnectorVerdict::NoAnswer(_) => false,
        }
    }

    /// Returns the sentence that the user of Shifts reads; `None` if the call succeeded.
    pub fn sentence(&self) -> Option<&'static str> {
        match self {
            ConnectorVerdict::Connected | ConnectorVerdict::Answered(_) if self.lets_pass() => None,
            ConnectorVerdict::Connected | ConnectorVerdict::Answered(_) => Some(REFUSED_SENTENCE),
            ConnectorVerdict::InvalidData(_) => Some(INVALID_DATA_SENTENCE),
            ConnectorVerdict::NotOk(_) | ConnectorVerdict::NoAnswer(_) => Some(NOT_OK_SENTENCE),
        }
    }

    /// Returns the connector's message of the first refusal.
    pub fn message(&self) -> Option<&str> {
        let ConnectorVerdict::Answered(elements) = self else { return None };
        elements.iter().find_map(|element| match &element.judgement {
            ItemVerdict::Refused { message, .. } => Some(message.as_deref().unwrap_or_default()),
            _ => None,
        })
    }
}

/// Judges the body of an answer with status 200.
///
/// # Errors
///
/// Returns the reason why the data is invalid.
fn judge_body<'i>(
    purpose: CallPurpose,
    ids: impl IntoIterator<Item = &'i str>,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Vec<ElementVerdict>, String> {
    let answer: Value = serde_json::from_slice(body).map_err(|error| json_error(headers, body, &error))?;
    // Readers differ about which of two members counts.
    if let Some(name) = json::parse(body).ok().as_ref().and_then(Json::duplicate_name) {
        return Err(format!("duplicate member '{}'", name.escape_debug()));
    }
    let answer = canonical(answer)?;
    let items = answer.get("responses").and_then(Value::as_array).ok_or("missing array 'responses' in the body")?;
    let mut by_id: HashMap<&str, Vec<&Value>> = HashMap::new();
    for item in items {
        if !item.is_object() {
            return Err("invalid item in 'responses': not an object".to_owned());
        }
        if let Some(id) = item.get("id").and_then(Value::as_str) {
            by_id.entry(id).or_default().push(item);
        }
    }
    let ids: Vec<&str> = ids.into_iter().collect();
    let found = ids.iter().collect::<HashSet<_>>().into_iter().filter(|id| by_id.contains_key(**id)).count();
    let has_unknown_ids = found < by_id.len();
    let judge = |id: &&str| judge_items(purpose, id, by_id.get(id).map_or(&[], Vec::as_slice), has_unknown_ids);
    ids.iter().map(judge).collect()
}

/// Members of answers. Serializers of connectors write them in another case too, and the readers of .NET take them so (a guess for Shifts).
const MEMBERS: [&str; 9] = ["responses", "id", "status", "body", "eTag", "error", "data", "code", "message"];

/// Gives the members of an answer their published case.
///
/// # Errors
///
/// Fails for members whose names differ in case only.
fn canonical(value: Value) -> Result<Value, String> {
    Ok(match value {
        Value::Object(members) => {
            let mut named = serde_json::Map::new();
            for (name, value) in members {
                let known = MEMBERS.into_iter().find(|known| known.eq_ignore_ascii_case(&name)).map_or(name, str::to_owned);
                if named.contains_key(&known) {
                    return Err(format!("duplicate member '{}'", known.escape_debug()));
                }
                named.insert(known, canonical(value)?);
            }
            Value::Object(named)
        }
        Value::Array(items) => Value::Array(items.into_iter().map(canonical).collect::<Result<_, _>>()?),
        other => other,
    })
}

/// Note on an id with several items.
const DUPLICATE_ITEMS: &str = "duplicate items for this id: a refusal counts, else the first one";

/// Judges the items of an element. Of several, a refusal counts, wherever it is: a change that the connector has refused must not be saved.
/// The service's choice is not known.
fn judge_items(purpose: CallPurpose, id: &str, items: &[&Value], has_unknown_ids: bool) -> Result<ElementVerdict, String> {
    let [first, others @ ..] = items else { return judge_element(purpose, id, None, has_unknown_ids) };
    let mut verdict = judge_element(purpose, id, Some(first), has_unknown_ids)?;
    let is_refusal = |verdict: &ElementVerdict| matches!(verdict.judgement, ItemVerdict::Refused { .. });
    for other in others {
        let other = judge_element(purpose, id, Some(other), has_unknown_ids)?;
        if is_refusal(&other) && !is_refusal(&verdict) {
            verdict = other;
        }
    }
    if !others.is_empty() {
        verdict.note = Some(DUPLICATE_ITEMS);
    }
    Ok(verdict)
}

/// Describes invalid JSON. Common causes have a clearer text than the parser's error.
fn json_error(headers: &HeaderMap, body: &[u8], error: &serde_json::Error) -> String {
    if body.is_empty() {
        return "empty body, expected JSON".to_owned();
    }
    if let Some(coding) = headers.get(header::CONTENT_ENCODING) {
        return format!("invalid JSON body: unrequested Content-Encoding {coding:?}");
    }
    if body.starts_with("\u{feff}".as_bytes()) {
        return "invalid JSON body: it begins with a byte order mark".to_owned();
    }
    format!("invalid JSON body: {error}")
}

/// Text for a missing item if the answer has items with unknown ids: their ids are probably wrong.
const MISSING_ITEM_UNKNOWN_IDS: &str = "missing item for this id, but the answer has items with unknown ids";

fn judge_element(purpose: CallPurpose, id: &str, item: Option<&Value>, has_unknown_ids: bool) -> Result<ElementVerdict, String> {
    let verdict = |judgement, note| Ok(ElementVerdict { id: id.to_owned(), judgement, note });
    // Implicit approval is documented for update calls only.
    let missing = |missing| match purpose {
        CallPurpose::Read => verdict(ItemVerdict::Eligible(Vec::new()), Some(missing)),
        CallPurpose::Connect | CallPurpose::Update => verdict(ItemVerdict::ApprovedImplicitly { missing }, None),
    };
    let Some(item) = item else {
        return missing(if has_unknown_ids { MISSING_ITEM_UNKNOWN_IDS } else { "missing item for this id" });
    };
    let status = match item.get("status") {
        None | Some(Value::Null) => return missing("missing status in the item"),
        // A string in the reference table, a number in all examples.
        Some(Value::String(text)) => text.trim().parse().ok(),
        Some(other) => other.as_i64(),
    };
    let status: i64 = status.ok_or_else(|| format!("invalid status in item {id}: not a number"))?;
    let body = item.get("body");
    let text = |object: &str, name: &str| {
        let value = body?.get(object)?.get(name)?;
        value.as_str().map(str::to_owned).or_else(|| value.as_i64().map(|number| number.to_string()))
    };
    if status != 200 {
        let (code, message) = (text("error", "code"), text("error", "message"));
        let note = message.is_none().then_some("missing error.message: the user gets no reason for the refusal");
        return verdict(ItemVerdict::Refused { status, code, message }, note);
    }
    let Some(Value::Object(body)) = body else { return missing("missing body in the item") };
    // A published connector sends the members of an error as null.
    let is_empty = |error: &Value| match error {
        Value::Object(members) => members.values().all(Value::is_null),
        other => other.is_null(),
    };
    let has_error = body.get("error").is_some_and(|error| !is_empty(error));
    let note = has_error.then_some("ignored error: the item has status 200");
    if purpose == CallPurpose::Read {
        let eligible = match body.get("data") {
            // It is not known how a connector answers if nothing is eligible.
            None | Some(Value::Null) => return verdict(ItemVerdict::Eligible(Vec::new()), note.or(Some("data is null"))),
            Some(Value::Array(ids)) => ids.iter().map(|id| id.as_str().map(str::to_owned)).collect(),
            Some(_) => None,
        };
        let eligible: Option<Vec<String>> = eligible;
        let eligible = eligible.ok_or_else(|| format!("body.data of item {id} is not an array of strings"))?;
        return verdict(ItemVerdict::Eligible(eligible), note);
    }
    let etag = body.get("eTag").and_then(Value::as_str).map(str::to_owned);
    // Source: a comment in OfficeDev/Microsoft-Teams-Shifts-WFM-Connectors TeamsController.cs.
    let missing_etag = "missing eTag: the authors of the published connector got 502 Bad Gateway without one";
    let note = note.or(etag.is_none().then_some(missing_etag));
    verdict(ItemVerdict::Approved { etag }, note)
}

impl fmt::Display for ConnectorVerdict {
    /// Writes one line, with any texts of the connector.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConnectorVerdict::Connected => f.write_str("connected"),
            ConnectorVerdict::Answered(elements) if elements.is_empty() => f.write_str("answered, no elements sent"),
            ConnectorVerdict::Answered(elements) => {
                for (index, element) in elements.iter().enumerate() {
                    if index > 0 {
                        f.write_str("; ")?;
                    }
                    write!(f, "{} {}", visible(&element.id), element.judgement)?;
                }
                Ok(())
            }
            ConnectorVerdict::InvalidData(reason) => write!(f, "invalid data: {}", visible(reason)),
            ConnectorVerdict::NotOk(status) if status.is_redirection() => {
                write!(f, "status {}, expected 200; redirects are not followed", status.as_u16())
            }
            ConnectorVerdict::NotOk(status) => write!(f, "status {}, expected 200", status.as_u16()),
            ConnectorVerdict::NoAnswer(failure) => write!(f, "{}: {}", failure.name(), failure.reason()),
        }
    }
}

impl fmt::Display for ItemVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ItemVerdict::Approved { etag: Some(etag) } => write!(f, "approved, eTag {}", visible(etag)),
            ItemVerdict::Approved { etag: None } => f.write_str("approved"),
            ItemVerdict::ApprovedImplicitly { missing } => write!(f, "approved implicitly: {missing}"),
            ItemVerdict::Refused { status, code, message } => {
                write!(f, "refused: {status}")?;
                if let Some(code) = code.as_deref().filter(|code| *code != status.to_string()) {
                    write!(f, " (code {})", visible(code))?;
                }
                match message {
                    Some(message) => write!(f, " {}", visible(message)),
                    None => f.write_str(", no message"),
                }
            }
            ItemVerdict::Eligible(ids) if ids.is_empty() => f.write_str("nothing is eligible"),
            ItemVerdict::Eligible(ids) => write!(f, "eligible: {}", visible(&ids.join(", "))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use proptest::prelude::*;

    fn answered(body: &str) -> CallOutcome {
        CallOutcome::Answered { status: StatusCode::OK, headers: HeaderMap::new(), body: Bytes::copy_from_slice(body.as_bytes()) }
    }

    /// Describes the verdict on a body: whether the call passes, the text, and the notes.
    fn describe(purpose: CallPurpose, body: &str) -> String {
        let verdict = ConnectorVerdict::of(purpose, ["A"], &answered(body));
        let notes = match &verdict {
            ConnectorVerdict::Answered(elements) => {
                elements.iter().filter_map(|element| element.note).collect::<Vec<_>>().join("; ")
            }
            _ => String::new(),
        };
        let passes = if verdict.lets_pass() { "passes" } else { "stops" };
        format!("{passes}: {verdict}{}", if notes.is_empty() { String::new() } else { format!(" [{notes}]") })
    }

    #[test]
    fn answers_to_updates_are_judged_by_the_published_rules() {
        let describe_items = |items: &str| describe(CallPurpose::Update, &format!("{{\"responses\":[{items}]}}"));
        insta::assert_snapshot!(describe_items(r#"{"id":"A","status":200,"body":{"eTag":"e","error":null,"data":null}}"#), @"passes: A approved, eTag e");
        insta::assert_snapshot!(describe_items(r#"{"id":"A","status":"200","body":{"eTag":"e"}}"#), @"passes: A approved, eTag e");
        insta::assert_snapshot!(describe_items(r#"{"id":"A","status":200,"body":{"eTag":null}}"#), @"passes: A approved [missing eTag: the authors of the published connector got 502 Bad Gateway without one]");
        insta::assert_snapshot!(describe_items(r#"{"id":"A","status":403,"body":{"error":{"code":"403","message":"Could not add the shift"},"data":null}}"#), @"stops: A refused: 403 Could not add the shift");
        insta::assert_snapshot!(describe_items(r#"{"id":"A","status":500,"body":{"error":{"code":"busy"}}}"#), @"stops: A refused: 500 (code busy), no message [missing error.message: the user gets no reason for the refusal]");
        insta::assert_snapshot!(describe_items(""), @"passes: A approved implicitly: missing item for this id");
        insta::assert_snapshot!(describe_items(r#"{"id":"a","status":403}"#), @"passes: A approved implicitly: missing item for this id, but the answer has items with unknown ids");
        insta::assert_snapshot!(describe_items(r#"{"id":"A"}"#), @"passes: A approved implicitly: missing status in the item");
        insta::assert_snapshot!(describe_items(r#"{"id":"A","status":200}"#), @"passes: A approved implicitly: missing body in the item");
        insta::assert_snapshot!(describe_items(r#"{"id":"A","status":200,"body":{"eTag":"e"}},{"id":"A","status":200,"body":{"eTag":"f"}}"#), @"passes: A approved, eTag e [duplicate items for this id: a refusal counts, else the first one]");
        insta::assert_snapshot!(describe_items(r#"["A",200,null]"#), @"stops: invalid data: invalid item in 'responses': not an object");
        insta::assert_snapshot!(describe_items(r#"{"id":"A","status":403,"status":200}"#), @"stops: invalid data: duplicate member 'status'");
        insta::assert_snapshot!(describe_items(r#"{"id":"A","status":200,"body":{"error":{"code":"403","message":"no"}}}"#), @"passes: A approved [ignored error: the item has status 200]");
        insta::assert_snapshot!(describe_items(r#"{"id":"A","status":200,"body":{"eTag":"e","error":{"code":null,"message":null},"data":null}}"#), @"passes: A approved, eTag e");
        insta::assert_snapshot!(describe_items(r#"{"Id":"A","Status":200,"Body":{"ETag":"e","Error":null}}"#), @"passes: A approved, eTag e");
        insta::assert_snapshot!(describe_items(r#"{"ID":"A","Status":403,"Body":{"Error":{"Code":"403","Message":"no"}}}"#), @"stops: A refused: 403 no");
        insta::assert_snapshot!(describe_items(r#"{"id":"A","status":200,"Status":403}"#), @"stops: invalid data: duplicate member 'status'");
        insta::assert_snapshot!(describe_items(r#"{"id":"A","status":true}"#), @"stops: invalid data: invalid status in item A: not a number");
        insta::assert_snapshot!(describe(CallPurpose::Update, "OK"), @"stops: invalid data: invalid JSON body: expected value at line 1 column 1");
        insta::assert_snapshot!(describe(CallPurpose::Update, "{}"), @"stops: invalid data: missing array 'responses' in the body");
    }

    #[test]
    fn a_refusal_counts_among_items_of_one_id() {
        let (approved, missing) = (r#"{"id":"A","status":200,"body":{"eTag":"e"}}"#, r#"{"id":"A"}"#);
        let refused = r#"{"id":"A","status":403,"body":{"error":{"message":"no"}}}"#;
        let items = [[approved, refused, missing], [refused, approved, missing], [missing, approved, refused]];
        for items in items {
            for purpose in [CallPurpose::Update, CallPurpose::Read] {
                let verdict =
                    ConnectorVerdict::of(purpose, ["A"], &answered(&format!("{{\"responses\":[{}]}}", items.join(","))));
                assert_eq!((verdict.lets_pass(), verdict.message()), (false, Some("no")), "{items:?}");
            }
        }
        insta::assert_snapshot!(describe(CallPurpose::Update, &format!("{{\"responses\":[{approved},{refused}]}}")), @"stops: A refused: 403 no [duplicate items for this id: a refusal counts, else the first one]");
        let broken = describe(CallPurpose::Update, &format!("{{\"responses\":[{approved},{{\"id\":\"A\",\"status\":true}}]}}"));
        assert!(broken.starts_with("stops: invalid data: "), "{broken}");
    }

    #[test]
    fn common_causes_of_invalid_json_are_named() {
        insta::assert_snapshot!(describe(CallPurpose::Read, ""), @"stops: invalid data: empty body, expected JSON");
        insta::assert_snapshot!(describe(CallPurpose::Read, "\u{feff}{}"), @"stops: invalid data: invalid JSON body: it begins with a byte order mark");
        let headers = HeaderMap::from_iter([(header::CONTENT_ENCODING, http::HeaderValue::from_static("gzip"))]);
        let compressed = CallOutcome::Answered { status: StatusCode::OK, headers, body: Bytes::from_static(b"\x1f\x8b") };
        insta::assert_snapshot!(ConnectorVerdict::of(CallPurpose::Update, ["A"], &compressed), @r#"invalid data: invalid JSON body: unrequested Content-Encoding "gzip""#);
    }

    #[test]
    fn a_call_without_elements_is_not_a_handshake() {
        let verdict = ConnectorVerdict::of(CallPurpose::Update, [], &answered(r#"{"responses":[]}"#));
        assert_eq!((verdict.to_string().as_str(), verdict.lets_pass()), ("answered, no elements sent", true));
        assert_eq!(ConnectorVerdict::of(CallPurpose::Connect, [], &answered("")), ConnectorVerdict::Connected);
    }

    #[test]
    fn judging_takes_linear_time() {
        let ids: Vec<String> = (0..50_000).map(|number| format!("SHFT_{number}")).collect();
        let items: Vec<String> = ids.iter().rev().map(|id| format!("{{\"id\":\"{id}\",\"status\":403}}")).collect();
        let body = answered(&format!("{{\"responses\":[{}]}}", items.join(",")));
        let started = std::time::Instant::now();
        let verdict = ConnectorVerdict::of(CallPurpose::Update, ids.iter().map(|id| &**id), &body);
        // A linear search per id takes minutes.
        assert!(!verdict.lets_pass() && started.elapsed().as_secs() < 20);
    }

    #[test]
    fn answers_to_reads_list_eligible_ids() {
        let describe_item = |body: &str| describe(CallPurpose::Read, &format!("{{\"responses\":[{{\"id\":\"A\",{body}}}]}}"));
        insta::assert_snapshot!(describe_item(r#""status":200,"body":{"data":["SHFT_1","SHFT_2"],"error":null}"#), @"passes: A eligible: SHFT_1, SHFT_2");
        insta::assert_snapshot!(describe_item(r#""status":200,"body":{"data":[],"error":null}"#), @"passes: A nothing is eligible");
        insta::assert_snapshot!(describe_item(r#""status":200,"body":{"data":null}"#), @"passes: A nothing is eligible [data is null]");
        insta::assert_snapshot!(describe_item(r#""status":200"#), @"passes: A nothing is eligible [missing body in the item]");
        insta::assert_snapshot!(describe(CallPurpose::Read, r#"{"responses":[]}"#), @"passes: A nothing is eligible [missing item for this id]");
        insta::assert_snapshot!(describe_item(r#""status":200,"body":{"data":"SHFT_1"}"#), @"stops: invalid data: body.data of item A is not an array of strings");
        insta::assert_snapshot!(describe_item(r#""status":503,"body":{"data":null,"error":{"code":"503","message":"could not reach WFM"}}"#), @"stops: A refused: 503 could not reach WFM");
    }

    #[test]
    fn the_sentence_depends_on_the_cause() {
        let not_ok = CallOutcome::Answered { status: StatusCode::BAD_GATEWAY, headers: HeaderMap::new(), body: Bytes::new() };
        for (outcome, sentence, is_retried) in [
            (answered(r#"{"responses":[{"id":"A","status":403}]}"#), REFUSED_SENTENCE, false),
            (answered("[]"), INVALID_DATA_SENTENCE, true),
            (not_ok, NOT_OK_SENTENCE, true),
            (CallOutcome::Failed(CallFailure::Timeout), NOT_OK_SENTENCE, true),
        ] {
            let verdict = ConnectorVerdict::of(CallPurpose::Update, ["A"], &outcome);
            assert_eq!(
                (verdict.sentence(), verdict.is_retried(CallPurpose::Update)),
                (Some(sentence), is_retried),
                "{outcome:?}"
            );
            assert!(!verdict.is_retried(CallPurpose::Connect) && !verdict.lets_pass());
        }
        assert_eq!(ConnectorVerdict::of(CallPurpose::Connect, [], &answered("any")).sentence(), None);
    }

    #[test]
    fn one_refused_element_blocks_its_call() {
        let body = r#"{"responses":[{"id":"A","status":200,"body":{"eTag":"e"}},{"id":"B","status":403,"body":{"error":{"message":"no"}}}]}"#;
        let verdict = ConnectorVerdict::of(CallPurpose::Update, ["A", "B", "C"], &answered(body));
        assert!(!verdict.lets_pass());
        assert_eq!(verdict.message(), Some("no"));
    }

    proptest! {
        #![proptest_config(crate::property_tests())]

        #[test]
        fn no_answer_causes_a_panic(body in "\\PC{0,100}", status in "[0-9\"a-z{\\[]{0,6}") {
            let _ = ConnectorVerdict::of(CallPurpose::Update, ["A"], &answered(&body));
            let _ = ConnectorVerdict::of(CallPurpose::Read, ["A"], &answered(&format!("{{\"responses\":[{{\"id\":\"A\",\"status\":{status}")));
        }
    }
}
