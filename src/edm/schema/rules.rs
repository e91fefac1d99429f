//! Service rules that CSDL cannot express, as rows of the workloads.
//!
//! CSDL describes names and types. That a secret is never returned, that one property is another name of a second one, or which value an
//! absent property of a new entity gets is a rule of the service.

use http::{Method, StatusCode};

use crate::edm::media::Media;
use crate::policy::behavior::{Behaviors, UpdateResponse};
use crate::policy::refusal::{self, Refusal};

/// The rows of one workload.
#[derive(Debug)]
pub struct WorkloadRules {
    /// Rows of types. A type without a row has [`DEFAULT_CAPABILITIES`] and [`DEFAULT_WORDING`].
    pub types: &'static [TypeRules],
    /// Rows of properties: type, property, rule. The type is the one that declares the property.
    pub properties: &'static [(&'static str, &'static str, PropertyRule)],
    /// The order of properties on the draft page (behavior `property-order`), for types where it differs from the declared one.
    /// Properties that the page does not list follow.
    pub page_order: &'static [(&'static str, &'static [&'static str])],
    /// The order of properties in recorded answers (behavior `property-order`), for types where it differs from the declared one.
    pub recorded_order: &'static [(&'static str, &'static [&'static str])],
    /// Singletons that represent the signed-in user's entity, and the entity set that has it.
    pub caller_singletons: &'static [(&'static str, &'static str)],
    /// Types, and their properties that a path segment can name an entity by, like the key.
    pub segment_keys: &'static [(&'static str, &'static str)],
    /// Types, and the property of a type derived from them that a path segment can name an entity by, like the key. Derived types inherit the
    /// row.
    pub derived_segment_keys: &'static [(&'static str, DerivedKey)],
    /// Types, a property, and names that a path segment can have in place of a key, each with the value of the property.
    pub well_known: &'static [(&'static str, &'static str, WellKnown)],
    /// Types, and their properties whose values no two entities of a collection can share. Derived types inherit the row.
    pub unique: &'static [(&'static str, Unique)],
    /// Types, and their navigation properties that answers cannot include.
    pub unexpanded: &'static [(&'static str, &'static str)],
    /// Types, and their navigation properties that show entities of other addresses, as long as nothing is stored under their own.
    pub views: &'static [(&'static str, &'static str, View)],
    /// Types, and their navigation properties through which entities of other collections of the holder are found by their keys.
    pub keyed_elsewhere: &'static [(&'static str, &'static str, &'static [Elsewhere])],
    /// Types, and their navigation properties that answers include unasked.
    pub expanded: &'static [(&'static str, &'static str)],
    /// Types, and their navigation properties of which the answer to a creation has the entities that the request created with it; of a single
    /// one that lives elsewhere, the key alone.
    pub shown_with_new: &'static [(&'static str, &'static str)],
    /// Types whose key is in answers whether it is selected or not.
    pub always_keyed: &'static [&'static str],
    /// Types whose key a client chooses when it creates an entity. Of other types that call it `id`, the service does.
    pub chosen_keys: &'static [&'static str],
    /// Types whose instances are of a derived type that is not known: a cast to any of them shows them.
    pub placeholders: &'static [&'static str],
    /// Types of which bodies must name a derived one, like abstract ones, and the behavior that decides whether they must.
    pub typed_bodies: &'static [(&'static str, Tolerance)],
    /// Types whose entities have tags, and their rules; types derived from them have the same.
    pub tags: &'static [(&'static str, &'static TagRules)],
    /// Types with `$search`, which others refuse.
    pub searches: &'static [(&'static str, &'static SearchRules)],
    /// Types whose resources take some queries only, and the rules. Derived types inherit the row.
    pub queries: &'static [(&'static str, &'static QueryRules)],
    /// Types whose answers have headers on the use of limits. Derived types inherit the row.
    pub limit_headers: &'static [(&'static str, LimitHeaders)],
    /// Navigation properties to entities that live elsewhere, though the schema says that they contain them.
    pub references: &'static [Path],
    /// Navigation properties to entities that live elsewhere, where a create makes an entity of an object without a key.
    pub created_elsewhere: &'static [Path],
    /// Types, and members of creates that the schema does not declare, with keys of entities to which navigation properties lead.
    pub key_members: &'static [(&'static str, &'static [KeyMember])],
    /// Types whose workload decides who may read and write their entities.
    pub guarded: &'static [&'static str],
    /// Navigation properties to the entities of a root set that have a person among their members.
    pub joined: &'static [(Path, JoinRules)],
    /// Navigation properties, each as type and name, and those that lead back: a link of the first is one of the second.
    pub inverses: &'static [(Path, Path)],
    /// Navigation properties, each as type and name, that lead to all that others of these names lead to, at any distance.
    pub transitive: &'static [(Path, &'static [&'static str])],
    /// Operations with another status of success than 204 without a result, and 200 with one: the name, the type to which it is bound, and
    /// the status. A star means any operation, or the rest of a type's name.
    pub operation_statuses: &'static [(&'static str, &'static str, u16)],
    /// Actions, each as the type to which it is bound and its name, whose result is another entity of that type.
    pub new_results: &'static [Path],
    /// Navigation property, type that has it, status of a POST that creates an entity behind it.
    pub creation_statuses: &'static [(&'static str, &'static str, CreationStatus)],
    /// Types whose deleted entities can be restored.
    pub recycled: &'static [RecycledRules],
    /// Navigation properties, and the types of the entities to which clients can link there, if these are fewer than the declared ones.
    pub linked_types: &'static [(Path, &'static [&'static str])],
    /// Navigation properties whose last link cannot be removed, and the refusal.
    pub kept_links: &'static [(Path, &'static Refusal)],
    /// Types, and the number of entities behind a navigation property that an expansion shows. Derived types inherit the row.
    pub expand_limits: &'static [(&'static str, usize)],
    /// Types whose lists have the number of entities unasked. Derived types inherit the row.
    pub counted: &'static [&'static str],
    /// Navigation properties, each as type and name, whose lists have all members of enums unasked, also those above the sentinel.
    pub whole_enums: &'static [Path],
    /// Singletons, and those of their collections in whose contexts the singleton comes before the document, as that of a service of its own.
    pub services: &'static [Path],
    /// Navigation properties, each as type and name, whose lists have the type in their context, and no path.
    pub typed_contexts: &'static [Path],
    /// Types, and the number of links that one request can give an entity.
    pub link_limits: &'static [(&'static str, usize)],
    /// Types, and the members that a request must have to create an entity. Derived types inherit the row.
    pub required: &'static [(&'static str, Required)],
    /// Types whose delta queries have `$select`, and `$filter` by ids, alone. Derived types inherit the row.
    pub plain_deltas: &'static [&'static str],
    /// Navigation properties, each as type and name, whose links are in answers of delta queries of the type.
    pub delta_links: &'static [Path],
    /// Types, and the property that names the application to which an entity belongs: others neither see nor change it.
    pub owned: &'static [(&'static str, &'static str)],
    /// Types and their stream properties, or no name for the content of a media entity itself, and the rules of the content. Derived types
    /// inherit the row.
    pub media: &'static [(&'static str, &'static str, &'static MediaRules)],
    /// Types whose entities are files and folders, which paths of names lead to.
    pub files: &'static [(&'static str, &'static FileRules)],
    /// Types whose single entities have a value before the first write.
    pub implied: &'static [(&'static str, &'static ImpliedRules)],
    /// Types whose deleted entities stay, marked.
    pub deactivated: &'static [(&'static str, &'static DeactivationRules)],
    /// Types, and the behavior that decides whether members of a request that they do not declare are ignored. Complex values in them are not
    /// meant.
    pub tolerant: &'static [(&'static str, Tolerance)],
    /// Types, and the behavior that decides whether conditions compare their texts without case. Derived types inherit the row.
    pub caseless: &'static [(&'static str, Tolerance)],
    /// Types, and the behavior that decides whether lists have no `$skip` and pages of 1 to 999 entities. Derived types inherit the row.
    pub paged: &'static [(&'static str, Tolerance)],
    /// Types whose answers have forms that requests can prefer. Derived types inherit the row.
    pub formed: &'static [&'static str],
    /// Types, and the number of entities on a page of a list whose client asks for no other number. Derived types inherit the row.
    pub page_sizes: &'static [(&'static str, usize)],
    /// Types, and the behavior that decides whether the properties of an order must be the first ones of a condition beside it. Derived types
    /// inherit the row.
    pub ordered_filters: &'static [(&'static str, Tolerance)],
    /// Navigation properties, each as type and name, to what happens in a time range that the request names.
    pub windows: &'static [(Path, &'static WindowRules)],
    /// Types whose entities can happen more than once, and the navigation property to those times that differ from the others.
    pub repeated: &'static [(&'static str, &'static str)],
    /// Navigation properties, each as type and name, whose changes the service does not record.
    pub untracked: &'static [Path],
    /// Types, and the alternate key by which PATCH creates an entity.
    pub upserted: &'static [(&'static str, &'static str)],
    /// Types whose entities have the addresses of their pages, too.
    pub sites: &'static [(&'static str, SiteRules)],
    /// Types whose entities come before recorded answers. Derived types inherit the row.
    pub own_state: &'static [&'static str],
    /// Open types, and the behavior that decides whether queries cannot have unknown names. Derived types inherit the row.
    pub closed: &'static [(&'static str, Tolerance)],
    /// Open types, the behavior that decides whether bodies cannot have unknown members, and the refusal of those. Derived types inherit the row.
    pub unknown_members: &'static [(&'static str, UnknownMembers)],
    /// Types, and the behavior that decides whether some queries need `ConsistencyLevel: eventual`. Derived types inherit the row.
    pub eventual: &'static [(&'static str, Tolerance)],
    /// Navigation properties, each as type and name, and a type: a cast to it that shows nothing is refused, if the type has queries that need
    /// `ConsistencyLevel: eventual` and the request is not one of them.
    pub doubted_casts: &'static [(Path, &'static str)],
    /// Types, a name that requests can have for a property, and the property.
    pub renamed: &'static [(&'static str, (&'static str, &'static str))],
    /// Types, an enum property, and its member that becomes another one by a read.
    pub advanced: &'static [(&'static str, Advance)],
    /// Types whose identities of users have no `tenantId`, if a behavior says so.
    pub without_tenant: &'static [(&'static str, Tolerance)],
    /// Types whose answers without `$select` have some of the properties only.
    pub default_projections: &'static [(&'static str, DefaultProjection)],
}

