//! Members that a type does not declare: those of open types, and others.

use std::borrow::Cow;
use std::collections::HashSet;

use super::problem::Path;
use super::reader::BodyReader;
use crate::edm::patch::Patch;
use crate::edm::schema::{StructuredType, UnknownMembers};
use crate::edm::value::Dynamic;
use crate::policy::behavior::UnknownProperty;
use crate::policy::refusal;
use crate::text::json::{self, Json, Member};
use crate::text::nearest::nearest;

impl BodyReader<'_> {
    /// Reads an undeclared member. `is_new` says that its name has not occurred before.
    pub(super) fn undeclared(
        &mut self,
        structured: &StructuredType,
        name: &str,
        is_new: bool,
        json: &Json<'_>,
        place: &Path<'_>,
        patch: &mut Patch,
    ) {
        let is_unread = self.rules.model.may_have_unread_member(structured, name);
        if structured.is_open && !is_unread {
            if !is_new {
                self.duplicate_property(name, place);
                return;
            }
            if self.is_request() && self.refuses_unknown(structured, name, place) {
                return;
            }
            let mut text = Vec::new();
            self.dynamic(json, place, &mut text);
            patch.dynamic.push(Dynamic::new(name, String::from_utf8_lossy(&text).as_ref()));
            return;
        }
        let tolerance = structured.rare().tolerance.filter(|(_, is_ignored)| is_ignored(self.rules.behaviors));
        let is_ignored = self.rules.behaviors.unknown_property == UnknownProperty::Ignore;
        if self.is_request() && (is_ignored || tolerance.is_some()) && !is_unread {
            self.note(tolerance.filter(|_| !is_ignored).map_or("unknown-property", |(behavior, _)| behavior));
            self.skip(place);
            return;
        }
        let message = unknown_property(structured, name);
        let words = vec![name.to_owned(), structured.full_name.to_string()];
        self.report(place, message, &refusal::UNKNOWN_PROPERTY, words);
    }

    /// Refuses or skips a member that an open type does not declare, unless it can be that of an extension: their names have an underscore
    /// (learn.microsoft.com/graph/extensibility-overview). Returns whether it did; then the member is not stored.
    fn refuses_unknown(&mut self, structured: &StructuredType, name: &str, place: &Path<'_>) -> bool {
        let Some(UnknownMembers { choice: (behavior, is_refused), refusal }) = structured.rare().unknown_members else {
            return false;
        };
        if name.contains('_') {
            return false;
        }
        self.note(behavior);
        if !is_refused(self.rules.behaviors) {
            return false;
        }
        if self.rules.behaviors.unknown_property == UnknownProperty::Ignore {
            self.note("unknown-property");
            self.skip(place);
        } else {
            self.report(place, unknown_property(structured, name), refusal, Vec::new());
        }
        true
    }

    /// Skips a member. The log needs only the first few.
    fn skip(&mut self, place: &Path<'_>) {
        if self.reading.skipped.len() < self.rules.problem_limit {
            self.reading.skipped.push(place.to_string());
        }
    }

    /// Writes a value of undeclared type as compact JSON. Of its control information only the types are kept, and all annotations of others:
    /// they come back as they were.
    pub(super) fn dynamic(&mut self, json: &Json<'_>, path: &Path<'_>, out: &mut Vec<u8>) {
        match json {
            Json::Array(items) => {
                out.push(b'[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    self.dynamic(item, &Path::Item(path, index), out);
                }
                out.push(b']');
            }
            Json::Object(members) => {
                let mut seen = HashSet::new();
                let mut separator: &[u8] = b"";
                out.push(b'{');
                for (name, value) in members {
                    if self.is_full() {
                        break;
                    }
                    let place = Path::Member(path, name);
                    let annotation = name.split_once('@');
                    // All spellings of an annotation with a type are the same one.
                    let written = match annotation {
                        Some((target, term)) if self.is_type(term) => Cow::Owned(format!("{target}@odata.type")),
                        _ => Cow::Borrowed(name.as_ref()),
                    };
                    let is_new = seen.insert(written.clone());
                    match annotation {
                        Some((target, term)) if !is_new => self.duplicate_annotation(target, term, &place),
                        Some((_, term)) if self.is_type(term) => {
                            self.type_annotation(None, &refusal::INCOMPATIBLE_TYPE, value, &place);
                            out.extend_from_slice(separator);
                            json::write_string(out, &written);
                            out.push(b':');
                            value.write(out);
                            separator = b",";
                        }
                        None if name.is_empty() && self.is_request() => {
                            self.report(&place, "empty name", &refusal::EMPTY_NAME, Vec::new());
                        }
                        Some((target, _)) if self.is_bind(name) => self.bind_in_value(target, &place),
                        Some((_, term)) if self.control_information(term).is_some() => {}
                        Some(_) => {
                            out.extend_from_slice(separator);
                            json::write_string(out, name);
                            out.push(b':');
                            value.write(out);
                            separator = b",";
                        }
                        None if !is_new => self.duplicate_property(name, &place),
                        None => {
                            out.extend_from_slice(separator);
                            json::write_string(out, name);
                            out.push(b':');
                            self.dynamic(value, &place, out);
                            separator = b",";
                        }
                    }
                }
                out.push(b'}');
            }
            scalar => {
                if let Json::String(text) = scalar {
                    self.check_text(path, text, path);
                }
                scalar.write(out);
            }
        }
    }
}

/// The number of members whose names are compared with each other.
const COMPARED: usize = 16;

/// Whether the name of a member, by its number, has not occurred before. Those of many members are remembered in `seen`.
pub(super) fn is_new_name<'m>(members: &'m [Member<'_>], number: usize, seen: &mut HashSet<&'m str>) -> bool {
    let name = &*members[number].0;
    if members.len() <= COMPARED { members[..number].iter().all(|(other, _)| other != name) } else { seen.insert(name) }
}

/// Returns the description of the problem of a name that a type does not declare.
fn unknown_property(structured: &StructuredType, name: &str) -> String {
    let near = nearest(name, structured.properties.iter().map(|property| &*property.name));
    let hint = near.map_or_else(String::new, |near| format!(" (did you mean '{near}'?)"));
    format!("unknown property of {}{hint}", structured.full_name)
}
