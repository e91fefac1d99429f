//! Reads CSDL XML (OData CSDL XML 4.01) into declarations, in the order of the document.
//!
//! All schemas of a document are read. Elements that the emulator does not need are skipped; those that could be misread are errors.

mod changed;
mod extend;
mod facts;
pub(super) mod packed;
mod revisions;
mod tags;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use memchr::memchr_iter;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::attributes::{AttrError, Attribute};
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::{SchemaError, names};

pub(super) use changed::{ChangedElement, changed};
pub(super) use extend::{Extension, extend};
pub(super) use facts::Facts;
pub(crate) use facts::PropertyList;
pub(crate) use revisions::Revision;

/// A name or another text of a document, mostly as it is written there.
pub(super) type Text<'x> = Cow<'x, str>;

/// The declarations of one document. Names of types are as written; [`Document::expand`] resolves them.
#[derive(Clone, Debug, Default)]
pub(super) struct Document<'x> {
    pub(super) schemas: Vec<SchemaDeclaration>,
    // Documents of two versions share most declarations.
    pub(super) types: Vec<Arc<TypeDeclaration<'x>>>,
    pub(super) enums: Vec<Arc<EnumDeclaration<'x>>>,
    pub(super) roots: Vec<RootDeclaration<'x>>,
    pub(super) operations: Vec<Arc<OperationDeclaration<'x>>>,
    /// The imports of operations that have other names than these, and the names of the operations, without namespaces.
    pub(super) imports: Vec<(Text<'x>, Text<'x>)>,
    /// Facts of vocabularies, by the names of types in lower case.
    facts: HashMap<Arc<str>, Arc<TypeFacts>, RandomState>,
    /// The deprecations.
    pub(super) revisions: Vec<Revision>,
}

/// The facts of a type and of its members.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct TypeFacts {
    own: Option<Facts>,
    /// Members, of which few have facts.
    members: Vec<(String, Facts)>,
}

impl TypeFacts {
    /// Returns the facts of a member.
    pub(super) fn member(&self, name: &str) -> Option<&Facts> {
        self.members.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, facts)| facts)
    }

    /// Returns the facts of the type itself.
    pub(super) fn own(&self) -> Option<&Facts> {
        self.own.as_ref()
    }
}

/// The target of an annotation: a type, by its name in lower case, or a member of it.
type Target = (String, Option<String>);

/// A namespace and its alias.
#[derive(Clone, Debug)]
pub(super) struct SchemaDeclaration {
    pub(super) namespace: String,
    pub(super) alias: Option<String>,
}

#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "attributes of an element")]
pub(super) struct TypeDeclaration<'x> {
    /// The index of the schema.
    pub(super) schema: usize,
    pub(super) name: Text<'x>,
    pub(super) is_entity: bool,
    pub(super) base: Option<Text<'x>>,
    pub(super) is_abstract: bool,
    pub(super) is_open: bool,
    pub(super) has_stream: bool,
    pub(super) key: Vec<Text<'x>>,
    pub(super) properties: Vec<PropertyDeclaration<'x>>,
    pub(super) navigations: Vec<NavigationDeclaration<'x>>,
    /// The end of its tag in the document, in bytes.
    pub(super) at: usize,
}

impl TypeDeclaration<'_> {
    /// Whether two documents with the same namespaces and aliases declare a type alike.
    pub(super) fn is_alike(&self, other: &TypeDeclaration<'_>) -> bool {
        let flags = |declaration: &TypeDeclaration<'_>| {
            [declaration.is_entity, declaration.is_abstract, declaration.is_open, declaration.has_stream]
        };
        self.schema == other.schema
            && (&self.base, &self.key, flags(self)) == (&other.base, &other.key, flags(other))
            && self.properties.len() == other.properties.len()
            && self.properties.iter().zip(&other.properties).all(|(one, other)| one.is_alike(other))
            && self.navigations.len() == other.navigations.len()
            && self.navigations.iter().zip(&other.navigations).all(|(one, other)| one.is_alike(other))
    }
}

