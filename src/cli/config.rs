//! The configuration file: options of the server by their names, in TOML.
//!
//! Its values count where neither the command line nor a variable has one. They are read as if they stood on the command line, so that
//! they are checked alike, and messages are the same.

use std::ffi::{OsStr, OsString};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, Command};
use memchr::memchr_iter;
use serde_json::{Map, Value, json};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::schema::SchemaChoice;
use crate::policy::behavior::{Profile, ROWS};
use crate::text::json_schema::{SCHEMA_MEMBER, document, object};
use crate::text::nearest::nearest;
use crate::world::fault::FaultRule;
use crate::world::regular_file;

/// The name of the file, where it is not chosen.
pub(super) const FILE_NAME: &str = "wfi-emulator.toml";

/// The value of --config that names no file.
const NONE: &str = "off";

/// The options that cannot be in the file: they are about it, or about the program alone.
const NOT_IN_FILE: [&str; 3] = ["config", "help", "version"];

/// A configuration file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Config {
    path: PathBuf,
    options: Vec<ConfigOption>,
}

/// An option of the file.
#[derive(Debug, PartialEq, Eq)]
struct ConfigOption {
    /// The name of the flag.
    name: String,
    /// The values as texts; none of a switch that is off.
    values: Vec<String>,
    is_switch: bool,
    line: usize,
}

/// The kind of value that an option has.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Switch,
    /// `on` or `off`, or a boolean.
    OnOff,
    Choice(Vec<String>),
    WholeNumber,
    Number,
    Text,
    Time,
    Path,
    /// One value, or an array.
    List,
    /// One value with its name, an array, or a table.
    Pairs,
}

impl Kind {
    fn of(argument: &Arg) -> Kind {
        let names: Vec<String> = argument.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
        let value_name = argument.get_value_names().and_then(|names| names.first()).map_or("", |name| name.as_str());
        let has_pairs = value_name.contains('=') || argument.get_id() == "schema";
        if argument.get_id() == "profile" {
            return Kind::Choice(Profile::ALL.map(|profile| profile.name().to_owned()).to_vec());
        }
        match (argument.get_action(), value_name) {
            (ArgAction::SetTrue, _) => Kind::Switch,
            (ArgAction::Append, _) if has_pairs => Kind::Pairs,
            (ArgAction::Append, _) => Kind::List,
            _ if names == ["on", "off"] => Kind::OnOff,
            _ if !names.is_empty() => Kind::Choice(names),
            (_, "NUMBER" | "BYTES" | "PORT") => Kind::WholeNumber,
            (_, "SECONDS") => Kind::Number,
            (_, "TIME") => Kind::Time,
            (_, "FILE" | "DIR" | "PATH") => Kind::Path,
            _ => Kind::Text,
        }
    }

    /// Describes the values, for messages.
    fn expected(&self) -> String {
        match self {
            Kind::Switch => "true or false".to_owned(),
            Kind::OnOff => "\"on\" or \"off\"".to_owned(),
            Kind::Choice(names) => {
                let names: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
                format!("one of {}", names.join(", "))
            }
            Kind::WholeNumber => "a whole number".to_owned(),
            Kind::Number => "a number".to_owned(),
            Kind::Text | Kind::Path => "a string".to_owned(),
            Kind::Time => "a string or a date with time".to_owned(),
            Kind::List => "a string or an array of strings".to_owned(),
            Kind::Pairs => "a string, an array of strings or a table".to_owned(),
        }
    }

    /// Returns the schema of the values.
    fn schema(&self) -> Value {
        let string = json!({ "type": "string" });
        let strings = json!({ "type": "array", "items": { "type": "string" } });
        match self {
            Kind::Switch => json!({ "type": "boolean" }),
            Kind::OnOff => json!({ "enum": ["on", "off", true, false] }),
            Kind::Choice(names) => json!({ "enum": names }),
            Kind::WholeNumber => json!({ "type": "integer", "minimum": 0 }),
            Kind::Number => json!({ "type": "number", "minimum": 0 }),
            Kind::Text | Kind::Path | Kind::Time => string,
            Kind::List => json!({ "anyOf": [string, strings] }),
            Kind::Pairs => {
                let table = json!({ "type": "object", "additionalProperties": { "type": ["string", "number", "boolean"] } });
                json!({ "anyOf": [string, strings, table] })
            }
        }
    }

