//! The rows: a value in a body, and its effect.
//!
//! Each is a PATCH of the first built-in integration on v1.0 under the default profile, changed by `under`.

use wfi_emulator::internals::policy::behavior::Grade::{self, Medium, None as NoEvidence, Strong, Weak};
use wfi_emulator::internals::policy::refusal::{self, Refusal};

pub(super) struct Row {
    /// The kind of property.
    pub(super) property: &'static str,
    /// The value in the body.
    pub(super) state: &'static str,
    pub(super) body: &'static str,
    pub(super) under: &'static [(&'static str, &'static str)],
    pub(super) then: Then,
    pub(super) grade: Grade,
    pub(super) source: &'static str,
}

pub(super) enum Then {
    /// 200; these members are stored and returned. All others stay.
    Stored(&'static str, &'static str),
    /// 200; nothing changes but `lastModifiedBy` and `lastModifiedDateTime`.
    Kept,
    /// 200; nothing changes at all.
    Untouched,
    /// Refused; nothing changes at all.
    Refused(&'static Refusal),
}

use Then::{Kept, Refused, Stored, Untouched};

type Under = &'static [(&'static str, &'static str)];

const fn row(
    property: &'static str,
    state: &'static str,
    body: &'static str,
    under: Under,
    then: Then,
    grade: Grade,
    source: &'static str,
) -> Row {
    Row { property, state, body, under, then, grade, source }
}

const PAGE: &str = "learn.microsoft.com/graph/api/workforceintegration-update";
const MERGE: &str = "OData 4.0 Part 1, 11.4.3";
const DELTA: &str = "OData 4.0 Part 1, 11.4.3; AspNetCoreOData Delta<T>.CopyChangedValues";
const GATEWAY: &str = "msgraph-search-connector-sample#3";
const LIBRARY: &str = "OData/odata.net";
const EVOLVABLE: &str = "github.com/microsoft/api-guidelines evolvable-enums.md";
const GUIDE: &str = "learn.microsoft.com/microsoft-365/frontline/shifts-custom-wfm-integration";
const FLAGS: &str = "AspNetCoreOData ReadFlagsEnumValue";
const CASE: &str = "learn.microsoft.com/graph/traverse-the-graph";
const COMPUTED: &str = "Org.OData.Core.V1.Computed; OData 4.0 Part 1, 11.4.3";
const ANNOTATIONS: &str = "OData JSON Format 4.0, 4.5";
const GUESS: &str = "no public observation";

// One row, one line.
#[rustfmt::skip]
pub(super) static ROWS: &[Row] = &[
    // The body as a whole.
    row("body", "no member", "{}", &[], Untouched, Weak, MERGE),
    row("body", "annotations alone", r##"{"@odata.type":"#microsoft.graph.workforceIntegration"}"##, &[], Untouched, NoEvidence, GUESS),
    row("body", "an array", "[]", &[], Refused(&refusal::NOT_AN_OBJECT), NoEvidence, GUESS),
    row("body", "no JSON", "{", &[], Refused(&refusal::UNREADABLE_PAYLOAD), Strong, "msgraph-sdk-php#632"),
    row("body", "empty", "", &[], Refused(&refusal::EMPTY_PAYLOAD), Strong, "microsoft-graph-docs#4769"),
    // String.
    row("String", "absent", r#"{"apiVersion":2}"#, &[], Stored(r#"{"apiVersion":2}"#, r#"{"apiVersion":2,"displayName":"Contoso Workforce"}"#), Strong, PAGE),
    row("String", "null", r#"{"displayName":null}"#, &[], Stored(r#"{"displayName":null}"#, r#"{"displayName":null}"#), Strong, MERGE),
    row("String", "the same", r#"{"displayName":"Contoso Workforce"}"#, &[], Kept, Medium, PAGE),
    row("String", "changed", r#"{"displayName":"x"}"#, &[], Stored(r#"{"displayName":"x"}"#, r#"{"displayName":"x"}"#), Strong, PAGE),
    row("String", "empty", r#"{"displayName":""}"#, &[], Stored(r#"{"displayName":""}"#, r#"{"displayName":""}"#), Medium, MERGE),
    row("String", "name in another case", r#"{"DISPLAYNAME":"x"}"#, &[], Stored(r#"{"displayName":"x"}"#, r#"{"displayName":"x"}"#), Medium, CASE),
    row("String", "a number", r#"{"displayName":7}"#, &[], Refused(&refusal::SCHEMA_MISMATCH), Strong, GATEWAY),
    row("String", "an object", r#"{"displayName":{}}"#, &[], Refused(&refusal::SCHEMA_MISMATCH), Strong, GATEWAY),
    row("String", "twice", r#"{"displayName":"x","displayName":"x"}"#, &[], Refused(&refusal::DUPLICATE_PROPERTY), Weak, LIBRARY),
    row("String", "annotated right", r##"{"displayName@odata.type":"#String","displayName":"x"}"##, &[], Stored(r#"{"displayName":"x"}"#, r#"{"displayName":"x"}"#), Weak, LIBRARY),
    row("String", "annotated wrong", r##"{"displayName@odata.type":"#Int32","displayName":"x"}"##, &[], Refused(&refusal::INCOMPATIBLE_TYPE), Weak, LIBRARY),
    // Int32.
    row("Int32", "null", r#"{"apiVersion":null}"#, &[], Stored(r#"{"apiVersion":null}"#, r#"{"apiVersion":null}"#), Strong, MERGE),
    row("Int32", "changed", r#"{"apiVersion":10}"#, &[], Stored(r#"{"apiVersion":10}"#, r#"{"apiVersion":10}"#), Strong, PAGE),
    row("Int32", "below 1", r#"{"apiVersion":-1}"#, &[], Stored(r#"{"apiVersion":-1}"#, r#"{"apiVersion":-1}"#), NoEvidence, GUESS),
    row("Int32", "a string", r#"{"apiVersion":"10"}"#, &[], Refused(&refusal::SCHEMA_MISMATCH), Strong, GATEWAY),
    row("Int32", "a string, as the library reads it", r#"{"apiVersion":"10"}"#, &[("wrong-primitive", "literal")], Stored(r#"{"apiVersion":10}"#, r#"{"apiVersion":10}"#), Weak, LIBRARY),
    row("Int32", "no number, in the library's words", r#"{"apiVersion":"ten"}"#, &[("wrong-primitive", "literal")], Refused(&refusal::CANNOT_CONVERT), Weak, LIBRARY),
    row("Int32", "a fraction", r#"{"apiVersion":1.5}"#, &[], Refused(&refusal::SCHEMA_MISMATCH), Weak, LIBRARY),
    row("Int32", "a fraction of zero", r#"{"apiVersion":1.0}"#, &[], Refused(&refusal::SCHEMA_MISMATCH), Weak, "OData ABNF, int32Value"),
    row("Int32", "out of range", r#"{"apiVersion":2147483648}"#, &[], Refused(&refusal::SCHEMA_MISMATCH), Weak, LIBRARY),
    // Boolean.
    row("Boolean", "null", r#"{"isActive":null}"#, &[], Stored(r#"{"isActive":null}"#, r#"{"isActive":null}"#), Strong, MERGE),
    row("Boolean", "changed", r#"{"isActive":false}"#, &[], Stored(r#"{"isActive":false}"#, r#"{"isActive":false}"#), Strong, PAGE),
    row("Boolean", "a string", r#"{"isActive":"false"}"#, &[], Refused(&refusal::SCHEMA_MISMATCH), Strong, GATEWAY),
    row("Boolean", "a number", r#"{"isActive":0}"#, &[], Refused(&refusal::SCHEMA_MISMATCH), Strong, GATEWAY),
    // url.
    row("url", "changed", r#"{"url":"https://contoso.com/x"}"#, &[], Stored(r#"{"url":"https://contoso.com/x"}"#, r#"{"url":"https://contoso.com/x"}"#), Strong, PAGE),
    row("url", "uppercase host", r#"{"url":"https://CONTOSO.com/"}"#, &[], Stored(r#"{"url":"https://CONTOSO.com/"}"#, r#"{"url":"https://CONTOSO.com/"}"#), Weak, PAGE),
    row("url", "http", r#"{"url":"http://localhost/"}"#, &[], Stored(r#"{"url":"http://localhost/"}"#, r#"{"url":"http://localhost/"}"#), NoEvidence, GUESS),
    row("url", "http, where https is wanted", r#"{"url":"http://localhost/"}"#, &[("url-check", "https")], Refused(&refusal::INVALID_URL), NoEvidence, GUESS),
    row("url", "no address", r#"{"url":"Url value"}"#, &[], Refused(&refusal::INVALID_URL), NoEvidence, GUESS),
    row("url", "no address, unchecked", r#"{"url":"Url value"}"#, &[("url-check", "none")], Stored(r#"{"url":"Url value"}"#, r#"{"url":"Url value"}"#), NoEvidence, "early draft of the reference page"),
    // Flags.
    row("flags enum", "null", r#"{"supportedEntities":null}"#, &[], Stored(r#"{"supportedEntities":null}"#, r#"{"supportedEntities":null,"supports":null}"#), Strong, MERGE),
    row("flags enum", "one member", r#"{"supportedEntities":"shift"}"#, &[], Stored(r#"{"supportedEntities":"shift"}"#, r#"{"supportedEntities":"shift","supports":"shift"}"#), Strong, PAGE),
    row("flags enum", "a list, uppercase first letters", r#"{"supportedEntities":"Shift,SwapRequest"}"#, &[], Stored(r#"{"supportedEntities":"shift,swapRequest"}"#, r#"{"supportedEntities":"shift,swapRequest"}"#), Strong, PAGE),
    row("flags enum", "a list, any case, spaces", r#"{"supportedEntities":" swapRequest , SHIFT"}"#, &[], Stored(r#"{"supportedEntities":"shift,swapRequest"}"#, r#"{"supportedEntities":"shift,swapRequest"}"#), Medium, FLAGS),
    row("flags enum", "a list in the schema's case, under the uppercase rule", r#"{"supportedEntities":"shift,swapRequest"}"#, &[("flag-lists", "pascal-only")], Refused(&refusal::NOT_A_MEMBER), Medium, GUIDE),
    row("flags enum", "none beside others", r#"{"supportedEntities":"none,shift"}"#, &[], Stored(r#"{"supportedEntities":"shift"}"#, r#"{"supportedEntities":"shift"}"#), Weak, FLAGS),
    row("flags enum", "a number in a string", r#"{"supportedEntities":"3"}"#, &[], Stored(r#"{"supportedEntities":"shift,swapRequest"}"#, r#"{"supportedEntities":"shift,swapRequest"}"#), Weak, FLAGS),
    row("flags enum", "a number of no member", r#"{"supportedEntities":"4"}"#, &[], Refused(&refusal::NOT_A_MEMBER), NoEvidence, GUESS),
    row("flags enum", "empty", r#"{"supportedEntities":""}"#, &[], Stored(r#"{"supportedEntities":"none"}"#, r#"{"supportedEntities":"none"}"#), NoEvidence, "msgraph-sdk (TypeScript) sends it"),
    row("flags enum", "empty, refused", r#"{"supportedEntities":""}"#, &[("empty-flags", "reject")], Refused(&refusal::EMPTY_MEMBER), Weak, ".NET Enum.Parse"),
    row("flags enum", "not a member", r#"{"supportedEntities":"shift,nonsense"}"#, &[], Refused(&refusal::NOT_A_MEMBER), Strong, GUIDE),
    row("flags enum", "not a member, accepted", r#"{"supportedEntities":"String"}"#, &[("enum-values", "accept")], Stored(r#"{"supportedEntities":"String"}"#, r#"{"supportedEntities":"String"}"#), NoEvidence, "early draft of the reference page"),
    row("flags enum", "the sentinel", r#"{"supportedEntities":"unknownFutureValue"}"#, &[], Kept, Medium, EVOLVABLE),
    row("flags enum", "the sentinel in a list", r#"{"supportedEntities":"shift,unknownFutureValue"}"#, &[], Kept, Medium, EVOLVABLE),
    row("flags enum", "the sentinel, refused", r#"{"supportedEntities":"unknownFutureValue"}"#, &[("sentinel-in", "reject")], Refused(&refusal::SENTINEL_VALUE), Weak, EVOLVABLE),
    row("flags enum", "a hidden member", r#"{"supportedEntities":"shift,timeCard"}"#, &[], Stored(r#"{"supportedEntities":"shift,timeCard"}"#, r#"{"supportedEntities":"shift,unknownFutureValue"}"#), Weak, EVOLVABLE),
    row("flags enum", "a hidden member, refused", r#"{"supportedEntities":"timeCard"}"#, &[("hidden-members-in", "reject")], Refused(&refusal::HIDDEN_VALUE), Weak, EVOLVABLE),
    row("flags enum", "an array", r#"{"supportedEntities":["shift"]}"#, &[], Refused(&refusal::SCHEMA_MISMATCH), Strong, GATEWAY),
    row("flags enum", "a number", r#"{"supportedEntities":1}"#, &[], Refused(&refusal::SCHEMA_MISMATCH), Weak, LIBRARY),
    row("flags enum", "annotated right", r##"{"supportedEntities@odata.type":"#microsoft.graph.workforceIntegrationSupportedEntities","supportedEntities":"shift"}"##, &[], Stored(r#"{"supportedEntities":"shift"}"#, r#"{"supportedEntities":"shift"}"#), Weak, LIBRARY),
    row("flags enum", "annotated wrong", r##"{"supportedEntities@odata.type":"#String","supportedEntities":"shift"}"##, &[], Refused(&refusal::INCOMPATIBLE_TYPE), Weak, LIBRARY),
    // `supports`, the older name.
    row("supports", "alone", r#"{"supports":"shift"}"#, &[], Stored(r#"{"supportedEntities":"shift"}"#, r#"{"supports":"shift","supportedEntities":"shift"}"#), Weak, "learn.microsoft.com/graph/api/workforceintegration-get (response)"),
    row("supports", "alone, where the schema lacks it", r#"{"supports":"shift"}"#, &[("supports", "absent")], Refused(&refusal::UNKNOWN_PROPERTY), Strong, "published schema (microsoftgraph/msgraph-metadata)"),
    row("supports", "stale beside a changed newer name", r#"{"supports":"shift,swapRequest,userShiftPreferences,openShift,openShiftRequest","supportedEntities":"shift"}"#, &[], Stored(r#"{"supportedEntities":"shift"}"#, r#"{"supports":"shift"}"#), NoEvidence, GUESS),
    row("supports", "changed beside a stale newer name", r#"{"supportedEntities":"shift,swapRequest,userShiftPreferences,openShift,openShiftRequest","supports":"shift"}"#, &[], Stored(r#"{"supportedEntities":"shift"}"#, r#"{"supports":"shift"}"#), NoEvidence, GUESS),
    row("supports", "both changed, the older name last", r#"{"supportedEntities":"openShift","supports":"shift"}"#, &[], Stored(r#"{"supportedEntities":"openShift"}"#, r#"{"supports":"openShift"}"#), NoEvidence, GUESS),
    row("supports", "both changed", r#"{"supports":"shift","supportedEntities":"openShift"}"#, &[], Stored(r#"{"supportedEntities":"openShift"}"#, r#"{"supports":"openShift"}"#), NoEvidence, GUESS),
    // Complex values.
    row("complex", "null", r#"{"encryption":null}"#, &[], Stored(r#"{"encryption":null}"#, r#"{"encryption":null}"#), Strong, DELTA),
    row("complex", "no member", r#"{"encryption":{}}"#, &[], Kept, Strong, DELTA),
    row("complex", "a member null", r#"{"encryption":{"protocol":null}}"#, &[], Stored(r#"{"encryption":{"protocol":null}}"#, r#"{"encryption":{"protocol":null,"secret":null}}"#), Strong, DELTA),
    row("complex", "a part of it", r#"{"encryption":{"secret":"x"}}"#, &[], Stored(r#"{"encryption":{"secret":"x"}}"#, r#"{"encryption":{"protocol":"sharedSecret","secret":null}}"#), Strong, DELTA),
    row("complex", "a string", r#"{"encryption":"x"}"#, &[], Refused(&refusal::SCHEMA_MISMATCH), Strong, GATEWAY),
    row("complex", "an array", r#"{"encryption":[]}"#, &[], Refused(&refusal::SCHEMA_MISMATCH), Strong, GATEWAY),
    row("complex", "a member that it has not", r#"{"encryption":{"x":1}}"#, &[], Refused(&refusal::UNKNOWN_PROPERTY), Medium, "msgraph-sdk-python#440"),
    row("complex", "annotated right, with sign", r##"{"encryption":{"@odata.type":"#microsoft.graph.workforceIntegrationEncryption","secret":"x"}}"##, &[], Stored(r#"{"encryption":{"secret":"x"}}"#, r#"{"encryption":{"secret":null}}"#), Strong, ANNOTATIONS),
    row("complex", "annotated right, without sign", r#"{"encryption":{"secret":"x","@odata.type":"microsoft.graph.workforceIntegrationEncryption"}}"#, &[], Stored(r#"{"encryption":{"secret":"x"}}"#, r#"{"encryption":{"secret":null}}"#), Medium, "OData/odata.net ReaderUtils.RemovePrefixOfTypeName; msgraph-sdk (Python) sends it"),
    row("complex", "annotated wrong", r##"{"encryption":{"@odata.type":"#microsoft.graph.identity"}}"##, &[], Refused(&refusal::NOT_ASSIGNABLE), Weak, LIBRARY),
    row("plain enum", "changed", r#"{"encryption":{"protocol":"SharedSecret"}}"#, &[], Kept, Medium, CASE),
    row("plain enum", "not a member", r#"{"encryption":{"protocol":"String"}}"#, &[], Refused(&refusal::NOT_A_MEMBER), Medium, GUIDE),
    row("plain enum", "the sentinel", r#"{"encryption":{"protocol":"unknownFutureValue"}}"#, &[], Kept, Medium, EVOLVABLE),
    // The secret.
    row("secret", "null", r#"{"encryption":{"secret":null}}"#, &[], Kept, NoEvidence, GUESS),
    row("secret", "null, cleared", r#"{"encryption":{"secret":null}}"#, &[("secret-null", "clear")], Stored(r#"{"encryption":{"secret":null}}"#, r#"{"encryption":{"secret":null}}"#), Weak, MERGE),
    row("secret", "changed, echoed", r#"{"encryption":{"secret":"x"}}"#, &[("secret", "echo")], Stored(r#"{"encryption":{"secret":"x"}}"#, r#"{"encryption":{"secret":"x"}}"#), NoEvidence, "early draft of the reference page"),
    row("secret", "short, where 64 are wanted", r#"{"encryption":{"secret":"x"}}"#, &[("secret-length", "exact")], Refused(&refusal::SECRET_LENGTH), Weak, GUIDE),
    // Read-only.
    row("key", "null", r#"{"id":null}"#, &[], Kept, NoEvidence, GUESS),
    row("computed date", "annotated wrong", r##"{"createdDateTime@odata.type":"#Nonsense","apiVersion":2}"##, &[], Stored(r#"{"apiVersion":2}"#, r#"{"apiVersion":2}"#), NoEvidence, GUESS),
    row("key", "another", r#"{"id":"other"}"#, &[], Kept, Medium, MERGE),
    row("key", "wrong kind", r#"{"id":7}"#, &[], Refused(&refusal::SCHEMA_MISMATCH), Weak, GATEWAY),
    row("computed date", "another", r#"{"lastModifiedDateTime":"2001-01-01T00:00:00Z"}"#, &[], Kept, Medium, COMPUTED),
    row("computed date", "no date", r#"{"createdDateTime":"yesterday"}"#, &[], Refused(&refusal::INVALID_DATE), Weak, LIBRARY),
    row("computed complex", "another", r#"{"lastModifiedBy":{"user":{"id":"x"}}}"#, &[], Kept, Medium, COMPUTED),
    row("computed complex", "wrong kind", r#"{"lastModifiedBy":"x"}"#, &[], Refused(&refusal::SCHEMA_MISMATCH), Weak, GATEWAY),
    row("createdBy", "another", r#"{"createdBy":{"user":{"id":"x"}}}"#, &[], Kept, NoEvidence, GUESS),
    // Unknown members.
    row("unknown", "any value", r#"{"color":"blue"}"#, &[], Refused(&refusal::UNKNOWN_PROPERTY), Medium, "msgraph-sdk-python#440"),
    row("unknown", "any value, ignored", r#"{"color":"blue"}"#, &[("unknown-property", "ignore")], Kept, NoEvidence, GUESS),
    // The type of the entity.
    row("@odata.type", "right, with sign", r##"{"@odata.type":"#microsoft.graph.workforceIntegration","apiVersion":2}"##, &[], Stored(r#"{"apiVersion":2}"#, r#"{"apiVersion":2}"#), Strong, ANNOTATIONS),
    row("@odata.type", "right, without sign, last", r#"{"apiVersion":2,"@odata.type":"microsoft.graph.workforceIntegration"}"#, &[], Stored(r#"{"apiVersion":2}"#, r#"{"apiVersion":2}"#), Weak, "OData/odata.net ReaderUtils.RemovePrefixOfTypeName"),
    row("@odata.type", "right, in another case", r##"{"@odata.type":"#Microsoft.Graph.WorkforceIntegration","apiVersion":2}"##, &[], Stored(r#"{"apiVersion":2}"#, r#"{"apiVersion":2}"#), Weak, CASE),
    row("@odata.type", "abstract base", r##"{"@odata.type":"#microsoft.graph.entity"}"##, &[], Refused(&refusal::NOT_ASSIGNABLE), Weak, LIBRARY),
    row("@odata.type", "unknown", r##"{"@odata.type":"#microsoft.graph.thing"}"##, &[], Refused(&refusal::UNKNOWN_TYPE), Medium, "msgraph-beta-sdk-dotnet#87"),
    row("@odata.type", "two signs", r###"{"@odata.type":"##microsoft.graph.workforceIntegration"}"###, &[], Refused(&refusal::UNKNOWN_TYPE), Weak, LIBRARY),
    row("@odata.type", "no text", r#"{"@odata.type":7}"#, &[], Refused(&refusal::NOT_A_STRING), Weak, LIBRARY),
    row("@odata.type", "null", r#"{"@odata.type":null}"#, &[], Refused(&refusal::TYPE_NAME), Weak, LIBRARY),
    row("@odata.type", "twice", r##"{"@odata.type":"#microsoft.graph.workforceIntegration","@odata.type":"#microsoft.graph.workforceIntegration"}"##, &[], Refused(&refusal::TYPE_TWICE), Weak, LIBRARY),
    row("control information", "no text", r#"{"@odata.etag":7}"#, &[], Refused(&refusal::NOT_A_STRING), Weak, LIBRARY),
    row("control information", "of an unknown property alone", r##"{"color@odata.type":"#String"}"##, &[], Refused(&refusal::UNKNOWN_PROPERTY), Weak, "OData/WebApi#2410"),
    row("null", "twice", r#"{"displayName":null,"displayName":null}"#, &[], Stored(r#"{"displayName":null}"#, r#"{"displayName":null}"#), Weak, "msgraph-sdk-dotnet#2768"),
    row("other annotation", "any value", r#"{"@odata.unknown":7,"@contoso.note":{},"apiVersion":2}"#, &[], Stored(r#"{"apiVersion":2}"#, r#"{"apiVersion":2}"#), Medium, ANNOTATIONS),
];