#[derive(Clone, Debug)]
pub(super) struct PropertyDeclaration<'x> {
    pub(super) name: Text<'x>,
    pub(super) type_name: Text<'x>,
    pub(super) nullable: bool,
    pub(super) max_length: Option<usize>,
    pub(super) default: Option<Text<'x>>,
    /// Whether the document that this one extends does not have it.
    pub(super) is_extension: bool,
    /// The end of its tag in the document, in bytes.
    pub(super) at: usize,
}

impl PropertyDeclaration<'_> {
    fn is_alike(&self, other: &PropertyDeclaration<'_>) -> bool {
        let PropertyDeclaration { name, type_name, nullable, max_length, default, is_extension, at: _ } = self;
        (name, type_name, default) == (&other.name, &other.type_name, &other.default)
            && (nullable, max_length, is_extension) == (&other.nullable, &other.max_length, &other.is_extension)
    }
}

#[derive(Clone, Debug)]
pub(super) struct NavigationDeclaration<'x> {
    pub(super) name: Text<'x>,
    pub(super) type_name: Text<'x>,
    pub(super) contains_target: bool,
    pub(super) nullable: bool,
    /// The end of its tag in the document, in bytes.
    pub(super) at: usize,
}

impl NavigationDeclaration<'_> {
    fn is_alike(&self, other: &NavigationDeclaration<'_>) -> bool {
        let NavigationDeclaration { name, type_name, contains_target, nullable, at: _ } = self;
        (name, type_name) == (&other.name, &other.type_name)
            && (contains_target, nullable) == (&other.contains_target, &other.nullable)
    }
}

#[derive(Clone, Debug)]
pub(super) struct EnumDeclaration<'x> {
    pub(super) schema: usize,
    pub(super) name: Text<'x>,
    pub(super) is_flags: bool,
    pub(super) members: Vec<(Text<'x>, i64)>,
    /// The end of its tag in the document, in bytes.
    pub(super) at: usize,
}

impl EnumDeclaration<'_> {
    /// Whether two documents with the same namespaces and aliases declare an enum alike.
    pub(super) fn is_alike(&self, other: &EnumDeclaration<'_>) -> bool {
        let EnumDeclaration { schema, name, is_flags, members, at: _ } = self;
        std::ptr::eq(std::ptr::from_ref(self).cast::<u8>(), std::ptr::from_ref(other).cast::<u8>())
            || (schema, name, is_flags, members) == (&other.schema, &other.name, &other.is_flags, &other.members)
    }
}

/// A singleton or an entity set of the container.
#[derive(Clone, Debug)]
pub(super) struct RootDeclaration<'x> {
    pub(super) schema: usize,
    /// The qualified name of the container.
    pub(super) container: String,
    pub(super) name: Text<'x>,
    pub(super) type_name: Text<'x>,
    pub(super) is_singleton: bool,
    /// The paths of navigation properties, and the sets in which their targets live.
    pub(super) bindings: Vec<(Text<'x>, Text<'x>)>,
    /// The end of its tag in the document, in bytes.
    pub(super) at: usize,
}

/// An action or a function.
#[derive(Clone, Debug)]
pub(super) struct OperationDeclaration<'x> {
    pub(super) schema: usize,
    pub(super) name: Text<'x>,
    pub(super) is_action: bool,
    pub(super) is_bound: bool,
    /// The parameters; the first is the binding parameter of a bound operation.
    pub(super) parameters: Vec<ParameterDeclaration<'x>>,
    pub(super) return_type: Option<Text<'x>>,
    /// The end of its tag in the document, in bytes.
    pub(super) at: usize,
}

#[derive(Clone, Debug)]
pub(super) struct ParameterDeclaration<'x> {
    pub(super) name: Text<'x>,
    pub(super) type_name: Text<'x>,
    pub(super) nullable: bool,
    /// Whether an annotation says that it can be left out.
    pub(super) is_optional: bool,
}

