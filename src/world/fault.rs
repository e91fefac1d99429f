//! Faults: rules that make requests fail as they do in production, reproducible from the world's seed.
//!
//! A rule selects requests and applies a delay and an effect. Rules are evaluated in order: each matching rule adds its delay, and the
//! first one with an effect is the last. Every rule has its own counts and random numbers, so the same sequence of requests gets the
//! same faults with the same seed. The file format is in `docs/faults.md`.

mod json_schema;
mod read;
mod ready;
mod write;

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::header::HeaderMap;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use tokio::sync::watch;

use crate::edm::pattern::{MatchedPath, Pattern};
use crate::odata::error::{Error, ErrorOverride};
use crate::policy::refusal::{self, Refusal};
use crate::text::form;
use crate::world::budget::{Budget, Reservation};
use crate::world::chance::fraction;

pub(crate) use json_schema::json_schema;
pub(crate) use read::load;
pub use read::read;
pub(crate) use ready::{Preset, READY, names as ready_names};
pub(crate) use write::{RuleForm, write};

/// The maximum number of rules of a world: each is evaluated for each request.
pub(crate) const RULE_LIMIT: usize = 1_000;

/// The maximum size of all texts in the rules of a world, in bytes.
const TEXT_LIMIT: usize = 256 * 1024;

/// The longest time for which a rule keeps a path closed.
const PAUSE_LIMIT: Duration = Duration::from_secs(86_400);

/// The number of paths that a rule keeps closed.
const CLOSED_LIMIT: usize = 1_000;

/// The used part of a limit from which on it is reported.
const REPORTED_PART: f64 = 0.8;

/// The longest delay of an answer.
pub(crate) const DELAY_LIMIT: Duration = Duration::from_secs(600);

/// A fault rule.
#[derive(Clone, Debug, PartialEq)]
pub struct FaultRule {
    /// The name in journal and log.
    pub name: String,
    /// The selected requests.
    pub on: RequestSelector,
    /// The delay of the answer.
    pub delay: Delay,
    /// The effect after the delay.
    pub effect: Effect,
    /// Whether the request is processed in spite of the fault: a change is made, but the client gets no confirmation.
    pub applies: bool,
}

impl FaultRule {
    /// Returns a rule for every request.
    pub fn new(name: impl Into<String>, effect: Effect) -> FaultRule {
        FaultRule { name: name.into(), on: RequestSelector::default(), delay: Delay::None, effect, applies: false }
    }

    /// Returns the preset rules with a name, for every request.
    pub fn ready(name: &str) -> Option<Vec<FaultRule>> {
        ready::rules(name)
    }

    /// Returns the size of all texts in the rule, in bytes.
    fn text_bytes(&self) -> usize {
        let RequestSelector { methods, path, id, headers, query, body, .. } = &self.on;
        let methods: usize = methods.iter().map(|method| size_of::<Method>() + method.as_str().len()).sum();
        let failure = match &self.effect {
            Effect::Answer(failure) => {
                let texts = [&failure.code, &failure.message].into_iter().flatten().map(String::len).sum::<usize>();
                let headers = failure.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum::<usize>();
                let body = failure.body.as_ref().map_or(0, |body| body.content_type.len() + body.text.len());
                texts + headers + body + failure.retry_after.as_ref().map_or(0, HeaderValue::len)
            }
            _ => 0,
        };
        let pairs = headers.iter().chain(query).map(|(name, value)| name.len() + value.len()).sum::<usize>();
        let matched = pairs + body.as_ref().map_or(0, String::len);
        self.name.len()
            + matched
            + methods
            + path.as_ref().map_or(0, Pattern::text_bytes)
            + id.as_ref().map_or(0, String::len)
            + failure
    }

    /// Returns the memory that the rule takes in a world, in bytes.
    fn held_bytes(&self) -> usize {
        // The two counts of its `Arc`, the reference to it, and what an allocator adds.
        const OVERHEAD: usize = 64;
        size_of::<ActiveRule>() + OVERHEAD + self.text_bytes() + self.on.path.as_ref().map_or(0, Pattern::segment_bytes)
    }
}

/// Rules that exceed a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleExcess {
    /// More rules than a world can have.
    Number,
    /// Longer texts than the rules of a world can have.
    Text,
    /// More memory than all worlds have; its limit in bytes.
    Memory(usize),
}

