//! Flags and environment variables of the program: fixtures, behaviors, and messages on invalid ones.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use wfi_emulator::internals::policy::behavior::ROWS;

use crate::program::process::{COLLECTION, ENTITY, Folder, Outcome, PATIENCE, Program, Served, command, outcome, refused};

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

const GOOD: &str = r#"[{"id":"only","displayName":"From a file"}]"#;

const BROKEN: &str = r#"{"value":[{"id":"a"},{"id":"b","isActive":"yes"}]}"#;

/// Returns the message on a file that holds [`BROKEN`].
fn complaint(file: &str) -> String {
    format!("wfi-emulator: {file}: $.value[1].isActive: found a string, expected true or false\n")
}

#[test]
fn fixtures_come_from_a_file_or_from_a_folder() {
    let folder = Folder::new("fixtures");
    let file = folder.file("workforceIntegrations.1.json", GOOD);
    for path in [file.as_str(), folder.path()] {
        let served = Served::start(&["--fixtures", path]);
        let answer = served.exchange("GET", COLLECTION, "");
        assert!(answer.contains(r#""value":[{"id":"only","#) && answer.ends_with("}]}"), "{answer}");
    }
    // A folder's files are read in the order of their names; other files are ignored.
    folder.file("workforceIntegrations.2.json", r#"{"value":[{"id":"second"}]}"#);
    folder.file("notes.txt", "not JSON");
    let answer = Served::start(&["--fixtures", folder.path()]).exchange("GET", COLLECTION, "");
    assert!(answer.find(r#""id":"only""#).unwrap() < answer.find(r#""id":"second""#).unwrap(), "{answer}");
}

#[test]
fn broken_fixtures_end_the_program_before_it_listens() {
    let folder = Folder::new("broken");
    let file = folder.file("workforceIntegrations.json", BROKEN);
    // The port is taken, which the program would complain about if it came so far.
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    assert_eq!(outcome(&["--port", &port, "--fixtures", &file]), refused(&complaint(&file)));
    assert_eq!(outcome(&["--port", &port, "--fixtures", folder.path()]), refused(&complaint(&file)));
}

#[test]
fn missing_fixtures_end_the_program() {
    let folder = Folder::new("missing");
    let missing = folder.0.join("none.json");
    let missing = missing.to_str().unwrap();
    let started = outcome(&["--port", "0", "--fixtures", missing]);
    assert_eq!((started.status, started.stdout.as_str()), (Some(2), ""));
    assert!(started.stderr.starts_with(&format!("wfi-emulator: {missing}: ")), "{}", started.stderr);
    assert_eq!(outcome(&["check", missing]), started);
    let empty = format!("wfi-emulator: {}: no .json files in this folder\n", folder.path());
    assert_eq!(outcome(&["check", folder.path()]), refused(&empty));
}

#[test]
fn check_distinguishes_good_fixtures_from_broken_ones() {
    let folder = Folder::new("check");
    let good = folder.file("workforceIntegrations.good.json", GOOD);
    let checked = format!("{good}: 1 entity, no problems\n");
    assert_eq!(outcome(&["check", &good]), Outcome { status: Some(0), stdout: checked, stderr: String::new() });
    let shipped = repository().join("fixtures/workforceIntegrations.json");
    assert_eq!(outcome(&["check", shipped.to_str().unwrap()]).status, Some(0));
    let broken = folder.file("workforceIntegrations.json", BROKEN);
    assert_eq!(outcome(&["check", &broken]), refused(&complaint(&broken)));
    // Neither name nor context: the collection is not guessed.
    let unknown = folder.file("my-data.json", GOOD);
    let reason = "unknown collection: name the file after one of workforceIntegrations, deletedItems, teams, applications, directoryObjects, drives, groups, oauth2PermissionGrants, organization, servicePrincipals, subscriptions, users, \
                  or name the array: {\"workforceIntegrations\": […]}";
    assert_eq!(outcome(&["check", &unknown]), refused(&format!("wfi-emulator: {unknown}: {reason}\n")));
    assert_eq!(outcome(&["--port", "0", "--fixtures", &unknown]), refused(&format!("wfi-emulator: {unknown}: {reason}\n")));
    // Validity depends on the behaviors.
    let free = folder.file("workforceIntegrations.free.json", r#"[{"id":"a","supportedEntities":"anything"}]"#);
    assert_eq!(outcome(&["check", &free]).status, Some(2));
    assert_eq!(outcome(&["check", &free, "--behavior", "enum-values=accept"]).status, Some(0));
}

#[test]
fn an_unknown_choice_gets_a_hint() {
    let choices = [
        ["--behavior", "update-respons=entity"],
        ["--behavior", "secret=loud"],
        ["--behavior", "secret"],
        ["--profile", "real"],
        ["--clock", "noon"],
    ];
    let told = choices.map(|arguments| {
        let outcome = outcome(&arguments);
        assert_eq!((outcome.status, outcome.stdout.as_str()), (Some(2), ""), "{arguments:?}");
        outcome.stderr
    });
    insta::assert_snapshot!(told.concat(), @"
    wfi-emulator: unknown behavior 'update-respons'; did you mean 'update-response'? (`wfi-emulator behaviors` lists them)
    wfi-emulator: unknown value 'loud' of behavior 'secret' (known: null, echo)
    wfi-emulator: invalid --behavior 'secret': expected name=value, for example secret=echo
    wfi-emulator: unknown profile 'real' (known: documented, observed, reference-page)
    wfi-emulator: invalid --clock 'noon': expected a time since 1970, for example 2026-01-01T00:00:00Z
    ");
}

#[test]
fn behaviors_are_set_by_flags() {
    let served = Served::start(&["--behavior", "update-response=no-content", "--behavior", "id-format=guid"]);
    assert_eq!(served.status("PATCH", ENTITY, r#"{"displayName":"x"}"#), 204);
    let created = served.exchange("POST", COLLECTION, r#"{"displayName":"x"}"#);
    assert!(created.starts_with("HTTP/1.1 201 ") && !created.contains("WFI_"), "{created}");
    let served = Served::start(&["--profile", "observed"]);
    assert_eq!(served.status("PATCH", ENTITY, r#"{"displayName":"x"}"#), 204);
    let served = Served::start(&["--profile", "observed", "--behavior", "update-response=entity"]);
    assert_eq!(served.status("PATCH", ENTITY, r#"{"displayName":"x"}"#), 200);
}

#[test]
fn every_flag_of_the_server_can_be_a_variable() {
    let folder = Folder::new("variables");
    let file = folder.file("workforceIntegrations.1.json", GOOD);
    let variables = [
        ("WFI_EMULATOR_PORT", "0"),
        ("WFI_EMULATOR_FIXTURES", file.as_str()),
        ("WFI_EMULATOR_BEHAVIOR", "update-response=no-content,id-format=guid"),
        ("WFI_EMULATOR_CLOCK", "2026-01-01T00:00:00Z"),
    ];
    let served = Served::start_with(&[], &variables);
    assert_eq!(served.status("PATCH", &format!("{COLLECTION}/only"), r#"{"displayName":"x"}"#), 204);
    let created = served.exchange("POST", COLLECTION, r#"{"displayName":"x"}"#);
    assert!(created.starts_with("HTTP/1.1 201 ") && !created.contains("WFI_"), "{created}");
    assert!(created.contains("date: Thu, 01 Jan 2026 00:00:00 GMT\r\n"), "{created}");
}

#[test]
fn a_variable_turns_a_switch_on_and_off() {
    for (value, is_on) in [("1", true), ("true", true), ("YES", true), ("0", false), ("false", false), ("off", false)] {
        let served = Served::start_with(&[], &[("WFI_EMULATOR_EXPLAIN", value), ("WFI_EMULATOR_EXIT_WITH_PARENT", "0")]);
        let refused = served.exchange("GET", "/v1.0/xy", "");
        assert_eq!(refused.contains("x-wfi-emulator-explain"), is_on, "{value}: {refused}");
    }
    let served = Served::start_with(&["--ca-dir", "memory"], &[("WFI_EMULATOR_TLS", "1")]);
    assert!(served.url.starts_with("https://"), "{}", served.url);
    let outcome = Program::start(command(&["--port", "0"], &[("WFI_EMULATOR_TLS", "maybe")])).outcome();
    assert_eq!(outcome.status, Some(2), "a typo is reported: {}", outcome.stderr);
}

#[test]
fn flags_and_variables_of_worlds_are_still_known_by_their_older_names() {
    let limit = |arguments: &[&str], variables: &[(&str, &str)]| {
        let served = Served::start_with(&[&["--log", "off"], arguments].concat(), variables);
        let about = served.exchange("GET", "/_emulator", "");
        let (_, rest) = about.split_once("\"limit\": ").unwrap_or_else(|| panic!("{about}"));
        rest.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default().to_owned()
    };
    for flag in ["--world-limit", "--tenant-limit"] {
        assert_eq!(limit(&[flag, "7"], &[("WFI_EMULATOR_TENANT_LIMIT", "8")]), "7", "{flag}");
    }
    assert_eq!(limit(&[], &[("WFI_EMULATOR_WORLD_LIMIT", "9")]), "9");
    assert_eq!(limit(&[], &[("WFI_EMULATOR_TENANT_LIMIT", "8")]), "8");
    assert_eq!(limit(&[], &[("WFI_EMULATOR_WORLD_LIMIT", ""), ("WFI_EMULATOR_TENANT_LIMIT", "8")]), "8");
    assert_eq!(limit(&[], &[("WFI_EMULATOR_WORLD_LIMIT", "9"), ("WFI_EMULATOR_TENANT_LIMIT", "8")]), "9");
    Served::start(&["--world-by", "token", "--world-idle", "60"]);
    Served::start(&["--tenant-by", "token", "--tenant-idle", "60"]);
    let help = outcome(&["--help"]).stdout;
    assert!(help.contains("--world-limit") && !help.contains("--tenant-limit"), "older names are hidden");
}

#[test]
fn an_empty_variable_is_one_that_is_not_set() {
    let help = [&["--help"][..], &["decrypt", "--help"]].map(|arguments| outcome(arguments).stdout).concat();
    let names: Vec<&str> = help.split("[env: ").skip(1).filter_map(|rest| rest.split('=').next()).collect();
    assert!(names.contains(&"WFI_EMULATOR_TLS") && names.contains(&"WFI_EMULATOR_PARTS"), "{names:?}");
    let variables: Vec<(&str, &str)> =
        names.iter().filter(|name| **name != "WFI_EMULATOR_PORT").map(|name| (*name, "")).collect();
    let served = Served::start_with(&["--port", "0"], &variables);
    assert!(served.url.starts_with("http://127.0.0.1:"), "{}", served.url);
    // The same holds for the variables of a command.
    let decrypted = Program::start(command(&["decrypt"], &variables)).outcome();
    assert_eq!(decrypted, outcome(&["decrypt"]));
}

#[test]
fn each_command_ignores_each_of_its_empty_variables() {
    let commands = |help: &str| -> Vec<String> {
        let listed = help.split("Commands:\n").nth(1).unwrap_or_default().lines().take_while(|line| line.starts_with("  "));
        listed.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").map(str::to_owned).collect()
    };
    let mut pending: Vec<Vec<String>> = vec![Vec::new()];
    let mut checked = 0;
    while let Some(names) = pending.pop() {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let arguments = [&names[..], &["--help"]].concat();
        let wide = ("COLUMNS", "1000");
        let help = Program::start(command(&arguments, &[wide])).outcome().stdout;
        let below = commands(&help);
        pending.extend(below.into_iter().map(|name| names.iter().map(|name| (*name).to_owned()).chain([name]).collect()));
        let variables: Vec<(&str, &str)> =
            help.split("[env: ").skip(1).filter_map(|rest| Some((rest.split(['=', ']']).next()?, ""))).collect();
        // The help names no variable that is set to nothing.
        let without = Program::start(command(&arguments, &variables)).outcome().stdout;
        assert!(!without.contains("[env: ") && without.contains("Usage: "), "{names:?}: {without}");
        checked += variables.len();
    }
    assert!(checked > 80, "{checked}");
}

#[test]
fn a_flag_overrides_its_variable() {
    let variables = [
        ("WFI_EMULATOR_PORT", "no port"),
        ("WFI_EMULATOR_BEHAVIOR", "update-response=no-content,id-format=guid"),
        ("WFI_EMULATOR_FIXTURES", "/there/is/no/such/file"),
    ];
    let shipped = repository().join("fixtures/workforceIntegrations.json");
    let arguments = ["--port", "0", "--behavior", "update-response=entity", "--fixtures", shipped.to_str().unwrap()];
    let served = Served::start_with(&arguments, &variables);
    assert_eq!(served.status("PATCH", ENTITY, r#"{"displayName":"x"}"#), 200);
    // The variable is replaced as a whole, not flag by flag.
    assert!(served.exchange("POST", COLLECTION, "{}").contains("WFI_"));
}

#[test]
fn the_size_of_a_page_is_a_flag() {
    let served = Served::start(&["--page-size", "3"]);
    assert!(served.exchange("GET", COLLECTION, "").contains("\"@odata.nextLink\":"));
    let zero = outcome(&["--page-size", "0"]);
    assert_eq!((zero.status, zero.stdout.as_str()), (Some(2), ""));
}

#[test]
fn the_largest_page_is_a_flag_of_its_own() {
    let served = Served::start(&["--page-size", "1", "--page-limit", "2"]);
    for (query, size) in [("", 1), ("&$top=2", 2), ("&$top=3", 2)] {
        let answer = served.exchange("GET", &format!("{COLLECTION}?$select=id{query}"), "");
        assert_eq!(answer.matches("\"id\":").count(), size, "{query}: {answer}");
    }
}

#[test]
fn the_port_that_kubernetes_sets_for_a_service_is_not_one_of_the_program() {
    let served = Served::start_with(&["--port", "0"], &[("WFI_EMULATOR_PORT", "tcp://10.96.0.12:9340")]);
    assert_eq!(served.status("GET", ENTITY, ""), 200);
    let wrong = Program::start(command(&[], &[("WFI_EMULATOR_PORT", "many")])).outcome();
    assert_eq!(wrong.status, Some(2));
    assert!(wrong.stderr.contains("The value is that of the environment variable WFI_EMULATOR_PORT"), "{}", wrong.stderr);
    let flag = Program::start(command(&["--port", "many"], &[])).outcome();
    assert!(!flag.stderr.contains("variable"), "{}", flag.stderr);
}

/// Returns the next warning of the log.
fn warning(served: &Served) -> String {
    loop {
        let line = served.program.stderr.recv_timeout(PATIENCE).expect("a warning");
        if line.contains(" WARN ") {
            return line;
        }
    }
}

#[test]
fn a_misspelled_variable_is_named() {
    let served = Served::start_with(&[], &[("WFI_EMULATOR_PAGESIZE", "3")]);
    let line = warning(&served);
    assert!(line.contains("unknown variable WFI_EMULATOR_PAGESIZE (did you mean WFI_EMULATOR_PAGE_SIZE?)"), "{line}");
}

#[test]
fn a_seed_is_a_number_that_javascript_keeps() {
    let drawn = Served::start(&[]);
    let answer = drawn.exchange("GET", "/_emulator", "");
    let seed: u64 = answer
        .replace("\"seed\":", "\"seed\": ")
        .split("\"seed\": ")
        .nth(1)
        .unwrap()
        .split([',', '\n', '}'])
        .next()
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    assert!(seed < 1 << 53, "{seed}");
    let large = outcome(&["--seed", "9007199254740992"]);
    assert_eq!(large.status, Some(2));
    assert!(large.stderr.contains("above 9007199254740991, the largest number that JavaScript and jq keep"), "{}", large.stderr);
}

#[test]
fn localhost_has_both_families() {
    // Some machines have no IPv6.
    if TcpListener::bind("[::1]:0").is_err() {
        return;
    }
    for host in [&[][..], &["--host", "localhost"]] {
        let served = Served::start(host);
        let port = served.url.rsplit(':').next().unwrap().trim_end_matches('/').to_owned();
        for address in ["127.0.0.1", "[::1]"] {
            let mut stream = std::net::TcpStream::connect(format!("{address}:{port}")).unwrap();
            let request = format!("GET {ENTITY} HTTP/1.1\r\nHost: {address}:{port}\r\nConnection: close\r\n\r\n");
            stream.write_all(request.as_bytes()).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            assert!(answer.starts_with("HTTP/1.1 200"), "{address}: {answer}");
        }
    }
}

#[test]
fn a_limit_under_a_frozen_clock_is_named() {
    let served = Served::start(&["--faults", "published-limits", "--clock", "2026-01-01T00:00:00Z"]);
    let line = warning(&served);
    assert!(line.contains("frozen clock: the limit of fault rule 'published-limits: teams' never ends"), "{line}");
}

#[test]
fn behaviors_prints_every_row_of_the_table() {
    let outcome = outcome(&["behaviors"]);
    assert_eq!((outcome.status, outcome.stderr.as_str()), (Some(0), ""));
    let blocks: Vec<&str> = outcome.stdout.trim_end().split("\n\n").collect();
    let by_name: HashMap<&str, &str> = blocks.iter().filter_map(|block| Some((block.split_once(" = ")?.0, *block))).collect();
    assert_eq!((by_name.len(), blocks.len()), (ROWS.len(), ROWS.len()));
    for row in ROWS {
        let default = row.profiles[0];
        let block = by_name.get(row.name).unwrap_or_else(|| panic!("no row {}", row.name));
        assert!(block.starts_with(&format!("{} = {default}\n    {}\n", row.name, row.decides)), "{block}");
        for (value, meaning) in row.values {
            let marks = if *value == default { " [in force, default]" } else { "" };
            assert!(block.contains(&format!("\n    - {value}{marks}: {meaning}\n")), "{value} in {block}");
        }
        assert!(block.ends_with(&format!("\n    evidence: {}; {}", row.grade.name(), row.source)), "{block}");
    }
}

#[test]
fn behaviors_prints_the_values_in_force() {
    let outcome = outcome(&["behaviors", "--behavior", "secret=echo"]);
    assert!(outcome.stdout.contains("\nsecret = echo\n"), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("\n    - null [default]: ") && outcome.stdout.contains("\n    - echo [in force]: "));
}

#[test]
fn the_token_of_the_control_api_can_be_in_a_file() {
    let folder = Folder::new("token-file");
    let file = folder.file("token", "key\r\n");
    let status = |served: &Served, token: &str| {
        let mut stream = served.connect();
        let head = format!("Host: emulator\r\nConnection: close\r\nx-wfi-emulator-control-token: {token}");
        stream.write_all(format!("GET /_emulator HTTP/1.1\r\n{head}\r\n\r\n").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).unwrap().parse::<u16>().unwrap()
    };
    for served in [
        Served::start(&["--log", "off", "--control-token-file", &file]),
        Served::start_with(&["--log", "off"], &[("WFI_EMULATOR_CONTROL_TOKEN_FILE", &file)]),
        {
            let mut input = command(&["--port", "0", "--log", "off", "--control-token-file", "-"], &[]);
            input.stdin(std::fs::File::open(&file).unwrap());
            Served::of(input)
        },
    ] {
        assert_eq!((status(&served, "key"), status(&served, "other")), (200, 403));
        assert!(!served.exchange("GET", "/_emulator", "").contains("key\""), "the configuration leaves it out");
    }
    let missing = format!("{file}.missing");
    let long = folder.file("long", &"x".repeat(70_000));
    for (path, reason) in [
        (folder.file("empty", ""), "empty, expected a secret"),
        (folder.file("blank", "\n"), "empty, expected a secret"),
        (folder.file("two", "hidden\nhidden\n"), "more than one line, expected a secret"),
        (long, "too long for a secret, expected at most 65536 bytes"),
        ("/dev/zero".to_owned(), "too long for a secret, expected at most 65536 bytes"),
        (missing, "No such file or directory (os error 2)"),
    ] {
        let refusal = refused(&format!("wfi-emulator: {path}: {reason}\n"));
        assert_eq!(outcome(&["--port", "0", "--control-token-file", &path]), refusal);
    }
    std::fs::write(&file, b"\xff").unwrap();
    let refusal = refused(&format!("wfi-emulator: {file}: not UTF-8, expected a secret\n"));
    assert_eq!(outcome(&["--port", "0", "--control-token-file", &file]), refusal);
    let both = outcome(&["--port", "0", "--control-token-file", &file, "--control-token", "key"]);
    assert!(both.status == Some(2) && both.stderr.contains("cannot be used with"), "{both:?}");
    let input = outcome(&["--port", "0", "--control-token-file", "-", "--exit-with-parent"]);
    assert!(input.stderr.contains("--control-token-file - cannot be used with --exit-with-parent"), "{input:?}");
}

#[test]
fn the_secret_of_an_integration_can_be_in_a_file() {
    let folder = Folder::new("secret-file");
    let secret = "0123456789abcdef".repeat(4);
    let file = folder.file("secret", &format!("{secret}\n"));
    let message = folder.file("message", "hello");
    let with_input = |arguments: &[&str], input: &str| {
        let mut command = command(arguments, &[]);
        command.stdin(std::fs::File::open(input).unwrap());
        Program::start(command).outcome()
    };
    let encrypted = with_input(&["encrypt", "--form", "hex", "--secret-file", &file], &message);
    assert_eq!((encrypted.status, encrypted.stderr.as_str()), (Some(0), ""), "{encrypted:?}");
    let encrypted = folder.file("encrypted", &encrypted.stdout);
    let decrypted = with_input(&["decrypt", "--form", "hex", "--secret", &secret], &encrypted);
    assert_eq!((decrypted.status, decrypted.stdout.as_str()), (Some(0), "hello"), "{decrypted:?}");
    // A call reads nothing else from standard input. Its connector cannot be reached.
    let call = ["call", "connect", "--url", "http://127.0.0.1:1/", "--retries", "0", "--secret-file"];
    for (path, input) in [(file.as_str(), message.as_str()), ("-", &file)] {
        let called = with_input(&[&call[..], &[path]].concat(), input);
        assert_eq!(called.status, Some(1), "{called:?}");
        let checked = with_input(&["connector-check", "http://127.0.0.1:1/", "--secret-file", path], input);
        assert_eq!(checked.status, Some(1), "{checked:?}");
    }
    let short = folder.file("short", "hidden");
    for arguments in [&["encrypt", "--secret-file", &short][..], &[&call[..], &[&short]].concat()] {
        let refused = outcome(arguments);
        assert_eq!(refused.status, Some(2), "{refused:?}");
        assert!(
            refused.stderr.starts_with(&format!("wfi-emulator: {short}: ")) && !refused.stderr.contains("hidden"),
            "{refused:?}"
        );
    }
    let input = with_input(&["decrypt", "--secret-file", "-"], &file);
    assert_eq!(input, refused("wfi-emulator: --secret-file - cannot be used here: standard input has the message\n"));
    let both = outcome(&["encrypt", "--secret-file", &file, "--secret", &secret]);
    assert!(both.status == Some(2) && both.stderr.contains("cannot be used with"), "{both:?}");
    let neither = outcome(&["encrypt"]);
    assert!(neither.status == Some(2) && neither.stderr.contains("--secret <TEXT>"), "{neither:?}");
}

/// A text as `Out-File -Encoding unicode` of Windows PowerShell writes it.
fn utf16(text: &str) -> Vec<u8> {
    [&b"\xFF\xFE"[..], &text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>()].concat()
}

#[test]
fn files_of_windows_are_read_or_named() {
    let folder = Folder::new("utf16");
    let file = |name: &str, text: &str| {
        let path = folder.0.join(name);
        std::fs::write(&path, utf16(text)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let fixtures = file("workforceIntegrations.json", r#"[{"id":"WFI_1","displayName":"Bäckerei"}]"#);
    let checked = outcome(&["check", &fixtures]);
    assert_eq!((checked.status, checked.stderr.as_str()), (Some(0), ""));
    let faults = file("faults.json", r#"{"on":{"method":"DELETE"},"do":"throttled"}"#);
    let directory = file("directory.json", r#"{"tenantId":"contoso.com","users":[]}"#);
    let served = Served::start(&["--fixtures", &fixtures, "--faults", &faults, "--directory", &directory]);
    assert_eq!(served.status("GET", "/v1.0/teamwork/workforceIntegrations/WFI_1", ""), 200);
    assert_eq!(served.status("DELETE", "/v1.0/teamwork/workforceIntegrations/WFI_1", ""), 429);
    let stubs = file("stubs.hurl", "GET {{base}}/v1.0/x\n\nHTTP 200\n");
    let named = format!("wfi-emulator: {stubs}: line 1: UTF-16; save the file as UTF-8\n");
    assert_eq!(outcome(&["--port", "0", "--stubs", &stubs]), refused(&named));
    let broken = folder.0.join("broken.json");
    std::fs::write(&broken, [&utf16("[]")[..], b"x"].concat()).unwrap();
    let broken = broken.to_str().unwrap();
    let named = format!("wfi-emulator: {broken}: invalid UTF-16; save the file as UTF-8\n");
    assert_eq!(outcome(&["--port", "0", "--faults", broken]), refused(&named));
}
