//! Writes entities as JSON, with the control information of the metadata level.

use std::borrow::Cow;
use std::sync::OnceLock;

use crate::edm::address::{KeyForm, entity_address};
use crate::edm::enums;
use crate::edm::primitive::{self, LongNumbers, Primitive};
use crate::edm::schema::{Alias, Model, Projection, Property, PropertyType, Slot, StructuredType, TypeId, Version};
use crate::edm::tag;
use crate::edm::value::{Complex, Dynamic, Entity, Value};
use crate::odata::format::Level;
use crate::odata::query::selection::{Selected, Selection};
use crate::policy::behavior::{
    Aliases, Annotations, Behaviors, DefaultProjection, HiddenMembers, Nulls, PropertyOrder, Secret, Timestamps,
};
use crate::text::json::{self, Json, write_integer, write_string};

/// The control information of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ControlInformation {
    /// The control information of a metadata level.
    Level(Level),
    /// The control information on the draft page: types of the entity and of complex values, the latter without `#`.
    Page,
    /// The types of instances of derived types, and tags, without which state cannot be read again.
    State,
    /// The types of instances of derived types alone.
    Call,
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
    /// The form of long numbers.
    pub long_numbers: LongNumbers,
    /// The members of types with a default projection.
    pub projection: DefaultProjection,
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
    pub(crate) fn of(
        model: &'s Model,
        behaviors: &Behaviors,
        level: Option<Level>,
        knows_hidden: bool,
        long_numbers: LongNumbers,
    ) -> Representation<'s> {
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
            long_numbers,
            projection: behaviors.default_projection,
        };
        Representation { model, style }
    }

    /// Whether objects have the types that they name.
    pub(crate) fn has_types(&self) -> bool {
        self.style.control != ControlInformation::Level(Level::None)
    }

    /// Returns the lossless representation of state and fixtures.
    pub(crate) fn for_state(model: &'s Model) -> Representation<'s> {
        let style = Style {
            version: model.version,
            control: ControlInformation::State,
            secret: Secret::Echo,
            timestamps: Timestamps::Verbatim,
            aliases: Aliases::Absent,
            nulls: Nulls::Write,
            order: PropertyOrder::Lifelike,
            show_hidden: true,
            long_numbers: LongNumbers::Numbers,
            projection: DefaultProjection::All,
        };
        Representation { model, style }
    }

    /// Returns the representation in calls to connectors: as in the published update call, without control information and null.
    pub(crate) fn for_connectors(model: &'s Model) -> Representation<'s> {
        let state = Representation::for_state(model);
        let style = Style {
            control: ControlInformation::Call,
            secret: Secret::Null,
            timestamps: Timestamps::Utc,
            nulls: Nulls::Omit,
            ..state.style
        };
        Representation { style, ..state }
    }

    /// Whether answers begin with a context URL.
    pub(crate) fn has_context(&self) -> bool {
        matches!(self.style.control, ControlInformation::Level(Level::Minimal | Level::Full))
    }

    /// Whether an entity of a type is written with its tag.
    pub(crate) fn shows_tag(&self, structured: &StructuredType, is_selected: bool) -> bool {
        let Some(rules) = structured.tag else { return false };
        match self.style.control {
            ControlInformation::Level(Level::Minimal | Level::Full) => is_selected || !rules.needs_select,
            ControlInformation::State => true,
            ControlInformation::Level(Level::None) | ControlInformation::Page | ControlInformation::Call => false,
        }
    }

    /// Returns the members of answers without `$select`, where these are not all.
    pub(crate) fn projection<'t>(&self, structured: &'t StructuredType) -> Option<&'t Projection> {
        structured.default_projection.as_deref().filter(|_| self.style.projection == DefaultProjection::Service)
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
        Aliases::Only => {
            let is_older = |alias: Alias| alias.target == index && alias.behavior.is_some();
            !structured.properties.iter().any(|other| other.alias.is_some_and(is_older))
        }
    }
}

/// The place of an entity, from which its id and links are built.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Holder<'a> {
    /// The path of the collection, or of the single entity.
    pub path: &'a str,
    /// The form of keys behind it.
    pub form: KeyForm,
}

