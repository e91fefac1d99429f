//! The schema that Graph publishes, in a compact form: its facts without descriptions, as `write` makes it from the published document.
//!
//! A file begins with four indexes, which are read in place: the names of its operations, the members of those types that the built-in
//! document has too, the names of its structured types, and those of its enums. An index is the number of its entries and a hash of each, in ascending order, all four bytes long and little-endian.
//! A gzip member follows, with one line for each start tag, end tag and text of the document:
//!
//! - The first line has the names of elements, the second one those of attributes, with tabs between them. A code is the place in such a
//!   list as a letter, from `A` on.
//! - An empty element is its code; behind it, for each attribute, a tab, its code and its value. One with content has a `+` before it.
//! - `-` is the end of the innermost element, `=` begins a text.

#[cfg(test)]
mod write;

use std::borrow::Cow;

use super::{Attributes, Document, Extension, OperationDeclaration, PropertyDeclaration, State, tags};
use crate::text::gzip;

/// The published document of v1.0 (github.com/microsoftgraph/msgraph-metadata, MIT).
pub(crate) const V1: Packed<'static> = Packed(include_bytes!("../../../../fixtures/model/published-v1.0.bin"));

/// The first code.
const FIRST_CODE: u8 = b'A';

/// A document in the compact form.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packed<'p>(&'p [u8]);

impl Packed<'_> {
    /// Whether an operation has this name, in any case. Very few other names are taken for one. Nothing is unpacked.
    pub(crate) fn may_have_operation(self, name: &str) -> bool {
        self.parts().is_some_and(|parts| has(parts.operations, hash(&[name])))
    }

    /// Whether a type of the built-in document has this member, in any case, among those that it declares itself.
    pub(crate) fn may_have_member(self, type_name: &str, name: &str) -> bool {
        self.parts().is_some_and(|parts| has(parts.members, hash(&[type_name, "/", name])))
    }

    /// Whether a name, in any case, is that of an enum although it is that of a structured type elsewhere, or the other way round.
    pub(crate) fn may_conflict(self, name: &str, is_enum: bool) -> bool {
        self.parts().is_some_and(|parts| has(if is_enum { parts.types } else { parts.enums }, hash(&[name])))
    }

    fn parts(&self) -> Option<Parts<'_>> {
        let (operations, rest) = index(self.0)?;
        let (members, rest) = index(rest)?;
        let (types, rest) = index(rest)?;
        let (enums, lines) = index(rest)?;
        Some(Parts { operations, members, types, enums, lines })
    }

    /// Returns the lines, unpacked.
    pub(crate) fn text(self) -> String {
        let unpacked = self.parts().and_then(|parts| gzip::unpack_own(parts.lines).ok());
        String::from_utf8(unpacked.unwrap_or_default()).unwrap_or_default()
    }
}

/// Returns the declarations of the unpacked lines.
pub(crate) fn read(text: &str) -> Document<'_> {
    let form = Form::of(text);
    let mut state = State::default();
    let mut open: Vec<&str> = Vec::new();
    let mut attributes: Attributes<'_, '_> = Vec::with_capacity(8);
    for line in form.lines() {
        match line {
            Line::Start { element, cells, is_empty } => {
                attributes.clear();
                attributes.extend(form.attributes(cells).map(|(name, value)| (name, Cow::Borrowed(value))));
                // The document was read before it was written in this form.
                let _ = state.open(tags::local(element), &attributes, is_empty, 0);
                if !is_empty {
                    open.push(element);
                }
            }
            Line::End => {
                if let Some(element) = open.pop() {
                    state.close(tags::local(element));
                }
            }
            Line::Text(text) => state.text(text),
        }
    }
    state.document
}