impl RuleExcess {
    /// Returns the limit of a world that a number of rules with texts of a size exceed.
    fn of(number: usize, text_bytes: usize) -> Result<(), RuleExcess> {
        match (number, text_bytes) {
            (number, _) if number > RULE_LIMIT => Err(RuleExcess::Number),
            (_, text_bytes) if text_bytes > TEXT_LIMIT => Err(RuleExcess::Text),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for RuleExcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RuleExcess::Number => write!(f, "too many rules (the limit is {RULE_LIMIT} in a world)"),
            RuleExcess::Text => write!(f, "rules too long (the limit is {TEXT_LIMIT} bytes of text in a world)"),
            RuleExcess::Memory(limit) => write!(f, "rules too large (the limit is {limit} bytes in all worlds)"),
        }
    }
}

impl std::error::Error for RuleExcess {}

/// A selector of requests. Fields that are not set match every request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestSelector {
    /// The methods; empty for all.
    pub methods: Vec<Method>,
    /// The path, without the prefix of a world.
    pub path: Option<Pattern>,
    /// The id of an entity in the path.
    pub id: Option<String>,
    /// The headers: a name and its value, or `*` for any value.
    pub headers: Vec<(String, String)>,
    /// The options of the query: a name and its value, or `*` for any value.
    pub query: Vec<(String, String)>,
    /// A text within the body.
    pub body: Option<String>,
    /// The number of one request among those that match so far, from 1.
    pub nth: Option<u64>,
    /// The first of the requests that match so far, from 1.
    pub from: Option<u64>,
    /// Every one of this many requests: with 3, the third, the sixth and so on, counted from `from`.
    pub every: Option<u64>,
    /// The probability for a request that matches so far, from 0 to 1.
    pub probability: Option<f64>,
    /// The largest number of requests that the rule applies to.
    pub count: Option<u64>,
}

/// The delay of an answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Delay {
    /// No delay.
    None,
    /// A fixed delay.
    Fixed(Duration),
    /// A uniform distribution between two delays.
    Between(Duration, Duration),
    /// An exponential distribution with a mean: mostly shorter, sometimes much longer.
    Mean(Duration),
    /// A distribution with a long tail, as services have it (log-logistic): half of the delays are up to the first one, and one in a hundred
    /// is longer than the second one.
    LongTail(Duration, Duration),
}

/// The effect of a rule on a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// The normal answer.
    None,
    /// An error answer.
    Answer(Failure),
    /// 429 beyond a rate limit.
    Limit(Limit),
    /// A closed connection without an answer.
    Reset,
    /// No answer, on an open connection.
    Silence,
    /// A closed connection after this many bytes of the body.
    Truncate(usize),
    /// A body in delayed pieces.
    Slow(SlowBody),
    /// A body that is not JSON: its second half is missing, with a matching length.
    Malformed,
}

/// The error answer of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The default status, code, message and envelope.
    pub refusal: &'static Refusal,
    /// The status, if overridden.
    pub status: Option<StatusCode>,
    /// The code, if overridden.
    pub code: Option<String>,
    /// The message, if overridden.
    pub message: Option<String>,
    /// The header `Retry-After`.
    pub retry_after: Option<HeaderValue>,
    /// Whether a client that comes back before the time of `Retry-After` is served all the same.
    pub accepts_early: bool,
    /// The body, in place of the service's envelope.
    pub body: Option<FailureBody>,
    /// Further headers, in place of others with their names.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

/// A body in place of the service's envelope, such as the page of a gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailureBody {
    /// The content type.
    pub content_type: HeaderValue,
    /// The text.
    pub text: String,
}

impl Failure {
    /// Returns the preset error with a name, for example `throttled`.
    pub fn ready(name: &str) -> Option<Failure> {
        READY.iter().find(|ready| ready.name == name).map(Preset::failure)
    }

    /// Returns an error with a status, a code and a message in Graph's envelope.
    pub fn stated(status: StatusCode, code: impl Into<String>, message: impl Into<String>) -> Failure {
        let (code, message) = (Some(code.into()), Some(message.into()));
        Failure { status: Some(status), code, message, ..Failure::of(&refusal::FAULT_STATED) }
    }

