//! Sign-in: callers, permissions, and the token service of Entra ID.

pub mod caller;
pub mod check;
pub mod key;
pub mod token;
pub mod token_service;
pub mod user;
