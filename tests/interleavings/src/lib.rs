//! The emulator's own state under many interleavings of a few threads: `cargo test` in this folder.
//!
//! Budgets are checked with loom, under all interleavings and with weak memory. Stores, journals and worlds have too many of them, so they
//! are checked with shuttle, under random ones, which are always the same. More are tried with `WFI_EMULATOR_INTERLEAVINGS=100000`.
#![cfg(test)]

mod check_budgets;
mod check_journals;
mod check_stores;
mod check_worlds;
mod stand_ins;
mod support;

include!(concat!(env!("OUT_DIR"), "/wings.rs"));
