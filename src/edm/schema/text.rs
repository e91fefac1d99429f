//! The texts of schema documents: given, built in, or published.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::csdl::ChangedElement;
use super::{Version, csdl};

/// The text of a schema document.
#[derive(Clone, Debug)]
pub enum SchemaText {
    /// A document from a file or a test.
    Given(Arc<str>),
    /// The built-in document of a version. That of beta is put together whenever it is read: it takes no memory beside the other.
    BuiltIn(Version),
    /// The document that Graph publishes, with what the built-in one of the version has beyond it.
    Published(Version),
}

/// The text of a document from a file, as bytes.
struct GivenBytes(Arc<str>);

impl AsRef<[u8]> for GivenBytes {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl SchemaText {
    /// Returns the bytes of the text. They are shared with it where it is kept.
    pub(super) fn bytes(&self) -> Bytes {
        match self {
            SchemaText::Given(text) => Bytes::from_owner(GivenBytes(text.clone())),
            SchemaText::BuiltIn(Version::V1) => Bytes::from_static(V1.as_bytes()),
            text => Bytes::from(text.text().into_owned()),
        }
    }

    /// Returns the text.
    pub(crate) fn text(&self) -> Cow<'_, str> {
        match self {
            SchemaText::Given(text) => Cow::Borrowed(text),
            SchemaText::Published(version) => {
                let core = SchemaText::BuiltIn(*version);
                let (core, published) = (core.text(), csdl::packed::V1.text());
                let core = csdl::read(&core).unwrap_or_default();
                let (_, extension) = csdl::extend(&core, csdl::packed::read(&published));
                Cow::Owned(csdl::packed::xml(&published, &extension))
            }
            SchemaText::BuiltIn(Version::V1) => Cow::Borrowed(V1),
            SchemaText::BuiltIn(Version::Beta) => {
                let mut text = String::with_capacity(V1.len() + BETA.iter().map(|(_, new)| new.len()).sum::<usize>());
                let mut rest = V1;
                for (old, new) in BETA {
                    let (before, after) = rest.split_once(old).unwrap_or((rest, ""));
                    text.push_str(before);
                    text.push_str(new);
                    rest = after;
                }
                text.push_str(rest);
                Cow::Owned(text)
            }
        }
    }
}

/// The built-in document of v1.0.
const V1: &str = include_str!("../../../fixtures/model/v1.0.xml");

/// The texts in the built-in document that are others in that of beta, in their order: of types and operations, without annotations.
const BETA: &[(&str, &str)] = &[
    ("Microsoft Graph (v1.0)", "Microsoft Graph (beta)"),
    // learn.microsoft.com/graph/api/resources/timecardevent?view=graph-rest-beta: the older of two names, until November 2027.
    (
        "        <Property Name=\"isAtApprovedLocation\" Type=\"Edm.Boolean\" />\n",
        "        <Property Name=\"atApprovedLocation\" Type=\"Edm.Boolean\" />\n        \
         <Property Name=\"isAtApprovedLocation\" Type=\"Edm.Boolean\" />\n",
    ),
    (
        "        <Property Name=\"supportedEntities\" Type=\"graph.workforceIntegrationSupportedEntities\" />\n",
        "        <Property Name=\"supports\" Type=\"graph.workforceIntegrationSupportedEntities\" />\n        \
         <Property Name=\"supportedEntities\" Type=\"graph.workforceIntegrationSupportedEntities\" />\n",
    ),
    // github.com/microsoftgraph/msgraph-metadata (clean_beta_metadata): decisions of an application in the name of a user.
    (
        "      <Action Name=\"archive\" IsBound=\"true\">\n",
        "      <Action Name=\"approveForUser\" IsBound=\"true\">\n        \
         <Parameter Name=\"bindingParameter\" Type=\"graph.scheduleChangeRequest\" />\n        \
         <Parameter Name=\"message\" Type=\"Edm.String\" />\n        \
         <Parameter Name=\"userId\" Type=\"Edm.String\" />\n      </Action>\n      \
         <Action Name=\"archive\" IsBound=\"true\">\n",
    ),
    APPROVED_LOCATION,
    APPROVED_LOCATION,
    (
        "      <Action Name=\"copy\" IsBound=\"true\">\n",
        "      <Action Name=\"confirmForUser\" IsBound=\"true\">\n        \
         <Parameter Name=\"bindingParameter\" Type=\"graph.timeCard\" />\n        \
         <Parameter Name=\"userId\" Type=\"Edm.String\" />\n        \
         <ReturnType Type=\"graph.timeCard\" />\n      </Action>\n      \
         <Action Name=\"copy\" IsBound=\"true\">\n",
    ),
    APPROVED_LOCATION,
    (
        "      <Action Name=\"follow\" IsBound=\"true\">\n",
        "      <Action Name=\"declineForUser\" IsBound=\"true\">\n        \
         <Parameter Name=\"bindingParameter\" Type=\"graph.scheduleChangeRequest\" />\n        \
         <Parameter Name=\"message\" Type=\"Edm.String\" />\n        \
         <Parameter Name=\"userId\" Type=\"Edm.String\" />\n      </Action>\n      \
         <Action Name=\"follow\" IsBound=\"true\">\n",
    ),
    APPROVED_LOCATION,
];

