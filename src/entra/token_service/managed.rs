//! The endpoints of managed identities, at addresses to which libraries can be pointed.
//!
//! One path answers as the metadata service of virtual machines and as Azure Arc, by the version that a library asks for, the other as App
//! Service, Service Fabric and Cloud Shell. Forms: Azure/azure-sdk-for-net, -python and -go (recordings of 2020 to 2022), and
//! learn.microsoft.com/azure/app-service/overview-managed-identity.

use http::header::AUTHORIZATION;
use http::{HeaderMap, Method};

use super::client::{Client, canonical_id};
use super::form::Form;
use super::issue::{self, IdentityToken};
use super::reply::{IMDS, KESTREL};
use super::{EntraContext, EntraReply};
use crate::entra::access_token::Proof;
use crate::entra::members::Members;
use crate::entra::token::SYSTEM_ASSIGNED;
use crate::odata::error::Error;
use crate::policy::refusal;
use crate::world::fixture::directory::id_of;

/// The path for virtual machines and Azure Arc.
pub(super) fn machine(context: &EntraContext<'_>) -> Result<EntraReply, Error> {
    let form = Form::of(context.request);
    let headers = context.request.headers;
    if !has(headers, "metadata") {
        return Err(Error::new(&refusal::IDENTITY_NO_METADATA, &[]));
    }
    let is_arc = matches!(form.get("api-version"), Some("2019-11-01" | "2020-06-01"));
    if is_arc && !has(headers, AUTHORIZATION.as_str()) {
        return Err(Error::new(&refusal::IDENTITY_ARC, &[]));
    }
    let token = token(context, &form)?;
    let seconds = token.expires_in.to_string();
    let (until, from) = (token.validity.until.to_string(), token.validity.from.to_string());
    if is_arc {
        return Ok(EntraReply::Plain(
            None,
            Members(vec![
                ("access_token", token.text.into()),
                ("refresh_token", "".into()),
                ("expires_in", seconds.into()),
                ("expires_on", until.into()),
                ("not_before", from.into()),
                ("resource", token.resource.into()),
                ("token_type", "Bearer".into()),
            ]),
        ));
    }
    Ok(EntraReply::Plain(Some(IMDS), machine_answer(token)))
}

fn machine_answer(token: IdentityToken) -> Members {
    Members(vec![
        ("access_token", token.text.into()),
        ("client_id", token.client.into()),
        ("expires_in", token.expires_in.to_string().into()),
        ("expires_on", token.validity.until.to_string().into()),
        ("ext_expires_in", "86399".into()),
        ("not_before", token.validity.from.to_string().into()),
        ("resource", token.resource.into()),
        ("token_type", "Bearer".into()),
    ])
}

/// The path for App Service, Service Fabric and Cloud Shell.
pub(super) fn service(context: &EntraContext<'_>) -> Result<EntraReply, Error> {
    let form = Form::of(context.request);
    let headers = context.request.headers;
    let version = form.get("api-version").unwrap_or_default();
    if *context.request.method == Method::POST {
        if !has(headers, "metadata") {
            return Err(Error::new(&refusal::IDENTITY_NO_METADATA, &[]));
        }
        return Ok(EntraReply::Plain(Some(IMDS), machine_answer(token(context, &form)?)));
    }
    if matches!(version, "2019-07-01-preview" | "2020-05-01") {
        if !has(headers, "secret") {
            return Err(Error::new(&refusal::IDENTITY_NO_SECRET, &[]));
        }
        let token = token(context, &form)?;
        return Ok(EntraReply::Plain(
            None,
            Members(vec![
                ("token_type", "Bearer".into()),
                ("access_token", token.text.into()),
                ("expires_on", token.validity.until.into()),
                ("resource", token.resource.into()),
            ]),
        ));
    }
    if !has(headers, "x-identity-header") && !has(headers, "secret") {
        return Err(Error::new(&refusal::IDENTITY_NO_HEADER, &[]));
    }
    let token = token(context, &form)?;
    Ok(EntraReply::Plain(
        Some(KESTREL),
        Members(vec![
            ("access_token", token.text.into()),
            ("expires_on", token.validity.until.to_string().into()),
            ("resource", token.resource.into()),
            ("token_type", "Bearer".into()),
            ("client_id", token.client.into()),
        ]),
    ))
}

fn has(headers: &HeaderMap, name: &str) -> bool {
    headers.get(name).is_some_and(|value| !value.is_empty())
}

/// Issues the token of the identity that a request names: by its client, else by another id, else that of the system.
fn token(context: &EntraContext<'_>, form: &Form<'_>) -> Result<IdentityToken, Error> {
    let resource = form.get("resource").ok_or_else(|| Error::new(&refusal::IDENTITY_NO_RESOURCE, &[]))?;
    let client = form.get("client_id").or_else(|| form.get("clientid"));
    let registry = &context.registry;
    let registered = client.and_then(|client| registry.application(client));
    if client.is_some() && registered.is_none() && registry.is_closed() {
        return Err(Error::new(&refusal::IDENTITY_NOT_FOUND, &[]));
    }
    let others = ["object_id", "principal_id", "mi_res_id", "msi_res_id"];
    let other = others.iter().find_map(|name| form.get(name));
    let id = match (client, other) {
        (Some(client), _) => canonical_id(registered, client).to_owned(),
        (None, Some(other)) => id_of(&other.to_lowercase()),
        (None, None) => SYSTEM_ASSIGNED.to_owned(),
    };
    issue::for_identity(context, &Client { id, registered, proof: Proof::Assertion }, resource)
}
