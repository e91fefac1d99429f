//! The addresses under which the permissions of an operation are published.
//!
//! A walk records the names and keys that it has followed: decoded, in their declared case, without the names of files. Permissions are
//! looked up by these, and an address has no spelling that goes around them.

use super::Walk;
use crate::edm::address::CollectionAddress;
use crate::edm::schema::{Model, Schema, TypeId, Version};
use crate::edm::segment::segments;

/// The place of a key.
const KEY: &str = "{}";

/// A part of a path, as a walk has followed it.
#[derive(Clone, Debug)]
pub(in crate::graph) struct Step {
    text: String,
    role: Role,
    /// The type behind it.
    type_id: TypeId,
}

/// The role of a part of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// A root or a navigation property.
    Name,
    /// A key.
    Key,
    /// The name of a type, behind an entity.
    CastOfOne,
    /// The name of a type, behind a collection.
    Cast,
    /// A property.
    Property,
    /// `$count`, `$ref`, or `$value`.
    Mark,
    /// An operation, and what follows it.
    Operation,
}

impl Walk<'_, '_> {
    /// Records a part of the path, if permissions are checked.
    pub(super) fn step(&mut self, text: &str, role: Role) {
        if self.lookup.needs_permissions() {
            // Parentheses would be arguments.
            let text = if role == Role::Key && text.contains('(') { KEY } else { text };
            self.steps.push(Step { text: text.to_owned(), role, type_id: self.type_id });
        }
    }

    /// Records another key than the one of segments, which has permissions of its own.
    pub(super) fn step_by_alternate_key(&mut self, name: &str) {
        if let Some(last) = self.steps.last_mut() {
            last.text.push_str(&format!("({name}={KEY})"));
        }
    }

    /// Records that names lead on from a file or folder: permissions are those of an item.
    pub(super) fn step_to_item(&mut self) {
        if self.steps.pop_if(|last| last.role == Role::Name).is_some() {
            self.step("items", Role::Name);
            self.step(KEY, Role::Key);
        }
    }

    /// Records that the properties so far lead to other entities.
    pub(super) fn step_through_properties(&mut self) {
        self.steps.iter_mut().filter(|step| step.role == Role::Property).for_each(|step| step.role = Role::Name);
    }
}

/// Returns the steps of a path in its usual form, with its version.
pub(super) fn of_usual_form(path: &str, type_id: TypeId) -> Vec<Step> {
    let mut steps: Vec<Step> =
        path.split('/').skip(2).map(|text| Step { text: text.to_owned(), role: Role::Name, type_id }).collect();
    steps.last_mut().into_iter().for_each(|key| key.role = Role::Key);
    steps
}

/// Returns the path of steps with `{id}` for each key, and without the arguments of functions.
pub(super) fn template(version: Version, steps: &[Step]) -> String {
    let text = |step: &Step| match step.role {
        Role::Key => "{id}".to_owned(),
        _ => step.text.split('(').next().unwrap_or_default().to_owned(),
    };
    let parts: Vec<String> = steps.iter().map(text).collect();
    format!("/{}/{}", version.segment(), parts.join("/"))
}

