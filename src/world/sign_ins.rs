//! The memory of sign-in: redeemed codes, codes of devices, revocations, and consents in a schema without a place for them.
//!
//! Everything else is in codes and tokens themselves. Each kind has a limit, and its entries count for the budget of stores with their
//! texts, which are bounded; the oldest entry gives way. A code that was forgotten could be redeemed again, which needs thousands of sign-ins within ten minutes.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::policy::refusal::Refusal;
use crate::world::budget::{Budget, Reservation};

/// The largest number of entries of a kind.
const LIMIT: usize = 4096;

/// The estimated size of an entry beside its texts, with its share of the tables.
const ENTRY_BYTES: usize = 128;

/// The longest name of a user, an application or a permission that is remembered, in bytes.
pub(crate) const NAME_LIMIT: usize = 1024;

/// Returns the size of an entry: its texts are in a table, and in the order of entries.
fn entry_bytes(texts: &[&str]) -> usize {
    ENTRY_BYTES + 2 * texts.iter().map(|text| text.len()).sum::<usize>()
}

/// The memory of sign-in in one world.
#[derive(Debug)]
pub struct SignIns {
    memory: Mutex<Memory>,
    /// Whether there is any revocation: nearly all requests to Graph ask only for this.
    has_revocations: AtomicBool,
}

/// The largest number of refusals that wait.
pub(crate) const REFUSAL_LIMIT: usize = 100;

#[derive(Debug)]
struct Memory {
    redeemed: HashSet<u128>,
    redeemed_until: VecDeque<(i64, u128)>,
    devices: HashMap<String, Device>,
    devices_until: VecDeque<(i64, String)>,
    revocations: HashMap<String, i64>,
    revoked: VecDeque<String>,
    consents: HashSet<Consent>,
    consented: VecDeque<Consent>,
    /// The refusals of the next requests for tokens, in order.
    refusals: VecDeque<&'static Refusal>,
    reservation: Reservation,
}

/// The names of a user, of an application, and of a permission.
type Consent = (String, String, String);

/// The code of a device that waits for its user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Device {
    /// The decision of the user, if there is one.
    pub decision: Option<DeviceDecision>,
    /// The time of the last request for tokens, in seconds since the Unix epoch.
    pub last_poll: Option<i64>,
}

/// The decision of a user about a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceDecision {
    /// This user signs in.
    Approved(Option<String>),
    /// The device stays signed out.
    Declined,
}

impl SignIns {
    /// Returns an empty memory.
    pub fn new(budget: &Arc<Budget>) -> SignIns {
        let memory = Memory {
            redeemed: HashSet::new(),
            redeemed_until: VecDeque::new(),
            devices: HashMap::new(),
            devices_until: VecDeque::new(),
            revocations: HashMap::new(),
            revoked: VecDeque::new(),
            consents: HashSet::new(),
            consented: VecDeque::new(),
            refusals: VecDeque::new(),
            reservation: budget.reservation(0),
        };
        SignIns { memory: Mutex::new(memory), has_revocations: AtomicBool::new(false) }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns whether nothing is remembered but redeemed codes.
    pub fn is_untouched(&self) -> bool {
        let memory = self.memory();
        memory.devices.is_empty() && memory.revocations.is_empty() && memory.consents.is_empty() && memory.refusals.is_empty()
    }

    /// Remembers that a code is redeemed, until it expires. Returns whether it was redeemed for the first time.
    pub fn redeem(&self, code: u128, until: i64, now: i64) -> bool {
        let mut memory = self.memory();
        if memory.redeemed.contains(&code) {
            return false;
        }
        while memory.redeemed_until.front().is_some_and(|(until, _)| *until <= now) || memory.redeemed.len() >= LIMIT {
            memory.forget_code();
        }
        while !memory.reservation.grow(ENTRY_BYTES) {
            if memory.redeemed_until.is_empty() {
                // All memory is in use elsewhere: the code stays usable.
                return true;
            }
            memory.forget_code();
        }
        memory.redeemed.insert(code);
        memory.redeemed_until.push_back((until, code));
        true
    }

    /// Returns whether a code is redeemed.
    pub fn is_redeemed(&self, code: u128) -> bool {
        self.memory().redeemed.contains(&code)
    }

    /// Refuses the next requests for tokens. Returns whether there is room for so many.
    pub fn refuse_next(&self, refusal: &'static Refusal, times: usize) -> bool {
        let mut memory = self.memory();
        let has_room = memory.refusals.len().saturating_add(times) <= REFUSAL_LIMIT;
        if has_room {
            memory.refusals.extend(std::iter::repeat_n(refusal, times));
        }
        has_room
    }

    /// Returns the refusal of this request for tokens, if it is refused from outside.
    pub fn next_refusal(&self) -> Option<&'static Refusal> {
        self.memory().refusals.pop_front()
    }

