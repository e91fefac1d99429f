//! Writes the compact form of a published document, and compares two of them.
//!
//! Only facts are kept: no descriptions, and only the annotations that the emulator follows.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;

use quick_xml::Reader;
use quick_xml::events::Event;

use super::super::{Document, attributes_of, facts, tags};
use super::{FIRST_CODE, Form, Line, Packed, hash};

/// The number of codes: letters and the signs behind them, none of which begins another kind of line.
const CODES: usize = (b'~' - FIRST_CODE) as usize + 1;

/// Attributes with texts for people.
const TEXTS: [&str; 3] = ["String", "Date", "Qualifier"];

/// Elements that say nothing when they have lost their content.
const HOLDERS: [&str; 4] = ["Annotations", "Record", "Collection", "PropertyValue"];

#[derive(Debug, Default)]
struct Element {
    name: String,
    attributes: Vec<(String, String)>,
    children: Vec<Element>,
    text: String,
}

/// Returns the compact form of a document. `inner` is the built-in one.
pub(super) fn packed(xml: &str, inner: &Document<'_>) -> Result<Vec<u8>, String> {
    let declared = super::super::read_any(xml).map_err(|error| error.to_string())?;
    let operations: BTreeSet<u32> = declared.operations.iter().map(|operation| hash(&[&operation.name])).collect();
    let known: BTreeSet<String> = inner.types.iter().map(|known| inner.qualified(known.schema, &known.name)).collect();
    let mut members = BTreeSet::new();
    for declaration in &declared.types {
        let owner = declared.qualified(declaration.schema, &declaration.name);
        if known.contains(&owner) {
            members.extend(declaration.properties.iter().map(|member| hash(&[&owner, "/", &member.name])));
            members.extend(declaration.navigations.iter().map(|member| hash(&[&owner, "/", &member.name])));
        }
    }
    let named = |schema: usize, name: &str| hash(&[&declared.qualified(schema, name)]);
    let types: BTreeSet<u32> = declared.types.iter().map(|known| named(known.schema, &known.name)).collect();
    let enums: BTreeSet<u32> = declared.enums.iter().map(|known| named(known.schema, &known.name)).collect();
    let root = kept(tree(xml)?).ok_or("a document without declarations")?;
    let (mut elements, mut attributes) = (Vec::new(), Vec::new());
    let mut lines = String::new();
    write(&root, &mut elements, &mut attributes, &mut lines)?;
    if elements.len().max(attributes.len()) > CODES {
        return Err(format!("too many names of elements or attributes: expected at most {CODES}"));
    }
    let text = format!("{}\n{}\n{lines}", elements.join("\t"), attributes.join("\t"));
    let mut bytes = Vec::new();
    for index in [operations, members, types, enums] {
        bytes.extend(u32::try_from(index.len()).map_err(|error| error.to_string())?.to_le_bytes());
        bytes.extend(index.iter().flat_map(|hash| hash.to_le_bytes()));
    }
    let mut encoder = flate2::write::GzEncoder::new(bytes, flate2::Compression::best());
    encoder.write_all(text.as_bytes()).map_err(|error| error.to_string())?;
    encoder.finish().map_err(|error| error.to_string())
}

fn tree(xml: &str) -> Result<Element, String> {
    let mut reader = Reader::from_str(xml);
    let mut open = vec![Element::default()];
    loop {
        let event = reader.read_event().map_err(|error| error.to_string())?;
        let (start, is_empty) = match &event {
            Event::Start(start) => (start, false),
            Event::Empty(start) => (start, true),
            Event::End(_) => {
                let closed = open.pop().ok_or("an end without a start")?;
                open.last_mut().ok_or("an end without a start")?.children.push(closed);
                continue;
            }
            Event::Text(text) => {
                open.last_mut().ok_or("a text outside")?.text.push_str(text.as_ref().trim());
                continue;
            }
            Event::Eof => {
                return open.pop().and_then(|mut outside| outside.children.pop()).ok_or_else(|| "no element".to_owned());
            }
            _ => continue,
        };
        let attributes = attributes_of(start)?.into_iter().map(|(name, value)| (name.to_owned(), value.into_owned()));
        let element = Element { name: start.name().as_ref().to_owned(), attributes: attributes.collect(), ..Element::default() };
        if is_empty {
            open.last_mut().ok_or("an element outside")?.children.push(element);
        } else {
            open.push(element);
        }
    }
}