impl<'a> Holder<'a> {
    /// Returns the place of an entity of a collection with string keys.
    pub(crate) fn collection(path: &'a str) -> Holder<'a> {
        Holder { path, form: KeyForm::Quoted }
    }
}

/// The declared type of an instance, and its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InstanceType<'m> {
    /// The type that a reader expects.
    pub declared: &'m StructuredType,
    /// The declared type, or one derived from it.
    pub actual: &'m StructuredType,
}

impl<'m> InstanceType<'m> {
    /// Returns the type of an instance of a declared type.
    pub(crate) fn of(model: &'m Model, declared: &'m StructuredType, instance: &Complex) -> InstanceType<'m> {
        InstanceType { declared, actual: model.actual(declared, instance.own_type) }
    }
}

/// The cached text of an entity's members in one style, since most clients use a single style.
#[derive(Debug, Default)]
pub struct TextCache {
    text: OnceLock<CachedText>,
    /// The length beyond which a text is written each time.
    limit: usize,
}

#[derive(Debug)]
struct CachedText {
    style: Style,
    declared: TypeId,
    /// The length of the text.
    length: u32,
    /// The text, and behind it the ends of its parts, of two bytes each, if there is room for them.
    bytes: Box<[u8]>,
}

impl CachedText {
    fn text(&self) -> &[u8] {
        &self.bytes[..self.length as usize]
    }

    /// Returns the ends of the parts of the text: that of the members before the properties, then that of each property.
    fn ends(&self) -> &[[u8; 2]] {
        self.bytes[self.length as usize..].as_chunks().0
    }
}

impl TextCache {
    /// Returns a cache for a text of at most `limit` bytes.
    pub fn up_to(limit: usize) -> TextCache {
        TextCache { text: OnceLock::new(), limit }
    }

    /// Returns the length of the cached text.
    pub fn length(&self) -> Option<usize> {
        self.text.get().map(|cached| cached.text().len())
    }

    /// Returns the text in a style for readers of a declared type, if the cache has it.
    fn in_style(&self, style: &Style, declared: TypeId) -> Option<&CachedText> {
        self.text.get().filter(|cached| cached.style == *style && cached.declared == declared)
    }

    /// Keeps a text for the next answers in its style, unless it is too long or another one was kept meanwhile.
    fn keep(&self, style: Style, declared: TypeId, text: &[u8], ends: &[[u8; 2]]) {
        let Ok(length) = u32::try_from(text.len()) else { return };
        if text.len() >= self.limit {
            return;
        }
        let ends = if text.len() + size_of_val(ends) < self.limit { ends.as_flattened() } else { &[] };
        let mut bytes = Vec::with_capacity(text.len() + ends.len());
        bytes.extend_from_slice(text);
        bytes.extend_from_slice(ends);
        let _ = self.text.set(CachedText { style, declared, length, bytes: bytes.into() });
    }
}

/// The parts of a text that is written: one for each property, in the order of answers.
struct Parts<'e> {
    /// The position of the text in the output.
    start: usize,
    /// The end of the members before the properties, then that of each property; not all of them, if one is not within two bytes.
    ends: Vec<[u8; 2]>,
    /// The properties that a change has changed, and the text before it.
    before: Option<(Vec<Slot>, &'e CachedText)>,
}

impl Parts<'_> {
    fn end(&mut self, at: usize) {
        self.ends.extend(u16::try_from(at.saturating_sub(self.start)).map(u16::to_le_bytes));
    }

    /// Whether a change has left a property alone.
    fn is_same(&self, property: &Property) -> bool {
        self.before.as_ref().is_some_and(|(changed, _)| !changed.contains(&property.slot))
    }

    /// Writes a number of parts one behind another as they were in the text before the change.
    fn copy(&mut self, first: usize, count: usize, out: &mut Vec<u8>) {
        let Some((_, before)) = &self.before else { return };
        let (text, end) = (before.text(), |end: [u8; 2]| usize::from(u16::from_le_bytes(end)));
        let [begin, ends @ ..] = &before.ends()[first..=first + count] else { return };
        let [begin, last] = [*begin, *ends.last().unwrap_or(begin)].map(end);
        if begin == last {
            return (0..count).for_each(|_| self.end(out.len()));
        }
        let separator = usize::from(text[begin] == b',');
        let was = out.len();
        separate(out);
        // The position of the copy that the first byte of the text before would have.
        let (from, to) = (begin + separator, out.len());
        out.extend_from_slice(&text[from..last]);
        for at in ends.iter().map(|at| end(*at)) {
            self.end(if at > from { at - from + to } else { was });
        }
    }
}

