//! Events in a time range, and the occurrences of series.
//!
//! Occurrences follow from the pattern of their series. They are in views of a calendar and among the instances of a series. One that is changed
//! is an exception from then on, which the series contains; one that is deleted is named in `cancelledOccurrences` of the series.

use std::collections::HashSet;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, ToSpan as _};

use crate::edm::date_time::{DateTimeOffset, TICKS_PER_SECOND};
use crate::edm::schema::{Model, PropertyType, StructuredType};
use crate::edm::time_zone;
use crate::edm::value::{Complex, Value};
use crate::odata::purse::Purse;
use crate::policy::behavior::SeriesExceptions;
use crate::workloads::outlook::forms::written;
use crate::world::World;
use crate::world::store::{LookUpUnpaid, StoredEntity};
use crate::world::workload::{InstanceRequest, InstanceRules, text_of};

pub(super) static INSTANCES: [(&str, &InstanceRules); 1] = [("event", &EVENTS)];

/// Delta queries show these members of occurrences alone (strong: microsoft-graph-docs#1716 and #7632, microsoft-graph-docs-contrib#34).
static EVENTS: InstanceRules = InstanceRules {
    within,
    has_form: |structured, series, key| {
        let is_repeated = structured.slot("recurrence").is_some_and(|slot| *series.properties.get(slot) != Value::Null);
        is_repeated && day_of(&series.key, key).is_some()
    },
    at,
    separate,
    without,
    renew,
    delta_members: &["seriesMasterId", "type", "start", "end"],
};

/// The steps that looking at a day of a series costs.
const DAY_STEPS: u64 = 8;

/// The steps that an occurrence costs.
const OCCURRENCE_STEPS: u64 = 256;

/// The memory of an occurrence beyond twice that of its list of values, in bytes.
const OCCURRENCE_BYTES: usize = 1024;

/// The steps that finding a zone by its name costs.
const ZONE_STEPS: u64 = 1024;

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

/// The clocks of an event's begin and end, and the names of their zones.
struct Clocks {
    begin: DateTime,
    end: DateTime,
    begin_zone: Arc<str>,
    end_zone: Arc<str>,
}

impl Clocks {
    fn of(model: &Model, structured: &StructuredType, values: &Complex) -> Option<Clocks> {
        let time = |name: &str| {
            let (of_time, time) = inner(model, structured, values, name)?;
            let clock: DateTime = text_of(of_time, time, "dateTime")?.parse().ok()?;
            Some((clock, text_of(of_time, time, "timeZone").unwrap_or_else(|| "UTC".into())))
        };
        let ((begin, begin_zone), (end, end_zone)) = (time("start")?, time("end")?);
        Some(Clocks { begin, end, begin_zone, end_zone })
    }

    fn length(&self) -> SignedDuration {
        self.end.duration_since(self.begin)
    }

    /// Returns begin and end of an occurrence on a day. The clocks stay.
    fn on(&self, day: Date) -> Option<(DateTime, DateTime)> {
        let begin = day.to_datetime(self.begin.time());
        begin.checked_add(self.length()).ok().map(|end| (begin, end))
    }

    /// Returns the zones; `None` if the purse does not suffice.
    fn zones(&self, purse: &Purse) -> Option<Zones> {
        // A zone that is not known counts as UTC.
        let zone = |name: &str| {
            if name.eq_ignore_ascii_case("UTC") {
                return Some(TimeZone::UTC);
            }
            purse.spend(ZONE_STEPS).then(|| time_zone::named(name).unwrap_or(TimeZone::UTC))
        };
        let begin = zone(&self.begin_zone)?;
        let end = if self.begin_zone == self.end_zone { begin.clone() } else { zone(&self.end_zone)? };
        Some(Zones { begin, end })
    }
}

/// The zones of an event's begin and end.
struct Zones {
    begin: TimeZone,
    end: TimeZone,
}

impl Zones {
    /// Returns the ticks of a begin and an end.
    fn ticks(&self, begin: DateTime, end: DateTime) -> (i64, i64) {
        let of = |clock: DateTime, zone: &TimeZone| {
            ticks(zone.to_timestamp(clock).map_or(clock, |timestamp| TimeZone::UTC.to_datetime(timestamp)))
        };
        (of(begin, &self.begin), of(end, &self.end))
    }
}

/// Whether an event is in a range. One that ends when the range begins is not.
fn is_within((begin, end): (i64, i64), (from, to): (i64, i64)) -> bool {
    begin < to && (end > from || begin == end && begin >= from)
}

