//! `$expand`: the navigation properties whose entities an answer includes, each with options of its own (OData 4.0 Part 2, 5.1.2).

use std::sync::Arc;

use super::options::{Name, SystemQueryOptions};
use super::position::located_error;
use super::{Query, QueryTarget, Scope, path};
use crate::edm::patch::{Patch, Related, RelatedEntities};
use crate::edm::schema::{Model, NamedType, Navigation, PropertyList, PropertyType, Restrictions, StructuredType, TypeId};
use crate::odata::error::Error;
use crate::policy::behavior::SchemaRestrictions;
use crate::policy::refusal;

/// The largest depth of expansions within expansions.
const MAX_DEPTH: usize = 8;

/// An expanded navigation property.
#[derive(Debug)]
pub(crate) struct ExpandItem<'m> {
    /// The navigation property.
    pub navigation: &'m Navigation,
    /// The derived type that declares it, if the item names one.
    pub cast: Option<TypeId>,
    /// The derived type of the entities that are included, if the item names one behind the navigation property.
    pub of: Option<TypeId>,
    /// The path of the complex value that has it, with a slash before each name.
    pub member: String,
    /// The part of the entities that is included.
    pub part: ExpandPart,
    /// The options of the expansion.
    pub query: Query<'m>,
    /// The options that the entities have on all their pages, with their values.
    pub options: Vec<(String, String)>,
    /// The number of levels to which the same navigation property is expanded.
    pub levels: usize,
    /// The name in context URLs.
    name: String,
    /// Whether the request asked for it.
    is_requested: bool,
}

/// The part of expanded entities that an answer includes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExpandPart {
    /// The entities.
    Entities,
    /// Their addresses, for `/$ref`.
    References,
    /// Their number, for `/$count`.
    Count,
}

impl<'m> ExpandItem<'m> {
    /// Returns an expansion that the request did not ask for.
    pub(crate) fn unasked(navigation: &'m Navigation, cast: Option<TypeId>, query: Query<'m>) -> ExpandItem<'m> {
        ExpandItem {
            navigation,
            cast,
            of: None,
            member: String::new(),
            part: ExpandPart::Entities,
            query,
            options: Vec::new(),
            levels: 1,
            name: navigation.name.to_string(),
            is_requested: false,
        }
    }
}

impl ExpandItem<'_> {
    /// Returns the item in the list of a context URL: its name, and the list of its own options in parentheses; `None` if the answer has it
    /// unasked.
    pub(super) fn context_item(&self) -> Option<String> {
        let inner = self.query.projection();
        self.is_requested.then(|| format!("{}{}", self.name, if inner.is_empty() { "()" } else { &inner }))
    }

    /// Whether both write the same member of an entity: a property must not be in more than one item (OData 4.01 Part 2, 5.1.3).
    fn is_same(&self, other: &ExpandItem<'_>, model: &Model) -> bool {
        let is_both = |one: TypeId, other: TypeId| model.is_a(one, other) || model.is_a(other, one);
        let meets = match (self.cast, other.cast) {
            (Some(one), Some(other)) => is_both(one, other),
            _ => true,
        };
        meets && self.member == other.member && self.navigation.name == other.navigation.name
    }
}

/// Adds the navigation properties that answers include unasked.
pub(super) fn add_unasked<'m>(model: &'m Model, structured: &'m StructuredType, depth: usize, items: &mut Vec<ExpandItem<'m>>) {
    if depth > MAX_DEPTH {
        return;
    }
    for (cast, navigation) in model.auto_expanded(structured) {
        if items.iter().any(|item| item.navigation.set == navigation.set) {
            continue;
        }
        let mut query = Query::default();
        add_unasked(model, model.structured(navigation.target), depth + 1, &mut query.expand);
        items.push(ExpandItem::unasked(navigation, cast, query));
    }
}

/// Returns the navigation properties of new entities of a type under which bodies create others, at all levels, as far as they are shown.
pub(crate) fn of_new<'m>(
    model: &'m Model,
    declared: &'m StructuredType,
    bodies: &[&Patch],
    is_shown: &dyn Fn(&Navigation) -> bool,
    depth: usize,
) -> Vec<ExpandItem<'m>> {
    let mut found: Vec<(ExpandItem<'m>, Vec<&Patch>)> = Vec::new();
    if depth > MAX_DEPTH {
        return Vec::new();
    }
    for body in bodies {
        let structured = model.actual(declared, body.read_as);
        for Related { navigation, entities } in &body.related {
            let RelatedEntities::New(created) = entities else { continue };
            let navigation = &structured.navigations[*navigation];
            if !is_shown(navigation) {
                continue;
            }
            if let Some((_, bodies)) = found.iter_mut().find(|(known, _)| known.navigation.set == navigation.set) {
                bodies.extend(created);
            } else {
                let is_own = declared.navigations.iter().any(|other| other.set == navigation.set);
                let cast = if is_own { None } else { Some(structured.id) };
                found.push((ExpandItem::unasked(navigation, cast, Query::default()), created.iter().collect()));
            }
        }
    }
    let nested = |(mut item, bodies): (ExpandItem<'m>, Vec<&Patch>)| {
        item.query.expand = of_new(model, model.structured(item.navigation.target), &bodies, is_shown, depth + 1);
        item
    };
    found.into_iter().map(nested).collect()
}

