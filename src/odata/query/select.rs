//! `$select`: which properties an answer shows.

use std::collections::BTreeSet;

use super::Scope;
use super::filter::placed;
use super::path::{self, PathProblem, PropertyPath};
use crate::odata::error::Error;
use crate::policy::refusal;

/// A `$select` that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Select {
    /// What it selects.
    pub selection: Selection,
    /// The list that context URLs show: in the client's order and the declared case.
    pub list: String,
}

/// The selected properties of a type.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selection {
    is_all: bool,
    /// Places in the table of the type; with a selection of its own where only a part of the value is selected.
    properties: Vec<(usize, Option<Selection>)>,
    undeclared: BTreeSet<Box<str>>,
}

/// How much of a property is selected.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Selected<'s> {
    /// Nothing.
    Nothing,
    /// Everything, because everything is.
    Everything,
    /// Everything, by its name.
    Whole,
    /// A part of a complex value.
    Part(&'s Selection),
}

impl Selection {
    /// Returns how much of the property at a place is selected.
    pub fn of(&self, index: usize) -> Selected<'_> {
        match self.properties.iter().find(|(place, _)| *place == index) {
            // What is selected anyway is not made less by selecting a part of it.
            _ if self.is_all => Selected::Everything,
            None => Selected::Nothing,
            Some((_, None)) => Selected::Whole,
            Some((_, Some(part))) => Selected::Part(part),
        }
    }

    /// Whether an undeclared member is selected.
    pub fn has_undeclared(&self, name: &str) -> bool {
        self.is_all || self.undeclared.contains(name)
    }

    fn add(&mut self, path: &PropertyPath) {
        let mut selection = self;
        for (depth, index) in path.indices.iter().enumerate() {
            let is_last = depth + 1 == path.indices.len() && path.undeclared.is_none();
            let place = selection.properties.iter().position(|(place, _)| place == index);
            let place = place.unwrap_or_else(|| {
                selection.properties.push((*index, Some(Selection::default())));
                selection.properties.len() - 1
            });
            let part = &mut selection.properties[place].1;
            if is_last {
                *part = None;
            }
            match part {
                Some(part) => selection = part,
                None => return,
            }
        }
        selection.undeclared.extend(path.undeclared.clone());
    }
}

/// Reads a `$select`.
pub(super) fn read(text: &str, scope: Scope<'_>) -> Result<Select, Error> {
    let mut select = Select { selection: Selection::default(), list: String::new() };
    let mut seen = BTreeSet::new();
    let mut behind = 0;
    for piece in text.split(',') {
        let at = behind + piece.len() - piece.trim_start().len();
        behind += piece.len() + 1;
        let item = piece.trim();
        let shown = if item == "*" {
            select.selection.is_all = true;
            "*".to_owned()
        } else {
            let path = path::resolve(scope, item).map_err(|problem| match problem {
                PathProblem::Unknown(error) => placed(error, text, at),
                PathProblem::Malformed => placed(Error::new(&refusal::INVALID_SELECT, &[item]), text, at),
            })?;
            select.selection.add(&path);
            path.text
        };
        if seen.insert(shown.clone()) {
            if !select.list.is_empty() {
                select.list.push(',');
            }
            select.list.push_str(&shown);
        }
    }
    Ok(select)
}
