//! What single workloads of Graph do beyond what the schema says of them, each behind the same hook.

pub mod shifts;
