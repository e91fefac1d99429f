//! Links that follow from others: `memberOf` from `members` of groups, `transitiveMembers` from `members` at any distance, `joinedTeams` from
//! the members of teams and of their groups.
//!
//! Only one side of a relation is stored as such. Where a file gives the other side, that keeps the order of the file, and counts as long
//! as the first side agrees.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use crate::edm::schema::{JoinRules, Schema, SetId, SetKind};
use crate::edm::value::{Entity, Value};
use crate::odata::purse::Purse;
use crate::world::store::{CollectionAddress, CollectionRef, EntityAddress, Store, StoredEntity};

/// The steps that following a link costs.
const LINK_STEPS: u64 = 16;

/// The links that a path without a purse follows at most.
const PATH_LINKS: usize = 10_000;

/// The purse does not suffice for the links.
#[derive(Debug)]
pub(crate) struct TooManyLinks;

/// Returns the link from which one follows: the collection that has it, and the entity to which it leads. `None` for a link of its own.
pub(crate) fn forward(
    schema: &Schema,
    links: &CollectionAddress,
    target: &EntityAddress,
) -> Option<(CollectionAddress, EntityAddress)> {
    let inverses = schema.inverses(links.set);
    if inverses.is_empty() {
        return None;
    }
    let model = schema.widest();
    let type_id = schema.set(target.collection.set).target;
    let (_, set) = inverses.iter().find(|(owner, _)| model.is_a(type_id, *owner))?;
    let holder = EntityAddress::parse(schema, model, links.holder.as_deref()?)?;
    Some((target.collection.within(schema, &target.key, *set), holder))
}

/// Returns the collection at an address, to read it, with the links that follow from others.
///
/// # Errors
///
/// Fails if the purse does not suffice. Without one, the number of links is limited.
pub(crate) fn collection<'s>(
    schema: &Schema,
    store: &'s Store,
    address: &CollectionAddress,
    purse: Option<&Purse>,
) -> Result<CollectionRef<'s>, TooManyLinks> {
    if address.holder.is_none() || !schema.is_derived(address.set) {
        return Ok(store.at(address));
    }
    let followed = std::cell::Cell::new(0);
    let pay = || {
        followed.set(followed.get() + 1);
        let is_paid = purse.map_or(followed.get() <= PATH_LINKS, |purse| purse.spend(LINK_STEPS));
        if is_paid { Ok(()) } else { Err(TooManyLinks) }
    };
    Reader { schema, store, pay: &pay }.view(address)
}

/// Returns the link with a key in a collection, derived or not, or an entity that lives among links. Except for links at any distance, no
/// other links are followed, however many there are; these are paid from the purse, or limited in number without one.
pub(crate) fn link(
    schema: &Schema,
    store: &Store,
    address: &CollectionAddress,
    key: &str,
    purse: Option<&Purse>,
) -> Option<Arc<StoredEntity>> {
    let is_among_links = address.holder.is_some() && {
        let set = schema.set(address.set);
        set.kind == SetKind::References && !set.is_single
    };
    let among_links = || if is_among_links { by_target_key(store, address, key, purse) } else { None };
    let stored = store.at(address).get(key).or_else(among_links);
    if address.holder.is_none() || !schema.is_derived(address.set) {
        return stored;
    }
    if schema.transitive(address.set).is_some() || schema.set(address.set).is_single {
        return collection(schema, store, address, purse).ok()?.get(key);
    }
    let model = schema.widest();
    let holder = EntityAddress::parse(schema, model, address.holder.as_deref()?)?;
    if let Some((rules, linked)) = schema.joined(address.set) {
        if stored.as_ref().is_some_and(|entity| entity.linked().is_none()) {
            return stored;
        }
        let target = EntityAddress { collection: model.root(rules.root)?.set.into(), key: key.into() };
        let is_joined = is_member(schema, store, &target, &holder, rules, stored.is_some())
            || linked.is_some_and(|set| is_linked_by_same_key(schema, store, key, &holder, rules, set));
        return is_joined.then(|| Arc::new(Entity::link(key.into(), target).into()));
    }
    // A link of its own, or an entity.
    if let Some(stored) = stored
        && stored.linked().is_none_or(|target| forward(schema, address, target).is_none())
    {
        return Some(stored);
    }
    schema.inverses(address.set).iter().find_map(|(owner, set)| {
        let target = EntityAddress { collection: schema.home(model, *owner)?.into(), key: key.into() };
        let place = target.collection.within(schema, key, *set);
        let leads_back = key_of(store, &place, &holder).is_some();
        leads_back.then(|| Arc::new(Entity::link(key.into(), target).into()))
    })
}

