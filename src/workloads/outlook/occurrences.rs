//! Events in a time range, and the occurrences of series.
//!
//! Occurrences follow from the pattern of their series. They are in views of a calendar and among the instances of a series; they have no
//! address of their own, and cannot be changed alone: exceptions of a series are not emulated.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, ToSpan as _};

use crate::edm::date_time::TICKS_PER_SECOND;
use crate::edm::schema::{Model, PropertyType, StructuredType};
use crate::edm::value::{Complex, Value};
use crate::workloads::outlook::forms::{in_utc, written};
use crate::world::store::StoredEntity;
use crate::world::workload::{InstanceRequest, InstanceRule, text_of};

pub(super) static INSTANCES: [(&str, InstanceRule); 1] = [("event", instances)];

/// The days that a step of the purse looks at.
const DAYS_PER_STEP: u64 = 4;

/// Returns the members of a complex value, with its type.
fn inner<'v>(
    model: &'v Model,
    structured: &StructuredType,
    values: &'v Complex,
    name: &str,
) -> Option<(&'v StructuredType, &'v Complex)> {
    let property = &structured.properties[structured.property(name)?];
    match (property.kind, values.get(property.slot)) {
        (PropertyType::Complex(id), Value::Complex(inner)) => Some((model.structured(id), inner)),
        _ => None,
    }
}

/// Returns the ticks of a time in UTC.
fn ticks(time: DateTime) -> i64 {
    let since = time.duration_since(DateTime::constant(1970, 1, 1, 0, 0, 0, 0));
    since.as_secs() * TICKS_PER_SECOND + i64::from(since.subsec_nanos()) / 100
}

/// The begin and the end of an event.
struct Times {
    begin: DateTime,
    end: DateTime,
    begin_zone: Arc<str>,
    end_zone: Arc<str>,
}

impl Times {
    fn of(model: &Model, structured: &StructuredType, values: &Complex) -> Option<Times> {
        let time = |name: &str| {
            let (of_time, time) = inner(model, structured, values, name)?;
            let clock: DateTime = text_of(of_time, time, "dateTime")?.parse().ok()?;
            Some((clock, text_of(of_time, time, "timeZone").unwrap_or_else(|| "UTC".into())))
        };
        let ((begin, begin_zone), (end, end_zone)) = (time("start")?, time("end")?);
        Some(Times { begin, end, begin_zone, end_zone })
    }

    /// Returns the times of an occurrence that begins on a day: the clocks stay.
    fn on(&self, day: Date) -> Option<Times> {
        let begin = day.to_datetime(self.begin.time());
        let length: SignedDuration = self.end.duration_since(self.begin);
        let end = begin.checked_add(length).ok()?;
        Some(Times { begin, end, begin_zone: self.begin_zone.clone(), end_zone: self.end_zone.clone() })
    }

    /// Returns the ticks of begin and end. A zone that is not known counts as UTC.
    fn ticks(&self) -> (i64, i64) {
        let of = |clock: DateTime, zone: &str| ticks(in_utc(&clock.to_string(), zone).unwrap_or(clock));
        (of(self.begin, &self.begin_zone), of(self.end, &self.end_zone))
    }
}

/// Whether an event is in a range. One that ends when the range begins is not.
fn is_within((begin, end): (i64, i64), (from, to): (i64, i64)) -> bool {
    begin < to && (end > from || begin == end && begin >= from)
}

fn instances(request: &InstanceRequest<'_>) -> Vec<(i64, Arc<StoredEntity>)> {
    let InstanceRequest { model, structured, entity, range, .. } = *request;
    let Some(times) = Times::of(model, structured, &entity.properties) else { return Vec::new() };
    let Some(series) = Series::of(model, structured, &entity.properties, times.begin.date()) else {
        let own = times.ticks();
        return if is_within(own, range) { vec![(own.0, entity.clone())] } else { Vec::new() };
    };
    let mut found = Vec::new();
    // Clocks are at most a day from those of UTC.
    let last = TimeZone::UTC.to_datetime(timestamp(range.1)).date().saturating_add(1.day());
    let mut days = 0_u64;
    let mut count = 0;
    let mut day = series.first;
    while day <= last && series.last.is_none_or(|last| day <= last) && series.count.is_none_or(|limit| count < limit) {
        days += 1;
        if days.is_multiple_of(DAYS_PER_STEP) && !(request.pay)(1) {
            return found;
        }
        if series.has(day) {
            count += 1;
            if let Some(own) = times.on(day)
                && is_within(own.ticks(), range)
            {
                found.push((own.ticks().0, occurrence(request, &own, day)));
            }
        }
        let Ok(next) = day.tomorrow() else { break };
        day = next;
    }
    found
}

