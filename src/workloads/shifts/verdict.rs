//! What Shifts makes of what came of a call.
//!
//! Source of the rules and the sentences: learn.microsoft.com/microsoft-365/frontline/shifts-custom-wfm-integration. What it leaves
//! open is decided here and marked as a guess.

use std::collections::{HashMap, HashSet};
use std::fmt;

use http::{HeaderMap, StatusCode, header};
use serde_json::Value;

use crate::world::outbound::{CallFailure, CallOutcome};

/// What a person in Shifts reads when a connector refuses.
pub(crate) const REFUSED_SENTENCE: &str = "Something went wrong. Sorry, your change couldn't be completed,";

/// What a person reads when an answer is no valid data.
pub(crate) const INVALID_DATA_SENTENCE: &str =
    "Something went wrong. The workforce integration set up on your team has responded with invalid data.";

/// What a person reads when the answer is not 200; published with the other spelling.
pub(crate) const NOT_OK_SENTENCE: &str =
    "Something went wrong. The workforce integration setup on your team has responded with invalid data.";

/// What is asked of a connector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallPurpose {
    /// Whether it is there.
    Connect,
    /// Whether it approves changes.
    Update,
    /// What is eligible.
    Read,
}

/// What Shifts makes of what came of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectorVerdict {
    /// The handshake has succeeded.
    Connected,
    /// The answer can be used: one judgement per element, in their order.
    Answered(Vec<Judged>),
    /// The answer is no valid data, for this reason.
    InvalidData(String),
    /// The answer has another status than 200.
    NotOk(StatusCode),
    /// There is no answer. Guess: it counts as one that is not 200.
    NoAnswer(CallFailure),
}

/// What becomes of one element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// The id of the element.
    pub id: String,
    /// What becomes of it.
    pub judgement: ItemVerdict,
    /// What a connector's author should know about the item.
    pub note: Option<&'static str>,
}

/// What becomes of an element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ItemVerdict {
    /// The connector approves.
    Approved {
        /// The version of the entity on its side.
        etag: Option<String>,
    },
    /// It says nothing that could be used, which counts as approval.
    ApprovedImplicitly {
        /// What is missing.
        missing: &'static str,
    },
    /// It refuses.
    Refused {
        /// The item's status.
        status: i64,
        /// `error.code`
        code: Option<String>,
        /// `error.message`
        message: Option<String>,
    },
    /// It names what is eligible.
    Eligible(Vec<String>),
}

impl ConnectorVerdict {
    /// Judges what came of a call with these elements.
    pub fn of<'i>(purpose: CallPurpose, ids: impl IntoIterator<Item = &'i str>, outcome: &CallOutcome) -> ConnectorVerdict {
        match outcome {
            CallOutcome::Failed(failure) => ConnectorVerdict::NoAnswer(*failure),
            CallOutcome::Answered { status, .. } if *status != StatusCode::OK => ConnectorVerdict::NotOk(*status),
            // "A success response is returned only if this endpoint returns an HTTP 200 OK response"; the body is not looked at.
            CallOutcome::Answered { .. } if purpose == CallPurpose::Connect => ConnectorVerdict::Connected,
            CallOutcome::Answered { headers, body, .. } => match judged(purpose, ids, headers, body) {
                Ok(judged) => ConnectorVerdict::Answered(judged),
                Err(reason) => ConnectorVerdict::InvalidData(reason),
            },
        }
    }

    /// Whether Shifts asks again: it "retries /read and /update multiple times".
    pub fn is_retried(&self, purpose: CallPurpose) -> bool {
        purpose != CallPurpose::Connect && !matches!(self, ConnectorVerdict::Connected | ConnectorVerdict::Answered(_))
    }

    /// Whether what the call was about takes place. One refused element stops all of its call (a guess).
    pub fn lets_pass(&self) -> bool {
        let refuses = |judged: &Judged| matches!(judged.judgement, ItemVerdict::Refused { .. });
        match self {
            ConnectorVerdict::Connected => true,
            ConnectorVerdict::Answered(judged) => !judged.iter().any(refuses),
            ConnectorVerdict::InvalidData(_) | ConnectorVerdict::NotOk(_) | ConnectorVerdict::NoAnswer(_) => false,
        }
    }

    /// Returns what the person in Shifts reads whose change does not take place.
    pub fn sentence(&self) -> Option<&'static str> {
        match self {
            ConnectorVerdict::Connected | ConnectorVerdict::Answered(_) if self.lets_pass() => None,
            ConnectorVerdict::Connected | ConnectorVerdict::Answered(_) => Some(REFUSED_SENTENCE),
            ConnectorVerdict::InvalidData(_) => Some(INVALID_DATA_SENTENCE),
            ConnectorVerdict::NotOk(_) | ConnectorVerdict::NoAnswer(_) => Some(NOT_OK_SENTENCE),
        }
    }

    /// Returns the connector's own words for the first refusal.
    pub fn message(&self) -> Option<&str> {
        let ConnectorVerdict::Answered(judged) = self else { return None };
        judged.iter().find_map(|judged| match &judged.judgement {
            ItemVerdict::Refused { message, .. } => Some(message.as_deref().unwrap_or_default()),
            _ => None,
        })
    }
}

