//! Schedule of a team: its collections, its binding, and the roles of people in it.

use std::sync::Arc;

use crate::edm::address::{CollectionAddress, EntityAddress};
use crate::edm::schema::{Model, StructuredType};
use crate::edm::value::Value;
use crate::workloads::shifts::integration::{self, Integration};
use crate::workloads::shifts::record::Record;
use crate::workloads::shifts::rules::BINDING;
use crate::world::World;
use crate::world::store::StoredEntity;
use crate::world::workload::{Ancestor, text_of};

/// Schedule of a team.
#[derive(Clone)]
pub(super) struct Schedule<'w> {
    pub(super) world: &'w World,
    pub(super) model: &'w Model,
    address: EntityAddress,
    /// Id of the team.
    team: Arc<str>,
    /// Any collection of the schedule: the others have the same holder.
    collection: CollectionAddress,
    structured: &'w StructuredType,
}

/// Entity of a schedule.
pub(super) struct Entry<'w> {
    pub(super) address: EntityAddress,
    pub(super) entity: Arc<StoredEntity>,
    pub(super) record: Record<'w>,
}

/// Role of a person in a team.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Owner.
    Manager,
    Member,
    /// User of the world who is not in the team.
    Outside,
    /// The world does not know the person, or the people of the team.
    Unknown,
}