/// Returns the addresses of what steps lead to, as lists of segments behind the version: first as the path has them, then by the home of the
/// entity. Behind each is that of its holder, for properties and the like.
pub(super) fn addresses(
    schema: &Schema,
    model: &Model,
    collection: &CollectionAddress,
    key: Option<&str>,
    steps: &[Step],
) -> Vec<Vec<String>> {
    let is_end = |step: &Step| matches!(step.role, Role::Property | Role::Mark | Role::Operation);
    let end = steps.iter().position(is_end).unwrap_or(steps.len());
    let (before, behind) = steps.split_at(end);
    let mut found = vec![before.to_vec()];
    // An entity of a type with a collection of its own, whichever way led to it.
    let at_home = before.iter().rposition(|step| step.role == Role::CastOfOne).and_then(|cast| {
        let home = schema.set(schema.home(model, before[cast].type_id)?);
        let type_id = before[cast].type_id;
        let name = Step { text: home.path.to_string(), role: Role::Name, type_id };
        let key = Step { text: KEY.to_owned(), role: Role::Key, type_id };
        Some([&[name, key], &before[cast + 1..]].concat())
    });
    found.extend(at_home);
    let without_casts: Vec<Step> =
        before.iter().filter(|step| !matches!(step.role, Role::Cast | Role::CastOfOne)).cloned().collect();
    found.push(folded(model, &without_casts));
    found.push(without_casts);
    if let Some(canonical) = stored_at(schema, model, collection, key) {
        let canonical = folded(model, &canonical);
        // The collection as that of the outermost entity: events of a calendar are among those of its owner.
        let last = canonical.iter().rposition(|step| step.role == Role::Name).unwrap_or_default();
        let short = (last > 2 && canonical[1].role == Role::Key).then(|| [&canonical[..2], &canonical[last..]].concat());
        found.push(canonical);
        found.extend(short);
    }
    let mut addresses: Vec<Vec<String>> = Vec::new();
    let texts = |steps: &[Step]| steps.iter().map(|step| step.text.clone()).collect::<Vec<_>>();
    for steps in found {
        let mut whole = texts(&steps);
        let length = whole.len();
        whole.extend(texts(behind));
        let mut add = |address: Vec<String>| {
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        };
        add(whole.clone());
        // The permissions for a property or a number of entities are those of its holder; operations have their own.
        for step in behind.iter().rev().take_while(|step| step.role != Role::Operation) {
            whole.truncate(whole.len().saturating_sub(1).max(length));
            if step.role == Role::Property || step.role == Role::Mark {
                add(whole.clone());
            }
        }
    }
    addresses
}

/// Returns the steps to where entities are stored.
fn stored_at(schema: &Schema, model: &Model, collection: &CollectionAddress, key: Option<&str>) -> Option<Vec<Step>> {
    let path = collection.path(schema);
    let mut parts = segments(&path).peekable();
    let root = model.root(&parts.next()?)?;
    let mut type_id = root.target;
    let mut steps = vec![Step { text: root.name.to_string(), role: Role::Name, type_id }];
    let mut is_many = !root.is_singleton;
    for part in parts {
        if is_many {
            steps.push(Step { text: KEY.to_owned(), role: Role::Key, type_id });
            is_many = false;
        } else if let Some(navigation) = model.structured(type_id).navigation(&part) {
            type_id = navigation.target;
            is_many = navigation.is_collection;
            steps.push(Step { text: navigation.name.to_string(), role: Role::Name, type_id });
        } else {
            return None;
        }
    }
    if is_many && key.is_some() {
        steps.push(Step { text: KEY.to_owned(), role: Role::Key, type_id });
    }
    Some(steps)
}

/// Returns steps in which an entity within another one of its type is beside it: folders within folders are folders.
fn folded(model: &Model, steps: &[Step]) -> Vec<Step> {
    let mut folded: Vec<Step> = Vec::with_capacity(steps.len());
    let mut rest = steps.iter().peekable();
    while let Some(step) = rest.next() {
        let is_one = rest.peek().is_none_or(|next| next.role != Role::Key);
        let is_file = model.structured(step.type_id).file.is_some();
        let holder = folded.last().filter(|last| last.type_id == step.type_id);
        let is_within = holder.is_some_and(|last| last.role == Role::Key);
        if step.role == Role::Name && is_file && step.text.eq_ignore_ascii_case("root") {
            folded.push(Step { text: "items".to_owned(), ..step.clone() });
            folded.push(Step { text: KEY.to_owned(), role: Role::Key, ..step.clone() });
        } else if step.role == Role::Name && is_within && !is_one {
            // The key takes the place of the holder's.
            folded.pop();
        } else {
            folded.push(step.clone());
        }
    }
    folded
}
