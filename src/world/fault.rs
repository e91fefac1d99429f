//! Faults: rules that let requests fail as they fail in production, decided from the tenant's seed.
//!
//! A rule is data: which requests it is for, and what becomes of them. Rules are asked in their order. Each one that strikes adds its
//! delay; the first one that also has an effect ends the asking. Everything that a rule counts and draws is its own, so the same
//! requests one after another meet the same faults whenever the seed is the same. `docs/faults.md` has the form of the files.

mod read;
mod ready;
mod write;

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{HeaderValue, Method, StatusCode};

use crate::edm::pattern::{Pattern, names_id};
use crate::odata::error::{Error, ErrorOverride};
use crate::policy::refusal::{self, Refusal};
use crate::world::chance::fraction;

pub use read::{RULE_LIMIT, load, read};
pub use ready::{Preset, READY};
pub use write::write;

/// The longest that a rule may hold an answer back.
pub const DELAY_LIMIT: Duration = Duration::from_secs(600);

/// One rule.
#[derive(Clone, Debug, PartialEq)]
pub struct FaultRule {
    /// The name under which journal and log say that the rule struck.
    pub name: String,
    /// Which requests it is for.
    pub on: RequestSelector,
    /// How long the answer is held back.
    pub delay: Delay,
    /// What becomes of the request then.
    pub effect: Effect,
    /// Whether the request takes effect although its answer is another: a change is made, and the client does not learn of it.
    pub applies: bool,
}

impl FaultRule {
    /// Returns a rule with an effect on every request.
    pub fn new(name: impl Into<String>, effect: Effect) -> FaultRule {
        FaultRule { name: name.into(), on: RequestSelector::default(), delay: Delay::None, effect, applies: false }
    }

    /// Returns the ready-made rules of a name, on every request.
    pub fn ready(name: &str) -> Option<Vec<FaultRule>> {
        ready::rules(name)
    }
}

/// Which requests a rule is for. What is not set fits every request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestSelector {
    /// The methods; none of them means all.
    pub methods: Vec<Method>,
    /// The path, without a tenant's prefix.
    pub path: Option<Pattern>,
    /// The id of an entity that the path names.
    pub id: Option<String>,
    /// Only this one of the requests that fit so far; the first is 1.
    pub nth: Option<u64>,
    /// How likely the rule strikes a request that fits so far, from 0 to 1.
    pub probability: Option<f64>,
    /// How often the rule strikes at most.
    pub count: Option<u64>,
}

/// How long an answer is held back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Delay {
    /// Not at all.
    None,
    /// So long.
    Fixed(Duration),
    /// Anything between two times, each equally likely.
    Between(Duration, Duration),
    /// So long on average, mostly shorter and sometimes much longer: the exponential distribution of waiting times.
    Mean(Duration),
}

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// It is answered as usual.
    None,
    /// It is answered with an error.
    Answer(Failure),
    /// It is answered with 429 if there were too many.
    Limit(Limit),
    /// The connection ends without an answer.
    Reset,
    /// There is no answer, and the connection stays open.
    Silence,
    /// The body of the answer ends after so many bytes, and so does the connection.
    Truncate(usize),
    /// The body of the answer comes in pieces.
    Slow(Slow),
    /// The body of the answer is no JSON: its second half is missing, and its length says nothing of that.
    Malformed,
}

/// An error that a rule answers with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The row that has status, code, text and envelope.
    pub refusal: &'static Refusal,
    /// Another status.
    pub status: Option<StatusCode>,
    /// Another code.
    pub code: Option<String>,
    /// Another text.
    pub message: Option<String>,
    /// The header `Retry-After`.
    pub retry_after: Option<HeaderValue>,
}

impl Failure {
    /// Returns the ready-made error of a name, for example `throttled`.
    pub fn ready(name: &str) -> Option<Failure> {
        READY.iter().find(|ready| ready.name == name).map(Preset::failure)
    }

    /// Returns an error with a status, a code and a text in Graph's envelope.
    pub fn stated(status: StatusCode, code: impl Into<String>, message: impl Into<String>) -> Failure {
        Failure {
            refusal: &refusal::FAULT_STATED,
            status: Some(status),
            code: Some(code.into()),
            message: Some(message.into()),
            retry_after: None,
        }
    }