impl Document<'_> {
    /// Returns the qualified name of a type as written in a schema, with its alias resolved.
    pub(super) fn expand<'n>(&self, schema: usize, name: &'n str) -> Cow<'n, str> {
        let (namespace, local) = self.resolve(schema, name);
        if namespace.len() + usize::from(!namespace.is_empty()) + local.len() == name.len() && name.starts_with(namespace) {
            return Cow::Borrowed(name);
        }
        Cow::Owned([namespace, ".", local].concat())
    }

    /// Returns the namespace of a type as written in a schema, with its alias resolved, and its name there. A name without a namespace has an
    /// empty one.
    pub(super) fn resolve<'n>(&'n self, schema: usize, name: &'n str) -> (&'n str, &'n str) {
        let Some(dot) = name.bytes().rposition(|byte| byte == b'.') else { return ("", name) };
        let (prefix, local) = (&name[..dot], &name[dot + 1..]);
        let has_alias = |declaration: &&SchemaDeclaration| declaration.alias.as_deref() == Some(prefix);
        // An alias of the schema itself comes before the same alias of another one.
        let own = self.schemas.get(schema).filter(|declaration| has_alias(declaration));
        let declaration = own.or_else(|| self.schemas.iter().find(has_alias));
        (declaration.map_or(prefix, |declaration| &declaration.namespace), local)
    }

    /// Returns the aliases with their namespaces.
    pub(super) fn aliases(&self) -> impl Iterator<Item = (&str, &str)> {
        self.schemas.iter().filter_map(|declaration| Some((declaration.alias.as_deref()?, declaration.namespace.as_str())))
    }

    /// Returns the qualified name of a declaration.
    pub(super) fn qualified(&self, schema: usize, name: &str) -> String {
        [&self.schemas[schema].namespace, ".", name].concat()
    }

    /// Returns the facts of a type and of its members, if there are any.
    pub(super) fn facts(&self, qualified: &str) -> Option<&TypeFacts> {
        self.facts.get(&*names::lower(qualified, &mut [0; names::SHORT])).map(|facts| &**facts)
    }

    fn facts_to_set(&mut self, (owner, member): Target) -> &mut Facts {
        let facts = Arc::make_mut(self.facts.entry(owner.into()).or_default());
        let Some(member) = member else { return facts.own.get_or_insert_default() };
        let known = facts.members.iter().position(|(known, _)| known.eq_ignore_ascii_case(&member));
        let index = known.unwrap_or_else(|| {
            facts.members.push((member, Facts::default()));
            facts.members.len() - 1
        });
        &mut facts.members[index].1
    }

    /// Whether both documents have the same namespaces and aliases, in the same order.
    pub(super) fn has_schemas_of(&self, other: &Document<'_>) -> bool {
        fn names(schema: &SchemaDeclaration) -> (&str, Option<&str>) {
            (&schema.namespace, schema.alias.as_deref())
        }
        self.schemas.iter().map(names).eq(other.schemas.iter().map(names))
    }

    fn schema(&self) -> Result<usize, String> {
        self.schemas.len().checked_sub(1).ok_or_else(|| "misplaced declaration: expected in a <Schema>".to_owned())
    }
}

/// Parses a document.
pub(super) fn read(xml: &str) -> Result<Document<'_>, SchemaError> {
    // A document unlike nearly all others is left to the library, from the beginning.
    let document = match tags::read(xml) {
        Some(document) => document,
        None => read_any(xml)?,
    };
    if document.schemas.is_empty() {
        return Err(SchemaError::new(1, "missing element <Schema Namespace=\"…\">".to_owned()));
    }
    Ok(document)
}

/// Parses a document with the XML library.
fn read_any(xml: &str) -> Result<Document<'static>, SchemaError> {
    read_into(State::default(), xml).map(|state| state.document)
}

/// The statements of a document that only a check reads.
#[derive(Debug, Default)]
pub(super) struct Checked {
    /// The capabilities that annotations restrict and the emulator does not follow, with their places.
    pub(super) capabilities: Vec<(String, usize)>,
    pub(super) partners: Vec<Partner>,
}

