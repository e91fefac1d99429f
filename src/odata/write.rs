//! Writes entities as JSON, with the control information of the metadata level.

use std::borrow::Cow;
use std::sync::OnceLock;

use crate::edm::address::entity_address;
use crate::edm::enums;
use crate::edm::schema::{Model, Primitive, Property, PropertyType, StructuredType, Version};
use crate::edm::value::{Complex, Entity, Value};
use crate::odata::format::Level;
use crate::odata::query::selection::{Selected, Selection};
use crate::policy::behavior::{Aliases, Annotations, Behaviors, HiddenMembers, Nulls, PropertyOrder, Secret, Timestamps};
use crate::text::json::write_string;

/// The control information of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ControlInformation {
    /// The control information of a metadata level.
    Level(Level),
    /// The control information on the draft page: types of the entity and of complex values, the latter without `#`.
    Page,
}

/// The choices that decide the text of an entity of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Style {
    /// The version of the model.
    pub version: Version,
    /// The control information.
    pub control: ControlInformation,
    /// The form of secrets.
    pub secret: Secret,
    /// The form of dates.
    pub timestamps: Timestamps,
    /// Whether aliases of properties are written.
    pub aliases: Aliases,
    /// Whether null is written.
    pub nulls: Nulls,
    /// The order of properties.
    pub order: PropertyOrder,
    /// Whether enum members above the sentinel are written.
    pub show_hidden: bool,
}

/// A style with the model of its version.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Representation<'s> {
    /// The model.
    pub model: &'s Model,
    /// The style.
    pub style: Style,
}

