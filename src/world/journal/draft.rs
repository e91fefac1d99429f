//! A request on its way into a journal: packed bodies are unpacked, and everything is cut to the limits.

use std::borrow::Cow;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};

use super::{AnswerCause, EntityChange, JournalRecord};
use crate::odata::headers::StandardHeaders;
use crate::text::gzip;

/// The form of a body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum BodyForm {
    /// As it was sent.
    #[default]
    Plain,
    /// Unpacked; the header `Content-Encoding` is left out.
    Unpacked,
    /// Packed: another coding, malformed, or too long when unpacked.
    Packed,
}

/// The length from which on a body is kept as it is, if it can be: a copy costs the more the longer it is.
const KEPT_LENGTH: usize = 16 * 1024;

/// A body as it is recorded.
#[derive(Debug)]
pub(super) struct DraftBody<'r> {
    pub(super) bytes: Cow<'r, [u8]>,
    pub(super) form: BodyForm,
    /// The full length, if truncated.
    pub(super) full_length: Option<usize>,
}

/// The parts of an entry that are not complete.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Omissions {
    /// The full lengths of truncated bodies: request and response.
    pub(super) full_lengths: (Option<usize>, Option<usize>),
    /// The sizes of entities that were left out: before and after.
    pub(super) entities: (Option<usize>, Option<usize>),
}

/// A record within the limits.
#[derive(Debug)]
pub(super) struct Draft<'r> {
    pub(super) record: JournalRecord<'r>,
    pub(super) request_body: DraftBody<'r>,
    pub(super) response_body: DraftBody<'r>,
    /// The variable values of the response headers, if they are the standard ones.
    pub(super) standard: Option<[&'r HeaderValue; 5]>,
    /// The body of the response with the bytes of its buffer, if it is not copied: it is not among the texts then.
    pub(super) kept_body: Option<(Bytes, usize)>,
    /// The sizes of entities that were left out: before and after.
    left_out: (Option<usize>, Option<usize>),
}

impl<'r> DraftBody<'r> {
    /// Returns a body of at most `limit` bytes.
    ///
    /// A packed body is unpacked here, once, since it would otherwise be unpacked at every reading.
    fn new(form: BodyForm, body: &'r [u8], limit: usize) -> DraftBody<'r> {
        let form = if body.is_empty() { BodyForm::Plain } else { form };
        if form == BodyForm::Unpacked
            && let Ok(content) = gzip::unpack(body, limit)
        {
            return DraftBody { bytes: Cow::Owned(content), form, full_length: None };
        }
        let form = if form == BodyForm::Plain { form } else { BodyForm::Packed };
        let mut draft = DraftBody { bytes: Cow::Borrowed(body), form, full_length: None };
        draft.truncate(limit);
        draft
    }

    fn truncate(&mut self, limit: usize) {
        let length = self.bytes.len();
        if length > limit {
            self.full_length.get_or_insert(length);
            match &mut self.bytes {
                Cow::Borrowed(bytes) => *bytes = &bytes[..limit],
                Cow::Owned(bytes) => bytes.truncate(limit),
            }
        }
    }
}

/// Returns the form that a body with these headers will have, if it can be unpacked.
fn form(headers: &HeaderMap) -> BodyForm {
    let mut codings = headers.get_all(header::CONTENT_ENCODING).iter().map(|coding| coding.to_str().unwrap_or_default());
    match (codings.next(), codings.next()) {
        (None, _) => BodyForm::Plain,
        (Some(coding), None) if gzip::is_gzip(coding) => BodyForm::Unpacked,
        (Some(coding), None) if coding.trim().eq_ignore_ascii_case("identity") => BodyForm::Plain,
        _ => BodyForm::Packed,
    }
}

impl<'r> Draft<'r> {
    /// Returns the draft of a record. A body longer than `limit` is truncated, a larger entity left out.
    pub(super) fn new(record: JournalRecord<'r>, limit: usize) -> Draft<'r> {
        // Most requests have no body, so their headers need no look.
        let request_form = if record.request_body.is_empty() { BodyForm::Plain } else { form(record.request_headers) };
        let request_body = DraftBody::new(request_form, record.request_body, limit);
        // Standard headers name no coding.
        let response_form = if record.has_standard_headers { BodyForm::Plain } else { form(record.response_headers) };
        let response_body = DraftBody::new(response_form, record.response_body, limit);
        let standard = if record.has_standard_headers { StandardHeaders::values_of(record.response_headers) } else { None };
        let mut draft = Draft { record, request_body, response_body, standard, kept_body: None, left_out: (None, None) };
        let is_whole = draft.response_body.full_length.is_none() && response_form == BodyForm::Plain;
        // A buffer with much more room is not worth it.
        let is_kept = |(body, bytes): &(&Bytes, usize)| body.len() >= KEPT_LENGTH && *bytes <= body.len() / 4 * 5;
        if let Some((body, bytes)) = draft.record.kept_body.filter(|kept| is_whole && is_kept(kept)) {
            draft.kept_body = Some((body.clone(), bytes));
            draft.response_body.bytes = Cow::Borrowed(&[]);
        }
        draft.leave_out_entities(limit);
        draft
    }

    /// Cuts the draft to what remains when the budget is spent: neither bodies nor entities.
    pub(super) fn cut(&mut self) {
        self.request_body.truncate(0);
        if let Some((body, _)) = self.kept_body.take() {
            self.response_body.full_length = Some(body.len());
        }
        self.response_body.truncate(0);
        self.leave_out_entities(0);
    }

    fn leave_out_entities(&mut self, limit: usize) {
        if let Some(EntityChange { before, after, .. }) = &mut self.record.changed {
            for (entity, left_out) in [(before, &mut self.left_out.0), (after, &mut self.left_out.1)] {
                if let Some(large) = entity.take_if(|entity| entity.size() > limit) {
                    *left_out = Some(large.size());
                }
            }
        }
    }

    pub(super) fn omissions(&self) -> Omissions {
        let full_lengths = (self.request_body.full_length, self.response_body.full_length);
        Omissions { full_lengths, entities: self.left_out }
    }

    /// Returns the size of what the entry refers to, apart from its row and its texts. Entities count in full, since the store may drop
    /// them.
    pub(super) fn referred_size(&self) -> usize {
        /// A longer method is stored apart.
        const INLINE_METHOD: usize = 15;
        let JournalRecord { method, decided, changed, .. } = &self.record;
        let method = Some(method.as_str().len()).filter(|length| *length > INLINE_METHOD).unwrap_or_default();
        let entities = changed.iter().flat_map(|changed| [&changed.before, &changed.after]).flatten();
        let AnswerCause { detail, faults, batch, .. } = decided;
        let details: usize = [detail, faults, batch].into_iter().flatten().map(|text| text.len()).sum();
        let kept = self.kept_body.as_ref().map_or(0, |(_, bytes)| *bytes);
        method + details + kept + entities.map(|entity| entity.size()).sum::<usize>()
    }
}