/// Writes the members of an entity, without the braces, from its cache if that has the style. `before` is the entity before a change, of
/// whose text parts are the same.
pub(crate) fn write_cached(
    representation: &Representation<'_>,
    types: InstanceType<'_>,
    holder: Holder<'_>,
    entity: &StoredText<'_>,
    before: Option<&StoredText<'_>>,
    out: &mut Vec<u8>,
) {
    let (style, declared, cache) = (&representation.style, types.declared.id, entity.cache);
    if let Some(cached) = cache.in_style(style, declared) {
        if cached.length > 0 {
            separate(out);
            out.extend_from_slice(cached.text());
        }
        return;
    }
    if cache.text.get().is_some() {
        return write_entity(representation, types, holder, entity.entity, out);
    }
    let order = answer_order(style, types.actual);
    let changed = |before: &StoredText<'_>| before.entity.properties.changed_slots(&entity.entity.properties);
    let before = before.and_then(|before| Some((before, before.cache.in_style(style, declared)?)));
    let before = before.filter(|(_, text)| text.ends().len() == order.len() + 1);
    let before = before.and_then(|(before, text)| Some((changed(before)?, text)));
    // The text has no separator in front.
    let start = out.len() + usize::from(out.last() != Some(&b'{'));
    let mut parts = Parts { start, ends: Vec::with_capacity(order.len() + 1), before };
    write_members(representation, types, holder, entity.entity, Form::Parts(&mut parts), out);
    let ends = if parts.ends.len() == order.len() + 1 { &*parts.ends } else { &[] };
    cache.keep(*style, declared, out.get(start..).unwrap_or_default(), ends);
}

/// An entity with the cache of its text.
#[derive(Clone, Copy)]
pub(crate) struct StoredText<'e> {
    pub(crate) entity: &'e Entity,
    pub(crate) cache: &'e TextCache,
}

/// The members of an entity that are written.
enum Form<'f, 'e> {
    /// All of it.
    Whole,
    /// All of it in parts.
    Parts(&'f mut Parts<'e>),
    /// The selected members.
    Selected(&'f Selection),
}

/// Writes the members of an entity, without the braces.
pub(crate) fn write_entity(
    representation: &Representation<'_>,
    types: InstanceType<'_>,
    holder: Holder<'_>,
    entity: &Entity,
    out: &mut Vec<u8>,
) {
    write_members(representation, types, holder, entity, Form::Whole, out);
}

/// Writes the selected members of an entity, without the braces.
pub(crate) fn write_selected(
    representation: &Representation<'_>,
    types: InstanceType<'_>,
    holder: Holder<'_>,
    entity: &Entity,
    selection: &Selection,
    out: &mut Vec<u8>,
) {
    write_members(representation, types, holder, entity, Form::Selected(selection), out);
}

/// Writes control information in the order of streaming payloads: type, then id and links, then properties, each directly after its
/// annotation (OData JSON Format 4.0, 4.4). The tag follows the type (recorded in pnp/pnpcore).
fn write_members(
    representation: &Representation<'_>,
    types: InstanceType<'_>,
    holder: Holder<'_>,
    entity: &Entity,
    form: Form<'_, '_>,
    out: &mut Vec<u8>,
) {
    let is_selected = matches!(form, Form::Selected(_));
    write_type_if_needed(representation, types, "#", out);
    if representation.shows_tag(types.actual, is_selected)
        && let Some(tag) = tag::of(&entity.properties)
    {
        begin_member(out, "@odata.etag");
        write_string(out, tag);
    }
    if let Some(media) = entity.media().filter(|_| representation.has_context()) {
        begin_member(out, "@odata.mediaContentType");
        write_string(out, media.content_type());
        begin_member(out, "@odata.mediaEtag");
        write_string(out, media.tag());
    }
    if representation.is_full() {
        // Both are relative to the context URL.
        let address = entity_address(holder.path, holder.form, &entity.key);
        for name in ["@odata.id", "@odata.editLink"] {
            begin_member(out, name);
            write_string(out, &address);
        }
    }
    write_properties(representation, types, &entity.properties, form, out);
}

/// Writes the type of an instance where the control information includes it: that of a derived type in any case.
fn write_type_if_needed(representation: &Representation<'_>, types: InstanceType<'_>, page_sign: &str, out: &mut Vec<u8>) {
    let is_derived = types.declared.id != types.actual.id;
    match representation.style.control {
        ControlInformation::Level(Level::Full) => write_type(types.actual, "#", out),
        ControlInformation::Page => write_type(types.actual, page_sign, out),
        ControlInformation::Level(Level::Minimal) | ControlInformation::State | ControlInformation::Call if is_derived => {
            write_type(types.actual, "#", out);
        }
        ControlInformation::Level(Level::None | Level::Minimal) | ControlInformation::State | ControlInformation::Call => {}
    }
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

/// Returns the indexes of the properties of a type in the order of answers.
fn answer_order<'t>(style: &Style, structured: &'t StructuredType) -> &'t [u16] {
    let listed = match style.order {
        PropertyOrder::Lifelike => None,
        PropertyOrder::Page => structured.page_order.as_deref(),
        PropertyOrder::Recorded => structured.recorded_order.as_deref(),
    };
    listed.unwrap_or(&structured.answer_order)
}