    /// Returns an error as its row has it.
    pub(crate) fn of(refusal: &'static Refusal) -> Failure {
        Failure {
            refusal,
            status: None,
            code: None,
            message: None,
            retry_after: None,
            accepts_early: false,
            body: None,
            headers: Vec::new(),
        }
    }

    /// Returns the refusal of a request to the token service, in its form.
    pub(crate) fn to_entra_error(&self, rule: &str) -> Error {
        let status = self.status.map_or(self.refusal.status, |status| status.as_u16());
        let refusal = if status == 429 { &refusal::ENTRA_THROTTLED } else { &refusal::ENTRA_UNAVAILABLE };
        let is_stated = self.refusal == &refusal::FAULT_STATED;
        let (code, message) = if is_stated { (self.code.clone(), self.message.clone()) } else { (None, None) };
        Failure { refusal, status: StatusCode::from_u16(status).ok(), code, message, ..self.clone() }.to_error(rule)
    }

    /// Returns the time of `Retry-After`, if it is a number of seconds.
    fn pause(&self) -> Option<Duration> {
        let seconds: f64 = self.retry_after.as_ref()?.to_str().ok()?.trim().parse().ok()?;
        Duration::try_from_secs_f64(seconds).ok().filter(|pause| *pause > Duration::ZERO && *pause <= PAUSE_LIMIT)
    }

    /// Returns the refusal of the request; `rule` is the name of the rule.
    pub fn to_error(&self, rule: &str) -> Error {
        let mut error = Error::new(self.refusal, &[]).with_detail(format!("rule {rule}"));
        if let Some(message) = &self.message {
            error.message = message.as_str().into();
        }
        let stated =
            ErrorOverride { status: self.status, code: self.code.clone(), retry_after: self.retry_after.clone(), claims: None };
        error.stated = Some(Box::new(stated));
        error
    }
}

/// A rate limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The number of requests in a window.
    pub requests: u64,
    /// The length of a window, on the world's clock. Windows start at its multiples since 1970.
    pub window: Duration,
}

/// A body in delayed pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlowBody {
    /// The size of a piece in bytes.
    pub bytes: usize,
    /// The delay before each piece.
    pub pause: Duration,
}

/// Invalid rules: one line per problem, with file and JSON path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultError {
    /// The problems.
    pub problems: Vec<String>,
}

impl fmt::Display for FaultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problems.join("\n"))
    }
}

impl std::error::Error for FaultError {}

/// The facts of a request that rules match.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FaultSubject<'s> {
    /// The method.
    pub method: &'s Method,
    /// The path, without query and without the prefix of a world.
    pub path: &'s str,
    /// The query.
    pub query: &'s str,
    /// The headers.
    pub headers: &'s HeaderMap,
    /// The body.
    pub body: &'s [u8],
    /// Whether only rules with a path match: the request is not a plain one of the service.
    pub is_named_only: bool,
    /// The time on the world's clock.
    pub now: SystemTime,
    /// The time by which clients wait: that of the world's clock, or of the system while that one is frozen.
    pub waiting_time: SystemTime,
}

impl FaultSubject<'_> {
    fn has_header(&self, name: &str, value: &str) -> bool {
        let is_value = |found: &HeaderValue| value == "*" || found.as_bytes() == value.as_bytes();
        self.headers.get_all(name).iter().any(is_value)
    }

    fn has_option(&self, name: &str, value: &str) -> bool {
        let is_option = |(found, found_value): (Cow<'_, str>, Cow<'_, str>)| {
            found.eq_ignore_ascii_case(name) && (value == "*" || found_value == value)
        };
        form::fields(self.query).any(is_option)
    }

    fn has_text(&self, text: &str) -> bool {
        text.is_empty() || self.body.windows(text.len()).any(|found| found == text.as_bytes())
    }
}

/// The result of the rules for one request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FaultDecision {
    /// Whether rules have applied, or there is only the use of a limit to report.
    pub has_applied: bool,
    /// The names of the applied rules, comma-separated.
    pub rules: String,
    /// The delay of the answer.
    pub delay: Duration,
    /// The effect. An exceeded limit is an error answer here.
    pub effect: Effect,
    /// Whether the request is processed all the same.
    pub applies: bool,
    /// The use of the limit that is exceeded, or else nearly used up.
    pub usage: Option<LimitUsage>,
    /// The kind of requests that the last rule limits or refuses.
    pub limited: LimitedKind,
}