impl<'s> Representation<'s> {
    /// Returns the representation for a client. `level` is the metadata level that it requested, `knows_hidden` whether it sent `Prefer:
    /// include-unknown-enum-members`.
    pub(crate) fn of(model: &'s Model, behaviors: &Behaviors, level: Option<Level>, knows_hidden: bool) -> Representation<'s> {
        let control = match (level, behaviors.annotations) {
            (Some(level), _) => ControlInformation::Level(level),
            (None, Annotations::Minimal) => ControlInformation::Level(Level::Minimal),
            (None, Annotations::Page) => ControlInformation::Page,
        };
        let style = Style {
            version: model.version,
            control,
            secret: behaviors.secret,
            timestamps: behaviors.timestamps,
            aliases: behaviors.aliases,
            nulls: behaviors.nulls,
            order: behaviors.property_order,
            show_hidden: knows_hidden || behaviors.hidden_members == HiddenMembers::Show,
        };
        Representation { model, style }
    }

    /// Returns the lossless representation of state and fixtures.
    pub(crate) fn for_state(model: &'s Model) -> Representation<'s> {
        let style = Style {
            version: model.version,
            control: ControlInformation::Level(Level::None),
            secret: Secret::Echo,
            timestamps: Timestamps::Verbatim,
            aliases: Aliases::Absent,
            nulls: Nulls::Write,
            order: PropertyOrder::Lifelike,
            show_hidden: true,
        };
        Representation { model, style }
    }

    /// Returns the representation in calls to connectors: as in the published update call, without control information and null.
    pub(crate) fn for_connectors(model: &'s Model) -> Representation<'s> {
        let state = Representation::for_state(model);
        let style = Style { secret: Secret::Null, timestamps: Timestamps::Utc, nulls: Nulls::Omit, ..state.style };
        Representation { style, ..state }
    }

    /// Whether answers begin with a context URL.
    pub(crate) fn has_context(&self) -> bool {
        matches!(self.style.control, ControlInformation::Level(Level::Minimal | Level::Full))
    }

    /// Whether answers can include a property.
    pub(crate) fn shows(&self, structured: &StructuredType, index: usize) -> bool {
        is_shown(self.style.aliases, structured, index)
    }

    /// Writes the type of a top-level property value, where the level requires it and JSON does not imply it.
    pub(crate) fn write_type_of_value(&self, property: &Property, out: &mut Vec<u8>) {
        if let Some(type_name) = annotated_type(self.model, property).filter(|_| self.is_full()) {
            begin_member(out, "@odata.type");
            write_string(out, &format!("#{type_name}"));
        }
    }

    fn is_full(&self) -> bool {
        self.style.control == ControlInformation::Level(Level::Full)
    }
}

/// Whether answers can include a property under a value of the behavior for aliases.
pub(super) fn is_shown(aliases: Aliases, structured: &StructuredType, index: usize) -> bool {
    match aliases {
        Aliases::Mirror => true,
        Aliases::Accept | Aliases::Absent => structured.properties[index].declared,
        Aliases::Only => !structured.properties.iter().any(|other| other.alias.is_some_and(|alias| alias.target == index)),
    }
}

/// The parent of an entity, from which its id and links are built.
#[derive(Clone, Copy, Debug)]
pub enum Holder<'a> {
    /// The collection at this path, where the entity has a key.
    Collection(&'a str),
    /// The single-valued path of the entity.
    Single(&'a str),
}

/// The cached text of an entity's members in one style, since most clients use a single style.
#[derive(Debug, Default)]
pub struct TextCache {
    text: OnceLock<(Style, Box<[u8]>)>,
    /// The length beyond which a text is written each time.
    limit: usize,
}

impl TextCache {
    /// Returns a cache for a text of at most `limit` bytes.
    pub fn up_to(limit: usize) -> TextCache {
        TextCache { text: OnceLock::new(), limit }
    }

    /// Returns the length of the cached text.
    pub fn length(&self) -> Option<usize> {
        self.text.get().map(|(_, text)| text.len())
    }

    /// Returns the text in a style, written unless it is cached; `None` if the cache has another style. A text beyond the limit leaves the
    /// cache to other styles.
    fn text(&self, style: Style, write: impl FnOnce() -> Vec<u8>) -> Option<Cow<'_, [u8]>> {
        let (cached, text) = match self.text.get() {
            Some(cached) => cached,
            None => match write() {
                text if text.len() > self.limit => return Some(Cow::Owned(text)),
                text => self.text.get_or_init(|| (style, text.into())),
            },
        };
        (*cached == style).then_some(Cow::Borrowed(text))
    }
}

/// Writes the members of an entity, without the braces, from its cache if that has the style.
pub(crate) fn write_cached(
    representation: &Representation<'_>,
    structured: &StructuredType,
    holder: Holder<'_>,
    entity: &Entity,
    cache: &TextCache,
    out: &mut Vec<u8>,
) {
    let text = cache.text(representation.style, || {
        // After a brace, the first member has no separator.
        let mut text = vec![b'{'];
        write_members(representation, structured, holder, entity, None, &mut text);
        text
    });
    match text.as_deref() {
        Some([_, members @ ..]) if !members.is_empty() => {
            separate(out);
            out.extend_from_slice(members);
        }
        Some(_) => {}
        None => write_entity(representation, structured, holder, entity, out),
    }
}

/// Writes the members of an entity, without the braces.
pub(crate) fn write_entity(
    representation: &Representation<'_>,
    structured: &StructuredType,
    holder: Holder<'_>,
    entity: &Entity,
    out: &mut Vec<u8>,
) {
    write_members(representation, structured, holder, entity, None, out);
}

/// Writes the selected members of an entity, without the braces.
pub(crate) fn write_selected(
    representation: &Representation<'_>,
    structured: &StructuredType,
    holder: Holder<'_>,
    entity: &Entity,
    selection: &Selection,
    out: &mut Vec<u8>,
) {
    write_members(representation, structured, holder, entity, Some(selection), out);
}

/// Writes control information in the order of streaming payloads: type, then id and links, then properties, each directly after its
/// annotation (OData JSON Format 4.0, 4.4).
fn write_members(
    representation: &Representation<'_>,
    structured: &StructuredType,
    holder: Holder<'_>,
    entity: &Entity,
    selection: Option<&Selection>,
    out: &mut Vec<u8>,
) {
    if representation.is_full() || representation.style.control == ControlInformation::Page {
        write_type(structured, "#", out);
    }
    if representation.is_full() {
        // Both are relative to the context URL.
        let address = match holder {
            Holder::Collection(path) => entity_address(path, false, &entity.key),
            Holder::Single(path) => path.to_owned(),
        };
        for name in ["@odata.id", "@odata.editLink"] {
            begin_member(out, name);
            write_string(out, &address);
        }
    }
    write_properties(representation, structured, &entity.properties, selection, out);
}

fn write_type(structured: &StructuredType, sign: &str, out: &mut Vec<u8>) {
    begin_member(out, "@odata.type");
    out.push(b'"');
    out.extend_from_slice(sign.as_bytes());
    out.extend_from_slice(structured.full_name.as_bytes());
    out.push(b'"');
}

/// Writes a comma, unless the member is the first of its object.
pub(crate) fn separate(out: &mut Vec<u8>) {
    if out.last() != Some(&b'{') {
        out.push(b',');
    }
}

fn begin_member(out: &mut Vec<u8>, name: &str) {
    separate(out);
    write_string(out, name);
    out.push(b':');
}

fn write_properties(
    representation: &Representation<'_>,
    structured: &StructuredType,
    object: &Complex,
    selection: Option<&Selection>,
    out: &mut Vec<u8>,
) {
    let order = match representation.style.order {
        PropertyOrder::Lifelike => &structured.answer_order,
        PropertyOrder::Page => &structured.page_order,
    };
    for index in order {
        let property = &structured.properties[*index];
        let selected = selection.map_or(Selected::Everything, |selection| selection.of(*index));
        if selected == Selected::Nothing {
            continue;
        }
        let stored = &object.values[property.slot];
        let value = if property.write_only && representation.style.secret == Secret::Null { &Value::Null } else { stored };
        if !is_written(representation, structured, *index, value, selected) {
            continue;
        }
        if representation.is_full() {
            write_type_annotation(representation.model, property, value, out);
        }
        separate(out);
        out.extend_from_slice(&property.member);
        let nested = match selected {
            Selected::Part(nested) => Some(nested),
            Selected::Nothing | Selected::Everything | Selected::Whole => None,
        };
        write_value(representation, property.kind, value, nested, out);
    }
    for member in object.dynamic.iter().filter(|member| representation.style.nulls == Nulls::Write || &*member.json != "null") {
        if selection.is_some_and(|selection| !selection.has_undeclared(&member.name)) {
            continue;
        }
        begin_member(out, &member.name);
        out.extend_from_slice(member.json.as_bytes());
    }
}

fn is_written(
    representation: &Representation<'_>,
    structured: &StructuredType,
    index: usize,
    value: &Value,
    selected: Selected<'_>,
) -> bool {
    let property = &structured.properties[index];
    // Selecting a property by its name overrides `omitted_while_null`.
    let is_omitted = property.omitted_while_null && selected == Selected::Everything;
    if *value == Value::Null && (is_omitted || representation.style.nulls == Nulls::Omit) {
        return false;
    }
    representation.shows(structured, index)
}

/// Writes the type annotation of a value whose JSON does not imply its type. Null has no type.
fn write_type_annotation(model: &Model, property: &Property, value: &Value, out: &mut Vec<u8>) {
    if let Some(type_name) = annotated_type(model, property).filter(|_| *value != Value::Null) {
        begin_member(out, &format!("{}@odata.type", property.name));
        write_string(out, &format!("#{type_name}"));
    }
}

/// Returns the type to annotate; `None` where JSON implies it, and for complex values, which carry their own.
fn annotated_type<'m>(model: &'m Model, property: &Property) -> Option<Cow<'m, str>> {
    match property.kind {
        PropertyType::Complex(_) | PropertyType::Primitive(Primitive::Boolean | Primitive::Int32 | Primitive::String) => None,
        PropertyType::Primitive(Primitive::DateTimeOffset) => Some(Cow::Borrowed("DateTimeOffset")),
        PropertyType::Enum(id) => Some(Cow::Borrowed(&model.enumeration(id).full_name)),
        PropertyType::Collection(item) => {
            let name = model.kind_name(item.kind());
            // The namespace of primitive types is omitted (OData JSON Format 4.0, 4.5.3).
            Some(Cow::Owned(format!("Collection({})", name.strip_prefix("Edm.").unwrap_or(&name))))
        }
    }
}

/// Writes a value of a type, or its selected members.
pub(crate) fn write_value(
    representation: &Representation<'_>,
    kind: PropertyType,
    value: &Value,
    nested: Option<&Selection>,
    out: &mut Vec<u8>,
) {
    match (value, kind) {
        (Value::Null, _) => out.extend_from_slice(b"null"),
        (Value::Boolean(value), _) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
        (Value::Int32(value), _) => out.extend_from_slice(value.to_string().as_bytes()),
        (Value::String(text) | Value::EnumText(text), _) => write_string(out, text),
        (Value::DateTimeOffset(time), _) => {
            out.push(b'"');
            match representation.style.timestamps {
                Timestamps::Utc => time.write_utc(out),
                Timestamps::Verbatim => time.write_verbatim(out),
            }
            out.push(b'"');
        }
        (Value::Enum(number), PropertyType::Enum(id)) => {
            out.push(b'"');
            enums::write(representation.model.enumeration(id), *number, representation.style.show_hidden, out);
            out.push(b'"');
        }
        (Value::Complex(object), PropertyType::Complex(id)) => {
            let structured = representation.model.structured(id);
            out.push(b'{');
            match representation.style.control {
                ControlInformation::Level(Level::Full) => write_type(structured, "#", out),
                ControlInformation::Page => write_type(structured, "", out),
                ControlInformation::Level(Level::None | Level::Minimal) => {}
            }
            write_properties(representation, structured, object, nested, out);
            out.push(b'}');
        }
        (Value::Collection(items), PropertyType::Collection(item)) => {
            out.push(b'[');
            for (index, value) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_value(representation, item.kind(), value, nested, out);
            }
            out.push(b']');
        }
        (Value::Enum(_) | Value::Complex(_) | Value::Collection(_), _) => {
            unreachable!("values are of the kind of their property")
        }
    }
}