fn write_properties(
    representation: &Representation<'_>,
    types: InstanceType<'_>,
    object: &Complex,
    form: Form<'_, '_>,
    out: &mut Vec<u8>,
) {
    let (selection, mut parts) = match form {
        Form::Whole => (None, None),
        Form::Parts(parts) => (None, Some(parts)),
        Form::Selected(selection) => (Some(selection), None),
    };
    let structured = types.actual;
    let inherited = types.declared.properties.len();
    let projection = representation.projection(structured).filter(|_| selection.is_none());
    let order = answer_order(&representation.style, structured);
    let property_at = |number: usize| &structured.properties[usize::from(order[number])];
    if let Some(parts) = &mut parts {
        parts.end(out.len());
    }
    // An entity whose type is not known has undeclared members that the type has with which it is shown.
    let shown_as = |member: &Dynamic| {
        let index = structured.property(&member.name)?;
        let property = &structured.properties[index];
        (*property.name == *member.name && *object.get(property.slot) == Value::Null).then_some(index)
    };
    let as_declared: Vec<(usize, &Dynamic)> =
        object.dynamic.iter().filter_map(|member| Some((shown_as(member)?, member))).collect();
    let mut number = 0;
    while number < order.len() {
        if let Some(parts) = &mut parts {
            let same = (number..order.len()).take_while(|number| parts.is_same(property_at(*number))).count();
            if same > 0 {
                parts.copy(number, same, out);
                number += same;
                continue;
            }
        }
        let (index, property) = (usize::from(order[number]), property_at(number));
        let selected = match selection {
            None if projection.is_some_and(|projection| !projection.has(index)) => Selected::Nothing,
            None => Selected::Everything,
            Some(selection) => match selection.of(index, property.slot) {
                // The declared type does not have it: it may be selected like an undeclared member.
                Selected::Nothing if index >= inherited || selection.is_by_name() => selection.of_undeclared(&property.name),
                selected => selected,
            },
        };
        let undeclared = as_declared.iter().find(|(other, _)| *other == index).filter(|_| selected != Selected::Nothing);
        if let Some((_, member)) = undeclared {
            write_as_declared(representation, structured, index, member, selected, out);
        } else if selected != Selected::Nothing {
            write_property(representation, structured, index, object, selected, out);
        }
        if let Some(parts) = &mut parts {
            parts.end(out.len());
        }
        number += 1;
    }
    if projection.is_some_and(|projection| !projection.has_undeclared) {
        return;
    }
    let is_unknown = structured.is_placeholder || !as_declared.is_empty();
    let is_other = |member: &&Dynamic| !as_declared.iter().any(|(_, other)| std::ptr::eq(*other, *member));
    for member in object.dynamic.iter().filter(is_other) {
        if representation.style.nulls == Nulls::Omit && &*member.json == "null" {
            continue;
        }
        let part = match selection.map(|selection| selection.of_undeclared(&member.name)) {
            Some(Selected::Nothing) => continue,
            Some(Selected::Part(part)) => Some(part),
            None | Some(Selected::Everything | Selected::Whole) => None,
        };
        let has_types = representation.has_types();
        if let Some(type_name) = member.type_name.as_deref().filter(|_| has_types) {
            begin_member(out, &format!("{}@odata.type", member.name));
            write_string(out, type_name);
        }
        begin_member(out, &member.name);
        let text = if is_unknown { without_hidden(representation, &member.name, &member.json) } else { (&*member.json).into() };
        write_undeclared(&text, has_types, part, out);
    }
}

