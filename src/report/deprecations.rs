//! The deprecations in Graph's published schema (`Org.OData.Core.V1.Revisions`), as facts: name, dates, replacement.

use std::collections::HashMap;
use std::sync::LazyLock;

/// The table: in each line a target, the date, the date of removal, and the replacement or a dash.
static TABLE: &str = include_str!("../../fixtures/model/deprecated-v1.0.txt");

/// A deprecated type, member, or operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Deprecation {
    /// The qualified name, with `/` before a member and `(` before the type that an operation is bound to.
    pub(super) target: &'static str,
    /// The date of the deprecation.
    pub(super) since: &'static str,
    /// The date of the removal.
    pub(super) removal: &'static str,
    /// The replacement, if the schema names one.
    pub(super) replacement: Option<&'static str>,
}

/// The deprecations by what they are about.
#[derive(Default)]
struct Index {
    types: HashMap<&'static str, Deprecation>,
    /// The members of each type.
    members: HashMap<&'static str, Vec<(&'static str, Deprecation)>>,
    /// The operations by their local names.
    operations: Vec<(&'static str, Deprecation)>,
}

static INDEX: LazyLock<Index> = LazyLock::new(|| {
    let mut index = Index::default();
    for row in all() {
        if let Some((qualified, _)) = row.target.split_once('(') {
            index.operations.push((qualified.rsplit('.').next().unwrap_or_default(), row));
        } else if let Some((owner, member)) = row.target.split_once('/') {
            index.members.entry(owner).or_default().push((member, row));
        } else {
            index.types.entry(row.target).or_insert(row);
        }
    }
    index
});

/// Returns all deprecations.
pub(super) fn all() -> impl Iterator<Item = Deprecation> {
    TABLE.lines().filter_map(|line| {
        let mut parts = line.split('\t');
        let (target, since, removal, replacement) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        Some(Deprecation { target, since, removal, replacement: Some(replacement).filter(|name| *name != "-") })
    })
}

/// Returns the row with a name among some.
fn named(rows: &[(&str, Deprecation)], name: &str) -> Option<Deprecation> {
    rows.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, row)| *row)
}

/// Returns the deprecation of a type.
pub(super) fn of_type(full_name: &str) -> Option<Deprecation> {
    INDEX.types.get(full_name).copied()
}

/// Returns the deprecation of a member of a type.
pub(super) fn of_member(full_name: &str, member: &str) -> Option<Deprecation> {
    named(INDEX.members.get(full_name)?, member)
}

/// Returns the deprecation of an operation.
pub(super) fn of_operation(name: &str) -> Option<Deprecation> {
    named(&INDEX.operations, name)
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
        assert_eq!(all().count(), TABLE.lines().count());
        assert!(all().count() > 50);
        let granted = of_member("microsoft.graph.permission", "grantedTo").unwrap();
        assert_eq!((granted.since, granted.removal, granted.replacement), ("2021-09-03", "2023-10-01", Some("grantedToV2")));
        assert!(of_operation("recent").is_some() && of_operation("delta").is_none());
        assert!(of_type("microsoft.graph.alert").is_some() && of_type("microsoft.graph.user").is_none());
    }
}
