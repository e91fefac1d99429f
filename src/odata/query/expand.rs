//! `$expand`, which is refused: no navigation property can be expanded.

use super::Scope;
use super::path;
use crate::edm::schema::PropertyType;
use crate::odata::error::Error;
use crate::policy::refusal;

/// Refuses an `$expand` with the error that fits its first item. `*` is accepted: it expands the empty set.
pub(super) fn check(text: &str, scope: Scope<'_>) -> Result<(), Error> {
    for item in text.split(',').map(str::trim) {
        // The options in parentheses do not change the refusal.
        let name = item.split(['(', '/']).next().unwrap_or_default().trim();
        if name == "*" {
            continue;
        }
        if name.is_empty() {
            return Err(Error::new(&refusal::INVALID_SELECT, &[item]));
        }
        if let Some(navigation) =
            scope.structured.navigations.iter().find(|navigation| navigation.name.eq_ignore_ascii_case(name))
        {
            return Err(Error::new(&refusal::EXPAND_NOT_SUPPORTED, &[&navigation.name]));
        }
        let declared = scope.structured.property(name).filter(|index| scope.is_named(scope.structured, *index));
        let Some(index) = declared else {
            return Err(path::unknown_property(scope, name, scope.structured));
        };
        let property = &scope.structured.properties[index];
        return Err(match property.kind {
            PropertyType::Complex(_) => Error::new(&refusal::EXPAND_NOT_SUPPORTED, &[&property.name]),
            _ => Error::new(&refusal::EXPAND_OF_A_VALUE, &[&property.name, &scope.structured.full_name]),
        });
    }
    Ok(())
}
