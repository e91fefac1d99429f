//! Evolution: versions, deprecations, evolvable enums.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use crate::edm::schema::{ItemType, PropertyType, StructuredType, Version};
use crate::graph::used::{self, UsedOperation};
use crate::report::deprecations::{Deprecation, Deprecations};
use crate::report::evidence::{Call, Run};
use crate::report::hits::{Hits, listed};

pub(super) fn beta_used(run: &Run<'_>) -> Hits {
    let mut hits = Hits::default();
    let mut known: HashMap<Rc<str>, Option<UsedOperation<'_>>> = HashMap::new();
    for call in run.graph().filter(|call| call.path.get(..6).is_some_and(|version| version.eq_ignore_ascii_case("/beta/"))) {
        let in_v1 = || used::in_v1(run.world, &call.method, &call.path);
        let Some(here) = &call.used else { continue };
        let Some(there) = known.entry(call.operation()).or_insert_with(in_v1) else { continue };
        let is_known = |structured: &StructuredType, name: &str| {
            structured.property(name).is_some() || structured.navigation(name).is_some()
        };
        // A member that only beta has is a reason for it.
        let needs_beta = here
            .structured
            .zip(there.structured)
            .is_some_and(|(here, there)| names(call).any(|name| is_known(here, name) && !is_known(there, name)));
        if !needs_beta {
            hits.add(call, || "v1.0 has it under the same path");
        }
    }
    hits
}

/// Returns the names in the query options and in the body of a request that may be those of members.
fn names<'c>(call: &'c Call<'_>) -> impl Iterator<Item = &'c str> {
    let selected = ["select", "expand", "filter", "orderby"].into_iter().filter_map(|name| call.option(name));
    // Every second piece between quotes is a text.
    let words = selected
        .flat_map(|text| text.split('\'').step_by(2))
        .flat_map(|text| text.split(|character: char| !character.is_ascii_alphanumeric() && character != '_'));
    let sent = call.sent.iter().flat_map(|sent| sent.members.iter().map(String::as_str));
    words.chain(sent).filter(|name| !name.is_empty())
}

pub(super) fn deprecated(run: &Run<'_>) -> Hits {
    let mut hits = Hits::default();
    let mut versions: [Option<Deprecations<'_>>; 2] = [None, None];
    for call in run.graph() {
        let Some(used) = &call.used else { continue };
        let known = versions[usize::from(used.model.version != Version::V1)].get_or_insert_with(|| Deprecations::of(used.model));
        for row in deprecations_of(call, used, known) {
            hits.about(format!("{} ({})", call.operation(), row.target), call, || row.text());
        }
    }
    hits
}

/// Returns the deprecations of the path, the type, the operation, and the members of a request.
fn deprecations_of<'k, 'm>(call: &Call<'_>, used: &UsedOperation<'_>, known: &'k Deprecations<'m>) -> Vec<&'k Deprecation<'m>> {
    let called = used.called.as_ref().and_then(|(name, bound)| known.of_operation(name, *bound));
    let of_part = |part: &used::PathPart<'_>| match part.owner {
        None => known.of_root(part.name),
        Some(owner) => known.of_member(used.model.find_structured(owner)?, part.name),
    };
    let mut found: Vec<&Deprecation<'_>> = called.into_iter().chain(used.parts.iter().filter_map(of_part)).collect();
    if let Some(structured) = used.structured {
        found.extend(known.of_type(&structured.full_name));
        for name in names(call) {
            found.extend(known.of_member(structured, name));
            let property = structured.property(name).map(|index| &structured.properties[index]);
            found.extend(property.and_then(|property| type_name(used, property.kind)).and_then(|name| known.of_type(name)));
        }
    }
    let mut targets = HashSet::new();
    found.retain(|row| targets.insert(row.target));
    found
}

/// Returns the name of the type of a property's values, if it is declared.
fn type_name<'m>(used: &UsedOperation<'m>, kind: PropertyType) -> Option<&'m str> {
    match kind {
        PropertyType::Complex(id) | PropertyType::Collection(ItemType::Complex(id)) => {
            used.model.find_structured(id).map(|structured| &*structured.full_name)
        }
        PropertyType::Enum(id) | PropertyType::Collection(ItemType::Enum(id)) => Some(&*used.model.enumeration(id).full_name),
        PropertyType::Primitive(_) | PropertyType::Collection(_) => None,
    }
}

pub(super) fn sentinel_sent(run: &Run<'_>) -> Hits {
    let mut hits = Hits::default();
    for call in run.graph() {
        if let Some(sent) = call.sent.as_ref().filter(|sent| !sent.sentinels.is_empty()) {
            hits.add(call, || format!("members with it: {}", listed(&sent.sentinels)));
        }
    }
    hits
}

pub(super) fn unknown_members(run: &Run<'_>) -> Hits {
    let mut hits = Hits::default();
    for call in run.graph().filter(|call| call.got.has_sentinel) {
        let asks = call.header("prefer").is_some_and(|prefer| prefer.contains("include-unknown-enum-members"));
        if !asks {
            hits.add(call, || "the answer has values that the client did not ask for by name");
        }
    }
    hits
}

pub(super) fn acts_as_header(run: &Run<'_>) -> Hits {
    let mut hits = Hits::default();
    for call in run.graph().filter(|call| call.header("ms-app-acts-as").is_some()) {
        hits.add(call, || "deprecated since June 2025");
    }
    hits
}