/// The use of a limit in its current window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LimitUsage {
    /// The number of requests in a window.
    pub limit: u64,
    /// The number of requests so far.
    pub used: u64,
    /// The time until the window ends.
    pub left: Duration,
}

impl LimitUsage {
    /// Returns the used part of the limit; above 1 if it is exceeded.
    #[expect(clippy::cast_precision_loss, reason = "the part is shown with few digits")]
    pub(crate) fn part(self) -> f64 {
        self.used as f64 / self.limit.max(1) as f64
    }

    fn is_exceeded(self) -> bool {
        self.used > self.limit
    }
}

/// The kind of requests that a rule is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LimitedKind {
    /// Those that read.
    Read,
    /// Those that write.
    Write,
    /// Both.
    Any,
}

impl LimitedKind {
    fn of(methods: &[Method]) -> LimitedKind {
        match methods {
            [] => LimitedKind::Any,
            methods if methods.iter().all(Method::is_safe) => LimitedKind::Read,
            methods if methods.iter().any(Method::is_safe) => LimitedKind::Any,
            _ => LimitedKind::Write,
        }
    }
}

/// The counts of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleCounts {
    /// The requests with matching method, path and id.
    pub matched: u64,
    /// The requests that the rule applied to.
    pub applied: u64,
}

/// The rules of a world, with their counts.
#[derive(Debug)]
pub struct Faults {
    seed: u64,
    /// The budget that pays for the memory of the rules.
    budget: Arc<Budget>,
    /// Whether rules exist: without any, which is the common case, nothing else is read.
    is_armed: AtomicBool,
    rules: RwLock<Arc<[Arc<ActiveRule>]>>,
    /// Whether rules were set or added after the start.
    has_changed: AtomicBool,
    /// Whether the rules have let go of the answers that they hold back. Most worlds hold none.
    has_released: OnceLock<watch::Sender<bool>>,
}

/// A hold on an answer, until the world of the rules is reset or dropped.
#[derive(Clone, Debug)]
pub(crate) struct Hold(watch::Receiver<bool>);

impl Hold {
    /// Whether the rules have let go.
    pub(crate) fn is_released(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }

    /// Waits until the rules let go.
    pub(crate) async fn released(&mut self) {
        // An error means that the rules are gone.
        let _ = self.0.wait_for(|has_released| *has_released).await;
    }
}

#[derive(Debug)]
struct ActiveRule {
    rule: FaultRule,
    matched: AtomicU64,
    applied: AtomicU64,
    /// The number of the current window, and its requests.
    window: Mutex<(u128, u64)>,
    /// The requests that must wait, each a method and a path, and the ends of their waiting times.
    closed: Mutex<HashMap<String, SystemTime>>,
    /// The memory of the rule.
    _memory: Reservation,
}

impl ActiveRule {
    /// Returns active rules; `None` if they exceed the budget by more than a surplus.
    fn all_of(rules: Vec<FaultRule>, budget: &Arc<Budget>, surplus: usize) -> Option<Vec<Arc<ActiveRule>>> {
        let mut reservation = budget.reservation(surplus);
        if !reservation.grow(rules.iter().map(FaultRule::held_bytes).sum()) {
            return None;
        }
        let active = |rule: FaultRule| {
            let (matched, applied, window) = (AtomicU64::new(0), AtomicU64::new(0), Mutex::new((0, 0)));
            let memory = reservation.split(rule.held_bytes());
            let closed = Mutex::new(HashMap::new());
            Arc::new(ActiveRule { rule, matched, applied, window, closed, _memory: memory })
        };
        Some(rules.into_iter().map(active).collect())
    }
}

impl Faults {
    /// Returns rules with a seed for their random numbers. Their memory is not limited.
    #[cfg(test)]
    pub fn new(rules: Vec<FaultRule>, seed: u64) -> Faults {
        Faults::within(rules, seed, &Arc::new(Budget::new(usize::MAX)))
    }

