//! Reads request bodies: length, content type, content coding, JSON syntax.

use std::borrow::Cow;

use http::header::{self, HeaderMap, HeaderValue};

use crate::edm::patch::Patch;
use crate::edm::primitive::LongNumbers;
use crate::edm::schema::{Model, Operation, StructuredType};
use crate::graph::request::{BODY_LIMIT, Body, Request, body_limit};
use crate::odata::error::Error;
use crate::odata::headers::ODATA_VERSION;
use crate::odata::read::{self, Origin, ReadRules};
use crate::policy::behavior::{Behaviors, InvalidUtf8, MissingLength, OdataVersion};
use crate::policy::refusal;
use crate::text::charset::Charset;
use crate::text::gzip::{self, GzipError};
use crate::text::json::{self, Json};
use crate::world::World;
use crate::world::workload::BodyForm;

/// The content type of nearly all bodies, which has no parameters.
const JSON: &str = "application/json";

/// The maximum number of JSON values in a body. An entity has a few dozen; without a limit, 4 MiB of empty arrays would take a hundred
/// times their size in memory.
const NODE_LIMIT: usize = 100_000;

/// The headers that say how to read a body. A look-up in a header map costs a hash, so all are found in one pass.
#[derive(Default)]
pub(super) struct BodyHeaders<'r> {
    content_type: Option<&'r HeaderValue>,
    coding: Option<&'r HeaderValue>,
    version: Option<&'r HeaderValue>,
}

impl<'r> BodyHeaders<'r> {
    pub(super) fn of(headers: &'r HeaderMap) -> BodyHeaders<'r> {
        let mut found = BodyHeaders::default();
        for (name, value) in headers {
            let place = if *name == header::CONTENT_TYPE {
                &mut found.content_type
            } else if *name == header::CONTENT_ENCODING {
                &mut found.coding
            } else if *name == ODATA_VERSION {
                &mut found.version
            } else {
                continue;
            };
            // The first of several values counts, as in a look-up.
            place.get_or_insert(value);
        }
        found
    }

    /// Whether the control information of a body may have no prefix (OData JSON Format 4.01, 4.6).
    pub(super) fn is_prefix_free(&self) -> bool {
        self.version.is_some_and(|version| version.as_bytes().trim_ascii() == b"4.01")
    }

    /// Returns the form of long numbers that a content type announces (OData JSON Format 4.0, 3.2).
    pub(super) fn long_numbers(&self) -> LongNumbers {
        let Some(content_type) = self.parameters() else { return LongNumbers::Numbers };
        let is_compatible = |parameter: &str| {
            let pair = parameter.split_once('=').map(|(name, value)| (name.trim(), value.trim()));
            pair.is_some_and(|(name, value)| name.eq_ignore_ascii_case("IEEE754Compatible") && value.eq_ignore_ascii_case("true"))
        };
        LongNumbers::compatible(content_type.split(';').skip(1).any(is_compatible))
    }

    /// Returns the charset of the content type.
    fn charset(&self) -> Option<&'r str> {
        let pairs = self.parameters()?.split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
        let (_, value) = pairs.into_iter().find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))?;
        Some(value.trim().trim_matches('"'))
    }

    /// Returns the content type if it can have parameters.
    fn parameters(&self) -> Option<&'r str> {
        self.content_type.filter(|value| *value != JSON)?.to_str().ok()
    }
}

/// Returns the decoded bytes of a JSON body.
pub(super) fn bytes<'r>(request: &'r Request, behaviors: &Behaviors) -> Result<Cow<'r, [u8]>, Error> {
    bytes_with(request, &BodyHeaders::of(&request.headers), behaviors)
}