    /// Begins to wait for the user of a device, until its code expires.
    pub fn await_device(&self, user_code: &str, until: i64, now: i64) {
        let mut memory = self.memory();
        while memory.devices_until.front().is_some_and(|(until, _)| *until <= now) {
            memory.forget_oldest_device();
        }
        let bytes = entry_bytes(&[user_code]);
        while memory.devices.len() >= LIMIT || !memory.reservation.grow(bytes) {
            if !memory.forget_oldest_device() {
                return;
            }
        }
        memory.devices.insert(user_code.to_owned(), Device::default());
        memory.devices_until.push_back((until, user_code.to_owned()));
    }

    /// Forgets a device that has its tokens.
    pub fn forget_device(&self, user_code: &str) {
        let mut memory = self.memory();
        memory.devices_until.retain(|(_, waiting)| waiting != user_code);
        memory.forget_device(user_code);
    }

    /// Decides about a device. Returns whether its code waits for that, and there is room for the name of its user.
    pub fn decide_device(&self, user_code: &str, decision: DeviceDecision) -> bool {
        let mut guard = self.memory();
        let memory = &mut *guard;
        let Some(device) = memory.devices.get_mut(user_code).filter(|device| device.decision.is_none()) else { return false };
        let length = decision.name().len();
        if length > NAME_LIMIT || !memory.reservation.grow(length) {
            return false;
        }
        device.decision = Some(decision);
        true
    }

    /// Returns the state of a device before this request for tokens.
    pub fn poll_device(&self, user_code: &str, now: i64) -> Option<Device> {
        let mut memory = self.memory();
        let device = memory.devices.get_mut(user_code)?;
        let before = device.clone();
        device.last_poll = Some(now);
        Some(before)
    }

    /// Revokes all tokens of a user that were issued before a time. Returns whether there is room for that: a name is not too long, and
    /// not all memory is in use elsewhere.
    pub fn revoke(&self, user: &str, from: i64) -> bool {
        let mut memory = self.memory();
        if user.len() > NAME_LIMIT {
            return false;
        }
        memory.forget_revocation(user);
        let bytes = entry_bytes(&[user]);
        while memory.revocations.len() >= LIMIT || !memory.reservation.grow(bytes) {
            let Some(oldest) = memory.revoked.front().cloned() else { return false };
            memory.forget_revocation(&oldest);
        }
        memory.revocations.insert(user.to_owned(), from);
        memory.revoked.push_back(user.to_owned());
        self.has_revocations.store(true, Ordering::Relaxed);
        true
    }

    /// Returns the time from which tokens of a user are valid, in seconds since the Unix epoch.
    pub fn valid_from(&self, user: &str) -> Option<i64> {
        if !self.has_revocations.load(Ordering::Relaxed) {
            return None;
        }
        self.memory().revocations.get(user).copied()
    }

    /// Remembers the consent of a user to a permission of an application, unless a name is too long.
    pub fn consent(&self, user: &str, application: &str, scope: &str) {
        let mut memory = self.memory();
        let entry = (user.to_owned(), application.to_owned(), scope.to_owned());
        if [user, application, scope].iter().any(|name| name.len() > NAME_LIMIT) || memory.consents.contains(&entry) {
            return;
        }
        let bytes = consent_bytes(&entry);
        while memory.consents.len() >= LIMIT || !memory.reservation.grow(bytes) {
            let Some(oldest) = memory.consented.pop_front() else { return };
            memory.consents.remove(&oldest);
            memory.give_back(consent_bytes(&oldest));
        }
        memory.consents.insert(entry.clone());
        memory.consented.push_back(entry);
    }

    /// Returns the names of the permissions of a resource to which some users have consented for an application.
    pub fn consents(&self, users: &[&str], application: &str, resource: &str) -> Vec<String> {
        let memory = self.memory();
        let name = |(user, client, scope): &Consent| {
            let is_wanted = users.contains(&&**user) && client == application;
            scope.strip_prefix(resource)?.strip_prefix('/').filter(|_| is_wanted).map(str::to_owned)
        };
        let mut names: Vec<String> = memory.consents.iter().filter_map(name).collect();
        names.sort();
        names
    }
}

impl DeviceDecision {
    fn name(&self) -> &str {
        match self {
            DeviceDecision::Approved(Some(name)) => name,
            DeviceDecision::Approved(None) | DeviceDecision::Declined => "",
        }
    }
}

/// Returns the size of a consent, whose entry has three texts.
fn consent_bytes((user, application, scope): &Consent) -> usize {
    ENTRY_BYTES + entry_bytes(&[user, application, scope])
}

impl Memory {
    fn forget_code(&mut self) {
        if let Some((_, code)) = self.redeemed_until.pop_front() {
            self.redeemed.remove(&code);
            self.give_back(ENTRY_BYTES);
        }
    }

    /// Returns whether there was one.
    fn forget_oldest_device(&mut self) -> bool {
        let oldest = self.devices_until.pop_front();
        oldest.inspect(|(_, code)| self.forget_device(code)).is_some()
    }

    fn forget_device(&mut self, user_code: &str) {
        if let Some(device) = self.devices.remove(user_code) {
            self.give_back(entry_bytes(&[user_code]) + device.decision.map_or(0, |decision| decision.name().len()));
        }
    }

    fn forget_revocation(&mut self, user: &str) {
        if self.revocations.remove(user).is_some() {
            self.revoked.retain(|known| known != user);
            self.give_back(entry_bytes(&[user]));
        }
    }

