//! The context of one operation.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::SystemTime;

use http::StatusCode;
use http::header::HeaderValue;

use crate::edm::address::{CollectionAddress, EntityAddress, KeyForm, entity_address};
use crate::edm::primitive::{LongNumbers, Primitive};
use crate::edm::schema::{Capability, KeyCheck, Model, PropertyType, Restrictions, Root, SetId, StructuredType, TypeId, Version};
use crate::edm::tag;
use crate::edm::value::{Complex, Entity, Value};
use crate::entra::caller;
use crate::graph::base_url::write_base_url;
use crate::graph::forms;
use crate::graph::meta::ResponseMeta;
use crate::graph::request::Request;
use crate::graph::route::Route;
use crate::graph::statuses;
use crate::graph::success::Success;
use crate::graph::ticket;
use crate::graph::window;
use crate::odata::error::Error;
use crate::odata::format::{Format, Level};
use crate::odata::prefer::Preferences;
use crate::odata::purse::Purse;
use crate::odata::query::select::Select;
use crate::odata::query::{Query, QueryTarget, Scope};
use crate::odata::write::{ControlInformation, Holder, InstanceType, Representation, separate, write_cached, write_selected};
use crate::policy::behavior::{ContentType, ExpensiveQuery};
use crate::policy::refusal::{self, Refusal};
use crate::text::json::write_string;
use crate::world::World;
use crate::world::links::{self, TooManyLinks};
use crate::world::store::{CollectionRef, LookUpUnpaid, StoreFull, StoredEntity};
use crate::world::workload::{Ancestor, InstanceRules, TimeProblem};

/// The approximate length of an entity's JSON, in bytes.
pub(super) const ENTITY_LENGTH: usize = 824;

/// The context of one operation. `R` is the resource that the path addresses.
pub(super) struct OperationContext<'c, R = Route<'c>> {
    pub(super) world: &'c World,
    pub(super) request: &'c Request,
    /// The host that the client named.
    host: Option<&'c HeaderValue>,
    /// The time of the request, which all of its effects share.
    pub(super) now: SystemTime,
    pub(super) preferences: Preferences,
    /// Whether the answer has enum members above the sentinel, and queries can name them.
    pub(super) knows_hidden: bool,
    /// Whether the request has conditions on tags.
    pub(super) has_conditions: bool,
    pub(super) format: Format,
    /// The form of entities in the response.
    pub(super) representation: Representation<'c>,
    pub(super) model: &'c Model,
    pub(super) route: &'c R,
    /// The purse that pays for the operation.
    pub(super) purse: &'c Purse,
}

impl<'c, R> OperationContext<'c, R> {
    pub(super) fn new(
        world: &'c World,
        request: &'c Request,
        meta: &ResponseMeta<'c>,
        model: &'c Model,
        route: &'c R,
        format: Format,
    ) -> Self {
        let (host, preferences) = (meta.facts.host, meta.facts.preferences);
        let knows_hidden = preferences.include_unknown_enum_members;
        let long_numbers = LongNumbers::compatible(format.is_ieee754_compatible);
        let representation = Representation::of(model, &world.behaviors, format.level, knows_hidden, long_numbers);
        OperationContext {
            world,
            request,
            host,
            now: meta.now,
            preferences,
            knows_hidden,
            has_conditions: meta.facts.has_conditions,
            format,
            representation,
            model,
            route,
            purse: meta.purse,
        }
    }

    pub(super) fn version(&self) -> Version {
        self.model.version
    }

    /// Writes the base URL of links, safe in a JSON string.
    pub(super) fn write_base_url(&self, out: &mut Vec<u8>) {
        match &self.world.behaviors.base_url {
            Some(fixed) => out.extend_from_slice(fixed.as_bytes()),
            None => write_base_url(self.request, self.host, out),
        }
    }

