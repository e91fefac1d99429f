//! README and docs are run: the curl commands of a page against a new world, its commands of the program in a folder with its files.
//!
//! In printed output, `…` matches any text.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::rc::Rc;

use http::Method;
use wfi_emulator::internals::edge::control::{self, Peer};
use wfi_emulator::internals::edge::service::{Progress, Service};
use wfi_emulator::internals::graph;
use wfi_emulator::internals::policy::behavior::Behaviors;
use wfi_emulator::internals::text::exchange::{RecordedRequest, RecordedResponse};
use wfi_emulator::internals::world::fixture::directory::Directory;

use crate::connectors::example::Connector;
use crate::support::harness;

/// Pages that are made from data, or whose commands are for the project's own scripts.
const OTHER_PAGES: [&str; 5] =
    ["docs/architecture.md", "docs/behaviors.md", "docs/configuration.md", "docs/hostile-input.md", "docs/performance.md"];

fn page(name: &str) -> String {
    std::fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

fn readme() -> String {
    page("README.md")
}

/// The pages whose commands are run: the README and those in `docs/`.
fn pages() -> Vec<String> {
    let entries = std::fs::read_dir(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs")).unwrap();
    let names = entries.map(|entry| format!("docs/{}", entry.unwrap().file_name().into_string().unwrap()));
    let is_page = |name: &String| Path::new(name).extension().is_some_and(|extension| extension == "md");
    let mut found: Vec<String> = names.filter(|name| is_page(name) && !OTHER_PAGES.contains(&name.as_str())).collect();
    found.push("README.md".to_owned());
    found.sort();
    found
}

/// The commands of all console blocks of a page, each with its output.
fn commands_of(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for block in text.split("```console\n").skip(1) {
        let block = block.split("```").next().unwrap_or_default();
        for entry in format!("\n{block}").split("\n$ ").skip(1) {
            let (command, output) = entry.split_once('\n').unwrap_or((entry, ""));
            found.push((command.to_owned(), output.trim_end().to_owned()));
        }
    }
    found
}

/// Whether a text matches a pattern, in which `…` matches any text.
fn matches(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('…');
    let Some(mut rest) = text.strip_prefix(pieces.next().unwrap_or_default()) else { return false };
    let pieces: Vec<&str> = pieces.collect();
    for (index, piece) in pieces.iter().enumerate() {
        if index + 1 == pieces.len() {
            return rest.ends_with(piece);
        }
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    rest.is_empty()
}

/// Splits a command into words at blanks outside single quotes.
fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for (index, part) in command.split('\'').enumerate() {
        let last = words.len() - 1;
        if index % 2 == 1 {
            words[last].push_str(part);
            continue;
        }
        let mut pieces = part.split(' ');
        words[last].push_str(pieces.next().unwrap_or_default());
        words.extend(pieces.map(str::to_owned));
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Returns the request of a curl command, and whether it prints status and headers.
fn request_of(command: &str) -> (RecordedRequest, bool) {
    let mut request =
        RecordedRequest { method: Method::GET, target: String::new(), headers: Vec::new(), body: bytes::Bytes::new() };
    let mut shows_head = false;
    let mut words = words(command).into_iter().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "-s" => {}
            "-i" => shows_head = true,
            "-X" => request.method = words.next().unwrap().parse().unwrap(),
            "-d" => request.body = words.next().unwrap().into(),
            "-H" => {
                let header = words.next().unwrap();
                let (name, value) = header.split_once(": ").unwrap();
                request.headers.push((name.to_owned(), value.to_owned()));
            }
            url => {
                let target = url.strip_prefix("http://127.0.0.1:9340").unwrap_or_else(|| panic!("{command}: {url}"));
                target.clone_into(&mut request.target);
            }
        }
    }
    request.headers.push(("Host".to_owned(), "127.0.0.1:9340".to_owned()));
    (request, shows_head)
}

/// Answers a request as the server would, in the world that it names.
fn answer(service: &Service, request: &RecordedRequest) -> RecordedResponse {
    let headers = request.headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
    let path = request.target.split('?').next().unwrap();
    if !control::is_control(path) {
        return harness::send(&service.worlds.choose(path, &headers, || None).unwrap(), request);
    }
    let (method, target) = (request.method.clone(), request.target.parse().unwrap());
    let request = graph::request::Request {
        method,
        target,
        is_secure: false,
        via: graph::request::Via::Direct,
        arrival: wfi_emulator::internals::world::journal::Arrival::default(),
        headers,
        body: graph::request::Body::Whole(request.body.clone()),
    };
    let Progress::Answered(answer) = service.begin(&request, Peer::Process) else { panic!("no call is made") };
    let response = answer.response;
    RecordedResponse { status: response.status(), headers: Vec::new(), body: response.into_body() }
}

#[test]
fn curl_commands_print_the_output_in_the_pages() {
    let mut count = 0;
    let commands = pages().into_iter().flat_map(|name| {
        // The commands of a page build on each other.
        let service = Rc::new(Service::of(harness::settings(Behaviors::default())));
        commands_of(&page(&name)).into_iter().map(move |(command, expected)| (service.clone(), command, expected))
    });
    for (service, command, expected) in commands.filter(|(_, command, _)| command.starts_with("curl ")) {
        let (request, shows_head) = request_of(&command);
        let response = answer(&service, &request);
        let mut printed = String::new();
        if shows_head {
            printed.push_str(&format!("HTTP/1.1 {}\n", response.status));
            for (name, value) in &response.headers {
                printed.push_str(&format!("{name}: {value}\n"));
            }
            printed.push('\n');
        }
        printed.push_str(std::str::from_utf8(&response.body).unwrap());
        assert!(matches(&expected, printed.trim_end()), "{command}\nexpected {expected}\nprinted  {printed}");
        count += 1;
    }
    assert!(count >= 10, "{count} curl commands");
}

#[test]
fn commands_of_the_program_print_the_output_in_the_pages() {
    let folder = std::env::temp_dir().join(format!("wfi-emulator-readme-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let mut count = 0;
    let connector = Connector::start();
    // The port in the pages may be in use.
    let address = connector.address.to_string();
    for (command, expected) in pages().iter().flat_map(|name| commands_of(&page(name))) {
        let (command, expected) = (command.replace("127.0.0.1:8080", &address), expected.replace("127.0.0.1:8080", &address));
        let mut words = words(&command).into_iter();
        match words.next().as_deref() {
            Some("cat") => std::fs::write(folder.join(words.next().unwrap()), expected).unwrap(),
            Some("wfi-emulator") => {
                let mut program = Command::new(env!("CARGO_BIN_EXE_wfi-emulator"));
                for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("WFI_EMULATOR_")) {
                    program.env_remove(name);
                }
                let output = program.args(words).current_dir(&folder).output().unwrap();
                let printed = [output.stdout, output.stderr].concat();
                let printed = String::from_utf8(printed).unwrap();
                assert!(matches(&expected, printed.trim_end()), "{command}\nexpected {expected}\nprinted  {printed}");
                count += 1;
            }
            #[cfg(unix)]
            Some("echo") => {
                let program = PathBuf::from(env!("CARGO_BIN_EXE_wfi-emulator"));
                let folders = std::env::var_os("PATH").unwrap_or_default();
                let folders = program.parent().map(PathBuf::from).into_iter().chain(std::env::split_paths(&folders));
                let path = std::env::join_paths(folders).unwrap();
                let output = Command::new("sh").args(["-c", &command]).env("PATH", path).output().unwrap();
                let printed = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
                assert!(matches(&expected, printed.trim_end()), "{command}\nexpected {expected}\nprinted  {printed}");
            }
            _ => {}
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(count >= 3, "{count} commands of the program");
}

#[test]
fn the_guide_to_connectors_shows_the_code_that_ci_runs() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let code: String = files(&folder.join("examples/connectors/python"))
        .into_iter()
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect();
    let guide = page("docs/connectors.md");
    let blocks: Vec<&str> =
        guide.split("\n```python\n").skip(1).map(|block| block.split("\n```").next().unwrap_or_default()).collect();
    assert!(blocks.len() >= 6, "{} blocks", blocks.len());
    for paragraph in blocks.iter().flat_map(|block| block.split("\n\n")) {
        assert!(code.contains(paragraph), "not in examples/connectors/python:\n{paragraph}");
    }
    let ci = std::fs::read_to_string(folder.join(".ci/run")).unwrap();
    assert!(ci.contains("\nexamples/connectors/check\n"), "CI runs the connectors");
}

#[test]
fn the_readme_has_the_two_commands_for_development() {
    let commands = commands_of(&readme());
    assert!(commands.iter().any(|(command, output)| command == "cargo run" && output == "http://127.0.0.1:9340"));
    assert!(readme().contains("`cargo test`"));
    let help = Command::new(env!("CARGO_BIN_EXE_wfi-emulator")).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    assert!(help.contains("default: localhost") && help.contains("default: 9340"), "the address is that of the defaults");
    let ci = std::fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(".ci/run")).unwrap();
    assert!(ci.contains("\ncargo test\n"), "CI runs the README's test command");
}

#[test]
fn the_directory_in_short_is_valid() {
    let text = page("docs/identity.md");
    let example = text.split("```json\n").skip(1).find(|block| block.starts_with("{\"tenantId\"")).unwrap();
    let directory = Directory::read(example.split("```").next().unwrap().as_bytes()).unwrap();
    assert_eq!((directory.applications.unwrap().len(), directory.users.unwrap().len()), (1, 1));
}

/// Flags of cargo, curl, npm, and Hurl, and dashes.
const FOREIGN_FLAGS: [&str; 7] = ["--save-dev", "--", "---", "--example", "--cacert", "--no-assert", "--variable"];

#[test]
fn every_flag_in_the_pages_exists() {
    let help_of = |command: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_wfi-emulator")).args(command).arg("--help").output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let commands: [&[&str]; 22] = [
        &[],
        &["run"],
        &["behaviors"],
        &["journal"],
        &["report"],
        &["worlds"],
        &["reset"],
        &["faults"],
        &["state"],
        &["clock"],
        &["ca"],
        &["check"],
        &["compare"],
        &["convert"],
        &["record"],
        &["token"],
        &["call", "connect"],
        &["call", "update"],
        &["call", "read"],
        &["connector-check"],
        &["act"],
        &["decrypt"],
    ];
    let help: String = commands.into_iter().map(help_of).collect();
    for name in pages() {
        let page = page(&name);
        let flags = page.split(|c: char| c.is_whitespace() || "`\")=".contains(c)).filter(|word| word.starts_with("--"));
        for flag in flags.filter(|flag| !FOREIGN_FLAGS.contains(flag)) {
            assert!(help.contains(flag), "{flag} is in {name} but not in --help");
        }
    }
    let names = |name: &&str| name.starts_with("WFI_EMULATOR_") && *name != "WFI_EMULATOR_WRITE_DOCS";
    for name in ["README.md", "docs/testing.md"] {
        for variable in page(name).split(|c: char| !(c.is_ascii_uppercase() || c == '_')).filter(names) {
            assert!(help.contains(variable), "{variable} is in {name} but not in --help");
        }
    }
}

#[test]
fn the_readme_is_short() {
    let lines = readme().lines().count();
    assert!(lines <= 150, "README.md has {lines} lines; details belong in docs/");
}

/// The files below a folder, without build output.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Returns a text without the blanks with which each of its lines begins.
fn dedented(text: &str) -> String {
    let text = text.trim_matches('\n');
    let blanks = text.lines().filter(|line| !line.trim().is_empty()).map(|line| line.len() - line.trim_start_matches(' ').len());
    let blanks = blanks.min().unwrap_or_default();
    let lines: Vec<&str> = text.lines().map(|line| line.get(blanks..).unwrap_or_default()).collect();
    lines.join("\n").trim_end().to_owned()
}

#[test]
fn snippets_of_the_report_are_code_that_suites_run() {
    let sources = [
        ("python", "examples/pytest/test_app.py"),
        ("js", "packages/npm/tests/package.test.mjs"),
        ("csharp", "packages/nuget/tests/HelperTest.cs"),
        ("java", "examples/spawn/java/src/test/java/IntegrationsTest.java"),
        ("go", "examples/spawn/go/integrations_test.go"),
        ("rust", "examples/reqwest.rs"),
    ];
    let shown = page("docs/report.md");
    for (language, path) in sources {
        let text = page(path);
        let (_, behind) = text.split_once(" docs/report.md: begin\n").unwrap_or_else(|| panic!("{path}: no snippet"));
        let (snippet, _) = behind.split_once(" docs/report.md: end\n").unwrap_or_else(|| panic!("{path}: no end"));
        let snippet = dedented(snippet.trim_end().trim_end_matches(['/', '#']));
        assert!(
            shown.contains(&format!("\n```{language}\n{snippet}\n```\n")),
            "docs/report.md does not have the snippet of {path}:\n{snippet}"
        );
    }
    let workflow = page("examples/report/workflow.yml");
    let (_, behind) = shown.split_once("\n```yaml\n").unwrap();
    let (steps, _) = behind.split_once("\n```\n").unwrap();
    assert!(workflow.contains(steps), "examples/report/workflow.yml does not have the steps of docs/report.md");
}

#[test]
fn snippets_for_clients_are_code_that_the_suites_run() {
    let clients = page("docs/clients.md");
    let has = |page: &str, snippet: &str| {
        page.split("\n```").any(|block| block.split_once('\n').is_some_and(|(_, code)| code == snippet))
    };
    let mut snippets = Vec::new();
    for path in files(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/sdk")) {
        // Some files are binary.
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let Some((_, behind)) = text.split_once(" docs/clients.md: begin\n") else { continue };
        let (snippet, _) = behind.split_once(" docs/clients.md: end\n").unwrap_or_else(|| panic!("{}: no end", path.display()));
        // The beginning of the comment that ends the snippet.
        let snippet = snippet.trim_end_matches(['/', '#']).trim().to_owned();
        assert!(has(&clients, &snippet), "docs/clients.md does not have the snippet of {}", path.display());
        snippets.push(snippet);
    }
    let shown = ["python", "js", "ts", "java", "go"].map(|language| clients.matches(&format!("\n```{language}\n")).count());
    assert_eq!((snippets.len(), shown), (5, [1; 5]), "snippets in tests/sdk, and in docs/clients.md by language");
    let readme = readme();
    assert_eq!(readme.matches("\n```python\n").count(), 1, "README.md has one snippet");
    assert!(snippets.iter().any(|snippet| has(&readme, snippet)), "README.md has a snippet that no suite runs");
}