/// Returns the key of the link to an entity in a collection, if it is there: most have the key of the entity.
pub(crate) fn key_of(store: &Store, place: &CollectionAddress, target: &EntityAddress) -> Option<Arc<str>> {
    let leads_there = |link: &StoredEntity| link.linked().is_some_and(|linked| **linked == *target);
    if store.at(place).with_entity(&target.key, leads_there) == Some(true) {
        return Some(target.key.clone());
    }
    store.link_key(place, target)
}

/// Returns the keys that a link to an entity in a collection can have, the first of which is free gets it: that of the entity, its address,
/// since entities of different parents can have the same key, and longer texts, since that can be the key of another entity.
pub(crate) fn keys<'t>(schema: &'t Schema, target: &'t EntityAddress) -> impl Iterator<Item = Arc<str>> + 't {
    let address = std::iter::once_with(|| target.text(schema));
    let longer = (2_u64..).map(|number| format!("{}#{number}", target.text(schema)));
    std::iter::once(target.key.clone()).chain(address.chain(longer).map(Arc::from))
}

/// Returns the first link to an entity with a key, where that is not the key of the link.
fn by_target_key(store: &Store, address: &CollectionAddress, key: &str, purse: Option<&Purse>) -> Option<Arc<StoredEntity>> {
    let stored = store.at(address);
    let followed = stored.len().min(PATH_LINKS);
    if !purse.is_none_or(|purse| purse.spend(u64::try_from(followed).unwrap_or(u64::MAX))) {
        return None;
    }
    let links = stored.page(None, 0, followed).into_iter().map(|(_, link)| link);
    links.into_iter().find(|link| link.linked().is_some_and(|target| *target.key == *key))
}

/// Whether an entity has a person among its members. Without members, a stored link counts.
fn is_member(
    schema: &Schema,
    store: &Store,
    target: &EntityAddress,
    person: &EntityAddress,
    rules: &JoinRules,
    is_stored: bool,
) -> bool {
    let model = schema.widest();
    let owner = schema.set(target.collection.set).target;
    let Some(navigation) = model.structured(owner).navigation(rules.members) else { return false };
    if store.entity(target).is_none() {
        return false;
    }
    let members = store.at(&target.collection.within(schema, &target.key, navigation.set));
    if members.is_empty() {
        return is_stored;
    }
    let sought = person.key.to_lowercase();
    model.slots_named(rules.person).iter().any(|slot| {
        let is_person = |member: &StoredEntity| {
            let key = member.properties.get(*slot);
            matches!(key, Value::String(key) if key.eq_ignore_ascii_case(&person.key))
        };
        if !members.knows_values(*slot) {
            members.learn_values(*slot);
        }
        members.keys_with(*slot, &sought).iter().any(|key| members.with_entity(key, is_person) == Some(true))
    })
}

/// Whether the entity of another set with a key has a link to a person.
fn is_linked_by_same_key(
    schema: &Schema,
    store: &Store,
    key: &str,
    person: &EntityAddress,
    rules: &JoinRules,
    set: SetId,
) -> bool {
    let model = schema.widest();
    let home = model.type_named(rules.same_key.0).and_then(|owner| schema.home(model, owner));
    home.is_some_and(|home| {
        let place = CollectionAddress::from(home).within(schema, key, set);
        let exists = model.root(rules.root).is_some_and(|root| store.at(&root.set.into()).get(key).is_some());
        exists && key_of(store, &place, person).is_some()
    })
}

struct Reader<'r, 's> {
    schema: &'r Schema,
    store: &'s Store,
    pay: &'r dyn Fn() -> Result<(), TooManyLinks>,
}