/// Returns an element without what is left out.
fn kept(element: Element) -> Option<Element> {
    let local = tags::local(&element.name).to_owned();
    let attribute = |wanted: &str| element.attributes.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
    let is_dropped = local == "Term" || local == "Annotation" && !attribute("Term").is_some_and(facts::is_known);
    if is_dropped || TEXTS.iter().any(|name| local == *name || local == "PropertyValue" && attribute(name).is_some()) {
        return None;
    }
    let had_content = !element.children.is_empty();
    let children: Vec<Element> = element.children.into_iter().filter_map(kept).collect();
    let is_hollow = had_content && children.is_empty() && element.text.is_empty();
    let attributes = element.attributes.into_iter().filter(|(name, _)| !TEXTS.contains(&name.as_str()));
    (!is_hollow || !HOLDERS.contains(&&*local)).then(|| Element {
        name: element.name,
        attributes: attributes.collect(),
        children,
        text: element.text,
    })
}

fn write(element: &Element, elements: &mut Vec<String>, attributes: &mut Vec<String>, out: &mut String) -> Result<(), String> {
    let has_content = !element.children.is_empty() || !element.text.is_empty();
    if has_content {
        out.push('+');
    }
    out.push(code(&element.name, elements));
    for (name, value) in &element.attributes {
        if value.contains(['\t', '\n']) {
            return Err(format!("a tab or a line break in attribute {name} of <{}>", element.name));
        }
        out.push('\t');
        out.push(code(name, attributes));
        out.push_str(value);
    }
    out.push('\n');
    for child in &element.children {
        write(child, elements, attributes, out)?;
    }
    if !element.text.is_empty() {
        out.extend(["=", &element.text, "\n"]);
    }
    if has_content {
        out.push_str("-\n");
    }
    Ok(())
}

fn code(name: &str, names: &mut Vec<String>) -> char {
    let known = names.iter().position(|known| known == name).unwrap_or_else(|| {
        names.push(name.to_owned());
        names.len() - 1
    });
    char::from(FIRST_CODE.saturating_add(u8::try_from(known).unwrap_or(u8::MAX)))
}

/// Returns what differs between two forms: the declarations, members and annotations that only one of them has, a line each.
pub(super) fn changes(old: &[u8], new: &[u8]) -> String {
    let (old, new) = (statements(old), statements(new));
    let missing = |from: &BTreeMap<String, usize>, other: &BTreeMap<String, usize>, sign: char| -> Vec<String> {
        let rows = from.iter().filter(|(text, count)| other.get(*text) != Some(count));
        rows.map(|(text, _)| format!("{text} {sign}")).collect()
    };
    let mut lines = missing(&old, &new, '-');
    lines.extend(missing(&new, &old, '+'));
    lines.sort_unstable();
    lines.iter().filter_map(|line| line.rsplit_once(' ')).fold(String::new(), |out, (text, sign)| out + sign + " " + text + "\n")
}

/// Returns the start tags of a form with the names of those around them, and how often each occurs.
fn statements(form: &[u8]) -> BTreeMap<String, usize> {
    let text = Packed(form).text();
    let form = Form::of(&text);
    let mut found = BTreeMap::new();
    let mut open: Vec<String> = Vec::new();
    for line in form.lines() {
        match line {
            Line::Start { element, cells, is_empty } => {
                let cells: Vec<(&str, &str)> = form.attributes(cells).collect();
                let name = cells.iter().find(|(name, _)| matches!(*name, "Namespace" | "Name" | "Target" | "Term" | "Property"));
                let path = format!("{}/{}", open.join("/"), name.map_or(element, |(_, value)| value));
                let attributes: Vec<String> = cells.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
                *found.entry(format!("{path} <{element} {}>", attributes.join(" "))).or_default() += 1;
                if !is_empty {
                    open.push(name.map_or(element, |(_, value)| value).to_owned());
                }
            }
            Line::End => drop(open.pop()),
            Line::Text(text) => *found.entry(format!("{} {text}", open.join("/"))).or_default() += 1,
        }
    }
    found
}
