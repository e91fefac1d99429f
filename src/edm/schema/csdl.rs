//! Parses a CSDL XML document into declarations, unresolved.
//!
//! OData CSDL XML 4.01 defines the elements and attributes. Unused elements (most annotations, actions, functions) are ignored;
//! unsupported ones that would be misread are errors.

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::SchemaError;

/// The declarations of one document.
#[derive(Debug, Default)]
pub(super) struct Document {
    pub(super) namespace: String,
    pub(super) alias: String,
    pub(super) types: Vec<TypeDeclaration>,
    pub(super) enums: Vec<EnumDeclaration>,
    pub(super) roots: Vec<RootDeclaration>,
    /// The targets of `Org.OData.Core.V1.Computed`, as `type/property` without the namespace.
    pub(super) computed: Vec<String>,
}

#[derive(Debug)]
pub(super) struct TypeDeclaration {
    pub(super) name: String,
    pub(super) is_entity: bool,
    pub(super) base: Option<String>,
    pub(super) is_abstract: bool,
    pub(super) is_open: bool,
    pub(super) key: Vec<String>,
    pub(super) properties: Vec<PropertyDeclaration>,
    pub(super) navigations: Vec<NavigationDeclaration>,
}

#[derive(Debug)]
pub(super) struct PropertyDeclaration {
    pub(super) name: String,
    pub(super) type_name: String,
    pub(super) nullable: bool,
}

#[derive(Debug)]
pub(super) struct NavigationDeclaration {
    pub(super) name: String,
    pub(super) type_name: String,
    pub(super) contains_target: bool,
}

#[derive(Debug)]
pub(super) struct EnumDeclaration {
    pub(super) name: String,
    pub(super) is_flags: bool,
    pub(super) members: Vec<(String, i64)>,
}

/// A singleton or an entity set of the container.
#[derive(Debug)]
pub(super) struct RootDeclaration {
    pub(super) name: String,
    pub(super) type_name: String,
    pub(super) is_singleton: bool,
}

/// Parses a document.
pub(super) fn read(xml: &str) -> Result<Document, SchemaError> {
    let mut reader = Reader::from_str(xml);
    let mut document = Document::default();
    let mut annotated = None;
    loop {
        let event = reader.read_event();
        let line = || line_of(xml, reader.buffer_position());
        match event.map_err(|error| SchemaError::new(line(), error.to_string()))? {
            Event::Start(element) | Event::Empty(element) => {
                read_element(&mut document, &mut annotated, &element).map_err(|reason| SchemaError::new(line(), reason))?;
            }
            Event::End(element) if element.local_name().as_ref() == "Annotations" => annotated = None,
            Event::Eof => break,
            _ => {}
        }
    }
    if document.namespace.is_empty() {
        return Err(SchemaError::new(1, "missing element <Schema Namespace=\"…\">".to_owned()));
    }
    Ok(document)
}

fn line_of(xml: &str, position: u64) -> usize {
    let end = usize::try_from(position).unwrap_or(xml.len()).min(xml.len());
    xml.get(..end).unwrap_or(xml).matches('\n').count() + 1
}

