//! The format of answers: what `Accept` and `$format` ask for, and the content type that says what came of it.

use http::header::{ACCEPT, HeaderMap, HeaderValue};
use percent_encoding::percent_decode_str;

use crate::odata::error::Error;
use crate::policy::behavior::{Behaviors, FormatParameters, Unacceptable};
use crate::policy::refusal;

/// How much control information an answer carries (OData JSON Format 4.0, 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Only what a client cannot compute at all: counts and links to the next page.
    None,
    /// What a client that knows the schema cannot compute.
    Minimal,
    /// Everything.
    Full,
}

/// The format of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// The metadata level, if the client asked for one.
    pub level: Option<Level>,
    /// Whether the order of control information is that of a stream.
    pub is_streaming: bool,
    /// Whether 64-bit numbers and counts are strings.
    pub is_ieee754_compatible: bool,
}

impl Default for Format {
    fn default() -> Format {
        Format { level: None, is_streaming: true, is_ieee754_compatible: false }
    }
}

/// The media types that can be answered, for the text of a refusal.
const SUPPORTED: &str = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false, \
                         application/json;odata.metadata=full, application/json;odata.metadata=none, application/json";

impl Format {
    /// Returns the format that a request asks for. `$format` counts before `Accept`.
    pub fn of(headers: &HeaderMap, query: Option<&str>, behaviors: &Behaviors) -> Result<Format, Error> {
        // Most requests ask for nothing, or for JSON without more.
        let mut accepted = headers.get_all(ACCEPT).iter();
        let wanted = match (query.and_then(format_option), accepted.next()) {
            (Some(option), _) => option,
            (None, None) => return Ok(Format::default()),
            (None, Some(only)) if only == "application/json" || only == "*/*" => return Ok(Format::default()),
            (None, Some(first)) => {
                let values = std::iter::once(first).chain(accepted).map(|value| value.to_str().unwrap_or_default());
                let wanted = values.collect::<Vec<_>>().join(",");
                // A client that names nothing refuses nothing.
                if wanted.trim_matches([',', ' ', '\t']).is_empty() {
                    return Ok(Format::default());
                }
                wanted
            }
        };
        match (negotiate(&wanted, behaviors.format_parameters), behaviors.unacceptable) {
            (Some(format), _) => Ok(format),
            (None, Unacceptable::Answer) => Ok(Format::default()),
            (None, Unacceptable::Refuse) => {
                let detail = format!("found {wanted:?}, expected application/json or */*");
                Err(Error::new(&refusal::NOT_ACCEPTABLE, &[SUPPORTED, &wanted]).with_detail(detail))
            }
        }
    }

    /// Returns the content type of an answer in this format.
    pub fn content_type(self) -> HeaderValue {
        if self == Format::default() || self == (Format { level: Some(Level::Minimal), ..Format::default() }) {
            return HeaderValue::from_static(
                "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8",
            );
        }
        let level = match self.level {
            Some(Level::None) => "none",
            Some(Level::Minimal) | None => "minimal",
            Some(Level::Full) => "full",
        };
        let (streaming, compatible) = (self.is_streaming, self.is_ieee754_compatible);
        let text = format!(
            "application/json;odata.metadata={level};odata.streaming={streaming};IEEE754Compatible={compatible};charset=utf-8"
        );
        HeaderValue::try_from(text).expect("all parts are ASCII")
    }
}

/// Returns the value of `$format`, with or without `$`, in any case. `json` stands for the media type.
fn format_option(query: &str) -> Option<String> {
    for option in query.split('&') {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        let name = percent_decode_str(name).decode_utf8_lossy();
        if name.strip_prefix('$').unwrap_or(&name).eq_ignore_ascii_case("format") {
            // A plus sign stands for a blank in queries, and media types with a suffix are not among those known.
            let value = percent_decode_str(value).decode_utf8_lossy().into_owned();
            return Some(if value.eq_ignore_ascii_case("json") { "application/json".to_owned() } else { value });
        }
    }
    None
}

/// Returns the format that a list of media ranges prefers, or nothing if it allows no JSON.
fn negotiate(ranges: &str, unknown: FormatParameters) -> Option<Format> {
    let mut best: Option<(u16, Format)> = None;
    for range in ranges.split(',') {
        let Some((quality, format)) = read_range(range, unknown) else { continue };
        // Of equals the first counts.
        if quality > 0 && best.is_none_or(|(highest, _)| quality > highest) {
            best = Some((quality, format));
        }
    }
    best.map(|(_, format)| format)
}