fn judged<'i>(
    purpose: CallPurpose,
    ids: impl IntoIterator<Item = &'i str>,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Vec<Judged>, String> {
    let answer: Value = serde_json::from_slice(body).map_err(|error| why_no_json(headers, body, &error))?;
    let items = answer.get("responses").and_then(Value::as_array).ok_or("the body has no array 'responses'")?;
    // The first item of each id, and whether there are more.
    let mut by_id: HashMap<&str, (&Value, bool)> = HashMap::new();
    for item in items {
        if let Some(id) = item.get("id").and_then(Value::as_str) {
            by_id.entry(id).and_modify(|(_, has_more)| *has_more = true).or_insert((item, false));
        }
    }
    let asked: Vec<&str> = ids.into_iter().collect();
    let found = asked.iter().collect::<HashSet<_>>().into_iter().filter(|id| by_id.contains_key(**id)).count();
    let has_others = found < by_id.len();
    asked.iter().map(|id| judged_element(purpose, id, by_id.get(id).copied(), has_others)).collect()
}

/// Says why a body is no JSON; what JSON it lacks is told by the error.
fn why_no_json(headers: &HeaderMap, body: &[u8], error: &serde_json::Error) -> String {
    if body.is_empty() {
        return "the body is empty, expected JSON".to_owned();
    }
    if let Some(coding) = headers.get(header::CONTENT_ENCODING) {
        return format!("the body is no JSON: its Content-Encoding is {coding:?}, and nobody asked for one");
    }
    if body.starts_with("\u{feff}".as_bytes()) {
        return "the body is no JSON: it begins with a byte order mark".to_owned();
    }
    format!("the body is no JSON: {error}")
}

/// What is missing where items were answered that nobody has asked for: most likely with ids that are wrong.
const NONE_BUT_OTHERS: &str = "the answer has no item with this id, but some with ids that were not asked about";

fn judged_element(purpose: CallPurpose, id: &str, own: Option<(&Value, bool)>, has_others: bool) -> Result<Judged, String> {
    let judged = |judgement, note| Ok(Judged { id: id.to_owned(), judgement, note });
    // That what is missing counts as approval is said of changes.
    let missing = |missing| match purpose {
        CallPurpose::Read => judged(ItemVerdict::Eligible(Vec::new()), Some(missing)),
        CallPurpose::Connect | CallPurpose::Update => judged(ItemVerdict::ApprovedImplicitly { missing }, None),
    };
    let Some((item, has_more)) = own else {
        return missing(if has_others { NONE_BUT_OTHERS } else { "the answer has no item with this id" });
    };
    let note = has_more.then_some("the answer has several items with this id; the first counts");
    let status = match item.get("status") {
        None | Some(Value::Null) => return missing("its item has no status"),
        // The reference table says that it is text, all examples have a number.
        Some(Value::String(text)) => text.trim().parse().ok(),
        Some(other) => other.as_i64(),
    };
    let status: i64 = status.ok_or_else(|| format!("the status of the item {id} is no number"))?;
    let body = item.get("body");
    let text = |place: &str, name: &str| {
        let value = body?.get(place)?.get(name)?;
        value.as_str().map(str::to_owned).or_else(|| value.as_i64().map(|number| number.to_string()))
    };
    if status != 200 {
        let (code, message) = (text("error", "code"), text("error", "message"));
        let note = note.or(message.is_none().then_some("a refusal without error.message leaves people without a reason"));
        return judged(ItemVerdict::Refused { status, code, message }, note);
    }
    let Some(Value::Object(body)) = body else { return missing("its item has no body") };
    let has_error = body.get("error").is_some_and(|error| !error.is_null());
    let note = note.or(has_error.then_some("it has an error, but its status is 200, which is what counts"));
    if purpose == CallPurpose::Read {
        let eligible = match body.get("data") {
            // What is sent when nothing is eligible is not known.
            None | Some(Value::Null) => return judged(ItemVerdict::Eligible(Vec::new()), note.or(Some("data is null"))),
            Some(Value::Array(ids)) => ids.iter().map(|id| id.as_str().map(str::to_owned)).collect(),
            Some(_) => None,
        };
        let eligible: Option<Vec<String>> = eligible;
        let eligible = eligible.ok_or_else(|| format!("data of the item {id} is no array of texts"))?;
        return judged(ItemVerdict::Eligible(eligible), note);
    }
    let etag = body.get("eTag").and_then(Value::as_str).map(str::to_owned);
    // A comment of the published connector (OfficeDev/Microsoft-Teams-Shifts-WFM-Connectors TeamsController.cs).
    let without = "it has no eTag: authors of the published connector saw 502 Bad Gateway then";
    let note = note.or(etag.is_none().then_some(without));
    judged(ItemVerdict::Approved { etag }, note)
}

