//! Entities under the navigation properties of a body: bound ones, and new ones that a create contains.

use super::problem::Path;
use super::reader::BodyReader;
use super::{Origin, kinds};
use crate::edm::patch::{Patch, Related, RelatedEntities};
use crate::edm::schema::StructuredType;
use crate::policy::behavior::RequiredLinks;
use crate::policy::refusal;
use crate::text::json::Json;
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

    /// Reads new entities under a navigation property.
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
        let takes = |index: &usize| structured.navigations[*index].contains_target;
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