/// A member of a create with the key of the entity to which a navigation property leads.
#[derive(Clone, Copy, Debug)]
pub struct KeyMember {
    /// The member.
    pub name: &'static str,
    /// The navigation property.
    pub navigation: &'static str,
    /// Whether an entity that does not exist begins to exist.
    pub begins: bool,
}

/// The status of a creation, where it is not that of the type.
#[derive(Clone, Copy, Debug)]
pub struct CreationStatus {
    /// The status.
    pub status: u16,
    /// Whether the answer has the new entity.
    pub has_body: bool,
}

/// A property of a derived type that a path segment can name an entity by. Derived types that declare it alike share it.
#[derive(Clone, Copy, Debug)]
pub struct DerivedKey {
    /// The derived type, in Graph's own namespace.
    pub type_name: &'static str,
    /// The property.
    pub property: &'static str,
    /// A text in lower case behind which a segment can have the value, too.
    pub qualifier: Option<&'static str>,
}

/// The entities that a navigation property shows: the service keeps one entity under several addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// The entity of a root set with the key of the holder.
    SameKey(&'static str),
    /// The first entity of another collection of the holder whose property has a value, as JSON text.
    Among {
        /// The navigation property of the collection.
        navigation: &'static str,
        /// The property.
        property: &'static str,
        /// The value.
        value: &'static str,
    },
    /// Another collection of the holder.
    Beside(&'static str),
    /// A collection of the entity that another navigation property of the holder shows.
    Behind {
        /// The navigation property of the entity.
        navigation: &'static str,
        /// The navigation property of the collection.
        collection: &'static str,
    },
    /// The entity of a root set with the key of the holder at the end of this path of members.
    Owned {
        /// The set.
        set: &'static str,
        /// The complex properties, and the property of the innermost.
        path: &'static [&'static str],
    },
    /// The single entity of another navigation property, and all that are nested in it.
    Tree {
        /// The navigation property of the entity.
        single: &'static str,
        /// The navigation property of the nested ones.
        nested: &'static str,
    },
    /// The collections of all entities of another collection of the holder, and of those nested in them.
    All {
        /// The navigation property of the other collection.
        navigation: &'static str,
        /// The navigation property of the entities nested in its entities.
        nested: &'static str,
        /// The navigation property of the collections.
        collection: &'static str,
        /// The property that names the one in which new entities are created, and its value as JSON text.
        new_in: (&'static str, &'static str),
    },
}

