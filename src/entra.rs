//! Sign-in: callers, permissions, and the token service of Entra ID.

pub(crate) mod caller;
pub(crate) mod check;
pub(crate) mod key;
pub(crate) mod token;
pub(crate) mod token_service;
pub(crate) mod user;
