//! Deprecations, as the term Org.OData.Core.V1.Revisions states them.

use super::{Document, State, Target};

const TERM: &str = "Org.OData.Core.V1.Revisions";

/// A deprecated type, member, operation, set or singleton.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Revision {
    /// The qualified name, with `/` before a member and parentheses around the types of an operation's parameters.
    pub(crate) target: Box<str>,
    /// The date of the deprecation, or nothing.
    pub(crate) since: Box<str>,
    /// The date of the removal, or nothing.
    pub(crate) removal: Box<str>,
    /// The text for people, or nothing.
    pub(crate) description: Box<str>,
}

/// The state of reading revisions.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// Whether an annotation with revisions is open.
    is_open: bool,
    /// The open record.
    record: Option<Revision>,
    /// The kind of the open record.
    kind: String,
    /// The open property of the record.
    property: String,
    /// Whether an element with text is open.
    is_text: bool,
    /// Its text so far: a reference to a character splits it.
    text: String,
    /// The number of revisions before the open operation: those behind it have its parameters to come.
    before_operation: Option<usize>,
}

impl Reading {
    /// Whether texts are read, and attributes with texts for people.
    pub(super) fn is_reading(&self) -> bool {
        self.record.is_some()
    }

    fn set(&mut self, value: &str) {
        let Some(record) = &mut self.record else { return };
        match self.property.as_str() {
            "Date" => record.since = value.into(),
            "RemovalDate" => record.removal = value.into(),
            "Description" => record.description = value.into(),
            "Kind" => value.rsplit('/').next().unwrap_or_default().clone_into(&mut self.kind),
            _ => {}
        }
    }
}

impl State<'_> {
    /// Reads the start of an element.
    pub(super) fn open_revision<'t>(&mut self, element: &str, attribute: impl Fn(&str) -> Option<&'t str>, is_empty: bool) {
        match element {
            "Annotation" => self.revisions.is_open = !is_empty && attribute("Term") == Some(TERM),
            "Action" | "Function" => self.revisions.before_operation = (!is_empty).then_some(self.document.revisions.len()),
            _ if !self.revisions.is_open => {}
            "Record" => {
                let target = self.revised().unwrap_or_default().into();
                self.revisions.record = Some(Revision { target, ..Revision::default() });
                self.revisions.kind.clear();
            }
            "PropertyValue" => {
                attribute("Property").unwrap_or_default().clone_into(&mut self.revisions.property);
                if let Some(value) = ["Date", "String", "EnumMember"].into_iter().find_map(attribute) {
                    self.revisions.set(value);
                }
            }
            "Date" | "String" | "EnumMember" => {
                self.revisions.is_text = !is_empty;
                self.revisions.text.clear();
            }
            _ => {}
        }
    }

    /// Reads a text.
    pub(super) fn revision_text(&mut self, text: &str) {
        if self.revisions.is_text {
            self.revisions.text.push_str(text);
        }
    }

    /// Reads the end of an element.
    pub(super) fn close_revision(&mut self, element: &str) {
        match element {
            "Annotation" => self.revisions.is_open = false,
            "Date" | "String" | "EnumMember" if self.revisions.is_text => {
                self.revisions.is_text = false;
                let text = std::mem::take(&mut self.revisions.text);
                self.revisions.set(text.trim());
            }
            "Record" => {
                let deprecated = self.revisions.record.take().filter(|_| self.revisions.kind == "Deprecated");
                self.document.revisions.extend(deprecated.filter(|revision| !revision.target.is_empty()));
            }
            "Action" | "Function" => {
                let Some(before) = self.revisions.before_operation.take() else { return };
                let Document { operations, revisions, .. } = &self.document;
                if revisions.len() == before {
                    return;
                }
                let Some(operation) = operations.last() else { return };
                let types =
                    operation.parameters.iter().map(|parameter| self.document.expanded(operation.schema, &parameter.type_name));
                let parameters = types.collect::<Vec<_>>().join(", ");
                for revision in &mut self.document.revisions[before..] {
                    revision.target = format!("{}({parameters})", revision.target).into();
                }
            }
            _ => {}
        }
    }

    /// Returns the name of what the open annotation is about.
    fn revised(&self) -> Option<String> {
        if let Some((schema, target)) = &self.annotated {
            let (head, rest) = target.find(['(', '/']).map_or((&**target, ""), |at| target.split_at(at));
            let types =
                rest.strip_prefix('(').and_then(|rest| rest.split_once(')').filter(|_| !rest.contains(")/")).map(|_| rest));
            let name = self.document.expand(*schema, head);
            let Some(types) = types else { return Some(format!("{name}{rest}")) };
            let types = types.strip_suffix(')').unwrap_or(types);
            let types = types.split(',').map(|text| self.document.expanded(*schema, text.trim())).collect::<Vec<_>>();
            return Some(format!("{name}({})", types.join(", ")));
        }
        if self.revisions.before_operation.is_some() {
            let operation = self.document.operations.last()?;
            return Some(self.document.qualified(operation.schema, &operation.name));
        }
        let (owner, member): Target = self.target()?;
        Some(member.map_or_else(|| owner.clone(), |member| format!("{owner}/{member}")))
    }
}