/// The navigation property that another one names as its opposite.
#[derive(Debug)]
pub(super) struct Partner {
    /// The index of the schema.
    pub(super) schema: usize,
    /// The type and the navigation property.
    pub(super) owner: String,
    /// The type of its targets, as written.
    pub(super) type_name: String,
    pub(super) name: String,
    pub(super) at: usize,
}

/// Returns the statements of a document for a check.
pub(super) fn checked(xml: &str) -> Checked {
    let state = State { checked: Some(Checked::default()), ..State::default() };
    read_into(state, xml).ok().and_then(|state| state.checked).unwrap_or_default()
}

fn read_into(mut state: State<'static>, xml: &str) -> Result<State<'static>, SchemaError> {
    let mut reader = Reader::from_str(xml);
    let mut unclosed: Vec<(String, usize)> = Vec::new();
    loop {
        let event = reader.read_event();
        let at = usize::try_from(reader.buffer_position()).unwrap_or(xml.len());
        let problem = |reason: String| SchemaError::new(line_at(xml, at), reason);
        let mut open = |element: &BytesStart<'_>, is_empty: bool| {
            let attributes = attributes_of(element).map_err(problem)?;
            let attributes: Attributes<'_, 'static> =
                attributes.into_iter().map(|(name, value)| (name, Cow::Owned(value.into_owned()))).collect();
            state.open(element.local_name().as_ref(), &attributes, is_empty, at).map_err(problem)
        };
        match event.map_err(|error| problem(error.to_string()))? {
            Event::Start(element) => {
                open(&element, false)?;
                unclosed.push((element.name().as_ref().to_owned(), at));
            }
            Event::Empty(element) => open(&element, true)?,
            Event::End(element) => {
                unclosed.pop();
                state.close(element.local_name().as_ref());
            }
            Event::Text(text) => state.text(text.as_ref()),
            Event::CData(text) => state.text(text.as_ref()),
            Event::GeneralRef(reference) => {
                let character = reference.resolve_char_ref().ok().flatten().map(String::from);
                let predefined = || resolve_predefined_entity(reference.as_ref()).map(str::to_owned);
                state.text(&character.or_else(predefined).unwrap_or_default());
            }
            Event::Eof => {
                return match unclosed.pop() {
                    Some((name, at)) => Err(SchemaError::new(line_at(xml, at), format!("unclosed element <{name}>"))),
                    None => Ok(state),
                };
            }
            _ => {}
        }
    }
}

/// Returns the line of a place in a document, from 1.
pub(super) fn line_at(xml: &str, at: usize) -> usize {
    1 + memchr_iter(b'\n', &xml.as_bytes()[..at.min(xml.len())]).count()
}

/// The state of reading a document.
#[derive(Default)]
struct State<'x> {
    document: Document<'x>,
    /// The schema and the target of the open `Annotations` element.
    annotated: Option<(usize, Text<'x>)>,
    /// The open property or navigation property, the target of annotations within it.
    member: Option<Text<'x>>,
    /// Whether an entity or complex type is open.
    in_type: bool,
    /// The qualified name of the container, which is the last of the document.
    container: String,
    /// Whether an entity set or a singleton is open.
    in_root: bool,
    in_parameter: bool,
    /// The term of the open annotation, if it can set a fact.
    term: Option<Text<'x>>,
    /// The names of the open properties of records in it.
    properties: Vec<Text<'x>>,
    /// The place of the open element whose text is the value of an annotation, or an item of it.
    in_value: Option<usize>,
    /// The statements for a check, if there is one.
    checked: Option<Checked>,
    revisions: revisions::Reading,
}

