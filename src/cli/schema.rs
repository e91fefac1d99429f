//! Schemas from files, in place of the built-in ones, or the core of those.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use crate::edm::schema::{Schema, Version};
use crate::workloads::documents::Documents;

/// A document for one version, `FILE`, `v1.0=FILE` or `beta=FILE`; or `core`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SchemaChoice {
    /// The core of the built-in schema, without its rest.
    Core,
    /// A file with the document of a version.
    File { version: Version, path: PathBuf },
}

impl SchemaChoice {
    /// Returns the version and the path, if it is a file.
    pub(super) fn file(&self) -> Option<(Version, &Path)> {
        match self {
            SchemaChoice::Core => None,
            SchemaChoice::File { version, path } => Some((*version, path)),
        }
    }
}

/// The choice as people write it, without the version.
impl fmt::Display for SchemaChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SchemaChoice::Core => f.write_str(CORE),
            SchemaChoice::File { path, .. } => path.display().fmt(f),
        }
    }
}

/// The word for the core of the built-in schema.
const CORE: &str = "core";

impl FromStr for SchemaChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<SchemaChoice, String> {
        if text == CORE {
            return Ok(SchemaChoice::Core);
        }
        let named = text.split_once('=').and_then(|(version, path)| Some((Version::from_segment(version)?, path)));
        let (version, path) = named.unwrap_or((Version::V1, text));
        if path.is_empty() {
            return Err("missing file, expected FILE, beta=FILE or core".to_owned());
        }
        Ok(SchemaChoice::File { version, path: path.into() })
    }
}

/// Reads the schema of the choices, with the built-in document for each version without one.
///
/// # Errors
///
/// Fails if a file cannot be read, is not CSDL, or is the second one of its version.
pub(super) fn read(choices: &[SchemaChoice]) -> Result<Arc<Schema>, String> {
    let mut documents = Documents::default();
    for choice in choices {
        match choice {
            SchemaChoice::Core => documents.keep_to_core(),
            SchemaChoice::File { version, path } => documents.add_file(*version, path)?,
        }
    }
    documents.schema()
}

/// Describes a schema for people: what each file holds, and what of it is not served.
pub(super) fn contents(schema: &Schema, choices: &[SchemaChoice]) -> String {
    let mut text = String::new();
    for (version, path) in choices.iter().filter_map(SchemaChoice::file) {
        let (path, contents) = (path.display(), schema.contents(version));
        let counts: Vec<String> = contents.counts.iter().map(|(count, name)| format!("{count} {name}")).collect();
        text.push_str(&format!("{path}: {}, {}\n", version.segment(), counts.join(", ")));
        for unserved in contents.unserved {
            text.push_str(&format!("{path}:{}: not served: {}\n", unserved.line, unserved.what));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_for_v1_unless_it_names_a_version() {
        let parse = |text: &str| {
            let choice = text.parse::<SchemaChoice>();
            choice.map(|choice| choice.file().map(|(version, path)| (version, path.display().to_string())).unwrap())
        };
        assert_eq!(parse("a.csdl"), Ok((Version::V1, "a.csdl".to_owned())));
        assert_eq!(parse("v1.0=a.csdl"), Ok((Version::V1, "a.csdl".to_owned())));
        assert_eq!(parse("BETA=a=b.csdl"), Ok((Version::Beta, "a=b.csdl".to_owned())));
        assert_eq!(parse("a=b.csdl"), Ok((Version::V1, "a=b.csdl".to_owned())));
        assert!(parse("beta=").is_err() && parse("").is_err());
        assert_eq!("core".parse(), Ok(SchemaChoice::Core));
        assert_eq!(parse("./core"), Ok((Version::V1, "./core".to_owned())));
    }
}
