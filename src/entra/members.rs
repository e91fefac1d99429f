//! Members of a JSON object in a chosen order.

use serde::{Serialize, Serializer};
use serde_json::Value;

/// Members in order. Those that are null are left out.
#[derive(Debug)]
pub(super) struct Members(pub(super) Vec<(&'static str, Value)>);

impl Members {
    /// Adds a member.
    pub(super) fn add(&mut self, name: &'static str, value: impl Into<Value>) {
        self.0.push((name, value.into()));
    }

    /// Adds members where they belong in the order of their names, after the first `fixed` ones. Those that are there stay.
    pub(super) fn insert(&mut self, fixed: usize, more: Vec<(&'static str, Value)>) {
        for (name, value) in more {
            if self.0.iter().any(|(known, value)| *known == name && !value.is_null()) {
                continue;
            }
            let at = self.0.iter().skip(fixed).position(|(known, _)| *known > name);
            self.0.insert(at.map_or(self.0.len(), |at| at + fixed), (name, value));
        }
    }
}

impl Serialize for Members {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name, value)))
    }
}
