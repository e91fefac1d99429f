//! Schemas from files and texts, in place of the built-in ones.

use std::path::Path;
use std::sync::Arc;

use crate::edm::schema::{BUILT_IN, Schema, SchemaError, SchemaText, Version};
use crate::world::regular_file;

/// The documents of a schema that are not built in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Documents {
    /// In the order of [`Version::ALL`].
    given: [Option<Document>; 2],
    /// Whether the others are the core of the built-in schema alone.
    is_core: bool,
}

#[derive(Clone, Debug)]
struct Document {
    /// The file, if it is from one.
    file: Option<String>,
    text: String,
}

impl Documents {
    /// Keeps versions without a document to the core of the built-in schema.
    pub(crate) fn keep_to_core(&mut self) {
        self.is_core = true;
    }

    /// Adds the document of a file.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be read, or if there is a document of its version.
    pub(crate) fn add_file(&mut self, version: Version, path: &Path) -> Result<(), String> {
        let file = path.display().to_string();
        if self.given[index_of(version)].is_some() {
            return Err(format!("duplicate schema of {}: {file}", version.segment()));
        }
        let bytes = regular_file::read_text(path).map_err(|error| format!("{file}: {error}"))?;
        let text = String::from_utf8(bytes).map_err(|error| format!("{file}: not UTF-8: {error}"))?;
        self.given[index_of(version)] = Some(Document { file: Some(file), text });
        Ok(())
    }

    /// Adds a document.
    ///
    /// # Errors
    ///
    /// Fails if there is a document of its version.
    pub(crate) fn add_text(&mut self, version: Version, text: &str) -> Result<(), String> {
        let place = &mut self.given[index_of(version)];
        if place.is_some() {
            return Err(format!("duplicate schema of {}", version.segment()));
        }
        *place = Some(Document { file: None, text: text.to_owned() });
        Ok(())
    }

    /// Reads the schema, with the built-in document for each version without one.
    ///
    /// # Errors
    ///
    /// Fails if a document is not CSDL; the message names its file and the line.
    pub(crate) fn schema(self) -> Result<Arc<Schema>, String> {
        if self.given.iter().all(Option::is_none) {
            return Ok(if self.is_core { super::schema() } else { super::schema_with_rest() });
        }
        let mut files = [None, None];
        let mut texts = BUILT_IN;
        for (index, document) in self.given.into_iter().enumerate() {
            if let Some(Document { file, text }) = document {
                files[index] = file;
                texts[index] = SchemaText::Given(text.into());
            }
        }
        let read = if self.is_core { Schema::of } else { Schema::with_rest };
        read(texts, &super::rules()).map(Arc::new).map_err(|error| located(&error, &files))
    }
}

fn index_of(version: Version) -> usize {
    Version::ALL.iter().position(|other| *other == version).unwrap_or_default()
}

/// Returns the message of an error, with the file.
fn located(error: &SchemaError, files: &[Option<String>; 2]) -> String {
    match error.version.and_then(|version| files[index_of(version)].as_deref()) {
        Some(file) if error.line > 0 => format!("{file}:{}: {}", error.line, error.reason),
        Some(file) => format!("{file}: {}", error.reason),
        None => error.to_string(),
    }
}