    /// Returns the surroundings of entities in a root set, for their forms.
    pub(super) fn forms(&self, root: SetId) -> forms::Place<'c> {
        forms::Place { world: self.world, model: self.model, request: self.request, purse: self.purse, root }
    }

    /// Returns the refusal of a query that costs more than a request may.
    pub(super) fn too_expensive(&self) -> Error {
        let refusal = match self.world.behaviors.expensive_query {
            ExpensiveQuery::Reject => &refusal::QUERY_TOO_EXPENSIVE,
            ExpensiveQuery::Timeout => &refusal::QUERY_TIMEOUT,
        };
        Error::new(refusal, &[])
    }

    /// Returns the type of an entity of a set.
    pub(super) fn own_type(&self, entity: &Entity, set: SetId) -> TypeId {
        entity.properties.own_type.unwrap_or(self.world.schema.set(set).target)
    }

    /// Returns the URL of an address after the version.
    pub(super) fn absolute(&self, address: &str) -> String {
        let mut url = Vec::new();
        self.write_base_url(&mut url);
        format!("{}/{}/{address}", String::from_utf8_lossy(&url), self.version().segment())
    }

    /// Returns the URL of a path of the emulator's own, in the world of the request.
    pub(super) fn own_address(&self, path: &str) -> String {
        ticket::own_address(self.world, self.request, self.host, path)
    }

    /// Returns the URL of a path.
    pub(super) fn absolute_path(&self, path: &str) -> String {
        let mut url = Vec::new();
        self.write_base_url(&mut url);
        format!("{}{path}", String::from_utf8_lossy(&url))
    }

    /// Begins a body with its context URL, unless the metadata level omits it. `path` and `suffix` make up the fragment of the URL.
    ///
    /// `capacity` is reserved for the members that follow, in bytes, so that the buffer does not grow. A larger value costs time: the
    /// allocator serves pieces below a kilobyte much faster.
    pub(super) fn begin_body(&self, path: &str, suffix: &str, capacity: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(200 + capacity);
        out.push(b'{');
        if self.representation.has_context() {
            out.extend_from_slice(b"\"@odata.context\":\"");
            self.write_context(path, &mut out);
            out.extend_from_slice(suffix.as_bytes());
            out.push(b'"');
        }
        out
    }

    /// Writes a context URL with a fragment.
    pub(super) fn write_context(&self, fragment: &str, out: &mut Vec<u8>) {
        self.write_base_url(out);
        let path = fragment.strip_prefix('#').and_then(|path| statuses::service_path(self.world, path));
        let parts = match path {
            Some((singleton, rest)) => ["/", self.version().segment(), "/", singleton, "/$metadata#", rest],
            None => [self.version().metadata_path(), fragment, "", "", "", ""],
        };
        for part in parts {
            out.extend_from_slice(part.as_bytes());
        }
    }

    /// Whether answers have all control information.
    pub(super) fn is_full(&self) -> bool {
        self.representation.style.control == ControlInformation::Level(Level::Full)
    }

    /// Returns the applied preferences of a read: `include-unknown-enum-members` alone.
    pub(super) fn enum_preference(&self) -> Option<Cow<'static, str>> {
        Preferences { answer: None, max_page_size: None, ..self.preferences }.applied()
    }

    /// Returns the applied preferences of a write.
    pub(super) fn write_preference(&self) -> Option<Cow<'static, str>> {
        Preferences { max_page_size: None, ..self.preferences }.applied()
    }

    /// Reads the query options for a resource of a type, within the restrictions of a schema; `None` without a query.
    pub(super) fn query_within(
        &self,
        structured: &'c StructuredType,
        target: QueryTarget,
        restrictions: Restrictions,
    ) -> Result<Option<Query<'c>>, Error> {
        let text = match self.request.target.query() {
            Some(text) => text,
            None if self.model.auto_expanded(structured).next().is_some() => "",
            // The number of objects of the directory can need a header, and that of others can be forbidden.
            None if target == QueryTarget::Count
                && (structured.rare().eventual.is_some() || restrictions.forbids(Capability::Count)) =>
            {
                ""
            }
            None => return Ok(None),
        };
        Query::read(text, self.scope(structured, restrictions), target).map(Some)
    }

    /// Returns the names and rules for a query of a resource of a type.
    fn scope(&self, structured: &'c StructuredType, restrictions: Restrictions) -> Scope<'c> {
        let behaviors = &self.world.behaviors;
        let knows_hidden = self.knows_hidden;
        let now = self.now.into();
        let (search, rules) = (structured.search, structured.rare().queries);
        let is_eventual = self.is_eventual();
        let model = self.model;
        Scope { model, structured, behaviors, knows_hidden, now, search, rules, is_eventual, restrictions }
    }

    /// Returns a query that selects the key of a type alone.
    pub(super) fn query_of_key(&self, structured: &'c StructuredType) -> Query<'c> {
        let key = structured.key_property().map_or("id", |property| &property.name);
        let query = Query::read(&format!("$select={key}"), self.scope(structured, Restrictions::NONE), QueryTarget::Entity);
        query.unwrap_or_default()
    }

    /// Whether the request allows answers of another index of the directory.
    pub(super) fn is_eventual(&self) -> bool {
        let level = self.request.headers.get("consistencylevel");
        level.is_some_and(|level| level.as_bytes().eq_ignore_ascii_case(b"eventual"))
    }

    /// Returns a success with a JSON body.
    pub(super) fn json(&self, status: StatusCode, body: Vec<u8>, decided: Vec<&'static str>) -> Success {
        let content_type = match self.world.behaviors.content_type {
            ContentType::Parameters => self.format.content_type(),
            ContentType::Plain if self.format.level.is_some() => self.format.content_type(),
            ContentType::Plain => HeaderValue::from_static("application/json"),
        };
        Success { status, body: Some((content_type, body.into())), decided, ..Success::no_content() }
    }

    /// Returns a success with a body of a type other than JSON.
    pub(super) fn text(&self, content_type: &'static str, body: Vec<u8>, decided: Vec<&'static str>) -> Success {
        let body = Some((HeaderValue::from_static(content_type), body.into()));
        let preference_applied = self.enum_preference();
        Success { body, status: StatusCode::OK, preference_applied, decided, ..Success::no_content() }
    }
}

impl<'c> OperationContext<'c> {
    /// Reads the query options for a resource of a type; `None` without a query.
    pub(super) fn query(&self, structured: &'c StructuredType, target: QueryTarget) -> Result<Option<Query<'c>>, Error> {
        self.query_within(structured, target, self.route.restrictions(self.world))
    }

    /// Returns the context of the same request for another route.
    pub(super) fn with_route<'r>(&'r self, route: &'r Route<'r>) -> OperationContext<'r> {
        OperationContext {
            world: self.world,
            request: self.request,
            host: self.host,
            now: self.now,
            preferences: self.preferences,
            knows_hidden: self.knows_hidden,
            has_conditions: self.has_conditions,
            format: self.format,
            representation: self.representation,
            model: self.model,
            route,
            purse: self.purse,
        }
    }

    /// Returns the same context with all members of enums, if the navigation property of the path has them unasked.
    pub(super) fn with_whole_enums(mut self) -> Self {
        if self.navigation().is_some_and(|(holder, name)| statuses::has_whole_enums(self.world, holder, name)) {
            self.knows_hidden = true;
            self.representation.style.show_hidden = true;
        }
        self
    }

    /// Returns the full name of the type that has the navigation property of the path, and its name.
    fn navigation(&self) -> Option<(&'c str, &'c str)> {
        let holder = self.model.structured(self.route.ancestors.last()?.type_id);
        Some((&*holder.full_name, &*self.world.schema.set(self.route.collection.set).name))
    }

    /// Begins the body of a list.
    pub(super) fn begin_list_body(&self, suffix: &str, capacity: usize) -> Vec<u8> {
        match self.navigation() {
            Some((holder, name)) if statuses::has_typed_context(self.world, holder, name) => {
                self.begin_body(&format!("#Collection({})", self.structured().full_name), suffix, capacity)
            }
            _ => self.begin_collection_body(suffix, capacity),
        }
    }

    pub(super) fn structured(&self) -> &'c StructuredType {
        self.route.structured()
    }

    /// Returns the path of the collection, after the version. A cast of its entities is not a part of their addresses.
    pub(super) fn collection_path(&self) -> &'c str {
        let path = &self.route.fragment[1..];
        let Some(cast) = self.route.cast else { return path };
        let without_name = path.strip_suffix(&*self.model.structured(cast).full_name);
        without_name.and_then(|path| path.strip_suffix('/')).unwrap_or(path)
    }

    /// Returns the address of an entity of the collection, after the version.
    pub(super) fn entity_path(&self, key: &str) -> String {
        entity_address(self.collection_path(), self.route.key_form, key)
    }

    /// Whether the collection holds at most one entity, which has no key in its path.
    pub(super) fn is_single(&self) -> bool {
        self.route.key_form == KeyForm::Single
    }

    /// Returns the parent of the entities, from which their ids and links are built.
    pub(super) fn holder(&self) -> Holder<'c> {
        match &self.route.home {
            Some(path) => Holder { path, form: KeyForm::of(self.world.schema.set(self.route.collection.set)) },
            None => Holder { path: self.collection_path(), form: self.route.key_form },
        }
    }

    /// Returns the collection to read it.
    ///
    /// # Errors
    ///
    /// Fails if an entity that contains it does not exist.
    pub(super) fn collection(&self) -> Result<CollectionRef<'c>, Error> {
        self.check_way()?;
        if let Some(result) = &self.route.result {
            let link = |(index, target): (usize, &EntityAddress)| {
                Arc::new(StoredEntity::from(Entity::link(index.to_string().into(), target.clone())))
            };
            let links = result.addresses.iter().enumerate().map(link).collect();
            return Ok(self.world.store.view_of(&self.route.collection, links));
        }
        if let Some(rules) = self.route.window.filter(|_| self.route.key.is_none()) {
            let range = window::range(rules, self.request.target.query().unwrap_or_default())?;
            let place = (rules, &self.route.collection);
            let found = window::collection(self.world, self.model, self.purse, self.structured(), place, range);
            return found.ok_or_else(|| self.too_expensive());
        }
        let collection = links::collection(&self.world.schema, &self.world.store, &self.route.collection, Some(self.purse));
        collection.map_err(|TooManyLinks| self.too_expensive())
    }

    /// Returns the entity to which an operation is bound: a single one exists with the entity that contains it.
    pub(super) fn bound_entity(&self, key: &str) -> Result<Arc<StoredEntity>, Error> {
        let is_implied = self.is_single() && !self.structured().capabilities.is_upsert();
        match self.entity(key) {
            Err(_) if is_implied && self.route.missing.is_none() && !self.purse.is_empty() => {
                Ok(Arc::new(blank_single(self.structured(), key)))
            }
            found => found,
        }
    }

    /// Returns the collection to read it before a write.
    ///
    /// # Errors
    ///
    /// Fails if an entity that contains it does not exist, or if it is reached through a link.
    pub(super) fn written_collection(&self) -> Result<CollectionRef<'c>, Error> {
        self.check_way()?;
        if self.route.has_links || self.route.is_linked {
            return Err(Error::new(&refusal::WRITE_THROUGH_LINK, &[]));
        }
        Ok(self.world.store.at(&self.route.collection))
    }

    /// Stores the times at which an entity happens that have the collection: they have an entity now.
    ///
    /// # Errors
    ///
    /// Fails if an entity does not happen then, or if there is not enough room or not enough in the purse.
    pub(super) fn make_times(&self) -> Result<(), Error> {
        let (world, ancestors) = (self.world, &self.route.ancestors);
        for (index, pair) in ancestors.windows(2).enumerate() {
            let [series, time] = pair else { continue };
            if self.is_instance(index + 1)? {
                let stored = InstanceRules::store_time(world, self.model, self.purse, series, &time.collection, &time.key);
                stored.map_err(|problem| self.time_problem(&problem, || self.unknown_ancestor(time)))?;
            }
        }
        Ok(())
    }

    /// Checks that all entities on the way to the collection exist.
    pub(super) fn check_way(&self) -> Result<(), Error> {
        if let Some(missing) = &self.route.missing {
            return Err(missing.clone());
        }
        self.check_ancestors()
    }

    /// Makes the complex value that has the collection, if one has it, other than null: it has an entity now.
    ///
    /// # Errors
    ///
    /// Fails if there is not enough room.
    pub(super) fn make_complex(&self) -> Result<(), StoreFull> {
        let Some((ancestor, holder)) = self.route.ancestors.last().zip(self.route.collection.holder.as_deref()) else {
            return Ok(());
        };
        // An address of an entity in a collection ends with its key.
        if holder.ends_with(')') {
            return Ok(());
        }
        let address = ancestor.collection.address(&self.world.schema, &ancestor.key);
        let Some(member) = holder.strip_prefix(&*address).filter(|member| !member.is_empty()) else { return Ok(()) };
        let declared = self.model.structured(ancestor.type_id);
        let collection = self.world.store.at(&ancestor.collection);
        let of = |entity: &Entity| self.model.actual(declared, entity.properties.own_type);
        let is_there = |entity: &StoredEntity| entity.properties.has_complex(self.model, of(entity), member);
        if collection.with_entity(&ancestor.key, is_there).flatten() != Some(false) {
            return Ok(());
        }
        let changed = collection.update(&ancestor.key, |entity| {
            let values = entity.properties.with_complex(self.model, of(entity), member);
            Ok::<Entity, StoreFull>(Entity::of_type(entity.key.clone(), values, of(entity).blank_text))
        });
        changed.map_or(Ok(()), |changed| changed.map(drop))
    }

    /// Checks that all entities that contain the collection exist.
    pub(super) fn check_ancestors(&self) -> Result<(), Error> {
        for (index, ancestor) in self.route.ancestors.iter().enumerate() {
            let structured = self.model.structured(ancestor.type_id);
            // A single entity exists with the one that contains it, unless clients create it.
            let is_implied = self.world.schema.set(ancestor.collection.set).is_single && !structured.capabilities.is_upsert();
            let is_there = || self.world.store.has(&ancestor.collection, &ancestor.key);
            if !is_implied && !is_there() && !self.is_instance(index)? {
                return Err(self.unknown_ancestor(ancestor));
            }
        }
        Ok(())
    }

    /// Returns the refusal of a request whose path leads through an entity that does not exist.
    fn unknown_ancestor(&self, ancestor: &Ancestor) -> Error {
        let structured = self.model.structured(ancestor.type_id);
        let address = ancestor.collection.address(&self.world.schema, &ancestor.key);
        let error = self.malformed(structured, &ancestor.collection, &ancestor.key);
        let error = error.unwrap_or_else(|| not_found(structured, structured.wording.unknown_ancestor, &ancestor.key));
        error.with_detail(format!("{address} does not exist"))
    }

    /// Returns the refusal of a request for which a time is not stored.
    pub(super) fn time_problem(&self, problem: &TimeProblem, unknown: impl FnOnce() -> Error) -> Error {
        match problem {
            TimeProblem::Unpaid => self.too_expensive(),
            TimeProblem::Unknown => unknown(),
            TimeProblem::Full(full) => (*full).into(),
        }
    }

    /// Returns the time of the path at which the entity before it happens, if it is not stored.
    ///
    /// # Errors
    ///
    /// Fails if the purse does not suffice.
    pub(super) fn instance(&self, key: &str) -> Result<Option<Arc<StoredEntity>>, Error> {
        let Some(series) = self.route.ancestors.last().filter(|_| self.route.is_instance) else { return Ok(None) };
        let time = InstanceRules::time_of(self.world, self.model, self.purse, series, key);
        time.map_err(|LookUpUnpaid| self.too_expensive())
    }

    /// Whether the entity of an ancestor is a time at which the one before it happens.
    fn is_instance(&self, index: usize) -> Result<bool, Error> {
        let [.., series, ancestor] = &self.route.ancestors[..=index] else { return Ok(false) };
        let is_separated = |name: &str| *self.world.schema.set(ancestor.collection.set).name == *name;
        let is_repeated = self.model.structured(series.type_id).rare().repeated.is_some_and(is_separated);
        if !is_repeated {
            return Ok(false);
        }
        let time = InstanceRules::time_of(self.world, self.model, self.purse, series, &ancestor.key);
        time.map(|time| time.is_some()).map_err(|LookUpUnpaid| self.too_expensive())
    }

    /// Returns the entity of the path that is stored, or the one that exists before its first change.
    pub(super) fn entity(&self, key: &str) -> Result<Arc<StoredEntity>, Error> {
        match self.collection()?.get(key).filter(|entity| self.is_shown(entity)) {
            Some(found) => Ok(found),
            None => self.implied_entity(key)?.ok_or_else(|| self.not_found(key)),
        }
    }

    /// Returns the singleton, or the time at which an entity happens, as it is before the first change.
    pub(super) fn implied_entity(&self, key: &str) -> Result<Option<Arc<StoredEntity>>, Error> {
        if !self.world.schema.set(self.route.collection.set).is_root_single() {
            return self.instance(key);
        }
        Ok(Some(Arc::new(blank_single(self.structured(), key))))
    }

    /// Whether an entity has the type of the path's cast, and the caller may know of it.
    pub(super) fn is_shown(&self, entity: &StoredEntity) -> bool {
        let has_type =
            || self.route.cast.is_none_or(|cast| self.model.shows_as(self.own_type(entity, self.route.collection.set), cast));
        self.is_callers(entity) && has_type()
    }

    /// Whether [`is_shown`](Self::is_shown) can hide entities of the collection.
    pub(super) fn hides_some(&self) -> bool {
        self.route.cast.is_some() || self.structured().owner.is_some()
    }

    /// Whether an entity belongs to the calling application, or to none, if it has an owner. A caller without a token sees all.
    pub(super) fn is_callers(&self, entity: &StoredEntity) -> bool {
        let Some(slot) = self.structured().owner else { return true };
        match (entity.properties.get(slot), caller::object_and_client(&self.request.headers).1) {
            (Value::String(owner), Some(client)) => owner.eq_ignore_ascii_case(&client),
            _ => true,
        }
    }

    /// Returns the declared type of an entity that the path leads to, and its own.
    pub(super) fn types_of(&self, entity: &Entity, set: SetId) -> InstanceType<'c> {
        let declared = self.structured();
        let own = self.own_type(entity, set);
        let is_derived = own != declared.id && self.model.is_a(own, declared.id);
        let actual = if is_derived { self.model.actual(declared, Some(own)) } else { declared };
        InstanceType { declared, actual }
    }

    /// Returns the declared type of an entity of the collection, and its own.
    pub(super) fn types(&self, entity: &Entity) -> InstanceType<'c> {
        self.types_of(entity, self.route.collection.set)
    }

    /// Begins a body whose context URL is the collection's, with a suffix.
    pub(super) fn begin_collection_body(&self, suffix: &str, capacity: usize) -> Vec<u8> {
        self.begin_body(&self.route.fragment, suffix, capacity)
    }

    /// Returns the body of a file at an address that the path does not have.
    pub(super) fn file_body(&self, address: &EntityAddress, entity: &StoredEntity) -> Vec<u8> {
        let mut out = self.begin_collection_body("/$entity", ENTITY_LENGTH);
        self.write_download(&address.collection, entity, &mut out);
        write_cached(&self.representation, self.types(entity), self.holder(), &entity.with_text(), None, &mut out);
        out.push(b'}');
        out
    }

    /// Writes the address of a file's content, which needs no token.
    pub(super) fn write_download(&self, collection: &CollectionAddress, entity: &Entity, out: &mut Vec<u8>) {
        let Some(rules) = self.structured().file else { return };
        let Some(slot) = self.structured().slot(rules.content) else { return };
        if !self.representation.has_context() || !matches!(entity.properties.get(slot), Value::Media(_)) {
            return;
        }
        let address = EntityAddress { collection: collection.clone(), key: entity.key.clone() };
        separate(out);
        write_string(out, rules.download);
        out.push(b':');
        write_string(out, &self.own_address(&ticket::content_path(self.world, self.now, &address, rules.content)));
    }

    /// Returns an entity of a type in the forms that the request prefers; `None` if what is selected of it has them already.
    pub(super) fn preferred(
        &self,
        structured: &StructuredType,
        entity: &Entity,
        select: Option<&Select>,
    ) -> Option<StoredEntity> {
        forms::preferred(&self.forms(self.route.collection.root), structured, entity, select.map(|select| &select.selection))
    }

    /// Returns the body of an entity. `before` is the entity before a change.
    pub(super) fn entity_body(&self, entity: &StoredEntity, before: Option<&StoredEntity>) -> Vec<u8> {
        let preferred = self.preferred(self.types(entity).actual, entity, None);
        let entity = preferred.as_ref().unwrap_or(entity);
        let mut out = self.begin_collection_body("/$entity", entity.text.length().unwrap_or(ENTITY_LENGTH));
        self.write_download(&self.route.collection, entity, &mut out);
        let before = before.map(StoredEntity::with_text);
        write_cached(&self.representation, self.types(entity), self.holder(), &entity.with_text(), before.as_ref(), &mut out);
        out.push(b'}');
        out
    }

    /// Returns the body with the selected members of an entity.
    pub(super) fn selected_body(&self, entity: &Entity, select: &Select) -> Vec<u8> {
        let preferred = self.preferred(self.types(entity).actual, entity, Some(select));
        let entity = preferred.as_deref().unwrap_or(entity);
        let mut out = self.begin_collection_body(&format!("({})/$entity", select.list), ENTITY_LENGTH);
        write_selected(&self.representation, self.types(entity), self.holder(), entity, &select.selection, &mut out);
        out.push(b'}');
        out
    }

    /// Returns the header `ETag` of an answer with an entity: where the body has the tag, as far as the workload repeats it.
    pub(super) fn tag_header(&self, entity: &Entity, is_selected: bool) -> Option<HeaderValue> {
        if self.structured().tag.is_none() && !self.structured().is_polymorphic {
            return None;
        }
        let tag = tag::of(&entity.properties)?;
        let actual = self.types(entity).actual;
        let is_repeated = actual.tag.is_some_and(|rules| rules.has_header) && self.representation.shows_tag(actual, is_selected);
        if is_repeated { HeaderValue::from_str(tag).ok() } else { None }
    }

    /// Returns the refusal of the key of a missing entity, if it has not the form of ids. Fixtures can have ids of any form: a collection
    /// that begins with such an id has no check, and neither has an empty one.
    pub(super) fn malformed(&self, structured: &StructuredType, collection: &CollectionAddress, key: &str) -> Option<Error> {
        let KeyCheck { is_well_formed, refusal } = structured.wording.malformed_key?;
        let is_well = |(_, entity): &(u64, Arc<StoredEntity>)| is_well_formed(&entity.key);
        let begins_well =
            |collection: &CollectionAddress| self.world.store.at(collection).page(None, 0, 1).first().is_some_and(is_well);
        // Objects of the directory live in the sets of their own types. An import of them alone has ids of its own form.
        let is_placeholder =
            structured.is_placeholder && collection.holder.is_none() && !self.world.store.is_imported(collection.root);
        let is_home = |root: &&Root| is_placeholder && !root.is_singleton && self.model.is_a(root.target, structured.id);
        let homes = || self.model.roots().iter().filter(is_home).map(|root| CollectionAddress::from(root.set));
        let begins =
            || std::iter::once(collection).chain(&self.route.also).any(begins_well) || homes().any(|home| begins_well(&home));
        let is_checked = !is_well_formed(key) && begins();
        is_checked.then(|| Error::new(refusal, &[key]))
    }

    /// Returns the refusal of a missing entity.
    pub(super) fn not_found(&self, key: &str) -> Error {
        let (structured, path) = (self.structured(), &self.route.fragment[1..]);
        let error = self.malformed(structured, &self.route.collection, key);
        let error = error.unwrap_or_else(|| not_found(structured, structured.wording.unknown_entity, key));
        // An entity without a key is named by its path.
        let detail =
            if self.is_single() { format!("{path} does not exist") } else { format!("{path} has no entity with the id {key:?}") };
        error.with_detail(detail)
    }
}

/// Returns a single entity with the initial values of its type. Its id in the service is unknown (grade none), but an id is never null.
pub(super) fn blank_single(structured: &StructuredType, key: &str) -> StoredEntity {
    let mut properties = Complex::initial(structured);
    if let Some(property) =
        structured.key_property().filter(|property| property.kind == PropertyType::Primitive(Primitive::String))
    {
        properties.set(property.slot, Value::String(key.into()));
    }
    StoredEntity::of_type(key.into(), properties, structured.blank_text)
}

/// Returns the refusal of an unknown entity, with the wording of its workload.
fn not_found(structured: &StructuredType, refusal: &'static Refusal, key: &str) -> Error {
    let wording = structured.wording;
    let error = Error::new(refusal, &[wording.noun, key, &structured.full_name]);
    // A stub can answer for an entity that is not gone: clients cannot create it, or cannot delete it.
    let (capabilities, restrictions) = (structured.capabilities, structured.restrictions);
    let may_be_gone = capabilities.creates
        && capabilities.deletes
        && ![Capability::Insert, Capability::Delete].into_iter().any(|capability| restrictions.forbids(capability));
    Error { inner_code: wording.not_found_code, may_be_stubbed: !may_be_gone, ..error }
}
