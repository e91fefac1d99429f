//! Documents as generators write them: tags with attributes in double quotes, comments and white space, in a fifth of the time that any other
//! document takes.

use std::borrow::Cow;

use memchr::{memchr, memchr3};
use quick_xml::XmlVersion;
use quick_xml::events::attributes::Attribute;
use quick_xml::name::QName;

use super::{Attributes, Document, State};

/// The attribute with texts for people.
const DESCRIPTION: &str = "String";

/// Reads a document; `None` for one that has anything else, or a problem.
pub(super) fn read(xml: &str) -> Option<Document<'_>> {
    let mut state = State::default();
    let mut open: Vec<&str> = Vec::new();
    let mut attributes: Attributes<'_, '_> = Vec::with_capacity(8);
    let mut at = 0;
    while let Some(length) = memchr(b'<', &xml.as_bytes()[at..]) {
        let text = &xml[at..at + length];
        if state.in_value.is_some() || state.revisions.is_reading() {
            if memchr(b'&', text.as_bytes()).is_some() {
                return None;
            }
            state.text(text);
        }
        at += length + 1;
        let rest = &xml[at..];
        match rest.as_bytes().first()? {
            b'?' => at += rest.find("?>")? + 2,
            b'!' => at += rest.strip_prefix("!--")?.find("-->")? + 6,
            b'/' => {
                let end = memchr(b'>', rest.as_bytes())?;
                let name = rest[1..end].trim_ascii_end();
                if open.pop()? != name {
                    return None;
                }
                state.close(local(name));
                at += end + 1;
            }
            _ => {
                attributes.clear();
                let (name, is_empty, length) = tag(rest, &mut attributes, state.revisions.is_reading())?;
                at += length;
                state.open(local(name), &attributes, is_empty, at).ok()?;
                if !is_empty {
                    open.push(name);
                }
            }
        }
    }
    (open.is_empty() && xml[at..].trim_ascii().is_empty()).then_some(state.document)
}

/// Returns the name without its prefix.
pub(super) fn local(name: &str) -> &str {
    memchr(b':', name.as_bytes()).map_or(name, |at| &name[at + 1..])
}

/// Reads a tag after its first character: the name, whether the element is empty, and the length. Descriptions are read if they are wanted.
fn tag<'x>(text: &'x str, attributes: &mut Attributes<'x, 'x>, reads_descriptions: bool) -> Option<(&'x str, bool, usize)> {
    let bytes = text.as_bytes();
    let name = name(bytes);
    let mut at = name;
    loop {
        let blank = bytes[at..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        at += blank;
        match bytes.get(at)? {
            b'>' => return Some((&text[..name], false, at + 1)),
            b'/' if bytes.get(at + 1) == Some(&b'>') => return Some((&text[..name], true, at + 2)),
            _ if blank == 0 => return None,
            _ => {}
        }
        let length = self::name(&bytes[at..]);
        let attribute = &text[at..at + length];
        at += length;
        if length == 0 || !bytes[at..].starts_with(b"=\"") {
            return None;
        }
        at += 2;
        let length = memchr(b'"', &bytes[at..])?;
        let value = &text[at..at + length];
        at += length + 1;
        // Descriptions are most of a document, and change nothing.
        if attribute == DESCRIPTION && !reads_descriptions {
            continue;
        }
        if attributes.iter().any(|(known, _)| *known == attribute) {
            return None;
        }
        attributes.push((attribute, plain(attribute, value)?));
    }
}

/// Returns the length of the name at the beginning of a text.
fn name(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':' | b'.' | b'-')).count()
}

/// Returns the value of an attribute, mostly as it is written.
fn plain<'x>(name: &'x str, value: &'x str) -> Option<Cow<'x, str>> {
    let bytes = value.as_bytes();
    if memchr3(b'&', b'<', b'\n', bytes).is_none() && !bytes.iter().any(|byte| matches!(byte, b'\t' | b'\r')) {
        return Some(Cow::Borrowed(value));
    }
    let attribute = Attribute { key: QName(name), value: Cow::Borrowed(value) };
    attribute.normalized_value(XmlVersion::Explicit1_0).ok()
}

#[cfg(test)]
mod tests {
    use super::super::read_any;
    use super::*;

    #[test]
    fn documents_are_the_same_by_either_way() {
        let museum = include_str!("../../../../tests/schemas/museum.csdl");
        let built_in = include_str!("../../../../fixtures/model/v1.0.xml");
        let unusual = "<a:Schema Namespace='x'><EntityType Name=\"y\"/></a:Schema>";
        for (xml, is_plain) in [(museum, true), (built_in, true), (unusual, false)] {
            let document = read(xml);
            assert_eq!(document.is_some(), is_plain);
            if let Some(document) = document {
                assert_eq!(format!("{document:?}").len(), format!("{:?}", read_any(xml).unwrap()).len());
            }
        }
    }

    #[test]
    fn values_of_annotations_are_attributes_or_elements() {
        let text = |of_set: &str| {
            format!(
                "<Schema Namespace=\"x\"><EntityContainer Name=\"c\"><EntitySet Name=\"s\" EntityType=\"x.a\">\
                 <Annotation Term=\"Org.OData.Capabilities.V1.InsertRestrictions\"><Record>{of_set}</Record></Annotation>\
                 </EntitySet></EntityContainer></Schema>"
            )
        };
        let attribute = text("<PropertyValue Property=\"Insertable\" Bool=\"false\"/>");
        let element = text("<PropertyValue Property=\"Insertable\">\n<Bool> false </Bool>\n</PropertyValue>");
        let documents = [read(&attribute), read(&element), read_any(&attribute).ok(), read_any(&element).ok()];
        for document in documents {
            let document = document.unwrap();
            assert_eq!(document.facts("x.c").unwrap().member("s").unwrap().insertable, Some(false));
        }
    }

    #[test]
    fn problems_are_left_to_the_library() {
        for xml in [
            "<Schema Namespace=\"x\">",
            "<Schema Namespace=\"x\"></Other>",
            "<Schema Namespace=\"x\"/><EntityType/>",
            "<Schema Namespace=\"x\" Namespace=\"y\"/>",
            "<Schema Namespace=\"x\"Alias=\"y\"/>",
            "<Schema Namespace=x/>",
            "<!DOCTYPE x><Schema Namespace=\"x\"/>",
            "<Schema Namespace=\"x\"/>text",
            "<Schema Namespace=\"x",
            "<",
        ] {
            assert!(read(xml).is_none(), "{xml}");
        }
    }
}