/// Returns what an event is in a range. Without a purse that suffices, the result is of no use.
fn within(request: &InstanceRequest<'_>, range: (i64, i64), is_any: bool) -> Vec<(i64, Arc<StoredEntity>)> {
    let InstanceRequest { world, model, structured, entity, purse, .. } = *request;
    let Some(clocks) = Clocks::of(model, structured, &entity.properties) else { return Vec::new() };
    let Some(series) = Series::of(model, structured, &entity.properties, clocks.begin.date()) else {
        return itself(request, entity, range).into_iter().collect();
    };
    let separated = request.separated();
    let cancelled = Cancelled::of(structured, entity);
    let mut found = Vec::new();
    for exception in separated.iter().flat_map(|collection| world.store.list(collection)) {
        if !purse.spend(OCCURRENCE_STEPS) {
            return Vec::new();
        }
        // One that is being deleted is cancelled first.
        if day_of(&entity.key, &exception.key).is_some_and(|day| cancelled.has(day)) {
            continue;
        }
        found.extend(itself(request, &exception, range));
        if is_any && !found.is_empty() {
            return found;
        }
    }
    let (near, last) = near(clocks.length(), range);
    if series.first > last || series.last.is_some_and(|last| near > last) {
        return found;
    }
    let Some(zones) = clocks.zones(purse) else { return Vec::new() };
    let bytes = entity.properties.own_bytes() * 2 + OCCURRENCE_BYTES;
    let is_separate = |key: &str| separated.as_ref().is_some_and(|collection| world.store.has(collection, key));
    let is_found = series.each(near, last, purse, |day| {
        let Some((begin, end)) = clocks.on(day) else { return Next::Continue };
        if !purse.spend(OCCURRENCE_STEPS) {
            return Next::Stop;
        }
        let own = zones.ticks(begin, end);
        if !is_within(own, range) || cancelled.has(day) || is_separate(&key_of(&entity.key, day)) {
            return Next::Continue;
        }
        if !purse.hold(bytes) {
            return Next::Stop;
        }
        found.push((own.0, occurrence(request, (begin, end), own.0, day)));
        if is_any { Next::Stop } else { Next::Continue }
    });
    if is_found.is_some() { found } else { Vec::new() }
}

/// Returns an event that happens once, if it is in a range.
fn itself(request: &InstanceRequest<'_>, event: &Arc<StoredEntity>, range: (i64, i64)) -> Option<(i64, Arc<StoredEntity>)> {
    let clocks = Clocks::of(request.model, request.structured, &event.properties)?;
    let (near, last) = near(clocks.length(), range);
    if !(near..=last).contains(&clocks.begin.date()) {
        return None;
    }
    let own = clocks.zones(request.purse)?.ticks(clocks.begin, clocks.end);
    is_within(own, range).then(|| (own.0, event.clone()))
}

/// Returns the occurrence that has a key, unless it is cancelled.
///
/// # Errors
///
/// Fails if the purse does not suffice.
fn at(request: &InstanceRequest<'_>, key: &str) -> Result<Option<Arc<StoredEntity>>, LookUpUnpaid> {
    let InstanceRequest { model, structured, entity, purse, .. } = *request;
    let Some(day) = day_of(&entity.key, key) else { return Ok(None) };
    let Some(clocks) = Clocks::of(model, structured, &entity.properties) else { return Ok(None) };
    let Some(series) = Series::of(model, structured, &entity.properties, clocks.begin.date()) else { return Ok(None) };
    let mut is_found = false;
    let on = |_| {
        is_found = true;
        Next::Stop
    };
    series.each(day, day, purse, on).ok_or(LookUpUnpaid)?;
    let is_there = is_found && !Cancelled::of(structured, entity).has(day);
    let Some((begin, end)) = clocks.on(day).filter(|_| is_there) else { return Ok(None) };
    let own = clocks.zones(purse).ok_or(LookUpUnpaid)?.ticks(begin, end);
    Ok(Some(occurrence(request, (begin, end), own.0, day)))
}

/// Returns the values of an occurrence that becomes an exception of its series.
fn separate(model: &Model, structured: &StructuredType, values: &Complex) -> Complex {
    let mut values = values.clone();
    let kind = structured.property("type").map(|index| &structured.properties[index]);
    if let Some((kind, member)) = kind.and_then(|kind| Some((kind, model.member(kind.kind, "exception")?))) {
        values.set(kind.slot, Value::Enum(member));
    }
    values
}

