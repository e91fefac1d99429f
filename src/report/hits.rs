//! The requests that break a rule, while it looks for them.

use std::collections::HashMap;

use crate::report::evidence::Call;
use crate::report::finding::Sighting;
use crate::world::clock;

/// The most requests that a finding shows.
const SHOWN: usize = 10;

/// The most findings of a rule, beside that about all others.
const SUBJECTS: usize = 50;

/// The subject of the finding about all others.
const OTHERS: &str = "other operations";

/// The requests that break a rule, by subject.
#[derive(Debug, Default)]
pub(crate) struct Hits {
    subjects: HashMap<String, usize>,
    all: Vec<Hit>,
}

/// The requests about one subject.
#[derive(Debug)]
pub(crate) struct Hit {
    pub(super) subject: String,
    pub(super) detail: String,
    /// The numbers of all requests.
    pub(super) numbers: Vec<u64>,
    /// The first requests, with their operations in place of their targets.
    pub(super) shown: Vec<Sighting>,
}

impl Hits {
    /// Adds a request to the finding about its operation.
    pub(crate) fn add<D: Into<String>>(&mut self, call: &Call<'_>, detail: impl FnOnce() -> D) {
        self.about(&*call.operation(), call, detail);
    }

    /// Adds a request to the finding about a subject. Only the detail of the first is built.
    pub(crate) fn about<D: Into<String>>(&mut self, subject: impl AsRef<str>, call: &Call<'_>, detail: impl FnOnce() -> D) {
        let subject = subject.as_ref();
        let index = if let Some(index) = self.subjects.get(subject) {
            *index
        } else {
            let subject = if self.all.len() < SUBJECTS { subject } else { OTHERS };
            if let Some(index) = self.subjects.get(subject) {
                return self.all[*index].add(call);
            }
            self.subjects.insert(subject.to_owned(), self.all.len());
            self.all.push(Hit { subject: subject.to_owned(), detail: detail().into(), numbers: Vec::new(), shown: Vec::new() });
            self.all.len() - 1
        };
        self.all[index].add(call);
    }

    /// Returns the requests about each subject, in the order of the first requests.
    pub(super) fn into_all(self) -> Vec<Hit> {
        self.all
    }
}

impl Hit {
    fn add(&mut self, call: &Call<'_>) {
        self.numbers.push(call.number);
        if self.shown.len() < SHOWN {
            let time = clock::utc(call.time);
            let operation = call.operation();
            let target = operation.split_once(' ').map_or("", |(_, path)| path).to_owned();
            self.shown.push(Sighting { number: call.number, time, method: call.method.to_string(), target });
        }
    }
}

/// The most names in a detail.
const NAMED: usize = 10;

/// Returns the first names of a list, and the number of the others.
pub(super) fn listed(names: &[String]) -> String {
    let shown = names[..names.len().min(NAMED)].join(", ");
    if names.len() > NAMED { format!("{shown} and {} more", names.len() - NAMED) } else { shown }
}
