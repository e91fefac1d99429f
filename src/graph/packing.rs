//! Answers that are sent packed (behavior `compression`). The journal has them as they are.

use bytes::Bytes;
use http::header::{self, HeaderValue};

use crate::graph::request::Request;
use crate::graph::step::Answer;
use crate::odata::headers::ODATA_VERSION;
use crate::text::gzip;

/// The longest body that is packed, in bytes: more would take a thread of the runtime too long.
const LIMIT: usize = 256 * 1024;

/// Whether a client accepts gzip (RFC 9110, 12.5.3).
pub(super) fn is_wanted(request: &Request) -> bool {
    let values = request.headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let weight = weight.trim().strip_prefix("q=").map_or(Ok(1.0), |weight| weight.trim().parse::<f32>());
        gzip::is_gzip(name) && weight.is_ok_and(|weight| weight > 0.0)
    })
}

/// Packs the body of an answer of the service. Stored content, which may be read in ranges, stays as it is.
pub(super) fn packed(mut answer: Answer) -> Answer {
    let (status, headers, body) = (answer.response.status(), answer.response.headers(), answer.response.body());
    let content_type = headers.get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    let is_text = [&b"application/json"[..], b"application/xml"].iter().any(|start| content_type.starts_with(start));
    let is_content = status.is_success() && headers.contains_key(header::ETAG) && !headers.contains_key(ODATA_VERSION);
    if body.is_empty() || body.len() > LIMIT || !is_text || is_content || headers.contains_key(header::CONTENT_ENCODING) {
        return answer;
    }
    let packed = gzip::pack(body);
    let headers = answer.response.headers_mut();
    headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    headers.insert(header::CONTENT_LENGTH, packed.len().into());
    *answer.response.body_mut() = Bytes::from(packed);
    answer.has_standard_headers = false;
    answer
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, Method, Response};

    use super::*;
    use crate::graph::request::{Body, Via};

    #[test]
    fn gzip_is_wanted_by_name_and_weight() {
        for (value, expected) in [
            ("gzip", true),
            ("deflate, GZIP;q=0.5", true),
            ("br, x-gzip", true),
            ("gzip;q=0", false),
            ("gzip; q=0.0", false),
            ("*", false),
            ("identity", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(value))]);
            let target = "/v1.0".parse().unwrap();
            let request = Request {
                method: Method::GET,
                target,
                is_secure: false,
                via: Via::Direct,
                arrival: crate::world::journal::Arrival::default(),
                headers,
                body: Body::Whole(Bytes::new()),
            };
            assert_eq!(is_wanted(&request), expected, "{value}");
        }
    }

    #[test]
    fn json_is_packed_and_content_is_not() {
        let answer = |content_type: &str, tag: Option<&str>, length: usize| {
            let mut response = Response::new(Bytes::from("a".repeat(length)));
            response.headers_mut().insert(header::CONTENT_TYPE, content_type.parse().unwrap());
            response.headers_mut().extend(tag.map(|tag| (header::ETAG, tag.parse().unwrap())));
            packed(Answer::of(response)).response
        };
        let json = answer("application/json;odata.metadata=minimal", None, 900);
        assert_eq!(json.headers()[header::CONTENT_ENCODING], "gzip");
        assert_eq!(json.headers()[header::CONTENT_LENGTH], json.body().len().to_string());
        assert_eq!(gzip::unpack(json.body(), 1_000).unwrap(), "a".repeat(900).into_bytes());
        for (content_type, tag, length) in [
            ("image/png", None, 900),
            ("application/json", Some("W/\"1\""), 900),
            ("application/json", None, 0),
            ("application/json", None, LIMIT + 1),
        ] {
            let plain = answer(content_type, tag, length);
            assert_eq!((plain.headers().get(header::CONTENT_ENCODING), plain.body().len()), (None, length));
        }
    }
}
