//! Conversion between exchanges and HTTP archives, as browsers, proxies and test tools write them.
//!
//! The format is [HAR 1.2](http://www.softwareishard.com/blog/har-12-spec/). Times, caches and connections are ignored when an
//! archive is read, and written as unknown, except for the start of a request that a journal has recorded.

mod format;

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Method, StatusCode};

use super::target::is_absolute;
use super::{Exchange, RecordedRequest, RecordedResponse, journal_time, unrecorded_body};
use crate::text::visible::visible;
use crate::text::{bom, json};
use format::{
    Archive, Content, Creator, EmptyObject, EntryAddress, HarEntry, HarRequest, HarResponse, Log, NameValue, PostData,
    RawArchive, Timings,
};

/// Maximum length of an archive in bytes.
pub(crate) const LARGEST: usize = 256 * 1024 * 1024;

/// Maximum number of entries of an archive.
const ENTRY_LIMIT: usize = 100_000;

/// The start time of entries without a known time.
const UNKNOWN_TIME: &str = "1970-01-01T00:00:00.000Z";

/// An error in an archive, with its position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HarError(String);

impl fmt::Display for HarError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for HarError {}

/// The exchanges of an archive with one host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadArchive {
    /// The exchanges.
    pub exchanges: Vec<Exchange>,
    /// The number of exchanges with other hosts.
    pub others: usize,
    /// The entries that were left out, and the parts of others, each with its position and the reason.
    pub left_out: Vec<String>,
}

/// Reads the exchanges with one host, such as `graph.microsoft.com`. Entries that cannot be read are left out.
///
/// # Errors
///
/// Fails on text other than an archive, and on archives that are too large.
pub fn read(text: &[u8], host: &str) -> Result<ReadArchive, HarError> {
    if text.len() > LARGEST {
        return Err(HarError(format!("archive too large: {} bytes, expected at most {LARGEST}", text.len())));
    }
    let text = bom::strip_bytes(text);
    let archive: RawArchive<'_> = json::read(text).map_err(|error| HarError(format!("invalid HTTP archive: {error}")))?;
    let entries = archive.log.entries;
    if entries.len() > ENTRY_LIMIT {
        return Err(HarError(format!("too many entries: {}, expected at most {ENTRY_LIMIT}", entries.len())));
    }
    let mut archive = ReadArchive::default();
    for (index, entry) in entries.into_iter().enumerate() {
        let mut leave_out = |reason: String| archive.left_out.push(format!("$.log.entries[{index}]: {reason}"));
        let address: EntryAddress<'_> = match json::read_text(entry.get()) {
            Ok(address) => address,
            Err(error) => {
                leave_out(format!("no address: {error}"));
                continue;
            }
        };
        let Some(target) = target(&address.request.url, host) else {
            archive.others += 1;
            continue;
        };
        let entry: Result<HarEntry<'_>, _> = json::read_text(entry.get());
        match entry.map_err(|error| error.to_string()).and_then(|entry| exchange(entry, target, &mut leave_out)) {
            Ok(exchange) => archive.exchanges.push(exchange),
            Err(reason) => leave_out(reason),
        }
    }
    Ok(archive)
}

/// Returns path and query of an address; returns `None` for other hosts.
fn target<'a>(url: &'a str, host: &'a str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let path = path.split('#').next().unwrap_or_default();
    let scheme_port = if scheme.eq_ignore_ascii_case("http") { ":80" } else { ":443" };
    let without_port = |authority: &'a str| authority.strip_suffix(scheme_port).unwrap_or(authority);
    let is_host = without_port(authority).eq_ignore_ascii_case(without_port(host));
    is_host.then(|| if path.starts_with('/') { path.to_owned() } else { format!("/{path}") })
}

