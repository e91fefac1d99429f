//! The properties that an answer includes, as `$select` chooses them.

use std::collections::BTreeMap;

use crate::edm::schema::Slot;

/// The selected properties of a type.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Selection {
    is_all: bool,
    /// Indices into the properties of the type, or of a derived one, and their slots, in which derived types with the same index differ; with
    /// a nested selection where only a part of the value is selected.
    properties: Vec<(usize, Slot, Option<Selection>)>,
    /// Undeclared members; with a nested selection where only a part of the value is selected.
    undeclared: BTreeMap<Box<str>, Option<Selection>>,
    /// Whether it is that of a part of an undeclared member, whose type is not known.
    is_by_name: bool,
}

/// The selected extent of a property.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Selected<'s> {
    /// Not selected.
    Nothing,
    /// Selected by `*`.
    Everything,
    /// Selected by its name.
    Whole,
    /// A part of a complex value.
    Part(&'s Selection),
}

impl Selection {
    /// Returns the selected extent of the property with this index and this slot.
    pub(crate) fn of(&self, index: usize, slot: Slot) -> Selected<'_> {
        match self.properties.iter().find(|(selected, place, _)| (*selected, *place) == (index, slot)) {
            // `*` wins: selecting a part as well does not narrow it.
            _ if self.is_all => Selected::Everything,
            None => Selected::Nothing,
            Some((_, _, None)) => Selected::Whole,
            Some((_, _, Some(part))) => Selected::Part(part),
        }
    }

    /// Returns the selected extent of an undeclared member.
    pub(crate) fn of_undeclared(&self, name: &str) -> Selected<'_> {
        match self.undeclared.get(name) {
            _ if self.is_all => Selected::Everything,
            None => Selected::Nothing,
            Some(None) => Selected::Whole,
            Some(Some(part)) => Selected::Part(part),
        }
    }

    /// Whether all members are selected by their names.
    pub(crate) fn is_by_name(&self) -> bool {
        self.is_by_name
    }

    /// Selects every property, as `*` does.
    pub(super) fn add_all(&mut self) {
        self.is_all = true;
    }

    /// Selects the property at the end of a path: declared properties by index and slot from the outermost on, then undeclared
    /// members.
    pub(super) fn add(&mut self, indices: &[usize], slots: &[Slot], undeclared: &[&str]) {
        let mut selection = self;
        for (depth, (index, slot)) in indices.iter().zip(slots).enumerate() {
            let is_last = depth + 1 == indices.len() && undeclared.is_empty();
            let entry = selection.properties.iter().position(|(selected, place, _)| (selected, place) == (index, slot));
            let entry = entry.unwrap_or_else(|| {
                selection.properties.push((*index, *slot, Some(Selection::default())));
                selection.properties.len() - 1
            });
            let part = &mut selection.properties[entry].2;
            if is_last {
                *part = None;
            }
            match part {
                Some(part) => selection = part,
                None => return,
            }
        }
        for (depth, name) in undeclared.iter().enumerate() {
            let part = || Some(Selection { is_by_name: true, ..Selection::default() });
            let entry = selection.undeclared.entry((*name).into()).or_insert_with(part);
            if depth + 1 == undeclared.len() {
                *entry = None;
            }
            match entry {
                Some(part) => selection = part,
                None => return,
            }
        }
    }
}
