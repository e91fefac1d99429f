//! `wfi-emulator json-schema`: the JSON Schemas of the files that the program reads.

use clap::{Args, Command, ValueEnum};

use super::config;
use super::schema::{self, SchemaChoice};
use crate::text::json_schema;
use crate::text::nearest::nearest;
use crate::world::fault;
use crate::world::fixture::{self, directory};

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FileKind {
    Fixtures,
    Faults,
    Directory,
    Config,
}

/// The arguments of the command.
#[derive(Args, Debug)]
pub(super) struct JsonSchemaArguments {
    /// Kind of file
    file: FileKind,
    /// Collection of the fixtures, for a file with entities of one: users, users/messages
    collection: Option<String>,
}

/// Returns the schema. `files` are those of the schema that fixtures have to fit, `server` has the options of the configuration file.
///
/// # Errors
///
/// Fails on an unknown collection, and if a file is not CSDL.
pub(super) fn text(arguments: &JsonSchemaArguments, files: &[SchemaChoice], server: &Command) -> Result<String, String> {
    let collection = arguments.collection.as_deref();
    if collection.is_some() && arguments.file != FileKind::Fixtures {
        return Err("unexpected collection: only fixtures have collections".to_owned());
    }
    let schema = match arguments.file {
        FileKind::Fixtures => {
            let mut model = schema::read(files)?;
            let is_known = |name: &str| model.set_named(name).is_some() || fixture::collection_of_path(&model, name).is_some();
            if collection.is_some_and(|name| !is_known(name))
                && let Some(whole) = model.whole().cloned()
            {
                model = whole;
            }
            let set = |name: &str| {
                let found = model.keyed_root_sets().find(|set| Some(*set) == model.set_named(name));
                found.or_else(|| fixture::collection_of_path(&model, name)).ok_or_else(|| {
                    let near = nearest(name, model.keyed_root_sets().map(|set| &*model.set(set).name));
                    let near = near.map_or_else(String::new, |near| format!(" (did you mean '{near}'?)"));
                    format!("unknown collection '{name}'{near}")
                })
            };
            let schema = fixture::json_schema(&model, collection.map(set).transpose()?);
            return Ok(format!("{}\n", json_schema::compact_text(&schema)));
        }
        FileKind::Faults => fault::json_schema(),
        FileKind::Directory => directory::json_schema(),
        FileKind::Config => config::json_schema(server),
    };
    Ok(format!("{schema:#}\n"))
}