fn exchange(entry: HarEntry<'_>, target: String, leave_out: &mut impl FnMut(String)) -> Result<Exchange, String> {
    let method = Method::from_bytes(entry.request.method.as_bytes())
        .map_err(|_| format!("invalid method '{}', expected a token of HTTP", entry.request.method))?;
    let body = match entry.request.post_data {
        None => Bytes::new(),
        Some(data) if data.text.is_empty() && !data.params.is_empty() => {
            let encode = |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
            let pairs = data.params.iter().map(|pair| format!("{}={}", encode(&pair.name), encode(&pair.value)));
            pairs.collect::<Vec<String>>().join("&").into()
        }
        Some(data) => decode_body(&data.text, data.encoding.as_deref())?,
    };
    let mut comments: Vec<String> = entry.comment.iter().flat_map(|comment| comment.split('\n')).map(str::to_owned).collect();
    let request = RecordedRequest { method, target, headers: headers(entry.request.headers), body };
    // An entry of an aborted request has the status 0, or a negative one.
    let status = u16::try_from(entry.response.status).ok().and_then(|status| StatusCode::from_u16(status).ok());
    let response = status.map(|status| {
        let content = entry.response.content;
        let is_saved = content.text.is_some() || content.size <= 0 || status == StatusCode::NO_CONTENT;
        let body = match decode_body(content.text.as_deref().unwrap_or_default(), content.encoding.as_deref()) {
            Ok(body) if is_saved => body,
            Ok(_) => {
                comments.push(unrecorded_body(&format!("the archive has only its size, {} bytes", content.size)));
                leave_out("the body of the answer is not in the archive".to_owned());
                Bytes::new()
            }
            Err(reason) => {
                comments.push(unrecorded_body(&reason));
                leave_out(format!("the body of the answer: {reason}"));
                Bytes::new()
            }
        };
        RecordedResponse { status, headers: headers(entry.response.headers), body }
    });
    Ok(Exchange { comments, request, response })
}

fn decode_body(text: &str, encoding: Option<&str>) -> Result<Bytes, String> {
    match encoding {
        Some("base64") => STANDARD.decode(text).map(Bytes::from).map_err(|error| format!("invalid Base64 body: {error}")),
        _ => Ok(text.to_owned().into()),
    }
}

/// Returns headers without the pseudo-headers of HTTP/2 and without body framing, since an archive has decoded bodies.
fn headers(pairs: Vec<NameValue<'_>>) -> Vec<(String, String)> {
    const FRAMING: [&str; 3] = ["content-encoding", "content-length", "transfer-encoding"];
    let is_wanted = |name: &str| {
        !name.is_empty() && !name.starts_with(':') && !FRAMING.iter().any(|framing| name.eq_ignore_ascii_case(framing))
    };
    let wanted = pairs.into_iter().filter(|pair| is_wanted(&pair.name));
    wanted.map(|pair| (pair.name.into_owned(), pair.value.into_owned())).collect()
}

/// Writes exchanges as an archive of a service with this base address.
pub fn write(exchanges: &[Exchange], base: &str) -> String {
    let entries = exchanges.iter().map(|exchange| entry(exchange, base)).collect();
    let creator = Creator { name: "wfi-emulator".into(), version: env!("CARGO_PKG_VERSION").into() };
    let archive = Archive { log: Log { version: "1.2".into(), creator, entries } };
    // Serialization only fails on maps with keys other than strings, which do not occur.
    let mut text = serde_json::to_string_pretty(&archive).unwrap_or_default();
    text.push('\n');
    text
}

fn entry<'e>(exchange: &'e Exchange, base: &str) -> HarEntry<'e> {
    let request = &exchange.request;
    let (text, encoding) = encode_body(&request.body);
    let post_data = (!request.body.is_empty()).then(|| PostData {
        mime_type: request.header("content-type").unwrap_or_default().into(),
        text,
        params: Vec::new(),
        encoding,
    });
    let response = exchange.response.as_ref();
    let headers = |headers: &'e [(String, String)]| {
        headers.iter().map(|(name, value)| NameValue { name: name.as_str().into(), value: value.as_str().into() }).collect()
    };
    let body = response.map_or(&[][..], |response| &response.body);
    let (text, encoding) = encode_body(body);
    let size = |body: &[u8]| i64::try_from(body.len()).unwrap_or(i64::MAX);
    HarEntry {
        started_date_time: journal_time(&exchange.comments).unwrap_or(UNKNOWN_TIME).into(),
        time: 0,
        request: HarRequest {
            method: request.method.as_str().into(),
            url: if is_absolute(&request.target) {
                request.target.as_str().into()
            } else {
                format!("{base}{}", request.target).into()
            },
            http_version: "HTTP/1.1".into(),
            headers: headers(&request.headers),
            query_string: Vec::new(),
            cookies: Vec::new(),
            headers_size: -1,
            body_size: size(&request.body),
            post_data,
        },
        response: HarResponse {
            status: response.map_or(0, |response| response.status.as_u16().into()),
            status_text: response.and_then(|response| response.status.canonical_reason()).unwrap_or_default().into(),
            http_version: "HTTP/1.1".into(),
            headers: response.map(|response| headers(&response.headers)).unwrap_or_default(),
            cookies: Vec::new(),
            content: Content {
                size: if exchange.has_unrecorded_body() { 1 } else { size(body) },
                mime_type: response.and_then(|response| response.header("content-type")).unwrap_or_default().into(),
                text: (!exchange.has_unrecorded_body()).then_some(text),
                encoding,
            },
            redirect_url: response.and_then(|response| response.header("location")).unwrap_or_default().into(),
            headers_size: -1,
            body_size: size(body),
        },
        cache: EmptyObject {},
        timings: Timings::default(),
        // The lines of the text are the comments.
        comment: (!exchange.comments.is_empty())
            .then(|| exchange.comments.iter().map(|comment| visible(comment)).collect::<Vec<_>>().join("\n").into()),
    }
}

