//! Behaviors set and read by name.

use std::fmt;

use super::{BASE_URL, Behaviors, REQUEST_HOST, ROWS};
use crate::text::nearest::nearest;

/// The longest base URL: each world has its own.
const BASE_URL_LIMIT: usize = 2048;

/// An unknown behavior or an invalid value of one.
#[derive(Debug, PartialEq, Eq)]
pub struct SetError(String);

impl fmt::Display for SetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SetError {}

impl Behaviors {
    /// Sets one behavior by name, as `--behavior name=value` does.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), SetError> {
        let Some(row) = ROWS.iter().find(|row| row.name == name) else {
            let near = nearest(name, ROWS.iter().map(|row| row.name));
            let hint = near.map_or(String::new(), |near| format!("; did you mean '{near}'?"));
            return Err(SetError(format!("unknown behavior '{name}'{hint} (`wfi-emulator behaviors` lists them)")));
        };
        if row.name == BASE_URL {
            return self.set_base_url(value);
        }
        if self.set_choice(name, value) {
            return Ok(());
        }
        let values: Vec<&str> = row.values.iter().map(|(value, _)| *value).collect();
        Err(SetError(format!("unknown value '{value}' of behavior '{name}' (known: {})", values.join(", "))))
    }

    fn set_base_url(&mut self, value: &str) -> Result<(), SetError> {
        if value == REQUEST_HOST {
            self.base_url = None;
            return Ok(());
        }
        let trimmed = value.trim_end_matches('/');
        let rest = trimmed.strip_prefix("https://").or_else(|| trimmed.strip_prefix("http://"));
        let is_valid =
            |rest: &str| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\');
        if value.len() > BASE_URL_LIMIT {
            return Err(SetError(format!("too long a value of behavior '{BASE_URL}': use {BASE_URL_LIMIT} bytes or fewer")));
        }
        if !rest.is_some_and(is_valid) {
            return Err(SetError(format!(
                "invalid value '{value}' of behavior '{BASE_URL}': use '{REQUEST_HOST}' or a URL such as https://graph.microsoft.com"
            )));
        }
        self.base_url = Some(trimmed.into());
        Ok(())
    }

    /// Returns the value of a behavior by name.
    pub fn get(&self, name: &str) -> Option<&str> {
        if name == BASE_URL {
            return Some(self.base_url.as_deref().unwrap_or(REQUEST_HOST));
        }
        self.choice(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::behavior::Profile;

    #[test]
    fn every_value_of_every_row_can_be_set_and_read_back() {
        for row in ROWS {
            for (value, _) in row.values {
                let mut behaviors = Behaviors::default();
                behaviors.set(row.name, value).unwrap();
                assert_eq!(behaviors.get(row.name), Some(*value), "behavior {}", row.name);
            }
        }
    }

    #[test]
    fn a_base_url_has_a_length_that_each_world_can_have() {
        let url = |length: usize| format!("https://{}", "a".repeat(length - 8));
        let mut behaviors = Behaviors::default();
        behaviors.set(BASE_URL, &url(BASE_URL_LIMIT)).unwrap();
        let problem = behaviors.set(BASE_URL, &url(BASE_URL_LIMIT + 1)).unwrap_err().to_string();
        assert_eq!(problem, "too long a value of behavior 'base-url': use 2048 bytes or fewer");
    }

    #[test]
    fn a_profile_has_the_values_that_the_table_prints() {
        for (index, profile) in Profile::ALL.into_iter().enumerate() {
            let behaviors = Behaviors::of(profile);
            for row in ROWS {
                assert_eq!(behaviors.get(row.name), Some(row.profiles[index]), "{} of {}", row.name, profile.name());
            }
            assert_eq!(Profile::from_name(profile.name()), Some(profile));
        }
    }

    #[test]
    fn only_near_names_are_suggested() {
        assert_eq!(nearest("displayname ", ["displayName", "url"].into_iter()), Some("displayName"));
        assert_eq!(nearest("color", ["displayName", "url"].into_iter()), None);
        let long = "x".repeat(64);
        assert_eq!(nearest(&long, [long.as_str()].into_iter()), Some(long.as_str()));
        assert_eq!(nearest(&"x".repeat(65), [long.as_str()].into_iter()), None, "long words are not compared");
    }

    #[test]
    fn an_invalid_setting_is_explained() {
        let mut behaviors = Behaviors::default();
        let unknown = behaviors.set("update-respons", "entity").unwrap_err().to_string();
        assert!(unknown.contains("did you mean 'update-response'?"), "{unknown}");
        let value = behaviors.set("secret", "loud").unwrap_err().to_string();
        assert_eq!(value, "unknown value 'loud' of behavior 'secret' (known: null, echo)");
        let base = behaviors.set("base-url", "graph.microsoft.com").unwrap_err().to_string();
        assert!(base.contains("https://graph.microsoft.com"), "{base}");
        behaviors.set("base-url", "https://graph.microsoft.com/").unwrap();
        assert_eq!(behaviors.base_url.as_deref(), Some("https://graph.microsoft.com"));
    }
}