/// Returns the document of the unpacked lines as XML, with the declarations of an extension.
pub(crate) fn xml(text: &str, extension: &Extension<'_>) -> String {
    let form = Form::of(text);
    let mut out = Xml { text: String::with_capacity(3 * text.len()), is_behind_text: false };
    let (mut namespace, mut operation, mut skipped) = ("", 0, None);
    let mut open: Vec<(&str, Option<&[PropertyDeclaration<'_>]>)> = Vec::new();
    out.text.push_str("<?xml version=\"1.0\" encoding=\"utf-8\"?>");
    for line in form.lines() {
        match line {
            Line::Start { element, cells, is_empty } => {
                let attribute = |wanted| form.attributes(cells).find(|(name, _)| *name == wanted).map_or("", |(_, value)| value);
                let added = match element {
                    "EntityType" | "ComplexType" => extension.properties_of(namespace, attribute("Name")),
                    _ => None,
                };
                match element {
                    "Schema" => namespace = attribute("Namespace"),
                    "Action" | "Function" => {
                        if extension.replaced_operations.contains(&operation) {
                            skipped = Some(open.len());
                        }
                        operation += 1;
                    }
                    _ => {}
                }
                if skipped.is_none() {
                    out.start(element, form.attributes(cells), is_empty && added.is_none());
                }
                if !is_empty {
                    open.push((element, added));
                } else if skipped == Some(open.len()) {
                    skipped = None;
                } else if let Some(added) = added {
                    out.properties(added);
                    out.end(element);
                }
            }
            Line::End => {
                let Some((element, added)) = open.pop() else { continue };
                if skipped.is_some() {
                    skipped = skipped.filter(|depth| *depth != open.len());
                    continue;
                }
                out.properties(added.unwrap_or_default());
                if element == "Schema" {
                    extension.operations_of(namespace).for_each(|added| out.operation(added));
                }
                out.end(element);
            }
            Line::Text(text) if skipped.is_none() => out.text(text),
            Line::Text(_) => {}
        }
    }
    out.text.push('\n');
    out.text
}

/// The parts of a file.
struct Parts<'p> {
    operations: &'p [u8],
    members: &'p [u8],
    types: &'p [u8],
    enums: &'p [u8],
    /// The packed lines.
    lines: &'p [u8],
}

/// Returns the index at the beginning of bytes, and the rest of them.
fn index(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (count, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked((u32::from_le_bytes(*count) as usize).checked_mul(4)?)
}

/// Whether an index has a hash.
fn has(index: &[u8], hash: u32) -> bool {
    let (hashes, _) = index.as_chunks::<4>();
    hashes.binary_search_by_key(&hash, |bytes| u32::from_le_bytes(*bytes)).is_ok()
}

/// Returns a hash of a name in parts that is the same in any case (FNV-1a).
fn hash(name: &[&str]) -> u32 {
    let add = |hash: u32, byte: u8| (hash ^ u32::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0193);
    name.iter().flat_map(|part| part.bytes()).fold(0x811c_9dc5, add)
}

/// The unpacked form.
struct Form<'t> {
    elements: Vec<&'t str>,
    attributes: Vec<&'t str>,
    body: &'t str,
}

/// A line of the form.
enum Line<'t> {
    Start { element: &'t str, cells: &'t str, is_empty: bool },
    End,
    Text(&'t str),
}

impl<'t> Form<'t> {
    fn of(text: &'t str) -> Form<'t> {
        let (elements, rest) = text.split_once('\n').unwrap_or_default();
        let (attributes, body) = rest.split_once('\n').unwrap_or_default();
        Form { elements: elements.split('\t').collect(), attributes: attributes.split('\t').collect(), body }
    }

    fn lines(&self) -> impl Iterator<Item = Line<'t>> {
        parts(self.body, b'\n').map(|line| match line.as_bytes().first() {
            Some(b'-') | None => Line::End,
            Some(b'=') => Line::Text(&line[1..]),
            Some(_) => {
                let (is_empty, line) = line.strip_prefix('+').map_or((true, line), |line| (false, line));
                let (code, cells) = (line, line.get(2..).unwrap_or_default());
                Line::Start { element: named(&self.elements, code), cells, is_empty }
            }
        })
    }

    /// Returns the attributes of an element by their cells.
    fn attributes(&self, cells: &'t str) -> impl Iterator<Item = (&'t str, &'t str)> {
        let cells = parts(cells, b'\t').filter_map(|cell| cell.split_at_checked(1));
        cells.map(|(code, value)| (named(&self.attributes, code), value))
    }
}

/// Returns the parts of a text that end with a sign; the last one may end with the text.
fn parts(text: &str, end: u8) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (part, behind) = match memchr::memchr(end, rest.as_bytes()) {
            Some(at) => (&rest[..at], &rest[at + 1..]),
            None => (rest, ""),
        };
        rest = behind;
        Some(part)
    })
}

/// Returns the name with a code.
fn named<'t>(names: &[&'t str], code: &str) -> &'t str {
    let place = code.bytes().next().map(|code| usize::from(code.wrapping_sub(FIRST_CODE)));
    place.and_then(|place| names.get(place)).copied().unwrap_or_default()
}

/// An XML document that is written.
struct Xml {
    text: String,
    is_behind_text: bool,
}

impl Xml {
    fn start<'a>(&mut self, element: &str, attributes: impl Iterator<Item = (&'a str, &'a str)>, is_empty: bool) {
        self.text.push_str("\n<");
        self.text.push_str(element);
        for (name, value) in attributes {
            self.text.extend([" ", name, "=\""]);
            self.escaped(value);
            self.text.push('"');
        }
        self.text.push_str(if is_empty { "/>" } else { ">" });
        self.is_behind_text = false;
    }

    fn end(&mut self, element: &str) {
        self.text.extend([if self.is_behind_text { "</" } else { "\n</" }, element, ">"]);
        self.is_behind_text = false;
    }

    fn text(&mut self, text: &str) {
        self.escaped(text);
        self.is_behind_text = true;
    }

    fn escaped(&mut self, text: &str) {
        for character in text.chars() {
            match character {
                '&' => self.text.push_str("&amp;"),
                '<' => self.text.push_str("&lt;"),
                '"' => self.text.push_str("&quot;"),
                other => self.text.push(other),
            }
        }
    }

    fn properties(&mut self, properties: &[PropertyDeclaration<'_>]) {
        for property in properties {
            let nullable = (!property.nullable).then_some(("Nullable", "false"));
            let attributes = [("Name", &*property.name), ("Type", &*property.type_name)].into_iter().chain(nullable);
            self.start("Property", attributes, true);
        }
    }

    fn operation(&mut self, operation: &OperationDeclaration<'_>) {
        let element = if operation.is_action { "Action" } else { "Function" };
        let bound = operation.is_bound.then_some(("IsBound", "true"));
        self.start(element, [("Name", &*operation.name)].into_iter().chain(bound), false);
        for parameter in &operation.parameters {
            let nullable = (!parameter.nullable).then_some(("Nullable", "false"));
            let attributes = [("Name", &*parameter.name), ("Type", &*parameter.type_name)].into_iter().chain(nullable);
            self.start("Parameter", attributes, true);
        }
        if let Some(returns) = &operation.return_type {
            self.start("ReturnType", [("Type", &**returns)].into_iter(), true);
        }
        self.end(element);
    }
}

#[cfg(test)]
mod tests;