/// The collections of all entities of a collection of the holder, and of those nested in them.
#[derive(Clone, Copy, Debug)]
pub struct Elsewhere {
    /// The navigation property of the collection.
    pub navigation: &'static str,
    /// The navigation property of the entities nested in its entities, if they can be nested.
    pub nested: Option<&'static str>,
    /// The navigation property of the collections.
    pub collection: &'static str,
}

/// Names that a path segment can have in place of a key, with the values of a property.
pub(crate) type WellKnown = &'static [(&'static str, &'static str)];

/// A property whose values no two entities of a collection can share, compared without case. A collection shares no item.
#[derive(Clone, Copy, Debug)]
pub struct Unique {
    /// The property.
    pub property: &'static str,
    /// The collection property and the item of it that entities must have for the rule to apply.
    pub among: Option<(&'static str, &'static str)>,
    /// Another property: entities that differ in it can share the value.
    pub with: Option<&'static str>,
    /// The row for a value that another entity has: `{0}` is the property, `{1}` the value, `{2}` that of the other property.
    pub refusal: &'static Refusal,
}

/// The members that a request must have to create an entity.
#[derive(Clone, Copy, Debug)]
pub struct Required {
    /// The members, in the order in which they are checked.
    pub members: &'static [&'static str],
    /// A member with which only these others are required.
    pub relief: Option<(&'static str, &'static [&'static str])>,
    /// The row for a missing one: `{0}` is the member, `{1}` the type.
    pub missing: &'static Refusal,
    /// The row for an empty text, likewise.
    pub empty: Option<&'static Refusal>,
}

/// The properties in answers without `$select`.
#[derive(Clone, Copy, Debug)]
pub enum DefaultProjection {
    /// These, and no undeclared members.
    Only(&'static [&'static str]),
    /// All but these.
    Except(&'static [&'static str]),
}