impl<'s> Reader<'_, 's> {
    fn view(&self, address: &CollectionAddress) -> Result<CollectionRef<'s>, TooManyLinks> {
        let links = match self.schema.transitive(address.set) {
            Some(names) => self.reached(address, names)?,
            None => match self.schema.joined(address.set) {
                Some((rules, linked)) => self.joined(address, rules, linked)?,
                None => self.links(address)?,
            },
        };
        let is_single = self.schema.set(address.set).is_single;
        let mut found: Vec<_> = self.store.list(address).into_iter().filter(|entity| entity.linked().is_none()).collect();
        let mut known: HashSet<Arc<str>> = found.iter().map(|entity| entity.key.clone()).collect();
        for target in links {
            let free = if is_single { None } else { keys(self.schema, &target).find(|key| known.insert(key.clone())) };
            let key = free.unwrap_or_else(|| self.schema.set(address.set).name.as_ref().into());
            found.push(Arc::new(StoredEntity::from(Entity::link(key, target))));
        }
        Ok(self.store.view_of(address, found))
    }

    /// Returns the entities to which the links of a navigation property lead, derived ones among them.
    fn links(&self, address: &CollectionAddress) -> Result<Vec<EntityAddress>, TooManyLinks> {
        let stored = self.store.list(address);
        let mut found = Vec::new();
        let inverses = self.schema.inverses(address.set);
        let model = self.schema.widest();
        let holder = address.holder.as_deref().and_then(|holder| EntityAddress::parse(self.schema, model, holder));
        let mut derived: HashMap<EntityAddress, usize> = HashMap::new();
        let sources = match &holder {
            Some(holder) if !inverses.is_empty() => self.store.links_to(holder),
            _ => Vec::new(),
        };
        for (index, (place, _)) in sources.into_iter().enumerate() {
            (self.pay)()?;
            if inverses.iter().any(|(_, set)| *set == place.set)
                && let Some(source) = place.holder.as_deref().and_then(|text| EntityAddress::parse(self.schema, model, text))
            {
                derived.insert(source, index);
            }
        }
        for entity in stored {
            (self.pay)()?;
            let Some(target) = entity.linked() else { continue };
            let is_own = forward(self.schema, address, target).is_none();
            if derived.remove(&**target).is_some() || is_own {
                found.push((**target).clone());
            }
        }
        let mut rest: Vec<(EntityAddress, usize)> = derived.into_iter().collect();
        rest.sort_by_key(|(_, index)| *index);
        found.extend(rest.into_iter().map(|(source, _)| source));
        Ok(found)
    }

    /// Returns the entities of a root set that have a person among their members, in their order. A link of a file counts where the members
    /// are not known.
    fn joined(
        &self,
        address: &CollectionAddress,
        rules: &JoinRules,
        linked: Option<SetId>,
    ) -> Result<Vec<EntityAddress>, TooManyLinks> {
        let model = self.schema.widest();
        let parsed = |text: &str| EntityAddress::parse(self.schema, model, text);
        let (Some(person), Some(root)) = (address.holder.as_deref().and_then(parsed), model.root(rules.root)) else {
            return Ok(Vec::new());
        };
        let Some(members) = model.structured(root.target).navigation(rules.members) else { return Ok(Vec::new()) };
        // The keys of entities of another set that have a link to the person.
        let mut same_keys: HashSet<Arc<str>> = HashSet::new();
        for (place, _) in self.store.links_to(&person) {
            (self.pay)()?;
            if Some(place.set) == linked {
                same_keys.extend(place.holder.as_deref().and_then(parsed).map(|holder| holder.key));
            }
        }
        let stored: HashSet<Arc<str>> =
            self.store.list(address).iter().filter_map(|entity| entity.linked()).map(|target| target.key.clone()).collect();
        let all = CollectionAddress::from(root.set);
        let mut found = Vec::new();
        for entity in self.store.list(&all) {
            (self.pay)()?;
            let mut is_joined = same_keys.contains(&entity.key);
            let people = self.store.at(&all.within(self.schema, &entity.key, members.set)).list();
            is_joined |= people.is_empty() && stored.contains(&entity.key);
            for member in people {
                (self.pay)()?;
                let structured = model.actual(model.structured(members.target), member.properties.own_type);
                let key = structured.slot(rules.person).map(|slot| member.properties.get(slot));
                is_joined |= matches!(key, Some(Value::String(key)) if key.eq_ignore_ascii_case(&person.key));
            }
            if is_joined {
                found.push(EntityAddress { collection: all.clone(), key: entity.key.clone() });
            }
        }
        Ok(found)
    }

    /// Returns all entities that navigation properties of these names lead to, at any distance, the nearest first.
    fn reached(&self, address: &CollectionAddress, names: &[&str]) -> Result<Vec<EntityAddress>, TooManyLinks> {
        let model = self.schema.widest();
        let stored = self.store.list(address);
        let mut found: Vec<EntityAddress> = Vec::new();
        let Some(holder) = address.holder.as_deref().and_then(|holder| EntityAddress::parse(self.schema, model, holder)) else {
            return Ok(found);
        };
        let mut seen: HashSet<EntityAddress> = HashSet::from([holder.clone()]);
        for target in stored.iter().filter_map(|entity| entity.linked()) {
            (self.pay)()?;
            if seen.insert((**target).clone()) {
                found.push((**target).clone());
            }
        }
        let mut ahead = VecDeque::from([holder]);
        while let Some(entity) = ahead.pop_front() {
            for set in self.sets_named(&entity, names) {
                for target in self.links(&entity.collection.within(self.schema, &entity.key, set))? {
                    (self.pay)()?;
                    if seen.insert(target.clone()) {
                        found.push(target.clone());
                        ahead.push_back(target);
                    }
                }
            }
        }
        Ok(found)
    }

    /// Returns the navigation properties of these names that an entity has, by their sets.
    fn sets_named(&self, entity: &EntityAddress, names: &[&str]) -> Vec<SetId> {
        let model = self.schema.widest();
        let own = self.store.entity(entity).and_then(|entity| entity.properties.own_type);
        let id = own.unwrap_or(self.schema.set(entity.collection.set).target);
        let Some(structured) = model.find_structured(id) else { return Vec::new() };
        names.iter().filter_map(|name| structured.navigation(name)).map(|navigation| navigation.set).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::world::World;
    use crate::world::fixture;
    use crate::world::settings::Settings;

    /// Returns a world of a user in a team behind more members than a path can follow, and in a group of one that has no members.
    fn world() -> World {
        let member = |number: usize| {
            let user = if number == PATH_LINKS + 1 { "USER".to_owned() } else { format!("other-{number}") };
            json!({ "@odata.type": "#microsoft.graph.aadUserConversationMember", "id": format!("m{number}"), "userId": user })
        };
        let members: Vec<_> = (0..=PATH_LINKS + 1).map(member).collect();
        let fixture = json!({
            "users": [{ "id": "user", "userPrincipalName": "user@contoso.com" }],
            "teams": [{ "id": "large", "members": members }, { "id": "of-group" }, { "id": "of-others", "members": [member(0)] }],
            "groups": [
                { "id": "of-group", "displayName": "g", "members@odata.bind": ["users('user')"] },
                { "id": "no-team", "displayName": "n", "members@odata.bind": ["users('user')"] },
                { "id": "of-others", "displayName": "o" }
            ],
        });
        let mut settings = Settings { seed: 1, ..crate::workloads::settings() };
        let text = fixture.to_string();
        settings.entities = fixture::read(&settings.schema, &settings.behaviors, "fixtures.json", text.as_bytes()).unwrap();
        World::new(settings)
    }

    #[test]
    fn a_link_is_found_by_its_key_among_any_number() {
        let world = world();
        let (schema, store) = (&*world.schema, &*world.store);
        let model = schema.widest();
        let users = model.root("users").unwrap();
        let place = |name: &str| {
            let set = model.structured(users.target).navigation(name).unwrap().set;
            CollectionAddress::from(users.set).within(schema, "user", set)
        };
        let found = |name: &str, key: &str| {
            let link = link(schema, store, &place(name), key, None);
            assert!(link.as_ref().is_none_or(|link| link.linked().is_some_and(|target| *target.key == *key)));
            link.is_some()
        };
        assert!(collection(schema, store, &place("joinedTeams"), None).is_err(), "a path follows fewer");
        let known = ["large", "of-group", "of-others", "no-team", "none", "user"];
        assert_eq!(known.map(|key| found("joinedTeams", key)), [true, true, false, false, false, false]);
        assert_eq!(known.map(|key| found("memberOf", key)), [false, true, false, true, false, false]);
        // With a purse, a list has the same.
        for name in ["joinedTeams", "memberOf"] {
            let purse = Purse::whole();
            let list = collection(schema, store, &place(name), Some(&purse)).unwrap();
            assert_eq!(known.map(|key| list.get(key).is_some()), known.map(|key| found(name, key)), "{name}");
        }
    }
}
