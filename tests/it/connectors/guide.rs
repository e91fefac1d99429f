//! The steps of "Bind a schedule" in `docs/connectors.md`, as printed there: against the example connector and a server on loopback.
//!
//! The shell of the page is read here, so that the test needs neither a shell nor curl: assignments, variables outside of single quotes,
//! and one pipeline, which takes an id out of an answer.

use std::collections::BTreeMap;

use serde_json::Value;
use wfi_emulator::internals::policy::behavior::Behaviors;

use crate::connectors::example::Connector;
use crate::edge::http::{Server, exchange, exchange_with};
use crate::support::harness;

/// The pipeline that takes the id of an integration out of an answer.
const ID_OF_ANSWER: &str = " | grep -o 'WFI_[0-9a-f-]*' | head -1)";

/// A statement with the comment before it.
struct Statement {
    comment: String,
    text: String,
}

/// Returns the statements of a script. A line end within quotes does not end one.
fn statements(script: &str) -> Vec<Statement> {
    let (mut found, mut comment, mut text) = (Vec::new(), String::new(), String::new());
    for line in script.lines() {
        if text.is_empty() && line.starts_with('#') {
            line.clone_into(&mut comment);
            continue;
        }
        text.push_str(line);
        let is_open = text.matches('\'').count() % 2 == 1;
        if is_open || text.is_empty() {
            continue;
        }
        found.push(Statement { comment: comment.clone(), text: std::mem::take(&mut text) });
    }
    assert!(text.is_empty(), "open quotes: {text}");
    found
}

/// Splits a command into its words, with the values of variables.
fn words(command: &str, variables: &BTreeMap<String, String>) -> Vec<String> {
    let mut words = vec![String::new()];
    let (mut quote, mut rest) = (None, command.chars().peekable());
    while let Some(character) = rest.next() {
        let last = words.len() - 1;
        match (quote, character) {
            (None, '\'' | '"') => quote = Some(character),
            (Some(open), _) if open == character => quote = None,
            (None, ' ') => words.push(String::new()),
            (None | Some('"'), '$') => {
                let mut name = String::new();
                while let Some(letter) = rest.next_if(char::is_ascii_alphanumeric) {
                    name.push(letter);
                }
                words[last].push_str(variables.get(&name).unwrap_or_else(|| panic!("unknown variable {name}: {command}")));
            }
            _ => words[last].push(character),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Makes the request of a curl command.
fn curl(server: &Server, words: &[String]) -> (u16, Value) {
    assert_eq!(words[0], "curl");
    let (mut method, mut target, mut headers, mut body) = ("GET", "", String::new(), Value::Null);
    let mut words = words[1..].iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "-s" => {}
            "-X" => method = words.next().unwrap(),
            "-H" => match words.next().unwrap().as_str() {
                // That of every request of the test.
                "Content-Type: application/json" => {}
                header => headers.push_str(&format!("\r\n{header}")),
            },
            "-d" => {
                body = serde_json::from_str(words.next().unwrap()).unwrap();
                method = if method == "GET" { "POST" } else { method };
            }
            url => target = url.strip_prefix("http://127.0.0.1:9340").unwrap_or_else(|| panic!("another server: {url}")),
        }
    }
    exchange_with(server.address, &headers, method, target, &body)
}

#[test]
fn the_steps_that_bind_a_schedule_work_as_printed() {
    let guide = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/connectors.md")).unwrap();
    let (_, section) = guide.split_once("\n## Bind a schedule\n").unwrap();
    let (_, script) = section.split_once("\n```sh\n").unwrap();
    let (script, _) = script.split_once("\n```\n").unwrap();
    let connector = Connector::start();
    let server = Server::of(harness::settings(Behaviors::default()));
    // The port in the page may be in use.
    let script = script.replace("http://127.0.0.1:8080/", &connector.url());
    let mut variables = BTreeMap::new();
    let mut steps = Vec::new();
    for Statement { comment, text } in statements(&script) {
        let name =
            text.split_once('=').map(|(name, _)| name).filter(|name| name.chars().all(|letter| letter.is_ascii_alphabetic()));
        let value = name.map(|name| &text[name.len() + 1..]);
        let (status, answer) = match value {
            Some(value) if !value.starts_with("$(") => {
                variables.insert(name.unwrap().to_owned(), words(value, &variables).concat());
                continue;
            }
            Some(value) => {
                let command = value.strip_prefix("$(").unwrap().strip_suffix(ID_OF_ANSWER).unwrap();
                let (status, answer) = curl(&server, &words(command, &variables));
                variables.insert(name.unwrap().to_owned(), answer["id"].as_str().unwrap_or_default().to_owned());
                (status, answer)
            }
            None => curl(&server, &words(&text, &variables)),
        };
        let message = answer["error"]["message"].as_str().unwrap_or_default().to_owned();
        assert_eq!(
            message.contains("A shift has at most ten hours."),
            comment.contains("refused"),
            "{comment}: {status} {message}"
        );
        steps.push((comment.split('.').next().unwrap_or_default().to_owned(), status));
    }
    let step = |number: &str, status: u16| (format!("# {number}"), status);
    assert_eq!(steps, [step("1", 201), step("2", 200), step("3", 400), step("4", 201)]);
    let (_, journal) = exchange(server.address, "GET", "/_emulator/worlds/default/journal", &Value::Null);
    let calls = journal["entries"].as_array().unwrap().iter();
    let calls = calls.filter(|entry| entry["target"].as_str().unwrap().ends_with("/update"));
    assert_eq!(calls.count(), 2, "the connector was asked about both shifts");
}
