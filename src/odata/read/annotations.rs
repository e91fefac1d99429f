//! Annotations, of which only `@odata.type` is checked.

use super::kinds;
use super::names;
use super::problem::{Path, shortened};
use super::reader::BodyReader;
use crate::edm::schema::{NamedType, StructuredType, TypeId};
use crate::policy::behavior::TypeNamespace;
use crate::policy::refusal;
use crate::text::json::{self, Json, Member};

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
        let (_, value) = members.iter().find(|(name, _)| names::is_type_of_object(name))?;
        let Json::String(text) = value else { return None };
        match self.rules.model.resolve(names::without_prefix(text)) {
            Some(NamedType::Structured(id)) if self.rules.model.is_a(id, declared) => Some(id),
            _ => None,
        }
    }

    pub(super) fn duplicate_annotation(&mut self, target: &str, term: &str, place: &Path<'_>) {
        let (refusal, words) = if target.is_empty() {
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
        // Receivers must ignore unknown annotations (OData JSON Format 4.0, 4.5); only the type matters here.
        if !term.eq_ignore_ascii_case("odata.type") {
            return;
        }
        let structured = types.read_as;
        if target.is_empty() {
            // The type of the object itself was found before its members were read.
            let is_read = |text: &str| match self.rules.model.resolve(names::without_prefix(text)) {
                Some(NamedType::Structured(id)) => id == structured.id,
                _ => false,
            };
            if matches!(json, Json::String(text) if is_read(text)) {
                return;
            }
            // A recorded answer may name a derived type that the model lacks; an open type accepts its members.
            let is_unknown = |text: &str| names::canonical(self.rules.model, names::without_prefix(text)).is_none();
            if !self.is_request() && structured.is_open && matches!(json, Json::String(text) if is_unknown(text)) {
                return;
            }
            return self.type_annotation(Some(&types.expected.full_name), json, place);
        }
        match index {
            // Of an ignored property only the JSON kind is checked.
            Some(index) if structured.properties[index].read_only && self.is_request() => {}
            Some(index) => {
                let expected = self.rules.model.kind_name(structured.properties[index].kind);
                self.type_annotation(Some(&expected), json, place);
            }
            None if structured.is_open => self.type_annotation(None, json, place),
            None => {}
        }
    }

    /// Checks the name in an `@odata.type` against the declared type, if any.
    pub(super) fn type_annotation(&mut self, declared: Option<&str>, json: &Json<'_>, place: &Path<'_>) {
        let expected = || declared.map_or_else(|| "the name of a type".to_owned(), |name| format!("#{name}"));
        let text = match json {
            Json::String(text) if !text.is_empty() => text,
            Json::Null => {
                return self.shape(place, "null", expected(), &refusal::TYPE_NULL, vec!["odata.type".to_owned()]);
            }
            other => {
                let words = vec![if *other == Json::String("".into()) { String::new() } else { kinds::literal(other) }];
                return self.shape(place, other.describe(), expected(), &refusal::TYPE_NAME, words);
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
                let words = vec![name.into_owned(), declared.to_owned()];
                self.shape(place, json::quoted(&shortened(text)), expected(), &refusal::INCOMPATIBLE_TYPE, words);
            }
        }
    }
}
