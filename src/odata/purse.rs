//! The purse of a request: the steps that it may compute, and the memory that it may take meanwhile.
//!
//! A request pays for its work before it does it; the requests of a batch pay from one purse. The price of a piece of work depends only on
//! the work, never on the machine or on the time, so that the same requests to the same data always have the same outcome. All results
//! that are computed while the purse is empty are wrong and must be discarded.
//!
//! A server splits the purse: a request first gets as many steps as its thread can spare. Where these do not suffice, the computation is
//! *interrupted*, and starts again on another thread, with all steps.

use std::cell::Cell;

/// The steps of a request, or of all requests of a batch: about a second of work.
const STEPS: u64 = 100_000_000;

/// The steps that a thread can spare which also serves other clients: about a millisecond of work.
const PROMPT_STEPS: u64 = 100_000;

/// The memory that a computation may take beyond that of its result, in bytes.
pub(crate) const MEMORY: usize = 32 * 1024 * 1024;

/// The steps and the memory of a request. A step is about ten nanoseconds of work.
#[derive(Debug)]
pub(crate) struct Purse {
    steps: Cell<u64>,
    /// The steps after an interruption.
    reserve: Cell<u64>,
    is_empty: Cell<bool>,
    /// The bytes of memory in use.
    held: Cell<usize>,
}

impl Purse {
    /// Returns a purse that lasts to the end without an interruption.
    pub(crate) fn whole() -> Purse {
        Purse::of(STEPS, 0)
    }

    /// Returns a purse whose computation is interrupted where it takes more than about a millisecond.
    pub(crate) fn prompt() -> Purse {
        Purse::prompt_of(STEPS)
    }

    /// Returns the same with fewer steps.
    pub(crate) fn prompt_of(steps: u64) -> Purse {
        let prompt = steps.min(PROMPT_STEPS);
        Purse::of(prompt, steps - prompt)
    }

    /// Returns a purse with these steps before and after an interruption.
    pub(crate) fn of(steps: u64, reserve: u64) -> Purse {
        Purse { steps: Cell::new(steps), reserve: Cell::new(reserve), is_empty: Cell::new(false), held: Cell::new(0) }
    }

    /// Pays for a piece of work. Returns `false`, and empties the purse, if the steps do not suffice: the work must not be done.
    pub(crate) fn spend(&self, steps: u64) -> bool {
        match self.steps.get().checked_sub(steps) {
            Some(left) if !self.is_empty.get() => {
                self.steps.set(left);
                true
            }
            _ => self.empty(),
        }
    }

    /// Pays for work on a text of this length, at this number of bytes for a step.
    pub(crate) fn spend_on(&self, bytes: usize, bytes_per_step: usize) -> bool {
        self.spend(u64::try_from(bytes / bytes_per_step).unwrap_or(u64::MAX))
    }

    /// Interrupts the computation now, before any of it is done, if it is expected to be interrupted later. Returns `false` if so.
    pub(crate) fn expect(&self, steps: u64) -> bool {
        self.reserve.get() == 0 || steps <= self.steps.get() || self.empty()
    }

    /// Makes room for work whose own limits bound it: it takes steps from those before an interruption, and gives them back after it.
    /// Returns `false`, and interrupts the computation, if they do not suffice.
    pub(crate) fn spare(&self, steps: u64) -> bool {
        if self.reserve.get() == 0 {
            return true;
        }
        match self.steps.get().checked_sub(steps) {
            Some(left) if !self.is_empty.get() => {
                self.steps.set(left);
                self.reserve.set(self.reserve.get() + steps);
                true
            }
            _ => self.empty(),
        }
    }

    /// Takes memory. Returns `false`, and empties the purse, if it exceeds the limit.
    pub(crate) fn hold(&self, bytes: usize) -> bool {
        let held = self.held.get().saturating_add(bytes);
        self.held.set(held);
        held <= MEMORY || self.empty()
    }

    /// Returns the bytes of memory in use.
    pub(crate) fn held(&self) -> usize {
        self.held.get()
    }

    /// Gives memory back until this many bytes are in use.
    pub(crate) fn release_to(&self, bytes: usize) {
        if self.held.get() > bytes {
            self.held.set(bytes);
        }
    }

    fn empty(&self) -> bool {
        self.is_empty.set(true);
        false
    }

    /// Whether the purse did not suffice: all that was computed since then must be discarded.
    pub(crate) fn is_empty(&self) -> bool {
        self.is_empty.get()
    }

    /// Whether the computation must start again on another thread.
    pub(crate) fn is_interrupted(&self) -> bool {
        self.is_empty.get() && self.reserve.get() > 0
    }

    /// Continues after an interruption, with all steps that are left.
    pub(crate) fn open(&self) {
        self.steps.set(self.rest());
        self.reserve.set(0);
        self.is_empty.set(false);
        self.held.set(0);
    }

    /// Returns the steps that are left, those after an interruption included.
    pub(crate) fn rest(&self) -> u64 {
        self.steps.get() + self.reserve.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_purse_is_empty_from_the_first_piece_of_work_that_it_cannot_pay() {
        let purse = Purse::of(10, 0);
        assert!(purse.spend(4) && purse.spend(6) && purse.spend(0) && !purse.is_empty());
        assert!(!purse.spend(1) && purse.is_empty() && !purse.is_interrupted());
        let purse = Purse::of(10, 0);
        assert!(!purse.spend(11) && !purse.spend(1), "an empty purse pays for nothing");
        assert!(Purse::of(10, 0).expect(11), "without a reserve there is nothing to wait for");
    }

    #[test]
    fn an_interrupted_computation_has_all_steps_that_are_left() {
        let purse = Purse::of(10, 90);
        assert!(purse.spend(3) && purse.expect(7) && !purse.expect(8));
        assert!(purse.is_interrupted() && purse.rest() == 97);
        purse.open();
        assert!(!purse.is_empty() && purse.spend(97) && !purse.spend(1));
        assert!(purse.is_empty() && !purse.is_interrupted());
        let whole = Purse::prompt();
        whole.open();
        assert_eq!(whole.rest(), Purse::whole().rest());
        assert_eq!(Purse::prompt_of(7).rest(), 7);
    }

    #[test]
    fn work_that_is_bounded_costs_only_the_time_of_the_thread() {
        let purse = Purse::of(10, 90);
        assert!(purse.spare(7) && purse.rest() == 100 && !purse.spend(4));
        let purse = Purse::of(10, 90);
        assert!(purse.spare(7) && !purse.spare(4) && purse.is_interrupted());
        purse.open();
        assert!(purse.spare(u64::MAX) && purse.spend(100) && !purse.is_interrupted());
    }

    #[test]
    fn memory_is_limited_and_given_back() {
        let purse = Purse::whole();
        assert!(purse.hold(MEMORY - 1));
        let before = purse.held();
        assert!(purse.hold(1));
        purse.release_to(before);
        purse.release_to(usize::MAX);
        assert!(purse.held() == MEMORY - 1 && purse.hold(1) && !purse.hold(1) && purse.is_empty());
    }
}
