//! Memory budgets: a limit of bytes, shared by all holders of one kind of data.
//!
//! A holder takes the bytes that it holds, not those that were sent, and gives them back when it drops them. Holders that count their own
//! changes use [`Budget::change`]; all others keep a [`Reservation`], which gives back on drop.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A limit of bytes, and the bytes in use.
#[derive(Debug)]
pub struct Budget {
    limit: usize,
    used: AtomicUsize,
}

impl Budget {
    /// Returns a budget in bytes.
    pub fn new(limit: usize) -> Budget {
        Budget { limit, used: AtomicUsize::new(0) }
    }

    /// Returns the limit in bytes.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Returns the bytes in use.
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Returns whether more bytes can be taken.
    pub fn has_room(&self, bytes: usize) -> bool {
        self.used().saturating_add(bytes) <= self.limit
    }

    /// Adds the growth of a holder, beyond the limit if need be. A holder that is full mostly does not grow, and does not write to memory
    /// that all cores share.
    pub fn change(&self, added: usize, removed: usize) {
        if added > removed {
            self.used.fetch_add(added - removed, Ordering::Relaxed);
        } else if removed > added {
            self.used.fetch_sub(removed - added, Ordering::Relaxed);
        }
    }

    /// Takes bytes until the reservation is dropped; `None` if they exceed the limit.
    pub fn take(self: &Arc<Budget>, bytes: usize) -> Option<Reservation> {
        let mut reservation = self.reservation(0);
        reservation.grow(bytes).then_some(reservation)
    }

    /// Takes bytes until the reservation is dropped, beyond the limit if nothing else is in use; else `None` if they exceed the limit.
    pub fn take_or_alone(self: &Arc<Budget>, bytes: usize) -> Option<Reservation> {
        let add = |used: usize| used.checked_add(bytes).filter(|sum| used == 0 || *sum <= self.limit);
        let is_added = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).is_ok();
        is_added.then(|| Reservation { budget: self.clone(), bytes, surplus: 0 })
    }

    /// Returns an empty reservation, which may exceed the limit by bytes that its holder is about to give back.
    pub fn reservation(self: &Arc<Budget>, surplus: usize) -> Reservation {
        Reservation { budget: self.clone(), bytes: 0, surplus }
    }

    /// Adds bytes unless they exceed the limit by more than `surplus`. Returns whether they were added.
    pub fn add(&self, bytes: usize, surplus: usize) -> bool {
        let limit = self.limit.saturating_add(surplus);
        let add = |used: usize| used.checked_add(bytes).filter(|used| *used <= limit);
        bytes == 0 || self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).is_ok()
    }
}

/// Bytes of a budget, given back on drop.
#[derive(Debug)]
pub struct Reservation {
    budget: Arc<Budget>,
    bytes: usize,
    /// The bytes by which it may exceed the limit.
    surplus: usize,
}

impl Reservation {
    /// Returns the budget.
    pub fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }

    /// Returns the reserved bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Reserves more bytes. Returns `false`, and reserves nothing more, if they exceed the limit.
    pub fn grow(&mut self, bytes: usize) -> bool {
        let is_added = self.budget.add(bytes, self.surplus);
        self.bytes += if is_added { bytes } else { 0 };
        is_added
    }

    /// Reserves bytes that are held already, beyond the limit if need be.
    pub fn hold(&mut self, bytes: usize) {
        self.budget.change(bytes, 0);
        self.bytes += bytes;
    }

    /// Returns a reservation of some of the bytes, which this one no longer has.
    pub fn split(&mut self, bytes: usize) -> Reservation {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        Reservation { budget: self.budget.clone(), bytes, surplus: 0 }
    }

    /// Gives back all bytes beyond a number.
    pub fn shrink_to(&mut self, bytes: usize) {
        let surplus = self.bytes.saturating_sub(bytes);
        self.budget.change(0, surplus);
        self.bytes -= surplus;
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.budget.change(0, self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reservation_stays_within_the_limit_and_is_given_back() {
        let budget = Arc::new(Budget::new(10));
        let mut one = budget.take(6).unwrap();
        assert!(budget.take(5).is_none() && budget.used() == 6);
        assert!(!one.grow(5) && one.bytes() == 6, "a refused growth changes nothing");
        assert!(one.grow(4) && budget.used() == 10);
        one.shrink_to(3);
        one.shrink_to(5);
        assert_eq!((one.bytes(), budget.used()), (3, 3));
        assert!(budget.take(usize::MAX).is_none(), "no overflow");
        let part = one.split(2);
        assert_eq!((part.bytes(), one.bytes(), budget.used(), one.split(2).bytes()), (2, 1, 3, 1));
        assert_eq!(budget.used(), 2);
        drop(part);
        drop(one);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn a_single_holder_may_exceed_the_limit() {
        let budget = Arc::new(Budget::new(10));
        let single = budget.take_or_alone(100).unwrap();
        assert!(budget.take_or_alone(1).is_none() && budget.used() == 100);
        drop(single);
        let one = budget.take_or_alone(6).unwrap();
        assert!(budget.take_or_alone(5).is_none() && budget.take_or_alone(usize::MAX).is_none());
        assert!(budget.take_or_alone(4).is_some());
        drop(one);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn a_budget_has_room_up_to_its_limit() {
        let budget = Budget::new(10);
        budget.change(10, 0);
        assert!(budget.has_room(0) && !budget.has_room(1) && !budget.has_room(usize::MAX));
        budget.change(3, 2);
        assert!(!budget.has_room(0));
        budget.change(2, 11);
        assert_eq!(budget.used(), 2);
    }
}