fn timestamp(ticks: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_second(ticks.div_euclid(TICKS_PER_SECOND)).unwrap_or(jiff::Timestamp::MAX)
}

/// Returns an occurrence of a series. Its id is a guess in all but form.
fn occurrence(request: &InstanceRequest<'_>, times: &Times, day: Date) -> Arc<StoredEntity> {
    let InstanceRequest { model, structured, entity, .. } = *request;
    let key: Arc<str> = key_of(&entity.key, day).into();
    let mut values = entity.properties.clone();
    let mut set = |name: &str, value: Option<Value>| {
        if let (Some(slot), Some(value)) = (structured.slot(name), value) {
            values.set(slot, value);
        }
    };
    let kind = structured.property("type").map(|index| structured.properties[index].kind);
    set("id", Some(Value::String(key.clone())));
    set("seriesMasterId", Some(Value::String(entity.key.clone())));
    set("type", kind.and_then(|kind| model.member(kind, "occurrence")).map(Value::Enum));
    set("recurrence", Some(Value::Null));
    for (name, clock) in [("start", times.begin), ("end", times.end)] {
        let moved = inner(model, structured, &entity.properties, name).map(|(of_time, time)| {
            let mut moved = time.clone();
            if let Some(slot) = of_time.slot("dateTime") {
                moved.set(slot, Value::String(written(clock).into()));
            }
            Value::Complex(Arc::new(moved))
        });
        set(name, moved);
    }
    Arc::new(StoredEntity::of_type(key, values, structured.blank_text))
}

/// Returns the id of an occurrence: that of the series, with the day in the place of some of its letters.
fn key_of(series: &str, day: Date) -> String {
    let number = day.duration_since(Date::constant(1970, 1, 1)).as_hours() / 24;
    let bytes = i32::try_from(number).unwrap_or_default().to_be_bytes();
    let text = URL_SAFE.encode([&[0xd0, 0xe1], &bytes[..]].concat());
    match series.len().checked_sub(text.len() + 8) {
        Some(begin) if begin > 0 && series.is_ascii() => {
            format!("{}{text}{}", &series[..begin], &series[begin + text.len()..])
        }
        _ => format!("{series}{text}"),
    }
}

/// The days of a series.
struct Series {
    kind: Pattern,
    interval: i64,
    first: Date,
    last: Option<Date>,
    count: Option<i64>,
}

/// The days of a pattern.
enum Pattern {
    Daily,
    Weekly {
        days: Vec<Weekday>,
        first_day: Weekday,
    },
    /// The day of a month, and the month of a year.
    Absolute {
        day: i8,
        month: Option<i8>,
    },
    /// The place of a day of the week in a month: 1 to 4, or -1 for the last one.
    Relative {
        days: Vec<Weekday>,
        place: i8,
        month: Option<i8>,
    },
}

const WEEKDAYS: [(&str, Weekday); 7] = [
    ("sunday", Weekday::Sunday),
    ("monday", Weekday::Monday),
    ("tuesday", Weekday::Tuesday),
    ("wednesday", Weekday::Wednesday),
    ("thursday", Weekday::Thursday),
    ("friday", Weekday::Friday),
    ("saturday", Weekday::Saturday),
];

