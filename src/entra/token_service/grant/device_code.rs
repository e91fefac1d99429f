//! The code of a device: approved at the first request, or when its user decides (behavior `device-code`).

use super::super::EntraContext;
use super::super::client::{Client, missing_parameter};
use super::super::device::{INTERVAL, user_code};
use super::super::form::Form;
use super::super::issue::{self, SignedIn, TokenAnswer};
use super::super::scope::{AskedScopes, Resources};
use super::super::sealed::{GrantKind, SealedGrant};
use super::super::sign_in::user;
use crate::entra::token::unix_seconds;
use crate::odata::error::Error;
use crate::policy::behavior::DeviceCode;
use crate::policy::refusal;
use crate::world::sign_ins::DeviceDecision;

pub(super) fn redeem(context: &EntraContext<'_>, form: &Form<'_>) -> Result<TokenAnswer, Error> {
    let mut client = Client::named(context, form)?;
    // The first generation calls it code.
    let parameter = if context.is_first() { "code" } else { "device_code" };
    let text = form.get(parameter).or_else(|| form.get("device_code")).ok_or_else(|| missing_parameter(parameter))?;
    let unknown = || Error::new(&refusal::ENTRA_DEVICE_CODE, &[]);
    let sealed = SealedGrant::read(text, GrantKind::Device).filter(|sealed| sealed.client == client.id).ok_or_else(unknown)?;
    client.prove_if_confidential(context, form, false)?;
    let now = unix_seconds(context.world.clock.now());
    if sealed.until <= now {
        return Err(Error::new(&refusal::ENTRA_DEVICE_EXPIRED, &[]));
    }
    let id = sealed.id();
    let redeemed = || Error::new(&refusal::ENTRA_FOREIGN_GRANT, &[]);
    if context.world.sign_ins.is_redeemed(id.as_u128()) {
        return Err(redeemed());
    }
    let name = match context.world.behaviors.device_code {
        DeviceCode::FirstPoll => None,
        DeviceCode::User => {
            let device = context.world.sign_ins.poll_device(&user_code(id), now).ok_or_else(unknown)?;
            match device.decision {
                None if device.last_poll.is_some_and(|last| now.saturating_sub(last) < INTERVAL) => {
                    return Err(Error::new(&refusal::ENTRA_DEVICE_SLOW_DOWN, &[]));
                }
                None => return Err(Error::new(&refusal::ENTRA_DEVICE_PENDING, &[])),
                Some(DeviceDecision::Declined) => return Err(Error::new(&refusal::ENTRA_DEVICE_DECLINED, &[])),
                Some(DeviceDecision::Approved(name)) => name,
            }
        }
    };
    let asked = AskedScopes::read(form.get("scope").unwrap_or(&sealed.scope), &client.id, Resources::One)?;
    let user = user(context, name.as_deref())?;
    let signed_in = SignedIn { name, has_second_factor: true, ..SignedIn::of(&user) };
    let prepared = issue::prepare(context, form, &client, &signed_in, &asked)?;
    if !context.world.sign_ins.redeem(id.as_u128(), sealed.until, now) {
        return Err(redeemed());
    }
    context.world.sign_ins.forget_device(&user_code(id));
    Ok(prepared.answer(context, form, &client, &signed_in, &asked))
}
