//! What the service does, as data with evidence: tables of behaviors, refusals and permissions.

pub mod behavior;
pub mod permissions;
pub mod refusal;