    /// Returns rules that take their memory from a budget, beyond its limit if need be.
    pub fn within(rules: Vec<FaultRule>, seed: u64, budget: &Arc<Budget>) -> Faults {
        let faults = Faults {
            seed,
            budget: budget.clone(),
            is_armed: AtomicBool::new(false),
            rules: RwLock::new(Arc::new([])),
            has_changed: AtomicBool::new(false),
            has_released: OnceLock::new(),
        };
        faults.set(rules);
        faults.has_changed.store(false, Ordering::Relaxed);
        faults
    }

    /// Returns the same rules with counts that start at zero.
    ///
    /// # Errors
    ///
    /// Fails if they exceed the memory of all worlds.
    pub fn fork(&self, seed: u64) -> Result<Faults, RuleExcess> {
        let faults = Faults::within(Vec::new(), seed, &self.budget);
        faults.add(self.rules().into_iter().map(|(rule, _)| rule).collect())?;
        faults.has_changed.store(false, Ordering::Relaxed);
        Ok(faults)
    }

    /// Returns whether the rules are the initial ones, and have matched no request.
    pub fn are_untouched(&self) -> bool {
        let is_unused = |active: &Arc<ActiveRule>| active.matched.load(Ordering::Relaxed) == 0;
        !self.has_changed.load(Ordering::Relaxed) && self.active().iter().all(is_unused)
    }

    /// Replaces all rules, beyond the limits if need be. Counts start at zero.
    pub fn set(&self, rules: Vec<FaultRule>) {
        let mut current = self.rules.write().unwrap_or_else(PoisonError::into_inner);
        self.store(&mut current, ActiveRule::all_of(rules, &self.budget, usize::MAX).unwrap_or_default());
    }

    /// Replaces all rules within the limits. Counts start at zero.
    ///
    /// # Errors
    ///
    /// Fails if the rules exceed a limit.
    pub fn replace(&self, rules: Vec<FaultRule>) -> Result<(), RuleExcess> {
        RuleExcess::of(rules.len(), rules.iter().map(FaultRule::text_bytes).sum())?;
        let mut current = self.rules.write().unwrap_or_else(PoisonError::into_inner);
        let surplus = current.iter().map(|active| active.rule.held_bytes()).sum();
        let added = ActiveRule::all_of(rules, &self.budget, surplus).ok_or(RuleExcess::Memory(self.budget.limit()))?;
        self.store(&mut current, added);
        Ok(())
    }

    /// Appends rules within the limits. The others keep their counts.
    ///
    /// # Errors
    ///
    /// Fails if the rules exceed a limit, with the others.
    pub fn add(&self, rules: Vec<FaultRule>) -> Result<(), RuleExcess> {
        let mut current = self.rules.write().unwrap_or_else(PoisonError::into_inner);
        let texts = current.iter().map(|active| &active.rule).chain(&rules).map(FaultRule::text_bytes).sum();
        RuleExcess::of(current.len() + rules.len(), texts)?;
        let added = ActiveRule::all_of(rules, &self.budget, 0).ok_or(RuleExcess::Memory(self.budget.limit()))?;
        let all = current.iter().cloned().chain(added).collect();
        self.store(&mut current, all);
        Ok(())
    }

    fn store(&self, current: &mut Arc<[Arc<ActiveRule>]>, rules: Vec<Arc<ActiveRule>>) {
        self.is_armed.store(!rules.is_empty(), Ordering::Release);
        self.has_changed.store(true, Ordering::Relaxed);
        *current = rules.into();
    }

    /// Returns a hold on an answer.
    pub(crate) fn hold(&self) -> Hold {
        Hold(self.has_released.get_or_init(|| watch::Sender::new(false)).subscribe())
    }

    /// Lets go of the answers that are held back, for good: rules of a new world follow.
    pub(crate) fn release(&self) {
        self.has_released.get_or_init(|| watch::Sender::new(true)).send_replace(true);
    }

    /// Returns the number of rules.
    pub fn count(&self) -> usize {
        self.active().len()
    }

    /// Returns the rules with their counts.
    pub fn rules(&self) -> Vec<(FaultRule, RuleCounts)> {
        let counts = |active: &ActiveRule| RuleCounts {
            matched: active.matched.load(Ordering::Relaxed),
            applied: active.applied.load(Ordering::Relaxed),
        };
        self.active().iter().map(|active| (active.rule.clone(), counts(active))).collect()
    }

