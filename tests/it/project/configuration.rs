//! The help of the program, and the page that is made from it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use crate::program::process::{Program, command};

const PAGE: &str = "\
# Configuration
The tables and texts of this page are those of `wfi-emulator --help`.

An option of the server is also an environment variable, whose value the option on the command line replaces. An empty variable counts as unset.
`WFI_EMULATOR_BEHAVIOR`, `WFI_EMULATOR_FIXTURE`, `WFI_EMULATOR_SCHEMA`, and `WFI_EMULATOR_SAN` take several values, separated by commas. Switches take
`true` and `false`, `1` and `0`, `on` and `off`. A variable that begins with `WFI_EMULATOR_` and belongs to no option is named in the log. Durations are in
seconds, sizes in bytes.

## Configuration file
All options can also be in a file, with their names as keys. Without `--config FILE`, that is `wfi-emulator.toml` in the folder of `--fixtures`, else
beside that path, else in the current folder; `--config off` reads none. An option on the command line precedes a variable, and a variable precedes the file. The
greeting names each value that differs from the default, and where it comes from.

```toml
fixtures = \"data\"
port = 9341
faults = \"faults.json\"
san = [\"graph.test\"]

[behavior]
update-response = \"no-content\"

[fixture]
empty = \"empty.json\"
```

Switches are `true` or `false`. An option that can be repeated takes an array, and one with names, as `behavior`, also a table. A relative path
counts from the folder of the file. An unknown key is refused, with its line and the nearest name. Commands such as `health` and `journal` use the values of
the file for options that share a variable with the server.

`wfi-emulator json-schema config` prints the JSON Schema of the file, with which editors complete and check it: save it, and name it in a first
line, `#:schema ./wfi-emulator.schema.json`, or as the key `\"$schema\"`. [Fixtures](fixtures.md), [fault rules](faults.md), and the
[directory file](identity.md) have schemas too.

## Log
`--log-format` chooses the form of the log on standard error. On a terminal it is `short`: time of day in UTC, status, method, path, the rule that
decided, and the duration. Elsewhere it is `full`: time, level, and one text. `NO_COLOR` turns colors off. With `json`, each line is an object,
and the first one replaces the greeting:

| member | value |
|---|---|
| `time` | the time in UTC (RFC 3339) |
| `level` | `error`, `warn`, `info`, or `debug` |
| `message` | the text of the form `full` |
| `method`, `path`, `status`, `micros` | of a request: method, path with the query, status of the answer, and duration in microseconds |
| `rule`, `detail` | of a refused request: the name of the refusal, and a hint |
| `faults` | the fault rules that were applied |
| `stub` | the recorded exchange that was answered with |
| `request`, `response` | with `--log debug`: `headers` (an object; the values of a repeated header are joined) and `body` (a text, or null) |

`--log debug` shows the headers and bodies of requests and answers, with `REDACTED` in place of secrets. Bodies beyond 4,096 characters are cut;
binary ones and those beyond 64 KiB are measured only. A problem that prevents the start is plain text in every form.
";

/// Returns the help of a command for a terminal with so many columns.
fn help(arguments: &[&str], columns: &str) -> String {
    let outcome = Program::start(command(arguments, &[("COLUMNS", columns)])).outcome();
    assert_eq!((outcome.status, outcome.stderr.as_str()), (Some(0), ""), "{arguments:?}");
    // Clap ends some empty lines with blanks.
    outcome.stdout.lines().flat_map(|line| [line.trim_end(), "\n"]).collect()
}

/// An option of the server.
struct Flag {
    usage: String,
    text: Vec<String>,
}

/// Returns the options of the server by their group, in the order of the help.
fn groups(help: &str) -> Vec<(String, Vec<Flag>)> {
    let mut groups: Vec<(String, Vec<Flag>)> = Vec::new();
    for line in help.lines() {
        if let Some(title) = line.strip_suffix(':').filter(|title| !title.starts_with(' ')) {
            groups.push((title.to_owned(), Vec::new()));
        } else if let (Some(usage), Some((_, flags))) = (line.strip_prefix("      --"), groups.last_mut()) {
            flags.push(Flag { usage: format!("--{usage}"), text: Vec::new() });
        } else if let (Some(text), Some((_, flags))) = (line.strip_prefix("          "), groups.last_mut())
            && let Some(flag) = flags.last_mut()
        {
            flag.text.push(text.trim().to_owned());
        }
    }
    groups.retain(|(title, _)| title != "Commands" && title != "Options");
    groups
}

fn table(flags: &[Flag]) -> String {
    let mut out = "| option | meaning | default |\n|---|---|---|\n".to_owned();
    for flag in flags {
        let notes: BTreeMap<&str, &str> =
            flag.text.iter().filter_map(|line| line.strip_prefix('[')?.strip_suffix(']')?.split_once(": ")).collect();
        let words: Vec<&str> = flag.text.iter().filter(|line| !line.starts_with('[')).map(String::as_str).collect();
        let meaning = words.join(" ").trim().replace('|', "\\|");
        let values =
            notes.get("possible values").map_or_else(String::new, |values| format!(": `{}`", values.replace(", ", "`, `")));
        let default = notes.get("default").map_or_else(String::new, |default| format!("`{default}`"));
        writeln!(out, "| `{}` | {meaning}{values} | {default} |", flag.usage).unwrap();
    }
    out
}

/// Returns the names of the commands that a help lists.
fn commands(help: &str) -> Vec<String> {
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names = listed.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    names.filter(|name| !name.is_empty() && *name != "help").map(str::to_owned).collect()
}

#[test]
fn the_page_has_every_command_and_option() {
    let server = help(&["--help"], "1000");
    let mut page = PAGE.to_owned();
    page.push_str("\n## Server\n`wfi-emulator`, or `wfi-emulator serve`:\n");
    for (title, flags) in groups(&server) {
        assert!(!flags.is_empty(), "{title}");
        write!(page, "\n### {title}\n{}", table(&flags)).unwrap();
    }
    page.push_str("\n## Commands\n");
    for name in commands(&server).iter().filter(|name| *name != "serve") {
        write!(page, "\n### {name}\n```text\n{}```\n", help(&[name, "-h"], "120")).unwrap();
        for inner in commands(&help(&[name, "-h"], "120")) {
            write!(page, "\n```text\n{}```\n", help(&[name, &inner, "-h"], "120")).unwrap();
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md");
    if std::env::var_os("WFI_EMULATOR_WRITE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    for (one, other) in page.lines().zip(written.lines()) {
        assert_eq!(one, other, "docs/configuration.md differs; WFI_EMULATOR_WRITE_DOCS=1 cargo test rewrites it");
    }
    assert!(page == written, "docs/configuration.md differs; WFI_EMULATOR_WRITE_DOCS=1 cargo test rewrites it");
}

#[test]
fn the_help_fits_80_columns() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots/program"));
    settings.set_prepend_module_to_snapshot(false);
    settings.bind(|| insta::assert_snapshot!("help", help(&["-h"], "80")));
    let server = help(&["--help"], "80");
    for name in commands(&server) {
        for line in help(&[&name, "--help"], "80").lines() {
            // A word that is longer stays whole.
            let is_one_word = line.trim().split(' ').count() < 3;
            assert!(line.chars().count() <= 80 || is_one_word, "{name}: {line}");
        }
    }
}
