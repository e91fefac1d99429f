//! The answers of a batch, joined into one body.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::text::json::{write_integer, write_string};

/// The answer to one request of a batch.
#[derive(Debug)]
pub(crate) struct BatchPart<'a> {
    /// The id of the request, as it was sent.
    pub id: &'a str,
    /// The status.
    pub status: u16,
    /// The headers, in the written order and case.
    pub headers: Vec<(&'static str, &'a [u8])>,
    /// The body.
    pub body: &'a [u8],
    /// Whether the body is JSON.
    pub is_json: bool,
}

/// The body of a batch, with the single space of recorded batches (pnp/pnpcore, 749 of 749).
#[derive(Debug)]
pub(crate) struct BatchBody {
    out: Vec<u8>,
    is_empty: bool,
}

impl BatchBody {
    /// Returns a body without answers, and with room for this many bytes of them.
    pub(crate) fn with_capacity(capacity: usize) -> BatchBody {
        // The values of two headers come behind it.
        let mut out = Vec::with_capacity(capacity.saturating_add(80));
        out.extend_from_slice(b"{\"responses\": [");
        BatchBody { out, is_empty: true }
    }

    /// Adds an answer.
    pub(crate) fn add(&mut self, part: &BatchPart<'_>) {
        let out = &mut self.out;
        out.extend_from_slice(if self.is_empty { b"{\"id\":" } else { b",{\"id\":" });
        self.is_empty = false;
        write_string(out, part.id);
        out.extend_from_slice(b",\"status\":");
        write_integer(out, i64::from(part.status));
        for (index, (name, value)) in part.headers.iter().enumerate() {
            out.extend_from_slice(if index > 0 { b"," } else { b",\"headers\":{" });
            write_string(out, name);
            out.push(b':');
            // Nearly all values are ASCII, for which the check of a whole text is faster.
            match std::str::from_utf8(value) {
                Ok(value) => write_string(out, value),
                Err(_) => write_string(out, &String::from_utf8_lossy(value)),
            }
        }
        if !part.headers.is_empty() {
            out.push(b'}');
        }
        out.extend_from_slice(b",\"body\":");
        match part.body {
            b"" => out.extend_from_slice(b"null"),
            json if part.is_json => out.extend_from_slice(json),
            other => write_string(out, &STANDARD.encode(other)),
        }
        out.push(b'}');
    }

    /// Returns the whole body.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.out.extend_from_slice(b"]}");
        self.out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn join(parts: &[BatchPart<'_>]) -> String {
        let mut body = BatchBody::with_capacity(0);
        for part in parts {
            body.add(part);
        }
        String::from_utf8(body.finish()).unwrap()
    }

    #[test]
    fn a_joined_batch_is_the_recorded_one() {
        // pnp/pnpcore ExecuteGraphBatchRequestWithErrors, without the body of the success; and its 204.
        let error = r#"{"error":{"code":"BadRequest","message":"Resource not found for the segment 'thiswillgiveanerror'.","innerError":{"date":"2022-05-30T14:48:25","request-id":"9ab949b3-4921-410d-ae88-c3693e34426e","client-request-id":"9ab949b3-4921-410d-ae88-c3693e34426e"}}}"#;
        let minimal = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8";
        let part = |id, status, headers, body| BatchPart { id, status, headers, body, is_json: true };
        let parts = [
            part("2", 400, vec![("Content-Type", &b"application/json"[..])], error.as_bytes()),
            part("1", 200, vec![("OData-Version", &b"4.0"[..]), ("Content-Type", minimal.as_bytes())], b"{}"),
            part("3", 204, vec![], b""),
        ];
        let expected = [
            r#"{"responses": [{"id":"2","status":400,"headers":{"Content-Type":"application/json"},"body":{"error":{"code":"BadRequest","#,
            r#""message":"Resource not found for the segment 'thiswillgiveanerror'.","innerError":{"date":"2022-05-30T14:48:25","#,
            r#""request-id":"9ab949b3-4921-410d-ae88-c3693e34426e","client-request-id":"9ab949b3-4921-410d-ae88-c3693e34426e"}}}},"#,
            r#"{"id":"1","status":200,"headers":{"OData-Version":"4.0","Content-Type":"application/json;odata.metadata=minimal;odata.streaming=true;"#,
            r#"IEEE754Compatible=false;charset=utf-8"},"body":{}},{"id":"3","status":204,"body":null}]}"#,
        ];
        assert_eq!(join(&parts), expected.concat());
        let text =
            BatchPart { id: "\"", status: 200, headers: vec![("Content-Type", b"text/plain")], body: b"2", is_json: false };
        assert_eq!(
            join(&[text]),
            r#"{"responses": [{"id":"\"","status":200,"headers":{"Content-Type":"text/plain"},"body":"Mg=="}]}"#
        );
    }
}
