//! The behaviors in force: a profile, the flags that override it, and the table for people.

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use crate::policy::behavior::{Behaviors, Profile, ROWS};
use crate::text::nearest::nearest;

/// The choice of behaviors where public sources disagree.
#[derive(Args, Clone, Debug)]
pub(super) struct BehaviorArguments {
    /// Profile that sets the default of every behavior: documented, observed or reference-page
    #[arg(long, env = "WFI_EMULATOR_PROFILE", value_name = "NAME", default_value = "documented")]
    profile: String,
    /// Behavior to set, for example update-response=no-content; repeatable
    #[arg(long, env = "WFI_EMULATOR_BEHAVIOR", value_name = "NAME=VALUE")]
    behavior: Vec<String>,
}

/// The same choice behind the name of a command, which goes before one in front of it, and before the variables.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct CommandBehaviors {
    /// Profile that sets the default of every behavior: documented, observed or reference-page
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// Behavior to set, for example update-response=no-content; repeatable
    #[arg(long, value_name = "NAME=VALUE")]
    behavior: Vec<String>,
}

impl BehaviorArguments {
    /// Adds the choice behind the name of a command.
    pub(super) fn with(mut self, command: &CommandBehaviors) -> BehaviorArguments {
        self.profile = command.profile.clone().unwrap_or(self.profile);
        self.behavior.extend_from_slice(&command.behavior);
        self
    }

    /// Returns the behaviors in force.
    pub(super) fn behaviors(&self) -> Result<Behaviors, String> {
        let profile = Profile::from_name(&self.profile).ok_or_else(|| {
            let names: Vec<&str> = Profile::ALL.iter().map(|profile| profile.name()).collect();
            format!("unknown profile '{}' (known: {})", self.profile, names.join(", "))
        })?;
        let mut behaviors = Behaviors::of(profile);
        for choice in self.choices() {
            let (name, value) = choice
                .split_once('=')
                .ok_or_else(|| format!("invalid --behavior '{choice}': expected name=value, for example secret=echo"))?;
            behaviors.set(name.trim(), value.trim()).map_err(|error| error.to_string())?;
        }
        Ok(behaviors)
    }

    /// Returns the names and values of the behaviors that are set one by one.
    pub(super) fn overrides(&self) -> Vec<(String, String)> {
        let pair = |choice: String| choice.split_once('=').map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()));
        self.choices().filter_map(pair).collect()
    }

    fn choices(&self) -> impl Iterator<Item = String> {
        self.behavior.iter().flat_map(|choices| split_choices(choices))
    }
}

/// Splits `name=value,name=value`, as the environment variable holds several. A comma that no name follows belongs to the value.
fn split_choices(text: &str) -> Vec<String> {
    let mut choices: Vec<String> = Vec::new();
    for part in text.split(',').filter(|part| !part.trim().is_empty()) {
        match choices.last_mut() {
            Some(last) if !part.contains('=') => *last = format!("{last},{part}"),
            _ => choices.push(part.to_owned()),
        }
    }
    choices
}

/// The form of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum TableForm {
    Text,
    Json,
}

/// The arguments of `behaviors`.
#[derive(Args, Debug)]
pub(super) struct TableArguments {
    /// Behaviors to print, instead of all
    names: Vec<String>,
    /// Print only behaviors whose value is not the default
    #[arg(long)]
    changed: bool,
    /// Form of the table
    #[arg(long, value_name = "FORM", default_value = "text")]
    format: TableForm,
    #[command(flatten)]
    pub(super) behaviors: CommandBehaviors,
}

/// Returns the table of behaviors with the values in force.
///
/// # Errors
///
/// Fails on an unknown name, with a message.
pub(super) fn table(arguments: &TableArguments, behaviors: &Behaviors) -> Result<String, String> {
    for name in &arguments.names {
        if ROWS.iter().all(|row| row.name != name) {
            let near = nearest(name, ROWS.iter().map(|row| row.name));
            let near = near.map_or_else(String::new, |near| format!(" (did you mean {near}?)"));
            return Err(format!("unknown behavior '{name}'{near}"));
        }
    }
    let mut text = String::new();
    let mut rows: Vec<Value> = Vec::new();
    for row in ROWS {
        let value = behaviors.get(row.name).unwrap_or_default();
        let is_wanted = arguments.names.is_empty() || arguments.names.iter().any(|name| name == row.name);
        if !is_wanted || arguments.changed && value == row.profiles[0] {
            continue;
        }
        let values: serde_json::Map<String, Value> =
            row.values.iter().map(|(name, meaning)| ((*name).to_owned(), (*meaning).into())).collect();
        rows.push(json!({
            "name": row.name,
            "value": value,
            "default": row.profiles[0],
            "decides": row.decides,
            "values": values,
            "takesOtherText": row.free_text,
            "grade": row.grade.name(),
            "source": row.source,
        }));
        text.push_str(&format!("{} = {value}\n    {}\n", row.name, row.decides));
        for (name, meaning) in row.values {
            let marks: Vec<&str> = [(*name == value).then_some("in force"), (*name == row.profiles[0]).then_some("default")]
                .into_iter()
                .flatten()
                .collect();
            let marks = if marks.is_empty() { String::new() } else { format!(" [{}]", marks.join(", ")) };
            text.push_str(&format!("    - {name}{marks}: {meaning}\n"));
        }
        if row.free_text {
            text.push_str("    - any other text that fits\n");
        }
        text.push_str(&format!("    evidence: {}; {}\n\n", row.grade.name(), row.source));
    }
    Ok(match arguments.format {
        TableForm::Text => text,
        TableForm::Json => format!("{:#}\n", Value::from(rows)),
    })
}