impl<'w> Schedule<'w> {
    /// Returns the schedule that has a collection.
    pub(super) fn of(world: &'w World, model: &'w Model, collection: &CollectionAddress) -> Option<Schedule<'w>> {
        let address = EntityAddress::parse(&world.schema, model, collection.holder.as_deref()?)?;
        let (team, structured) = Schedule::parts(world, model, &address)?;
        Some(Schedule { world, model, address, team, collection: collection.clone(), structured })
    }

    /// Returns the schedule that has a collection, from the entities that contain it. Under the address of a team nothing is parsed.
    pub(super) fn holding(
        world: &'w World,
        model: &'w Model,
        ancestors: &[Ancestor],
        collection: &CollectionAddress,
    ) -> Option<Schedule<'w>> {
        let [team, schedule] = ancestors else { return Schedule::of(world, model, collection) };
        let structured = model.structured(schedule.type_id);
        if *structured.name != *"schedule" || model.root("teams").is_none_or(|root| root.set != team.collection.set) {
            return Schedule::of(world, model, collection);
        }
        let address = EntityAddress { collection: schedule.collection.clone(), key: schedule.key.clone() };
        Some(Schedule { world, model, address, team: team.key.clone(), collection: collection.clone(), structured })
    }

    /// Returns the schedule with an address.
    pub(super) fn at(world: &'w World, model: &'w Model, address: EntityAddress) -> Option<Schedule<'w>> {
        let (team, structured) = Schedule::parts(world, model, &address)?;
        let any = structured.navigations.first()?;
        let collection = address.collection.within(&world.schema, &address.key, any.set);
        Some(Schedule { world, model, address, team, collection, structured })
    }

    /// Returns the id of the team of a schedule, and the type of schedules.
    fn parts(world: &World, model: &'w Model, address: &EntityAddress) -> Option<(Arc<str>, &'w StructuredType)> {
        let structured = model.find_structured(world.schema.set(address.collection.set).target)?;
        let team = EntityAddress::parse(&world.schema, model, address.collection.holder.as_deref()?)?;
        (&*structured.name == "schedule").then_some((team.key, structured))
    }

    /// Returns the number of teams, each of which can have a schedule.
    pub(super) fn count(world: &World, model: &Model) -> u64 {
        let teams = model.root("teams").map_or(0, |root| world.store.collection(root.set).len());
        u64::try_from(teams).unwrap_or(u64::MAX)
    }

    /// Returns the schedules of the teams that a user is in.
    pub(super) fn of_user(world: &'w World, model: &'w Model, user: &str) -> Vec<Schedule<'w>> {
        let Some(root) = model.root("teams") else { return Vec::new() };
        let teams = CollectionAddress::from(root.set);
        let Some(navigation) = model.structured(root.target).navigation("schedule") else { return Vec::new() };
        let schedule = |team: Arc<StoredEntity>| {
            let collection = teams.within(&world.schema, &team.key, navigation.set);
            let address = EntityAddress { collection, key: navigation.name.as_ref().into() };
            let schedule = Schedule::at(world, model, address).filter(Schedule::exists)?;
            matches!(schedule.role(user), Role::Manager | Role::Member).then_some(schedule)
        };
        world.store.list(&teams).into_iter().filter_map(schedule).collect()
    }

    pub(super) fn exists(&self) -> bool {
        self.world.store.entity(&self.address).is_some()
    }

    pub(super) fn address(&self) -> &EntityAddress {
        &self.address
    }

    /// Returns the id of the team.
    pub(super) fn team_id(&self) -> &str {
        &self.team
    }

    /// Returns a collection of the schedule.
    pub(super) fn collection(&self, navigation: &str) -> Option<CollectionAddress> {
        let navigation = self.structured.navigation(navigation)?;
        Some(self.collection.sibling(navigation.set))
    }

    /// Returns the entity with a key.
    pub(super) fn find(&self, navigation: &str, key: &str) -> Option<Entry<'w>> {
        let address = EntityAddress { collection: self.collection(navigation)?, key: key.into() };
        self.entry(&address)
    }

    /// Returns the entity with an address.
    pub(super) fn entry(&self, address: &EntityAddress) -> Option<Entry<'w>> {
        let entity = self.world.store.entity(address)?;
        let structured = self.model.find_structured(self.world.schema.set(address.collection.set).target)?;
        let record = Record::new(self.model, structured, entity.clone());
        Some(Entry { address: address.clone(), entity, record })
    }

    /// Returns all entities of a collection.
    pub(super) fn list(&self, navigation: &str) -> Vec<Entry<'w>> {
        let Some(collection) = self.collection(navigation) else { return Vec::new() };
        let Some(structured) = self.model.find_structured(self.world.schema.set(collection.set).target) else {
            return Vec::new();
        };
        let entry = |entity: Arc<StoredEntity>| {
            let address = EntityAddress { collection: collection.clone(), key: entity.key.clone() };
            Entry { address, record: Record::new(self.model, structured, entity.clone()), entity }
        };
        self.world.store.list(&collection).into_iter().map(entry).collect()
    }

    /// Finds the integration to which the schedule is bound: "If you include more than one workforceIntegrationId in the request, the
    /// first one is used."
    pub(super) fn integration(&self) -> Option<Integration<'w>> {
        let entity = self.world.store.entity(&self.address)?;
        let slot = self.structured.slot(BINDING)?;
        let Value::Collection(ids) = entity.properties.get(slot) else { return None };
        let first = ids.iter().find_map(|id| if let Value::String(id) = id { Some(id) } else { None })?;
        integration::find(self.world, first)
    }

    /// Returns the name of the schedule's time zone.
    pub(super) fn time_zone(&self) -> Option<Arc<str>> {
        let entity = self.world.store.entity(&self.address)?;
        Record::new(self.model, self.structured, entity.clone()).text("timeZone")
    }

    /// Returns the user's role in the team.
    pub(super) fn role(&self, user: &str) -> Role {
        let mut has_members = false;
        for (structured, member) in self.members() {
            has_members = true;
            if is_of(structured, &member, user) {
                return if is_owner(structured, &member) { Role::Manager } else { Role::Member };
            }
        }
        // The people of the group of a team are those of the team.
        if self.is_in_group("owners", user) {
            return Role::Manager;
        }
        if self.is_in_group("members", user) {
            return Role::Member;
        }
        // Clients have ids in any case; the directory has them in small letters.
        let is_user = self.model.root("users").is_some_and(|root| {
            let users = self.world.store.collection(root.set);
            users.get(user).is_some() || users.get(&user.to_ascii_lowercase()).is_some()
        });
        if is_user && has_members { Role::Outside } else { Role::Unknown }
    }

    /// Whether the group of the team is linked to a user.
    fn is_in_group(&self, navigation: &str, user: &str) -> bool {
        let links = || {
            let root = self.model.root("groups")?;
            let navigation = self.model.structured(root.target).navigation(navigation)?;
            Some(CollectionAddress::from(root.set).within(&self.world.schema, &self.team, navigation.set))
        };
        let leads_to = |link: &Arc<StoredEntity>| link.linked().is_some_and(|target| target.key.eq_ignore_ascii_case(user));
        links().is_some_and(|links| self.world.store.list(&links).iter().any(leads_to))
    }

    /// Returns the id of an owner of the team.
    pub(super) fn manager(&self) -> Option<Arc<str>> {
        let (structured, owner) = self.members().find(|(structured, member)| is_owner(structured, member))?;
        text_of(structured, &owner.properties, "userId")
    }

    /// Returns the members of the team, with their types.
    fn members(&self) -> impl Iterator<Item = (&'w StructuredType, Arc<StoredEntity>)> + use<'w> {
        let model = self.model;
        let navigation = model.root("teams").and_then(|teams| model.structured(teams.target).navigation("members"));
        let listed = navigation.map(|navigation| {
            let collection = self.address.collection.sibling(navigation.set);
            (model.structured(navigation.target), self.world.store.list(&collection))
        });
        listed.into_iter().flat_map(move |(declared, members)| {
            members.into_iter().map(move |member| (model.actual(declared, member.properties.own_type), member))
        })
    }

    /// Returns the display name of a user.
    pub(super) fn user_name(&self, user: &str) -> Option<Arc<str>> {
        let root = self.model.root("users")?;
        let entity = self.world.store.collection(root.set).get(user)?;
        Record::new(self.model, self.model.structured(root.target), entity.clone()).text("displayName")
    }
}

/// Whether a member of a team is a user.
fn is_of(structured: &StructuredType, member: &StoredEntity, user: &str) -> bool {
    let id = structured.slot("userId").map(|slot| member.properties.get(slot));
    matches!(id, Some(Value::String(id)) if id.eq_ignore_ascii_case(user))
}

fn is_owner(structured: &StructuredType, member: &StoredEntity) -> bool {
    let roles = structured.slot("roles").map(|slot| member.properties.get(slot));
    let is_owner = |role: &Value| matches!(role, Value::String(role) if **role == *"owner");
    matches!(roles, Some(Value::Collection(roles)) if roles.iter().any(is_owner))
}