/// Returns the decoded bytes of a JSON body whose headers were found.
pub(super) fn bytes_with<'r>(
    request: &'r Request,
    stated: &BodyHeaders<'_>,
    behaviors: &Behaviors,
) -> Result<Cow<'r, [u8]>, Error> {
    let Body::Whole(body) = &request.body else {
        let detail = format!("body exceeds {BODY_LIMIT} bytes");
        return Err(Error::new(&refusal::PAYLOAD_TOO_LARGE, &[]).with_detail(detail));
    };
    let headers = &request.headers;
    if body.is_empty() {
        let has_length = headers.contains_key(header::CONTENT_LENGTH) || headers.contains_key(header::TRANSFER_ENCODING);
        let refusal = match behaviors.missing_length {
            MissingLength::LengthRequired if !has_length => &refusal::LENGTH_REQUIRED,
            _ => &refusal::EMPTY_PAYLOAD,
        };
        return Err(Error::new(refusal, &[]));
    }
    match stated.content_type {
        Some(value) if is_json(value) => {}
        Some(value) => {
            let detail = format!("unsupported Content-Type {value:?}, expected application/json");
            return Err(Error::new(&refusal::WRONG_CONTENT_TYPE, &[]).with_detail(detail));
        }
        None => {
            let detail = "missing Content-Type, expected application/json".to_owned();
            return Err(Error::new(&refusal::MISSING_CONTENT_TYPE, &[]).with_detail(detail));
        }
    }
    let decoded = decoded(body, stated.coding)?;
    if decoded.is_empty() {
        return Err(Error::new(&refusal::EMPTY_PAYLOAD, &[]));
    }
    check_version(stated, behaviors)?;
    as_utf8(decoded, stated, behaviors)
}

/// The use of a body.
#[derive(Clone, Copy)]
pub(super) enum BodyUse<'u> {
    /// The creation of an entity.
    Creation(&'u StructuredType),
    /// The call of an operation.
    Call(&'u Operation),
}

/// Returns the JSON of a body in a form that a workload reads; `None` for one in another form.
pub(super) fn formed(
    world: &World,
    model: &Model,
    request: &Request,
    stated: &BodyHeaders<'_>,
    wanted: BodyUse<'_>,
) -> Option<Result<Vec<u8>, Error>> {
    let content_type = stated.parameters()?.split(';').next()?.trim();
    let forms = || world.workloads.iter().flat_map(|workload| workload.body_forms());
    let local =
        |structured: &StructuredType| structured.full_name.strip_prefix("microsoft.graph.").unwrap_or_default().to_owned();
    let is_used = |form: &BodyForm| match wanted {
        BodyUse::Creation(structured) => local(structured) == form.creates,
        BodyUse::Call(operation) => {
            let bound = operation.binding.map(|(id, _)| local(model.structured(id))).unwrap_or_default();
            form.operations.iter().any(|(name, type_name)| operation.name.eq_ignore_ascii_case(name) && bound == *type_name)
        }
    };
    let is_chosen = |form: &BodyForm| (form.choice.1)(&world.behaviors);
    let form = forms().find(|form| content_type.eq_ignore_ascii_case(form.media_type) && is_chosen(form) && is_used(form))?;
    let name = match wanted {
        BodyUse::Creation(_) => None,
        BodyUse::Call(operation) => {
            form.operations.iter().map(|(name, _)| *name).find(|name| operation.name.eq_ignore_ascii_case(name))
        }
    };
    Some(content(request).and_then(|bytes| (form.read)(&bytes, name)).map(String::into_bytes))
}

/// Returns JSON in UTF-8.
fn as_utf8<'b>(body: Cow<'b, [u8]>, stated: &BodyHeaders<'_>, behaviors: &Behaviors) -> Result<Cow<'b, [u8]>, Error> {
    let marked = Charset::of_mark(&body).map(|(charset, rest)| (charset, body.len() - rest.len()));
    let (charset, start) = match (marked, stated.charset()) {
        (Some(marked), _) => marked,
        (None, Some(name)) => {
            let unknown = || format!("unknown charset {name:?}, expected utf-8");
            let charset = Charset::of_name(name, &body);
            (charset.ok_or_else(|| Error::new(&refusal::UNKNOWN_CHARSET, &[]).with_detail(unknown()))?, 0)
        }
        (None, None) => (Charset::of_json(&body), 0),
    };
    // The reader of JSON finds what is not UTF-8.
    if charset == Charset::Utf8 && (behaviors.invalid_utf8 == InvalidUtf8::Refuse || std::str::from_utf8(&body).is_ok()) {
        return Ok(body);
    }
    let (text, is_damaged) = charset.decode(&body[start..]);
    if is_damaged && behaviors.invalid_utf8 == InvalidUtf8::Refuse {
        let detail = format!("the body is not {}", charset.name());
        return Err(Error::new(&refusal::INVALID_TEXT, &[]).with_detail(detail));
    }
    if text.len() > BODY_LIMIT {
        return Err(Error::new(&refusal::PAYLOAD_TOO_LARGE, &[]).with_detail(format!("body exceeds {BODY_LIMIT} bytes in UTF-8")));
    }
    Ok(Cow::Owned(text.into_owned().into_bytes()))
}

/// Checks the version of OData that a body states.
fn check_version(stated: &BodyHeaders<'_>, behaviors: &Behaviors) -> Result<(), Error> {
    let Some(version) = stated.version else { return Ok(()) };
    let text = String::from_utf8_lossy(version.as_bytes());
    if matches!(text.trim(), "4.0" | "4.01") || behaviors.odata_version == OdataVersion::Ignore {
        return Ok(());
    }
    Err(Error::new(&refusal::UNSUPPORTED_ODATA_VERSION, &[&text]))
}

/// Returns the decoded bytes of a body of any type.
pub(super) fn content(request: &Request) -> Result<Cow<'_, [u8]>, Error> {
    match &request.body {
        Body::Whole(body) => decoded(body, request.headers.get(header::CONTENT_ENCODING)),
        Body::TooLarge => {
            let detail = format!("body exceeds {} bytes", body_limit(request.target.path()));
            Err(Error::new(&refusal::PAYLOAD_TOO_LARGE, &[]).with_detail(detail))
        }
    }
}

