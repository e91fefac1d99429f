//! The applications that sign-in knows: those of the world, as Graph shows and changes them.
//!
//! The entities are the truth. A directory file adds to them when a world begins. Where it leaves out a list of an application, and the
//! entity has no items for it, nothing is restricted; without applications in a file that holds for all of them. Keys of federated issuers
//! have no place in Graph and stay in the file. With a schema that has no applications, sign-in reads the file alone.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use serde_json::json;

use super::check::is_graph;
use super::record::{Record, entities, find, root, within};
use super::token::{GRAPH, GRAPH_ID, decoded, unix_seconds};
use crate::edm::address::CollectionAddress;
use crate::edm::value::Value;
use crate::policy::permissions::{PermissionKind, permission_with_id};
use crate::world::World;
use crate::world::fixture;
use crate::world::fixture::directory::{
    Application, Certificate, FederatedCredential, Implicit, NO_ROLE, OptionalClaims, RedirectUris, RequiredResource, Secret,
    User, id_of, principal_id,
};
use crate::world::links;
use crate::world::sign_ins::NAME_LIMIT;
use crate::world::store::{InsertError, StoreFull, StoredEntity};

const APPLICATIONS: &str = "applications";
const PRINCIPALS: &str = "servicePrincipals";
const GRANTS: &str = "oauth2PermissionGrants";
const USERS: &str = "users";

/// The most consents that sign-in records.
const GRANT_LIMIT: usize = 4096;

/// The most permissions in one consent that sign-in records.
const SCOPE_LIMIT: usize = 1000;

/// The applications of a world during one request.
pub(crate) struct Registry<'w> {
    world: &'w World,
    known: OnceCell<Vec<Known>>,
}

/// An application that is read when it is asked for.
struct Known {
    /// The entity; `None` for an application of the file alone.
    entity: Option<Arc<StoredEntity>>,
    id: String,
    names: Vec<String>,
    application: OnceCell<Application>,
}

