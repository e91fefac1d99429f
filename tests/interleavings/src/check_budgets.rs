//! Budgets under all interleavings of a few threads.

#[allow(dead_code)]
mod budget {
    include!(concat!(env!("OUT_DIR"), "/budget.rs"));
}

use std::sync::Arc;

use budget::Budget;

/// Runs two functions on a new budget of ten bytes under all interleavings, each while a third thread sees what is in use. At the end
/// nothing is in use.
fn in_all_interleavings(
    most: usize,
    one: impl Fn(&Arc<Budget>) + Copy + Send + Sync + 'static,
    other: impl Fn(&Arc<Budget>) + Copy + Send + Sync + 'static,
) {
    loom::model(move || {
        let budget = Arc::new(Budget::new(10));
        let threads = [
            loom::thread::spawn({
                let budget = budget.clone();
                move || one(&budget)
            }),
            loom::thread::spawn({
                let budget = budget.clone();
                move || other(&budget)
            }),
        ];
        let used = budget.used();
        assert!(used <= most, "{used} of {most}");
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(budget.used(), 0);
    });
}

#[test]
fn takers_together_stay_within_the_limit() {
    let take = |budget: &Arc<Budget>| {
        if let Some(mut taken) = budget.take(6) {
            assert!(budget.used() <= 10);
            if taken.grow(4) {
                assert_eq!(budget.used(), 10, "the other has none");
            }
            taken.shrink_to(3);
        }
    };
    in_all_interleavings(10, take, take);
    in_all_interleavings(
        10,
        |budget| {
            let mut taken = budget.take(6).expect("six are left beside four");
            assert!(!taken.grow(5), "a refused growth takes nothing");
        },
        |budget| {
            let mut taken = budget.take(4).expect("four are left beside six");
            drop(taken.split(1));
        },
    );
}

#[test]
fn one_at_a_time_exceeds_the_limit() {
    let take = |budget: &Arc<Budget>| {
        if let Some(taken) = budget.take_or_alone(100) {
            assert_eq!(budget.used(), 100);
            drop(taken);
        }
    };
    in_all_interleavings(100, take, take);
}

#[test]
fn a_surplus_is_what_its_holder_gives_back() {
    in_all_interleavings(
        16,
        |budget| {
            let Some(old) = budget.take(6) else { return };
            let mut new = budget.reservation(old.bytes());
            let has_room = new.grow(8);
            drop(old);
            assert!(!has_room || budget.used() <= 10 && new.bytes() == 8);
        },
        |budget| drop(budget.take(3)),
    );
}

#[test]
fn changes_of_holders_that_count_themselves_add_up() {
    let change = |budget: &Arc<Budget>| {
        budget.change(7, 0);
        budget.change(2, 9);
    };
    in_all_interleavings(14, change, change);
    in_all_interleavings(17, change, |budget| drop(budget.take(10)));
}