/// What Shifts makes of a call, for people.
impl fmt::Display for ConnectorVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConnectorVerdict::Connected => f.write_str("connected"),
            ConnectorVerdict::Answered(judged) if judged.is_empty() => f.write_str("answered, and nothing was asked"),
            ConnectorVerdict::Answered(judged) => {
                for (index, judged) in judged.iter().enumerate() {
                    if index > 0 {
                        f.write_str("; ")?;
                    }
                    write!(f, "{} {}", judged.id, judged.judgement)?;
                }
                Ok(())
            }
            ConnectorVerdict::InvalidData(reason) => write!(f, "invalid data: {reason}"),
            ConnectorVerdict::NotOk(status) if status.is_redirection() => {
                write!(f, "the connector answered {}, expected 200; redirects are not followed", status.as_u16())
            }
            ConnectorVerdict::NotOk(status) => write!(f, "the connector answered {}, expected 200", status.as_u16()),
            ConnectorVerdict::NoAnswer(failure) => write!(f, "{}: {}", failure.name(), failure.reason()),
        }
    }
}

impl fmt::Display for ItemVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ItemVerdict::Approved { etag: Some(etag) } => write!(f, "approved, eTag {etag}"),
            ItemVerdict::Approved { etag: None } => f.write_str("approved"),
            ItemVerdict::ApprovedImplicitly { missing } => write!(f, "approved implicitly: {missing}"),
            ItemVerdict::Refused { status, code, message } => {
                write!(f, "refused: {status}")?;
                if let Some(code) = code.as_deref().filter(|code| *code != status.to_string()) {
                    write!(f, " (code {code})")?;
                }
                write!(f, " {}", message.as_deref().unwrap_or("without a message"))
            }
            ItemVerdict::Eligible(ids) if ids.is_empty() => f.write_str("nothing is eligible"),
            ItemVerdict::Eligible(ids) => write!(f, "eligible: {}", ids.join(", ")),
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

    /// Returns what is told of an answer, whether the change takes place, and what notes there are.
    fn told(purpose: CallPurpose, body: &str) -> String {
        let verdict = ConnectorVerdict::of(purpose, ["A"], &answered(body));
        let notes = match &verdict {
            ConnectorVerdict::Answered(judged) => judged.iter().filter_map(|judged| judged.note).collect::<Vec<_>>().join("; "),
            _ => String::new(),
        };
        let passes = if verdict.lets_pass() { "passes" } else { "stops" };
        format!("{passes}: {verdict}{}", if notes.is_empty() { String::new() } else { format!(" [{notes}]") })
    }

    #[test]
    fn answers_to_updates_are_judged_by_the_published_rules() {
        let told = |items: &str| told(CallPurpose::Update, &format!("{{\"responses\":[{items}]}}"));
        insta::assert_snapshot!(told(r#"{"id":"A","status":200,"body":{"eTag":"e","error":null,"data":null}}"#), @"passes: A approved, eTag e");
        insta::assert_snapshot!(told(r#"{"id":"A","status":"200","body":{"eTag":"e"}}"#), @"passes: A approved, eTag e");
        insta::assert_snapshot!(told(r#"{"id":"A","status":200,"body":{"eTag":null}}"#), @"passes: A approved [it has no eTag: authors of the published connector saw 502 Bad Gateway then]");
        insta::assert_snapshot!(told(r#"{"id":"A","status":403,"body":{"error":{"code":"403","message":"Could not add the shift"},"data":null}}"#), @"stops: A refused: 403 Could not add the shift");
        insta::assert_snapshot!(told(r#"{"id":"A","status":500,"body":{"error":{"code":"busy"}}}"#), @"stops: A refused: 500 (code busy) without a message [a refusal without error.message leaves people without a reason]");
        insta::assert_snapshot!(told(""), @"passes: A approved implicitly: the answer has no item with this id");
        insta::assert_snapshot!(told(r#"{"id":"a","status":403}"#), @"passes: A approved implicitly: the answer has no item with this id, but some with ids that were not asked about");
        insta::assert_snapshot!(told(r#"{"id":"A"}"#), @"passes: A approved implicitly: its item has no status");
        insta::assert_snapshot!(told(r#"{"id":"A","status":200}"#), @"passes: A approved implicitly: its item has no body");
        insta::assert_snapshot!(told(r#"{"id":"A","status":200,"body":{"eTag":"e"}},{"id":"A","status":403}"#), @"passes: A approved, eTag e [the answer has several items with this id; the first counts]");
        insta::assert_snapshot!(told(r#"{"id":"A","status":200,"body":{"error":{"code":"403","message":"no"}}}"#), @"passes: A approved [it has an error, but its status is 200, which is what counts]");
        insta::assert_snapshot!(told(r#"{"id":"A","status":true}"#), @"stops: invalid data: the status of the item A is no number");
        insta::assert_snapshot!(super::tests::told(CallPurpose::Update, "OK"), @"stops: invalid data: the body is no JSON: expected value at line 1 column 1");
        insta::assert_snapshot!(super::tests::told(CallPurpose::Update, "{}"), @"stops: invalid data: the body has no array 'responses'");
    }

    #[test]
    fn what_is_no_json_is_told_so_that_its_author_finds_it() {
        insta::assert_snapshot!(told(CallPurpose::Read, ""), @"stops: invalid data: the body is empty, expected JSON");
        insta::assert_snapshot!(told(CallPurpose::Read, "\u{feff}{}"), @"stops: invalid data: the body is no JSON: it begins with a byte order mark");
        let headers = HeaderMap::from_iter([(header::CONTENT_ENCODING, http::HeaderValue::from_static("gzip"))]);
        let packed = CallOutcome::Answered { status: StatusCode::OK, headers, body: Bytes::from_static(b"\x1f\x8b") };
        insta::assert_snapshot!(ConnectorVerdict::of(CallPurpose::Update, ["A"], &packed), @r#"invalid data: the body is no JSON: its Content-Encoding is "gzip", and nobody asked for one"#);
    }

    #[test]
    fn who_asks_nothing_is_not_told_that_a_handshake_has_succeeded() {
        let verdict = ConnectorVerdict::of(CallPurpose::Update, [], &answered(r#"{"responses":[]}"#));
        assert_eq!((verdict.to_string().as_str(), verdict.lets_pass()), ("answered, and nothing was asked", true));
        assert_eq!(ConnectorVerdict::of(CallPurpose::Connect, [], &answered("")), ConnectorVerdict::Connected);
    }

    #[test]
    fn many_elements_and_many_items_cost_no_more_than_their_sum() {
        let ids: Vec<String> = (0..50_000).map(|number| format!("SHFT_{number}")).collect();
        let items: Vec<String> = ids.iter().rev().map(|id| format!("{{\"id\":\"{id}\",\"status\":403}}")).collect();
        let body = answered(&format!("{{\"responses\":[{}]}}", items.join(",")));
        let started = std::time::Instant::now();
        let verdict = ConnectorVerdict::of(CallPurpose::Update, ids.iter().map(|id| &**id), &body);
        // Each id looked for in all items takes minutes.
        assert!(!verdict.lets_pass() && started.elapsed().as_secs() < 20);
    }

    #[test]
    fn answers_to_reads_name_what_is_eligible() {
        let told = |body: &str| told(CallPurpose::Read, &format!("{{\"responses\":[{{\"id\":\"A\",{body}}}]}}"));
        insta::assert_snapshot!(told(r#""status":200,"body":{"data":["SHFT_1","SHFT_2"],"error":null}"#), @"passes: A eligible: SHFT_1, SHFT_2");
        insta::assert_snapshot!(told(r#""status":200,"body":{"data":[],"error":null}"#), @"passes: A nothing is eligible");
        insta::assert_snapshot!(told(r#""status":200,"body":{"data":null}"#), @"passes: A nothing is eligible [data is null]");
        insta::assert_snapshot!(told(r#""status":200"#), @"passes: A nothing is eligible [its item has no body]");
        insta::assert_snapshot!(super::tests::told(CallPurpose::Read, r#"{"responses":[]}"#), @"passes: A nothing is eligible [the answer has no item with this id]");
        insta::assert_snapshot!(told(r#""status":200,"body":{"data":"SHFT_1"}"#), @"stops: invalid data: data of the item A is no array of texts");
        insta::assert_snapshot!(told(r#""status":503,"body":{"data":null,"error":{"code":"503","message":"could not reach WFM"}}"#), @"stops: A refused: 503 could not reach WFM");
    }

    #[test]
    fn what_people_read_depends_on_what_went_wrong() {
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
    fn one_refused_element_stops_its_call() {
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