/// The holder of a permission.
#[derive(Clone, Copy)]
pub(crate) enum Assignee<'a> {
    /// A user.
    User(&'a User),
    /// The service principal of an application, by client id.
    Client(&'a str),
}

impl<'w> Registry<'w> {
    /// Returns the applications of a world.
    pub(crate) fn of(world: &'w World) -> Registry<'w> {
        Registry { world, known: OnceCell::new() }
    }

    /// Returns whether only known applications can sign in.
    pub(crate) fn is_closed(&self) -> bool {
        self.world.directory.applications.is_some()
    }

    /// Returns whether the entities of the world decide.
    fn has_entities(&self) -> bool {
        (!self.is_closed() || self.world.directory.is_seeded) && self.world.schema.set_named(APPLICATIONS).is_some()
    }

    fn known(&self) -> &[Known] {
        self.known.get_or_init(|| {
            if !self.has_entities() {
                let filed = self.world.directory.applications.iter().flatten();
                return filed
                    .map(|application| Known {
                        entity: None,
                        id: application.app_id.clone(),
                        names: application.identifier_uris.clone(),
                        application: OnceCell::from(application.clone()),
                    })
                    .collect();
            }
            let outsiders = &self.world.directory.outsiders;
            let stored = entities(self.world, APPLICATIONS).into_iter().filter(|entity| !outsiders.contains(&*entity.key));
            stored
                .filter_map(|entity| {
                    let record = Record::of(self.world, APPLICATIONS, &entity)?;
                    let (id, names) = (record.text("appId")?.to_owned(), record.texts("identifierUris"));
                    Some(Known { entity: Some(entity), id, names, application: OnceCell::new() })
                })
                .collect()
        })
    }

    fn application_of<'k>(&self, known: &'k Known) -> &'k Application {
        known.application.get_or_init(|| known.entity.as_ref().and_then(|entity| self.read(entity)).unwrap_or_default())
    }

    /// Returns the application with a client id.
    pub(crate) fn application(&self, id: &str) -> Option<&Application> {
        self.known().iter().find(|known| known.id.eq_ignore_ascii_case(id)).map(|known| self.application_of(known))
    }

    /// Returns whether an application was deleted and can be restored.
    pub(crate) fn is_deleted(&self, id: &str) -> bool {
        !self.is_closed() && is_deleted(self.world, APPLICATIONS, "appId", id)
    }

    /// Returns the application that a resource means.
    pub(crate) fn resource(&self, resource: &str) -> Option<&Application> {
        let resource = resource.trim_end_matches('/');
        let plain = resource.strip_prefix("api://").unwrap_or(resource);
        let is_named = |known: &&Known| {
            plain.eq_ignore_ascii_case(&known.id)
                || known.names.iter().any(|name| name.trim_end_matches('/').eq_ignore_ascii_case(resource))
        };
        self.known().iter().find(is_named).map(|known| self.application_of(known))
    }

    /// Returns all applications.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Application> {
        self.known().iter().map(|known| self.application_of(known))
    }

    /// Returns what the file says of an application.
    fn filed(&self, id: &str) -> Option<&'w Application> {
        self.world.directory.application(id)
    }

    fn read(&self, entity: &StoredEntity) -> Option<Application> {
        let record = Record::of(self.world, APPLICATIONS, entity)?;
        let app_id = record.text("appId")?.to_owned();
        let filed = self.filed(&app_id);
        let is_open = !self.is_closed();
        let is_lax = |leaves_out: fn(&Application) -> bool| is_open || filed.is_some_and(leaves_out);
        let principal_entity = find(self.world, PRINCIPALS, "appId", &app_id);
        let principal = principal_entity.as_ref().and_then(|entity| Record::of(self.world, PRINCIPALS, entity));
        let now = unix_seconds(self.world.clock.now());

        let credentials = [Some(record), principal].into_iter().flatten();
        let secrets: Vec<Secret> = credentials
            .clone()
            .flat_map(|holder| holder.items("passwordCredentials"))
            .map(|item| Secret { text: item.text("secretText").map(str::to_owned), until: item.seconds("endDateTime") })
            .collect();
        let keys: Vec<Record<'_>> = credentials
            .flat_map(|holder| holder.items("keyCredentials"))
            .filter(|item| item.seconds("endDateTime").is_none_or(|until| until > now))
            .collect();
        let has_unknown_key = keys.iter().any(|item| item.text("key").is_none());
        let certificates: Vec<Certificate> =
            keys.iter().filter_map(|item| Certificate::read(&binary(item.text("key")?)?)).collect();
        let federated = self.federated(&entity.key, filed);
        let redirects = RedirectUris {
            web: record.inner("web").map(|web| web.texts("redirectUris")).unwrap_or_default(),
            spa: record.inner("spa").map(|spa| spa.texts("redirectUris")).unwrap_or_default(),
            public_client: record.inner("publicClient").map(|client| client.texts("redirectUris")).unwrap_or_default(),
        };
        let settings = record.inner("web").and_then(|web| web.inner("implicitGrantSettings"));
        let is_issued = |name: &str| settings.and_then(|settings| settings.flag(name)).unwrap_or_default();
        let implicit =
            Implicit { access_tokens: is_issued("enableAccessTokenIssuance"), id_tokens: is_issued("enableIdTokenIssuance") };
        let api = record.inner("api");
        let exposed: Vec<String> = api.map(|api| enabled_values(&api.items("oauth2PermissionScopes"))).unwrap_or_default();
        let claims = |name: &str| {
            let items = record.inner("optionalClaims").map(|claims| claims.items(name)).unwrap_or_default();
            items.iter().filter_map(|item| item.text("name")).map(str::to_owned).collect::<Vec<String>>()
        };
        let required = record.items("requiredResourceAccess").into_iter().filter_map(|item| {
            let ids = |kind: &str| {
                let items = item.items("resourceAccess");
                let ids = items.iter().filter(|access| access.text("type") == Some(kind)).filter_map(|access| access.text("id"));
                ids.map(str::to_owned).collect()
            };
            Some(RequiredResource { app_id: item.text("resourceAppId")?.to_owned(), scopes: ids("Scope"), roles: ids("Role") })
        });
        let mut application = Application {
            display_name: record.text("displayName").map(str::to_owned),
            secrets: unless_empty(secrets, is_lax(|filed| filed.secrets.is_none())),
            certificates: unless_empty(certificates, is_lax(|filed| filed.certificates.is_none()) || has_unknown_key),
            federated_credentials: unless_empty(federated, is_lax(|filed| filed.federated_credentials.is_none())),
            is_fallback_public_client: record.flag("isFallbackPublicClient"),
            redirect_uris: Some(redirects)
                .filter(|redirects| redirects.first().is_some() || !is_lax(|filed| filed.redirect_uris.is_none())),
            implicit: Some(implicit)
                .filter(|implicit| *implicit != Implicit::default() || !is_lax(|filed| filed.implicit.is_none())),
            identifier_uris: record.texts("identifierUris"),
            requested_access_token_version: api
                .and_then(|api| api.number("requestedAccessTokenVersion"))
                .and_then(|version| u8::try_from(version).ok()),
            exposed_scopes: unless_empty(exposed, is_lax(|filed| filed.exposed_scopes.is_none())),
            optional_claims: OptionalClaims { id_token: claims("idToken"), access_token: claims("accessToken") },
            group_membership_claims: record.text("groupMembershipClaims").is_some_and(|kind| !matches!(kind, "" | "None")),
            app_role_assignment_required: principal.and_then(|principal| principal.flag("appRoleAssignmentRequired"))
                == Some(true),
            front_channel_logout_url: record.inner("web").and_then(|web| web.text("logoutUrl")).map(str::to_owned),
            is_disabled: principal.and_then(|principal| principal.flag("accountEnabled")) == Some(false),
            principal: principal_entity.as_ref().map(|entity| entity.key.to_string()),
            required: required.collect(),
            app_id,
            ..Application::default()
        };
        let assigned = self.assigned_for(&self.principal_of_graph(), None, Assignee::Client(&application.app_id));
        application.roles = assigned.or_else(|| if is_lax(|filed| filed.roles.is_none()) { None } else { Some(Vec::new()) });
        Some(application)
    }

    fn federated(&self, key: &str, filed: Option<&Application>) -> Vec<FederatedCredential> {
        let place = within(self.world, APPLICATIONS, key, "federatedIdentityCredentials");
        let Some(place) = place else { return Vec::new() };
        let filed = filed.and_then(|filed| filed.federated_credentials.as_ref());
        let mut found = Vec::new();
        for entity in self.world.store.list(&place) {
            let Some(record) = Record::at(self.world, &place, &entity) else { continue };
            let (Some(issuer), Some(subject)) = (record.text("issuer"), record.text("subject")) else { continue };
            let keys = filed.into_iter().flatten().find(|known| known.issuer == issuer).and_then(|known| known.keys.clone());
            found.extend(record.texts("audiences").into_iter().map(|audience| FederatedCredential {
                issuer: issuer.to_owned(),
                subject: subject.to_owned(),
                audience,
                keys: keys.clone(),
            }));
        }
        found
    }

    /// Returns the id of the service principal of an application.
    fn principal(&self, app_id: &str) -> String {
        let stored = find(self.world, PRINCIPALS, "appId", app_id).map(|entity| entity.key.to_string());
        stored.unwrap_or_else(|| principal_id(&self.world.directory.tenant_id, app_id))
    }

    fn principal_of_graph(&self) -> String {
        self.principal(GRAPH_ID)
    }

    /// Returns the id of the service principal of a resource.
    fn principal_of_resource(&self, resource: &str) -> String {
        if is_graph(resource) {
            return self.principal_of_graph();
        }
        if let Some(application) = self.resource(resource) {
            return application.principal.clone().unwrap_or_else(|| self.principal(&application.app_id));
        }
        let trimmed = resource.trim_end_matches('/');
        let named = entities(self.world, PRINCIPALS).into_iter().find(|entity| {
            let names = Record::of(self.world, PRINCIPALS, entity).map(|record| record.texts("servicePrincipalNames"));
            names.is_some_and(|names| names.iter().any(|name| name.trim_end_matches('/').eq_ignore_ascii_case(trimmed)))
        });
        named.map_or_else(|| self.principal(&id_of(&trimmed.to_lowercase())), |entity| entity.key.to_string())
    }

    /// Returns the roles that are assigned in an application, none for an assignment without a role. `None` without an assignment.
    pub(crate) fn assigned(&self, application: &Application, assignee: Assignee<'_>) -> Option<Vec<String>> {
        let principal = application.principal.clone().unwrap_or_else(|| self.principal(&application.app_id));
        let entity = self.known().iter().find(|known| known.id == application.app_id).and_then(|known| known.entity.as_deref());
        let roles = self.assigned_for(&principal, entity, assignee);
        if roles.is_some() || (self.world.directory.users.is_some() && self.has_entities()) {
            return roles;
        }
        // Users whom the file does not list may be no entities.
        let filed = &self.filed(&application.app_id)?.app_role_assignments;
        let is_named = |name: &str| match assignee {
            Assignee::User(user) => name.eq_ignore_ascii_case(&user.user_principal_name) || name.eq_ignore_ascii_case(&user.id),
            Assignee::Client(id) => name.eq_ignore_ascii_case(id) && !self.has_entities(),
        };
        filed.iter().find(|(name, _)| is_named(name)).map(|(_, roles)| roles.clone())
    }

    fn assigned_for(&self, resource: &str, entity: Option<&StoredEntity>, assignee: Assignee<'_>) -> Option<Vec<String>> {
        let (set, key) = match assignee {
            Assignee::User(user) => (USERS, user.id.clone()),
            Assignee::Client(id) => (PRINCIPALS, self.principal(id)),
        };
        let mut ids: Vec<String> = Vec::new();
        let mut collect = |place: Option<CollectionAddress>, property: &str, wanted: &dyn Fn(&str) -> bool| {
            let Some(place) = place else { return };
            for assignment in self.world.store.list(&place) {
                if let Some(record) = Record::at(self.world, &place, &assignment)
                    && record.text(property).is_some_and(wanted)
                {
                    ids.push(record.text("appRoleId").unwrap_or(NO_ROLE).to_owned());
                }
            }
        };
        collect(within(self.world, set, &key, "appRoleAssignments"), "resourceId", &|id| id.eq_ignore_ascii_case(resource));
        let assigned_to = within(self.world, PRINCIPALS, resource, "appRoleAssignedTo");
        if assigned_to.as_ref().is_some_and(|place| !self.world.store.at(place).is_empty()) {
            let groups = match assignee {
                Assignee::User(user) => self.groups(user),
                Assignee::Client(_) => Vec::new(),
            };
            let is_one = |id: &str| id.eq_ignore_ascii_case(&key) || groups.iter().any(|group| group.eq_ignore_ascii_case(id));
            collect(assigned_to, "principalId", &is_one);
        }
        if ids.is_empty() {
            return None;
        }
        let principal = self.world.store.at(&root(self.world, PRINCIPALS)?).get(resource);
        let holders = [
            entity.and_then(|entity| Record::of(self.world, APPLICATIONS, entity)),
            principal.as_ref().and_then(|entity| Record::of(self.world, PRINCIPALS, entity)),
        ];
        let of_graph = resource == self.principal_of_graph();
        let name = |id: &str| {
            let roles = holders.iter().flatten().flat_map(|holder| holder.items("appRoles"));
            let found = roles.into_iter().find(|role| role.text("id").is_some_and(|known| known.eq_ignore_ascii_case(id)));
            let found = found.filter(|role| role.flag("isEnabled") != Some(false)).and_then(|role| role.text("value"));
            let published = || permission_with_id(id, PermissionKind::Application).filter(|_| of_graph);
            found.or_else(published).map(str::to_owned)
        };
        let names: BTreeSet<String> = ids.iter().filter(|id| *id != NO_ROLE).filter_map(|id| name(id)).collect();
        Some(names.into_iter().collect())
    }

    /// Returns the ids of the groups of a user.
    pub(crate) fn groups(&self, user: &User) -> Vec<String> {
        let place = within(self.world, USERS, &user.id, "transitiveMemberOf");
        let is_stored = root(self.world, USERS).is_some_and(|users| self.world.store.get(&users, &user.id).is_some());
        let (Some(place), true) = (place, is_stored) else { return user.groups.clone() };
        let groups = self.world.schema.set_named("groups");
        let Ok(found) = links::collection(&self.world.schema, &self.world.store, &place, None) else { return Vec::new() };
        let list = found.list();
        let targets = list.iter().filter_map(|link| link.linked());
        let is_group = |target: &&Arc<crate::edm::address::EntityAddress>| {
            Some(target.collection.set) == groups && self.world.store.entity(target).is_some()
        };
        targets.filter(is_group).map(|target| target.key.to_string()).collect()
    }

    /// Returns the permissions of a resource that a client has consent for, from an administrator or from a user. `None` if it needs none.
    pub(crate) fn consented(&self, client: &Application, user: &str, resource: &str) -> Option<Vec<String>> {
        let filed = self.filed(&client.app_id);
        if !self.is_closed() || filed.is_some_and(|filed| filed.scopes.is_none()) {
            return None;
        }
        if !self.has_grants() {
            let sign_ins = &self.world.sign_ins;
            let target = self.resource(resource);
            let names = filed.and_then(|filed| filed.scopes.as_ref()).into_iter().flatten().filter_map(|scope| {
                let (prefix, name) = scope.rsplit_once('/').map_or((None, &**scope), |(prefix, name)| (Some(prefix), name));
                let is_same = match prefix {
                    None => is_graph(resource),
                    Some(prefix) if is_graph(resource) => is_graph(prefix),
                    Some(prefix) => {
                        prefix.eq_ignore_ascii_case(resource) || target.is_some_and(|target| target.is_resource(prefix))
                    }
                };
                is_same.then(|| name.to_owned())
            });
            return Some(names.chain(sign_ins.consents(&[user, EVERY_USER], &client.app_id, plain(resource))).collect());
        }
        let client_id = client.principal.clone().unwrap_or_else(|| self.principal(&client.app_id));
        let resource_id = self.principal_of_resource(resource);
        let mut names = Vec::new();
        for entity in entities(self.world, GRANTS) {
            let Some(grant) = Record::of(self.world, GRANTS, &entity) else { continue };
            let is = |name: &str, wanted: &str| grant.text(name).is_some_and(|found| found.eq_ignore_ascii_case(wanted));
            let is_for_user = is("consentType", "AllPrincipals") || is("principalId", user);
            if is("clientId", &client_id) && is("resourceId", &resource_id) && is_for_user {
                names.extend(grant.text("scope").unwrap_or_default().split_ascii_whitespace().map(str::to_owned));
            }
        }
        Some(names)
    }

    fn has_grants(&self) -> bool {
        self.has_entities() && self.world.schema.set_named(GRANTS).is_some()
    }

    /// Returns the permissions of a resource that an application requires.
    fn required_of<'a>(&self, client: &'a Application, resource: &str) -> Option<&'a RequiredResource> {
        let target = self.resource(resource);
        client.required.iter().find(|required| match target {
            _ if is_graph(resource) => required.app_id.eq_ignore_ascii_case(GRAPH_ID),
            Some(target) => required.app_id.eq_ignore_ascii_case(&target.app_id),
            None => required.app_id.eq_ignore_ascii_case(&id_of(&resource.trim_end_matches('/').to_lowercase())),
        })
    }

    /// Returns whether an application requires permissions of a resource. Any application can be asked for its own.
    pub(crate) fn requires(&self, client: &Application, resource: &str) -> bool {
        client.is_resource(resource) || self.required_of(client, resource).is_some()
    }

    /// Returns the delegated permissions of a resource that an application requires.
    pub(crate) fn required_scopes(&self, client: &Application, resource: &str) -> Vec<String> {
        self.required_of(client, resource).map(|required| self.scope_names(required)).unwrap_or_default()
    }

    fn scope_names(&self, required: &RequiredResource) -> Vec<String> {
        if required.app_id.eq_ignore_ascii_case(GRAPH_ID) {
            let name = |id: &String| permission_with_id(id, PermissionKind::Delegated).map(str::to_owned);
            return required.scopes.iter().filter_map(name).collect();
        }
        let known = self.known().iter().find(|known| known.id.eq_ignore_ascii_case(&required.app_id));
        let record =
            known.and_then(|known| known.entity.as_deref()).and_then(|entity| Record::of(self.world, APPLICATIONS, entity));
        let scopes =
            record.and_then(|record| record.inner("api")).map(|api| api.items("oauth2PermissionScopes")).unwrap_or_default();
        let is_required = |scope: &&Record<'_>| {
            required.scopes.iter().any(|id| scope.text("id").is_some_and(|known| known.eq_ignore_ascii_case(id)))
        };
        scopes.iter().filter(is_required).filter_map(|scope| scope.text("value")).map(str::to_owned).collect()
    }

    /// Records the consent of a user, or of an administrator for all users, to permissions of a resource.
    ///
    /// # Errors
    ///
    /// Fails without room for it.
    pub(crate) fn consent(
        &self,
        client: &Application,
        user: Option<&str>,
        resource: &str,
        names: &[&str],
    ) -> Result<(), StoreFull> {
        let names: Vec<&str> = names.iter().copied().filter(|name| name.len() <= NAME_LIMIT).collect();
        if names.is_empty() || [&*client.app_id, resource, user.unwrap_or_default()].iter().any(|name| name.len() > NAME_LIMIT) {
            return Ok(());
        }
        if !self.has_grants() {
            for name in &names {
                self.world.sign_ins.consent(user.unwrap_or(EVERY_USER), &client.app_id, &format!("{}/{name}", plain(resource)));
            }
            return Ok(());
        }
        let client_id = self.principal_to_change(client)?;
        let resource_id = self.principal_of_resource(resource);
        let is_granted = |grant: Record<'_>| {
            let is = |name: &str, wanted: &str| grant.text(name).is_some_and(|found| found.eq_ignore_ascii_case(wanted));
            let is_principal = user.map_or_else(|| is("consentType", "AllPrincipals"), |user| is("principalId", user));
            is("clientId", &client_id) && is("resourceId", &resource_id) && is_principal
        };
        let known = entities(self.world, GRANTS)
            .into_iter()
            .find(|entity| Record::of(self.world, GRANTS, entity).is_some_and(is_granted));
        let key =
            known.map_or_else(|| grant_id(&[&client_id, &resource_id, user.unwrap_or_default()]), |known| known.key.to_string());
        let new = json!({
            "id": key,
            "clientId": client_id,
            "consentType": if user.is_some() { "Principal" } else { "AllPrincipals" },
            "principalId": user,
            "resourceId": resource_id,
            "scope": names.join(" "),
        });
        // Requests without a token lead here: they cannot fill the store.
        let has_room = root(self.world, GRANTS).is_some_and(|address| self.world.store.at(&address).len() < GRANT_LIMIT);
        if has_room && self.insert(GRANTS, &new)? {
            return Ok(());
        }
        let Some(address) = root(self.world, GRANTS) else { return Ok(()) };
        let Some((_, structured)) = self.world.schema.entity_type(self.world.schema.widest(), address.set) else { return Ok(()) };
        let Some(slot) = structured.slot("scope") else { return Ok(()) };
        let updated = self.world.store.at(&address).update(&key, |entity| {
            let text = if let Value::String(text) = entity.properties.get(slot) { &**text } else { "" };
            let mut all: Vec<&str> = text.split_ascii_whitespace().collect();
            for name in &names {
                if all.len() < SCOPE_LIMIT && !all.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                    all.push(name);
                }
            }
            let mut values = entity.properties.clone();
            values.set(slot, Value::String(all.join(" ").into()));
            Ok::<_, StoreFull>(crate::edm::value::Entity::of_type(entity.key.clone(), values, structured.blank_text))
        });
        updated.map_or(Ok(()), |updated| updated.map(drop))
    }

    /// Records the consent of an administrator to all that an application requires.
    ///
    /// # Errors
    ///
    /// Fails without room for it.
    pub(crate) fn consent_to_required(&self, client: &Application) -> Result<(), StoreFull> {
        for required in &client.required {
            let names = self.scope_names(required);
            let names: Vec<&str> = names.iter().map(|name| &**name).collect();
            self.consent(client, None, &required.app_id, &names)?;
            if !self.has_grants() {
                continue;
            }
            let principal = self.principal_to_change(client)?;
            let resource = self.principal(&required.app_id);
            let Some(place) = within(self.world, PRINCIPALS, &principal, "appRoleAssignments") else { continue };
            for role in &required.roles {
                let assignment = json!({
                    "id": grant_id(&[&principal, &resource, role]),
                    "appRoleId": role,
                    "principalDisplayName": client.display_name,
                    "principalId": principal,
                    "principalType": "ServicePrincipal",
                    "resourceId": resource,
                });
                self.insert_at(&place, &assignment)?;
                if let Some(place) = within(self.world, PRINCIPALS, &resource, "appRoleAssignedTo") {
                    self.insert_at(&place, &assignment)?;
                }
            }
        }
        Ok(())
    }

    /// Returns the id of the service principal of an application, which consent creates.
    fn principal_to_change(&self, client: &Application) -> Result<String, StoreFull> {
        let id = self.principal(&client.app_id);
        let new = json!({
            "id": id,
            "accountEnabled": true,
            "appDisplayName": client.display_name,
            "appId": client.app_id,
            "displayName": client.display_name,
            "servicePrincipalNames": [client.app_id],
            "servicePrincipalType": "Application",
        });
        self.insert(PRINCIPALS, &new)?;
        Ok(id)
    }

    /// Adds an entity to a root set. Returns whether there was none with its id.
    fn insert(&self, set: &str, entity: &serde_json::Value) -> Result<bool, StoreFull> {
        root(self.world, set).map_or(Ok(false), |address| self.insert_at(&address, entity))
    }

    fn insert_at(&self, address: &CollectionAddress, entity: &serde_json::Value) -> Result<bool, StoreFull> {
        let world = self.world;
        let read = fixture::read_one(&world.schema, &world.behaviors, "consent", address, &entity.to_string());
        for (place, entity) in read.unwrap_or_default() {
            match world.store.to_change(&place, entity.size())?.insert(entity) {
                Ok(()) => {}
                Err(InsertError::DuplicateKey) => return Ok(false),
                Err(InsertError::Full(full)) => return Err(full),
            }
        }
        Ok(true)
    }
}

