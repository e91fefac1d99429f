//! What the schema cannot say of a property.
//!
//! CSDL describes names and types. That a secret is never shown, that one property mirrors another, or what an absent property of
//! a new entity becomes is a rule of the service: one row here, applied to the tables when the schema is read.

/// Something that holds for one property beyond its declaration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// Stored, but answered as null (behavior `secret`).
    WriteOnly,
    /// Never taken from a request, though the schema does not mark it as computed.
    ReadOnly,
    /// Left out of answers while it is null.
    OmittedWhileNull,
    /// Another name for the value of the named property, on versions that declare it and on those that do not.
    Mirrors(&'static str),
    /// The value that a new entity gets where the request has none, as JSON text. What the service does is not known (grade none);
    /// only that "by default, no entities are supported" stands on the resource page.
    StartsAs(&'static str),
    /// Checked in requests beyond its type.
    Checked(Check),
    /// Set by the service on a write.
    Stamped(Stamp),
    /// Decides where and how the connector is called: a new value is tried out (behaviors `connect`, `connect-on-update`).
    Connects,
}

/// A check of a request's value beyond its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// Exactly 64 characters (behavior `secret-length`).
    SecretLength,
    /// An absolute address (behavior `url-check`).
    Url,
}

/// A value that the service sets on a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stamp {
    /// The time of creation.
    CreatedAt,
    /// The time of the last write.
    ModifiedAt,
    /// Who made the last write.
    ModifiedBy,
}

/// What the service calls the entities of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words {
    /// What ids of the service's making begin with.
    pub id_prefix: &'static str,
    /// The noun in messages.
    pub noun: &'static str,
    /// The inner code of the refusal of an unknown id.
    pub not_found_code: &'static str,
}

/// The words for types that no row speaks of.
const PLAIN: Words = Words { id_prefix: "", noun: "resource", not_found_code: "NotFound" };

/// The words of types. The prefix is that of life-like published ids; noun and code follow those for a team
/// (microsoft-graph-docs#8933).
static WORDS: &[(&str, Words)] = &[(
    "workforceIntegration",
    Words { id_prefix: "WFI_", noun: "workforce integration", not_found_code: "WorkforceIntegrationNotFound" },
)];

/// Returns the words of a type.
pub(super) fn words_of(type_name: &str) -> Words {
    WORDS.iter().find(|(owner, _)| *owner == type_name).map_or(PLAIN, |(_, words)| *words)
}

/// The rules: type, property, what holds for it.
pub(super) static RULES: &[(&str, &str, Rule)] = &[
    ("changeTrackedEntity", "createdDateTime", Rule::Stamped(Stamp::CreatedAt)),
    ("changeTrackedEntity", "lastModifiedDateTime", Rule::Stamped(Stamp::ModifiedAt)),
    ("changeTrackedEntity", "lastModifiedBy", Rule::Stamped(Stamp::ModifiedBy)),
    // The schema does not mark createdBy as computed, but it is not among the updatable properties of the reference page, and
    // no published answer has it.
    ("changeTrackedEntity", "createdBy", Rule::ReadOnly),
    ("changeTrackedEntity", "createdBy", Rule::OmittedWhileNull),
    ("entity", "id", Rule::ReadOnly),
    // The singleton's values are the emulator's own (grade none): the reference page says only what the properties mean.
    ("teamwork", "isTeamsEnabled", Rule::StartsAs("true")),
    ("workforceIntegration", "supports", Rule::Mirrors("supportedEntities")),
    ("workforceIntegration", "supportedEntities", Rule::StartsAs("\"none\"")),
    ("workforceIntegration", "eligibilityFilteringEnabledEntities", Rule::StartsAs("\"none\"")),
    ("workforceIntegration", "isActive", Rule::StartsAs("true")),
    ("workforceIntegration", "url", Rule::Checked(Check::Url)),
    ("workforceIntegration", "url", Rule::Connects),
    ("workforceIntegration", "apiVersion", Rule::Connects),
    ("workforceIntegration", "encryption", Rule::Connects),
    ("workforceIntegrationEncryption", "secret", Rule::WriteOnly),
    ("workforceIntegrationEncryption", "secret", Rule::Checked(Check::SecretLength)),
];

/// The order of properties on the early draft of the reference page (behavior `property-order`), for types where it differs from
/// the declared one. Properties that the page does not know follow.
pub(super) static PAGE_ORDER: &[(&str, &[&str])] = &[(
    "workforceIntegration",
    &[
        "id",
        "createdDateTime",
        "lastModifiedDateTime",
        "lastModifiedBy",
        "displayName",
        "apiVersion",
        "encryption",
        "isActive",
        "url",
        "supports",
    ],
)];

/// Returns the rules of a property.
pub(super) fn of(type_name: &str, property: &str) -> impl Iterator<Item = Rule> {
    RULES.iter().filter(move |(owner, name, _)| *owner == type_name && *name == property).map(|(_, _, rule)| *rule)
}

/// Returns the mirrors that a type has: name of the mirror, name of what it mirrors.
pub(super) fn mirrors_of(type_name: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    RULES.iter().filter(move |(owner, _, _)| *owner == type_name).filter_map(|(_, name, rule)| match rule {
        Rule::Mirrors(target) => Some((*name, *target)),
        _ => None,
    })
}