    fn give_back(&mut self, bytes: usize) {
        let rest = self.reservation.bytes().saturating_sub(bytes);
        self.reservation.shrink_to(rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_redeemed_once_and_forgotten_after_its_end() {
        let budget = Arc::new(Budget::new(1 << 20));
        let memory = SignIns::new(&budget);
        assert!(memory.redeem(1, 100, 0) && !memory.redeem(1, 100, 50) && memory.is_redeemed(1));
        assert_eq!(budget.used(), ENTRY_BYTES);
        assert!(memory.redeem(2, 300, 200));
        assert_eq!((memory.is_redeemed(1), budget.used()), (false, ENTRY_BYTES));
        drop(memory);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn thousands_of_sign_ins_take_bounded_memory() {
        let budget = Arc::new(Budget::new(100 * ENTRY_BYTES));
        let memory = SignIns::new(&budget);
        for code in 0..1000 {
            assert!(memory.redeem(code, 1000, 0));
            memory.await_device(&code.to_string(), 1000, 0);
            let _ = memory.revoke(&code.to_string(), 0);
            memory.consent("user", "application", &code.to_string());
        }
        assert!(budget.used() <= budget.limit());
        assert!(!memory.redeem(999, 1000, 0), "the newest is remembered");
        let memory = SignIns::new(&Arc::new(Budget::new(usize::MAX)));
        for code in 0..LIMIT + 10 {
            memory.redeem(code as u128, 1000, 0);
        }
        let held = memory.memory().redeemed.len();
        assert_eq!((held, memory.is_redeemed(9), memory.is_redeemed(10)), (LIMIT, false, true));
    }

    #[test]
    fn a_device_waits_for_one_decision() {
        let memory = SignIns::new(&Arc::new(Budget::new(1 << 20)));
        assert!(!memory.decide_device("ABC", DeviceDecision::Declined));
        memory.await_device("ABC", 100, 0);
        assert_eq!(memory.poll_device("ABC", 5), Some(Device::default()));
        assert!(memory.decide_device("ABC", DeviceDecision::Approved(None)));
        assert!(!memory.decide_device("ABC", DeviceDecision::Declined));
        let device = Device { decision: Some(DeviceDecision::Approved(None)), last_poll: Some(5) };
        assert_eq!(memory.poll_device("ABC", 6), Some(device));
    }

    #[test]
    fn texts_count_and_are_bounded() {
        let budget = Arc::new(Budget::new(1 << 20));
        let memory = SignIns::new(&budget);
        let (long, name) = ("x".repeat(60_000), "n".repeat(NAME_LIMIT));
        memory.consent("user", "application", &long);
        memory.consent("user", &long, "scope");
        assert!(!memory.revoke(&long, 5) && memory.valid_from(&long).is_none());
        assert_eq!(budget.used(), 0);
        let scope = format!("r/{}", &name[2..]);
        let has_consent = |user: &str| !memory.consents(&[user], &name, "r").is_empty();
        memory.consent(&name, &name, &scope);
        assert!(budget.used() >= 3 * NAME_LIMIT && has_consent(&name) && !has_consent("other"), "{}", budget.used());
        assert!(memory.consents(&[&name], &name, "other").is_empty() && memory.consents(&[&name], "other", "r").is_empty());
        let used = budget.used();
        assert!(memory.revoke(&name, 5) && budget.used() >= used + NAME_LIMIT);
        let used = budget.used();
        assert!(memory.revoke(&name, 7) && budget.used() == used && memory.valid_from(&name) == Some(7));
        memory.await_device("ABC", 100, 0);
        assert!(!memory.decide_device("ABC", DeviceDecision::Approved(Some(long))));
        assert!(memory.decide_device("ABC", DeviceDecision::Approved(Some(name.clone()))));
        assert!(budget.used() >= used + NAME_LIMIT);
        memory.forget_device("ABC");
        assert_eq!((budget.used(), memory.poll_device("ABC", 5)), (used, None));
        for code in 0..50 {
            memory.await_device(&code.to_string(), 100, 0);
        }
        memory.await_device("last", 200, 100);
        assert_eq!((memory.poll_device("49", 100), memory.memory().devices.len()), (None, 1), "expired codes are forgotten");
        for number in 0..3_000 {
            memory.consent(&number.to_string(), &name, &scope);
        }
        assert!(budget.used() <= budget.limit());
        assert!(has_consent("2999") && !has_consent("0"));
    }

    #[test]
    fn the_oldest_revocation_gives_way() {
        let memory = SignIns::new(&Arc::new(Budget::new(usize::MAX)));
        for user in 0..LIMIT {
            assert!(memory.revoke(&user.to_string(), 5));
        }
        assert!(memory.revoke("0", 6), "it is the newest now");
        assert!(memory.revoke("new", 5));
        assert_eq!([memory.valid_from("new"), memory.valid_from("0"), memory.valid_from("1")], [Some(5), Some(6), None]);
        assert!(!SignIns::new(&Arc::new(Budget::new(10))).revoke("user", 5));
    }
}
