//! Files by their names: `root:/folder/file.txt:/content`.

use std::borrow::Cow;

use super::segments::next_segment;
use super::{Walk, unknown_entity};
use crate::edm::address::{CollectionAddress, KeyForm, encoded_key};
use crate::edm::file_name;
use crate::edm::schema::StructuredType;
use crate::odata::error::Error;
use crate::policy::refusal;
use crate::world::workload::Ancestor;

/// A file that is not there, and the folders on the way to it.
#[derive(Debug)]
pub(in crate::graph) struct NewFile {
    /// The collection of the innermost folder that is there.
    pub(in crate::graph) folder: CollectionAddress,
    /// The names of the folders that are not there.
    pub(in crate::graph) folders: Vec<String>,
    /// The name of the file.
    pub(in crate::graph) name: String,
}

impl<'s> Walk<'s, '_> {
    /// Splits the colon from a segment that leads to a file, a folder or a site: names follow.
    pub(super) fn without_mark(&self, segment: Cow<'s, str>) -> (Cow<'s, str>, bool) {
        let Some(plain) = segment.strip_suffix(':') else { return (segment, false) };
        let target = match self.key {
            None => Some(self.type_id),
            Some(_) => self
                .structured()
                .navigation(plain)
                .filter(|navigation| !navigation.is_collection)
                .map(|navigation| navigation.target),
        };
        let has_names =
            |structured: &StructuredType| structured.file.is_some() || self.key.is_none() && structured.rare().site.is_some();
        match target.filter(|id| has_names(self.model.structured(*id))) {
            Some(_) => (Cow::Owned(plain.to_owned()), true),
            None => (segment, false),
        }
    }

    /// Follows names up to the one with a colon, or to the end.
    pub(super) fn follow_names(
        &mut self,
        has_names: bool,
        segments: &mut impl Iterator<Item = Cow<'s, str>>,
    ) -> Result<(), Error> {
        let Some(rules) = self.structured().file.filter(|_| has_names) else { return Ok(()) };
        self.has_names = true;
        self.step_to_item();
        let mut names: Vec<String> = Vec::new();
        while let Some(segment) = next_segment(segments)? {
            let (name, is_last) = segment.strip_suffix(':').map_or((&*segment, false), |name| (name, true));
            if !name.is_empty() {
                if !file_name::is_allowed(name) {
                    return Err(Error::new(&refusal::INVALID_FILE_NAME, &[]));
                }
                if !file_name::is_name(name) {
                    return Err(Error::new(&refusal::NO_FILE_NAME, &[]));
                }
                names.push(name.to_owned());
            }
            if is_last {
                break;
            }
        }
        if self.key_form == KeyForm::Single {
            let path: Vec<String> = names.iter().map(|name| encoded_key(name).into_owned()).collect();
            self.link_path.push_str(&format!(":/{}:", path.join("/")));
        }
        let structured = self.structured();
        let (Some(children), Some(name_property)) = (structured.navigation(rules.children), structured.property(rules.name))
        else {
            return Ok(());
        };
        let name_property = &structured.properties[name_property];
        let mut names = names.into_iter();
        while let Some(name) = names.next() {
            let key = self.key.take().unwrap_or_default();
            let folder = self.collection.within(self.schema, &key, children.set);
            let Some(found) = self.lookup.by_alternate_key(self.model, &folder, name_property, &name) else {
                let is_reached = self.missing.is_none();
                self.missing.get_or_insert_with(|| unknown_entity(structured, &name));
                let mut folders = vec![name];
                folders.extend(names);
                let name = folders.pop().unwrap_or_default();
                self.key = Some(key);
                self.new_file = is_reached.then(|| Box::new(NewFile { folder, folders, name }));
                return Ok(());
            };
            let outer = std::mem::replace(&mut self.collection, folder);
            self.ancestors.push(Ancestor { collection: outer, type_id: self.type_id, key: key.as_ref().into() });
            (self.key, self.type_id, self.cast) = (Some(Cow::Owned(found)), children.target, None);
            self.home = Some(self.collection.path(self.schema).into_owned());
        }
        Ok(())
    }
}