/// Returns the values of a series without an occurrence.
pub(super) fn without(structured: &StructuredType, series: &str, values: &Complex, key: &str) -> Complex {
    let mut values = values.clone();
    let slot = structured.slot("cancelledOccurrences");
    if let Some((slot, day)) = slot.zip(day_of(series, key)) {
        let known: &[Value] = if let Value::Collection(items) = values.get(slot) { items } else { &[] };
        let item = Value::String(occurrence_id(series, day).into());
        let items = known.iter().filter(|known| **known != item).cloned().chain([item.clone()]).collect();
        values.set(slot, Value::Collection(items));
    }
    values
}

/// Forgets which occurrences were cancelled, if the pattern of a series is another one and a behavior says so.
fn renew(world: &World, model: &Model, structured: &StructuredType, before: &Complex, after: &mut Complex) -> bool {
    let pattern = |values: &Complex| {
        let (of_recurrence, recurrence) = inner(model, structured, values, "recurrence")?;
        Some(recurrence.get(of_recurrence.slot("pattern")?).clone())
    };
    let former = pattern(before);
    if world.behaviors.series_exceptions == SeriesExceptions::Keep || former.is_none() || former == pattern(after) {
        return false;
    }
    if let Some(slot) = structured.slot("cancelledOccurrences") {
        after.set(slot, Value::Collection([].into()));
    }
    true
}

/// Returns the id of an occurrence that stays the same when it becomes an exception (learn.microsoft.com/graph/api/resources/event: the form).
fn occurrence_id(series: &str, day: Date) -> String {
    format!("OID.{series}.{day}")
}

/// The occurrences of a series that are cancelled.
struct Cancelled<'s> {
    series: &'s str,
    ids: HashSet<&'s str>,
}

