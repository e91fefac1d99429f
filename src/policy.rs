//! The service's choices as data with evidence: tables of behaviors, refusals and permissions.

pub(crate) mod behavior;
pub(crate) mod grade;
pub(crate) mod permissions;
pub(crate) mod refusal;
