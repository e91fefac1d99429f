//! The action `revokeSignInSessions` of a user without an entity: the workload of the directory has that of all others.

use http::{Method, StatusCode};

use crate::edm::schema::Version;
use crate::entra::caller::{Caller, caller};
use crate::entra::check::{self, AskedOperation};
use crate::entra::token::unix_seconds;
use crate::entra::user::account;
use crate::graph::context::OperationContext;
use crate::graph::meta::ResponseMeta;
use crate::graph::negotiate;
use crate::graph::request::Request;
use crate::graph::success::Success;
use crate::odata::error::Error;
use crate::policy::permissions::OperationKind;
use crate::policy::refusal;
use crate::text::form::percent_decoded;
use crate::world::World;
use crate::world::sign_ins::NAME_LIMIT;

/// Answers the action, if the request is one
/// (learn.microsoft.com/graph/api/user-revokesigninsessions; the body as recorded in Azure/azure-sdk-for-js, 2021).
pub(super) fn answer(world: &World, request: &Request, meta: &ResponseMeta<'_>) -> Option<Result<Success, Error>> {
    if request.method != Method::POST {
        return None;
    }
    let path = request.path().strip_prefix('/')?;
    let (version, rest) = path.split_once('/')?;
    let version = Version::ALL.into_iter().find(|known| known.segment() == version)?;
    let (holder, action) = rest.trim_end_matches('/').rsplit_once('/')?;
    let action = action.strip_prefix("microsoft.graph.").unwrap_or(action);
    if !action.eq_ignore_ascii_case("revokeSignInSessions") && !action.eq_ignore_ascii_case("invalidateAllRefreshTokens") {
        return None;
    }
    let name = match holder.split_once('/') {
        None if holder.eq_ignore_ascii_case("me") => None,
        Some((set, key)) if set.eq_ignore_ascii_case("users") && !key.contains('/') => Some(percent_decoded(key).into_owned()),
        _ => return None,
    };
    let id = match name.as_deref() {
        Some(name) => account(world, Some(name)).map_or_else(|| name.to_owned(), |user| user.id),
        None => match caller(&request.headers) {
            Caller::User(person) => person.id,
            // The service refuses the path.
            Caller::Application(_) | Caller::Unknown => return None,
        },
    };
    let set = world.schema.set_named("users")?;
    if id.len() > NAME_LIMIT || world.store.collection(set).get(&id).is_some() {
        return None;
    }
    Some(revoke(world, request, meta, version, &id))
}

fn revoke(world: &World, request: &Request, meta: &ResponseMeta<'_>, version: Version, id: &str) -> Result<Success, Error> {
    let claims = check::authenticate(world, &request.headers)?;
    let addresses = || vec![["users", "{}", "revokeSignInSessions"].map(str::to_owned).to_vec()];
    let method = request.method.as_str();
    let asked = AskedOperation { resource: None, kind: OperationKind::Update, addresses: &addresses, method };
    check::authorize(world, &request.headers, claims.as_ref(), asked)?;
    if !world.sign_ins.revoke(id, unix_seconds(world.clock.now())) {
        return Err(Error::new(&refusal::STORE_FULL, &[]));
    }
    let format = negotiate::accepted_format(world, request, meta)?;
    let context = OperationContext::new(world, request, meta, world.schema.model(version), &(), format);
    let mut out = context.begin_body("#Edm.Boolean", "", 32);
    if out.last() != Some(&b'{') {
        out.push(b',');
    }
    out.extend_from_slice(b"\"value\":true}");
    Ok(context.json(StatusCode::OK, out, Vec::new()))
}
