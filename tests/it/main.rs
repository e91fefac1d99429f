//! The integration tests: one binary, one module per subject.
//!
//! | module | shows |
//! |---|---|
//! | `architecture` | modules use only those above them |
//! | `exchanges` | every exchange in `tests/exchanges/` gets the answer in `snapshots/` |
//! | `decisions` | the decision table of updates holds, and the pages made from data print it |
//! | `draft_page` | the early draft of the reference page, to the byte |
//! | `harness` | a client without sockets, and what holds for every answer |
//! | `faults` | requests that fail as rules say, and what the journal tells of them |
//! | `tokens` | tokens for tests, from a line of text |
//! | `identity` | signing in, step by step; laws that hold for all tokens and forms |
//! | `pipeline` | requests that no text of an exchange can express |
//! | `properties` | laws that hold for all bodies |
//! | `readers` | everything that reads bytes from outside, one function per reader |
//! | `fuzz` | every reader takes the inputs of `fuzz/corpus/` and changed ones |
//! | `concurrency` | no update is lost |
//! | `history` | requests to one entity look as if they came one after the other |
//! | `machine` | what the machine does to the program: full disks, no descriptors, signals |
//! | `secrets` | secrets are told to nobody |
//! | `encryption` | what is sent to connectors, decrypted by others |
//! | `handshake` | connectors are asked before an integration leads to them |
//! | `approval` | connectors are asked before what a schedule contains is changed |
//! | `connector` | the example connector, called by the emulator and by the commands |
//! | `recorded` | exchanges recorded, redacted, compared and served |
//! | `recorded_commands` | the commands that record, convert and compare |
//! | `planted` | private values are in no recording, however they travel |
//! | `redaction` | one table of secrets decides in every output |
//! | `sockets` | HTTP as it is on the wire |
//! | `abuse` | what nobody sends by accident: malformed, endless, slow |
//! | `abuse_http2` | the same in frames of HTTP/2 |
//! | `limits` | what many clients together may take |
//! | `tls` | HTTPS as it is on the wire |
//! | `program` | the program: output, exit status, signals |
//! | `program_flags` | flags, variables and wrong ones |
//! | `program_log` | the log, which holds nothing up |
//! | `program_tls` | HTTPS, the authority, certificates of one's own |
//! | `program_tokens` | tokens, the directory, what is not logged |
//! | `suite` | the program as a test suite uses it: tenants, control, readiness, the end of its parent |
//! | `soak` | mixed load on one process, for as long as it is told |
//! | `language` | comments, messages and pages have none of the banned words |
//! | `pages` | pages name files that exist, and the index lists all pages |
//! | `readme` | the commands and examples of README.md |

mod abuse;
mod abuse_http2;
mod approval;
mod architecture;
mod concurrency;
mod connector;
mod decisions;
mod draft_page;
mod encryption;
mod exchanges;
mod faults;
mod fuzz;
mod handshake;
mod harness;
mod history;
mod identity;
mod language;
#[cfg(unix)]
mod limits;
mod machine;
mod pages;
mod pipeline;
mod planted;
mod program;
mod program_flags;
mod program_log;
mod program_tls;
mod program_tokens;
mod properties;
mod readers;
mod readme;
mod recorded;
mod recorded_commands;
#[cfg(unix)]
mod redaction;
#[cfg(unix)]
mod secrets;
mod soak;
mod sockets;
mod suite;
mod tls;
mod tokens;
