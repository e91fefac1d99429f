//! The log of a server in this process, so that a test can assert the reason of an outcome.

use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Lines of a log, up to the level that the program shows.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    /// Makes the events of this thread lines of the log, for as long as the thread runs.
    pub(crate) fn attach(&self) {
        std::mem::forget(tracing::subscriber::set_default(self.clone()));
    }

    /// Removes all lines, and returns them.
    pub(crate) fn take(&self) -> String {
        std::mem::take(&mut *self.0.lock().unwrap()).join("\n")
    }

    /// Returns the reasons of refusals and ends of connections, each once, in order.
    pub(crate) fn reasons(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        for line in self.0.lock().unwrap().iter() {
            let reason = match line.split_once(" refused by ") {
                Some((_, reason)) => format!("refused by {reason}"),
                None if is_access(line) => continue,
                None => line.clone(),
            };
            // Details quote what was sent.
            let reason = if reason.chars().count() > 160 { reason.chars().take(160).chain(['…']).collect() } else { reason };
            if !reasons.contains(&reason) {
                reasons.push(reason);
            }
        }
        reasons
    }
}

/// Whether a line is that of a request, which ends in its duration.
fn is_access(line: &str) -> bool {
    line.ends_with("us") && line.rsplit(' ').nth(1).is_some_and(|status| status.len() == 3)
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("wfi_emulator") && *metadata.level() <= Level::INFO
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[derive(Default)]
struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            write!(self.0, "{value:?}").unwrap();
        }
    }
}