/// Parses an `$expand`. `*` expands every navigation property that can be.
pub(super) fn read<'m>(text: &str, scope: Scope<'m>, depth: usize) -> Result<Vec<ExpandItem<'m>>, Error> {
    if depth > MAX_DEPTH {
        return Err(Error::new(&refusal::INVALID_SELECT, &["$expand"]).with_detail(format!("more than {MAX_DEPTH} levels")));
    }
    let mut items: Vec<ExpandItem<'m>> = Vec::new();
    // The items of `*`, which give way to those that a request names.
    let mut others: Option<Vec<ExpandItem<'m>>> = None;
    for (at, piece) in pieces(text, ',') {
        let trimmed = piece.trim();
        let located = |error: Error| if depth == 0 { located_error(error, text, at) } else { error };
        let mut read = Vec::new();
        item(trimmed, scope, depth, &mut read).map_err(located)?;
        let is_star = trimmed.starts_with('*');
        let is_twice = if is_star {
            others.is_some()
        } else {
            read.iter().any(|new| items.iter().any(|known| known.is_same(new, scope.model)))
        };
        if is_twice {
            let detail = "a navigation property can be in one item only";
            return Err(located(invalid(trimmed).with_detail(detail.to_owned())));
        }
        if is_star {
            others = Some(read);
        } else {
            items.append(&mut read);
        }
    }
    for other in others.unwrap_or_default() {
        if !items.iter().any(|known| known.is_same(&other, scope.model)) {
            items.push(other);
        }
    }
    Ok(items)
}

fn item<'m>(item: &str, scope: Scope<'m>, depth: usize, items: &mut Vec<ExpandItem<'m>>) -> Result<(), Error> {
    let (name, options) = match item.split_once('(') {
        Some((name, rest)) => (name.trim(), Some(rest.strip_suffix(')').ok_or_else(|| invalid(item))?)),
        None => (item, None),
    };
    if name == "*" && scope.model.is_partial {
        return Err(path::unknown_property(scope, name, scope.structured));
    }
    if name == "*" {
        let is_expandable = |navigation: &&Arc<Navigation>| navigation.is_expandable && !is_restricted(&navigation.name, scope);
        for navigation in scope.structured.navigations.iter().filter(is_expandable) {
            items.push(expanded(navigation, None, scope, options, depth)?);
        }
        return Ok(());
    }
    if name.is_empty() {
        return Err(invalid(item));
    }
    let (mut owner, mut cast, mut member, mut shown) = (scope.structured, None, String::new(), String::new());
    let mut segments = name.split('/').peekable();
    while let Some(segment) = segments.next() {
        if segment.contains('.') {
            let id = narrowed(scope, owner.id, segment, item)?;
            owner = scope.model.structured(id);
            cast = Some(id).filter(|_| member.is_empty());
            shown.push_str(&format!("{}/", owner.full_name));
            continue;
        }
        if let Some(navigation) = owner.navigation(segment) {
            if !navigation.is_expandable {
                return Err(Error::new(&refusal::EXPAND_NOT_SUPPORTED, &[&navigation.name]));
            }
            if is_restricted(&[member.trim_start_matches('/'), &navigation.name].join("/"), scope) {
                let (term, property) = PropertyList::NonExpandable.statement();
                let detail = format!("{term}/{property} of the schema has {}", navigation.name);
                return Err(Error::new(&refusal::RESTRICTED_OPTION, &[Name::Expand.library_text()]).with_detail(detail));
            }
            let mut of = None;
            while let Some(name) = segments.next_if(|segment| segment.contains('.')) {
                of = Some(narrowed(scope, of.unwrap_or(navigation.target), name, item)?);
            }
            let part = match (segments.next(), segments.next()) {
                (None, _) => ExpandPart::Entities,
                (Some("$ref"), None) => ExpandPart::References,
                (Some("$count"), None) => ExpandPart::Count,
                _ => return Err(invalid(item)),
            };
            let inner = expanded(navigation, of, scope, options, depth)?;
            items.push(ExpandItem { cast, of, member, part, name: shown + &inner.name, ..inner });
            return Ok(());
        }
        let index = owner.property(segment).filter(|index| scope.is_named(owner, *index));
        let Some(index) = index else { return Err(path::unknown_property(scope, segment, owner)) };
        let property = &owner.properties[index];
        match property.kind {
            PropertyType::Complex(id) if segments.peek().is_some() => {
                owner = scope.model.structured(id);
                member.push_str(&format!("/{}", property.name));
                shown.push_str(&format!("{}/", property.name));
            }
            PropertyType::Complex(_) => return Err(Error::new(&refusal::EXPAND_NOT_SUPPORTED, &[&property.name])),
            _ => return Err(Error::new(&refusal::EXPAND_OF_A_VALUE, &[&property.name, &owner.full_name])),
        }
    }
    Err(invalid(item))
}

