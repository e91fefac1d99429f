//! Who calls, what they may do, and the token service that says so.

pub mod caller;
pub mod check;
pub mod key;
pub mod token;
pub mod token_service;
