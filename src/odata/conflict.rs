//! Names in use: the annotation `@microsoft.graph.conflictBehavior` of new items.

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
    pub(crate) fn of_query(query: Option<&str>) -> Option<Conflict> {
        let is_wish = |name: &str| form::decoded(name).to_ascii_lowercase().ends_with(".conflictbehavior");
        let pairs = query.unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
        let (_, value) = pairs.into_iter().find(|(name, _)| is_wish(name))?;
        Conflict::named(&form::decoded(value))
    }

    /// Returns the wish of the body of a request, an annotation of the item.
    pub(crate) fn of_body(body: &[u8]) -> Option<Conflict> {
        Conflict::of_object(&json::parse(body).ok()?)
    }

    /// Returns the wish of an item that is a member of the body of a request.
    pub(crate) fn of_member(body: &[u8], member: &str) -> Option<Conflict> {
        let Ok(Json::Object(members)) = json::parse(body) else { return None };
        Conflict::of_object(&members.iter().find(|(name, _)| name.eq_ignore_ascii_case(member))?.1)
    }

    fn of_object(item: &Json<'_>) -> Option<Conflict> {
        let Json::Object(members) = item else { return None };
        let is_wish = |name: &str| name.to_ascii_lowercase().ends_with("@microsoft.graph.conflictbehavior");
        match members.iter().find(|(name, _)| is_wish(name))? {
            (_, Json::String(wish)) => Conflict::named(wish),
            _ => None,
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

    fn named(wish: &str) -> Option<Conflict> {
        let known = [Conflict::Replace, Conflict::Fail, Conflict::Rename];
        known.into_iter().find(|conflict| wish.eq_ignore_ascii_case(conflict.name()))
    }
}