impl<'s> Cancelled<'s> {
    fn of(structured: &StructuredType, series: &'s StoredEntity) -> Cancelled<'s> {
        let items: &[Value] = match structured.slot("cancelledOccurrences").map(|slot| series.properties.get(slot)) {
            Some(Value::Collection(items)) => items,
            _ => &[],
        };
        let id = |item: &'s Value| if let Value::String(id) = item { Some(&**id) } else { None };
        Cancelled { series: &series.key, ids: items.iter().filter_map(id).collect() }
    }

    fn has(&self, day: Date) -> bool {
        !self.ids.is_empty() && self.ids.contains(&*occurrence_id(self.series, day))
    }
}

/// Returns the first and the last day on which an event of a length can begin that is in a range.
fn near(length: SignedDuration, (from, to): (i64, i64)) -> (Date, Date) {
    // Clocks are at most a day from those of UTC.
    let date = |ticks: i64| TimeZone::UTC.to_datetime(timestamp(ticks)).date();
    let days = length.as_hours().max(0) / 24 + 2;
    let near = date(from).checked_sub(SignedDuration::from_hours(days * 24)).unwrap_or(Date::MIN);
    (near, date(to).saturating_add(1.day()))
}

fn timestamp(ticks: i64) -> jiff::Timestamp {
    let limit = if ticks < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
    jiff::Timestamp::from_second(ticks.div_euclid(TICKS_PER_SECOND)).unwrap_or(limit)
}

/// Returns an occurrence of a series. Its id is a guess in all but form.
fn occurrence(request: &InstanceRequest<'_>, (begin, end): (DateTime, DateTime), start: i64, day: Date) -> Arc<StoredEntity> {
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
    set(
        "originalStart",
        Some(Value::DateTimeOffset(DateTimeOffset::from_unix_millis(start.div_euclid(TICKS_PER_SECOND) * 1000))),
    );
    set("cancelledOccurrences", Some(Value::Collection([].into())));
    for (name, clock) in [("start", begin), ("end", end)] {
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

/// The first bytes of the letters that stand for a day.
const MARK: [u8; 2] = [0xd0, 0xe1];

/// The number of letters that stand for a day.
const DAY_LETTERS: usize = 8;

/// Returns the id of an occurrence: that of the series, with the day in the place of some of its letters.
fn key_of(series: &str, day: Date) -> String {
    let number = day.duration_since(Date::constant(1970, 1, 1)).as_hours() / 24;
    let bytes = i32::try_from(number).unwrap_or_default().to_be_bytes();
    let text = URL_SAFE.encode([&MARK[..], &bytes[..]].concat());
    match place_of_day(series) {
        Some(begin) => format!("{}{text}{}", &series[..begin], &series[begin + text.len()..]),
        None => format!("{series}{text}"),
    }
}

/// Returns the place of the letters that stand for a day, in an id that is long enough.
fn place_of_day(series: &str) -> Option<usize> {
    series.len().checked_sub(DAY_LETTERS * 2).filter(|begin| *begin > 0 && series.is_ascii())
}

/// Returns the day in the id of an occurrence of a series.
fn day_of(series: &str, key: &str) -> Option<Date> {
    let begin = place_of_day(series).unwrap_or(series.len());
    let bytes = URL_SAFE.decode(key.get(begin..begin + DAY_LETTERS)?).ok()?;
    let days = i32::from_be_bytes(bytes.strip_prefix(&MARK)?.try_into().ok()?);
    let day = Date::constant(1970, 1, 1).checked_add(i64::from(days).days()).ok()?;
    (key_of(series, day) == key).then_some(day)
}

/// Whether a walk over days goes on.
#[derive(PartialEq)]
enum Next {
    Continue,
    Stop,
}

/// The days of a week, from Sunday.
type Week = [bool; 7];

fn has_weekday(week: Week, day: Weekday) -> bool {
    usize::try_from(day.to_sunday_zero_offset()).is_ok_and(|index| week[index])
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
        days: Week,
        first_day: Weekday,
    },
    /// The day of a month, and the month of a year.
    Absolute {
        day: i8,
        month: Option<i8>,
    },
    /// The place of a day of the week in a month: 1 to 4, or -1 for the last one.
    Relative {
        days: Week,
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
                return Week::default();
            };
            let Value::Collection(items) = pattern.get(property.slot) else { return Week::default() };
            let PropertyType::Collection(item) = property.kind else { return Week::default() };
            let members = WEEKDAYS.map(|(name, _)| model.member(item.kind(), name).map(Value::Enum));
            // A list can have a day more than once.
            members.map(|member| member.is_some_and(|member| items.contains(&member)))
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

    /// Calls a function with the days of occurrences in a range of days; `None` if the purse does not suffice.
    fn each(&self, near: Date, last: Date, purse: &Purse, mut on: impl FnMut(Date) -> Next) -> Option<()> {
        // The days before the range matter only where occurrences are counted.
        let mut day = if self.count.is_some() { self.first } else { self.first.max(near) };
        let last = self.last.map_or(last, |own| own.min(last));
        let mut count = 0;
        while day <= last && self.count.is_none_or(|limit| count < limit) {
            if !purse.spend(DAY_STEPS) {
                return None;
            }
            if self.has(day) {
                count += 1;
                if day >= near && on(day) == Next::Stop {
                    break;
                }
            }
            let Ok(next) = day.tomorrow() else { break };
            day = next;
        }
        (!purse.is_empty()).then_some(())
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
                has_weekday(*days, day.weekday()) && is_due(days_between(week(self.first), week(day)) / 7)
            }
            // A month without the day has its last one.
            Pattern::Absolute { day: wanted, month } => day.day() == (*wanted).min(day.days_in_month()) && is_month(*month),
            Pattern::Relative { days, place, month } => {
                let is_placed = || {
                    let is_wanted = |number: &i8| has_weekday(*days, day.weekday().wrapping_add(*number - day.day()));
                    let wanted = |numbers: std::ops::Range<i8>| numbers.filter(is_wanted).count();
                    match usize::try_from(*place) {
                        Ok(place) => wanted(1..day.day()) + 1 == place,
                        Err(_) => wanted(day.day() + 1..day.days_in_month() + 1) == 0,
                    }
                };
                has_weekday(*days, day.weekday()) && is_month(*month) && is_placed()
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

    fn week(days: &[Weekday]) -> Week {
        WEEKDAYS.map(|(_, day)| days.contains(&day))
    }

    #[test]
    fn a_pattern_has_its_days() {
        assert_eq!(days(Pattern::Daily, 3, "2024-02-27", 3), ["2024-02-27", "2024-03-01", "2024-03-04"]);
        let of_week = || week(&[Weekday::Monday, Weekday::Sunday]);
        let weekly = |first_day| Pattern::Weekly { days: of_week(), first_day };
        assert_eq!(days(weekly(Weekday::Sunday), 2, "2024-03-04", 4), ["2024-03-04", "2024-03-17", "2024-03-18", "2024-03-31"]);
        assert_eq!(days(weekly(Weekday::Monday), 2, "2024-03-04", 4), ["2024-03-04", "2024-03-10", "2024-03-18", "2024-03-24"]);
        let monthly = Pattern::Absolute { day: 31, month: None };
        assert_eq!(days(monthly, 1, "2024-01-31", 3), ["2024-01-31", "2024-02-29", "2024-03-31"]);
        let yearly = Pattern::Absolute { day: 4, month: Some(3) };
        assert_eq!(days(yearly, 2, "2024-03-04", 2), ["2024-03-04", "2026-03-04"]);
        let second = Pattern::Relative { days: week(&[Weekday::Tuesday]), place: 2, month: None };
        assert_eq!(days(second, 2, "2024-03-01", 2), ["2024-03-12", "2024-05-14"]);
        let last = Pattern::Relative { days: week(&[Weekday::Friday, Weekday::Saturday]), place: -1, month: Some(2) };
        assert_eq!(days(last, 1, "2024-02-01", 2), ["2024-02-24", "2025-02-28"]);
    }

    /// Returns the number of days with an occurrence, and the steps that they cost; `None` if these do not suffice.
    fn walk(series: &Series, near: &str, last: &str, purse: &Purse) -> Option<(usize, u64)> {
        let (mut found, before) = (0, purse.rest());
        series.each(near.parse().unwrap(), last.parse().unwrap(), purse, |_| {
            found += 1;
            Next::Continue
        })?;
        Some((found, before - purse.rest()))
    }

    #[test]
    fn a_walk_begins_near_the_range_and_pays_for_each_day() {
        let of = |kind, count| Series { kind, interval: 1, first: Date::constant(1, 1, 1), last: None, count };
        let daily = of(Pattern::Daily, None);
        assert_eq!(walk(&daily, "2026-01-01", "2026-01-31", &Purse::whole()), Some((31, 31 * DAY_STEPS)));
        // The first occurrences are counted, wherever the range is; days without one cost as much.
        let numbered = of(Pattern::Absolute { day: 1, month: None }, Some(3));
        assert_eq!(walk(&numbered, "0001-02-01", "9999-12-31", &Purse::whole()), Some((2, 60 * DAY_STEPS)));
        let never = of(Pattern::Weekly { days: Week::default(), first_day: Weekday::Sunday }, None);
        let purse = Purse::prompt();
        assert_eq!(walk(&never, "0001-01-01", "9999-12-31", &purse), None);
        assert!(purse.is_interrupted());
        // Nor does a walk that stops at once look at more days.
        let purse = Purse::of(DAY_STEPS, 0);
        let first = Date::constant(2026, 1, 1);
        assert!(daily.each(first, Date::MAX, &purse, |_| Next::Stop).is_some());
    }

    #[test]
    fn an_event_begins_near_its_range() {
        let range = |from: &str, to: &str| {
            let of = |text: &str| ticks(text.parse().unwrap());
            (of(from), of(to))
        };
        let month = range("2026-03-01T00:00:00", "2026-04-01T00:00:00");
        let near_of = |hours, range| {
            let (near, last) = near(SignedDuration::from_hours(hours), range);
            (near.to_string(), last.to_string())
        };
        assert_eq!(near_of(1, month), ("2026-02-27".into(), "2026-04-02".into()));
        assert_eq!(near_of(49, month), ("2026-02-25".into(), "2026-04-02".into()));
        assert_eq!(near_of(-49, month), ("2026-02-27".into(), "2026-04-02".into()));
        let (_, last) = near(SignedDuration::ZERO, range("0001-01-01T00:00:00", "9999-12-31T00:00:00"));
        assert!(last >= Date::constant(9999, 12, 30), "{last}");
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

    #[test]
    fn the_id_of_an_occurrence_has_its_day() {
        for day in ["2024-03-04", "0001-01-01", "1969-12-31", "9999-12-31"] {
            let day: Date = day.parse().unwrap();
            for series in
                ["AAMkAFh328Jb8RBWs7auSWvEJNPfj3n0sZtd3Xxg7qKvOJ-jcU2NEti8bPx0tkxfdQkAAAA=", "e1", "ü", "AAMk0123456789AB"]
            {
                assert_eq!(day_of(series, &key_of(series, day)), Some(day), "{series}");
                assert_eq!(day_of(series, series), None);
                assert_eq!(day_of("e2", &key_of(series, day)), None, "{series}");
            }
        }
        for key in ["", "e1", "e10OEAAE1K=", "e1AAAAAAAA", "e1________", "e10OEAAE1ü"] {
            assert_eq!(day_of("e1", key), None, "{key}");
        }
    }
}
