//! A document that differs from another one in a few elements: only those are read.

use std::ops::Range;
use std::sync::Arc;

use super::Document;

/// An element of a document that is another one in a second document.
#[derive(Debug)]
pub(crate) struct ChangedElement {
    /// Its place in the first document, in bytes.
    pub(crate) place: Range<usize>,
    /// The elements in its place, as a document of their own.
    pub(crate) text: String,
}

/// Returns the second document, of which `read` reads the elements; `None` if one of them has facts, enums or roots. Declarations of changed
/// elements have places in the texts of those.
pub(crate) fn changed<'x>(
    document: &Document<'x>,
    elements: &'x [ChangedElement],
    read: impl Fn(&'x str) -> Option<Document<'x>>,
) -> Option<Document<'x>> {
    let mut changed = document.clone();
    // From the last to the first, so that the numbers of those before stay as they are.
    for ChangedElement { place, text } in elements.iter().rev() {
        let own = read(text)?;
        if !own.facts.is_empty() || !own.enums.is_empty() || !own.roots.is_empty() || !own.has_schemas_of(document) {
            return None;
        }
        replace(&mut changed.types, within(place, document.types.iter().map(|declaration| declaration.at)), own.types);
        let operations = document.operations.iter().map(|declaration| declaration.at);
        replace(&mut changed.operations, within(place, operations), own.operations);
    }
    Some(changed)
}

/// Returns the numbers of the declarations at a place.
fn within(place: &Range<usize>, declarations: impl Iterator<Item = usize> + Clone) -> Range<usize> {
    let before = declarations.clone().take_while(|at| *at < place.start).count();
    let until = declarations.take_while(|at| *at < place.end).count();
    before..until
}

fn replace<D>(declarations: &mut Vec<Arc<D>>, numbers: Range<usize>, new: Vec<Arc<D>>) {
    if !numbers.is_empty() || !new.is_empty() {
        drop(declarations.splice(numbers, new));
    }
}
