//! What is done with recordings: they are made, converted and compared.

pub mod compare;
pub mod record;
