//! A mailbox: the folders of a person, and the messages that go from one to another.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, MutexGuard, PoisonError};

use crate::edm::address::{CollectionAddress, EntityAddress};
use crate::edm::date_time::DateTimeOffset;
use crate::edm::schema::{Model, Property, PropertyType, StructuredType};
use crate::edm::tag;
use crate::edm::value::{Complex, Entity, Value};
use crate::odata::error::Error;
use crate::odata::purse::Purse;
use crate::policy::refusal;
use crate::workloads::outlook::occurrences;
use crate::workloads::outlook::rules::WELL_KNOWN_FOLDERS;
use crate::world::World;
use crate::world::clock::unix_millis;
use crate::world::id_form::id_of;
use crate::world::store::{InsertError, LookUpUnpaid, RECORD_BYTES, StoredEntity};
use crate::world::workload::{Ancestor, ConditionCheck, InstanceRules, OperationProblem, OperationRequest, TimeProblem, text_of};

/// The depth of nested folders and items, with a wide margin.
const DEPTH: usize = 16;

/// The mailbox of a user.
pub(super) struct Mailbox<'c> {
    world: &'c World,
    model: &'c Model,
    owner: EntityAddress,
    owner_type: &'c StructuredType,
    millis: i64,
    /// The item to which the operation is bound, and the check of the condition on it.
    bound: Option<(EntityAddress, &'c ConditionCheck<'c>)>,
}

/// Texts within values of a model.
#[derive(Clone, Copy)]
pub(super) struct Text<'c> {
    pub(super) model: &'c Model,
}

impl<'c> Text<'c> {
    /// Returns a complex property and its type.
    pub(super) fn complex(self, structured: &'c StructuredType, name: &str) -> Option<(&'c Property, &'c StructuredType)> {
        let property = &structured.properties[structured.property(name)?];
        match property.kind {
            PropertyType::Complex(id) => Some((property, self.model.structured(id))),
            _ => None,
        }
    }
}

impl<'c> Mailbox<'c> {
    /// Returns the mailbox of a user.
    pub(super) fn of(request: &OperationRequest<'c>, owner: EntityAddress) -> Option<Mailbox<'c>> {
        let (world, model) = (request.world, request.model);
        let owner_type = model.find_structured(world.schema.set(owner.collection.set).target)?;
        Some(Mailbox { world, model, owner, owner_type, millis: unix_millis(request.now), bound: None })
    }

    /// Returns the mailbox that has an item.
    pub(super) fn above(request: &OperationRequest<'c>, item: &EntityAddress) -> Option<Mailbox<'c>> {
        let mut owner = item.clone();
        while let Some(holder) = owner.collection.holder.clone() {
            owner = EntityAddress::parse(&request.world.schema, request.model, &holder)?;
        }
        let mailbox = Mailbox::of(request, owner)?;
        Some(Mailbox { bound: Some((item.clone(), request.check_condition)), ..mailbox })
    }

    /// Checks the condition of the request on an item, if that is the one to which it is bound.
    fn check(&self, address: &EntityAddress, entity: &Entity) -> Result<(), OperationProblem> {
        match &self.bound {
            Some((bound, check)) if bound == address => check(entity).map_err(OperationProblem::Refused),
            _ => Ok(()),
        }
    }

    fn within(&self, holder: &EntityAddress, structured: &StructuredType, navigation: &str) -> Option<CollectionAddress> {
        let set = structured.navigation(navigation)?.set;
        Some(holder.collection.within(&self.world.schema, &holder.key, set))
    }

    /// Returns the messages of a folder by its name; without such a folder, those of the mailbox.
    pub(super) fn messages_in(&self, folder: &str) -> CollectionAddress {
        let found = self.folders().into_iter().find(|(_, values, structured)| {
            text_of(structured, &values.properties, "displayName").is_some_and(|name| name.eq_ignore_ascii_case(folder))
        });
        let in_folder = found.and_then(|(address, _, structured)| self.within(&address, structured, "messages"));
        in_folder
            .or_else(|| self.within(&self.owner, self.owner_type, "messages"))
            .unwrap_or_else(|| self.owner.collection.clone())
    }

    /// Returns all folders.
    fn folders(&self) -> Vec<(EntityAddress, Arc<StoredEntity>, &'c StructuredType)> {
        let mut found = Vec::new();
        let Some(navigation) = self.owner_type.navigation("mailFolders") else { return found };
        let structured = self.model.structured(navigation.target);
        let first = self.owner.collection.within(&self.world.schema, &self.owner.key, navigation.set);
        let mut ahead = vec![(first, 0)];
        while let Some((collection, depth)) = ahead.pop() {
            for folder in self.world.store.list(&collection) {
                let address = EntityAddress { collection: collection.clone(), key: folder.key.clone() };
                if let Some(nested) = self.within(&address, structured, "childFolders").filter(|_| depth < DEPTH) {
                    ahead.push((nested, depth + 1));
                }
                found.push((address, folder, structured));
            }
        }
        found
    }

    /// Returns the id of a folder, and the collection of its messages: by its id or its well-known name. A mailbox whose folders are not in
    /// the state takes any destination.
    pub(super) fn destination(&self, wanted: &str) -> Option<(Arc<str>, CollectionAddress)> {
        let folders = self.folders();
        if folders.is_empty() {
            return Some((wanted.into(), self.within(&self.owner, self.owner_type, "messages")?));
        }
        let name = WELL_KNOWN_FOLDERS.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, name)| *name);
        let (address, folder, structured) = folders.into_iter().find(|(_, folder, structured)| {
            let is_named = |name: &str| text_of(structured, &folder.properties, "displayName").is_some_and(|own| *own == *name);
            *folder.key == *wanted || name.is_some_and(is_named)
        })?;
        Some((folder.key.clone(), self.within(&address, structured, "messages")?))
    }

