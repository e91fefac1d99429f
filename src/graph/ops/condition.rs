//! Conditions of requests on the tag of their entity: `If-Match` and `If-None-Match`.

use http::StatusCode;
use http::header::{self, HeaderValue};

use crate::edm::schema::TagRules;
use crate::edm::tag;
use crate::edm::value::Entity;
use crate::graph::context::OperationContext;
use crate::graph::success::Success;
use crate::odata::condition::Condition;
use crate::odata::error::Error;
use crate::policy::behavior::IfMatch;
use crate::policy::refusal::{self, Refusal};
use crate::world::store::StoreFull;

/// The condition of a change.
pub(super) struct Precondition {
    /// The tags that the entity may have, and the refusal of others.
    expected: Option<(Condition, &'static Refusal)>,
    /// Whether there must be no entity.
    is_creation: bool,
}

/// The reason why a change did not take place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unchanged {
    /// There is not enough room.
    Full(StoreFull),
    /// The entity does not fulfill the condition.
    Refused(&'static Refusal),
}

impl From<StoreFull> for Unchanged {
    fn from(full: StoreFull) -> Unchanged {
        Unchanged::Full(full)
    }
}

impl Unchanged {
    /// Returns the refusal of the request.
    pub(super) fn to_error(self) -> Error {
        match self {
            Unchanged::Full(full) => full.into(),
            Unchanged::Refused(refusal) => Error::new(refusal, &[]),
        }
    }
}

impl Precondition {
    /// Returns the condition of a change.
    ///
    /// # Errors
    ///
    /// Fails if the type requires a condition that the request does not have.
    pub(super) fn of(context: &OperationContext<'_>, key: &str, decided: &mut Vec<&'static str>) -> Result<Precondition, Error> {
        let rules = context.structured().tag;
        if !context.has_conditions && rules.is_none() {
            return Ok(Precondition { expected: None, is_creation: false });
        }
        let headers = &context.request.headers;
        let is_creation = Condition::of(headers, &header::IF_NONE_MATCH) == Some(Condition::Any);
        let condition = Condition::of(headers, &header::IF_MATCH);
        let Some(rules) = rules.or_else(|| own_rules(context, key)) else {
            // An entity that is there fulfills a star.
            if condition.is_some_and(|condition| condition != Condition::Any) {
                decided.push("if-match");
                if context.world.behaviors.if_match == IfMatch::Refuse {
                    return Err(Error::new(&refusal::UNTAGGED, &[]));
                }
            }
            return Ok(Precondition { expected: None, is_creation });
        };
        let condition = condition.filter(|condition| !(rules.ignores_empty && condition.is_empty()));
        let refused = match &condition {
            None => rules.absent,
            Some(condition) if *condition == Condition::Malformed || condition.is_empty() => rules.malformed,
            Some(_) => None,
        };
        if let Some(refusal) = refused {
            return Err(Error::new(refusal, &[]));
        }
        let mut stale = rules.stale;
        if let (Some(conflict), true) = (rules.conflict, condition.is_some()) {
            decided.push(conflict.behavior);
            if (conflict.is_chosen)(&context.world.behaviors) {
                stale = conflict.refusal;
            }
        }
        Ok(Precondition { expected: condition.map(|condition| (condition, stale)), is_creation })
    }

    /// Whether there is a condition.
    pub(super) fn is_stated(&self) -> bool {
        self.is_creation || self.expected.is_some()
    }

    /// Checks the condition on an entity before it is changed.
    pub(super) fn check(&self, entity: &Entity) -> Result<(), Unchanged> {
        match &self.expected {
            Some((condition, stale)) if !condition.allows(tag::of(&entity.properties)) => Err(Unchanged::Refused(stale)),
            _ => Ok(()),
        }
    }

    /// Checks the condition on an entity before a PUT, which can be for new entities only.
    pub(super) fn check_replaced(&self, entity: &Entity) -> Result<(), Unchanged> {
        if self.is_creation { Err(Unchanged::Refused(&refusal::PRECONDITION_FAILED)) } else { self.check(entity) }
    }

    /// Checks the condition where the entity does not exist, and so has not the expected tag.
    pub(super) fn check_creation(&self) -> Result<(), Unchanged> {
        match &self.expected {
            Some((_, stale)) => Err(Unchanged::Refused(stale)),
            None => Ok(()),
        }
    }
}

/// Returns the rules of the entity itself, where its type is derived from that of its collection.
fn own_rules(context: &OperationContext<'_>, key: &str) -> Option<&'static TagRules> {
    if !context.structured().is_polymorphic {
        return None;
    }
    let entity = context.world.store.get(&context.route.collection, key)?;
    context.types(&entity).actual.tag
}

/// Returns the condition under which the client of a read has the entity already, if it states one.
pub(super) fn of_read(context: &OperationContext<'_>) -> Option<Condition> {
    if !context.has_conditions {
        return None;
    }
    Condition::of(&context.request.headers, &header::IF_NONE_MATCH)
}

/// Returns the answer to a client that has the entity already.
pub(super) fn not_modified(context: &OperationContext<'_>, condition: &Condition, entity: &Entity) -> Option<Success> {
    let rules = context.types(entity).actual.tag?;
    let tag = tag::of(&entity.properties)?;
    let etag = if rules.has_header { HeaderValue::from_str(tag).ok() } else { None };
    condition.excludes(Some(tag)).then(|| Success { status: StatusCode::NOT_MODIFIED, etag, ..Success::no_content() })
}
