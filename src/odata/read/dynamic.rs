//! Undeclared members of open types.

use std::borrow::Cow;
use std::collections::HashSet;

use super::problem::Path;
use super::reader::BodyReader;
use crate::policy::refusal;
use crate::text::json::{self, Json};

impl BodyReader<'_> {
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
                    self.check_text(&path.to_string(), text, path);
                }
                scalar.write(out);
            }
        }
    }
}
