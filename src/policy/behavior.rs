//! The table of behaviors: every choice that the emulator makes where public sources are silent or contradict each other.
//!
//! A row has a name, the values it can take, the value under each profile, and the evidence behind it. The code that obeys a row
//! reads a typed field of [`Behaviors`]; the table [`ROWS`] is the same data for people. Adding a row is adding an entry below.

use std::fmt;
use std::sync::Arc;

/// How strong the public evidence for a choice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grade {
    /// A machine-readable schema, recorded traffic, or independent sources that agree.
    Strong,
    /// One good source, or a close sibling of the resource.
    Medium,
    /// Inference, or library code alone.
    Weak,
    /// No public evidence was found: the choice is a guess.
    None,
}

impl Grade {
    /// Returns the word that tables print.
    pub fn name(self) -> &'static str {
        match self {
            Grade::Strong => "strong",
            Grade::Medium => "medium",
            Grade::Weak => "weak",
            Grade::None => "none",
        }
    }
}

/// A named set of values for all rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// What the current reference pages say, lenient where they say nothing.
    #[default]
    Documented,
    /// What recorded traffic and shipped clients of the same service family show.
    Observed,
    /// What reproduces the exchange printed on the early draft of the reference page.
    ReferencePage,
}

impl Profile {
    /// All profiles, the default first.
    pub const ALL: [Profile; 3] = [Profile::Documented, Profile::Observed, Profile::ReferencePage];

    /// Returns the name that the command line takes.
    pub fn name(self) -> &'static str {
        match self {
            Profile::Documented => "documented",
            Profile::Observed => "observed",
            Profile::ReferencePage => "reference-page",
        }
    }

    /// Returns the profile of this name.
    pub fn from_name(name: &str) -> Option<Profile> {
        Profile::ALL.into_iter().find(|profile| profile.name() == name)
    }
}

/// One row of the table, for printing.
#[derive(Debug)]
pub struct BehaviorRow {
    /// The name that `--behavior` takes.
    pub name: &'static str,
    /// What the row decides.
    pub decides: &'static str,
    /// The values, each with what it does and what speaks for it.
    pub values: &'static [(&'static str, &'static str)],
    /// Whether any other text is a value too.
    pub free_text: bool,
    /// The value under each profile, in the order of [`Profile::ALL`].
    pub profiles: [&'static str; 3],
    /// How strong the evidence for the value of the default profile is.
    pub grade: Grade,
    /// Where the evidence can be read.
    pub source: &'static str,
}

/// A behavior that could not be set, with the reason for people.
#[derive(Debug, PartialEq, Eq)]
pub struct SetError(String);

impl fmt::Display for SetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SetError {}

/// Defines one enum per row, the struct that holds one value of each, and the printable table, from one list.
macro_rules! rows {
    ($(
        $name:literal $field:ident: $Type:ident = $decides:literal {
            $( $Variant:ident $value:literal $meaning:literal, )+
        }
        profiles $documented:ident $observed:ident $reference_page:ident;
        grade $grade:ident;
        source $source:literal;
    )+) => {
        $(
            #[doc = concat!("Values of the row `", $name, "`: ", $decides, ".")]
            #[derive(Clone, Copy, Debug, PartialEq, Eq)]
            pub enum $Type {
                $( #[doc = concat!("`", $value, "`: ", $meaning, ".")] $Variant, )+
            }

            impl $Type {
                fn from_name(name: &str) -> Option<Self> {
                    match name { $( $value => Some(Self::$Variant), )+ _ => None }
                }

                /// Returns the name of the value, as the command line takes it.
                pub const fn name(self) -> &'static str {
                    match self { $( Self::$Variant => $value, )+ }
                }
            }
        )+

        /// One value for every row: what a tenant does.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Behaviors {
            $( #[doc = concat!("The row `", $name, "`: ", $decides, ".")] pub $field: $Type, )+
            /// The row `base-url`: scheme and host written into context URLs and links; `None` takes those of the request.
            pub base_url: Option<Arc<str>>,
        }

        impl Behaviors {
            /// Returns the values of a profile.
            pub fn of(profile: Profile) -> Behaviors {
                match profile {
                    Profile::Documented => Behaviors { $( $field: $Type::$documented, )+ base_url: None },
                    Profile::Observed => Behaviors { $( $field: $Type::$observed, )+ base_url: None },
                    Profile::ReferencePage => Behaviors { $( $field: $Type::$reference_page, )+ base_url: None },
                }
            }

            fn set_choice(&mut self, name: &str, value: &str) -> bool {
                match name {
                    $( $name => match $Type::from_name(value) {
                        Some(known) => { self.$field = known; true }
                        None => false,
                    }, )+
                    _ => false,
                }
            }

            fn choice(&self, name: &str) -> Option<&'static str> {
                match name { $( $name => Some(self.$field.name()), )+ _ => None }
            }
        }

        /// The table, one row per behavior.
        pub static ROWS: &[BehaviorRow] = &[
            $( BehaviorRow {
                name: $name,
                decides: $decides,
                values: &[ $( ($value, $meaning), )+ ],
                free_text: false,
                profiles: [$Type::$documented.name(), $Type::$observed.name(), $Type::$reference_page.name()],
                grade: Grade::$grade,
                source: $source,
            }, )+
            BehaviorRow {
                name: BASE_URL,
                decides: "scheme and host written into `@odata.context`, links and `Location`",
                values: &[(REQUEST_HOST, "those that the client used, so that links lead back to the emulator")],
                free_text: true,
                profiles: [REQUEST_HOST; 3],
                grade: Grade::None,
                source: "the service always writes https://graph.microsoft.com; set that text for byte-equal comparisons",
            },
        ];

    };
}