/// The members of files and folders.
#[derive(Debug)]
pub struct FileRules {
    /// The stream property.
    pub content: &'static str,
    /// The navigation property of a folder.
    pub children: &'static str,
    /// The property with the name, unique in a folder in any case.
    pub name: &'static str,
    /// The complex property that names the folder of an item, and its property with the id of the folder and with its path.
    pub parent: (&'static str, &'static str, &'static str),
    /// The property of that complex value with the id of the drive.
    pub drive: &'static str,
    /// The annotation with the address of the content, which needs no token.
    pub download: &'static str,
    /// The property with the size of the content, or of all that a folder has.
    pub size: &'static str,
    /// The complex property of folders, and its property with the number of items.
    pub folder: (&'static str, &'static str),
    /// The property with the tag of the content, which a change of other members leaves as it is.
    pub content_tag: &'static str,
}

/// The rules of content that has an address of its own.
#[derive(Debug)]
pub struct MediaRules {
    /// Whether a write creates the single entity that has the content.
    pub creates: bool,
    /// The status of a write, without a body; `None` if the answer is the entity.
    pub answer: Option<u16>,
    /// The refusal of a read while the content is missing; `None` for 204.
    pub absent: Option<&'static Refusal>,
    /// Whether a read leads to another address, which needs no token.
    pub is_redirected: bool,
    /// The properties with the content in base64 and its type, where it is not stored apart.
    pub inline: Option<(&'static str, &'static str)>,
    /// Returns the values of the entity that follow from the content, as JSON members without braces.
    pub members: Option<fn(&Media) -> String>,
}

/// The rules of content without a row. The pages of stream properties print 204 for a write.
pub(crate) const DEFAULT_MEDIA: MediaRules =
    MediaRules { creates: false, answer: Some(204), absent: None, is_redirected: false, inline: None, members: None };

/// A navigation property: the type that declares it, and its name.
pub(crate) type Path = (&'static str, &'static str);

/// The properties of a type that `$search` finds.
#[derive(Debug)]
pub struct SearchRules {
    /// Properties that are found by their words; others are found by their beginning.
    pub by_words: &'static [&'static str],
    /// The properties that a clause without a name searches. If the list is empty, a clause must have a name.
    pub unnamed: &'static [&'static str],
    /// The text that finds everything.
    pub everything: Option<&'static str>,
}

/// The headers on the use of limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitHeaders {
    /// `x-ms-throttle-limit-percentage`, and with a refusal `x-ms-throttle-scope` and `x-ms-throttle-information`.
    Throttle,
    /// `RateLimit-Limit`, `RateLimit-Remaining` and `RateLimit-Reset`.
    RateLimit,
}

/// The queries that the resources of a type take, where these are fewer than those of OData.
#[derive(Debug)]
pub struct QueryRules {
    /// The conditions of `$filter`.
    pub filter: Option<&'static FilterRules>,
    /// Whether `$search` has no effect, as a behavior decides.
    pub search: Option<Tolerance>,
    /// The effect of options on a single entity, as a behavior decides. `$expand` is checked as on a list.
    pub entity: Option<EntityChoice>,
}

/// A behavior, and its decision about query options on a single entity.
pub(crate) type EntityChoice = (&'static str, fn(&Behaviors) -> EntityOptions);

/// The effect of query options on a single entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntityOptions {
    /// That of OData.
    Honored,
    /// No effect.
    Ignored,
    /// A refusal.
    Refused(&'static Refusal),
}

/// The conditions that a `$filter` can have: comparisons of a property with a value, joined by `and`, each property once.
#[derive(Debug)]
pub struct FilterRules {
    /// The behavior that decides about other conditions, and whether it refuses them.
    pub strict: (&'static str, fn(&Behaviors) -> bool),
    /// The paths of properties, and their operators.
    pub comparisons: &'static [(&'static str, &'static [&'static str])],
    /// The row for another property: `{0}` is its path.
    pub property: &'static Refusal,
    /// The row for another operator: `{0}` is the path of the property, `{1}` the operator in the words of Microsoft's library.
    pub operator: &'static Refusal,
    /// The row for a property in more than one condition: `{0}` is its path.
    pub repeated: &'static Refusal,
    /// The row for conditions of another form: `{0}` is that form.
    pub form: &'static Refusal,
}

/// Returns the names of types in rows.
fn names<T>(rows: &'static [(&'static str, T)]) -> impl Iterator<Item = &'static str> {
    rows.iter().map(|(name, _)| *name)
}