/// The user in a consent that an administrator gives for all.
const EVERY_USER: &str = "*";

/// Returns the domains of the organization.
pub(super) fn verified_domains(world: &World) -> Vec<String> {
    let organizations = entities(world, "organization");
    let domains = organizations.iter().filter_map(|entity| Record::of(world, "organization", entity));
    let names =
        domains.flat_map(|record| record.items("verifiedDomains")).filter_map(|domain| domain.text("name").map(str::to_owned));
    names.collect()
}

/// Returns the name of a resource, one for Graph.
fn plain(resource: &str) -> &str {
    if is_graph(resource) { GRAPH } else { resource.trim_end_matches('/') }
}

/// Returns whether an entity of a set with a text waits among the deleted ones.
pub(super) fn is_deleted(world: &World, set: &str, property: &str, text: &str) -> bool {
    entities(world, "deletedItems").iter().any(|entity| {
        let is_of_set = world.schema.set_named(set).map(|set| world.schema.set(set).target) == entity.properties.own_type;
        let record = Record::of(world, set, entity).filter(|_| is_of_set);
        record.is_some_and(|record| record.text(property).is_some_and(|found| found.eq_ignore_ascii_case(text)))
    })
}

/// Returns the id of a consent or an assignment, in the form of recorded ones.
fn grant_id(of: &[&str]) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, of.join("/").as_bytes()))
}

fn unless_empty<T>(items: Vec<T>, restricts_nothing: bool) -> Option<Vec<T>> {
    if items.is_empty() && restricts_nothing { None } else { Some(items) }
}

fn enabled_values(items: &[Record<'_>]) -> Vec<String> {
    let enabled = items.iter().filter(|item| item.flag("isEnabled") != Some(false));
    enabled.filter_map(|item| item.text("value")).map(str::to_owned).collect()
}

/// Returns the bytes of a value in either alphabet of base64.
fn binary(text: &str) -> Option<Vec<u8>> {
    decoded(&text.replace('+', "-").replace('/', "_"))
}
