//! Error answers and their bodies.

use std::fmt::Write as _;

use http::{HeaderValue, StatusCode};

use crate::policy::refusal::{Layer, Refusal, has_error_uri, suberror};
use crate::text::json::{quoted, write_string};

/// An error answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The row of the table of refusals.
    pub refusal: &'static Refusal,
    /// The row's text with the words of the request.
    pub message: Box<str>,
    /// Details for the log.
    pub detail: Option<Box<str>>,
    /// The inner code of an error of Shifts, where it differs from the row's.
    pub inner_code: Option<&'static str>,
    /// The property that an error of the directory is about.
    pub target: Option<Box<str>>,
    /// Whether a stub may answer in its place: no client can create the missing entity.
    pub may_be_stubbed: bool,
    /// The override of a fault rule.
    pub stated: Option<Box<ErrorOverride>>,
    /// The connector's message, in an error of Shifts.
    pub external: Option<Box<ConnectorError>>,
    /// Help for the client, in a header.
    pub help: Option<Box<Help>>,
    /// The behavior that decided, beside those of the row.
    pub behavior: Option<&'static str>,
}

/// Help for a client, in a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Help {
    /// The address where it can begin again.
    FreshAddress(String),
    /// The length of the content of which a range was refused.
    ContentLength(usize),
}

/// The message of a connector (OfficeDev/Microsoft-Teams-Shifts-WFM-Connectors#35).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectorError {
    /// The reason of the refusal.
    pub message: Box<str>,
    /// The display name of the integration.
    pub source: Box<str>,
}

/// The status, code and headers of a fault rule, and what an error of sign-in asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorOverride {
    /// The status, where it differs from the row's.
    pub status: Option<StatusCode>,
    /// The value of `error.code`, where it differs from the row's.
    pub code: Option<String>,
    /// The value of `Retry-After`.
    pub retry_after: Option<HeaderValue>,
    /// The claims that a client must ask for, as JSON.
    pub claims: Option<String>,
}

impl ConnectorError {
    /// Returns the first members of an error of Shifts, as JSON.
    fn members(&self) -> String {
        format!(
            r#""title":"Your request couldn't be completed","externalErrorMessage":{},"externalSource":{},"externalImageLink":null,"#,
            quoted(&self.message),
            quoted(&self.source)
        )
    }
}

impl Error {
    /// Returns an error with these words in the placeholders of the row's text.
    pub fn new(refusal: &'static Refusal, words: &[&str]) -> Error {
        Error {
            refusal,
            message: fill(refusal.text, words).into(),
            detail: None,
            inner_code: None,
            target: words.first().filter(|_| matches!(refusal.layer, Layer::Directory(_))).map(|word| (*word).into()),
            may_be_stubbed: false,
            stated: None,
            external: None,
            help: None,
            behavior: None,
        }
    }

    /// Sets the behavior that decided, beside those of the row.
    #[must_use]
    pub fn decided_by(mut self, behavior: &'static str) -> Error {
        self.behavior = Some(behavior);
        self
    }

    /// Sets the claims that a client must ask for.
    #[must_use]
    pub fn with_claims(mut self, claims: String) -> Error {
        self.stated.get_or_insert_default().claims = Some(claims);
        self
    }

    /// Returns the claims that a client must ask for.
    pub fn claims(&self) -> Option<&str> {
        self.stated.as_ref()?.claims.as_deref()
    }

    /// Sets another code than the row's.
    #[must_use]
    pub fn with_code(mut self, code: &str) -> Error {
        self.stated.get_or_insert_default().code = Some(code.to_owned());
        self
    }

    /// Sets the details for the log.
    #[must_use]
    pub fn with_detail(mut self, detail: String) -> Error {
        self.detail = Some(detail.into());
        self
    }

