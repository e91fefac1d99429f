//! The deprecations of the schemas in use (`Org.OData.Core.V1.Revisions`): those that given documents state, and for Graph's published schema facts:
//! name, dates, replacement.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::edm::schema::{Model, NamedType, Revision, StructuredType, TypeId};

/// The table: in each line a target, the date, the date of removal, and the replacement or a dash.
static TABLE: &str = include_str!("../../fixtures/model/deprecated-v1.0.txt");

/// The longest text for people, in characters.
const LONGEST: usize = 300;

/// A deprecated type, member, operation, set or singleton.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Deprecation<'m> {
    /// The qualified name, with `/` before a member and `(` before the types of an operation's parameters.
    pub(super) target: &'m str,
    /// The date of the deprecation, or nothing.
    since: &'m str,
    /// The date of the removal, or nothing.
    removal: &'m str,
    /// The name of the replacement, or the text of the document.
    advice: Option<Cow<'m, str>>,
}

impl Deprecation<'_> {
    /// Returns the dates and the replacement as a text.
    pub(super) fn text(&self) -> String {
        let dated = |word: &str, date: &str| if date.is_empty() { word.to_owned() } else { format!("{word} {date}") };
        let mut parts = vec![dated("deprecated", self.since)];
        if !self.removal.is_empty() {
            parts.push(dated("removed", self.removal));
        }
        let text = parts.join(", ");
        self.advice.as_ref().map_or_else(|| text.clone(), |advice| format!("{text}; {advice}"))
    }
}

/// The deprecations of a version, by what they are about.
pub(super) struct Deprecations<'m> {
    model: &'m Model,
    /// The types, by their names in lower case.
    types: HashMap<String, Deprecation<'m>>,
    /// The members of each type, by its name in lower case. All other owners are containers.
    members: HashMap<String, Vec<(&'m str, Deprecation<'m>)>>,
    /// The operations by their local names, with the first parameter's type.
    operations: Vec<(&'m str, &'m str, Deprecation<'m>)>,
}

impl<'m> Deprecations<'m> {
    /// Returns the deprecations of a version's schema.
    pub(super) fn of(model: &'m Model) -> Deprecations<'m> {
        let given = |revisions: &'m [Revision]| -> Vec<Deprecation<'m>> {
            let row = |revision: &'m Revision| {
                let end = revision.description.char_indices().nth(LONGEST).map_or(revision.description.len(), |(at, _)| at);
                let text = revision.description[..end].trim();
                let advice = (!text.is_empty()).then_some(Cow::Borrowed(text));
                Deprecation { target: &revision.target, since: &revision.since, removal: &revision.removal, advice }
            };
            revisions.iter().map(row).collect()
        };
        let mut found = Deprecations { model, types: HashMap::new(), members: HashMap::new(), operations: Vec::new() };
        for row in model.revisions().map_or_else(|| published().collect(), given) {
            let target = row.target;
            if let Some((qualified, parameters)) = target.split_once('(') {
                let bound = parameters.trim_start_matches("Collection(");
                let bound = bound.split([',', ')']).next().unwrap_or_default();
                found.operations.push((qualified.rsplit('.').next().unwrap_or_default(), bound, row));
            } else if let Some((owner, member)) = target.split_once('/') {
                found.members.entry(owner.to_ascii_lowercase()).or_default().push((member, row));
            } else {
                found.types.entry(target.to_ascii_lowercase()).or_insert(row);
            }
        }
        found
    }

    /// Returns the deprecation of a type.
    pub(super) fn of_type(&self, full_name: &str) -> Option<&Deprecation<'m>> {
        self.types.get(&full_name.to_ascii_lowercase())
    }

    /// Returns the deprecation of a member of a type, which a base type may have declared.
    pub(super) fn of_member(&self, owner: &StructuredType, member: &str) -> Option<&Deprecation<'m>> {
        if self.members.is_empty() {
            return None;
        }
        let base = |known: &&StructuredType| self.model.find_structured(known.base?);
        std::iter::successors(Some(owner), |known| base(known))
            .take(64)
            .find_map(|known| named(self.members.get(&known.full_name.to_ascii_lowercase())?, member))
    }

    /// Returns the deprecation of a set or a singleton.
    pub(super) fn of_root(&self, name: &str) -> Option<&Deprecation<'m>> {
        let is_container = |owner: &str| self.model.resolve(owner).is_none();
        self.members.iter().filter(|(owner, _)| is_container(owner)).find_map(|(_, rows)| named(rows, name))
    }

    /// Returns the deprecation of an operation that is bound to a type, or to nothing.
    pub(super) fn of_operation(&self, name: &str, bound: Option<TypeId>) -> Option<&Deprecation<'m>> {
        let is_bound_to = |type_name: &str| match bound {
            None => !matches!(self.model.resolve(type_name), Some(NamedType::Structured(_))),
            Some(id) => self.model.resolve(type_name) == Some(NamedType::Structured(id)),
        };
        let fits = |(known, first, _): &&(&str, &str, Deprecation<'m>)| known.eq_ignore_ascii_case(name) && is_bound_to(first);
        self.operations.iter().find(fits).map(|(_, _, row)| row)
    }
}