/// Reads one media range: its quality in thousandths and the format, if it is one that can be answered.
fn read_range(range: &str, unknown: FormatParameters) -> Option<(u16, Format)> {
    let mut parts = range.split(';').map(str::trim);
    let media_type = parts.next()?;
    let is_json = ["application/json", "application/*", "*/*"].iter().any(|known| known.eq_ignore_ascii_case(media_type));
    if !is_json {
        return None;
    }
    let (mut quality, mut format) = (1000, Format::default());
    for parameter in parts.filter(|parameter| !parameter.is_empty()) {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim().trim_matches('"').to_ascii_lowercase());
        // The prefix `odata.` is that of 4.0; 4.01 leaves it out.
        let known = match (name.strip_prefix("odata.").unwrap_or(&name), value.as_str()) {
            ("q", _) => {
                quality = read_quality(&value)?;
                true
            }
            ("metadata", "none") => set(&mut format.level, Some(Level::None)),
            ("metadata", "minimal") => set(&mut format.level, Some(Level::Minimal)),
            ("metadata", "full") => set(&mut format.level, Some(Level::Full)),
            ("streaming", "true") => set(&mut format.is_streaming, true),
            ("streaming", "false") => set(&mut format.is_streaming, false),
            ("ieee754compatible", "true") => set(&mut format.is_ieee754_compatible, true),
            ("ieee754compatible", "false") => set(&mut format.is_ieee754_compatible, false),
            ("charset", "utf-8") => true,
            _ => false,
        };
        if !known && unknown == FormatParameters::Reject {
            return None;
        }
    }
    Some((quality, format))
}

fn set<T>(place: &mut T, value: T) -> bool {
    *place = value;
    true
}

/// Reads a quality value (RFC 9110, 12.4.2) in thousandths.
fn read_quality(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let thousandths: u16 = format!("{fraction:0<3}").parse().ok()?;
    match (whole, thousandths) {
        ("0", _) => Some(thousandths),
        ("1", 0) => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The negotiated level as text: `-` if the client asked for none, nothing if it takes no JSON.
    fn level(accept: &str) -> Option<String> {
        let format = negotiate(accept, FormatParameters::Ignore)?;
        Some(format.level.map_or("-".to_owned(), |level| format!("{level:?}")))
    }

    #[test]
    fn the_level_is_that_of_the_range_with_the_highest_quality() {
        assert_eq!(level("application/json;odata.metadata=full"), Some("Full".to_owned()));
        assert_eq!(level("Application/JSON; Odata.MetaData = \"None\""), Some("None".to_owned()));
        assert_eq!(level("application/json;metadata=minimal"), Some("Minimal".to_owned()));
        assert_eq!(
            level("text/html, application/json;odata.metadata=none;q=0.5, application/json;odata.metadata=full;q=0.9"),
            Some("Full".to_owned())
        );
        assert_eq!(level("application/json;odata.metadata=none, application/json;odata.metadata=full"), Some("None".to_owned()));
        for accept in
            ["*/*", "text/html,*/*;q=0.1", "application/*", "application/json;odata=verbose", "application/json;odata.metadata=x"]
        {
            assert_eq!(level(accept).as_deref(), Some("-"), "{accept}");
        }
        for accept in [
            "",
            "text/html",
            "application/xml",
            "application/json;q=0",
            "*/*;q=0.0",
            "application/json;q=2",
            "application/json;q=x",
            "json",
        ] {
            assert_eq!(level(accept), None, "{accept}");
        }
    }

    #[test]
    fn unknown_parameters_can_be_refused() {
        assert_eq!(negotiate("application/json;odata=verbose", FormatParameters::Reject), None);
        assert!(
            negotiate("application/json;odata.metadata=full;charset=UTF-8;odata.streaming=false", FormatParameters::Reject)
                .is_some()
        );
    }

    #[test]
    fn the_option_counts_before_the_header() {
        assert_eq!(format_option("$select=id&$format=JSON").as_deref(), Some("application/json"));
        assert_eq!(
            format_option("%24Format=application%2Fjson%3Bodata.metadata%3Dfull").as_deref(),
            Some("application/json;odata.metadata=full")
        );
        assert_eq!(format_option("format=application/json").as_deref(), Some("application/json"));
        assert_eq!(format_option("formats=x&$select=format"), None);
    }

    #[test]
    fn the_content_type_says_what_was_negotiated() {
        let format = negotiate(
            "application/json;odata.metadata=full;IEEE754Compatible=true;odata.streaming=false",
            FormatParameters::Ignore,
        )
        .unwrap();
        assert_eq!(
            format.content_type(),
            "application/json;odata.metadata=full;odata.streaming=false;IEEE754Compatible=true;charset=utf-8"
        );
        assert_eq!(
            Format::default().content_type(),
            "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"
        );
    }

    proptest! {
        #[test]
        fn negotiation_never_panics(text in "\\PC{0,60}") {
            let _ = negotiate(&text, FormatParameters::Reject);
            let _ = format_option(&text);
        }
    }
}
