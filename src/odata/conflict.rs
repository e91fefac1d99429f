//! Names in use: the annotation `@microsoft.graph.conflictBehavior` of new items.

use crate::odata::error::Error;
use crate::policy::behavior::{Behaviors, UnknownConflictBehavior};
use crate::policy::refusal;
use crate::text::form;
use crate::text::json::{self, Json};

/// The effect of a write where there is an item of the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Conflict {
    /// The item is replaced.
    Replace,
    /// The write is refused.
    Fail,
    /// There is a new item of a similar name.
    Rename,
}

impl Conflict {
    /// Returns the wish of an option of a query.
    ///
    /// # Errors
    ///
    /// Fails if it is unknown.
    pub(crate) fn of_query(query: Option<&str>, behaviors: &Behaviors) -> Result<Option<Conflict>, Error> {
        let is_wish = |name: &str| form::decoded(name).to_ascii_lowercase().ends_with(".conflictbehavior");
        let mut pairs = query.unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
        match pairs.find(|(name, _)| is_wish(name)) {
            Some((_, value)) => Conflict::named(&form::decoded(value), behaviors),
            None => Ok(None),
        }
    }

    /// Returns the wish of an item in the body of a request, by its annotation.
    ///
    /// # Errors
    ///
    /// Fails if it is unknown.
    pub(crate) fn of_item(item: &Json<'_>, behaviors: &Behaviors) -> Result<Option<Conflict>, Error> {
        match annotation(item, "@microsoft.graph.conflictbehavior") {
            Some(Json::String(wish)) => Conflict::named(wish, behaviors),
            // Without a value it says nothing.
            Some(Json::Null) | None => Ok(None),
            Some(other) => Conflict::unknown(&other.describe(), behaviors),
        }
    }

    /// Returns the value of the annotation.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Conflict::Replace => "replace",
            Conflict::Fail => "fail",
            Conflict::Rename => "rename",
        }
    }

    fn named(wish: &str, behaviors: &Behaviors) -> Result<Option<Conflict>, Error> {
        let known = [Conflict::Replace, Conflict::Fail, Conflict::Rename];
        match known.into_iter().find(|conflict| wish.eq_ignore_ascii_case(conflict.name())) {
            Some(conflict) => Ok(Some(conflict)),
            None => Conflict::unknown(&json::quoted(wish), behaviors),
        }
    }

    fn unknown(found: &str, behaviors: &Behaviors) -> Result<Option<Conflict>, Error> {
        if behaviors.unknown_conflict_behavior == UnknownConflictBehavior::Ignore {
            return Ok(None);
        }
        let detail = format!("unknown conflict behavior {found}, expected 'fail', 'replace' or 'rename'");
        Err(Error::new(&refusal::UNKNOWN_CONFLICT_BEHAVIOR, &[]).with_detail(detail))
    }
}

/// Returns an annotation of an object by its name in lower case, of the object itself or of a member.
pub(crate) fn annotation<'j, 't>(item: &'j Json<'t>, name: &str) -> Option<&'j Json<'t>> {
    let Json::Object(members) = item else { return None };
    members.iter().find(|(member, _)| member.to_ascii_lowercase().ends_with(name)).map(|(_, value)| value)
}

/// Returns a member of an object by its name in any case.
pub(crate) fn member<'j, 't>(object: &'j Json<'t>, name: &str) -> Option<&'j Json<'t>> {
    let Json::Object(members) = object else { return None };
    members.iter().find(|(member, _)| member.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}