impl Document<'_> {
    /// Returns the qualified name of a type, or of that of a collection, with its alias resolved.
    fn expanded(&self, schema: usize, type_name: &str) -> String {
        let item = type_name.strip_prefix("Collection(").and_then(|rest| rest.strip_suffix(')'));
        item.map_or_else(
            || self.expand(schema, type_name).into_owned(),
            |item| format!("Collection({})", self.expand(schema, item)),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::{read, read_any};

    /// A document with a deprecation in each form that the vocabulary allows.
    const DOCUMENT: &str = r#"<edmx:Edmx xmlns:edmx="e" Version="4.0"><edmx:DataServices><Schema Namespace="contoso.fleet" Alias="self" xmlns="x">
        <EntityType Name="ship"><Key><PropertyRef Name="id"/></Key><Property Name="id" Type="Edm.String" Nullable="false"/>
          <Property Name="mast" Type="Edm.String"><Annotation Term="Org.OData.Core.V1.Revisions"><Collection><Record>
            <PropertyValue Property="Kind" EnumMember="Org.OData.Core.V1.RevisionKind/Deprecated"/><PropertyValue Property="Date" Date="2025-01-01"/>
          </Record></Collection></Annotation></Property></EntityType>
        <Function Name="berths" IsBound="true"><Annotation Term="Org.OData.Core.V1.Revisions"><Collection>
            <Record><PropertyValue Property="Kind"><EnumMember>Org.OData.Core.V1.RevisionKind/Added</EnumMember></PropertyValue></Record>
            <Record><PropertyValue Property="Kind"><EnumMember>Org.OData.Core.V1.RevisionKind/Deprecated</EnumMember></PropertyValue>
              <PropertyValue Property="RemovalDate"><Date>2026-01-01</Date></PropertyValue><PropertyValue Property="Description"><String>Use moorings.</String></PropertyValue></Record>
          </Collection></Annotation><Parameter Name="bound" Type="Collection(self.ship)"/><ReturnType Type="Edm.Int32"/></Function>
        <EntityContainer Name="service"><EntitySet Name="ships" EntityType="self.ship"/><EntitySet Name="boats" EntityType="self.ship">
          <Annotation Term="Org.OData.Core.V1.Revisions"><Collection><Record><PropertyValue Property="Kind" EnumMember="Org.OData.Core.V1.RevisionKind/Deprecated"/>
          </Record></Collection></Annotation></EntitySet></EntityContainer>
        <Annotations Target="self.tow(self.ship, Collection(self.ship))"><Annotation Term="Org.OData.Core.V1.Revisions"><Collection><Record>
          <PropertyValue Property="Description" String="Use &quot;pull&quot;."/><PropertyValue Property="Kind" EnumMember="Org.OData.Core.V1.RevisionKind/Deprecated"/>
          </Record></Collection></Annotation></Annotations>
        <Annotations Target="self.ship"><Annotation Term="Org.OData.Core.V1.Revisions"><Collection><Record>
          <PropertyValue Property="Date" Date="2024-01-01"/><PropertyValue Property="Kind"><EnumMember>Org.OData.Core.V1.RevisionKind/Deprecated</EnumMember></PropertyValue>
          <PropertyValue Property="RemovalDate" Date="2027-01-01"/></Record></Collection></Annotation></Annotations>
      </Schema></edmx:DataServices></edmx:Edmx>"#;

    #[test]
    fn every_form_of_a_deprecation_is_read_in_either_way() {
        let expected = [
            ("contoso.fleet.ship/mast", "2025-01-01", "", ""),
            ("contoso.fleet.berths(Collection(contoso.fleet.ship))", "", "2026-01-01", "Use moorings."),
            ("contoso.fleet.service/boats", "", "", ""),
            ("contoso.fleet.tow(contoso.fleet.ship, Collection(contoso.fleet.ship))", "", "", "Use \"pull\"."),
            ("contoso.fleet.ship", "2024-01-01", "2027-01-01", ""),
        ];
        for document in [read(DOCUMENT).unwrap(), read_any(DOCUMENT).unwrap(), super::super::tags::read(DOCUMENT).unwrap()] {
            let found: Vec<_> =
                document.revisions.iter().map(|row| (&*row.target, &*row.since, &*row.removal, &*row.description)).collect();
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn a_text_is_whole_where_references_to_characters_split_it() {
        let document = DOCUMENT.replace("Use moorings.", " Use &quot;moorings&quot; &amp; <![CDATA[<quays>]]> now. ");
        for document in [read(&document).unwrap(), read_any(&document).unwrap()] {
            assert_eq!(&*document.revisions[1].description, "Use \"moorings\" & <quays> now.");
        }
    }
}
