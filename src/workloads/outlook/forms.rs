//! Forms in which requests want the values of items: the time zone of times, the type of texts.

use std::sync::Arc;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::edm::schema::PropertyType;
use crate::edm::time_zone;
use crate::edm::value::{Complex, Value};
use crate::policy::behavior::EventTimes;
use crate::policy::refusal;
use crate::workloads::outlook::derived::lines_of_html;
use crate::world::workload::{FormRequest, PreferredForm, text_of};

/// The steps that moving a time to another zone costs: both zones are found by their names.
const ZONE_STEPS: u64 = 2048;

/// The bytes of a text whose type a step changes.
const BYTES_FORMED: usize = 2;

/// Medium: learn.microsoft.com/graph/api/user-list-events, event-get and message-get, with `Preference-Applied`.
pub(super) static FORMS: [PreferredForm; 4] = [
    PreferredForm { type_name: "event", properties: &["start", "end"], ..TIMES },
    PreferredForm { type_name: "eventMessage", properties: &["startDateTime", "endDateTime"], ..TIMES },
    PreferredForm { type_name: "message", ..TEXTS },
    PreferredForm { type_name: "event", ..TEXTS },
];

/// The form of times.
const TIMES: PreferredForm = PreferredForm {
    type_name: "",
    preference: "outlook.timezone",
    default_in: "users",
    default: Some(("event-times", |behaviors| (behaviors.event_times == EventTimes::Utc).then_some("UTC"))),
    is_known: |name| time_zone::named(name).is_some(),
    unknown: Some(&refusal::UNKNOWN_TIME_ZONE),
    properties: &[],
    is_compared: true,
    apply: in_zone,
};

/// The form of texts.
const TEXTS: PreferredForm = PreferredForm {
    type_name: "",
    preference: "outlook.body-content-type",
    default_in: "",
    default: None,
    is_known: is_content_type,
    unknown: None,
    properties: &["body", "uniqueBody"],
    is_compared: false,
    apply: with_content_type,
};

fn is_content_type(name: &str) -> bool {
    name.eq_ignore_ascii_case("text") || name.eq_ignore_ascii_case("html")
}

/// Returns the time of a zone with a name, as a point on the clock of UTC; `None` without a clock or a known zone.
fn in_utc(date_time: &str, zone: &str) -> Option<DateTime> {
    let local: DateTime = date_time.parse().ok()?;
    let timestamp = time_zone::named(zone)?.to_timestamp(local).ok()?;
    Some(TimeZone::UTC.to_datetime(timestamp))
}

/// Returns a time as Exchange writes it: with seven digits of a second.
pub(super) fn written(time: DateTime) -> String {
    let (date, clock) = (time.date(), time.time());
    let ticks = clock.subsec_nanosecond() / 100;
    format!("{date}T{:02}:{:02}:{:02}.{ticks:07}", clock.hour(), clock.minute(), clock.second())
}

/// Returns values with times in a zone.
fn in_zone(request: &FormRequest<'_>) -> Option<Complex> {
    let FormRequest { model, structured, values, properties, wanted: zone, purse } = *request;
    let mut changed = None;
    for name in properties {
        let Some(property) = structured.property(name).map(|index| &structured.properties[index]) else { continue };
        let (PropertyType::Complex(id), Value::Complex(time)) = (property.kind, values.get(property.slot)) else { continue };
        let of_time = model.structured(id);
        let (Some(clock), Some(own)) = (text_of(of_time, time, "dateTime"), text_of(of_time, time, "timeZone")) else { continue };
        if own.eq_ignore_ascii_case(zone) {
            continue;
        }
        if purse.is_some_and(|purse| !purse.spend(ZONE_STEPS)) {
            return None;
        }
        let (Some(utc), Some(wanted)) = (in_utc(&clock, &own), time_zone::named(zone)) else { continue };
        let Ok(timestamp) = TimeZone::UTC.to_timestamp(utc) else { continue };
        let mut moved = Complex::clone(time);
        for (name, text) in [("dateTime", written(wanted.to_datetime(timestamp))), ("timeZone", zone.to_owned())] {
            if let Some(slot) = of_time.slot(name) {
                moved.set(slot, Value::String(text.into()));
            }
        }
        changed.get_or_insert_with(|| values.clone()).set(property.slot, Value::Complex(Arc::new(moved)));
    }
    changed
}

/// Returns values whose texts are of a type. How the service lays out the result is not known (grade none).
fn with_content_type(request: &FormRequest<'_>) -> Option<Complex> {
    let FormRequest { model, structured, values, properties, wanted, purse } = *request;
    let mut changed = None;
    for name in properties {
        let Some(property) = structured.property(name).map(|index| &structured.properties[index]) else { continue };
        let (PropertyType::Complex(id), Value::Complex(body)) = (property.kind, values.get(property.slot)) else { continue };
        let of_body = model.structured(id);
        let Some(kind) = of_body.property("contentType").map(|index| &of_body.properties[index]) else { continue };
        let (Some(content), Some(member)) =
            (text_of(of_body, body, "content"), model.member(kind.kind, &wanted.to_ascii_lowercase()))
        else {
            continue;
        };
        if *body.get(kind.slot) == Value::Enum(member) {
            continue;
        }
        if purse.is_some_and(|purse| !purse.spend_on(content.len(), BYTES_FORMED)) {
            return None;
        }
        let text = if wanted.eq_ignore_ascii_case("text") { lines_of_html(&content) } else { html_of_text(&content) };
        let mut other = Complex::clone(body);
        other.set(kind.slot, Value::Enum(member));
        if let Some(slot) = of_body.slot("content") {
            other.set(slot, Value::String(text.into()));
        }
        changed.get_or_insert_with(|| values.clone()).set(property.slot, Value::Complex(Arc::new(other)));
    }
    changed
}

/// Returns a document with a text.
fn html_of_text(text: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!("<html><body>{}</body></html>", escaped.replace("\r\n", "<br>").replace('\n', "<br>"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_that_of_its_zone_on_its_day() {
        for (clock, zone, expected) in [
            ("2024-03-04T14:00:00.0000000", "UTC", Some("2024-03-04T14:00:00.0000000")),
            ("2024-03-04T14:00:00.5000000", "Pacific Standard Time", Some("2024-03-04T22:00:00.5000000")),
            ("2024-07-04T14:00:00", "pacific standard time", Some("2024-07-04T21:00:00.0000000")),
            ("2024-07-04T14:00:00", "Europe/Berlin", Some("2024-07-04T12:00:00.0000000")),
            ("2024-07-04T14:00:00", "Mars", None),
            ("noon", "UTC", None),
        ] {
            assert_eq!(in_utc(clock, zone).map(written).as_deref(), expected, "{clock} {zone}");
        }
    }

    #[test]
    fn a_text_is_one_of_html() {
        assert_eq!(html_of_text("a < b\r\nc & d"), "<html><body>a &lt; b<br>c &amp; d</body></html>");
        assert_eq!(lines_of_html("<p>a &lt; <b>b</b></p>\r\n<div>c<br>d</div>"), "a < b\r\nc\r\nd");
    }
}
