//! `$select`: the list of properties to include in answers.

use std::collections::BTreeSet;

use super::Scope;
use super::path::{self, PathProblem};
use super::position::located_error;
use super::selection::Selection;
use crate::odata::error::Error;
use crate::policy::refusal;

/// A parsed `$select`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Select {
    /// The selected properties.
    pub selection: Selection,
    /// The list for context URLs: in the client's order and the declared case.
    pub list: String,
}

/// Parses a `$select`.
pub(super) fn read(text: &str, scope: Scope<'_>) -> Result<Select, Error> {
    let mut select = Select { selection: Selection::default(), list: String::new() };
    let mut seen = BTreeSet::new();
    let mut offset = 0;
    for piece in text.split(',') {
        let at = offset + piece.len() - piece.trim_start().len();
        offset += piece.len() + 1;
        let item = piece.trim();
        let declared = if item == "*" {
            select.selection.add_all();
            "*".to_owned()
        } else {
            let path = path::resolve(scope, item).map_err(|problem| match problem {
                PathProblem::Unknown(error) => located_error(error, text, at),
                PathProblem::Cast(_) | PathProblem::Malformed => {
                    located_error(Error::new(&refusal::INVALID_SELECT, &[item]), text, at)
                }
            })?;
            // Parts of declared values of any type cannot be selected.
            if path.is_within_untyped() {
                return Err(located_error(Error::new(&refusal::INVALID_SELECT, &[item]), text, at));
            }
            select.selection.add(
                &path.indices,
                &path.slots,
                &path.undeclared().map(|first| first.names().collect::<Vec<_>>()).unwrap_or_default(),
            );
            path.text
        };
        if seen.insert(declared.clone()) {
            if !select.list.is_empty() {
                select.list.push(',');
            }
            select.list.push_str(&declared);
        }
    }
    if let Some(key) = scope.structured.always_selected {
        select.selection.add(&[key], &[scope.structured.properties[key].slot], &[]);
    }
    Ok(select)
}