    /// Returns the addresses of the owner, in lower case.
    pub(super) fn addresses(&self) -> Vec<String> {
        self.world.store.entity(&self.owner).map_or_else(Vec::new, |user| addresses_of(self.owner_type, &user.properties))
    }

    /// Returns the address of a recipient, in lower case.
    pub(super) fn address_in(&self, recipient: &Value) -> Option<String> {
        let text = Text { model: self.model };
        let Value::Complex(recipient) = recipient else { return None };
        let structured = self.model.structured(self.model.type_named("recipient")?);
        let (property, email) = text.complex(structured, "emailAddress")?;
        let Value::Complex(email_address) = recipient.get(property.slot) else { return None };
        text_of(email, email_address, "address").map(|address| address.to_lowercase())
    }

    /// Returns the owner as a recipient.
    fn owner_as_recipient(&self) -> Option<Value> {
        let user = self.world.store.entity(&self.owner)?;
        let text = |name: &str| text_of(self.owner_type, &user.properties, name);
        let address = text("mail").or_else(|| text("userPrincipalName"))?;
        let structured = self.model.structured(self.model.type_named("recipient")?);
        let (property, email) = Text { model: self.model }.complex(structured, "emailAddress")?;
        let mut email_address = Complex::default();
        email_address.set(email.slot("address")?, Value::String(address.clone()));
        email_address.set(email.slot("name")?, Value::String(text("displayName").unwrap_or(address)));
        let mut recipient = Complex::default();
        recipient.set(property.slot, Value::Complex(Arc::new(email_address)));
        Some(Value::Complex(Arc::new(recipient)))
    }

    /// Returns the body of a message about another one: the comment before its text.
    pub(super) fn body_about(&self, structured: &'c StructuredType, values: &Complex, comment: Option<&str>) -> Option<Value> {
        let (property, body_type) = Text { model: self.model }.complex(structured, "body")?;
        let mut body = match values.get(property.slot) {
            Value::Complex(body) => (**body).clone(),
            _ => Complex::initial(body_type),
        };
        let content = body_type.slot("content")?;
        let kind = &body_type.properties[body_type.property("contentType")?];
        let is_html = matches!(body.get(kind.slot), Value::Enum(number) if self.model.member(kind.kind, "html") == Some(*number));
        let quoted = text_of(body_type, &body, "content").unwrap_or_default();
        let comment = comment.unwrap_or_default();
        let text = match (comment.is_empty(), is_html) {
            (true, _) => quoted.to_string(),
            (false, true) => format!("{comment}<hr>{quoted}"),
            (false, false) => format!("{comment}\r\n\r\n{quoted}"),
        };
        body.set(content, Value::String(text.into()));
        Some(Value::Complex(Arc::new(body)))
    }