/// Returns a body as text, or as Base64 if it is not UTF-8, with the name of the encoding.
fn encode_body(body: &[u8]) -> (Cow<'_, str>, Option<Cow<'_, str>>) {
    match std::str::from_utf8(body) {
        Ok(text) => (text.into(), None),
        Err(_) => (STANDARD.encode(body).into(), Some("base64".into())),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::text::exchange::tests::generators;

    const BROWSER: &str = r#"{"log":{"version":"1.2","pages":[],"creator":{"name":"WebInspector"},"entries":[
        {"_initiator":{"type":"script"},"startedDateTime":"2024-01-01T00:00:00.000Z","time":12.5,"cache":{},"timings":{"wait":1.5},
         "request":{"method":"PATCH","url":"https://Graph.Microsoft.com/v1.0/x?a=b#c","httpVersion":"h2","cookies":[{"name":"a","value":"b"}],
           "headers":[{"name":":authority","value":"x"},{"name":"content-length","value":"9"},{"name":"accept","value":"*/*"}],
           "headersSize":-1,"bodySize":9,"postData":{"mimeType":"application/json","text":"{\"a\":1}"}},
         "response":{"status":200,"statusText":"","headers":[{"name":"content-encoding","value":"br"},{"name":"etag","value":"1"}],
           "content":{"size":3,"mimeType":"image/png","text":"/wA=","encoding":"base64"},"redirectURL":"","_error":null}},
        {"request":{"method":"POST","url":"https://graph.microsoft.com","postData":{"params":[{"name":"a b","value":"c&d"}]}},
         "response":{"status":0,"content":{}}},
        {"request":{"method":"GET","url":"https://login.microsoftonline.com/"},"response":{"status":200}}]}}"#;

    #[test]
    fn an_archive_of_a_browser_is_read() {
        let ReadArchive { exchanges, others, left_out } = read(BROWSER.as_bytes(), "graph.microsoft.com").unwrap();
        assert_eq!((exchanges.len(), others, left_out), (2, 1, Vec::new()));
        let printed = crate::text::exchange::write(&exchanges);
        assert_eq!(
            printed,
            "PATCH {{base}}/v1.0/x?a=b\naccept: */*\n{\n  \"a\": 1\n}\n\nHTTP 200\netag: 1\nbase64,/wA=;\n\nPOST {{base}}/\n`a%20b=c%26d`\n"
        );
    }

    #[test]
    fn odd_values_leave_out_no_more_than_they_must() {
        let entry = |url: &str, response: &str| {
            format!(r#"{{"request":{{"method":"GET","url":"{url}","headers":null,"postData":null}},"response":{response}}}"#)
        };
        // Charles writes null, WebPageTest a negative status for what it did not load.
        let entries = [
            entry("https://h:443/charles", r#"{"status":200,"redirectURL":null,"headers":[],"content":{"size":2,"text":"ok"}}"#),
            entry("https://other/", r#"{"status":"?"}"#),
            entry("https://h/aborted", r#"{"status":-2}"#),
            entry("https://h/base64", r#"{"status":200,"content":{"text":"?","encoding":"base64"}}"#),
            entry("https://h/unsaved", r#"{"status":200,"content":{"size":512}}"#),
            entry("https://h/empty", r#"{"status":200,"content":{"size":0}}"#),
            r#"{"request":{"method":"G T","url":"https://h/"},"response":{"status":200}}"#.to_owned(),
            r#"{"request":{}}"#.to_owned(),
            entry("https://h/odd", r#"{"status":"?"}"#),
        ];
        let archive = read(format!(r#"{{"log":{{"entries":[{}]}}}}"#, entries.join(",")).as_bytes(), "h").unwrap();
        let targets: Vec<&str> = archive.exchanges.iter().map(|exchange| &*exchange.request.target).collect();
        assert_eq!((targets, archive.others), (vec!["/charles", "/aborted", "/base64", "/unsaved", "/empty"], 1));
        let unrecorded: Vec<bool> = archive.exchanges.iter().map(Exchange::has_unrecorded_body).collect();
        assert_eq!(unrecorded, [false, false, true, true, false]);
        assert_eq!(archive.exchanges[1].response, None);
        let text = crate::text::exchange::write(&archive.exchanges[3..4]);
        assert_eq!(
            text,
            "# response body not recorded: the archive has only its size, 512 bytes\nGET {{base}}/unsaved\n\nHTTP 200\n"
        );
        let again = read(write(&archive.exchanges, "https://h").as_bytes(), "h").unwrap();
        assert!(again.exchanges[3].has_unrecorded_body());
        insta::assert_snapshot!(archive.left_out.join("\n"), @r#"
        $.log.entries[3]: the body of the answer: invalid Base64 body: Invalid symbol 63, offset 0.
        $.log.entries[4]: the body of the answer is not in the archive
        $.log.entries[6]: invalid method 'G T', expected a token of HTTP
        $.log.entries[7]: no address: missing field `url` at line 1 column 13
        $.log.entries[8]: invalid type: string "?", expected i64 at line 1 column 105
        "#);
    }

    #[test]
    fn an_archive_of_a_journal_has_its_times() {
        let started = |comment: &str| {
            let text = format!("# {comment}\nGET {{{{base}}}}/v1.0/x\n\nHTTP 204\n");
            let archive: serde_json::Value =
                serde_json::from_str(&write(&crate::text::exchange::read(&text).unwrap(), "https://h")).unwrap();
            archive["log"]["entries"][0]["startedDateTime"].as_str().unwrap().to_owned()
        };
        let comment = super::super::journal_comment(12, "2026-01-02T03:04:05.678Z");
        assert_eq!(started(&comment), "2026-01-02T03:04:05.678Z");
        assert_eq!(started("request 1 at 2026-01-02T03:04:05Z"), "2026-01-02T03:04:05Z");
        for other in ["request 1 at noon", "request x at 2026-01-02T03:04:05Z", "request 1 at 2026-01-02T03:04:05.ZZ", "at last"]
        {
            assert_eq!(started(other), UNKNOWN_TIME, "{other}");
        }
    }

    #[test]
    fn invalid_archives_are_rejected_with_the_position() {
        for (text, message) in
            [("", "invalid HTTP archive: EOF"), ("{\"log\":{}}", "invalid HTTP archive: missing field `entries`")]
        {
            let error = read(text.as_bytes(), "h").unwrap_err().to_string();
            assert!(error.starts_with(message), "{error}");
        }
    }

    proptest! {
        #![proptest_config(crate::property_tests())]

        #[test]
        fn written_exchanges_are_read_again(exchanges in proptest::collection::vec(generators::exchange(), 0..3)) {
            let mut expected = exchanges;
            for exchange in &mut expected {
                exchange.comments = exchange.comments.iter().map(|comment| visible(comment).into_owned()).collect();
                let path: String = exchange.request.target.split('#').next().unwrap_or_default().to_owned();
                exchange.request.target = if path.starts_with('/') { path } else { format!("/{path}") };
                let drop_unnamed = |headers: &mut Vec<(String, String)>| headers.retain(|(name, _)| !name.is_empty() && !name.starts_with(':'));
                drop_unnamed(&mut exchange.request.headers);
                if let Some(response) = &mut exchange.response {
                    drop_unnamed(&mut response.headers);
                }
            }
            let text = write(&expected, "https://graph.microsoft.com");
            let archive = ReadArchive { exchanges: expected, ..ReadArchive::default() };
            prop_assert_eq!(read(text.as_bytes(), "graph.microsoft.com"), Ok(archive));
        }

        #[test]
        fn any_bytes_can_be_read(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = read(&bytes, "h");
        }
    }
}
