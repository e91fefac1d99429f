//! The choice of entries by their readers.

use std::ops::RangeInclusive;
use std::time::SystemTime;

use http::{Method, StatusCode};

use crate::edm::pattern::{Pattern, names_id};

/// A filter of entries. Fields that are not set match every entry.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JournalQuery {
    /// The method.
    pub method: Option<Method>,
    /// The destination. Verification defaults to requests to Graph.
    pub to: Option<Destination>,
    /// The path, without the prefix of a world.
    pub path: Option<Pattern>,
    /// The id of an entity in the path.
    pub id: Option<String>,
    /// The status of the answer.
    pub status: Option<RangeInclusive<u16>>,
    /// The earliest time.
    pub since: Option<SystemTime>,
    /// The end of the time range, exclusive.
    pub until: Option<SystemTime>,
    /// The largest number of entries, the latest ones.
    pub limit: Option<usize>,
    /// The number of one entry.
    pub number: Option<u64>,
}

/// The destination of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// The emulator, called by a client.
    Graph,
    /// A connector, called by the emulator.
    Connector,
}

impl Destination {
    const ALL: [Destination; 2] = [Destination::Graph, Destination::Connector];

    /// Returns the name.
    pub fn name(self) -> &'static str {
        match self {
            Destination::Graph => "graph",
            Destination::Connector => "connector",
        }
    }

    /// Returns the destination of a request by its target: calls to connectors have an absolute URL.
    pub(super) fn of(target: &str) -> Destination {
        if target.starts_with('/') || target == "*" { Destination::Graph } else { Destination::Connector }
    }

    /// Returns the destination with a name.
    pub fn from_name(name: &str) -> Option<Destination> {
        Destination::ALL.into_iter().find(|to| to.name() == name)
    }
}

impl JournalQuery {
    pub(super) fn matches(&self, method: &Method, status: Option<StatusCode>, time: SystemTime, target: &str) -> bool {
        self.method.as_ref().is_none_or(|wanted| wanted == method)
            && self.status.as_ref().is_none_or(|statuses| status.is_some_and(|status| statuses.contains(&status.as_u16())))
            && self.since.is_none_or(|since| time >= since)
            && self.until.is_none_or(|until| time < until)
            && self.to.is_none_or(|to| to == Destination::of(target))
            && self.path.as_ref().is_none_or(|pattern| pattern.matches(path(target)))
            && self.id.as_ref().is_none_or(|id| names_id(path(target), id))
    }
}

/// Returns the path of a target.
pub(super) fn path(target: &str) -> &str {
    let target = match Destination::of(target) {
        Destination::Graph => target,
        Destination::Connector => {
            let after_scheme = target.split_once("://").map_or(target, |(_, rest)| rest);
            after_scheme.find('/').map_or("/", |slash| &after_scheme[slash..])
        }
    };
    target.split_once('?').map_or(target, |(path, _)| path)
}
