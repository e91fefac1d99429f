//! The configuration file: where it is found, what it has a say in, and its mistakes.

use crate::program::process::{COLLECTION, Folder, Outcome, Program, Served, command, refused};

/// Runs the program in a folder to its end.
fn run(folder: &Folder, arguments: &[&str], variables: &[(&str, &str)]) -> Outcome {
    let mut command = command(arguments, variables);
    command.current_dir(&folder.0);
    Program::start(command).outcome()
}

/// Starts the program in a folder.
fn serve(folder: &Folder, arguments: &[&str], variables: &[(&str, &str)]) -> Served {
    let mut command = command(arguments, variables);
    command.current_dir(&folder.0);
    Served::of(command)
}

const FIXTURES: &str = r#"{"workforceIntegrations":[{"id":"A"}]}"#;

#[cfg(unix)]
#[test]
fn a_flag_precedes_a_variable_and_a_variable_the_file() {
    let folder = Folder::new("config-order");
    folder.file(
        "wfi-emulator.toml",
        "port = 0\nseed = 1\nexplain = true\npage-size = 7\n[behavior]\nupdate-response = \"no-content\"\n",
    );
    let served = serve(&folder, &["--seed", "3"], &[("WFI_EMULATOR_PAGE_SIZE", "8"), ("WFI_EMULATOR_SEED", "2")]);
    let answer = served.exchange("GET", COLLECTION, "");
    assert!(answer.contains("x-wfi-emulator-explain: "), "{answer}");
    let stderr = served.stop().stderr;
    let options: Vec<&str> =
        stderr.lines().skip_while(|line| !line.starts_with("options: ")).take_while(|line| !line.starts_with("seed: ")).collect();
    insta::assert_snapshot!(options.join("\n"), @"
    options: --port 0 (wfi-emulator.toml:1),
      --page-size 8 (WFI_EMULATOR_PAGE_SIZE),
      --behavior update-response=no-content (wfi-emulator.toml:5),
      --explain (wfi-emulator.toml:3), --seed 3
    ");
    let without = serve(&folder, &["--port", "0", "--config", "off"], &[]);
    assert!(!without.exchange("GET", COLLECTION, "").contains("x-wfi-emulator-explain"));
}

#[test]
fn the_file_beside_the_fixtures_comes_before_that_of_the_current_folder() {
    let folder = Folder::new("config-beside");
    std::fs::create_dir(folder.0.join("data")).unwrap();
    std::fs::create_dir(folder.0.join("data/sets")).unwrap();
    folder.file("wfi-emulator.toml", "port = \"wrong\"\n");
    folder.file("data/sets/teams.json", "[]");
    folder.file("data/other.json", FIXTURES);
    // Relative paths count from the folder of the file.
    folder.file("data/wfi-emulator.toml", "port = 0\nfixture = { other = \"other.json\" }\n");
    let served = serve(&folder, &["--fixtures", "data/sets"], &[]);
    assert_eq!(served.status("PUT", "/_emulator/worlds/a", r#"{"fixture":"other"}"#), 201);
    assert_eq!(served.status("GET", "/_world/a/v1.0/teamwork/workforceIntegrations/A", ""), 200);
    // One among the fixtures is nearer.
    folder.file("data/sets/wfi-emulator.toml", "port = 0\nfixture = { nearer = \"../other.json\" }\n");
    let served = serve(&folder, &["--fixtures", "data/sets"], &[]);
    assert_eq!(served.status("PUT", "/_emulator/worlds/a", r#"{"fixture":"other"}"#), 404);
    assert_eq!(served.status("PUT", "/_emulator/worlds/a", r#"{"fixture":"nearer"}"#), 201);
    // A named one comes before both, and its fixtures are beside it.
    folder.file("named.toml", "port = 0\nfixtures = \"data/other.json\"\n");
    let served = serve(&folder, &[], &[("WFI_EMULATOR_CONFIG", "named.toml")]);
    assert_eq!(served.status("GET", "/v1.0/teamwork/workforceIntegrations/A", ""), 200);
}

#[test]
fn mistakes_are_reported_with_file_and_line() {
    let folder = Folder::new("config-mistakes");
    let outcome = |text: &str, arguments: &[&str]| {
        folder.file("wfi-emulator.toml", text);
        run(&folder, arguments, &[])
    };
    let unknown = "wfi-emulator: wfi-emulator.toml:2: unknown option 'prot' (did you mean 'port'?)\n";
    assert_eq!(outcome("seed = 1\nprot = 1\n", &[]), refused(unknown));
    assert_eq!(outcome("config = \"a\"\n", &["health"]), refused("wfi-emulator: wfi-emulator.toml:1: unknown option 'config'\n"));
    for (text, arguments, words, note) in [
        (
            "port = 70000\n",
            &[][..],
            "invalid value '70000' for '--port <PORT>'",
            "The value of --port is that of wfi-emulator.toml:1\n",
        ),
        ("\nsan = \"a.test\"\n", &[], "--tls", "The value of --san is that of wfi-emulator.toml:2\n"),
        ("state = \"s.json\"\n", &["--watch"], "cannot be used with", "The value of --state is that of wfi-emulator.toml:1\n"),
    ] {
        let problem = outcome(text, arguments);
        assert_eq!((problem.status, problem.stdout.as_str()), (Some(2), ""), "{text}");
        assert!(problem.stderr.contains(words) && problem.stderr.ends_with(note), "{}", problem.stderr);
    }
    let missing = run(&folder, &["--config", "none.toml"], &[]);
    assert!(missing.stderr.starts_with("wfi-emulator: none.toml: ") && missing.status == Some(2), "{missing:?}");
    // Commands that only print do not read it.
    assert_eq!(outcome("prot = 1\n", &["completions", "bash"]).status, Some(0));
}

#[test]
fn commands_find_the_emulator_of_the_file() {
    let folder = Folder::new("config-commands");
    let served = Served::start(&["--control-token", "hush-hush"]);
    let (_, port) = served.address().rsplit_once(':').unwrap();
    folder.file("wfi-emulator.toml", &format!("port = {port}\ncontrol-token = \"hush-hush\"\n"));
    assert_eq!(run(&folder, &["health"], &[]).status, Some(0));
    assert!(run(&folder, &["worlds"], &[]).stdout.starts_with("default: "));
    let help = run(&folder, &["worlds", "--help"], &[]).stdout;
    assert!(help.contains(&format!("[default: {port}]")) && !help.contains("hush"), "{help}");
    // A variable comes first.
    assert_eq!(run(&folder, &["health"], &[("WFI_EMULATOR_PORT", "1")]).status, Some(1));
}

#[cfg(unix)]
#[test]
fn a_mistake_in_the_file_withdraws_an_earlier_announcement() {
    let folder = Folder::new("config-ready");
    folder.file("wfi-emulator.toml", "port = 70000\nready-file = \"ready\"\n");
    folder.file("ready", "http://127.0.0.1:1\n");
    assert_eq!(run(&folder, &[], &[]).status, Some(2));
    assert!(!folder.0.join("ready").exists());
}
