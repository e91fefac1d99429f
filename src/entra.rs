//! Sign-in: callers, permissions, and the token service of Entra ID.

pub(crate) mod access_token;
pub(crate) mod caller;
pub(crate) mod check;
pub(crate) mod id_token;
pub(crate) mod key;
mod members;
mod record;
pub(crate) mod registry;
pub(crate) mod token;
pub(crate) mod token_service;
pub(crate) mod user;