/// Whether the schema excludes the navigation property of a path from expansions of this resource.
fn is_restricted(path: &str, scope: Scope<'_>) -> bool {
    scope.model.lists(scope.restrictions, PropertyList::NonExpandable, path.trim_start_matches('/'))
}

/// Returns the type that a segment narrows another one to.
fn narrowed(scope: Scope<'_>, declared: TypeId, segment: &str, item: &str) -> Result<TypeId, Error> {
    match scope.model.resolve(segment) {
        Some(NamedType::Structured(id)) if scope.model.is_a(id, declared) => Ok(id),
        // It may be in the part of the schema that is not read.
        None if scope.model.is_partial => Err(path::unknown_segment(segment, &scope.model.structured(declared).full_name)),
        _ => Err(invalid(item)),
    }
}

/// Returns the expansion of a navigation property with its options, which are those of a derived type if the item names one.
fn expanded<'m>(
    navigation: &'m Navigation,
    of: Option<TypeId>,
    scope: Scope<'m>,
    options: Option<&str>,
    depth: usize,
) -> Result<ExpandItem<'m>, Error> {
    let structured: &'m StructuredType = scope.model.structured(of.unwrap_or(navigation.target));
    let (mut levels, mut kept) = (None, Vec::new());
    let mut known = SystemQueryOptions::default();
    for (_, option) in pieces(options.unwrap_or_default(), ';').into_iter().filter(|(_, option)| !option.trim().is_empty()) {
        let (name, value) = option.split_once('=').ok_or_else(|| invalid(option))?;
        let name = name.trim();
        if name.trim_start_matches('$').eq_ignore_ascii_case("levels") {
            let number = match value.trim() {
                "max" => MAX_DEPTH,
                // A number begins with another digit than zero (OData 4.0 ABNF, levels).
                number if number.starts_with(['0', '+']) => return Err(invalid(option)),
                number => number.parse::<usize>().map_err(|_| invalid(option))?.min(MAX_DEPTH),
            };
            if levels.replace(number).is_some() {
                return Err(Error::new(&refusal::DUPLICATE_QUERY_OPTION, &["$levels"]));
            }
            continue;
        }
        known.set(name, value)?;
        if Name::parse(name) != Some(Name::Skip) {
            kept.push((name.to_owned(), value.trim().to_owned()));
        }
    }
    if known.has(Name::SkipToken) || known.has(Name::Format) {
        return Err(invalid(options.unwrap_or_default()));
    }
    let target = if navigation.is_collection { QueryTarget::Collection } else { QueryTarget::Entity };
    let (search, rules) = (structured.search, structured.rare().queries);
    let restrictions = match scope.behaviors.schema_restrictions {
        SchemaRestrictions::Enforce => navigation.restrictions.over(structured.restrictions),
        SchemaRestrictions::Ignore => Restrictions::NONE,
    };
    let query = Query::of(known, Scope { structured, search, rules, restrictions, ..scope }, target, depth + 1)?;
    Ok(ExpandItem {
        navigation,
        cast: None,
        of,
        member: String::new(),
        part: ExpandPart::Entities,
        query,
        options: kept,
        levels: levels.unwrap_or(1),
        name: navigation.name.to_string(),
        is_requested: true,
    })
}

fn invalid(item: &str) -> Error {
    Error::new(&refusal::INVALID_SELECT, &[item])
}

/// Splits a text at a separator outside of parentheses and strings. Returns the pieces with their offsets.
fn pieces(text: &str, separator: char) -> Vec<(usize, &str)> {
    let (mut found, mut start, mut depth, mut is_quoted) = (Vec::new(), 0, 0_usize, false);
    for (at, character) in text.char_indices() {
        match character {
            // A doubled quote ends the string and begins it again.
            '\'' => is_quoted = !is_quoted,
            '(' if !is_quoted => depth += 1,
            ')' if !is_quoted => depth = depth.saturating_sub(1),
            character if character == separator && !is_quoted && depth == 0 => {
                found.push((start, &text[start..at]));
                start = at + character.len_utf8();
            }
            _ => {}
        }
    }
    found.push((start, &text[start..]));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_separated_outside_of_parentheses_and_strings() {
        let split = |text| pieces(text, ',').into_iter().map(|(_, piece)| piece).collect::<Vec<_>>();
        assert_eq!(split("a,b($select=c,d;$filter=e eq 'f,''(')"), ["a", "b($select=c,d;$filter=e eq 'f,''(')"]);
        assert_eq!(split(""), [""]);
        assert_eq!(pieces("$select=a;$filter=b eq ';'", ';').len(), 2);
    }
}