    /// Returns the texts of a value, as they stand on the command line.
    fn texts(&self, value: &DeValue<'_>) -> Option<Vec<String>> {
        let one = |text: &str| Some(vec![text.to_owned()]);
        match (self, value) {
            (Kind::Switch, DeValue::Boolean(is_on)) => Some(if *is_on { vec![String::new()] } else { Vec::new() }),
            (Kind::OnOff, DeValue::Boolean(is_on)) => one(if *is_on { "on" } else { "off" }),
            (Kind::OnOff, DeValue::String(text)) => {
                Some(text).filter(|text| matches!(&***text, "on" | "off")).and_then(|text| one(text))
            }
            (Kind::Choice(names), DeValue::String(text)) => {
                names.iter().find(|name| name.as_str() == &**text).and_then(|name| one(name))
            }
            (Kind::WholeNumber | Kind::Number, DeValue::Integer(number)) => {
                // Digits of another base, and between underscores.
                let whole = i128::from_str_radix(number.as_str(), number.radix()).ok()?;
                one(&whole.to_string())
            }
            (Kind::Number, DeValue::Float(number)) => one(number.as_str()),
            (Kind::Text | Kind::Path | Kind::Time | Kind::List | Kind::Pairs, DeValue::String(text)) => one(text),
            (Kind::Time, DeValue::Datetime(time)) => one(&time.to_string()),
            (Kind::List | Kind::Pairs, DeValue::Array(items)) => {
                items.iter().map(|item| Some(item.get_ref().as_str()?.to_owned())).collect()
            }
            (Kind::Pairs, DeValue::Table(members)) => {
                members.iter().map(|(name, value)| pair(name.get_ref(), value.get_ref())).collect()
            }
            _ => None,
        }
    }
}

/// Returns a member of a table in the form of the command line.
fn pair(name: &str, value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(format!("{name}={text}")),
        DeValue::Integer(number) => Some(format!("{name}={}", number.as_str())),
        DeValue::Float(number) => Some(format!("{name}={}", number.as_str())),
        DeValue::Boolean(value) => Some(format!("{name}={value}")),
        _ => None,
    }
}

/// Returns the options of a program that a file can have, by name.
fn options(command: &Command) -> impl Iterator<Item = (&str, &Arg)> {
    let named = command.get_arguments().filter_map(|argument| Some((argument.get_long()?, argument)));
    named.filter(|(name, _)| !NOT_IN_FILE.contains(name))
}

/// Returns the value of an option in arguments that are not read yet, or of its variable.
pub(super) fn raw_value(arguments: &[OsString], flag: &str, variable: &str) -> Option<OsString> {
    let mut found = None;
    for (index, argument) in arguments.iter().enumerate() {
        if argument == flag {
            found = arguments.get(index + 1).cloned();
        } else if let Some(value) = argument.to_str().and_then(|argument| argument.strip_prefix(flag)?.strip_prefix('=')) {
            found = Some(value.into());
        }
        if found.is_some() {
            break;
        }
    }
    found.or_else(|| std::env::var_os(variable)).filter(|value| !value.is_empty())
}