    /// Returns what the request is refused with; `rule` is the rule that says so.
    pub fn to_error(&self, rule: &str) -> Error {
        let mut error = Error::new(self.refusal, &[]).with_detail(format!("rule {rule}"));
        if let Some(message) = &self.message {
            error.message.clone_from(message);
        }
        let stated = ErrorOverride { status: self.status, code: self.code.clone(), retry_after: self.retry_after.clone() };
        error.stated = Some(Box::new(stated));
        error
    }
}

/// How many requests there may be in a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// How many.
    pub requests: u64,
    /// In which time, on the tenant's clock. Times begin at whole multiples of it since 1970.
    pub window: Duration,
}

/// How a body comes in pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slow {
    /// How many bytes a piece has.
    pub bytes: usize,
    /// How long it takes until a piece comes.
    pub pause: Duration,
}

/// Rules that cannot be used: one line per problem, with file and place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultError {
    /// The problems, for people.
    pub problems: Vec<String>,
}

impl fmt::Display for FaultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problems.join("\n"))
    }
}

impl std::error::Error for FaultError {}

/// What rules look at.
#[derive(Clone, Copy, Debug)]
pub struct FaultSubject<'s> {
    /// The method.
    pub method: &'s Method,
    /// The path, without query and without a tenant's prefix.
    pub path: &'s str,
    /// Whether only rules that name a path are for the request: it is none of the service's plain requests.
    pub is_named_only: bool,
    /// The time on the tenant's clock.
    pub now: SystemTime,
}

/// What the rules say of one request.
#[derive(Clone, Debug, PartialEq)]
pub struct FaultDecision {
    /// The names of the rules that struck, separated by commas.
    pub rules: String,
    /// How long the answer is held back.
    pub delay: Duration,
    /// What becomes of the request. A limit that was reached is an answer here.
    pub effect: Effect,
    /// Whether the request takes effect all the same.
    pub applies: bool,
}

/// How often a rule has been asked and has struck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// Requests whose method, path and id fit.
    pub seen: u64,
    /// Requests that the rule struck.
    pub struck: u64,
}

/// The rules of a tenant, with what they have counted.
#[derive(Debug)]
pub struct Faults {
    seed: u64,
    /// Whether there is any rule: nearly no tenant has one, and then nothing else is looked at.
    is_armed: AtomicBool,
    rules: RwLock<Arc<[Arc<Live>]>>,
}

#[derive(Debug)]
struct Live {
    rule: FaultRule,
    seen: AtomicU64,
    struck: AtomicU64,
    /// The number of the window that is counted, and its requests.
    window: Mutex<(u128, u64)>,
}

impl Live {
    fn new(rule: FaultRule) -> Live {
        Live { rule, seen: AtomicU64::new(0), struck: AtomicU64::new(0), window: Mutex::new((0, 0)) }
    }
}

impl Faults {
    /// Returns rules that draw from a seed.
    pub fn new(rules: Vec<FaultRule>, seed: u64) -> Faults {
        let faults = Faults { seed, is_armed: AtomicBool::new(false), rules: RwLock::new(Arc::new([])) };
        faults.set(rules);
        faults
    }

    /// Replaces all rules; what the old ones have counted is forgotten.
    pub fn set(&self, rules: Vec<FaultRule>) {
        let mut kept = self.rules.write().unwrap_or_else(PoisonError::into_inner);
        self.is_armed.store(!rules.is_empty(), Ordering::Release);
        *kept = rules.into_iter().map(|rule| Arc::new(Live::new(rule))).collect();
    }

    /// Adds rules behind the others, which keep what they have counted.
    pub fn add(&self, rules: Vec<FaultRule>) {
        let mut kept = self.rules.write().unwrap_or_else(PoisonError::into_inner);
        *kept = kept.iter().cloned().chain(rules.into_iter().map(|rule| Arc::new(Live::new(rule)))).collect();
        self.is_armed.store(!kept.is_empty(), Ordering::Release);
    }

    /// Returns the rules and how often each has struck.
    pub fn rules(&self) -> Vec<(FaultRule, Tally)> {
        let tally = |live: &Live| Tally { seen: live.seen.load(Ordering::Relaxed), struck: live.struck.load(Ordering::Relaxed) };
        self.kept().iter().map(|live| (live.rule.clone(), tally(live))).collect()
    }