pub(super) fn parse(body: &[u8]) -> Result<Json<'_>, Error> {
    json::parse_limited(body, NODE_LIMIT)
        .map_err(|reason| Error::new(&refusal::UNREADABLE_PAYLOAD, &[]).with_detail(reason.to_string()))
}

fn is_json(content_type: &HeaderValue) -> bool {
    if content_type == JSON {
        return true;
    }
    let media_type = content_type.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case("application/json")
}

fn decoded<'b>(body: &'b [u8], coding: Option<&HeaderValue>) -> Result<Cow<'b, [u8]>, Error> {
    let Some(coding) = coding else { return Ok(Cow::Borrowed(body)) };
    match coding.to_str().map(str::trim) {
        Ok(coding) if coding.eq_ignore_ascii_case("identity") || coding.is_empty() => Ok(Cow::Borrowed(body)),
        Ok(coding) if gzip::is_gzip(coding) => gzip::unpack(body, BODY_LIMIT).map(Cow::Owned).map_err(|error| {
            let refusal = match error {
                GzipError::TooLong(_) | GzipError::NoRoom => &refusal::PAYLOAD_TOO_LARGE,
                GzipError::Malformed(_) => &refusal::UNREADABLE_PAYLOAD,
            };
            Error::new(refusal, &[]).with_detail(format!("the gzip-encoded body {error}"))
        }),
        _ => {
            let detail = "unsupported Content-Encoding, expected gzip or none".to_owned();
            Err(Error::new(&refusal::CONTENT_ENCODING, &[]).with_detail(detail))
        }
    }
}

/// Reads members that a workload gives a new entity. What the schema does not have is left out.
pub(super) fn read_own(model: &Model, behaviors: &Behaviors, structured: &StructuredType, members: &str) -> Option<Patch> {
    let json = parse(members.as_bytes()).ok()?;
    let rules = ReadRules {
        model,
        behaviors,
        origin: Origin::Fixture,
        knows_hidden: true,
        is_prefix_free: false,
        long_numbers: LongNumbers::Numbers,
        problem_limit: usize::MAX,
        explains: false,
    };
    Some(read::read(rules, structured.id, None, &json, &"$").patch)
}