impl Config {
    /// Reads the file that the arguments name, else the one in the folder of the fixtures or beside that, else the one in the current folder, if
    /// there is any.
    ///
    /// # Errors
    ///
    /// Fails with a message for people.
    pub(super) fn find(command: &Command, arguments: &[OsString]) -> Result<Option<Config>, String> {
        let path = match raw_value(arguments, "--config", "WFI_EMULATOR_CONFIG") {
            Some(name) if name == NONE => return Ok(None),
            Some(path) => PathBuf::from(path),
            None => {
                let fixtures = raw_value(arguments, "--fixtures", "WFI_EMULATOR_FIXTURES");
                let folders = fixtures.iter().map(Path::new).flat_map(|path| [Some(path), path.parent()]).flatten();
                let near = folders.map(|folder| folder.join(FILE_NAME));
                match near.chain([FILE_NAME.into()]).find(|path| path.is_file()) {
                    Some(path) => path,
                    None => return Ok(None),
                }
            }
        };
        let text = regular_file::read_text(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let text = String::from_utf8(text).map_err(|_| format!("{}: not UTF-8", path.display()))?;
        Config::read(command, path, &text).map(Some)
    }

    fn read(command: &Command, path: PathBuf, text: &str) -> Result<Config, String> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let line = |span: Range<usize>| memchr_iter(b'\n', &text.as_bytes()[..span.start.min(text.len())]).count() + 1;
        let name_of_file = path.display().to_string();
        let failed = |line: usize, problem: &str| format!("{name_of_file}:{line}: {problem}");
        let table = DeTable::parse(text).map_err(|error| {
            let message = error.message().lines().collect::<Vec<&str>>().join(", ");
            failed(line(error.span().unwrap_or_default()), &format!("invalid TOML: {message}"))
        })?;
        let mut read: Vec<ConfigOption> = Vec::new();
        let mut problems = Vec::new();
        for (name, value) in table.get_ref() {
            let at = line(name.span());
            let name: &str = name.get_ref();
            if name == SCHEMA_MEMBER {
                continue;
            }
            let Some((_, argument)) = options(command).find(|(known, _)| *known == name) else {
                let near = nearest(name, options(command).map(|(known, _)| known));
                let near = near.map_or_else(String::new, |near| format!(" (did you mean '{near}'?)"));
                problems.push((at, failed(at, &format!("unknown option '{name}'{near}"))));
                continue;
            };
            let kind = Kind::of(argument);
            if let Some(values) = kind.texts(value.get_ref()) {
                let is_switch = kind == Kind::Switch;
                let values = values.into_iter().map(|value| resolved(argument, &kind, value, path.parent())).collect();
                read.push(ConfigOption { name: name.to_owned(), values, is_switch, line: at });
            } else {
                let found = describe(value);
                let problem = format!("invalid value of '{name}': found {found}, expected {}", kind.expected());
                problems.push((at, failed(at, &problem)));
            }
        }
        problems.sort();
        if problems.is_empty() {
            read.sort_by_key(|option| option.line);
            Ok(Config { path, options: read })
        } else {
            Err(problems.into_iter().map(|(_, problem)| problem).collect::<Vec<String>>().join("\n"))
        }
    }

    /// Adds the options of the file to arguments that do not have them, behind the name of the program.
    pub(super) fn complete(&self, command: &Command, arguments: &[OsString]) -> Completed<'_> {
        let matches = command.clone().ignore_errors(true).try_get_matches_from(arguments).ok();
        let is_given = |name: &str| {
            let source = matches.as_ref().and_then(|matches| matches.value_source(&name.replace('-', "_")));
            matches!(source, Some(ValueSource::CommandLine | ValueSource::EnvVariable))
        };
        let used: Vec<&ConfigOption> = self.options.iter().filter(|option| !is_given(&option.name)).collect();
        let of_file = used.iter().flat_map(|option| {
            let flag = format!("--{}", option.name);
            let form = move |value: &String| if option.is_switch { flag.clone() } else { format!("{flag}={value}") };
            option.values.iter().map(form).map(OsString::from)
        });
        let (program, others) = arguments.split_at(arguments.len().min(1));
        let all = program.iter().cloned().chain(of_file).chain(others.iter().cloned()).collect();
        Completed { path: &self.path, used, all }
    }

    /// Makes the options of the file the defaults of commands that have the same variables.
    pub(super) fn set_defaults(&self, command: &Command) {
        let default = |option: &ConfigOption| {
            let (_, argument) = options(command).find(|(name, _)| *name == option.name)?;
            let value = if option.is_switch { (!option.values.is_empty()).to_string() } else { option.values.join(",") };
            Some((argument.get_env()?.to_owned(), value))
        };
        // It is set once, before the arguments of a command are read.
        let _ = DEFAULTS.set(self.options.iter().filter_map(default).collect());
    }
}

/// The values of the file by the names of their variables. The arguments of commands are built where nothing can be handed to them.
static DEFAULTS: OnceLock<Vec<(OsString, String)>> = OnceLock::new();

/// Returns the value in the file for the variable of an argument.
pub(super) fn default_of(variable: &OsStr) -> Option<&'static str> {
    DEFAULTS.get()?.iter().find(|(name, _)| name == variable).map(|(_, value)| value.as_str())
}

/// Arguments with the options of the file.
#[derive(Debug)]
pub(super) struct Completed<'c> {
    path: &'c Path,
    used: Vec<&'c ConfigOption>,
    /// The arguments.
    pub(super) all: Vec<OsString>,
}