const BASE_URL: &str = "base-url";
const REQUEST_HOST: &str = "request-host";

rows! {
    "update-response" update_response: UpdateResponse = "the success of PATCH without `Prefer: return=…`" {
        Entity "entity" "200 with the updated entity, as every published page since 2019 says",
        NoContent "no-content" "204, as the sibling Shifts resources answer and the first draft of 2019 said",
    }
    profiles Entity NoContent Entity;
    grade Strong;
    source "learn.microsoft.com/graph/api/workforceintegration-update; microsoft-graph-docs#4513 (siblings)";

    "replace-response" replace_response: ReplaceResponse = "the success of a PUT of what a schedule contains, without `Prefer: return=…`" {
        NoContent "no-content" "204, as the reference pages say",
        Entity "entity" "200 with the replaced entity, as the pages said until 2023",
    }
    profiles NoContent NoContent NoContent;
    grade Strong;
    source "learn.microsoft.com/graph/api/shift-put; microsoft-graph-docs#4513; microsoft-graph-docs-contrib#898";

    "schedule-response" schedule_response: ScheduleResponse = "the success of a PUT of a schedule, without `Prefer: return=…`" {
        Entity "entity" "200 with the schedule, as the reference page says",
        NoContent "no-content" "204, as clients were answered",
    }
    profiles Entity NoContent Entity;
    grade Medium;
    source "learn.microsoft.com/graph/api/team-put-schedule; microsoft-graph-docs#10303 and msgraph-sdk-dotnet#739 (204)";

    "replace" replace: Replace = "properties that a PUT does not name" {
        Reset "reset" "become what they are in a new entity: the pages are titled 'Replace'",
        Keep "keep" "keep their values: the page for a shift says so since 2025, in the words that pages for PATCH have",
    }
    profiles Reset Reset Reset;
    grade Weak;
    source "learn.microsoft.com/graph/api/shift-put; learn.microsoft.com/graph/api/team-put-schedule; OData 4.0 Part 1, 11.4.3 (reset)";

    "secret" secret: Secret = "`encryption.secret` in answers" {
        Null "null" "always null: the secret is write-only in every realistic published sample",
        Echo "echo" "what is stored, as generated samples show",
    }
    profiles Null Null Echo;
    grade Medium;
    source "learn.microsoft.com/graph/api/workforceintegration-get (response)";

    "secret-null" secret_null: SecretNull = "`\"secret\": null` in a PATCH" {
        Keep "keep" "keeps the stored secret: clients that read, change and write back send the null they were shown",
        Clear "clear" "clears the secret, as OData prescribes for null",
    }
    profiles Keep Keep Clear;
    grade None;
    source "OData 4.0 Part 1, 11.4.3 (null sets null); no public observation";

    "secret-length" secret_length: SecretLength = "a secret of other than 64 characters, in requests" {
        Any "any" "accepted: the documentation's own samples are shorter",
        Exact "exact" "refused with 400: the Shifts guide says exactly 64 characters",
    }
    profiles Any Exact Any;
    grade Weak;
    source "learn.microsoft.com/microsoft-365/frontline/shifts-custom-wfm-integration";

    "flag-lists" flag_lists: FlagLists = "several members of a flags enum in a request" {
        AnyCase "any-case" "member names in any case, as SDKs send them and the current OData library reads them",
        PascalOnly "pascal-only" "each name must begin with an uppercase letter, else 400, as pages up to 2024 say",
    }
    profiles AnyCase PascalOnly AnyCase;
    grade Medium;
    source "AspNetCoreOData ReadFlagsEnumValue; learn.microsoft.com/microsoft-365/frontline/shifts-custom-wfm-integration (uppercase rule)";

    "enum-values" enum_values: EnumValues = "text that is no member of its enum" {
        Reject "reject" "refused with 400",
        Accept "accept" "kept as text and answered as it came, as the draft page's samples show",
    }
    profiles Reject Reject Accept;
    grade Strong;
    source "learn.microsoft.com/microsoft-365/frontline/shifts-custom-wfm-integration (Troubleshooting)";

    "empty-flags" empty_flags: EmptyFlags = "the empty string for a flags enum" {
        None "none" "the value none: one SDK sends it when it writes back what it read",
        Reject "reject" "refused with 400, as .NET's Enum.Parse does",
    }
    profiles None Reject None;
    grade None;
    source "msgraph-sdk (TypeScript) sends it; no public observation of the answer";

    "sentinel-in" sentinel_in: SentinelIn = "`unknownFutureValue` anywhere in a value of a PATCH (in a POST it is refused)" {
        Absent "absent" "the property is treated as if it had not been sent",
        Reject "reject" "refused with 400",
    }
    profiles Absent Absent Absent;
    grade Medium;
    source "github.com/microsoft/api-guidelines graph/patterns/evolvable-enums.md";

    "hidden-members" hidden_members: HiddenMembers = "enum members above the sentinel in answers, without `Prefer: include-unknown-enum-members`" {
        Mask "mask" "shown as one unknownFutureValue",
        Show "show" "shown as they are",
    }
    profiles Mask Mask Mask;
    grade Medium;
    source "github.com/microsoft/api-guidelines graph/patterns/evolvable-enums.md";

    "hidden-members-in" hidden_members_in: HiddenMembersIn = "the same members in requests, without the preference" {
        Accept "accept" "stored: the reference pages' tables list them without a condition",
        Reject "reject" "refused with 400, as the guideline says",
    }
    profiles Accept Accept Accept;
    grade Weak;
    source "learn.microsoft.com/graph/api/workforceintegration-update; api-guidelines evolvable-enums.md (against)";

    "supports" aliases: Aliases = "`supports`, the older name of `supportedEntities`, where the schema lacks it (v1.0)" {
        Mirror "mirror" "accepted, and written beside supportedEntities with the same value, as the published GET example shows",
        Accept "accept" "accepted, but not written",
        Absent "absent" "an unknown property, as the published schema says",
        Only "only" "the one name that is written, as in the draft page; both are accepted",
    }
    profiles Mirror Mirror Only;
    grade Weak;
    source "learn.microsoft.com/graph/api/workforceintegration-get (v1.0 response has both; the v1.0 schema has one)";

    "unknown-property" unknown_property: UnknownProperty = "a property that its type does not have, in a body" {
        Reject "reject" "refused with 400",
        Ignore "ignore" "skipped; the log names it",
    }
    profiles Reject Reject Reject;
    grade Medium;
    source "msgraph-sdk-python#440; msgraph-sdk-dotnet#984";

    "url-check" url_check: UrlCheck = "`url` of an integration, in requests" {
        None "none" "any string",
        Absolute "absolute" "an absolute http or https address, else 400",
        Https "https" "an absolute https address, else 400",
    }
    profiles Absolute Https None;
    grade None;
    source "learn.microsoft.com/graph/api/resources/workforceintegration (\"URL for callbacks\"); no public observation of a refusal";

    "wrong-primitive" wrong_primitive: WrongPrimitive = "the words for a JSON value of the wrong kind where a primitive is declared" {
        Schema "schema" "`Property {name} in payload has a value that does not match schema.`, the gateway's text",
        Literal "literal" "`Cannot convert the literal '{value}' to the expected type '{type}'.`, the OData library's text",
    }
    profiles Schema Schema Schema;
    grade Weak;
    source "msgraph-search-connector-sample#3 (gateway); OData/odata.net ReaderValidationUtils_CannotConvertPrimitiveValue";

    "type-namespace" type_namespace: TypeNamespace = "the namespace in the refusal of an unknown `@odata.type`" {
        AsSent "as-sent" "the name that the client sent",
        Workload "workload" "`Microsoft.Teams.GraphSvc`, into which the gateway renames `microsoft.graph` before the workload sees it",
    }
    profiles AsSent Workload AsSent;
    grade Weak;
    source "msgraph-beta-sdk-dotnet#87 (the name leaks); microsoft-graph-docs-contrib#5901 (Teams)";

    "annotations" annotations: Annotations = "control information in answers to a client that asks for no metadata level" {
        Minimal "minimal" "that of the minimal level",
        Page "page" "`@odata.type` on the entity, with `#`, and on complex values, without; nothing else, as on the draft page",
    }
    profiles Minimal Minimal Page;
    grade Strong;
    source "recorded responses in pnp/pnpcore (all of them minimal)";

    "nulls" nulls: Nulls = "properties whose value is null, in answers" {
        Write "write" "written as null",
        Omit "omit" "left out",
    }
    profiles Write Write Omit;
    grade Strong;
    source "recorded responses in pnp/pnpcore; learn.microsoft.com/graph/api/workforceintegration-get (response)";

    "property-order" property_order: PropertyOrder = "the order of properties in answers" {
        Lifelike "lifelike" "that of the published GET example",
        Page "page" "that of the draft page",
    }
    profiles Lifelike Lifelike Page;
    grade Medium;
    source "learn.microsoft.com/graph/api/workforceintegration-get (response)";

    "layout" layout: Layout = "the white space of JSON in answers" {
        Compact "compact" "none",
        PrettyCrlf "pretty-crlf" "two spaces per level, lines that end in CRLF, as the lengths on the draft page imply",
    }
    profiles Compact Compact PrettyCrlf;
    grade Strong;
    source "recorded responses in pnp/pnpcore";

    "content-type" content_type: ContentType = "the Content-Type of a success" {
        Parameters "parameters" "with metadata level, streaming, IEEE754Compatible and charset, as recorded",
        Plain "plain" "`application/json`, as reference pages print it",
    }
    profiles Parameters Parameters Plain;
    grade Strong;
    source "recorded batch items in pnp/pnpcore (1,446 times)";

    "format-parameters" format_parameters: FormatParameters = "parameters that nobody knows in `Accept` and `$format`" {
        Ignore "ignore" "ignored, as HTTP clients expect",
        Reject "reject" "the media type does not match, as the OData specification says",
    }
    profiles Ignore Ignore Ignore;
    grade None;
    source "OData 4.0 Part 1, 8.2.1 (for rejecting); no public observation";

    "unacceptable" unacceptable: Unacceptable = "a request whose `Accept` or `$format` allows no JSON" {
        Refuse "refuse" "406",
        Answer "answer" "JSON all the same, which HTTP allows",
    }
    profiles Refuse Refuse Refuse;
    grade Weak;
    source "OData 4.0 Part 1, 8.2.1 (the status; the body is a guess)";

    "id-format" id_format: IdFormat = "ids of created entities" {
        Wfi "wfi" "the prefix of the resource, `WFI_`, and a GUID, as in life-like samples",
        Guid "guid" "a bare GUID, as in generated samples",
    }
    profiles Wfi Wfi Guid;
    grade Medium;
    source "learn.microsoft.com/graph/api/workforceintegration-get (response)";

    "timestamps" timestamps: Timestamps = "how dates that came from fixtures are written" {
        Utc "utc" "in UTC with `Z`, trailing zeros of the fraction cut",
        Verbatim "verbatim" "with the offset and the digits of the fixture",
    }
    profiles Utc Utc Verbatim;
    grade Strong;
    source "learn.microsoft.com/graph/api/resources/workforceintegration (\"always in UTC\"); recorded responses in pnp/pnpcore";

    "last-modified" last_modified: LastModified = "`lastModifiedDateTime` and `lastModifiedBy` on a successful write" {
        Recompute "recompute" "set to the time and the caller of the write",
        Keep "keep" "left as they are",
    }
    profiles Recompute Recompute Keep;
    grade Strong;
    source "Org.OData.Core.V1.Computed in the published schema (microsoftgraph/msgraph-metadata)";

    "local-caller" local_caller: LocalCaller = "who has modified what a request without a readable token writes" {
        User "user" "one fixed local user in `lastModifiedBy.user`",
        Null "null" "nobody: `lastModifiedBy` has null members",
    }
    profiles User User User;
    grade None;
    source "the service never answers without a token";

    "acts-as" acts_as: ActsAs = "an application token without `MS-APP-ACTS-AS`" {
        Optional "optional" "accepted: the header is deprecated and no longer required",
        Required "required" "403 with `MissingUserIdHeaderInAppContext`, as until 2023",
    }
    profiles Optional Optional Optional;
    grade Strong;
    source "learn.microsoft.com/graph/api/workforceintegration-update; microsoft-graph-docs-contrib#2884; msgraph-sdk-php#1104";

    "wrong-method" wrong_method: WrongMethod = "a method that a known path does not have" {
        UnknownError "unknown-error" "404 `UnknownError` with an empty message, as observed on Shifts resources",
        MethodNotAllowed "method-not-allowed" "405 `methodNotAllowed`, as newer workloads answer",
    }
    profiles UnknownError UnknownError UnknownError;
    grade Weak;
    source "microsoft-graph-docs#13815; MichaelGrafnetter/webauthn-interop#33 (405)";

    "preflight" preflight: Preflight = "the question of a browser whether a script may send a request (CORS)" {
        Allow "allow" "204 that allows what was asked for",
        Unrouted "unrouted" "as any other method that a path does not have",
    }
    profiles Allow Allow Allow;
    grade None;
    source "no public observation of the answer; answers carry Access-Control-Allow-Origin (msgraph-sdk-dotnet#984), so browsers are served";

    "collection-count" collection_count: CollectionCount = "`@odata.count` in a list that nobody asked for" {
        OnRequest "on-request" "not written",
        Always "always" "written, as Teams collections do",
    }
    profiles OnRequest Always OnRequest;
    grade Weak;
    source "recorded responses in pnp/pnpcore (Teams); learn.microsoft.com/graph/api/workforceintegration-list (none shown)";

    "query-options" query_options: QueryOptions = "options of which public sources do not say that this collection has them: `$filter`, `$orderby`, `$skip`, `$count`, `$expand`, `$search`, `$apply`, `$compute`" {
        Honor "honor" "the first four do what OData says, the others are refused",
        Ignore "ignore" "nothing: \"unsupported query parameters might fail silently\"",
        Reject "reject" "400, in the words of the library that the Teams workload uses",
    }
    profiles Honor Honor Honor;
    grade None;
    source "microsoft-graph-docs concepts/query-parameters (silent failure); microsoft-graph-docs#11446 (the refusal); no public observation on this collection";

    "top" top: Top = "`$top` below the number of entities (`$top=0` shows none and links to nothing)" {
        PageSize "page-size" "the size of a page: a link leads to the next",
        Limit "limit" "the size of the whole list, as the OData specification says: no link leads beyond it",
    }
    profiles PageSize PageSize PageSize;
    grade Medium;
    source "microsoft-graph-docs concepts/paging; next links with `$top` among recorded responses in pnp/pnpcore (Teams); OData 4.0 Part 1, 11.2.5.3 (limit)";

    "top-maximum" top_maximum: TopMaximum = "`$top` above the size of a page" {
        Cap "cap" "a page as large as it can be; a link leads to the next",
        Reject "reject" "400, in the words of the library that the Teams workload uses",
    }
    profiles Cap Cap Cap;
    grade Medium;
    source "microsoft-graph-docs concepts/query-parameters (it \"might default to the maximum page size\" or be an error); no public observation on this collection";

    "location" location: Location = "`Location` of a created entity" {
        Itself "self" "the address of the entity as the client can fetch it, key in parentheses",
        Backend "backend" "the back end's host, as Teams resources answer",
    }
    profiles Itself Backend Itself;
    grade Weak;
    source "recorded responses in pnp/pnpcore (Teams)";

    "hsts" hsts: Hsts = "`Strict-Transport-Security` in answers over TLS" {
        Omit "omit" "left out: a browser would obey it for localhost, and refuse plain HTTP to each of its ports for a year",
        Send "send" "sent, as the service does; over plain HTTP, where it has no effect, it is sent in any case",
    }
    profiles Omit Omit Omit;
    grade None;
    source "RFC 6797, 8.3; recorded responses in pnp/pnpcore (against)";

    "missing-length" missing_length: MissingLength = "a write that has neither a body nor a Content-Length" {
        EmptyPayload "empty-payload" "400 `Empty Payload. JSON content expected.`",
        LengthRequired "length-required" "411 with an HTML page, from the web server in front of the service",
    }
    profiles EmptyPayload LengthRequired EmptyPayload;
    grade Weak;
    source "graph-rs-sdk#524 (411); microsoft-graph-docs#4769 (empty payload)";

    "batch-order" batch_order: BatchOrder = "the order of the answers in a `$batch`" {
        Request "request" "that of the requests",
        Shuffled "shuffled" "any, from the seed: the service answers out of order in every third batch",
    }
    profiles Request Shuffled Request;
    grade Strong;
    source "recorded responses in pnp/pnpcore (230 of 635 batches are out of order); learn.microsoft.com/graph/json-batching (\"might be in a different order\")";

    "batch-content-type" batch_content_type: BatchContentType = "a write without Content-Type in a `$batch`" {
        Base64 "base64" "refused with 400 as a whole batch, unless its body is a base64 string, which is taken as JSON: msgraph-sdk (TypeScript) sends so",
        Require "require" "refused with 400 as a whole batch",
    }
    profiles Base64 Require Base64;
    grade Weak;
    source "msgraph-sdk-dotnet#2628; Softeria/ms-365-mcp-server#677 (for requiring); no public observation for base64 strings";

    "batch-dependencies" batch_dependencies: BatchDependencies = "what `dependsOn` may name in a `$batch`; always earlier requests only" {
        Single "single" "at most one other request",
        Patterns "patterns" "the same, and only in three patterns: no request depends, each depends on the one before, or all that depend name the same",
        Any "any" "any number of other requests",
    }
    profiles Single Single Single;
    grade Weak;
    source "learn.microsoft.com/graph/known-issues (JSON batching); OData JSON Format 4.01, 19.1 (earlier requests only)";

    "connect" connect: Connect = "the handshake with the connector when an integration is created" {
        Off "off" "none: the addresses in fixtures and tests rarely lead to a connector",
        Report "report" "made and logged; the integration is stored whatever comes of it",
        Enforce "enforce" "made; the integration is stored only if the connector answers 200, as the Shifts guide says",
    }
    profiles Off Report Off;
    grade None;
    source "learn.microsoft.com/microsoft-365/frontline/shifts-custom-wfm-integration (/connect: speaks for enforce)";

    "connect-on-update" connect_on_update: ConnectOnUpdate = "the handshake when url, apiVersion or encryption of an integration change" {
        Off "off" "none",
        Report "report" "made and logged; the change is stored whatever comes of it",
        Enforce "enforce" "made; the change is stored only if the connector answers 200",
    }
    profiles Off Off Off;
    grade None;
    source "no public observation";

    "update-calls" update_calls: UpdateCalls = "the question to the connector of the integration to which a schedule is bound, before what the schedule contains is changed" {
        Enforce "enforce" "asked; the change is stored only if the connector approves, as the Shifts guide says",
        Report "report" "asked and logged; the change is stored whatever comes of it",
        Off "off" "not asked",
    }
    profiles Enforce Enforce Enforce;
    grade Strong;
    source "learn.microsoft.com/microsoft-365/frontline/shifts-custom-wfm-integration (/update); none for a binding that changes while a connector is asked";

    "update-retries" update_retries: UpdateRetries = "a connector whose answer to an update call is of no use: not 200, no valid data, or none" {
        None "none" "asked once, so that tests are quick",
        Three "three" "asked again, at once, up to three times: the guide says 'multiple times', but neither how often nor when",
    }
    profiles None Three None;
    grade None;
    source "learn.microsoft.com/microsoft-365/frontline/shifts-custom-wfm-integration (Responses)";

    "inactive-integration" inactive_integration: InactiveIntegration = "the connector of an integration that is bound, but has `isActive` false" {
        Skip "skip" "not asked: the integration is not \"currently active and available\"",
        Ask "ask" "asked like any other",
    }
    profiles Skip Skip Skip;
    grade None;
    source "learn.microsoft.com/graph/api/resources/workforceintegration (isActive); no public observation";

    "connector-content-type" connector_content_type: ConnectorContentType = "the Content-Type of encrypted calls to a connector" {
        Json "json" "`application/json`, as the reference pages print above their examples, though the body is none",
        OctetStream "octet-stream" "`application/octet-stream`, what the body is",
        None "none" "none; published connectors read the body without looking at it",
    }
    profiles Json Json Json;
    grade Weak;
    source "learn.microsoft.com/graph/api/workforceintegration-update (examples of read and update calls)";
}

