//! Enum values.

use super::Origin;
use super::problem::{Path, shortened};
use super::reader::BodyReader;
use crate::edm::enums;
use crate::edm::schema::{EnumType, Property};
use crate::edm::value::Value;
use crate::policy::behavior::{EmptyFlags, EnumValues, FlagLists, HiddenMembersIn, SentinelIn};
use crate::policy::refusal::{self, Refusal};
use crate::text::json;

impl BodyReader<'_> {
    /// Reads the text of an enum value. `None`: it changes nothing, or a problem was reported.
    pub(super) fn enumeration(
        &mut self,
        enumeration: &EnumType,
        property: &Property,
        text: &str,
        place: &Path<'_>,
    ) -> Option<Value> {
        let syntax = if self.is_request() {
            enums::FlagSyntax { lists: self.rules.behaviors.flag_lists, empty: self.rules.behaviors.empty_flags }
        } else {
            enums::FlagSyntax::LENIENT
        };
        let Some(number) = enums::parse(enumeration, text, syntax) else {
            if self.rules.behaviors.enum_values == EnumValues::Accept {
                self.note("enum-values");
                return Some(Value::EnumText(text.into()));
            }
            self.enum_problem(enumeration, property, text, place, self.enum_refusals.unknown_member);
            return None;
        };
        if self.is_request() && enums::has_sentinel(enumeration, number) {
            let absent = self.rules.origin == Origin::Update && self.rules.behaviors.sentinel_in == SentinelIn::Absent;
            if absent {
                self.note("sentinel-in");
            } else {
                self.enum_problem(enumeration, property, text, place, self.enum_refusals.sentinel);
            }
            return None;
        }
        let unknown_to_client = !self.rules.knows_hidden && enums::has_hidden(enumeration, number);
        if self.is_request() && unknown_to_client && self.rules.behaviors.hidden_members_in == HiddenMembersIn::Reject {
            self.enum_problem(enumeration, property, text, place, self.enum_refusals.hidden_member);
            return None;
        }
        if unknown_to_client {
            self.note("hidden-members-in");
        }
        self.explain_enumeration(enumeration, text);
        Some(Value::Enum(number))
    }

    /// Notes the behaviors that would have refused an accepted value.
    fn explain_enumeration(&mut self, enumeration: &EnumType, text: &str) {
        if !self.rules.explains {
            return;
        }
        let strict = enums::FlagSyntax { lists: FlagLists::PascalOnly, empty: EmptyFlags::Reject };
        if enumeration.is_flags && text.trim().is_empty() {
            self.note("empty-flags");
        } else if enums::parse(enumeration, text, strict).is_none() {
            self.note("flag-lists");
        }
    }

    fn enum_problem(
        &mut self,
        enumeration: &EnumType,
        property: &Property,
        text: &str,
        place: &Path<'_>,
        refusal: &'static Refusal,
    ) {
        let names: Vec<&str> = enumeration
            .members
            .iter()
            .filter(|(_, number)| Some(*number) != enumeration.sentinel)
            .map(|(name, _)| &**name)
            .collect();
        let form = if enumeration.is_flags { "a comma-separated list of" } else { "one of" };
        let expected = format!("{form} {}", names.join(", "));
        // .NET has a text of its own for the empty one.
        let is_empty = text.trim().is_empty() && std::ptr::eq(refusal, &raw const refusal::NOT_A_MEMBER);
        let refusal = if is_empty { &refusal::EMPTY_MEMBER } else { refusal };
        let words = vec![text.to_owned(), property.name.to_string(), enumeration.full_name.to_string()];
        self.value(place, json::quoted(&shortened(text)), expected, refusal, words);
    }
}
