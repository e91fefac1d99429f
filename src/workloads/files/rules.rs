//! Rules of files that CSDL cannot express.

use crate::edm::schema::{
    Capabilities, DEFAULT_CAPABILITIES, DEFAULT_MEDIA, DEFAULT_WORDING, FileRules, IdForm, LimitHeaders, MediaRules,
    PropertyRule, ServerSetValue, TagForm, TagRules, TypeRules, Unique, UpdateAnswer, View, Wording, WorkloadRules,
};
use crate::policy::refusal;

pub(super) static RULES: WorkloadRules = WorkloadRules {
    types: &[
        TypeRules { name: "drive", capabilities: &DRIVE, wording: &DRIVE_WORDING, is_consulted: false },
        TypeRules { name: "driveItem", capabilities: &ITEM, wording: &WORDING, is_consulted: true },
        TypeRules { name: "listItem", capabilities: &DEFAULT_CAPABILITIES, wording: &LIST_ITEM_WORDING, is_consulted: false },
    ],
    properties: &[
        // Medium: read-only on learn.microsoft.com/graph/api/resources/driveitem. That such values in a body are ignored is a guess (none).
        ("baseItem", "createdDateTime", PropertyRule::ReadOnly),
        ("baseItem", "createdDateTime", PropertyRule::ServerSet(ServerSetValue::CreatedAt)),
        ("baseItem", "lastModifiedDateTime", PropertyRule::ReadOnly),
        ("baseItem", "lastModifiedDateTime", PropertyRule::ServerSet(ServerSetValue::ModifiedAt)),
        ("baseItem", "createdBy", PropertyRule::ReadOnly),
        ("baseItem", "createdBy", PropertyRule::ServerSet(ServerSetValue::CreatedBy)),
        // Strong (recorded in pnp/pnpcore): whole seconds; callers with id and name only.
        ("baseItem", "createdDateTime", PropertyRule::WholeSeconds),
        ("baseItem", "lastModifiedDateTime", PropertyRule::WholeSeconds),
        ("baseItem", "createdBy", PropertyRule::PlainIdentity),
        ("baseItem", "lastModifiedBy", PropertyRule::PlainIdentity),
        // Medium: learn.microsoft.com/graph/api/driveitem-post-children.
        ("folder", "childCount", PropertyRule::InitialValue("0")),
        ("baseItem", "lastModifiedBy", PropertyRule::ReadOnly),
        ("baseItem", "lastModifiedBy", PropertyRule::ServerSet(ServerSetValue::ModifiedBy)),
        ("baseItem", "eTag", PropertyRule::ReadOnly),
        ("driveItem", "cTag", PropertyRule::ReadOnly),
        ("driveItem", "content", PropertyRule::ReadOnly),
        ("driveItem", "deleted", PropertyRule::ReadOnly),
        ("driveItem", "root", PropertyRule::ReadOnly),
        ("driveItem", "size", PropertyRule::ReadOnly),
        // A new item says whether it is a folder (learn.microsoft.com/graph/api/driveitem-post-children), and stays that.
        ("driveItem", "file", PropertyRule::Immutable),
        ("driveItem", "folder", PropertyRule::Immutable),
        // An item has the facets that apply to it and no others (strong, recorded in pnp/pnpcore).
        ("driveItem", "deleted", PropertyRule::OmittedWhileNull),
        ("driveItem", "file", PropertyRule::OmittedWhileNull),
        ("driveItem", "folder", PropertyRule::OmittedWhileNull),
        ("driveItem", "image", PropertyRule::OmittedWhileNull),
        ("driveItem", "package", PropertyRule::OmittedWhileNull),
        ("driveItem", "root", PropertyRule::OmittedWhileNull),
        ("driveItem", "shared", PropertyRule::OmittedWhileNull),
        ("driveItem", "specialFolder", PropertyRule::OmittedWhileNull),
        ("driveItem", "cTag", PropertyRule::OmittedWhileNull),
    ],
    // Medium: pages on driveItem, printDocument and attachment of learn.microsoft.com/graph/api.
    media: &[("driveItem", "content", &ITEM_CONTENT), ("printDocument", "", &REDIRECTED), ("fileAttachment", "", &ATTACHMENT)],
    files: &[("driveItem", &ITEMS)],
    unique: &[("driveItem", Unique { property: "name", among: None, with: None, refusal: &refusal::FILE_EXISTS })],
    views: &[
        ("user", "drive", View::Owned { set: "drives", path: &["owner", "user", "id"] }),
        ("group", "drive", View::Owned { set: "drives", path: &["owner", "group", "id"] }),
        ("drive", "items", View::Tree { single: "root", nested: "children" }),
    ],
    // Medium: the page on throttling of learn.microsoft.com/sharepoint, which counts requests by Graph too; of lists and sites as of files.
    limit_headers: &[
        ("baseItem", LimitHeaders::RateLimit),
        ("columnDefinition", LimitHeaders::RateLimit),
        ("contentType", LimitHeaders::RateLimit),
        ("permission", LimitHeaders::RateLimit),
    ],
    tags: &[
        ("driveItem", &ITEM_TAG),
        ("list", &LIST_TAG),
        ("listItem", &LIST_TAG),
        ("columnDefinition", &VERSION_TAG),
        ("contentType", &VERSION_TAG),
    ],
    ..WorkloadRules::NONE
};

