//! The costs that a hostile client can cause, as `docs/security.md` lists them: they follow from the limits.

use crate::edge::computing::MAX_THREADS;
use crate::edge::http_client::resolve::LOOKUPS;
use crate::edge::outgoing::queue::{CALLS, MESSAGES, NOTIFICATION_SHARE};
use crate::edge::server::ServerLimits;
use crate::graph::batch::ANSWERS_LIMIT;
use crate::odata::purse::MEMORY;
use crate::world::worlds::WorldLimits;
use crate::world::{journal, store};

/// The memory that a world takes at most, beside its entities and its journal. A test of the program measures it.
const WORLD_BYTES: usize = 16 * 1024;

fn mib(bytes: usize) -> String {
    let mib = bytes.div_ceil(1024 * 1024).to_string();
    if mib.len() > 3 { format!("{},{} MiB", &mib[..mib.len() - 3], &mib[mib.len() - 3..]) } else { format!("{mib} MiB") }
}

/// Returns the table of the page.
fn table() -> String {
    let limits = ServerLimits::default();
    let heads = limits.connections * limits.head_bytes;
    let rows = [
        ("entities of all worlds, with their texts", mib(store::ALL_BYTES), "`--store-bytes`".to_owned()),
        (
            "worlds, beside their entities and journals",
            mib(WorldLimits::default().worlds * WORLD_BYTES),
            format!("fixed; {} of {} KiB each", WorldLimits::default().worlds, WORLD_BYTES / 1024),
        ),
        ("journals of all worlds", mib(journal::ALL_BYTES), "`--journals-bytes`".to_owned()),
        (
            "bodies that arrive, heads of HTTP/2, and requests that wait for connectors",
            mib(limits.bodies_bytes),
            "fixed; a connection gets a quarter once half is in use".to_owned(),
        ),
        (
            "answers that are not read",
            mib(limits.answers_bytes),
            format!("fixed; `--answer-timeout` {} s", limits.answer.as_secs()),
        ),
        (
            "texts of two exports: one that is made, and one beyond that limit that is not read",
            mib(2 * (store::ALL_BYTES / 3 * 4)),
            "four thirds of `--store-bytes` each".to_owned(),
        ),
        (
            "texts of imports while they are read",
            mib(store::ALL_BYTES / 2),
            "half of `--store-bytes`; 16 MiB for an entity without its content".to_owned(),
        ),
        ("messages to connectors", mib(MESSAGES), format!("fixed; {CALLS} calls and {LOOKUPS} look-ups of names at a time")),
        (
            "messages of notifications in work",
            mib(MESSAGES / NOTIFICATION_SHARE),
            format!("fixed; {} calls at a time; those that wait count as entities", CALLS / NOTIFICATION_SHARE),
        ),
        (
            "queries in work, and answers of batches in work",
            mib(MAX_THREADS * (MEMORY + ANSWERS_LIMIT)),
            format!("fixed; one at a time per core, {MAX_THREADS} at most"),
        ),
        (
            "heads that arrive, one on each connection",
            mib(heads),
            format!(
                "`--connection-limit` {} of {} KiB each, for `--head-timeout` {} s",
                limits.connections,
                limits.head_bytes / 1024,
                limits.head.as_secs()
            ),
        ),
    ];
    let lines = rows.map(|(holder, most, limit)| format!("| {holder} | {most} | {limit} |\n"));
    format!("| memory | at most | limit |\n|---|---|---|\n{}", lines.concat())
}

#[test]
fn the_page_on_security_lists_the_costs_that_follow_from_the_limits() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/security.md");
    let page = std::fs::read_to_string(path).unwrap();
    let (before, rest) = page.split_once("| memory | at most | limit |\n").unwrap();
    let rest = rest.split_once("\n\n").unwrap().1;
    let written = format!("{before}{}\n{rest}", table());
    if std::env::var_os("WFI_EMULATOR_WRITE_DOCS").is_some() {
        std::fs::write(path, &written).unwrap();
    }
    assert!(page == written, "docs/security.md differs; WFI_EMULATOR_WRITE_DOCS=1 cargo test rewrites it:\n{}", table());
}