impl Series {
    /// Returns the days of an event's recurrence, if it has one. `first` is the day of the event itself.
    fn of(model: &Model, structured: &StructuredType, values: &Complex, first: Date) -> Option<Series> {
        let (of_recurrence, recurrence) = inner(model, structured, values, "recurrence")?;
        let (of_pattern, pattern) = inner(model, of_recurrence, recurrence, "pattern")?;
        let enum_of = |owner: &StructuredType, values: &Complex, name: &str, members: &[&str]| {
            let property = &owner.properties[owner.property(name)?];
            let own = values.get(property.slot);
            let is_own = |member: &&str| model.member(property.kind, member).map(Value::Enum).as_ref() == Some(own);
            members.iter().position(is_own)
        };
        let number = |name: &str| match of_pattern.slot(name).map(|slot| pattern.get(slot)) {
            Some(Value::Integer(number)) => Some(*number),
            _ => None,
        };
        let small = |name: &str| number(name).and_then(|number| i8::try_from(number).ok());
        let kinds = ["daily", "weekly", "absoluteMonthly", "relativeMonthly", "absoluteYearly", "relativeYearly"];
        let days = || {
            let Some(property) = of_pattern.property("daysOfWeek").map(|index| &of_pattern.properties[index]) else {
                return Vec::new();
            };
            let Value::Collection(items) = pattern.get(property.slot) else { return Vec::new() };
            let PropertyType::Collection(item) = property.kind else { return Vec::new() };
            let day_of = |value: &Value| {
                let is_own =
                    |(name, _): &&(&str, Weekday)| model.member(item.kind(), name).map(Value::Enum).as_ref() == Some(value);
                WEEKDAYS.iter().find(is_own).map(|(_, day)| *day)
            };
            items.iter().filter_map(day_of).collect()
        };
        let names: Vec<&str> = WEEKDAYS.iter().map(|(name, _)| *name).collect();
        let place = || {
            let places = ["first", "second", "third", "fourth", "last"];
            match enum_of(of_pattern, pattern, "index", &places) {
                Some(4) => -1,
                Some(place) => i8::try_from(place).unwrap_or_default() + 1,
                None => 1,
            }
        };
        let kind = match enum_of(of_pattern, pattern, "type", &kinds)? {
            0 => Pattern::Daily,
            1 => {
                let first_day =
                    enum_of(of_pattern, pattern, "firstDayOfWeek", &names).map_or(Weekday::Sunday, |at| WEEKDAYS[at].1);
                Pattern::Weekly { days: days(), first_day }
            }
            2 => Pattern::Absolute { day: small("dayOfMonth")?, month: None },
            3 => Pattern::Relative { days: days(), place: place(), month: None },
            4 => Pattern::Absolute { day: small("dayOfMonth")?, month: Some(small("month")?) },
            _ => Pattern::Relative { days: days(), place: place(), month: Some(small("month")?) },
        };
        let range = inner(model, of_recurrence, recurrence, "range");
        let range_kind = range.and_then(|(owner, values)| enum_of(owner, values, "type", &["endDate", "noEnd", "numbered"]));
        let date = |name: &str| range.and_then(|(owner, values)| text_of(owner, values, name)?.parse::<Date>().ok());
        let limit = range.and_then(|(owner, values)| match values.get(owner.slot("numberOfOccurrences")?) {
            Value::Integer(number) => Some(*number),
            _ => None,
        });
        Some(Series {
            kind,
            interval: number("interval").unwrap_or(1).max(1),
            first: date("startDate").unwrap_or(first),
            last: date("endDate").filter(|_| range_kind == Some(0)),
            count: limit.filter(|_| range_kind == Some(2)),
        })
    }