    /// Changes a stored entity.
    pub(super) fn change(
        &self,
        address: &EntityAddress,
        change: impl FnOnce(&'c StructuredType, &mut Complex),
    ) -> Result<(), Error> {
        let collection = self.world.store.to_change(&address.collection, 0)?;
        collection
            .update(&address.key, self.changed(address, change))
            .map_or(Ok(()), |updated| updated.map(drop).map_err(Error::from))
    }

    /// Returns the change of a stored entity.
    fn changed(
        &self,
        address: &EntityAddress,
        change: impl FnOnce(&'c StructuredType, &mut Complex),
    ) -> impl FnOnce(&Entity) -> Result<Entity, OperationProblem> {
        let structured = self.model.structured(self.world.schema.set(address.collection.set).target);
        move |entity| {
            self.check(address, entity)?;
            let structured = self.model.actual(structured, entity.properties.own_type);
            let mut values = entity.properties.clone();
            change(structured, &mut values);
            if let Some(slot) = structured.slot("lastModifiedDateTime") {
                values.set(slot, Value::DateTimeOffset(DateTimeOffset::from_unix_millis(self.millis)));
            }
            tag::renew(structured, &mut values, Some(&entity.properties), || self.world.next_tag_id());
            Ok(Entity::of_type(entity.key.clone(), values, structured.blank_text))
        }
    }

    /// Keeps other requests from sending or moving a message until the guard is dropped: it goes to one place, once.
    pub(super) fn claim(&self, message: &EntityAddress) -> Result<MutexGuard<'c, ()>, Error> {
        let alone = self.world.unique_values.lock().unwrap_or_else(PoisonError::into_inner);
        let entity = self.world.store.entity(message);
        entity.map(|_| alone).ok_or_else(|| Error::new(&refusal::UNKNOWN_OUTLOOK_ITEM, &[]))
    }

    /// Returns the series of which an event is an occurrence or an exception.
    fn series_of(&self, event: &EntityAddress) -> Option<EntityAddress> {
        let structured = self.model.find_structured(self.world.schema.set(event.collection.set).target)?;
        let is_exception = *self.world.schema.set(event.collection.set).name == *structured.rare().repeated?;
        let holder = event.collection.holder.as_deref().filter(|_| is_exception)?;
        EntityAddress::parse(&self.world.schema, self.model, holder)
    }

    /// Stores an occurrence before its first change, as an exception of its series, which it returns.
    pub(super) fn separate(&self, event: &EntityAddress, purse: &Purse) -> Result<Option<EntityAddress>, Error> {
        let Some(series) = self.series_of(event) else { return Ok(None) };
        let type_id = self.world.schema.set(series.collection.set).target;
        let of = Ancestor { collection: series.collection.clone(), type_id, key: series.key.clone() };
        let stored = InstanceRules::store_time(self.world, self.model, purse, &of, &event.collection, &event.key);
        stored.map_err(|problem| match problem {
            TimeProblem::Unpaid => Error::new(&refusal::QUERY_TOO_EXPENSIVE, &[]),
            TimeProblem::Unknown => Error::new(&refusal::UNKNOWN_OUTLOOK_ITEM, &[]),
            TimeProblem::Full(full) => full.into(),
        })?;
        Ok(Some(series))
    }

    /// Removes an entity, and what it contains.
    pub(super) fn delete(&self, address: &EntityAddress) -> Result<(), Error> {
        let store = &self.world.store;
        let collection = store.to_remove(&address.collection);
        if let Some(series) = self.series_of(address) {
            collection.with_entity(&address.key, |entity| self.check(address, entity)).unwrap_or(Ok(()))?;
            let change = self.changed(&series, |structured, values| {
                *values = occurrences::without(structured, &series.key, values, &address.key);
            });
            store.to_remove(&series.collection).update_beyond(&series.key, change).transpose().map_err(Error::from)?;
        }
        collection.remove_if(&address.key, |entity| self.check(address, entity))?;
        store.forget(&self.world.schema, address);
        Ok(())
    }

    /// Copies an item into a collection with another id, and what it contains.
    pub(super) fn copy(
        &self,
        from: &EntityAddress,
        to: &CollectionAddress,
        change: impl FnOnce(&StructuredType, &mut Complex),
    ) -> Result<EntityAddress, Error> {
        let item = self.world.store.entity(from).ok_or_else(|| Error::new(&refusal::UNKNOWN_OUTLOOK_ITEM, &[]))?;
        let declared = self.model.structured(self.world.schema.set(from.collection.set).target);
        let structured = self.model.actual(declared, item.properties.own_type);
        let mut values = item.properties.clone();
        change(structured, &mut values);
        self.insert(from, structured, values, to, 0)
    }

    fn insert(
        &self,
        from: &EntityAddress,
        structured: &'c StructuredType,
        mut values: Complex,
        to: &CollectionAddress,
        depth: usize,
    ) -> Result<EntityAddress, Error> {
        let world = self.world;
        let now = u64::try_from(self.millis).unwrap_or_default();
        let key: Arc<str> = id_of(structured.wording.id, world.next_entity_id(), now).into();
        if let Some(property) = structured.key_property() {
            values.set(property.slot, Value::String(key.clone()));
        }
        tag::renew(structured, &mut values, None, || world.next_tag_id());
        let entity = Arc::new(StoredEntity::of_type(key.clone(), values, structured.blank_text));
        let collection = world.store.to_change(to, entity.size() + RECORD_BYTES)?;
        match collection.insert(entity) {
            Ok(()) | Err(InsertError::DuplicateKey) => {}
            Err(InsertError::Full(full)) => return Err(full.into()),
        }
        let copied = EntityAddress { collection: to.clone(), key };
        if let Err(error) = self.insert_contained(from, structured, &copied, depth) {
            self.discard(&copied);
            return Err(error);
        }
        Ok(copied)
    }

    fn insert_contained(
        &self,
        from: &EntityAddress,
        structured: &'c StructuredType,
        copied: &EntityAddress,
        depth: usize,
    ) -> Result<(), Error> {
        let (world, schema) = (self.world, &self.world.schema);
        for navigation in structured.navigations.iter().filter(|navigation| navigation.contains_target && depth < DEPTH) {
            let inner = from.collection.within(schema, &from.key, navigation.set);
            for item in world.store.list(&inner) {
                let item_type = self.model.actual(self.model.structured(navigation.target), item.properties.own_type);
                let place = copied.collection.within(schema, &copied.key, navigation.set);
                let origin = EntityAddress { collection: inner.clone(), key: item.key.clone() };
                self.insert(&origin, item_type, item.properties.clone(), &place, depth + 1)?;
            }
        }
        Ok(())
    }

    /// Copies the attachments of a message to another one.
    pub(super) fn copy_attachments(&self, from: &EntityAddress, to: &EntityAddress) -> Result<(), Error> {
        let structured = self.model.structured(self.world.schema.set(from.collection.set).target);
        let (Some(inner), Some(place)) =
            (self.within(from, structured, "attachments"), self.within(to, structured, "attachments"))
        else {
            return Ok(());
        };
        for item in self.world.store.list(&inner) {
            self.copy(&EntityAddress { collection: inner.clone(), key: item.key.clone() }, &place, |_, _| {})?;
        }
        Ok(())
    }

    /// Sends a draft: it goes to the sent items, or away, and to the inboxes of those whose addresses it has. All of it happens, or nothing.
    pub(super) fn send(&self, request: &OperationRequest<'c>, draft: &EntityAddress, is_saved: bool) -> Result<(), Error> {
        let mut made = Vec::new();
        let sent = self.deliver(request, draft, is_saved, &mut made).and_then(|()| self.delete(draft));
        if sent.is_err() {
            for copy in &made {
                self.discard(copy);
            }
        }
        sent
    }

    fn deliver(
        &self,
        request: &OperationRequest<'c>,
        draft: &EntityAddress,
        is_saved: bool,
        made: &mut Vec<EntityAddress>,
    ) -> Result<(), Error> {
        let sender = self.owner_as_recipient();
        for owner in self.recipients(request, draft)? {
            if let Some(mailbox) = Mailbox::of(request, owner) {
                made.push(mailbox.receive(draft, "Inbox", false, sender.as_ref())?);
            }
        }
        if is_saved {
            made.push(self.receive(draft, "Sent Items", true, sender.as_ref())?);
        }
        Ok(())
    }

    /// Removes a new item whose request is refused.
    pub(super) fn discard(&self, item: &EntityAddress) {
        let _ = self.delete(item);
    }

    /// Puts a copy of a draft into a folder, as a message that was sent now.
    fn receive(
        &self,
        draft: &EntityAddress,
        folder: &str,
        is_read: bool,
        sender: Option<&Value>,
    ) -> Result<EntityAddress, Error> {
        let parent = self.destination_named(folder);
        let time = Value::DateTimeOffset(DateTimeOffset::from_unix_millis(self.millis));
        self.copy(draft, &self.messages_in(folder), |structured, values| {
            let mut set = |name: &str, value: Value| {
                if let Some(slot) = structured.slot(name) {
                    values.set(slot, value);
                }
            };
            set("isDraft", Value::Boolean(false));
            for name in ["sentDateTime", "receivedDateTime", "lastModifiedDateTime"] {
                set(name, time.clone());
            }
            if let Some(sender) = sender {
                set("sender", sender.clone());
                set("from", sender.clone());
            }
            set("isRead", Value::Boolean(is_read));
            if let Some(parent) = parent {
                set("parentFolderId", Value::String(parent));
            }
        })
    }

    fn destination_named(&self, folder: &str) -> Option<Arc<str>> {
        let is_named = |structured: &StructuredType, values: &Complex| {
            text_of(structured, values, "displayName").is_some_and(|name| name.eq_ignore_ascii_case(folder))
        };
        self.folders()
            .into_iter()
            .find(|(_, folder, structured)| is_named(structured, &folder.properties))
            .map(|(_, folder, _)| folder.key.clone())
    }

    /// Returns the users of the world whose addresses a message has, each once.
    fn recipients(&self, request: &OperationRequest<'_>, message: &EntityAddress) -> Result<Vec<EntityAddress>, Error> {
        let Some(entity) = self.world.store.entity(message) else { return Ok(Vec::new()) };
        let structured = self.model.structured(self.world.schema.set(message.collection.set).target);
        let mut wanted: HashSet<String> = HashSet::new();
        for name in ["toRecipients", "ccRecipients", "bccRecipients"] {
            if let Some(Value::Collection(items)) = structured.slot(name).map(|slot| entity.properties.get(slot)) {
                wanted.extend(items.iter().filter_map(|item| self.address_in(item)));
            }
        }
        let users = CollectionAddress::from(self.owner.collection.root);
        let stored = self.world.store.at(&users);
        let mut found: BTreeMap<u64, Arc<str>> = BTreeMap::new();
        for address in &wanted {
            for slot in ADDRESSES.iter().filter_map(|name| self.owner_type.slot(name)) {
                let known = stored.with_text(slot, address, request.purse);
                let known = known.map_err(|LookUpUnpaid| Error::new(&refusal::QUERY_TOO_EXPENSIVE, &[]))?;
                found.extend(known.into_iter().map(|(number, user)| (number, user.key.clone())));
            }
        }
        Ok(found.into_values().map(|key| EntityAddress { collection: users.clone(), key }).collect())
    }
}

/// The properties of a user that have addresses.
const ADDRESSES: [&str; 2] = ["mail", "userPrincipalName"];

/// Returns the addresses of a user, in lower case.
fn addresses_of(structured: &StructuredType, values: &Complex) -> Vec<String> {
    ADDRESSES.iter().filter_map(|name| text_of(structured, values, name)).map(|address| address.to_lowercase()).collect()
}