impl WorkloadRules {
    /// Returns the names of the types that rows are about.
    pub(crate) fn type_names(&self) -> Vec<&'static str> {
        // Each column is here, so that none is forgotten.
        let WorkloadRules {
            types,
            properties,
            page_order,
            recorded_order,
            caller_singletons: _,
            segment_keys,
            derived_segment_keys,
            well_known,
            unique,
            unexpanded,
            views,
            keyed_elsewhere,
            expanded,
            shown_with_new,
            always_keyed,
            chosen_keys,
            placeholders,
            typed_bodies,
            tags,
            searches,
            queries,
            limit_headers,
            references,
            created_elsewhere,
            key_members,
            guarded,
            joined: _,
            inverses: _,
            transitive: _,
            operation_statuses: _,
            creation_statuses: _,
            new_results: _,
            recycled,
            linked_types: _,
            kept_links: _,
            expand_limits: _,
            counted,
            whole_enums,
            services: _,
            typed_contexts,
            link_limits,
            required,
            plain_deltas,
            delta_links: _,
            owned,
            media,
            files,
            implied,
            deactivated,
            tolerant,
            caseless,
            paged,
            formed,
            page_sizes,
            ordered_filters,
            windows,
            repeated,
            untracked: _,
            upserted,
            sites,
            own_state,
            closed,
            unknown_members,
            eventual,
            doubted_casts: _,
            renamed,
            advanced,
            without_tenant,
            default_projections,
        } = self;
        let mut found: Vec<&'static str> = types.iter().map(|row| row.name).collect();
        found.extend(properties.iter().map(|(name, ..)| *name));
        found
            .extend(names(page_order).chain(names(recorded_order)).chain(names(segment_keys)).chain(names(derived_segment_keys)));
        found.extend(well_known.iter().map(|(name, ..)| *name).chain(views.iter().map(|(name, ..)| *name)));
        found.extend(keyed_elsewhere.iter().map(|(name, ..)| *name));
        found.extend(
            names(unique).chain(names(unexpanded)).chain(names(expanded)).chain(names(references)).chain(names(shown_with_new)),
        );
        found.extend(names(created_elsewhere).chain(names(key_members)));
        found.extend(always_keyed.iter().chain(*chosen_keys).chain(*placeholders).chain(*plain_deltas).copied());
        found.extend(guarded.iter().chain(*formed).chain(*own_state).chain(*counted).copied());
        found.extend(names(whole_enums).chain(names(typed_contexts)));
        found.extend(names(tags).chain(names(searches)).chain(names(queries)).chain(names(required)).chain(names(owned)));
        found.extend(recycled.iter().map(|row| row.name).chain(media.iter().map(|(name, ..)| *name)));
        found.extend(names(link_limits).chain(names(files)).chain(names(implied)).chain(names(deactivated)));
        found.extend(names(tolerant).chain(names(caseless)).chain(names(paged)).chain(names(page_sizes)));
        found.extend(names(ordered_filters).chain(names(repeated)).chain(names(upserted)).chain(names(sites)));
        found.extend(names(closed).chain(names(unknown_members)).chain(names(eventual)));
        found.extend(names(typed_bodies).chain(names(renamed)).chain(names(advanced)));
        found.extend(windows.iter().map(|((name, _), _)| *name));
        found.extend(names(without_tenant).chain(names(default_projections)).chain(names(limit_headers)));
        found
    }

    /// No rows.
    pub const NONE: WorkloadRules = WorkloadRules {
        types: &[],
        properties: &[],
        page_order: &[],
        recorded_order: &[],
        caller_singletons: &[],
        segment_keys: &[],
        derived_segment_keys: &[],
        well_known: &[],
        unique: &[],
        unexpanded: &[],
        views: &[],
        keyed_elsewhere: &[],
        expanded: &[],
        shown_with_new: &[],
        always_keyed: &[],
        chosen_keys: &[],
        searches: &[],
        queries: &[],
        limit_headers: &[],
        placeholders: &[],
        typed_bodies: &[],
        references: &[],
        created_elsewhere: &[],
        key_members: &[],
        guarded: &[],
        joined: &[],
        inverses: &[],
        transitive: &[],
        operation_statuses: &[],
        creation_statuses: &[],
        new_results: &[],
        recycled: &[],
        linked_types: &[],
        kept_links: &[],
        expand_limits: &[],
        counted: &[],
        whole_enums: &[],
        services: &[],
        typed_contexts: &[],
        link_limits: &[],
        media: &[],
        files: &[],
        tags: &[],
        implied: &[],
        deactivated: &[],
        tolerant: &[],
        caseless: &[],
        paged: &[],
        formed: &[],
        page_sizes: &[],
        ordered_filters: &[],
        windows: &[],
        repeated: &[],
        untracked: &[],
        upserted: &[],
        sites: &[],
        own_state: &[],
        closed: &[],
        unknown_members: &[],
        eventual: &[],
        doubted_casts: &[],
        renamed: &[],
        advanced: &[],
        without_tenant: &[],
        required: &[],
        owned: &[],
        plain_deltas: &[],
        delta_links: &[],
        default_projections: &[],
    };
}