    /// Whether an occurrence begins on a day.
    fn has(&self, day: Date) -> bool {
        let months = |date: Date| i64::from(date.year()) * 12 + i64::from(date.month());
        let is_due = |passed: i64| passed % self.interval == 0;
        let is_month = |month: Option<i8>| match month {
            Some(month) => day.month() == month && is_due(i64::from(day.year()) - i64::from(self.first.year())),
            None => is_due(months(day) - months(self.first)),
        };
        match &self.kind {
            Pattern::Daily => is_due(days_between(self.first, day)),
            Pattern::Weekly { days, first_day } => {
                let week = |date: Date| date.checked_sub(i64::from(date.weekday().since(*first_day)).days()).unwrap_or(date);
                days.contains(&day.weekday()) && is_due(days_between(week(self.first), week(day)) / 7)
            }
            // A month without the day has its last one.
            Pattern::Absolute { day: wanted, month } => day.day() == (*wanted).min(day.days_in_month()) && is_month(*month),
            Pattern::Relative { days, place, month } => {
                let is_wanted = |number: i8| day.with().day(number).build().is_ok_and(|other| days.contains(&other.weekday()));
                let passed = |numbers: std::ops::Range<i8>| numbers.filter(|number| is_wanted(*number)).count();
                let is_placed = match usize::try_from(*place) {
                    Ok(place) => passed(1..day.day()) + 1 == place,
                    Err(_) => passed(day.day() + 1..day.days_in_month() + 1) == 0,
                };
                days.contains(&day.weekday()) && is_placed && is_month(*month)
            }
        }
    }
}

fn days_between(from: Date, to: Date) -> i64 {
    to.duration_since(from).as_hours() / 24
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(kind: Pattern, interval: i64, first: &str, number: usize) -> Vec<String> {
        let first: Date = first.parse().unwrap();
        let series = Series { kind, interval, first, last: None, count: None };
        let all = std::iter::successors(Some(first), |day| day.tomorrow().ok());
        all.filter(|day| series.has(*day)).take(number).map(|day| day.to_string()).collect()
    }

    #[test]
    fn a_pattern_has_its_days() {
        assert_eq!(days(Pattern::Daily, 3, "2024-02-27", 3), ["2024-02-27", "2024-03-01", "2024-03-04"]);
        let of_week = || vec![Weekday::Monday, Weekday::Sunday];
        let weekly = |first_day| Pattern::Weekly { days: of_week(), first_day };
        assert_eq!(days(weekly(Weekday::Sunday), 2, "2024-03-04", 4), ["2024-03-04", "2024-03-17", "2024-03-18", "2024-03-31"]);
        assert_eq!(days(weekly(Weekday::Monday), 2, "2024-03-04", 4), ["2024-03-04", "2024-03-10", "2024-03-18", "2024-03-24"]);
        let monthly = Pattern::Absolute { day: 31, month: None };
        assert_eq!(days(monthly, 1, "2024-01-31", 3), ["2024-01-31", "2024-02-29", "2024-03-31"]);
        let yearly = Pattern::Absolute { day: 4, month: Some(3) };
        assert_eq!(days(yearly, 2, "2024-03-04", 2), ["2024-03-04", "2026-03-04"]);
        let second = Pattern::Relative { days: vec![Weekday::Tuesday], place: 2, month: None };
        assert_eq!(days(second, 2, "2024-03-01", 2), ["2024-03-12", "2024-05-14"]);
        let last = Pattern::Relative { days: vec![Weekday::Friday, Weekday::Saturday], place: -1, month: Some(2) };
        assert_eq!(days(last, 1, "2024-02-01", 2), ["2024-02-24", "2025-02-28"]);
    }

    #[test]
    fn an_event_is_in_the_ranges_that_it_touches() {
        for (own, expected) in
            [((0, 10), false), ((0, 11), true), ((19, 30), true), ((20, 30), false), ((10, 10), true), ((20, 20), false)]
        {
            assert_eq!(is_within(own, (10, 20)), expected, "{own:?}");
        }
    }

    #[test]
    fn the_id_of_an_occurrence_has_the_length_of_that_of_the_series() {
        let day: Date = "2024-03-04".parse().unwrap();
        let series = "AAMkAFh328Jb8RBWs7auSWvEJNPfj3n0sZtd3Xxg7qKvOJ-jcU2NEti8bPx0tkxfdQkAAAA=";
        let key = key_of(series, day);
        assert!(key.len() == series.len() && key.starts_with("AAMkAFh") && key.ends_with("AAA=") && key != series, "{key}");
        assert_ne!(key, key_of(series, day.tomorrow().unwrap()));
        assert_eq!(key_of("e1", day), "e10OEAAE1K");
    }
}
