//! Navigation properties in conditions: `teamsApp/externalId eq 'a'`, `owners/$count eq 0`, `members/any(m:m/id eq 'a')`.
//!
//! An expression is evaluated on the values of one entity. The entities behind navigation properties are put among these values before, each
//! under a slot that no stored entity has.

use crate::edm::schema::{Navigation, Slot};

/// The maximum number of navigation properties in an expression.
const MAX_NAVIGATIONS: usize = 16;

/// A navigation property in an expression.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NavigationUse<'m> {
    /// The navigation property.
    pub navigation: &'m Navigation,
    /// The number of the navigation property whose entities have it; `None`: the entity that is filtered.
    pub from: Option<usize>,
    /// The place of its entities in the values of the one that has it.
    pub slot: Slot,
}

/// Returns the number of a navigation property in an expression, a new one if need be; `None` if there are too many.
pub(super) fn number_of<'m>(uses: &mut Vec<NavigationUse<'m>>, from: Option<usize>, navigation: &'m Navigation) -> Option<usize> {
    if let Some(known) = uses.iter().position(|known| known.from == from && known.navigation.set == navigation.set) {
        return Some(known);
    }
    if uses.len() == MAX_NAVIGATIONS {
        return None;
    }
    uses.push(NavigationUse { navigation, from, slot: slot_of(uses.len()) });
    Some(uses.len() - 1)
}

/// Returns the place of the entities of a navigation property.
pub(super) fn slot_of(number: usize) -> Slot {
    Slot::navigated(u16::try_from(number).unwrap_or(u16::MAX))
}
