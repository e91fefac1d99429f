//! Entities under the navigation properties of a body: bound ones, and new ones that a create contains.

use super::problem::Path;
use super::reader::BodyReader;
use super::{Origin, kinds};
use crate::edm::key;
use crate::edm::patch::{NamedEntity, Patch, Related, RelatedEntities};
use crate::edm::schema::StructuredType;
use crate::policy::behavior::{InlineReferences, RequiredLinks};
use crate::policy::refusal;
use crate::text::json::{Json, Member};
use crate::text::split::split_at;

impl BodyReader<'_> {
    /// Whether a member has the addresses of entities under a navigation property.
    pub(super) fn is_bind(&self, name: &str) -> bool {
        let Some((target, term)) = split_at(name, b'@') else { return false };
        !target.is_empty() && self.control_information(term).is_some_and(|name| name.eq_ignore_ascii_case("bind"))
    }

    /// Reads the addresses of the entities that a navigation property shall lead to.
    pub(super) fn bind(&mut self, structured: &StructuredType, name: &str, json: &Json<'_>, place: &Path<'_>, patch: &mut Patch) {
        let index = structured.navigations.iter().position(|navigation| navigation.name.eq_ignore_ascii_case(name));
        let Some(index) = index.filter(|index| !structured.navigations[*index].contains_target) else {
            let message = format!("no navigation property of {} to entities that live elsewhere", structured.full_name);
            self.report(place, message, &refusal::INVALID_BIND, vec![name.to_owned()]);
            return;
        };
        let navigation = &structured.navigations[index];
        if !navigation.is_collection && patch.related.iter().any(|related| related.navigation == index) {
            return self.duplicate_property(name, place);
        }
        let address = |json: &Json<'_>| match json {
            Json::String(text) => Some(text.as_ref().into()),
            _ => None,
        };
        let bound = match (json, navigation.is_collection) {
            (Json::Array(items), true) => items.iter().map(address).collect(),
            (single, false) => address(single).map(|address| vec![address]),
            _ => None,
        };
        let entities = match bound {
            Some(bound) => RelatedEntities::Bound(bound),
            None if *json == Json::Null
                && navigation.is_required
                && self.rules.behaviors.required_links == RequiredLinks::Keep =>
            {
                let target = self.rules.model.structured(navigation.target).full_name.to_string();
                let message = format!("{} must lead to an entity", navigation.name);
                self.report(place, message, &refusal::NULL_VALUE, vec![navigation.name.to_string(), target]);
                if let Some(problem) = self.reading.shape.last_mut() {
                    problem.set_behavior("required-links");
                }
                return;
            }
            None if *json == Json::Null && !navigation.is_collection && self.rules.origin == Origin::Update => {
                if navigation.is_required {
                    self.note("required-links");
                }
                RelatedEntities::Unbound
            }
            None => {
                let expected = if navigation.is_collection { "an array of addresses" } else { "the address of an entity" };
                return self.shape(place, json.describe(), expected, &refusal::SCHEMA_MISMATCH, vec![name.to_owned()]);
            }
        };
        patch.related.push(Related { navigation: index, entities });
    }

    /// Reports addresses of entities in a complex value, which has no links.
    pub(super) fn bind_in_value(&mut self, name: &str, place: &Path<'_>) {
        self.report(place, "link in a complex value: only entities have links", &refusal::INVALID_BIND, vec![name.to_owned()]);
    }

    /// Reads the entity that an object under a single navigation property names by its key, if the entities there live elsewhere.
    fn named(
        &mut self,
        structured: &StructuredType,
        index: usize,
        members: &[Member<'_>],
        place: &Path<'_>,
    ) -> Option<RelatedEntities> {
        let navigation = &structured.navigations[index];
        if navigation.contains_target || navigation.is_collection || self.rules.origin != Origin::Create {
            return None;
        }
        let target = self.rules.model.structured(navigation.target);
        let key = target.key_property()?;
        let (_, json) = members.iter().find(|(name, _)| name.eq_ignore_ascii_case(&key.name))?;
        let Json::String(text) = json else { return None };
        let key = key::canonical(self.rules.model, key.kind, text.as_ref().into()).filter(|key| !key.is_empty())?;
        let key = key.as_ref().into();
        self.note("inline-references");
        if self.rules.behaviors.inline_references == InlineReferences::Refuse {
            return None;
        }
        let patch = self.object(navigation.target, None, true, members, place);
        Some(RelatedEntities::Named(Box::new(NamedEntity { key, values: patch, begins: false })))
    }

    /// Reads a member with the key of the entity to which a navigation property leads. Returns false if it is another one.
    pub(super) fn key_member(
        &mut self,
        structured: &StructuredType,
        name: &str,
        json: &Json<'_>,
        place: &Path<'_>,
        patch: &mut Patch,
    ) -> bool {
        let rows = structured.rare().key_members.filter(|_| self.rules.origin == Origin::Create);
        let row = rows.and_then(|rows| rows.iter().find(|row| row.name.eq_ignore_ascii_case(name)));
        let index = |name: &str| structured.navigations.iter().position(|navigation| *navigation.name == *name);
        let Some((row, index)) = row.and_then(|row| Some((row, index(row.navigation)?))) else { return false };
        if patch.related.iter().any(|related| related.navigation == index) {
            self.duplicate_property(name, place);
            return true;
        }
        let target = self.rules.model.structured(structured.navigations[index].target);
        match (json, target.key_property()) {
            (Json::Null, _) => {}
            (Json::String(text), Some(key)) if !text.is_empty() => {
                let key = key::canonical(self.rules.model, key.kind, text.as_ref().into());
                let key = key.as_deref().unwrap_or(text).into();
                let named = NamedEntity { key, values: Patch::default(), begins: row.begins };
                patch.related.push(Related { navigation: index, entities: RelatedEntities::Named(Box::new(named)) });
            }
            (other, _) => {
                let words = vec![name.to_owned()];
                self.shape(place, other.describe(), "the id of an entity", &refusal::SCHEMA_MISMATCH, words);
            }
        }
        true
    }

    /// Reads new entities under a navigation property, or the one that an object names.
    pub(super) fn nested(
        &mut self,
        structured: &StructuredType,
        name: &str,
        is_entity: bool,
        json: &Json<'_>,
        place: &Path<'_>,
        patch: &mut Patch,
    ) {
        let index = structured.navigations.iter().position(|navigation| navigation.name.eq_ignore_ascii_case(name));
        if let (Some(index), Json::Object(members), true) = (index, json, is_entity)
            && let Some(entities) = self.named(structured, index, members, place)
        {
            if patch.related.iter().any(|related| related.navigation == index) {
                return self.duplicate_property(name, place);
            }
            return patch.related.push(Related { navigation: index, entities });
        }
        let takes = |index: &usize| {
            let navigation = &structured.navigations[*index];
            navigation.contains_target || navigation.creates_elsewhere
        };
        let Some(index) = index.filter(takes).filter(|_| is_entity && self.rules.origin == Origin::Create) else {
            let words = vec![name.to_owned(), structured.full_name.to_string()];
            return self.report(place, "navigation property in a body", &refusal::UNKNOWN_PROPERTY, words);
        };
        if patch.related.iter().any(|related| related.navigation == index) {
            return self.duplicate_property(name, place);
        }
        let navigation = &structured.navigations[index];
        let mut entities = Vec::new();
        match (json, navigation.is_collection) {
            (Json::Array(items), true) => {
                for (position, item) in items.iter().enumerate() {
                    if self.is_full() {
                        return;
                    }
                    let at = Path::Item(place, position);
                    match item {
                        Json::Object(members) => entities.push(self.object(navigation.target, None, true, members, &at)),
                        other => self.not_an_entity(name, other, &at),
                    }
                }
            }
            (Json::Object(members), false) => entities.push(self.object(navigation.target, None, true, members, place)),
            (other, false) => self.not_an_entity(name, other, place),
            (other, true) => {
                self.shape(place, other.describe(), "an array of entities", &refusal::SCHEMA_MISMATCH, vec![name.to_owned()]);
            }
        }
        patch.related.push(Related { navigation: index, entities: RelatedEntities::New(entities) });
    }

    fn not_an_entity(&mut self, name: &str, found: &Json<'_>, place: &Path<'_>) {
        // A problem is described by the kind alone: the value may be a secret.
        let expected = kinds::ENTITY;
        self.shape(place, found.kind(), expected, &refusal::SCHEMA_MISMATCH, vec![name.to_owned()]);
    }
}
