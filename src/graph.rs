//! The pipeline of Graph: one request in, one answer out.
//!
//! [`pipeline`] has the stages, [`ops`] one file per operation, [`answer`] the headers of every response.

mod answer;
mod base_url;
mod batch;
mod body;
mod consult;
mod context;
mod entra;
mod explain;
mod facts;
mod faults;
pub mod journal;
mod meta;
mod method;
mod negotiate;
mod ops;
pub mod pipeline;
pub mod request;
pub mod route;
pub mod step;
mod stubs;
mod success;
mod target;
