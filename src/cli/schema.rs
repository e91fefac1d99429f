//! Schemas from files, in place of the built-in ones.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use crate::edm::schema::{Schema, Version};
use crate::workloads::documents::Documents;

/// A document for one version: `FILE`, `v1.0=FILE` or `beta=FILE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SchemaFile {
    pub(super) version: Version,
    pub(super) path: PathBuf,
}

impl FromStr for SchemaFile {
    type Err = String;

    fn from_str(text: &str) -> Result<SchemaFile, String> {
        let named = text.split_once('=').and_then(|(version, path)| Some((Version::from_segment(version)?, path)));
        let (version, path) = named.unwrap_or((Version::V1, text));
        if path.is_empty() {
            return Err("missing file, expected FILE or beta=FILE".to_owned());
        }
        Ok(SchemaFile { version, path: path.into() })
    }
}

/// Reads the schema of the files, with the built-in document for each version without one.
///
/// # Errors
///
/// Fails if a file cannot be read, is not CSDL, or is the second one of its version.
pub(super) fn read(files: &[SchemaFile]) -> Result<Arc<Schema>, String> {
    let mut documents = Documents::default();
    for SchemaFile { version, path } in files {
        documents.add_file(*version, path)?;
    }
    documents.schema()
}

/// Describes a schema for people: what each file holds, and what of it is not served.
pub(super) fn contents(schema: &Schema, files: &[SchemaFile]) -> String {
    let mut text = String::new();
    for SchemaFile { version, path } in files {
        let (path, contents) = (path.display(), schema.contents(*version));
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
        let parse = |text: &str| text.parse::<SchemaFile>().map(|file| (file.version, file.path.display().to_string()));
        assert_eq!(parse("a.csdl"), Ok((Version::V1, "a.csdl".to_owned())));
        assert_eq!(parse("v1.0=a.csdl"), Ok((Version::V1, "a.csdl".to_owned())));
        assert_eq!(parse("BETA=a=b.csdl"), Ok((Version::Beta, "a=b.csdl".to_owned())));
        assert_eq!(parse("a=b.csdl"), Ok((Version::V1, "a=b.csdl".to_owned())));
        assert!(parse("beta=").is_err() && parse("").is_err());
    }
}
