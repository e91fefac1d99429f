//! The integration tests: one binary, one folder per subject. This page is their table of contents.
//!
//! Requests as text are in `tests/exchanges/`, their answers in `snapshots/`: most behavior of a client's request is tested there,
//! without code. Clients in other languages are in `tests/sdk/`, a page in a browser is in `tests/browser/`. Seeds of failed property
//! tests are in `tests/proptest-regressions/`.
//!
//! **`graph/`**: requests to Microsoft Graph, without sockets
//!
//! | file | shows |
//! |---|---|
//! | `exchanges` | every exchange in `tests/exchanges/` gets the answer in `snapshots/` |
//! | `decisions` | every row of the decision table of updates, and the pages generated from data |
//! | `draft_page` | the exchange on the early draft of the reference page, to the byte |
//! | `pipeline` | requests that an exchange as text cannot express |
//! | `faults` | injected faults, and their records in the journal |
//! | `properties` | laws for all bodies, queries and batches |
//! | `concurrency` | concurrent updates: none is lost |
//! | `history` | concurrent requests to one entity are linearizable |
//! | `world_history` | imports, forks, resets, reloads beside writers: no acknowledged write is lost |
//! | `sequences` | hundreds of sequences of requests to worlds with small limits |
//! | `schemas` | every feature of CSDL, on a schema of our own: decision tables, addresses, state |
//! | `unread` | the part of the built-in schema that a request reads: all of Graph, with no flag |
//! | `reference_pages` | what the reference pages print for types beyond the core: times, links, keys, initial values |
//! | `reference_operations` | answers and effects of operations on the reference pages; values that follow from others |
//! | `stores` | the limit of all stores; long texts; exports that are imported |
//! | `content` | content rules of workloads: default projections, required members, ids, keys, unique values |
//! | `relations` | deletion, restoring and links under every address; what a refused request leaves |
//! | `report` | every rule of reports, on exchanges that set it off and on ones that nearly do; the examples; the page of rules |
//! | `mailboxes` | items of mailboxes by their ids, wherever they are; deletions leave nothing |
//! | `media` | content of files, photos and streams: byte for byte, in parts, in fragments, within limits |
//! | `file_names` | names of files and folders in use: by each wish of a client, also of several at once |
//! | `tags` | tags of entities, their forms, and conditions on them; of clients with one tag a single one writes |
//!
//! **`entra/`**: the token service
//!
//! | file | shows |
//! |---|---|
//! | `identity` | sign-in, step by step; laws for all tokens and forms |
//! | `permissions` | the permissions of operations, by all spellings of their addresses |
//! | `store` | applications, users and consents of sign-in are those of Graph, both ways |
//!
//! **`connectors/`**: calls to the connectors of workforce integrations
//!
//! | file | shows |
//! |---|---|
//! | `handshake` | the call before an integration is created or gets another URL |
//! | `approval` | the call before the contents of a schedule change |
//! | `flows` | the flows of Shifts by requests to Graph: what the connector is sent, and what becomes of the state |
//! | `access` | access to a schedule: each operation, by each role |
//! | `acts` | the people of a schedule, played by the control API, the command, and in scenarios |
//! | `answers` | each answer of a connector to each element of each flow: what is stored, and what a refusal leaves |
//! | `lives` | ten thousand random steps of several people, beside a model of the schedule |
//! | `encryption` | messages to connectors, decrypted by OpenSSL; `encrypt` and `decrypt` |
//! | `notifications` | subscriptions, and notifications to a receiver that validates, refuses, or is silent |
//! | `planted` | a connector's message forges nothing in an output |
//! | `published` | the requests of the published connectors, as `docs/connectors.md` lists them |
//! | `example` | the example connector, called by the emulator and by the commands |
//! | `guide` | the steps of `docs/connectors.md` that bind a schedule, as printed |
//!
//! **`recordings/`**: recorded exchanges
//!
//! | file | shows |
//! |---|---|
//! | `recorded` | the library: record, redact, compare, serve |
//! | `commands` | the commands `record`, `convert` and `compare` |
//! | `recorder` | the recorder between client and service: TLS, links, proxies, pages |
//! | `planted` | private values in every part of an exchange are missing from the recording |
//! | `redaction` | one table of secrets decides in every output |
//! | `grammar` | places × encodings × damage: a planted secret is in no output |
//!
//! **`edge/`**: bytes on the wire
//!
//! | file | shows |
//! |---|---|
//! | `http` | HTTP/1 and HTTP/2, byte by byte |
//! | `proxy` | clients that take the emulator for their proxy: tunnels, absolute addresses, refused hosts |
//! | `tls` | HTTPS |
//! | `limits` | limits on the resources of many clients |
//! | `objects` | structs are read from objects only, wherever JSON comes from outside |
//! | `abuse` | malformed, endless and slow requests; the rows of `docs/hostile-input.md` |
//! | `abuse_http2` | the same in HTTP/2 frames |
//! | `abuse_costs` | after and during each of them: the memory of the program, and the wait of another client |
//! | `log` | the reasons that a server logs |
//! | `fuzz` | every reader accepts the inputs of `fuzz/corpus/` and mutations of them |
//!
//! **`program/`**: the program as a process
//!
//! | file | shows |
//! |---|---|
//! | `process` | output, exit status, signals |
//! | `flags` | flags and environment variables, valid and invalid |
//! | `config` | the configuration file |
//! | `json_schemas` | the JSON Schemas of files accept and refuse what the program does |
//! | `log` | the log: its lines, and that it never blocks a request |
//! | `tls` | HTTPS: the printed address, the local authority, certificates from files |
//! | `tokens` | `token`, the directory, and what the log leaves out |
//! | `paths` | fixture files whose folders name a path |
//! | `schemas` | schemas from files, served and checked |
//! | `secrets` | a secret appears in no answer, log, journal or export |
//! | `report` | reports on clients: exit status, baseline, file, summary; the rules |
//! | `run` | `run`: exit status, variables, signals, refusals of a command's requests |
//! | `suite` | the program in a test suite: worlds, control API, readiness, end of the parent process |
//! | `stops` | every kind of stop in every situation: what is saved, how soon the program ends |
//! | `machine` | full disks, unreadable files, no descriptors, clock changes, signals |
//! | `journals` | the memory that journals hold |
//! | `soak` | mixed load on one process, for seconds or hours |
//!
//! **`project/`**: the repository itself
//!
//! | file | shows |
//! |---|---|
//! | `architecture` | the order of the wings, no cycles between files, a reason for every dependency |
//! | `configuration` | the help, and the page made from it |
//! | `dependencies` | the library needs few crates without the program |
//! | `language` | comments, messages and pages have none of the banned words |
//! | `pages` | pages name existing files, and the index lists all pages |
//! | `readme` | the commands and examples of README.md and docs |
//! | `regressions` | regressions of property tests are in `tests/proptest-regressions/`, where proptest reads them |
//! | `workflows` | workflows pin actions by digest, and publish tested programs only |
//!
//! **`support/`**: code that the tests share
//!
//! | file | holds |
//! |---|---|
//! | `harness` | a client without sockets, and the invariants of every answer |
//! | `museum` | the schema of our own, and a world with it |
//! | `tokens` | tokens from a line of text |
//! | `planting` | the grammar of exchanges with a planted secret, for `grammar` and `readers` |
//! | `pulse` | the time in which a server answers another client |
//! | `sequences` | the grammar of sequences of requests, with the laws that hold after each, for `sequences` and `readers` |
//! | `readers` | one function per reader of outside bytes, for `fuzz` and for the crate in `fuzz/` |
//!
//! Started servers and programs: `edge::http::Server` is a server in this process, `program::process::Served` the program as a child
//! process, `connectors::example::Connector` the example connector.