impl Default for Behaviors {
    fn default() -> Behaviors {
        Behaviors::of(Profile::default())
    }
}

impl Behaviors {
    /// Sets one row from its names, as `--behavior name=value` does.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), SetError> {
        let Some(row) = ROWS.iter().find(|row| row.name == name) else {
            let near = crate::text::nearest::nearest(name, ROWS.iter().map(|row| row.name));
            let hint = near.map_or(String::new(), |near| format!("; did you mean '{near}'?"));
            return Err(SetError(format!("there is no behavior '{name}'{hint} (`wfi-emulator behaviors` lists them all)")));
        };
        if row.name == BASE_URL {
            return self.set_base_url(value);
        }
        if self.set_choice(name, value) {
            return Ok(());
        }
        let values: Vec<&str> = row.values.iter().map(|(value, _)| *value).collect();
        Err(SetError(format!("behavior '{name}' has no value '{value}'; it takes {}", values.join(", "))))
    }

    fn set_base_url(&mut self, value: &str) -> Result<(), SetError> {
        if value == REQUEST_HOST {
            self.base_url = None;
            return Ok(());
        }
        let trimmed = value.trim_end_matches('/');
        let rest = trimmed.strip_prefix("https://").or_else(|| trimmed.strip_prefix("http://"));
        let usable =
            |rest: &str| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\');
        if !rest.is_some_and(usable) {
            return Err(SetError(format!(
                "behavior '{BASE_URL}' takes '{REQUEST_HOST}' or an address such as https://graph.microsoft.com, not '{value}'"
            )));
        }
        self.base_url = Some(trimmed.into());
        Ok(())
    }

    /// Returns the value of a row by its name.
    pub fn get(&self, name: &str) -> Option<&str> {
        if name == BASE_URL {
            return Some(self.base_url.as_deref().unwrap_or(REQUEST_HOST));
        }
        self.choice(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_a_unique_name_and_known_values() {
        for (index, row) in ROWS.iter().enumerate() {
            let earlier = ROWS[..index].iter().any(|other| other.name == row.name);
            assert!(!earlier, "behavior {} stands twice in the table", row.name);
            assert!(row.values.len() >= 2 || row.free_text, "behavior {} leaves no choice", row.name);
            for (position, (value, meaning)) in row.values.iter().enumerate() {
                let twice = row.values[..position].iter().any(|(other, _)| other == value);
                assert!(!twice, "behavior {} has the value {value} twice", row.name);
                assert!(!meaning.is_empty(), "behavior {} does not say what {value} does", row.name);
            }
            assert!(!row.source.is_empty(), "behavior {} has no source", row.name);
        }
    }

    #[test]
    fn every_value_of_every_row_can_be_set_and_read_back() {
        for row in ROWS {
            for (value, _) in row.values {
                let mut behaviors = Behaviors::default();
                behaviors.set(row.name, value).unwrap();
                assert_eq!(behaviors.get(row.name), Some(*value), "behavior {}", row.name);
            }
        }
    }

    #[test]
    fn a_profile_has_the_values_that_the_table_prints() {
        for (index, profile) in Profile::ALL.into_iter().enumerate() {
            let behaviors = Behaviors::of(profile);
            for row in ROWS {
                assert_eq!(behaviors.get(row.name), Some(row.profiles[index]), "{} of {}", row.name, profile.name());
            }
            assert_eq!(Profile::from_name(profile.name()), Some(profile));
        }
    }

    #[test]
    fn only_a_slip_gets_a_hint() {
        assert_eq!(crate::text::nearest::nearest("displayname ", ["displayName", "url"].into_iter()), Some("displayName"));
        assert_eq!(crate::text::nearest::nearest("color", ["displayName", "url"].into_iter()), None);
        let long = "x".repeat(64);
        assert_eq!(crate::text::nearest::nearest(&long, [long.as_str()].into_iter()), Some(long.as_str()));
        assert_eq!(
            crate::text::nearest::nearest(&"x".repeat(65), [long.as_str()].into_iter()),
            None,
            "long words from outside cost nothing"
        );
    }

    #[test]
    fn what_cannot_be_set_says_why() {
        let mut behaviors = Behaviors::default();
        let unknown = behaviors.set("update-respons", "entity").unwrap_err().to_string();
        assert!(unknown.contains("did you mean 'update-response'?"), "{unknown}");
        let value = behaviors.set("secret", "loud").unwrap_err().to_string();
        assert_eq!(value, "behavior 'secret' has no value 'loud'; it takes null, echo");
        let base = behaviors.set("base-url", "graph.microsoft.com").unwrap_err().to_string();
        assert!(base.contains("https://graph.microsoft.com"), "{base}");
        behaviors.set("base-url", "https://graph.microsoft.com/").unwrap();
        assert_eq!(behaviors.base_url.as_deref(), Some("https://graph.microsoft.com"));
    }
}