impl Completed<'_> {
    /// Returns file and line of an option that comes from the file.
    pub(super) fn source(&self, name: &str) -> Option<String> {
        let option = self.used.iter().find(|option| option.name == name)?;
        Some(format!("{}:{}", self.path.display(), option.line))
    }

    /// Returns a line for each option of the file that a message names, else one that says that there are others.
    pub(super) fn notes(&self, message: &str) -> Vec<String> {
        let is_named = |name: &str| {
            let flag = format!("--{name}");
            message.match_indices(&flag).any(|(at, _)| {
                let next = message[at + flag.len()..].chars().next();
                next.is_none_or(|next| !next.is_ascii_alphanumeric() && next != '-')
            })
        };
        let named = self.used.iter().filter(|option| is_named(&option.name));
        let notes: Vec<String> = named
            .map(|option| format!("The value of --{} is that of {}:{}", option.name, self.path.display(), option.line))
            .collect();
        if notes.is_empty() && !self.used.is_empty() {
            return vec![format!("Further options come from {}", self.path.display())];
        }
        notes
    }
}

/// Returns a value with a relative path as one that counts from the folder of the file. Words that name no file stay.
fn resolved(argument: &Arg, kind: &Kind, value: String, folder: Option<&Path>) -> String {
    let Some(folder) = folder.filter(|folder| !folder.as_os_str().is_empty()) else { return value };
    let absolute = |path: &str| folder.join(path).display().to_string();
    match (argument.get_id().as_str(), kind) {
        (_, Kind::Path) if value == "-" => value,
        ("ca_dir", _) if value == "memory" => value,
        ("faults", _) if !folder.join(&value).exists() && FaultRule::ready(&value).is_some() => value,
        (_, Kind::Path) => absolute(&value),
        ("schema", _) => match value.parse::<SchemaChoice>() {
            Ok(SchemaChoice::File { version, path }) => {
                format!("{}={}", version.segment(), absolute(&path.display().to_string()))
            }
            Ok(SchemaChoice::Core) | Err(_) => value,
        },
        ("fixture", _) => match value.split_once('=') {
            Some((name, path)) => format!("{name}={}", absolute(path)),
            None => value,
        },
        _ => value,
    }
}