/// Writes a property as a member, unless answers do not have it.
fn write_property(
    representation: &Representation<'_>,
    structured: &StructuredType,
    index: usize,
    object: &Complex,
    selected: Selected<'_>,
    out: &mut Vec<u8>,
) {
    let (property, style) = (&structured.properties[index], &representation.style);
    let stored = object.value(property);
    if property.is_extension && selected == Selected::Everything && is_empty(stored) {
        return;
    }
    if let Value::Media(media) = stored {
        if representation.is_full() {
            begin_member(out, &format!("{}@odata.mediaContentType", property.name));
            write_string(out, media.content_type());
        }
        return;
    }
    let default;
    let value = match stored {
        Value::Null => {
            // Null is what a member that is not there reads back as, unless it has an initial value. What a complex value contains is
            // nested in it.
            let can_be_left_out =
                !matches!(property.kind, PropertyType::Complex(_)) && property.initial.is_none() || !property.nullable;
            if can_be_left_out && matches!(style.control, ControlInformation::State | ControlInformation::Call) {
                return;
            }
            let is_absent = !property.nullable && !property.write_only;
            default = if is_absent { absent_value(representation.model, property.kind) } else { None };
            default.as_ref().unwrap_or(stored)
        }
        _ if property.write_only && style.secret == Secret::Null => &Value::Null,
        _ => stored,
    };
    if !is_written(representation, structured, index, value, selected) {
        return;
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

/// Writes an undeclared member in the place of the property with its name.
fn write_as_declared(
    representation: &Representation<'_>,
    structured: &StructuredType,
    index: usize,
    member: &Dynamic,
    selected: Selected<'_>,
    out: &mut Vec<u8>,
) {
    let (property, style) = (&structured.properties[index], &representation.style);
    let json = without_hidden(representation, &member.name, &member.json);
    if !representation.shows(structured, index) || &*json == "null" && style.nulls == Nulls::Omit {
        return;
    }
    separate(out);
    out.extend_from_slice(&property.member);
    let part = if let Selected::Part(part) = selected { Some(part) } else { None };
    write_undeclared(&json, representation.has_types(), part, out);
}

/// Returns the value of an undeclared member of an entity whose type is not known, without what answers hide of any type: null in its place.
pub(crate) fn without_hidden<'t>(representation: &Representation<'_>, name: &str, text: &'t str) -> Cow<'t, str> {
    let model = representation.model;
    let is_hidden = |name: &str| model.hides_any(model.slots_named(name));
    if representation.style.secret == Secret::Echo {
        return text.into();
    }
    if is_hidden(name) {
        return "null".into();
    }
    let Ok(mut value) = json::parse(text.as_bytes()) else { return text.into() };
    if !hide(&mut value, &is_hidden) {
        return text.into();
    }
    let mut out = Vec::with_capacity(text.len());
    value.write(&mut out);
    String::from_utf8(out).map_or("null".into(), Cow::Owned)
}

/// Sets members with some names to null, at any depth. Returns whether there was one.
fn hide(value: &mut Json<'_>, is_hidden: &impl Fn(&str) -> bool) -> bool {
    let mut has_hidden = false;
    match value {
        Json::Object(members) => {
            for (name, value) in members {
                if is_hidden(name) && *value != Json::Null {
                    (*value, has_hidden) = (Json::Null, true);
                } else {
                    has_hidden |= hide(value, is_hidden);
                }
            }
        }
        Json::Array(items) => items.iter_mut().for_each(|item| has_hidden |= hide(item, is_hidden)),
        _ => {}
    }
    has_hidden
}

/// Writes the value of an undeclared member or the selected part of it, with or without the types that its objects name.
pub(crate) fn write_undeclared(text: &str, has_types: bool, part: Option<&Selection>, out: &mut Vec<u8>) {
    if (part.is_some() || !has_types && text.contains("@odata.type"))
        && let Ok(value) = json::parse(text.as_bytes())
    {
        return write_part(&value, has_types, part, out);
    }
    out.extend_from_slice(text.as_bytes());
}

fn write_part(value: &Json<'_>, has_types: bool, part: Option<&Selection>, out: &mut Vec<u8>) {
    match value {
        Json::Object(members) => {
            out.push(b'{');
            for (name, value) in members {
                if !has_types && name.ends_with("@odata.type") {
                    continue;
                }
                // Annotations are there where what they are about is: the object, or a member of it.
                let target = name.split('@').next().unwrap_or_default();
                let inner = match part.filter(|_| !target.is_empty()).map(|part| part.of_undeclared(target)) {
                    Some(Selected::Nothing) => continue,
                    Some(Selected::Part(inner)) if !name.contains('@') => Some(inner),
                    _ => None,
                };
                begin_member(out, name);
                write_part(value, has_types, inner, out);
            }
            out.push(b'}');
        }
        Json::Array(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_part(item, has_types, part, out);
            }
            out.push(b']');
        }
        scalar => scalar.write(out),
    }
}

/// Returns the value of a property that cannot be null, in place of one that is not there: that of .NET (recorded in pnp/pnpcore for dates:
/// `0001-01-01T00:00:00Z`; graded *none* for other types).
pub(crate) fn absent_value(model: &Model, kind: PropertyType) -> Option<Value> {
    match kind {
        PropertyType::Primitive(primitive) => primitive.absent().map(Value::from),
        PropertyType::Enum(id) => {
            let has_zero = model.enumeration(id).members.iter().any(|(_, number)| *number == 0);
            has_zero.then_some(Value::Enum(0))
        }
        PropertyType::Complex(_) | PropertyType::Collection(_) => None,
    }
}

/// Whether a value is like one that is not there.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Collection(items) => items.is_empty(),
        _ => false,
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
    if matches!(value, Value::Null) && (is_omitted || representation.style.nulls == Nulls::Omit) {
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
        PropertyType::Complex(_) => None,
        PropertyType::Primitive(primitive) if primitive.is_implied() => None,
        // The namespace of primitive types is omitted (OData JSON Format 4.0, 4.5.3).
        PropertyType::Primitive(primitive) => Some(Cow::Borrowed(primitive.local_name())),
        PropertyType::Enum(id) => Some(Cow::Borrowed(&model.enumeration(id).full_name)),
        PropertyType::Collection(item) => {
            let name = model.kind_name(item.kind());
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
        // Content is behind an address of its own.
        (Value::Null | Value::Media(_), _) => out.extend_from_slice(b"null"),
        (Value::Boolean(value), _) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
        (Value::Integer(value), PropertyType::Primitive(Primitive::Int64)) => {
            write_long_number(representation, &value.to_string(), out);
        }
        (Value::Integer(value), _) => write_integer(out, *value),
        (Value::Float(value), _) => primitive::write_float(*value, out),
        (Value::Decimal(text), _) => write_long_number(representation, text, out),
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
            let types = InstanceType::of(representation.model, representation.model.structured(id), object);
            out.push(b'{');
            write_type_if_needed(representation, types, "", out);
            write_properties(representation, types, object, nested.map_or(Form::Whole, Form::Selected), out);
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
        (Value::Json(text), _) => out.extend_from_slice(text.as_bytes()),
        (Value::Enum(_) | Value::Complex(_) | Value::Collection(_) | Value::Link(_), _) => {
            unreachable!("values are of the kind of their property")
        }
    }
}

fn write_long_number(representation: &Representation<'_>, text: &str, out: &mut Vec<u8>) {
    let quote: &[u8] = if representation.style.long_numbers == LongNumbers::Strings { b"\"" } else { b"" };
    for part in [quote, text.as_bytes(), quote] {
        out.extend_from_slice(part);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::edm::date_time::DateTimeOffset;
    use crate::edm::schema::NamedType;

    /// Returns one of four values of a property, the first of which is null.
    fn value(model: &Model, kind: PropertyType, choice: u8) -> Value {
        let text = |choice: u8| Value::String(["", ",\"", "{a"][usize::from(choice) % 3].into());
        match (choice % 4, kind) {
            (0, _) => Value::Null,
            (choice, PropertyType::Primitive(Primitive::String)) => text(choice),
            (choice, PropertyType::Primitive(Primitive::Boolean)) => Value::Boolean(choice > 1),
            (choice, PropertyType::Primitive(Primitive::DateTimeOffset)) => {
                Value::DateTimeOffset(DateTimeOffset::from_unix_millis(i64::from(choice)))
            }
            (choice, PropertyType::Primitive(primitive)) if primitive.is_integer() => Value::Integer(i64::from(choice)),
            (choice, PropertyType::Enum(id)) => {
                let members = &model.enumeration(id).members;
                Value::Enum(members[usize::from(choice) % members.len()].1)
            }
            (choice, PropertyType::Complex(id)) => {
                let mut inner = Complex::default();
                for property in &model.structured(id).properties {
                    if property.kind == PropertyType::Primitive(Primitive::String) {
                        inner.set(property.slot, text(choice));
                    }
                }
                Value::Complex(Arc::new(inner))
            }
            (choice, PropertyType::Collection(item)) if item.kind() == PropertyType::Primitive(Primitive::String) => {
                Value::Collection((0..choice).map(text).collect())
            }
            _ => Value::Null,
        }
    }

    proptest! {
        #![proptest_config(crate::property_tests())]

        #[test]
        fn a_changed_entity_is_written_as_a_new_one(
            name in "workforceIntegration|shift|user|event|message",
            changes in proptest::collection::vec(proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..9), 1..5),
            level in prop::sample::select(vec![Some(Level::Full), Some(Level::Minimal), Some(Level::None), None]),
            is_first in any::<bool>(),
        ) {
            let schema = crate::workloads::schema();
            let model = schema.model(Version::V1);
            let Some(NamedType::Structured(id)) = model.resolve(&format!("microsoft.graph.{name}")) else { panic!("{name}") };
            let structured = model.structured(id);
            let types = InstanceType { declared: structured, actual: structured };
            let representation = match level {
                level @ Some(_) => Representation::of(model, &Behaviors::default(), level, true, LongNumbers::Numbers),
                None => Representation::for_state(model),
            };
            let mut before: Option<(Entity, TextCache)> = None;
            for changes in changes {
                let mut properties = before.as_ref().map_or_else(Complex::default, |(entity, _)| entity.properties.clone());
                for (index, choice) in changes {
                    let property = index.get(&structured.properties);
                    properties.set(property.slot, value(model, property.kind, choice));
                }
                let (entity, cache) = (Entity::new("k".into(), properties), TextCache::up_to(100_000));
                let mut texts = [(); 3].map(|()| if is_first { b"{".to_vec() } else { b"{\"a\":1".to_vec() });
                write_entity(&representation, types, Holder::collection("p"), &entity, &mut texts[0]);
                let stored = before.as_ref().map(|(entity, cache)| StoredText { entity, cache });
                for text in &mut texts[1..] {
                    let entity = StoredText { entity: &entity, cache: &cache };
                    write_cached(&representation, types, Holder::collection("p"), &entity, stored.as_ref(), text);
                }
                let texts = texts.map(|text| String::from_utf8(text).unwrap());
                prop_assert_eq!(&texts[0], &texts[1]);
                prop_assert_eq!(&texts[0], &texts[2]);
                before = Some((entity, cache));
            }
        }
    }
}