    /// Asks the rules about a request. Nothing is returned if none of them strikes.
    pub fn decide(&self, subject: FaultSubject<'_>) -> Option<FaultDecision> {
        if !self.is_armed.load(Ordering::Acquire) {
            return None;
        }
        let mut decision = FaultDecision { rules: String::new(), delay: Duration::ZERO, effect: Effect::None, applies: false };
        let mut has_struck = false;
        for (place, live) in (0_u64..).zip(self.kept().iter()) {
            let Some(number) = live.strikes(self.seed, place, subject) else { continue };
            let effect = match &live.rule.effect {
                Effect::Limit(limit) => match live.exceeded(*limit, subject.now) {
                    Some(retry_after) => throttled(retry_after),
                    None => continue,
                },
                effect => effect.clone(),
            };
            if !live.claim() {
                continue;
            }
            if has_struck {
                decision.rules.push_str(", ");
            }
            has_struck = true;
            decision.rules.push_str(&live.rule.name);
            decision.delay = (decision.delay + live.rule.delay.drawn(self.seed, place, number)).min(DELAY_LIMIT);
            if effect != Effect::None {
                (decision.effect, decision.applies) = (effect, live.rule.applies);
                break;
            }
        }
        has_struck.then_some(decision)
    }

    fn kept(&self) -> Arc<[Arc<Live>]> {
        self.rules.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Streams of chances: each rule has two of its own.
const STRIKE: u64 = 0x5751_0000;
const DELAY: u64 = 0xde1a_0000;

impl Live {
    /// Returns the number of the request among those that fit, if the rule strikes it.
    fn strikes(&self, seed: u64, place: u64, subject: FaultSubject<'_>) -> Option<u64> {
        let on = &self.rule.on;
        let fits = (on.methods.is_empty() || on.methods.contains(subject.method))
            && on.path.as_ref().map_or(!subject.is_named_only, |pattern| pattern.matches(subject.path))
            && on.id.as_ref().is_none_or(|id| names_id(subject.path, id));
        if !fits {
            return None;
        }
        let number = self.seen.fetch_add(1, Ordering::Relaxed) + 1;
        let strikes = on.nth.is_none_or(|nth| nth == number)
            && on.probability.is_none_or(|probability| fraction(seed, STRIKE + place, number) < probability);
        strikes.then_some(number)
    }

    /// Counts a strike, unless there were as many as there may be.
    fn claim(&self) -> bool {
        let most = self.rule.on.count.unwrap_or(u64::MAX);
        let next = |struck: u64| (struck < most).then_some(struck + 1);
        self.struck.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok()
    }

    /// Counts a request, and returns how long it takes until the window ends if there were too many in it.
    fn exceeded(&self, limit: Limit, now: SystemTime) -> Option<Duration> {
        let window = limit.window.as_nanos().max(1);
        let since = now.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_nanos();
        let mut counted = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        if counted.0 != since / window {
            *counted = (since / window, 0);
        }
        counted.1 += 1;
        let left = u64::try_from(window - since % window).unwrap_or(u64::MAX);
        (counted.1 > limit.requests).then(|| Duration::from_nanos(left))
    }
}

impl Delay {
    fn drawn(self, seed: u64, place: u64, number: u64) -> Duration {
        let fraction = || fraction(seed, DELAY + place, number);
        match self {
            Delay::None => Duration::ZERO,
            Delay::Fixed(delay) => delay,
            Delay::Between(from, to) => from + to.saturating_sub(from).mul_f64(fraction()),
            Delay::Mean(mean) => mean.mul_f64(-(1.0 - fraction()).ln()),
        }
        .min(DELAY_LIMIT)
    }
}

/// Returns 429 with the time until the next window, in the decimal form of the published sample.
fn throttled(retry_after: Duration) -> Effect {
    let text = format!("{:.3}", retry_after.as_secs_f64().max(0.001));
    Effect::Answer(Failure {
        refusal: &refusal::FAULT_THROTTLED,
        status: None,
        code: None,
        message: None,
        retry_after: HeaderValue::try_from(text).ok(),
    })
}

#[cfg(test)]
mod tests;
