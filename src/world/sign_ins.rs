//! The memory of sign-in: redeemed codes, codes of devices, revocations, consents.
//!
//! Everything else is in codes and tokens themselves. Each kind has a limit, and its entries count for the budget of stores; the oldest
//! entry gives way. A code that was forgotten could be redeemed again, which needs thousands of sign-ins within ten minutes.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::policy::refusal::Refusal;
use crate::world::budget::{Budget, Reservation};

/// The largest number of entries of a kind.
const LIMIT: usize = 4096;

/// The estimated size of an entry, with its share of the tables.
const ENTRY_BYTES: usize = 128;

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
    devices_until: VecDeque<String>,
    revocations: HashMap<String, i64>,
    consents: HashSet<(String, String, String)>,
    /// The refusals of the next requests for tokens, in order.
    refusals: VecDeque<&'static Refusal>,
    reservation: Reservation,
}

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
            consents: HashSet::new(),
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

    /// Begins to wait for the user of a device.
    pub fn await_device(&self, user_code: &str) {
        let mut memory = self.memory();
        while memory.devices.len() >= LIMIT || !memory.reservation.grow(ENTRY_BYTES) {
            let Some(oldest) = memory.devices_until.pop_front() else { return };
            memory.devices.remove(&oldest);
            memory.give_back();
        }
        memory.devices.insert(user_code.to_owned(), Device::default());
        memory.devices_until.push_back(user_code.to_owned());
    }

    /// Decides about a device. Returns whether its code waits for that.
    pub fn decide_device(&self, user_code: &str, decision: DeviceDecision) -> bool {
        let mut memory = self.memory();
        let waiting = memory.devices.get_mut(user_code).filter(|device| device.decision.is_none());
        waiting.map(|device| device.decision = Some(decision)).is_some()
    }

    /// Returns the state of a device before this request for tokens.
    pub fn poll_device(&self, user_code: &str, now: i64) -> Option<Device> {
        let mut memory = self.memory();
        let device = memory.devices.get_mut(user_code)?;
        let before = device.clone();
        device.last_poll = Some(now);
        Some(before)
    }

    /// Revokes all tokens of a user that were issued before a time.
    pub fn revoke(&self, user: &str, from: i64) {
        let mut memory = self.memory();
        if !memory.revocations.contains_key(user) && (memory.revocations.len() >= LIMIT || !memory.reservation.grow(ENTRY_BYTES))
        {
            return;
        }
        memory.revocations.insert(user.to_owned(), from);
        self.has_revocations.store(true, Ordering::Relaxed);
    }

    /// Returns the time from which tokens of a user are valid, in seconds since the Unix epoch.
    pub fn valid_from(&self, user: &str) -> Option<i64> {
        if !self.has_revocations.load(Ordering::Relaxed) {
            return None;
        }
        self.memory().revocations.get(user).copied()
    }

    /// Remembers the consent of a user to a permission of an application.
    pub fn consent(&self, user: &str, application: &str, scope: &str) {
        let mut memory = self.memory();
        let entry = (user.to_owned(), application.to_owned(), scope.to_owned());
        if memory.consents.len() < LIMIT && !memory.consents.contains(&entry) && memory.reservation.grow(ENTRY_BYTES) {
            memory.consents.insert(entry);
        }
    }

    /// Returns whether a user has consented to a permission of an application.
    pub fn has_consent(&self, user: &str, application: &str, scope: &str) -> bool {
        let memory = self.memory();
        !memory.consents.is_empty() && memory.consents.contains(&(user.to_owned(), application.to_owned(), scope.to_owned()))
    }
}

impl Memory {
    fn forget_code(&mut self) {
        if let Some((_, code)) = self.redeemed_until.pop_front() {
            self.redeemed.remove(&code);
            self.give_back();
        }
    }

    fn give_back(&mut self) {
        let rest = self.reservation.bytes().saturating_sub(ENTRY_BYTES);
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
            memory.await_device(&code.to_string());
            memory.revoke(&code.to_string(), 0);
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
        memory.await_device("ABC");
        assert_eq!(memory.poll_device("ABC", 5), Some(Device::default()));
        assert!(memory.decide_device("ABC", DeviceDecision::Approved(None)));
        assert!(!memory.decide_device("ABC", DeviceDecision::Declined));
        let device = Device { decision: Some(DeviceDecision::Approved(None)), last_poll: Some(5) };
        assert_eq!(memory.poll_device("ABC", 6), Some(device));
    }
}
