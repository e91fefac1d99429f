//! The behaviors in force: a profile, the flags that override it, and the table for people.

use clap::Args;

use crate::policy::behavior::{Behaviors, Profile, ROWS};

/// The choice of behaviors where public sources disagree.
#[derive(Args, Debug)]
pub(super) struct BehaviorArguments {
    /// Profile that sets the default of every behavior: documented, observed or reference-page
    #[arg(long, global = true, env = "WFI_EMULATOR_PROFILE", value_name = "NAME", default_value = "documented")]
    profile: String,
    /// Behavior to set, for example update-response=no-content; repeatable
    #[arg(long, global = true, env = "WFI_EMULATOR_BEHAVIOR", value_name = "NAME=VALUE")]
    behavior: Vec<String>,
}

impl BehaviorArguments {
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

/// Returns the table of behaviors with the values in force.
pub(super) fn table(behaviors: &Behaviors) -> String {
    let mut text = String::new();
    for row in ROWS {
        let value = behaviors.get(row.name).unwrap_or_default();
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
    text
}