mod connectors {
    mod access;
    mod acts;
    mod answers;
    mod approval;
    mod encryption;
    pub(crate) mod example;
    mod flows;
    mod guide;
    mod handshake;
    mod lives;
    mod notifications;
    #[cfg(unix)]
    mod planted;
    mod published;
}
mod edge {
    pub(crate) mod abuse;
    #[cfg(target_os = "linux")]
    mod abuse_costs;
    pub(crate) mod abuse_http2;
    #[cfg(unix)]
    mod computing;
    mod fuzz;
    pub(crate) mod http;
    #[cfg(unix)]
    mod limits;
    pub(crate) mod log;
    mod objects;
    mod proxy;
    mod stream;
    mod tls;
}
mod entra {
    mod control;
    mod grants;
    mod identity;
    mod permissions;
    mod revocation;
    mod store;
}
mod graph {
    mod concurrency;
    mod content;
    mod decisions;
    mod draft_page;
    mod exchanges;
    mod faults;
    mod file_names;
    mod hidden_values;
    mod history;
    mod mailboxes;
    mod media;
    mod pipeline;
    mod properties;
    mod reference_operations;
    mod reference_pages;
    mod relations;
    mod report;
    mod scale;
    mod schemas;
    mod sequences;
    mod single_entities;
    mod stores;
    mod tags;
    mod unknown_types;
    mod unread;
    mod world_history;
}
mod program {
    mod config;
    mod flags;
    #[cfg(target_os = "linux")]
    mod journals;
    mod json_schemas;
    mod log;
    mod machine;
    mod paths;
    pub(crate) mod process;
    #[cfg(unix)]
    mod report;
    mod run;
    mod running;
    mod schemas;
    #[cfg(unix)]
    mod secrets;
    mod soak;
    #[cfg(unix)]
    mod stops;
    pub(crate) mod suite;
    mod tls;
    mod tokens;
}
mod project {
    mod architecture;
    mod configuration;
    mod dependencies;
    mod language;
    mod pages;
    mod readme;
    mod regressions;
    mod workflows;
}
mod recordings {
    pub(crate) mod commands;
    mod grammar;
    mod planted;
    pub(crate) mod recorded;
    mod recorder;
    #[cfg(unix)]
    mod redaction;
}
mod support {
    pub(crate) mod choices;
    pub(crate) mod harness;
    pub(crate) mod museum;
    pub(crate) mod planting;
    pub(crate) mod pulse;
    pub(crate) mod readers;
    pub(crate) mod sequences;
    pub(crate) mod tokens;
}