impl<'x> State<'x> {
    /// Adds the declaration of a start tag to the document.
    #[allow(clippy::too_many_lines, reason = "one arm for each element")]
    fn open(&mut self, element: &str, attributes: &[(&str, Text<'x>)], is_empty: bool, at: usize) -> Result<(), String> {
        let attribute = |name: &str| attributes.iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone());
        let text = |name: &str| attributes.iter().find(|(key, _)| *key == name).map(|(_, value)| &**value);
        let required = |name: &str| attribute(name).ok_or_else(|| format!("missing attribute {name} of <{element}>"));
        let identifier = || {
            required("Name").and_then(|name| if is_identifier(&name) { Ok(name) } else { Err(invalid_identifier("Name", &name)) })
        };
        let flag = |name: &str, absent: bool| match text(name) {
            None => Ok(absent),
            Some("true") => Ok(true),
            Some("false") => Ok(false),
            Some(other) => Err(format!("invalid value '{other}' of attribute {name}: expected true or false")),
        };
        let document = &mut self.document;
        match element {
            "Schema" => {
                let namespace = required("Namespace")?;
                if !namespace.split('.').all(is_identifier) {
                    return Err(invalid_identifier("Namespace", &namespace));
                }
                let alias = attribute("Alias").map(Cow::into_owned);
                document.schemas.push(SchemaDeclaration { namespace: namespace.into_owned(), alias });
            }
            name @ ("EntityType" | "ComplexType") => {
                document.types.push(Arc::new(TypeDeclaration {
                    schema: document.schema()?,
                    name: identifier()?,
                    is_entity: name == "EntityType",
                    base: attribute("BaseType"),
                    is_abstract: flag("Abstract", false)?,
                    is_open: flag("OpenType", false)?,
                    has_stream: flag("HasStream", false)?,
                    key: Vec::new(),
                    properties: Vec::new(),
                    navigations: Vec::new(),
                    at,
                }));
                self.in_type = !is_empty;
            }
            "PropertyRef" => {
                let name = required("Name")?;
                current_type(document)?.key.push(name);
            }
            "Property" => {
                let max_length = text("MaxLength").and_then(|text| text.parse().ok());
                let property = PropertyDeclaration {
                    name: identifier()?,
                    type_name: required("Type")?,
                    nullable: flag("Nullable", true)?,
                    max_length,
                    default: attribute("DefaultValue"),
                    is_extension: false,
                    at,
                };
                self.member = (!is_empty).then(|| property.name.clone());
                current_type(document)?.properties.push(property);
            }
            "NavigationProperty" => {
                let navigation = NavigationDeclaration {
                    name: identifier()?,
                    type_name: required("Type")?,
                    contains_target: flag("ContainsTarget", false)?,
                    nullable: flag("Nullable", true)?,
                    at,
                };
                self.member = (!is_empty).then(|| navigation.name.clone());
                let owner = current_type(document)?;
                if let Some((checked, name)) = self.checked.as_mut().zip(text("Partner")) {
                    checked.partners.push(Partner {
                        schema: owner.schema,
                        owner: format!("{}/{}", owner.name, navigation.name),
                        type_name: navigation.type_name.to_string(),
                        name: name.to_owned(),
                        at,
                    });
                }
                owner.navigations.push(navigation);
            }
            "EnumType" => document.enums.push(Arc::new(EnumDeclaration {
                schema: document.schema()?,
                name: identifier()?,
                is_flags: flag("IsFlags", false)?,
                members: Vec::new(),
                at,
            })),
            "Member" => {
                let name = identifier()?;
                let owner =
                    document.enums.last_mut().map(Arc::make_mut).ok_or("misplaced <Member>: expected in an <EnumType>")?;
                // Members without a value are numbered after the one before (CSDL 4.01, 10.3).
                let value = match text("Value") {
                    Some(text) => {
                        text.parse().map_err(|_| format!("invalid value '{text}' of member {name}: expected an integer"))?
                    }
                    None => owner.members.last().map_or(0, |(_, value)| value.saturating_add(1)),
                };
                owner.members.push((name, value));
            }
            name @ ("Singleton" | "EntitySet") => {
                let is_singleton = name == "Singleton";
                let type_name = required(if is_singleton { "Type" } else { "EntityType" })?;
                let (schema, name, container) = (document.schema()?, identifier()?, self.container.clone());
                document.roots.push(RootDeclaration {
                    schema,
                    container,
                    name,
                    type_name,
                    is_singleton,
                    bindings: Vec::new(),
                    at,
                });
                self.in_root = !is_empty;
            }
            "EntityContainer" => {
                self.container = document.qualified(document.schema()?, text("Name").unwrap_or_default());
            }
            "NavigationPropertyBinding" => {
                let binding = (required("Path")?, required("Target")?);
                if let Some(root) = document.roots.last_mut() {
                    root.bindings.push(binding);
                }
            }
            name @ ("ActionImport" | "FunctionImport") => {
                let operation = required(name.trim_end_matches("Import"))?;
                let (import, local) = (identifier()?, operation.rsplit('.').next().unwrap_or_default());
                if !import.eq_ignore_ascii_case(local) {
                    document.imports.push((import, local.to_owned().into()));
                }
            }
            name @ ("Action" | "Function") => document.operations.push(Arc::new(OperationDeclaration {
                schema: document.schema()?,
                name: identifier()?,
                is_action: name == "Action",
                is_bound: flag("IsBound", false)?,
                parameters: Vec::new(),
                return_type: None,
                at,
            })),
            "Parameter" => {
                let (name, type_name) = (required("Name")?, required("Type")?);
                let parameter = ParameterDeclaration { name, type_name, nullable: flag("Nullable", true)?, is_optional: false };
                self.in_parameter = !is_empty;
                if let Some(operation) = document.operations.last_mut().map(Arc::make_mut) {
                    operation.parameters.push(parameter);
                }
            }
            "ReturnType" => {
                let return_type = required("Type")?;
                if let Some(operation) = document.operations.last_mut().map(Arc::make_mut) {
                    operation.return_type = Some(return_type);
                }
            }
            "Annotations" => {
                self.annotated = Some((document.schema()?, required("Target")?));
            }
            "Annotation" => {
                let term = required("Term")?;
                let is_known = facts::is_known(&term);
                if self.in_parameter
                    && term.ends_with(".OptionalParameter")
                    && let Some(operation) = document.operations.last_mut().map(Arc::make_mut)
                    && let Some(parameter) = operation.parameters.last_mut()
                {
                    parameter.is_optional = true;
                }
                if let Some(target) = is_known.then(|| self.target()).flatten() {
                    let facts = self.document.facts_to_set(target);
                    facts.set(&term, None, text("Bool").or_else(|| text("EnumMember")).unwrap_or("true"));
                }
                self.note_unserved(&term, None, text("Bool").or_else(|| text("EnumMember")), at);
                self.term = (!is_empty && (is_known || self.checked.is_some())).then_some(term);
            }
            "PropertyValue" => {
                let Some(term) = self.term.clone() else {
                    self.open_revision(element, text, is_empty);
                    return Ok(());
                };
                let name = required("Property")?;
                let property = self.record_path(Some(&name)).unwrap_or_default();
                if let Some((value, target)) = text("Bool").or_else(|| text("PropertyPath")).zip(self.target()) {
                    self.document.facts_to_set(target).set(&term, Some(&property), value);
                } else if let Some((list, target)) = facts::list_of(&term, &property).zip(self.target()) {
                    self.document.facts_to_set(target).begin_list(list);
                }
                self.note_unserved(&term, Some(&property), text("Bool"), at);
                if !is_empty {
                    self.properties.push(name);
                }
            }
            "EnumMember" | "Bool" | "PropertyPath" | "NavigationPropertyPath" => self.in_value = (!is_empty).then_some(at),
            _ => {}
        }
        self.open_revision(element, text, is_empty);
        Ok(())
    }

    fn close(&mut self, name: &str) {
        self.close_revision(name);
        match name {
            "Annotations" => self.annotated = None,
            "Annotation" => (self.term, self.properties) = (None, Vec::new()),
            "PropertyValue" => drop(self.properties.pop()),
            "Singleton" | "EntitySet" => self.in_root = false,
            "Property" | "NavigationProperty" => self.member = None,
            "Parameter" => self.in_parameter = false,
            "EntityType" | "ComplexType" => self.in_type = false,
            "EnumMember" | "Bool" | "PropertyPath" | "NavigationPropertyPath" => self.in_value = None,
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        self.revision_text(text);
        let Some((term, at)) = self.term.clone().zip(self.in_value) else { return };
        let property = self.record_path(None);
        // Terms that set no fact are read only to be noted.
        if let Some(target) = facts::is_known(&term).then(|| self.target()).flatten() {
            self.document.facts_to_set(target).set(&term, property.as_deref(), text.trim());
        }
        if property.is_none() {
            self.note_unserved(&term, None, Some(text.trim()), at);
        }
    }

    /// Returns the names of the open properties of records, and of one within them, with slashes between them; `None` outside of records.
    fn record_path(&self, last: Option<&Text<'x>>) -> Option<String> {
        let names: Vec<&str> = self.properties.iter().chain(last).map(|name| &**name).collect();
        (!names.is_empty()).then(|| names.join("/"))
    }

    /// Notes a capability that an annotation restricts, if the emulator does not follow it.
    fn note_unserved(&mut self, term: &str, property: Option<&str>, value: Option<&str>, at: usize) {
        let target = self.target();
        let Some(checked) = &mut self.checked else { return };
        // Of expansions, those of a navigation property are followed.
        let of_navigation =
            target.as_ref().is_some_and(|(owner, member)| member.is_some() && !owner.eq_ignore_ascii_case(&self.container));
        let is_expansion = term.ends_with(".ExpandRestrictions") && property == Some("Expandable");
        checked
            .capabilities
            .extend(facts::unserved(term, property, value).filter(|_| !(is_expansion && of_navigation)).map(|name| (name, at)));
    }

    /// Returns the target of an annotation: that of the open `Annotations`, or the declaration around it.
    fn target(&self) -> Option<Target> {
        if let Some((schema, target)) = &self.annotated {
            let (owner, member) = target.split_once('/').map_or((&**target, None), |(owner, member)| (owner, Some(member)));
            let owner = self.document.expand(*schema, owner).to_ascii_lowercase();
            return Some((owner, member.map(str::to_owned)));
        }
        if let Some(root) = self.document.roots.last().filter(|_| self.in_root) {
            return Some((root.container.to_ascii_lowercase(), Some(root.name.to_string())));
        }
        let declaration = self.document.types.last().filter(|_| self.in_type)?;
        let owner = self.document.qualified(declaration.schema, &declaration.name).to_ascii_lowercase();
        Some((owner, self.member.as_deref().map(str::to_owned)))
    }
}

/// Whether a text is a simple identifier (OData CSDL 4.01, 15.2), which needs no escape in paths and in JSON.
fn is_identifier(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let is_start = |first: char| first.is_alphabetic() || first == '_';
    text.chars().next().is_some_and(is_start)
        && (text.bytes().all(is_plain) || text.chars().all(|letter| letter.is_alphanumeric() || letter == '_'))
        && (text.len() <= 128 || text.chars().count() <= 128)
}

fn invalid_identifier(attribute: &str, found: &str) -> String {
    let escaped: String = found.chars().take(128).flat_map(char::escape_debug).collect();
    format!("invalid {attribute} '{escaped}': use letters, digits and underscores")
}

fn current_type<'d, 'x>(document: &'d mut Document<'x>) -> Result<&'d mut TypeDeclaration<'x>, String> {
    document
        .types
        .last_mut()
        .map(Arc::make_mut)
        .ok_or_else(|| "misplaced property: expected in an <EntityType> or <ComplexType>".to_owned())
}

/// Names and values of attributes.
type Attributes<'e, 'x> = Vec<(&'e str, Text<'x>)>;

/// Reads all attributes of an element.
fn attributes_of<'e>(element: &'e BytesStart<'_>) -> Result<Attributes<'e, 'e>, String> {
    let read = |attribute: Result<Attribute<'e>, AttrError>| {
        let attribute = attribute.map_err(|error| error.to_string())?;
        let value = attribute.normalized_value(XmlVersion::Explicit1_0).map_err(|error| error.to_string())?;
        Ok((attribute.key.into_inner(), value))
    };
    element.attributes().map(read).collect()
}