/// The parameter of steps of a time card that has two names in beta.
const APPROVED_LOCATION: (&str, &str) = (
    "        <Parameter Name=\"isAtApprovedLocation\" Type=\"Edm.Boolean\" />\n",
    "        <Parameter Name=\"atApprovedLocation\" Type=\"Edm.Boolean\" />\n        \
     <Parameter Name=\"isAtApprovedLocation\" Type=\"Edm.Boolean\" />\n",
);

/// The beginning of a declaration in the built-in document of v1.0, or of its end.
const DECLARATION: &str = "\n      <";

/// Places in a text, and the texts in place of those there.
type Changes<'t> = Vec<(Range<usize>, &'t str)>;

/// Returns the declarations of the built-in document of v1.0 that are others in that of beta.
pub(super) fn changed_in_beta() -> Vec<ChangedElement> {
    let schema = V1.find("<Schema ").map_or("", |start| &V1[start..]);
    let schema = schema.find('>').map_or("", |end| &schema[..=end]);
    let mut elements: Vec<(Range<usize>, Changes<'_>)> = Vec::new();
    let mut at = 0;
    for (old, new) in BETA {
        let Some(start) = V1[at..].find(old).map(|start| at + start) else { continue };
        at = start + old.len();
        if let Some((_, changes)) = elements.last_mut().filter(|(place, _)| start < place.end) {
            changes.push((start..at, new));
            continue;
        }
        // The change can begin with the declaration.
        let mut before = V1[..start + DECLARATION.len() - 1].rmatch_indices(DECLARATION).map(|(place, _)| place);
        // Comments change no declaration.
        let Some(first) = before.find(|place| V1.as_bytes()[place + DECLARATION.len()] != b'/') else { continue };
        let mut behind = V1[at - 1..].match_indices(DECLARATION).map(|(place, _)| at - 1 + place);
        let last = behind.find(|place| V1.as_bytes()[place + DECLARATION.len()] == b'/').unwrap_or(at);
        let end = V1[last..].find('>').map_or(last, |length| last + length + 1);
        elements.push((first..end, vec![(start..at, new)]));
    }
    let text = |place: &Range<usize>, changes: &Changes<'_>| {
        let (mut text, mut from) = (schema.to_owned(), place.start);
        for (old, new) in changes {
            text.push_str(&V1[from..old.start]);
            text.push_str(new);
            from = old.end;
        }
        text.push_str(&V1[from..place.end]);
        text + "</Schema>"
    };
    elements.into_iter().map(|(place, changes)| ChangedElement { text: text(&place, &changes), place }).collect()
}

/// The built-in documents, in the order of [`Version::ALL`].
pub(crate) const BUILT_IN: [SchemaText; 2] = [SchemaText::BuiltIn(Version::V1), SchemaText::BuiltIn(Version::Beta)];