static ITEMS: FileRules = FileRules {
    parent: ("parentReference", "id", "path"),
    drive: "driveId",
    content: "content",
    children: "children",
    name: "name",
    download: "@microsoft.graph.downloadUrl",
    size: "size",
    folder: ("folder", "childCount"),
    content_tag: "cTag",
};

static REDIRECTED: MediaRules = MediaRules { is_redirected: true, ..DEFAULT_MEDIA };

static ITEM_CONTENT: MediaRules =
    MediaRules { answer: None, absent: Some(&refusal::UNKNOWN_DRIVE_ITEM), members: Some(super::content::members), ..REDIRECTED };

static ATTACHMENT: MediaRules = MediaRules { inline: Some(("contentBytes", "contentType")), ..DEFAULT_MEDIA };

/// Recorded in pnp/pnpcore: the forms, the header beside each `@odata.etag` (32 of 32), and that items have the annotation with `$select`
/// only. The pages of learn.microsoft.com/graph/api on items have `if-match` as an option, answered with 412.
static ITEM_TAG: TagRules = TagRules {
    form: TagForm::BracedGuid,
    needs_select: true,
    has_header: true,
    absent: None,
    malformed: None,
    stale: &refusal::STALE_FILE,
    conflict: None,
    ignores_empty: false,
};
static LIST_TAG: TagRules = TagRules { form: TagForm::Guid, needs_select: false, ..ITEM_TAG };
static VERSION_TAG: TagRules = TagRules { form: TagForm::Version, ..LIST_TAG };

/// No reference page creates, updates or deletes a drive (medium).
static DRIVE: Capabilities = Capabilities { creates: false, update: None, deletes: false, ..DEFAULT_CAPABILITIES };

/// A successful PATCH is answered with the item (strong, recorded in pnp/pnpcore).
static ITEM: Capabilities = Capabilities { answer: UpdateAnswer::Entity, ..DEFAULT_CAPABILITIES };

/// Strong: the forms of ids are those recorded in pnp/pnpcore.
static DRIVE_WORDING: Wording = Wording { id: IdForm::Base64 { prefix: "b!", bytes: 48 }, ..WORDING };

/// Medium: learn.microsoft.com/graph/api/listitem-create and listitem-list print numbers as ids.
static LIST_ITEM_WORDING: Wording = Wording { id: IdForm::Number, ..DEFAULT_WORDING };

static WORDING: Wording = Wording {
    id: IdForm::Base32 { prefix: "01", characters: 32 },
    noun: "item",
    unknown_entity: &refusal::UNKNOWN_DRIVE_ITEM,
    unknown_ancestor: &refusal::UNKNOWN_DRIVE_ITEM,
    backend_url: "https://contoso-my.sharepoint.com/_api",
    ..DEFAULT_WORDING
};
