//! Name and password of a user.

use super::super::EntraContext;
use super::super::client::{Client, missing_parameter};
use super::super::form::Form;
use super::super::issue::{self, SignedIn, TokenAnswer};
use super::super::scope::{AskedScopes, Resources};
use super::super::sign_in::user;
use crate::odata::error::Error;
use crate::policy::refusal;
use crate::text::constant_time::is_equal;

pub(super) fn redeem(context: &EntraContext<'_>, form: &Form<'_>) -> Result<TokenAnswer, Error> {
    let mut client = Client::named(context, form)?;
    let name = form.get("username").ok_or_else(|| missing_parameter("username"))?;
    let password = form.get("password").ok_or_else(|| missing_parameter("password"))?;
    if ["common", "consumers"].iter().any(|shared| context.realm.eq_ignore_ascii_case(shared)) {
        return Err(Error::new(&refusal::ENTRA_SHARED_PASSWORD, &[]));
    }
    let scope = match (form.get("scope"), context.is_first()) {
        (Some(scope), _) => scope,
        (None, true) => "",
        (None, false) => return Err(missing_parameter("scope")),
    };
    client.prove_if_confidential(context, form, false)?;
    let asked = AskedScopes::read(scope, &client.id, Resources::One)?;
    let user = user(context, Some(name))?;
    if user.password.as_ref().is_some_and(|known| !is_equal(known.as_bytes(), password.as_bytes())) {
        return Err(Error::new(&refusal::ENTRA_WRONG_PASSWORD, &[]));
    }
    if user.password_expired {
        return Err(Error::new(&refusal::ENTRA_PASSWORD_EXPIRED, &[]));
    }
    let signed_in = SignedIn { name: Some(user.user_principal_name.clone()), ..SignedIn::of(&user) };
    issue::for_user(context, form, &client, &signed_in, &asked)
}
