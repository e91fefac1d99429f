//! Annotations: types and other control information, which is checked, and unknown ones, which are ignored.

use super::kinds;
use super::names;
use super::problem::{Path, shortened};
use super::reader::BodyReader;
use crate::edm::schema::{NamedType, StructuredType, TypeId};
use crate::policy::behavior::{TypeNamespace, UnknownProperty};
use crate::policy::refusal::{self, Refusal};
use crate::text::json::{self, Json, Member};

/// The control information that is a text (OData JSON Format 4.0, 4.5), without its prefix.
const TEXTS: [&str; 12] = [
    "context",
    "id",
    "etag",
    "editLink",
    "readLink",
    "navigationLink",
    "associationLink",
    "nextLink",
    "deltaLink",
    "mediaEditLink",
    "mediaReadLink",
    "mediaContentType",
];

/// The types of an object that is read.
#[derive(Clone, Copy)]
pub(super) struct InstanceTypes<'m> {
    /// Its own type, as far as it is known.
    pub(super) read_as: &'m StructuredType,
    /// The type that a valid name must be or be derived from, for messages.
    pub(super) expected: &'m StructuredType,
}

impl BodyReader<'_> {
    /// Returns the type that an object names, if it is the declared one or derived from it.
    pub(super) fn named_type(&self, declared: TypeId, members: &[Member<'_>]) -> Option<TypeId> {
        let (_, value) = members.iter().find(|(name, _)| self.is_type_of_object(name))?;
        let Json::String(text) = value else { return None };
        match self.structured_of(declared, text)? {
            id if self.rules.model.is_a(id, declared) => Some(id),
            _ => None,
        }
    }

    /// Returns the structured type that a text names. Most name the one that is expected, in its own spelling, which needs no search.
    fn structured_of(&self, expected: TypeId, text: &str) -> Option<TypeId> {
        if *text.strip_prefix('#').unwrap_or(text) == *self.rules.model.structured(expected).full_name {
            return Some(expected);
        }
        match self.rules.model.resolve(names::without_prefix(text))? {
            NamedType::Structured(id) => Some(id),
            NamedType::Enum(_) => None,
        }
    }

    /// Whether a member is the annotation with the type of its object.
    pub(super) fn is_type_of_object(&self, name: &str) -> bool {
        name.strip_prefix('@').is_some_and(|term| self.is_type(term))
    }

    /// Returns the name of control information without its prefix, which bodies of version 4.01 may omit (OData JSON Format 4.01, 4.6).
    pub(super) fn control_information<'t>(&self, term: &'t str) -> Option<&'t str> {
        const PREFIX: &str = "odata.";
        match term.split_at_checked(PREFIX.len()) {
            Some((prefix, name)) if prefix.eq_ignore_ascii_case(PREFIX) => Some(name),
            _ if self.rules.is_prefix_free && !term.contains('.') => Some(term),
            _ => None,
        }
    }

    /// Reports an annotation of a property that has no value in the body: only links and streams have control information alone.
    pub(super) fn lone_annotation(
        &mut self,
        structured: &StructuredType,
        target: &str,
        term: &str,
        members: &[Member<'_>],
        place: &Path<'_>,
    ) -> bool {
        if target.is_empty() || !self.is_request() || self.control_information(term).is_none() {
            return false;
        }
        let is_declared = structured.property(target).is_some() || structured.navigation(target).is_some();
        if is_declared || members.iter().any(|(name, _)| name.eq_ignore_ascii_case(target)) {
            return false;
        }
        let message = format!("annotation of an unknown property of {}", structured.full_name);
        if structured.is_open || self.rules.behaviors.unknown_property == UnknownProperty::Ignore {
            self.report(place, message, &refusal::ANNOTATION_ALONE, vec![target.to_owned()]);
        } else {
            let words = vec![target.to_owned(), structured.full_name.to_string()];
            self.report(place, message, &refusal::UNKNOWN_PROPERTY, words);
        }
        true
    }

    /// Returns what all spellings of an annotation have in common: annotation names are compared without case, like all names, and control
    /// information may come without its prefix.
    pub(super) fn annotation_key(&self, target: &str, term: &str) -> String {
        let key = match self.control_information(term) {
            Some(name) => format!("{target}@odata.{name}"),
            None => format!("{target}@{term}"),
        };
        key.to_ascii_lowercase()
    }

    /// Whether a term is that of the annotation with a type.
    pub(super) fn is_type(&self, term: &str) -> bool {
        self.control_information(term).is_some_and(|name| name.eq_ignore_ascii_case("type"))
    }

    pub(super) fn duplicate_annotation(&mut self, target: &str, term: &str, place: &Path<'_>) {
        let is_type = self.is_type(term);
        let (refusal, words) = if target.is_empty() && is_type {
            (&refusal::TYPE_TWICE, Vec::new())
        } else if target.is_empty() {
            (&refusal::DUPLICATE_ANNOTATION, vec![term.to_owned()])
        } else {
            (&refusal::DUPLICATE_PROPERTY_ANNOTATION, vec![term.to_owned(), target.to_owned()])
        };
        self.report(place, "duplicate annotation", refusal, words);
    }

    /// Reads an annotation: of the object where `target` is empty, else of its property `index`, if that is declared.
    pub(super) fn annotation(
        &mut self,
        types: InstanceTypes<'_>,
        target: &str,
        index: Option<usize>,
        term: &str,
        json: &Json<'_>,
        place: &Path<'_>,
    ) {
        // Receivers must ignore unknown annotations (OData JSON Format 4.0, 4.5).
        let Some(name) = self.control_information(term) else { return };
        if !name.eq_ignore_ascii_case("type") {
            let is_text = TEXTS.iter().any(|known| known.eq_ignore_ascii_case(name));
            if is_text && self.is_request() && !matches!(json, Json::String(_) | Json::Null) {
                self.shape(place, json.describe(), "a string", &refusal::NOT_A_STRING, vec![kinds::literal(json)]);
            }
            return;
        }
        let structured = types.read_as;
        if target.is_empty() {
            // The type of the object itself was found before its members were read.
            let is_read = |text: &str| self.structured_of(structured.id, text) == Some(structured.id);
            if matches!(json, Json::String(text) if is_read(text)) {
                return;
            }
            // A recorded answer may name a derived type that the model lacks; an open type accepts its members.
            let is_unknown = |text: &str| names::canonical(self.rules.model, names::without_prefix(text)).is_none();
            if !self.is_request() && structured.is_open && matches!(json, Json::String(text) if is_unknown(text)) {
                return;
            }
            return self.type_annotation(Some(&types.expected.full_name), &refusal::NOT_ASSIGNABLE, json, place);
        }
        match index {
            // Of an ignored property only the JSON kind is checked.
            Some(index) if structured.properties[index].read_only && self.is_request() => {}
            Some(index) => {
                let expected = self.rules.model.kind_name(structured.properties[index].kind);
                self.type_annotation(Some(&expected), &refusal::INCOMPATIBLE_TYPE, json, place);
            }
            None if structured.is_open => self.type_annotation(None, &refusal::INCOMPATIBLE_TYPE, json, place),
            None => {}
        }
    }

    /// Checks the name in an `@odata.type` against the declared type, if any.
    pub(super) fn type_annotation(
        &mut self,
        declared: Option<&str>,
        mismatch: &'static Refusal,
        json: &Json<'_>,
        place: &Path<'_>,
    ) {
        let expected = || declared.map_or_else(|| "the name of a type".to_owned(), |name| format!("#{name}"));
        let text = match json {
            Json::String(text) => text,
            Json::Null => {
                return self.shape(place, "null", expected(), &refusal::TYPE_NAME, vec![String::new()]);
            }
            other => {
                let words = vec![kinds::literal(other)];
                return self.shape(place, other.describe(), expected(), &refusal::NOT_A_STRING, words);
            }
        };
        let name = names::without_prefix(text);
        match names::canonical(self.rules.model, name) {
            None => {
                let reported_name = match self.rules.behaviors.type_namespace {
                    TypeNamespace::AsSent => name.to_owned(),
                    TypeNamespace::Workload => names::in_workload(name),
                };
                self.shape(place, json::quoted(&shortened(text)), expected(), &refusal::UNKNOWN_TYPE, vec![reported_name]);
            }
            Some(name) => {
                let Some(declared) = declared.filter(|declared| *declared != name) else { return };
                let is_structured = matches!(self.rules.model.resolve(&name), Some(NamedType::Structured(_)));
                let mismatch = if is_structured { mismatch } else { &refusal::INCOMPATIBLE_TYPE };
                let words = vec![name.into_owned(), declared.to_owned()];
                self.shape(place, json::quoted(&shortened(text)), expected(), mismatch, words);
            }
        }
    }
}