/// Returns the deprecations of the published schema.
fn published() -> impl Iterator<Item = Deprecation<'static>> {
    TABLE.lines().filter_map(|line| {
        let mut parts = line.split('\t');
        let (target, since, removal, replacement) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let advice = (replacement != "-").then(|| Cow::Owned(format!("use {replacement}")));
        Some(Deprecation { target, since, removal, advice })
    })
}

/// Returns the row with a name among some.
fn named<'r, 'm>(rows: &'r [(&str, Deprecation<'m>)], name: &str) -> Option<&'r Deprecation<'m>> {
    rows.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, row)| row)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the table of a schema document.
    fn table_of(csdl: &str) -> String {
        let attribute = |text: &str, before: &str| {
            let rest = &text[text.find(before)? + before.len()..];
            Some(rest[..rest.find('"')?].to_owned())
        };
        let mut table = String::new();
        for part in csdl.split("<Annotations Target=\"").skip(1) {
            let (target, rest) = part.split_once('"').unwrap();
            let rest = rest.split("</Annotations>").next().unwrap();
            let Some((_, revision)) = rest.split_once("Org.OData.Core.V1.Revisions\"") else { continue };
            let revision = revision.split("</Collection>").next().unwrap();
            assert!(revision.contains("RevisionKind/Deprecated"), "{target}");
            let dated = |name: &str| attribute(revision, &format!("Property=\"{name}\" Date=\"")).unwrap();
            let description = attribute(revision, "Property=\"Description\" String=\"").unwrap_or_default();
            let words: Vec<&str> = description.split([' ', '.']).filter(|word| !word.is_empty()).collect();
            let named = words.windows(2).find_map(|pair| {
                let is_cue = ["Use", "use", "to", "the"].contains(&pair[0]);
                let is_name = pair[1].contains('_') || pair[1].chars().skip(1).any(char::is_uppercase);
                (is_cue && is_name && pair[1].chars().next().is_some_and(char::is_lowercase)).then_some(pair[1])
            });
            let own = target.rsplit(['/', '.']).next().unwrap();
            let replacement = named.filter(|name| *name != own).unwrap_or("-");
            table.push_str(&format!("{target}\t{}\t{}\t{replacement}\n", dated("Date"), dated("RemovalDate")));
        }
        table
    }

    /// `WFI_EMULATOR_WRITE_SCHEMA` names the schema document to write the table from, as for the compact form of the schema.
    #[test]
    fn the_table_is_written_from_a_schema_document() {
        if let Some(file) = std::env::var_os("WFI_EMULATOR_WRITE_SCHEMA") {
            let table = table_of(&std::fs::read_to_string(file).unwrap());
            std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/model/deprecated-v1.0.txt"), table).unwrap();
        }
        let document = r#"<Annotations Target="microsoft.graph.a/b"><Annotation Term="Org.OData.Core.V1.Revisions"><Collection><Record>
            <PropertyValue Property="Date" Date="2021-09-03" /><PropertyValue Property="Description" String="Gone. Please refer to bV2" />
            <PropertyValue Property="Kind"><EnumMember>Org.OData.Core.V1.RevisionKind/Deprecated</EnumMember></PropertyValue>
            <PropertyValue Property="RemovalDate" Date="2023-10-01" /></Record></Collection></Annotation></Annotations>"#;
        assert_eq!(table_of(document), "microsoft.graph.a/b\t2021-09-03\t2023-10-01\tbV2\n");
    }

    #[test]
    fn every_line_of_the_table_is_read() {
        assert_eq!(published().count(), TABLE.lines().count());
        assert!(published().count() > 50);
        let schema = crate::workloads::schema_with_rest();
        let model = schema.whole().unwrap().model(crate::edm::schema::Version::V1);
        let known = Deprecations::of(model);
        let structured = |name: &str| match model.resolve(name) {
            Some(NamedType::Structured(id)) => model.structured(id),
            other => panic!("{name}: {other:?}"),
        };
        let granted = known.of_member(structured("microsoft.graph.permission"), "grantedTo").unwrap();
        assert_eq!(granted.text(), "deprecated 2021-09-03, removed 2023-10-01; use grantedToV2");
        let drive = Some(structured("microsoft.graph.drive").id);
        assert!(known.of_operation("recent", drive).is_some() && known.of_operation("delta", drive).is_none());
        assert!(known.of_operation("recent", Some(structured("microsoft.graph.user").id)).is_none());
        assert!(known.of_type("microsoft.graph.alert").is_some() && known.of_type("microsoft.graph.user").is_none());
        // Each row is about something that the schema has.
        for row in published() {
            let name = row.target.split(['/', '(']).next().unwrap();
            let is_operation = row.target.contains('(');
            assert!(is_operation || model.resolve(name).is_some(), "{}", row.target);
        }
    }
}