    /// Whether there are rules.
    pub(crate) fn are_armed(&self) -> bool {
        self.is_armed.load(Ordering::Acquire)
    }

    /// Evaluates the rules for a request. Returns `None` if no rule applies.
    #[cfg(test)]
    pub(crate) fn decide(&self, subject: FaultSubject<'_>) -> Option<FaultDecision> {
        self.evaluate(subject).filter(|decision| decision.has_applied)
    }

    /// Evaluates the rules for a request. Returns `None` if no rule applies, and no limit is nearly used up.
    pub(crate) fn evaluate(&self, subject: FaultSubject<'_>) -> Option<FaultDecision> {
        if !self.is_armed.load(Ordering::Acquire) {
            return None;
        }
        let mut decision = FaultDecision {
            has_applied: false,
            rules: String::new(),
            delay: Duration::ZERO,
            effect: Effect::None,
            applies: false,
            usage: None,
            limited: LimitedKind::Any,
        };
        let path = MatchedPath::new(subject.path);
        for (index, active) in (0_u64..).zip(self.active().iter()) {
            if let Some(effect) = active.still_closed(subject) {
                let rules = format!("{} (too early)", active.rule.name);
                let limited = LimitedKind::of(&active.rule.on.methods);
                return Some(FaultDecision { has_applied: true, rules, effect, limited, usage: None, ..decision });
            }
            let Some(number) = active.matching(self.seed, index, subject, &path) else { continue };
            let effect = match &active.rule.effect {
                Effect::Limit(limit) => {
                    let usage = active.count_in_window(*limit, subject.now);
                    let is_closest = decision.usage.is_none_or(|other| other.part() < usage.part());
                    if usage.is_exceeded() || usage.part() >= REPORTED_PART && is_closest {
                        (decision.usage, decision.limited) = (Some(usage), LimitedKind::of(&active.rule.on.methods));
                    }
                    if !usage.is_exceeded() {
                        continue;
                    }
                    throttled(usage.left)
                }
                effect => effect.clone(),
            };
            if !active.claim() {
                continue;
            }
            if decision.has_applied {
                decision.rules.push_str(", ");
            }
            decision.has_applied = true;
            decision.rules.push_str(&active.rule.name);
            decision.delay = (decision.delay + active.rule.delay.sample(self.seed, index, number)).min(DELAY_LIMIT);
            if let Effect::Answer(failure) = &effect {
                active.close(failure, subject);
            }
            if effect != Effect::None {
                if matches!(effect, Effect::Answer(_)) && !matches!(active.rule.effect, Effect::Limit(_)) {
                    (decision.usage, decision.limited) = (None, LimitedKind::of(&active.rule.on.methods));
                }
                (decision.effect, decision.applies) = (effect, active.rule.applies);
                break;
            }
        }
        (decision.has_applied || decision.usage.is_some()).then_some(decision)
    }