    /// Returns the status of the answer.
    pub fn status(&self) -> StatusCode {
        if let Some(status) = self.stated.as_ref().and_then(|stated| stated.status) {
            return status;
        }
        StatusCode::from_u16(self.refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Returns the value of `error.code`.
    pub fn code(&self) -> &str {
        let stated = self.stated.as_ref().and_then(|stated| stated.code.as_deref());
        stated.unwrap_or(self.refusal.code.name())
    }

    /// Returns the content type of the answer. Error bodies have no charset (recorded in pnp/pnpcore).
    pub fn content_type(&self) -> &'static str {
        match self.refusal.layer {
            Layer::Gateway
            | Layer::Workload
            | Layer::Library
            | Layer::Directory(_)
            | Layer::Teams(_)
            | Layer::Files(_)
            | Layer::Shifts(_)
            | Layer::ShiftsWithCode(..) => "application/json",
            Layer::Entra(_) | Layer::Machine | Layer::Arc | Layer::AppService | Layer::ServiceFabric(_) => {
                "application/json; charset=utf-8"
            }
            Layer::FrontDoor => "text/html; charset=us-ascii",
            Layer::EntraText => "text/plain; charset=utf-8",
        }
    }

    /// Returns the body. `date` is in UTC without zone and fraction.
    pub fn body(&self, date: &str, request_id: &str, client_request_id: &str) -> Vec<u8> {
        let message = match self.refusal.layer {
            Layer::Gateway | Layer::Workload | Layer::Library | Layer::Directory(_) | Layer::Teams(_) | Layer::Files(_) => {
                quoted(&self.message)
            }
            Layer::Shifts(inner_code) => self.shifts_message(self.refusal.code.name(), inner_code),
            Layer::ShiftsWithCode(code, inner_code) => self.shifts_message(code, inner_code),
            Layer::FrontDoor => return self.page(),
            Layer::EntraText => return self.message.as_bytes().to_vec(),
            Layer::Entra(number) => return self.entra_body(number, date, request_id, client_request_id),
            Layer::Machine | Layer::Arc | Layer::AppService | Layer::ServiceFabric(_) => {
                return self.identity_body(date, client_request_id);
            }
        };
        let mut body = Vec::with_capacity(256 + message.len());
        body.extend_from_slice(b"{\"error\":{\"code\":");
        write_string(&mut body, self.code());
        body.extend_from_slice(b",\"message\":");
        body.extend_from_slice(message.as_bytes());
        if let Layer::Directory(code) = self.refusal.layer {
            let target = quoted(self.target.as_deref().unwrap_or_default());
            body.extend_from_slice(
                format!(r#","details":[{{"code":"{code}","message":{message},"target":{target}}}]"#).as_bytes(),
            );
        }
        body.extend_from_slice(b",\"innerError\":{");
        let inner = match self.refusal.layer {
            Layer::Workload | Layer::Teams(_) => Some(&*self.message),
            Layer::Library => self.message.split_once(". ").map(|(_, reason)| reason),
            Layer::Gateway
            | Layer::Directory(_)
            | Layer::Files(_)
            | Layer::Shifts(_)
            | Layer::ShiftsWithCode(..)
            | Layer::FrontDoor
            | Layer::Entra(_)
            | Layer::EntraText
            | Layer::Machine
            | Layer::Arc
            | Layer::AppService
            | Layer::ServiceFabric(_) => None,
        };
        if let Some(inner) = inner {
            body.extend_from_slice(b"\"message\":");
            write_string(&mut body, inner);
            body.push(b',');
        }
        if let Layer::Teams(inner_code) = self.refusal.layer {
            body.extend_from_slice(b"\"code\":");
            write_string(&mut body, inner_code);
            body.extend_from_slice(b",\"innerError\":{},");
        }
        if let Layer::Files(inner_code) = self.refusal.layer {
            body.extend_from_slice(b"\"code\":");
            write_string(&mut body, inner_code);
            body.push(b',');
        }
        body.extend_from_slice(b"\"date\":\"");
        body.extend_from_slice(date.as_bytes());
        body.extend_from_slice(b"\",\"request-id\":");
        write_string(&mut body, request_id);
        body.extend_from_slice(b",\"client-request-id\":");
        write_string(&mut body, client_request_id);
        body.extend_from_slice(b"}}}");
        body
    }

    /// Returns the error of Shifts as a JSON string.
    fn shifts_message(&self, code: &str, inner_code: &str) -> String {
        quoted(&format!(
            r#"{{"error":{{{}"code":"{code}","message":{},"details":[],"innererror":{{"code":"{}"}}}}}}"#,
            self.external.as_deref().map(ConnectorError::members).unwrap_or_default(),
            quoted(&self.message),
            self.inner_code.unwrap_or(inner_code)
        ))
    }

    /// Returns the body of the token service (thobach/MMM-MicrosoftToDo#33; with the separators of 2024, secureworks/TokenMan#1).
    fn entra_body(&self, number: u32, date: &str, trace: &str, correlation: &str) -> Vec<u8> {
        let timestamp = format!("{}Z", date.replace('T', " "));
        let mut body = String::new();
        let _ = write!(
            body,
            r#"{{"error":{},"error_description":{},"error_codes":[{number}],"timestamp":"{timestamp}","trace_id":{},"correlation_id":{}"#,
            quoted(self.code()),
            quoted(&self.traced_description(date, trace, correlation)),
            quoted(trace),
            quoted(correlation),
        );
        let more = [("error_uri", self.error_uri()), ("suberror", suberror(number).map(str::to_owned))];
        for (name, value) in more.into_iter().chain([("claims", self.claims().map(str::to_owned))]) {
            if let Some(value) = value {
                let _ = write!(body, r#","{name}":{}"#, quoted(&value));
            }
        }
        body.push('}');
        body.into_bytes()
    }

    /// Returns the body of an endpoint of managed identities (Azure/azure-sdk-for-net and -go, recorded in 2020 and 2021).
    fn identity_body(&self, date: &str, correlation: &str) -> Vec<u8> {
        let (code, message, correlation) = (quoted(self.code()), quoted(&self.message), quoted(correlation));
        let status = self.status().as_u16();
        match self.refusal.layer {
            Layer::Arc => format!(
                r#"{{"error":{code},"error_description":{message},"error_codes":[{status}],"timestamp":"{}.000000000 +0000 UTC","trace_id":"","correlation_id":{correlation}}}"#,
                date.replace('T', " ")
            ),
            Layer::AppService => format!(r#"{{"statusCode":{status},"message":{message},"correlationId":{correlation}}}"#),
            Layer::ServiceFabric(code) => format!(r#"{{"error":{{"correlationId":{correlation},"code":"{code}","message":{message}}}}}"#),
            _ => format!(r#"{{"error":{code},"error_description":{message}}}"#),
        }
        .into_bytes()
    }

    /// Returns the description of the token service, with the ids of the request.
    pub fn traced_description(&self, date: &str, trace: &str, correlation: &str) -> String {
        let timestamp = format!("{}Z", date.replace('T', " "));
        format!("{} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {timestamp}", self.description())
    }

    /// Returns the address of the description of an error of the token service, if it names one.
    pub fn error_uri(&self) -> Option<String> {
        match self.refusal.layer {
            Layer::Entra(number) if has_error_uri(number) => {
                Some(format!("https://login.microsoftonline.com/error?code={number}"))
            }
            _ => None,
        }
    }

    /// Returns the description without the words of the request.
    pub fn impersonal_description(&self) -> String {
        Error { message: fill(self.refusal.text, &["…"; 4]).into(), ..self.clone() }.description()
    }

    /// Returns the message; with its AADSTS number, if it is one of the token service.
    pub fn description(&self) -> String {
        match self.refusal.layer {
            Layer::Entra(number) => format!("AADSTS{number}: {}", self.message),
            _ => self.message.to_string(),
        }
    }

    /// Returns the HTML page of the web server in front of the service.
    fn page(&self) -> Vec<u8> {
        let title = self.status().canonical_reason().unwrap_or("Error");
        let mut page = String::new();
        let _ = write!(
            page,
            "<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 4.01//EN\"\"http://www.w3.org/TR/html4/strict.dtd\">\r\n<HTML><HEAD><TITLE>{title}</TITLE>\r\n\
             <META HTTP-EQUIV=\"Content-Type\" Content=\"text/html; charset=us-ascii\"></HEAD>\r\n<BODY><h2>{title}</h2>\r\n<hr><p>{}</p>\r\n\
             </BODY></HTML>\r\n",
            self.message
        );
        page.into_bytes()
    }
}

/// Replaces the placeholders of a text. Placeholders in the words are kept.
fn fill(text: &str, words: &[&str]) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        let (before, placeholder) = rest.split_at(open);
        filled.push_str(before);
        let index = placeholder.as_bytes().get(1).map(|digit| usize::from(digit.wrapping_sub(b'0')));
        match index.and_then(|index| words.get(index)) {
            Some(word) if placeholder.as_bytes().get(2) == Some(&b'}') => {
                filled.push_str(word);
                rest = &placeholder[3..];
            }
            _ => {
                filled.push('{');
                rest = &placeholder[1..];
            }
        }
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::refusal::{FAULT_THROTTLED, UNKNOWN_ID, UNKNOWN_SEGMENT};

    #[test]
    fn placeholders_are_replaced_once() {
        assert_eq!(fill("'{0}' is {1}, '{0}' {2} {x}", &["{1}", "b"]), "'{1}' is b, '{1}' {2} {x}");
    }

    #[test]
    fn the_envelope_of_the_gateway_is_the_recorded_one() {
        // pnp/pnpcore ExecuteGraphBatchRequestWithErrors: code, message, innerError; date, request-id, client-request-id.
        let error = Error::new(&UNKNOWN_SEGMENT, &["thiswillgiveanerror"]);
        let id = "9ab949b3-4921-410d-ae88-c3693e34426e";
        assert_eq!(
            String::from_utf8(error.body("2022-05-30T14:48:25", id, id)).unwrap(),
            "{\"error\":{\"code\":\"BadRequest\",\"message\":\"Resource not found for the segment 'thiswillgiveanerror'.\",\"innerError\":\
             {\"date\":\"2022-05-30T14:48:25\",\"request-id\":\"9ab949b3-4921-410d-ae88-c3693e34426e\",\
             \"client-request-id\":\"9ab949b3-4921-410d-ae88-c3693e34426e\"}}}"
        );
    }

    #[test]
    fn the_envelope_of_teams_is_the_recorded_one() {
        // pnp/pnpcore AddWebsiteTabSpecificBatchTest, with the text of the row.
        let id = "a7b15332-4c47-4aed-86a4-85e624d07922";
        assert_eq!(
            String::from_utf8(Error::new(&FAULT_THROTTLED, &[]).body("2022-04-01T16:02:40", id, id)).unwrap(),
            "{\"error\":{\"code\":\"TooManyRequests\",\"message\":\"Please retry again later.\",\"innerError\":{\"message\":\"Please retry again later.\",\
             \"code\":\"ActivityLimitReached\",\"innerError\":{},\"date\":\"2022-04-01T16:02:40\",\"request-id\":\"a7b15332-4c47-4aed-86a4-85e624d07922\",\
             \"client-request-id\":\"a7b15332-4c47-4aed-86a4-85e624d07922\"}}}"
        );
    }

    #[test]
    fn the_message_of_shifts_is_json() {
        // The shape of microsoft-graph-docs#8933.
        let error = Error { inner_code: Some("TeamNotFound"), ..Error::new(&UNKNOWN_ID, &["team"]) };
        let body = error.body("2022-05-30T14:48:25", "r", "c\"");
        let outer: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(outer["error"]["innerError"]["client-request-id"], "c\"");
        let inner: serde_json::Value = serde_json::from_str(outer["error"]["message"].as_str().unwrap()).unwrap();
        assert_eq!(inner["error"]["code"], "NotFound");
        assert_eq!(inner["error"]["details"], serde_json::json!([]));
        assert_eq!(inner["error"]["innererror"]["code"], "TeamNotFound");
        assert_eq!(inner["error"]["message"], "Sorry, the team was not found, or you may not have access to it.");
    }
}
