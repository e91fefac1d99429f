//! Journals: entries are in order, none that was recorded after a clearing is lost, and the budget is kept.

use std::sync::Arc;
use std::time::SystemTime;

use http::{HeaderMap, Method, StatusCode};

use crate::support::{in_many_interleavings, on_threads};
use crate::world::journal::{AnswerCause, Bounds, Expectation, Journal, JournalQuery, JournalRecord, Journals, Secrets, Times};

fn record(journal: &Journal, target: &str, body: usize) {
    let none = HeaderMap::new();
    journal.record(JournalRecord {
        time: SystemTime::UNIX_EPOCH,
        arrival: crate::world::journal::Arrival::default(),
        method: &Method::GET,
        target,
        request_headers: &none,
        request_body: &vec![b'x'; body],
        status: Some(StatusCode::OK),
        response_headers: &none,
        has_standard_headers: false,
        kept_body: None,
        response_body: b"",
        decided: AnswerCause::default(),
        changed: None,
    });
}

/// Returns the targets of all entries, whose numbers rise.
fn targets(journal: &Journal) -> Vec<String> {
    let entries = journal.query(&JournalQuery::default(), Secrets::Shown);
    assert!(entries.is_sorted_by(|one, next| one.number < next.number));
    entries.into_iter().map(|entry| entry.exchange.request.target).collect()
}

fn is_there(journal: &Journal, target: &str) -> bool {
    targets(journal).iter().any(|found| found == target)
}

#[test]
fn entries_are_kept_in_order() {
    in_many_interleavings(|| {
        let journals = Arc::new(Journals::new(1 << 20));
        let journal = Arc::new(Journal::new(Bounds::default(), journals.clone()));
        on_threads(3, {
            let journal = journal.clone();
            move |thread| {
                for step in 0..3 {
                    let target = format!("/{thread}/{step}");
                    record(&journal, &target, 10);
                    assert!(is_there(&journal, &target), "the latest entry can be read");
                }
            }
        });
        let found = targets(&journal);
        assert_eq!((found.len(), journal.len(), journal.count()), (9, 9, 9));
        for thread in 0..3 {
            let own: Vec<&String> = found.iter().filter(|target| target.starts_with(&format!("/{thread}/"))).collect();
            assert_eq!(own, [&format!("/{thread}/0"), &format!("/{thread}/1"), &format!("/{thread}/2")]);
        }
        drop(journal);
        assert_eq!(journals.budget().used(), 0, "all bytes are given back");
    });
}

#[test]
fn a_clearing_takes_what_is_before_it_and_nothing_else() {
    in_many_interleavings(|| {
        let journals = Arc::new(Journals::new(1 << 20));
        let journal = Arc::new(Journal::new(Bounds::default(), journals.clone()));
        record(&journal, "/before", 10);
        on_threads(3, {
            let journal = journal.clone();
            move |thread| {
                if thread < 2 {
                    record(&journal, &format!("/{thread}"), 10);
                } else {
                    journal.clear();
                    assert!(!is_there(&journal, "/before"));
                    record(&journal, "/after", 10);
                    assert!(is_there(&journal, "/after"));
                }
            }
        });
        assert!(is_there(&journal, "/after") && !is_there(&journal, "/before"));
        // A cleared entry is not one that was dropped, which would leave it open whether there was another one.
        let absent = JournalQuery { path: Some("/absent".parse().unwrap()), ..JournalQuery::default() };
        let expectation = Expectation { of: absent, times: Times::exactly(0), ..Expectation::default() };
        let report = journal.verify(&expectation, Secrets::Shown);
        assert!(report.holds && !report.text.contains("dropped"), "{}", report.text);
        drop(journal);
        assert_eq!(journals.budget().used(), 0);
    });
}

#[test]
fn journals_share_a_budget() {
    const LIMIT: usize = 24 * 1024;
    const BODY: usize = 2_000;
    in_many_interleavings(|| {
        let journals = Arc::new(Journals::new(LIMIT));
        let all: Arc<[Journal]> =
            (0..3).map(|_| Journal::new(Bounds { entries: 5, bytes: 128 * 1024 }, journals.clone())).collect();
        on_threads(3, {
            let (all, journals) = (all.clone(), journals.clone());
            move |thread| {
                for step in 0..4 {
                    let target = format!("/{thread}/{step}");
                    let journal = &all[(thread + step) % 2];
                    record(journal, &target, BODY);
                    targets(journal);
                    // Each of three threads may have found the last room free.
                    let used = journals.budget().used();
                    assert!(used <= LIMIT + 3 * (BODY + 2_000), "{used} bytes");
                }
            }
        });
        all.iter().for_each(|journal| assert!(journal.len() <= 5));
        drop(all);
        assert_eq!(journals.budget().used(), 0);
    });
}
