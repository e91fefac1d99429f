//! The service's choices as data with evidence: tables of behaviors, refusals and permissions.

pub mod behavior;
pub mod grade;
pub mod permissions;
pub mod refusal;
