//! The pipeline of Graph: one request in, one answer out.
//!
//! [`pipeline`] has the stages, [`ops`] one file per operation, [`answer`] the headers of every response.

mod answer;
pub(crate) mod base_url;
pub(crate) mod batch;
mod body;
mod consult;
mod context;
mod entra;
mod expand;
mod explain;
mod facts;
mod faults;
mod forms;
mod guard;
mod implied;
pub(crate) mod journal;
mod meta;
mod method;
mod navigated;
mod negotiate;
pub(crate) mod notices;
mod ops;
mod packing;
pub(crate) mod pipeline;
pub(crate) mod request;
pub(crate) mod route;
mod sessions;
mod statuses;
pub(crate) mod step;
mod storage;
mod stubs;
mod success;
mod target;
mod ticket;
mod unread;
mod usage;
pub(crate) mod used;
pub(crate) mod watched;
mod window;