    fn active(&self) -> Arc<[Arc<ActiveRule>]> {
        self.rules.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Streams of random numbers: each rule has two.
const MATCH: u64 = 0x5751_0000;
const DELAY: u64 = 0xde1a_0000;

impl ActiveRule {
    /// Returns the number of the request among those with matching method, path and id, if the rule selects it.
    fn matching(&self, seed: u64, index: u64, subject: FaultSubject<'_>, path: &MatchedPath<'_>) -> Option<u64> {
        let on = &self.rule.on;
        let matches = (on.methods.is_empty() || on.methods.contains(subject.method))
            && on.path.as_ref().map_or(!subject.is_named_only, |pattern| path.matches(pattern))
            && on.id.as_ref().is_none_or(|id| path.names_id(id))
            && on.headers.iter().all(|(name, value)| subject.has_header(name, value))
            && on.query.iter().all(|(name, value)| subject.has_option(name, value))
            && on.body.as_ref().is_none_or(|text| subject.has_text(text));
        if !matches {
            return None;
        }
        let number = self.matched.fetch_add(1, Ordering::Relaxed) + 1;
        let from = on.from.unwrap_or(1);
        let counted = (number + 1).saturating_sub(from);
        let is_selected = on.nth.is_none_or(|nth| nth == number)
            && number >= from
            && on.every.is_none_or(|every| counted.is_multiple_of(every))
            && on.probability.is_none_or(|probability| fraction(seed, MATCH + index, number) < probability);
        is_selected.then_some(number)
    }

    /// Returns the answer to a request that must still wait. The rule does not count it.
    fn still_closed(&self, subject: FaultSubject<'_>) -> Option<Effect> {
        let Effect::Answer(failure) = &self.rule.effect else { return None };
        failure.retry_after.as_ref()?;
        let mut closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        if closed.is_empty() {
            return None;
        }
        let key = place_of(subject);
        let left = closed.get(&key)?.duration_since(subject.waiting_time).unwrap_or(Duration::ZERO);
        if left.is_zero() {
            closed.remove(&key);
            return None;
        }
        let is_whole = failure.retry_after.as_ref().is_some_and(|value| !value.as_bytes().contains(&b'.'));
        let text = if is_whole { left.as_secs_f64().ceil().to_string() } else { format!("{:.3}", left.as_secs_f64().max(0.001)) };
        Some(Effect::Answer(Failure { retry_after: HeaderValue::try_from(text).ok(), ..failure.clone() }))
    }

    /// Lets requests like this one wait for the time of `Retry-After`.
    fn close(&self, failure: &Failure, subject: FaultSubject<'_>) {
        let Some(pause) = failure.pause().filter(|_| !failure.accepts_early && matches!(self.rule.effect, Effect::Answer(_)))
        else {
            return;
        };
        let mut closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        if closed.len() >= CLOSED_LIMIT {
            closed.retain(|_, end| *end > subject.waiting_time);
        }
        if closed.len() < CLOSED_LIMIT {
            closed.insert(place_of(subject), subject.waiting_time + pause);
        }
    }

    /// Counts an application, unless the limit is reached.
    fn claim(&self) -> bool {
        let limit = self.rule.on.count.unwrap_or(u64::MAX);
        let next = |applied: u64| (applied < limit).then_some(applied + 1);
        self.applied.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok()
    }

    /// Counts a request in its window.
    fn count_in_window(&self, limit: Limit, now: SystemTime) -> LimitUsage {
        let window = limit.window.as_nanos().max(1);
        let since = now.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_nanos();
        let mut count = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        if count.0 != since / window {
            *count = (since / window, 0);
        }
        count.1 += 1;
        let left = Duration::from_nanos(u64::try_from(window - since % window).unwrap_or(u64::MAX));
        LimitUsage { limit: limit.requests, used: count.1, left }
    }
}

/// Returns the method and the path of a request.
fn place_of(subject: FaultSubject<'_>) -> String {
    format!("{} {}", subject.method, subject.path)
}

impl Delay {
    fn sample(self, seed: u64, index: u64, number: u64) -> Duration {
        let fraction = || fraction(seed, DELAY + index, number);
        match self {
            Delay::None => Duration::ZERO,
            Delay::Fixed(delay) => delay,
            Delay::Between(from, to) => from + to.saturating_sub(from).mul_f64(fraction()),
            Delay::Mean(mean) => mean.mul_f64(-libm::log(1.0 - fraction())),
            Delay::LongTail(median, rare) => long_tail(median, rare, fraction()),
        }
        .min(DELAY_LIMIT)
    }
}

/// Returns the delay that a fraction of all delays is below. The tail is that of a log-logistic distribution, which has a closed form.
fn long_tail(median: Duration, rare: Duration, fraction: f64) -> Duration {
    let (median, rare) = (median.as_secs_f64(), rare.as_secs_f64());
    if median <= 0.0 || fraction <= 0.0 {
        return Duration::ZERO;
    }
    // A hundredth is beyond: (0.99 / 0.01) to the power of the spread is their ratio.
    let spread = libm::log(rare / median) / libm::log(99.0);
    let factor = libm::exp(spread * libm::log(fraction / (1.0 - fraction)));
    Duration::try_from_secs_f64(median * factor).unwrap_or(DELAY_LIMIT)
}

/// Returns 429 with the time until the next window, with decimals as in the published sample.
fn throttled(retry_after: Duration) -> Effect {
    let text = format!("{:.3}", retry_after.as_secs_f64().max(0.001));
    Effect::Answer(Failure { retry_after: HeaderValue::try_from(text).ok(), ..Failure::of(&refusal::FAULT_THROTTLED) })
}

#[cfg(test)]
mod tests;