/// A behavior, and whether a rule applies under its value.
pub(crate) type Tolerance = (&'static str, fn(&Behaviors) -> bool);

/// The value of a single entity that was never written.
#[derive(Debug)]
pub struct ImpliedRules {
    /// The behavior that decides whether it is shown, if one does.
    pub choice: Option<Tolerance>,
    /// Its id, also that of one that is written.
    pub id: ImpliedId,
    /// The members that differ from those of a new entity, as JSON without braces.
    pub members: &'static str,
}

/// The rule for members of bodies that an open type does not declare.
#[derive(Debug)]
pub struct UnknownMembers {
    /// The behavior that decides whether they are refused.
    pub choice: Tolerance,
    /// The refusal.
    pub refusal: &'static Refusal,
}

/// The id of a single entity.
#[derive(Clone, Copy, Debug)]
pub enum ImpliedId {
    /// The key of the entity that it belongs to, behind a prefix.
    Owner(&'static str),
    /// That of the signed-in user, from whom values of the same names and types are taken, too.
    Caller,
    /// This text.
    Fixed(&'static str),
}

/// A value that becomes another one by a read.
#[derive(Debug)]
pub struct Advance {
    /// The enum property.
    pub property: &'static str,
    /// The member.
    pub from: &'static str,
    /// The member that it becomes.
    pub to: &'static str,
}

/// The rule for a DELETE that marks an entity.
#[derive(Debug)]
pub struct DeactivationRules {
    /// The property that becomes false.
    pub property: &'static str,
    /// The refusal for the last entity of a collection with another value, if it must stay.
    pub last: Option<&'static Refusal>,
    /// Whether behaviors enforce that.
    pub is_enforced: fn(&Behaviors) -> bool,
}

/// The rules of a navigation property to what happens in a time range.
#[derive(Debug)]
pub struct WindowRules {
    /// The query option with the begin of the range.
    pub start: &'static str,
    /// The query option with its end.
    pub end: &'static str,
    /// The refusal of a request without one of them.
    pub missing: &'static Refusal,
    /// The refusal of one that is not a time: `{0}` is the value, `{1}` the option.
    pub malformed: &'static Refusal,
    /// Whether the holder itself happens, not the entities that the navigation property shows.
    pub is_of_holder: bool,
}

/// The rule for deleted entities of a type that can be restored.
#[derive(Debug)]
pub struct RecycledRules {
    /// The name of the type.
    pub name: &'static str,
    /// The path of the collection that keeps them.
    pub bin: &'static str,
    /// The collection property that must have a text, if only some are kept.
    pub only: Option<(&'static str, &'static str)>,
    /// The property with the time of the deletion.
    pub deleted_at: &'static str,
}

/// The rules of the entity tags of a type.
#[derive(Debug)]
pub struct TagRules {
    /// The form of the tags.
    pub form: TagForm,
    /// Whether answers have the tag only with `$select`.
    pub needs_select: bool,
    /// Whether an answer whose body begins with the tag has it in the header `ETag` too.
    pub has_header: bool,
    /// The refusal of a change without `If-Match`, if that is required.
    pub absent: Option<&'static Refusal>,
    /// The refusal of a change with an `If-Match` that is not a list of tags; else no tag matches it.
    pub malformed: Option<&'static Refusal>,
    /// The refusal of a change of an entity that has another tag.
    pub stale: &'static Refusal,
    /// The behavior that decides whether another refusal takes its place, and that refusal.
    pub conflict: Option<&'static Conflict>,
    /// Whether an `If-Match` without a value is like none.
    pub ignores_empty: bool,
}

/// Another refusal of a change of an entity that has another tag.
#[derive(Debug)]
pub struct Conflict {
    /// The behavior that decides.
    pub behavior: &'static str,
    /// Whether it decides for this refusal.
    pub is_chosen: fn(&Behaviors) -> bool,
    /// The refusal.
    pub refusal: &'static Refusal,
}

/// The form of entity tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TagForm {
    /// Weak, 22 bytes in base64, which `changeKey` repeats: `W/"Dh8tpywH2EOPTvOWbm1mIwAAkmhknA=="`.
    ChangeKey,
    /// A GUID in capitals and braces with the number of the version, which `eTag` repeats: `"{7F33A3C5-…},3"`.
    BracedGuid,
    /// A GUID with the number of the version, which `eTag` repeats: `"7f33a3c5-…,3"`.
    Guid,
    /// The number of the version: `"3"`.
    Version,
    /// Weak, the base64 of this name of the type and a counter: `W/"JzEtVGFzayAgQEBAQEBAQEBAQEBAQEBARCc="`.
    Counter(&'static str),
    /// A tag of Cosmos DB, a GUID most of whose digits are zero: `"42006ecc-0000-0000-0000-5ca35d410000"`.
    Cosmos,
}

impl TagForm {
    /// Returns the name of the property that repeats the tag.
    pub fn property(self) -> Option<&'static str> {
        match self {
            TagForm::ChangeKey => Some("changeKey"),
            TagForm::BracedGuid | TagForm::Guid => Some("eTag"),
            TagForm::Version | TagForm::Counter(_) | TagForm::Cosmos => None,
        }
    }
}

/// The rules of a navigation property to the entities of a root set that have a person among their members.
#[derive(Debug)]
pub struct JoinRules {
    /// The name of the root set.
    pub root: &'static str,
    /// The navigation property of its type with the members.
    pub members: &'static str,
    /// The property of a member with the key of the person.
    pub person: &'static str,
    /// A navigation property to persons, whose entity has the same key as that of the root set.
    pub same_key: Path,
}

/// The row of a type.
#[derive(Debug)]
pub struct TypeRules {
    /// The name of the type; without a namespace, one of Graph's own.
    pub name: &'static str,
    /// The changes that clients can make.
    pub capabilities: &'static Capabilities,
    /// The wording of refusals.
    pub wording: &'static Wording,
    /// Whether the workload is consulted before a change of an entity is committed.
    pub is_consulted: bool,
}

/// A rule for one property beyond its declaration.
#[derive(Clone, Copy, Debug)]
pub enum PropertyRule {
    /// Stored, but returned as null (behavior `secret`).
    WriteOnly,
    /// Never taken from a request, though the schema does not mark it as computed.
    ReadOnly,
    /// Never taken from a request, and a change that names it is refused: `{0}` is its name.
    Unchangeable(&'static Refusal),
    /// Taken from the request that creates the entity alone.
    Immutable,
    /// Taken from a request, though the schema marks it as computed.
    Writable,
    /// Left out of responses while it is null.
    OmittedWhileNull,
    /// Another name of a property's value, in all versions, declared or not.
    AliasOf {
        /// The property that has the value.
        target: &'static str,
        /// The behavior that decides whether requests and responses may have the alias.
        behavior: &'static str,
    },
    /// Another name of a property's value, in the versions that declare it.
    SynonymOf(&'static str),
    /// The value in a new entity if the request omits it, as JSON text.
    InitialValue(&'static str),
    /// The value in an entity that a request creates and omits the property for, as JSON text of any kind. Fixtures do not get it.
    CreatedWith(&'static str),
    /// Times that the service sets have no fraction of a second.
    WholeSeconds,
    /// The identity of a caller has id and name only.
    PlainIdentity,
    /// A text in a request is stored in the form that the service gives it.
    Rewritten(fn(&str) -> Option<String>),
    /// Checked in requests beyond its type.
    Checked(ValueCheck),
    /// Set by the service on a write.
    ServerSet(ServerSetValue),
    /// Not set by the service, though its name is that of a time or a caller which it sets (behaviors `server-times`, `server-callers`).
    NotServerSet,
}

/// A check of a string in a request beyond its type.
#[derive(Clone, Copy, Debug)]
pub struct ValueCheck(pub fn(&Behaviors, &str) -> CheckResult);

/// The result of a [`ValueCheck`].
#[derive(Debug)]
pub enum CheckResult {
    /// The value is valid under all behaviors.
    Valid,
    /// The value is valid because of a behavior.
    ValidUnder(&'static str),
    /// The value is refused.
    Invalid {
        /// A description of the value, where the value itself must not be shown.
        found: Option<String>,
        /// A description of valid values.
        expected: String,
        /// The row of the refusal.
        refusal: &'static Refusal,
    },
}

/// A value that the service sets on a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerSetValue {
    /// The time of creation.
    CreatedAt,
    /// The time of the last write.
    ModifiedAt,
    /// The caller of the creation.
    CreatedBy,
    /// The caller of the last write.
    ModifiedBy,
    /// A key of the state, new after each write.
    ChangeKey,
    /// The object id of the caller of the creation.
    CreatorId,
    /// The client id of the application of the creation.
    ApplicationId,
    /// The time of creation, by the name of the property alone (behavior `server-times`): a value of the client counts.
    NamedCreatedAt,
    /// The time of the last write, likewise.
    NamedModifiedAt,
    /// The caller of the creation, by the name of the property and its type alone (behavior `server-callers`): a value of the client counts.
    NamedCreatedBy,
    /// The caller of the last write, likewise.
    NamedModifiedBy,
}

impl ServerSetValue {
    /// Returns the value that follows from the name of a property and its type, by namespace and name, where no row is about it.
    pub(crate) fn of_name(name: &str, of_type: (&str, &str)) -> Option<ServerSetValue> {
        let is_time = || of_type == ("Edm", "DateTimeOffset");
        let is_caller = || matches!(of_type, ("microsoft.graph", "identitySet" | "communicationsIdentitySet"));
        match name {
            "createdDateTime" if is_time() => Some(ServerSetValue::NamedCreatedAt),
            "lastModifiedDateTime" if is_time() => Some(ServerSetValue::NamedModifiedAt),
            "createdBy" if is_caller() => Some(ServerSetValue::NamedCreatedBy),
            "lastModifiedBy" if is_caller() => Some(ServerSetValue::NamedModifiedBy),
            _ => None,
        }
    }

    /// Whether the value follows from the name of the property.
    pub(crate) fn is_named(self) -> bool {
        self.is_named_time() || self.is_named_caller()
    }

    /// Whether it is a time that follows from the name of the property.
    pub(crate) fn is_named_time(self) -> bool {
        matches!(self, ServerSetValue::NamedCreatedAt | ServerSetValue::NamedModifiedAt)
    }

    /// Whether it is a caller that follows from the name of the property.
    pub(crate) fn is_named_caller(self) -> bool {
        matches!(self, ServerSetValue::NamedCreatedBy | ServerSetValue::NamedModifiedBy)
    }

    /// Whether a creation sets it, and no other write.
    pub(crate) fn is_of_creation(self) -> bool {
        matches!(self, ServerSetValue::NamedCreatedAt | ServerSetValue::NamedCreatedBy)
    }
}

/// The changes that clients can make to the entities of a type.
#[derive(Clone, Copy, Debug)]
pub struct Capabilities {
    /// Whether a POST to the collection creates an entity.
    pub creates: bool,
    /// The method that changes an entity.
    pub update: Option<UpdateMethod>,
    /// Whether a DELETE removes an entity.
    pub deletes: bool,
    /// The response to a change, where the request states no preference.
    pub answer: UpdateAnswer,
    /// The status of a successful POST.
    pub create_status: StatusCode,
    /// The status of a successful DELETE.
    pub delete_status: StatusCode,
    /// Whether a PUT that creates an entity is answered as a POST is.
    pub puts_as_posts: bool,
    /// The answers that have the values which requests can only write.
    pub secret_answers: SecretAnswers,
}

/// The answers that have values which requests can only write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretAnswers {
    /// None, unless the behavior `secret` says otherwise.
    None,
    /// The answer to the creation.
    Creation,
}

/// The response to a change.
#[derive(Clone, Copy, Debug)]
pub enum UpdateAnswer {
    /// 204.
    NoContent,
    /// 200 with the entity.
    Entity,
    /// 200 without a body.
    Empty,
    /// As a behavior decides: whether the response has the entity.
    Decided(&'static str, fn(&Behaviors) -> bool),
}

/// The method that changes an entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateMethod {
    /// PATCH changes the members that it names.
    Patch,
    /// PUT replaces an existing entity.
    Replace,
    /// PUT replaces the entity, or creates it.
    Upsert,
    /// PATCH changes the members that it names, PUT replaces the entity, or creates it.
    PatchOrUpsert,
}

impl UpdateMethod {
    /// Returns the HTTP methods.
    pub fn methods(self) -> &'static [Method] {
        match self {
            UpdateMethod::Patch => &[Method::PATCH],
            UpdateMethod::Replace | UpdateMethod::Upsert => &[Method::PUT],
            UpdateMethod::PatchOrUpsert => &[Method::PATCH, Method::PUT],
        }
    }

    /// Whether PATCH changes the entity.
    pub fn is_patch(self) -> bool {
        matches!(self, UpdateMethod::Patch | UpdateMethod::PatchOrUpsert)
    }

    /// Whether PUT replaces the entity.
    pub fn is_put(self) -> bool {
        self != UpdateMethod::Patch
    }
}

impl Capabilities {
    /// Whether a client creates an entity by PUT.
    pub fn is_upsert(&self) -> bool {
        matches!(self.update, Some(UpdateMethod::Upsert | UpdateMethod::PatchOrUpsert))
    }

    /// Returns the allowed methods of an entity, or of a collection.
    pub fn methods(&self, is_entity: bool) -> Vec<Method> {
        let changes = if is_entity { self.update.map_or(&[][..], UpdateMethod::methods) } else { &[] };
        let create = (!is_entity && self.creates).then_some(Method::POST);
        let delete = (is_entity && self.deletes).then_some(Method::DELETE);
        [Method::GET].into_iter().chain(create).chain(changes.iter().cloned()).chain(delete).collect()
    }
}

/// The capabilities of types without a row.
pub(crate) const DEFAULT_CAPABILITIES: Capabilities = Capabilities {
    creates: true,
    update: Some(UpdateMethod::Patch),
    deletes: true,
    answer: UpdateAnswer::Decided("update-response", |behaviors| behaviors.update_response == UpdateResponse::Entity),
    create_status: StatusCode::CREATED,
    delete_status: StatusCode::NO_CONTENT,
    puts_as_posts: false,
    secret_answers: SecretAnswers::None,
};

/// The wording of a workload's refusals for the entities of a type.
#[derive(Debug)]
pub struct Wording {
    /// The form of ids that the service assigns.
    pub id: IdForm,
    /// The keys that the service refuses without a look-up.
    pub malformed_key: Option<&'static KeyCheck>,
    /// The row for a new entity whose declared type is abstract, without the name of a derived one.
    pub abstract_type: &'static Refusal,
    /// The noun in messages: the placeholder `{0}` of the rows for unknown entities; `{1}` is the key, `{2}` the type.
    pub noun: &'static str,
    /// The inner code of the refusals of unknown entities, where it is not that of their rows.
    pub not_found_code: Option<&'static str>,
    /// The row for an unknown entity.
    pub unknown_entity: &'static Refusal,
    /// The row for an unknown entity that contains the addressed one.
    pub unknown_ancestor: &'static Refusal,
    /// The rows for invalid members of enums.
    pub enum_refusals: &'static EnumRefusals,
    /// The base URL of the workload's own service, which `Location` may name (behavior `location`).
    pub backend_url: &'static str,
}

/// The properties that lead from the address of a site's page to the site.
#[derive(Clone, Copy, Debug)]
pub struct SiteRules {
    /// The address of the page.
    pub url: &'static str,
    /// The property that only root sites have.
    pub root: &'static str,
}

/// The form of ids that the service assigns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdForm {
    /// A GUID after a prefix.
    Guid(&'static str),
    /// Bytes in base64 with the alphabet of URLs and without padding, after a prefix.
    Base64 {
        /// The prefix.
        prefix: &'static str,
        /// The number of bytes.
        bytes: usize,
    },
    /// The id of an item in a mailbox: bytes in base64 with the alphabet of URLs and padding. The first three and the last three are fixed.
    Mailbox {
        /// The number of bytes.
        bytes: usize,
    },
    /// Characters of the alphabet of base32, after a prefix.
    Base32 {
        /// The prefix.
        prefix: &'static str,
        /// The number of characters.
        characters: usize,
    },
    /// Hexadecimal digits between two texts.
    Hex(&'static str, &'static str),
    /// The time of creation in milliseconds since 1970.
    Milliseconds,
    /// A number that follows from the number of entities in the collection.
    Number,
}

/// A check of keys: a service that knows the form of its ids refuses others without a look-up.
#[derive(Debug)]
pub struct KeyCheck {
    /// Whether a key has the form.
    pub is_well_formed: fn(&str) -> bool,
    /// The row for other keys: `{0}` is the key.
    pub refusal: &'static Refusal,
}

/// The rows for invalid values of enums: `{0}` is the value, `{1}` the property, `{2}` the type.
#[derive(Debug)]
pub struct EnumRefusals {
    /// A text that is not a member.
    pub unknown_member: &'static Refusal,
    /// `unknownFutureValue` (behavior `sentinel-in`).
    pub sentinel: &'static Refusal,
    /// A member above the sentinel without the preference for it (behavior `hidden-members-in`).
    pub hidden_member: &'static Refusal,
}

/// The wording for types without a row.
pub(crate) static DEFAULT_WORDING: Wording = Wording {
    id: IdForm::Guid(""),
    malformed_key: None,
    abstract_type: &refusal::ABSTRACT_TYPE,
    noun: "resource",
    not_found_code: None,
    unknown_entity: &refusal::UNKNOWN_ENTITY,
    unknown_ancestor: &refusal::UNKNOWN_ENTITY,
    enum_refusals: &EnumRefusals {
        unknown_member: &refusal::INVALID_ENUM_VALUE,
        sentinel: &refusal::INVALID_ENUM_VALUE,
        hidden_member: &refusal::INVALID_ENUM_VALUE,
    },
    backend_url: "https://graph.microsoft.com",
};