fn describe(value: &Spanned<DeValue<'_>>) -> String {
    match value.get_ref() {
        DeValue::String(text) => format!("{text:?}"),
        DeValue::Integer(number) => number.as_str().to_owned(),
        DeValue::Float(number) => number.as_str().to_owned(),
        DeValue::Boolean(value) => value.to_string(),
        DeValue::Datetime(time) => time.to_string(),
        DeValue::Array(_) => "an array".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

/// Returns the JSON Schema of the file.
pub(super) fn json_schema(command: &Command) -> Value {
    let mut properties = Map::new();
    properties.insert(SCHEMA_MEMBER.to_owned(), json!({ "type": "string" }));
    for (name, argument) in options(command) {
        let mut schema = Kind::of(argument).schema();
        if name == "behavior" {
            schema["anyOf"][2] = behaviors_schema();
        }
        if let (Some(schema), Some(help)) = (schema.as_object_mut(), argument.get_help()) {
            schema.insert("description".to_owned(), help.to_string().into());
        }
        properties.insert(name.to_owned(), schema);
    }
    document("Configuration of wfi-emulator", object(properties.into(), &[]), Map::new())
}

/// Returns the schema of a table of behaviors.
fn behaviors_schema() -> Value {
    let mut properties = Map::new();
    for row in ROWS {
        let names: Vec<&str> = row.values.iter().map(|(name, _)| *name).collect();
        let values = if row.free_text { json!({ "type": "string" }) } else { json!({ "enum": names }) };
        let mut schema = values;
        schema["description"] = row.decides.into();
        properties.insert(row.name.to_owned(), schema);
    }
    object(properties.into(), &[])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::arguments::Cli;
    use clap::CommandFactory as _;

    fn read(text: &str) -> Result<Config, String> {
        Config::read(&Cli::command(), "a/wfi-emulator.toml".into(), text)
    }

    fn options_of(text: &str) -> Vec<String> {
        let config = read(text).unwrap();
        config.options.iter().map(|option| format!("{}:{} {:?}", option.line, option.name, option.values)).collect()
    }

    #[test]
    fn values_of_each_kind_are_read() {
        let text = r#"
"$schema" = "x"
port = 0x10
watch = true
explain = false
control = false
auth = "strict"
state-every = 1.5
clock = 2026-01-01T00:00:00Z
fixtures = "data"
ca-dir = "memory"
faults = "throttled"
san = ["a.test", "b.test"]
schema = { beta = "beta.xml" }
control-token-file = "-"
[behavior]
update-response = "no-content"
[fixture]
empty = "/e.json"
one = "one.json"
"#;
        insta::assert_snapshot!(options_of(text).join("\n"), @r#"
        3:port ["16"]
        4:watch [""]
        5:explain []
        6:control ["off"]
        7:auth ["strict"]
        8:state-every ["1.5"]
        9:clock ["2026-01-01T00:00:00Z"]
        10:fixtures ["a/data"]
        11:ca-dir ["memory"]
        12:faults ["throttled"]
        13:san ["a.test", "b.test"]
        14:schema ["beta=a/beta.xml"]
        15:control-token-file ["-"]
        16:behavior ["update-response=no-content"]
        18:fixture ["empty=/e.json", "one=a/one.json"]
        "#);
    }

    #[test]
    fn problems_have_their_lines() {
        let text = "port = \"a\"\nprot = 1\n[behaviour]\na = 1\n[watch]\n";
        insta::assert_snapshot!(read(text).unwrap_err(), @r#"
        a/wfi-emulator.toml:1: invalid value of 'port': found "a", expected a whole number
        a/wfi-emulator.toml:2: unknown option 'prot' (did you mean 'port'?)
        a/wfi-emulator.toml:3: unknown option 'behaviour' (did you mean 'behavior'?)
        a/wfi-emulator.toml:5: invalid value of 'watch': found a table, expected true or false
        "#);
        insta::assert_snapshot!(read("port = 1\nport = 2\n").unwrap_err(), @"a/wfi-emulator.toml:2: invalid TOML: duplicate key");
        insta::assert_snapshot!(read("port = \n").unwrap_err(), @"a/wfi-emulator.toml:1: invalid TOML: string values must be quoted, expected literal string");
        insta::assert_snapshot!(read("auth = \"none\"\nsan = [1]\ncontrol = \"yes\"\n").unwrap_err(), @r#"
        a/wfi-emulator.toml:1: invalid value of 'auth': found "none", expected one of "open", "bearer", "strict"
        a/wfi-emulator.toml:2: invalid value of 'san': found an array, expected a string or an array of strings
        a/wfi-emulator.toml:3: invalid value of 'control': found "yes", expected "on" or "off"
        "#);
    }

    #[test]
    fn arguments_replace_options_of_the_file() {
        let config = read("port = 1\nhost = \"h\"\nwatch = true\nexplain = false\nsan = [\"a\", \"b\"]\n").unwrap();
        let command = Cli::command();
        let completed = |arguments: &[&str]| {
            let arguments: Vec<OsString> = std::iter::once(&"x").chain(arguments).map(OsString::from).collect();
            let all = config.complete(&command, &arguments).all;
            all.iter().skip(1).map(|argument| argument.to_str().unwrap().to_owned()).collect::<Vec<String>>().join(" ")
        };
        assert_eq!(completed(&["--port", "2"]), "--host=h --watch --san=a --san=b --port 2");
        assert_eq!(completed(&["--san=c"]), "--port=1 --host=h --watch --san=c");
        // An option that needs another one, which the file has, is given all the same.
        assert_eq!(completed(&["--state-every", "1", "--host=i"]), "--port=1 --watch --san=a --san=b --state-every 1 --host=i");
    }

    #[test]
    fn messages_name_the_options_of_the_file() {
        let config = read("port = 1\nhost = \"h\"\n").unwrap();
        let (command, arguments) = (Cli::command(), ["x"].map(OsString::from));
        let completed = config.complete(&command, &arguments);
        assert_eq!(completed.notes("'--port <PORT>' and --hosts"), ["The value of --port is that of a/wfi-emulator.toml:1"]);
        assert_eq!(completed.notes("--tls"), ["Further options come from a/wfi-emulator.toml"]);
        assert_eq!(completed.source("host").as_deref(), Some("a/wfi-emulator.toml:2"));
    }
}
