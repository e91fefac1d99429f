//! Content negotiation: the format that `Accept` and `$format` request, and the content type of the answer.

use http::header::{ACCEPT, HeaderMap, HeaderValue};
use percent_encoding::percent_decode_str;

use crate::odata::error::Error;
use crate::policy::behavior::{Behaviors, FormatParameters, Unacceptable};
use crate::policy::refusal;

/// The metadata level of an answer (OData JSON Format 4.0, 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// Only counts and next links, which a client cannot compute.
    None,
    /// The control information that a client with the schema cannot compute.
    Minimal,
    /// All control information.
    Full,
}

/// The format of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Format {
    /// The metadata level, if the client requested one.
    pub level: Option<Level>,
    /// Whether control information is in the order of streaming payloads.
    pub is_streaming: bool,
    /// Whether 64-bit numbers and counts are strings.
    pub is_ieee754_compatible: bool,
}

impl Default for Format {
    fn default() -> Format {
        Format { level: None, is_streaming: true, is_ieee754_compatible: false }
    }
}

/// The supported media types, for the text of a refusal.
const SUPPORTED: &str = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false, \
                         application/json;odata.metadata=full, application/json;odata.metadata=none, application/json";

/// The content type of an answer in the default format.
const DEFAULT_CONTENT_TYPE: HeaderValue = HeaderValue::from_static(
    "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8",
);

impl Format {
    /// Returns the format that a request asks for. `$format` takes precedence over `Accept`.
    pub(crate) fn of(headers: &HeaderMap, query: Option<&str>, behaviors: &Behaviors) -> Result<Format, Error> {
        // The fast path: most requests have no `Accept`, or one without parameters.
        let mut accepted = headers.get_all(ACCEPT).iter();
        let wanted = match (query.and_then(format_option), accepted.next()) {
            (Some(option), _) => option,
            (None, None) => return Ok(Format::default()),
            (None, Some(only)) if only == "application/json" || only == "*/*" => return Ok(Format::default()),
            (None, Some(first)) => {
                let values = std::iter::once(first).chain(accepted).map(|value| value.to_str().unwrap_or_default());
                let wanted = values.collect::<Vec<_>>().join(",");
                // An empty list accepts everything.
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
                let detail = format!("no supported media type in {wanted:?}, expected application/json or */*");
                Err(Error::new(&refusal::NOT_ACCEPTABLE, &[SUPPORTED, &wanted]).with_detail(detail))
            }
        }
    }

    /// Returns the content type of an answer in this format.
    pub(crate) fn content_type(self) -> HeaderValue {
        if self == Format::default() || self == (Format { level: Some(Level::Minimal), ..Format::default() }) {
            return DEFAULT_CONTENT_TYPE;
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

/// Returns the value of `$format`, with or without `$`, in any case. `json` is short for the media type.
fn format_option(query: &str) -> Option<String> {
    for option in query.split('&') {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        let name = percent_decode_str(name).decode_utf8_lossy();
        if name.strip_prefix('$').unwrap_or(&name).eq_ignore_ascii_case("format") {
            // A plus sign stays: only media types with a suffix have one, and none of them is supported.
            let value = percent_decode_str(value).decode_utf8_lossy().into_owned();
            return Some(if value.eq_ignore_ascii_case("json") { "application/json".to_owned() } else { value });
        }
    }
    None
}

/// Returns the format of the preferred media range; `None` if JSON is not acceptable.
fn negotiate(ranges: &str, unknown: FormatParameters) -> Option<Format> {
    let mut best: Option<(u16, Format)> = None;
    for range in ranges.split(',') {
        let Some((quality, format)) = read_range(range, unknown) else { continue };
        // Of equal qualities the first wins.
        if quality > 0 && best.is_none_or(|(highest, _)| quality > highest) {
            best = Some((quality, format));
        }
    }
    best.map(|(_, format)| format)
}

/// Parses a media range. Returns its quality in thousandths and its format; `None` if it is unsupported.
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
        // The prefix `odata.` belongs to 4.0; 4.01 omits it.
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

fn set<T>(target: &mut T, value: T) -> bool {
    *target = value;
    true
}

/// Parses a quality value (RFC 9110, 12.4.2) in thousandths.
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

    /// Returns the negotiated level as text: `-` if none was requested; `None` if JSON is not acceptable.
    fn level(accept: &str) -> Option<String> {
        let format = negotiate(accept, FormatParameters::Ignore)?;
        Some(format.level.map_or("-".to_owned(), |level| format!("{level:?}")))
    }

    #[test]
    fn the_range_with_the_highest_quality_sets_the_level() {
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
    fn the_option_takes_precedence_over_the_header() {
        assert_eq!(format_option("$select=id&$format=JSON").as_deref(), Some("application/json"));
        assert_eq!(
            format_option("%24Format=application%2Fjson%3Bodata.metadata%3Dfull").as_deref(),
            Some("application/json;odata.metadata=full")
        );
        assert_eq!(format_option("format=application/json").as_deref(), Some("application/json"));
        assert_eq!(format_option("formats=x&$select=format"), None);
    }

    #[test]
    fn the_content_type_has_the_negotiated_parameters() {
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
        #![proptest_config(crate::property_tests())]

        #[test]
        fn negotiation_never_panics(text in "\\PC{0,60}") {
            let _ = negotiate(&text, FormatParameters::Reject);
            let _ = format_option(&text);
        }
    }
}