/// Adds the declaration of a start tag to the document. `annotated` is the target of the open `Annotations` element.
fn read_element(document: &mut Document, annotated: &mut Option<String>, element: &BytesStart<'_>) -> Result<(), String> {
    let attribute = |name: &str| attribute_of(element, name);
    let required =
        |name: &str| attribute(name)?.ok_or_else(|| format!("missing attribute {name} of <{}>", element.local_name().as_ref()));
    let identifier =
        || required("Name").and_then(|name| if is_identifier(&name) { Ok(name) } else { Err(invalid_identifier("Name", &name)) });
    let flag = |name: &str, absent: bool| match attribute(name)?.as_deref() {
        None => Ok(absent),
        Some("true") => Ok(true),
        Some("false") => Ok(false),
        Some(other) => Err(format!("invalid value '{other}' of attribute {name}: expected true or false")),
    };
    match element.local_name().as_ref() {
        "Schema" => {
            if !document.namespace.is_empty() {
                return Err("duplicate <Schema>: only one namespace is supported".to_owned());
            }
            let namespace = required("Namespace")?;
            if !namespace.split('.').all(is_identifier) {
                return Err(invalid_identifier("Namespace", &namespace));
            }
            document.namespace = namespace;
            document.alias = attribute("Alias")?.unwrap_or_else(|| document.namespace.clone());
        }
        name @ ("EntityType" | "ComplexType") => document.types.push(TypeDeclaration {
            name: identifier()?,
            is_entity: name == "EntityType",
            base: attribute("BaseType")?,
            is_abstract: flag("Abstract", false)?,
            is_open: flag("OpenType", false)?,
            key: Vec::new(),
            properties: Vec::new(),
            navigations: Vec::new(),
        }),
        "PropertyRef" => {
            let name = required("Name")?;
            current_type(document)?.key.push(name);
        }
        "Property" => {
            let property =
                PropertyDeclaration { name: identifier()?, type_name: required("Type")?, nullable: flag("Nullable", true)? };
            current_type(document)?.properties.push(property);
        }
        "NavigationProperty" => {
            let navigation = NavigationDeclaration {
                name: identifier()?,
                type_name: required("Type")?,
                contains_target: flag("ContainsTarget", false)?,
            };
            current_type(document)?.navigations.push(navigation);
        }
        "EnumType" => {
            document.enums.push(EnumDeclaration { name: identifier()?, is_flags: flag("IsFlags", false)?, members: Vec::new() });
        }
        "Member" => {
            let name = identifier()?;
            let text = required("Value")?;
            let value = text.parse().map_err(|_| format!("invalid value '{text}' of member {name}: expected an integer"))?;
            let owner = document.enums.last_mut().ok_or("misplaced <Member>: expected in an <EnumType>")?;
            owner.members.push((name, value));
        }
        name @ ("Singleton" | "EntitySet") => {
            let is_singleton = name == "Singleton";
            let type_name = required(if is_singleton { "Type" } else { "EntityType" })?;
            document.roots.push(RootDeclaration { name: identifier()?, type_name, is_singleton });
        }
        "Annotations" => *annotated = Some(required("Target")?),
        "Annotation" if attribute("Term")?.as_deref() == Some("Org.OData.Core.V1.Computed") && flag("Bool", true)? => {
            let target = annotated.as_deref().ok_or("misplaced Computed annotation: expected in <Annotations Target=\"…\">")?;
            let local = target.rsplit_once('.').map_or(target, |(_, local)| local);
            document.computed.push(local.to_owned());
        }
        _ => {}
    }
    Ok(())
}

/// Whether a text is a simple identifier (OData CSDL 4.01, 15.2), which needs no escape in paths and in JSON.
fn is_identifier(text: &str) -> bool {
    let is_start = |first: char| first.is_alphabetic() || first == '_';
    text.chars().next().is_some_and(is_start)
        && text.chars().all(|letter| letter.is_alphanumeric() || letter == '_')
        && text.chars().count() <= 128
}

fn invalid_identifier(attribute: &str, found: &str) -> String {
    let escaped: String = found.chars().take(128).flat_map(char::escape_debug).collect();
    format!("invalid {attribute} '{escaped}': use letters, digits and underscores")
}

fn current_type(document: &mut Document) -> Result<&mut TypeDeclaration, String> {
    document.types.last_mut().ok_or_else(|| "misplaced property: expected in an <EntityType> or <ComplexType>".to_owned())
}

fn attribute_of(element: &BytesStart<'_>, name: &str) -> Result<Option<String>, String> {
    let attribute = element.try_get_attribute(name).map_err(|error| error.to_string())?;
    let Some(attribute) = attribute else { return Ok(None) };
    let value = attribute.normalized_value(XmlVersion::Explicit1_0).map_err(|error| error.to_string())?;
    Ok(Some(value.into_owned()))
}
