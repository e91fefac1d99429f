//! What Shifts says to the connector behind an integration's `url`, and what it makes of the answers.
//!
//! Nothing here does I/O: bodies are made and taken apart, and answers are judged.

pub mod envelope;
