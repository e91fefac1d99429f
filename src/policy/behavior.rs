//! The table of behaviors: the emulator's choices where public sources are silent or contradict each other.
//!
//! A row has a name, its values, the value under each profile, and the evidence. Code reads the typed fields of [`Behaviors`]; [`ROWS`] is
//! the same data for printing. A new behavior is a new entry of the `rows!` list.

mod profile;
mod settings;

use std::sync::Arc;

pub use self::profile::Profile;
pub use self::settings::SetError;
pub use crate::policy::grade::Grade;

/// One row of the table, for printing.
#[derive(Debug)]
pub struct BehaviorRow {
    /// The name, as `--behavior` accepts it.
    pub name: &'static str,
    /// The subject of the choice.
    pub decides: &'static str,
    /// The values, each with its effect and its rationale.
    pub values: &'static [(&'static str, &'static str)],
    /// Whether other text is also a value.
    pub free_text: bool,
    /// The value under each profile, in the order of [`Profile::ALL`].
    pub profiles: [&'static str; 3],
    /// The grade of the evidence for the value under the default profile.
    pub grade: Grade,
    /// The sources of the evidence.
    pub source: &'static str,
}

/// Generates an enum for each row, the struct with one field for each, and the printable table.
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
            #[doc = concat!("Values of the behavior `", $name, "`: ", $decides, ".")]
            #[derive(Clone, Copy, Debug, PartialEq, Eq)]
            pub enum $Type {
                $( #[doc = concat!("`", $value, "`: ", $meaning, ".")] $Variant, )+
            }

            impl $Type {
                fn from_name(name: &str) -> Option<Self> {
                    match name { $( $value => Some(Self::$Variant), )+ _ => None }
                }

                /// Returns the name of the value, as the command line accepts it.
                pub const fn name(self) -> &'static str {
                    match self { $( Self::$Variant => $value, )+ }
                }
            }
        )+

        /// One value for each behavior: the choices of a world.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Behaviors {
            $( #[doc = concat!("`", $name, "`: ", $decides, ".")] pub $field: $Type, )+
            /// `base-url`: the scheme and host of context URLs and links; `None` uses those of the request.
            pub base_url: Option<Arc<str>>,
        }

        impl Behaviors {
            /// Returns the choices of a profile.
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
                decides: "the scheme and host of `@odata.context`, links and `Location`",
                values: &[(REQUEST_HOST, "those of the request, so that links lead back to the emulator")],
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
    "update-response" update_response: UpdateResponse = "the response to a successful PATCH without `Prefer: return=…`" {
        Entity "entity" "200 with the updated entity, as on every published page since 2019",
        NoContent "no-content" "204, as sibling Shifts resources answer; also in the first draft of 2019",
    }
    profiles Entity NoContent Entity;
    grade Strong;
    source "learn.microsoft.com/graph/api/workforceintegration-update; microsoft-graph-docs#4513 (siblings)";

    "replace-response" replace_response: ReplaceResponse = "the response to a successful PUT of an entity in a schedule, without `Prefer: return=…`" {
        NoContent "no-content" "204, as on the reference pages",
        Entity "entity" "200 with the replaced entity, as on the pages until 2023",
    }
    profiles NoContent NoContent NoContent;
    grade Strong;
    source "learn.microsoft.com/graph/api/shift-put; microsoft-graph-docs#4513; microsoft-graph-docs-contrib#898";

    "schedule-response" schedule_response: ScheduleResponse = "the response to a successful PUT of a schedule, without `Prefer: return=…`" {
        Entity "entity" "200 with the schedule, as on the reference page",
        NoContent "no-content" "204, as clients have observed",
    }
    profiles Entity NoContent Entity;
    grade Medium;
    source "learn.microsoft.com/graph/api/team-put-schedule; microsoft-graph-docs#10303 and msgraph-sdk-dotnet#739 (204)";

    "replace" replace: Replace = "properties absent from a PUT" {
        Reset "reset" "set to the values of a new entity: the pages are titled 'Replace'",
        Keep "keep" "not changed: the page for a shift has said so since 2025, in the wording of pages for PATCH",
    }
    profiles Reset Reset Reset;
    grade Weak;
    source "learn.microsoft.com/graph/api/shift-put; learn.microsoft.com/graph/api/team-put-schedule; OData 4.0 Part 1, 11.4.3 (reset)";

    "secret" secret: Secret = "`encryption.secret` in answers" {
        Null "null" "always null: write-only, as in every realistic published sample",
        Echo "echo" "the stored secret, as in generated samples",
    }
    profiles Null Null Echo;
    grade Medium;
    source "learn.microsoft.com/graph/api/workforceintegration-get (response)";

    "secret-null" secret_null: SecretNull = "`\"secret\": null` in a PATCH" {
        Keep "keep" "keeps the stored secret: clients that read, modify and write back send the null from the answer",
        Clear "clear" "clears the secret, as OData prescribes for null",
    }
    profiles Keep Keep Clear;
    grade None;
    source "OData 4.0 Part 1, 11.4.3 (null sets null); no public observation";

    "secret-length" secret_length: SecretLength = "a secret that is not 64 characters long, in requests" {
        Any "any" "accepted: the samples in the documentation are shorter",
        Exact "exact" "refused with 400: the Shifts guide requires exactly 64 characters",
    }
    profiles Any Exact Any;
    grade Weak;
    source "learn.microsoft.com/microsoft-365/frontline/shifts-custom-wfm-integration";

    "text-length" text_length: TextLength = "a text of more than 1 MiB in a request" {
        Limited "limited" "refused with 400: no real name or note is so long, and each one stays in memory",
        Any "any" "accepted, as far as the body is not too large",
    }
    profiles Limited Limited Limited;
    grade None;
    source "no public observation; the reference pages give no lengths for the texts of integrations and schedules";

    "flag-lists" flag_lists: FlagLists = "multiple members of a flags enum in a request" {
        AnyCase "any-case" "member names in any case, as SDKs send them and the current OData library parses them",
        PascalOnly "pascal-only" "each name must begin with an uppercase letter, otherwise 400, as on pages until 2024",
    }
    profiles AnyCase PascalOnly AnyCase;
    grade Medium;
    source "AspNetCoreOData ReadFlagsEnumValue; learn.microsoft.com/microsoft-365/frontline/shifts-custom-wfm-integration (uppercase rule)";

    "enum-values" enum_values: EnumValues = "an unknown member of an enum" {
        Reject "reject" "refused with 400",
        Accept "accept" "stored and returned as text, as in the samples on the draft page",
    }
    profiles Reject Reject Accept;
    grade Strong;
    source "learn.microsoft.com/microsoft-365/frontline/shifts-custom-wfm-integration (Troubleshooting)";

    "empty-flags" empty_flags: EmptyFlags = "the empty string for a flags enum" {
        None "none" "the value none: one SDK sends it when it writes back what it has read",
        Reject "reject" "refused with 400, as .NET's Enum.Parse does",
    }
    profiles None Reject None;
    grade None;
    source "msgraph-sdk (TypeScript) sends it; no public observation of the answer";

    "sentinel-in" sentinel_in: SentinelIn = "`unknownFutureValue` in a value of a PATCH (a POST with it is refused)" {
        Absent "absent" "the property is treated as absent",
        Reject "reject" "refused with 400",
    }
    profiles Absent Absent Absent;
    grade Medium;
    source "github.com/microsoft/api-guidelines graph/patterns/evolvable-enums.md";

    "hidden-members" hidden_members: HiddenMembers = "enum members above the sentinel in answers, without `Prefer: include-unknown-enum-members`" {
        Mask "mask" "replaced by one unknownFutureValue",
        Show "show" "included",
    }
    profiles Mask Mask Mask;
    grade Medium;
    source "github.com/microsoft/api-guidelines graph/patterns/evolvable-enums.md";

    "hidden-members-in" hidden_members_in: HiddenMembersIn = "enum members above the sentinel in requests, without `Prefer: include-unknown-enum-members`" {
        Accept "accept" "stored: the tables of the reference pages list them without a condition",
        Reject "reject" "refused with 400, as in the guideline",
    }
    profiles Accept Accept Accept;
    grade Weak;
    source "learn.microsoft.com/graph/api/workforceintegration-update; api-guidelines evolvable-enums.md (against)";

    "supports" aliases: Aliases = "`supports`, the older name of `supportedEntities`, where the schema lacks it (v1.0)" {
        Mirror "mirror" "accepted, and returned next to supportedEntities with the same value, as in the published GET example",
        Accept "accept" "accepted, but not returned",
        Absent "absent" "an unknown property, as in the published schema",
        Only "only" "returned in place of supportedEntities, as on the draft page; both are accepted",
    }
    profiles Mirror Mirror Only;
    grade Weak;
    source "learn.microsoft.com/graph/api/workforceintegration-get (v1.0 response has both; the v1.0 schema has one)";

    "unknown-reference" unknown_reference: UnknownReference = "a link to an entity that does not exist" {
        Known "known" "refused, unless the sets that could have it are empty, or were left out by an import of the entity that links to it: then it begins to exist, with its id alone",
        Refuse "refuse" "refused, as the service does",
        Create "create" "the entity begins to exist, with its id alone",
    }
    profiles Known Refuse Known;
    grade None;
    source "the refusal is known from instructure/canvas-lms and n8n-io/n8n (404 Request_ResourceNotFound); a world without people is a matter of this emulator";

    "inline-references" inline_references: InlineReferences = "an object with an id in the body of a create, under a single navigation property to entities that live elsewhere (`\"catalog\": {\"id\": \"…\"}`)" {
        Link "link" "a link to the entity with the id: in the collection of the request, in one of the entities above it, or in a set of the type. Its other members count only where the entity begins to exist (behavior `unknown-reference`)",
        Refuse "refuse" "refused as an unknown property: only `@odata.bind` links",
    }
    profiles Link Link Link;
    grade Weak;
    source "learn.microsoft.com/graph/api/entitlementmanagement-post-accesspackages (catalog), entitlementmanagement-post-assignmentpolicies (accessPackage), entitlementmanagement-post-assignmentrequests (assignment) and site-post-contenttypes (base); for the other navigation properties, the other members and a missing entity: no public observation";

    "null-collections" null_collections: NullCollections = "null for a collection of a complex value in a body" {
        Empty "empty" "taken as an empty collection, as an example on a reference page has null",
        Refuse "refuse" "refused with 400, like null for a collection of an entity (refusal `null-value`)",
    }
    profiles Empty Refuse Empty;
    grade Weak;
    source "learn.microsoft.com/graph/api/printjob-redirect (`finishings` in the body, and null in the answer); against it OData/odata.net ReaderValidationUtils_NullNamedValueForNonNullableType and OData 4.01 Part 3, 7.2 (a collection is never null)";

    "operations" operations: Operations = "the call of an action or a function that is neither implemented nor recorded in a stub" {
        Declared "declared" "answered as declared: the status of its page, and a result of its type with the arguments that have the names of its members; nothing changes",
        Refuse "refuse" "refused as an unknown segment",
    }
    profiles Declared Declared Declared;
    grade None;
    source "statuses from the examples of the reference pages; what the service does beyond them is not emulated";

    "bound-results" bound_results: BoundResults = "the call of an action that is answered as declared, if the type of its result is that of the entity to which it is bound" {
        Stored "stored" "that entity, as it is stored",
        Blank "blank" "an entity without values, with an id of its own",
    }
    profiles Stored Stored Stored;
    grade Weak;
    source "learn.microsoft.com/graph/api/educationassignment-setupresourcesfolder, educationsubmission-reassign, educationsubmission-excuse and accessreviewhistoryinstance-generatedownloaduri answer with it, after a change that is not emulated; for the other actions: no public observation. Results of printJob/redirect and workflow/createNewVersion are other entities (their pages)";

    "file-content" file_content: FileContent = "GET of the `content` of a file" {
        Redirect "redirect" "302 to an address of the emulator that needs no token, for an hour",
        Direct "direct" "the content itself",
    }
    profiles Redirect Redirect Redirect;
    grade Medium;
    source "learn.microsoft.com/graph/api/driveitem-get-content";

    "upload-conflict" upload_conflict: UploadConflict = "the beginning of an upload session with the conflict behavior `fail`, where there is a file of the name" {
        Refuse "refuse" "409; a file that another request creates since is refused with the last fragment",
        Begin "begin" "a session; the file is refused with the last fragment",
    }
    profiles Refuse Refuse Refuse;
    grade Weak;
    source "microsoft-graph-docs#19010 (409 at the beginning); OneDrive/onedrive-api-docs#55 (the first fragment was refused, in 2015)";

    "initial-entities" initial_entities: InitialEntities = "settings and policies that the service always has, such as `me/settings`, before the first write; and entities of the organization that only lead to others, or that the schema says must exist" {
        Defaults "defaults" "200 with the values of the reference pages, or else the defaults of the type",
        Absent "absent" "404, as for other entities that are not stored",
    }
    profiles Defaults Defaults Defaults;
    grade Medium;
    source "learn.microsoft.com/graph/api/usersettings-get, presence-get, authorizationpolicy-get, and the pages of the rows (that each user or organization has them); ids without a page, entities without properties, and that `education/me` cannot be changed: no public observation";

    "initial-entity-deletion" initial_entity_deletion: InitialEntityDeletion = "DELETE of settings and policies that the service always has" {
        Refuse "refuse" "refused as methods are that a resource does not have, before the first change as after it",
        Reset "reset" "204, and the first values come back",
    }
    profiles Refuse Refuse Refuse;
    grade Weak;
    source "the published schema (Deletable is false for user/inferenceClassification, user/outlook and policyRoot/deviceRegistrationPolicy; resetToSystemDefault is an action), and microsoft-graph-devx-content permissions.json (no DELETE of any of them); no page of learn.microsoft.com/graph/api has one; the status: no public observation";

    "required-links" required_links: RequiredLinks = "a request that takes the entity away from a single-valued navigation property with `Nullable=\"false\"`: DELETE of it or of its `$ref`, or null" {
        Keep "keep" "refused: the entity must exist. A create without one is taken, since no page says otherwise, and so is DELETE of the entity itself where it lives",
        Release "release" "taken, as where the navigation property can be null",
    }
    profiles Keep Keep Keep;
    grade None;
    source "OData CSDL 4.01, 8.3 (the target must exist); the published schema has 27 such links and 15 contained entities; no public observation";

    "undeclared-collections" undeclared_collections: UndeclaredCollections = "a condition on the items of a member that the schema does not declare, or of a value of `Edm.Untyped`" {
        Items "items" "decided for each entity; a member that is absent, null or not a collection has no items: `any` is false, `all` is true",
        Refuse "refuse" "refused with 400: only declared collections have items",
    }
    profiles Items Items Items;
    grade None;
    source "OData 4.01 Part 2, 5.1.1.13 (`any`, `all`), and Part 1, 11.2.1 (an absent dynamic property is null); no public observation of the service";

    "unknown-conflict-behavior" unknown_conflict_behavior: UnknownConflictBehavior = "another value of `@microsoft.graph.conflictBehavior` than `fail`, `replace` and `rename`" {
        Refuse "refuse" "refused with 400, also where the name is free",
        Ignore "ignore" "as without the annotation",
    }
    profiles Refuse Refuse Refuse;
    grade None;
    source "learn.microsoft.com/graph/api/resources/driveitem (the three values); no public observation of another one";

    "foreign-delta-token" foreign_delta_token: ForeignDeltaToken = "a token of a delta query that this emulator has not made" {
        Begin "begin" "a new round, so that clients with a token of the service go on",
        Refuse "refuse" "410, like a token of another world or an earlier state",
    }
    profiles Begin Refuse Begin;
    grade None;
    source "the service refuses tokens that it does not know (concepts/delta-query-overview of microsoft-graph-docs)";

    "function-by-post" function_by_post: FunctionByPost = "a POST that calls a function, with its parameters in the body" {
        Take "take" "answered like a GET, as pages of workbooks print it",
        Refuse "refuse" "refused: functions are called by GET (OData 4.0 Part 1, 11.5.3)",
    }
    profiles Take Take Take;
    grade Medium;
    source "learn.microsoft.com/graph/api/chartseriescollection-itemat, tablerowcollection-itemat";

    "unknown-property" unknown_property: UnknownProperty = "an unknown property in a request body" {
        Reject "reject" "refused with 400",
        Ignore "ignore" "ignored, with a line in the log",
    }
    profiles Reject Reject Reject;
    grade Medium;
    source "msgraph-sdk-python#440; msgraph-sdk-dotnet#984";

    "repeated-null" repeated_null: RepeatedNull = "a property that a request sets to null twice" {
        Accept "accept" "set to null once: Microsoft.Graph for .NET and other SDKs made by Kiota sent it so for nine months",
        Reject "reject" "refused with 400, like a property with two other values",
    }
    profiles Accept Accept Accept;
    grade Weak;
    source "msgraph-sdk-dotnet#2768 and microsoft/kiota-dotnet#535 (the bodies; neither says that the service refused one); OData/odata.net DuplicatePropertyNamesNotAllowed (against)";

    "odata-version" odata_version: OdataVersion = "a body with an `OData-Version` other than 4.0 and 4.01" {
        Refuse "refuse" "refused with 400: the body must be read by that version, or not at all",
        Ignore "ignore" "read as 4.0",
    }
    profiles Refuse Refuse Refuse;
    grade Weak;
    source "OData 4.01 Protocol, 8.1.5; OData/odata.net 8.4 ODataUtils_UnsupportedVersionHeader; no public observation";

    "url-check" url_check: UrlCheck = "`url` of an integration, in requests" {
        None "none" "any string",
        Absolute "absolute" "an absolute http or https URL, otherwise 400",
        Https "https" "an absolute https URL, otherwise 400",
    }
    profiles Absolute Https None;
    grade None;
    source "learn.microsoft.com/graph/api/resources/workforceintegration (\"URL for callbacks\"); no public observation of a refusal";

    "wrong-primitive" wrong_primitive: WrongPrimitive = "the error message for a JSON value of the wrong kind for a primitive type" {
        Schema "schema" "`Property {name} in payload has a value that does not match schema.`, the gateway's text",
        Literal "literal" "`Cannot convert the literal '{value}' to the expected type '{type}'.`, the OData library's text; as there, `\"10\"` is a number where one is expected, and `\"false\"` a boolean",
    }
    profiles Schema Schema Schema;
    grade Weak;
    source "msgraph-search-connector-sample#3 (gateway); OData/odata.net 8.4 ReaderValidationUtils_CannotConvertPrimitiveValue";

    "quoted-arguments" quoted_arguments: QuotedArguments = "a boolean or a number in quotes (`\"false\"`) in the body of an action, for a parameter that is one" {
        Take "take" "taken as that value, as examples on reference pages have it; not within complex values and entities",
        Refuse "refuse" "refused with 400, like other values of the wrong kind",
    }
    profiles Take Take Take;
    grade Strong;
    source "microsoft-graph-docs#12816 (an answer of Microsoft about booleans) and #5615 (`sendMail` answered with 202); learn.microsoft.com/graph/api/user-sendmail; for numbers medium, user-findmeetingtimes; for other actions weak";

    "type-namespace" type_namespace: TypeNamespace = "the namespace in the error message for an unknown `@odata.type`" {
        AsSent "as-sent" "the name as the client sent it",
        Workload "workload" "`Microsoft.Teams.GraphSvc`, into which the gateway renames `microsoft.graph` before the workload sees it",
    }
    profiles AsSent Workload AsSent;
    grade Weak;
    source "msgraph-beta-sdk-dotnet#87 (the name leaks); microsoft-graph-docs-contrib#5901 (Teams)";

    "complex-update" complex_update: ComplexUpdate = "members of a complex value that a PATCH of it does not have" {
        Keep "keep" "kept: a complex value is merged, as OData prescribes",
        Reset "reset" "set to the values of a new one: the value is replaced, as older libraries and some workloads do",
    }
    profiles Keep Keep Keep;
    grade Medium;
    source "OData 4.0 Part 1, 11.4.3 and AspNetCoreOData Delta<T> (for keeping); OData/WebApi#1263 and terraform-provider-msgraph#137 (both are seen)";

    "invalid-utf8" invalid_utf8: InvalidUtf8 = "a JSON body with bytes that its charset, mostly UTF-8, does not allow" {
        Refuse "refuse" "refused with 400, so that a client with the wrong charset is found: Windows PowerShell 5.1 and PowerShell before 7.4 send Latin-1",
        Replace "replace" "each becomes U+FFFD and is stored, as clients have observed",
    }
    profiles Refuse Replace Refuse;
    grade None;
    source "msgraph-sdk-powershell#1757, #1764 and #1768, microsoft-graph-docs-contrib#2529 (for replacing); the default finds what production damages";

    "absent-members" absent_members: AbsentMembers = "members of a new entity that the request does not have" {
        Initial "initial" "initial values, such as `isActive` true and `none` for the flags of an integration",
        Null "null" "null, or the default of .NET where a type has no null, except what the service computes",
    }
    profiles Initial Initial Initial;
    grade None;
    source "no public observation: the published requests to create an integration have all of these members";

    "annotations" annotations: Annotations = "control information in answers to requests without a metadata level" {
        Minimal "minimal" "the control information of `odata.metadata=minimal`",
        Page "page" "only `@odata.type`: on the entity with `#`, on complex values without, as on the draft page",
    }
    profiles Minimal Minimal Page;
    grade Strong;
    source "recorded responses in pnp/pnpcore (all of them minimal)";

    "nulls" nulls: Nulls = "null properties in answers" {
        Write "write" "included as null",
        Omit "omit" "omitted",
    }
    profiles Write Write Omit;
    grade Strong;
    source "recorded responses in pnp/pnpcore; learn.microsoft.com/graph/api/workforceintegration-get (response)";

    "property-order" property_order: PropertyOrder = "the order of properties in answers" {
        Lifelike "lifelike" "the order of the published GET example",
        Page "page" "the order of the draft page",
        Recorded "recorded" "that of the GET example, and for shifts and open shifts that of recorded answers",
    }
    profiles Lifelike Recorded Page;
    grade Medium;
    source "learn.microsoft.com/graph/api/workforceintegration-get (response); microsoft-graph-docs#14034 (a recorded shift)";

    "layout" layout: Layout = "white space in JSON answers" {
        Compact "compact" "none",
        PrettyCrlf "pretty-crlf" "two spaces per level and CRLF line endings, as the lengths on the draft page imply",
    }
    profiles Compact Compact PrettyCrlf;
    grade Strong;
    source "recorded responses in pnp/pnpcore";

    "content-type" content_type: ContentType = "the Content-Type of a successful response" {
        Parameters "parameters" "with metadata level, streaming, IEEE754Compatible and charset, as in recorded responses",
        Plain "plain" "`application/json`, as on the reference pages",
    }
    profiles Parameters Parameters Plain;
    grade Strong;
    source "recorded batch items in pnp/pnpcore (1,446 times)";

    "format-parameters" format_parameters: FormatParameters = "unknown parameters in `Accept` and `$format`" {
        Ignore "ignore" "ignored, as HTTP clients expect",
        Reject "reject" "the media type does not match, as in the OData specification",
    }
    profiles Ignore Ignore Ignore;
    grade None;
    source "OData 4.0 Part 1, 8.2.1 (for rejecting); no public observation";

    "unacceptable" unacceptable: Unacceptable = "a request whose `Accept` or `$format` excludes JSON" {
        Refuse "refuse" "refused with 406",
        Answer "answer" "answered with JSON, which HTTP allows",
    }
    profiles Refuse Refuse Refuse;
    grade Weak;
    source "OData 4.0 Part 1, 8.2.1 (the status; the body is a guess)";

    "id-format" id_format: IdFormat = "ids of created entities" {
        Wfi "wfi" "the prefix of the resource, such as `WFI_`, and a GUID, as in realistic samples",
        Guid "guid" "a bare GUID, as in generated samples",
    }
    profiles Wfi Wfi Guid;
    grade Medium;
    source "learn.microsoft.com/graph/api/workforceintegration-get (response)";

    "default-projection" default_projection: DefaultProjection = "the members of users, groups and messages in answers without `$select`" {
        Service "service" "those that the service returns, such as eleven of a user",
        All "all" "all members, for tests that read more than they select",
    }
    profiles Service Service Service;
    grade Strong;
    source "Azure/azure-cli test_user_scenario.yaml and test_group_scenario.yaml (recorded); pnp/pnpcore (recorded); learn.microsoft.com/graph/api/resources/user (\"Returned only on $select\")";

    "timestamps" timestamps: Timestamps = "the format of dates from fixtures" {
        Utc "utc" "UTC with `Z`, without trailing zeros in the fraction",
        Verbatim "verbatim" "the offset and the fraction digits of the fixture",
    }
    profiles Utc Utc Verbatim;
    grade Strong;
    source "learn.microsoft.com/graph/api/resources/workforceintegration (\"always in UTC\"); recorded responses in pnp/pnpcore";

    "last-modified" last_modified: LastModified = "`lastModifiedDateTime` and `lastModifiedBy` after a successful write" {
        Recompute "recompute" "set to the time and the caller of the write",
        Keep "keep" "unchanged",
    }
    profiles Recompute Recompute Keep;
    grade Strong;
    source "Org.OData.Core.V1.Computed in the published schema (microsoftgraph/msgraph-metadata)";

    "server-times" server_times: ServerTimes = "`createdDateTime` and `lastModifiedDateTime` of an entity of a type without a rule of its own about them" {
        Set "set" "set by the service at the creation and at each write; a value of the client counts where the schema does not mark the property as computed",
        Absent "absent" "not set: null, or the default of .NET where a type has no null",
    }
    profiles Set Set Set;
    grade Medium;
    source "learn.microsoft.com/graph/api/todotasklist-post-tasks, todotask-post-checklistitems, accessreviewset-post-historydefinitions, security-casesroot-post-ediscoverycases, intune-apps-androidstoreapp-create (answers to requests without them); for types without such a page, and for changes, weak";

    "server-callers" server_callers: ServerCallers = "`createdBy` and `lastModifiedBy` of an entity of a type without a rule of its own about them, where they are of the type identitySet or communicationsIdentitySet" {
        Set "set" "set by the service at the creation and at each write, with the id and the name of the caller; a value of the client counts where the schema does not mark the property as computed",
        Absent "absent" "not set: null, unless the client sends a value",
    }
    profiles Set Set Set;
    grade Medium;
    source "learn.microsoft.com/graph/api/list-create, sitepage-create, sectiongroup-post-sections, rbacapplication-post-roleeligibilityschedulerequests, privilegedaccessgroup-post-assignmentschedulerequests, virtualeventsroot-post-townhalls, educationoutcome-update (answers to requests without them); teamsapp-publish prints null; for types without such a page, weak";

    "local-caller" local_caller: LocalCaller = "`lastModifiedBy` after a write without a readable token" {
        User "user" "a fixed local user in `lastModifiedBy.user`",
        Null "null" "null members",
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

    "read-by-write" read_by_write: ReadByWrite = "a read with a `ReadWrite` permission where the published table has the `Read` permission of the same name alone" {
        Included "included" "allowed: `Mail.ReadWrite` includes `Mail.Read`",
        Refused "refused" "refused: the table is complete",
    }
    profiles Included Included Refused;
    grade Medium;
    source "learn.microsoft.com/graph/permissions-overview and learn.microsoft.com/training/modules/integrate-microsoft-graph-microsoft-teams-apps/6-configure-permissions (`ReadWrite` is for reads, creations, updates and deletions); the table has `Mail.ReadWrite` for the list of messages, and not for one";

    "wrong-method" wrong_method: WrongMethod = "an unsupported method on a known path" {
        UnknownError "unknown-error" "404 `UnknownError` with an empty message, as observed on Shifts resources; a PATCH of a collection is refused with 400 by the gateway",
        MethodNotAllowed "method-not-allowed" "405 `methodNotAllowed`, as newer workloads answer",
    }
    profiles UnknownError UnknownError UnknownError;
    grade Weak;
    source "microsoft-graph-docs#13815; MichaelGrafnetter/webauthn-interop#33 (405)";

    "head" head: Head = "a HEAD request to a resource that supports GET" {
        Get "get" "the status and the headers of GET, without a body",
        Unrouted "unrouted" "the same answer as any other unsupported method, which clients take for a missing resource",
    }
    profiles Get Get Get;
    grade None;
    source "RFC 9110, 9.1 (a server must support GET and HEAD); microsoft/api-guidelines (HEAD should be supported where GET is); no public observation";

    "preflight" preflight: Preflight = "the preflight request of a browser (CORS)" {
        Allow "allow" "204 that allows the requested method and headers",
        Unrouted "unrouted" "the same answer as any other unsupported method",
    }
    profiles Allow Allow Allow;
    grade None;
    source "no public observation of the answer; answers carry Access-Control-Allow-Origin (msgraph-sdk-dotnet#984), so browsers are served";

    "collection-count" collection_count: CollectionCount = "`@odata.count` in a list without `$count=true`" {
        OnRequest "on-request" "omitted",
        Always "always" "included, as in Teams collections",
    }
    profiles OnRequest Always OnRequest;
    grade Weak;
    source "recorded responses in pnp/pnpcore (Teams); learn.microsoft.com/graph/api/workforceintegration-list (none shown)";

    "query-options" query_options: QueryOptions = "query options that no public source documents for this collection: `$filter`, `$orderby`, `$skip`, `$count`, `$expand`, `$search`, `$apply`, `$compute`" {
        Honor "honor" "the first four work as OData defines them, the others are refused",
        Ignore "ignore" "no effect: \"unsupported query parameters might fail silently\"",
        Reject "reject" "refused with 400 and the message of the Teams workload's library",
    }
    profiles Honor Honor Honor;
    grade None;
    source "microsoft-graph-docs concepts/query-parameters (silent failure); microsoft-graph-docs#11446 (the refusal); no public observation on this collection";

    "schema-restrictions" schema_restrictions: SchemaRestrictions = "the restrictions of a schema (Org.OData.Capabilities.V1: Insert-, Update-, Delete-, Read-, Filter-, Sort-, Count- and SearchRestrictions, TopSupported, SkipSupported, and NonExpandableProperties)" {
        Enforce "enforce" "a request that they forbid is refused: a method as one that the path does not have, a query option or a property in it with 400",
        Ignore "ignore" "no effect: some services take more than the schema says",
    }
    profiles Enforce Enforce Enforce;
    grade Weak;
    source "microsoftgraph/msgraph-metadata, v1.0-Prod.csdl at f54f11b6: of the 723 exchanges that the reference prints, none does what these annotations forbid on a type, set or navigation property itself. msgraph-sdk-powershell#1732 and microsoft-graph-docs#11118 report the refusal of what NonExpandableProperties has of teams. Statements that the exchanges contradict are not followed: SelectSupport, Expandable of types and sets, and those that a type would inherit from directoryObject";

    "empty-options" empty_options: EmptyOptions = "two `&` in a row in a query, or one at its end" {
        Refuse "refuse" "refused with 400: the grammar of OData has an option on both sides of each",
        Ignore "ignore" "ignored, as most web servers do",
    }
    profiles Refuse Refuse Refuse;
    grade None;
    source "OData 4.01 ABNF, queryOptions; no public observation. One at the beginning is taken: learn.microsoft.com/graph/api/signin-list prints `?&$filter`";

    "slashes-after-version" slashes_after_version: SlashesAfterVersion = "two slashes between the version and the next segment of a path" {
        Take "take" "taken for one: msgraph-sdk-python writes its default address so, as do documentation and many programs",
        Refuse "refuse" "refused with 400, as two slashes elsewhere in a path",
    }
    profiles Take Take Take;
    grade Medium;
    source "learn.microsoft.com/graph/api/driveitem-get in earlier versions (`GET https://graph.microsoft.com/v1.0//me/drive/root` is answered with 200); msgraph-core 1.5.2 for Python, whose requests go to `/v1.0//users`";

    "directory-text-case" directory_text_case: DirectoryTextCase = "capital and small letters in the conditions of `$filter` on objects of the directory" {
        Same "same" "the same letters",
        Different "different" "different letters, as OData defines it",
    }
    profiles Same Same Same;
    grade Medium;
    source "learn.microsoft.com/graph/api/user-list (`endswith(mail,'a@contoso.com')` finds GradyA@contoso.com) and group-list-transitivemembers (`startswith(displayName, 'a')` finds AAD Contoso Users)";

    "directory-paging" directory_paging: DirectoryPaging = "`$skip`, and `$top` outside of 1 to 999, in lists of objects of the directory" {
        Strict "strict" "refused with 400",
        Take "take" "taken as elsewhere",
    }
    profiles Strict Strict Take;
    grade Strong;
    source "learn.microsoft.com/graph/paging and learn.microsoft.com/graph/aad-advanced-queries (`$skip` is not supported); refusals as found in two public repositories each";

    "mime-messages" mime_messages: MimeMessages = "a message in the format of Internet mail, in base64 with `Content-Type: text/plain`, where a message is created, sent, answered or forwarded" {
        Read "read" "read: Subject, From, Sender, To, Cc, Bcc, Reply-To and Message-ID, and the first text of the parts, of alternatives the HTML; neither attachments nor signed or encrypted parts, and no other headers. An answer goes to the sender of the other message",
        Refuse "refuse" "refused with 400, as other bodies are that are not JSON",
    }
    profiles Read Read Read;
    grade Medium;
    source "learn.microsoft.com/graph/api/user-post-messages, user-sendmail, message-reply, message-replyall, message-forward, message-createreply, message-createreplyall, message-createforward (requests, statuses, members of the answers); which of several texts is the body, and an unknown charset, which is read as UTF-8, are guesses (none)";

    "outlook-filters" outlook_filters: OutlookFilters = "lists of messages with `$filter` and `$orderby`, where `$filter` does not begin with the properties of `$orderby`, in their order" {
        Strict "strict" "refused with 400 InefficientFilter",
        Take "take" "answered all the same",
    }
    profiles Strict Strict Take;
    grade Strong;
    source "learn.microsoft.com/graph/api/user-list-messages (the rule); msgraph-sdk-dotnet#183; mguessan/davmail#501";

    "event-times" event_times: EventTimes = "begin and end of events of users in answers to reads without `Prefer: outlook.timezone`" {
        Utc "utc" "in UTC",
        Stored "stored" "in the time zone in which they were written",
    }
    profiles Utc Utc Stored;
    grade Medium;
    source "learn.microsoft.com/graph/api/user-list-events and event-get (UTC, if the header is not specified); that events of groups keep the zone in which they were written is a guess";

    "calendar-view-delta" calendar_view_delta: CalendarViewDelta = "series with an occurrence in the range, in delta queries of `calendarView`" {
        Expand "expand" "shown as series, each with its exceptions and its occurrences in the range, these with few members",
        Series "series" "shown as series, without their occurrences",
        LeaveOut "leave-out" "left out: the events that happen once alone",
    }
    profiles Expand Expand Expand;
    grade Strong;
    source "microsoft-graph-docs#1716 and #7632, microsoft-graph-docs-contrib#34 (the members of occurrences); keeper.sh#409 (the series beside them)";

    "series-exceptions" series_exceptions: SeriesExceptions = "the exceptions and the cancelled occurrences of a series whose pattern changes" {
        Keep "keep" "they stay as they are",
        Reset "reset" "they are gone: the series happens as the new pattern says",
    }
    profiles Keep Keep Keep;
    grade None;
    source "no public observation; Outlook warns that exceptions are lost, and says nothing of other clients";

    "count-of-values" count_of_values: CountOfValues = "`$count` behind a property with a collection of values, as in `/users/{id}/businessPhones/$count`" {
        Answer "answer" "answered with the number of values, as OData defines it",
        Refuse "refuse" "refused with 400, as an unknown segment",
    }
    profiles Answer Answer Answer;
    grade Weak;
    source "OData 4.01 URL conventions, 4.8 (addressing the count of a collection); the text with which Microsoft's library refuses `$count` elsewhere names structural properties of collection type; no public observation of the service";

    "upload-fragments" upload_fragments: UploadFragments = "fragments of an upload session whose length is not a multiple of 320 KiB, other than the last one" {
        Take "take" "taken, as in the example of the page",
        Refuse "refuse" "refused with 400, for tests of a client's fragments",
    }
    profiles Take Take Take;
    grade Medium;
    source "learn.microsoft.com/graph/api/driveitem-createuploadsession (multiples of 320 KiB, else errors committing some files; its example has fragments of 26 bytes)";

    "password-rules" password_rules: PasswordRules = "passwords of users that are too short or too simple" {
        Strict "strict" "refused with 400: fewer than 8 or more than 256 characters, or fewer than three of lower case, upper case, digits and symbols",
        Take "take" "taken",
    }
    profiles Strict Strict Take;
    grade Strong;
    source "refusals found in two public repositories of clients; learn.microsoft.com/entra/identity/authentication/concept-sspr-policy (the rules, medium)";

    "user-domains" user_domains: UserDomains = "userPrincipalName with a domain that is not one of the organization's verified domains" {
        Verified "verified" "refused with 400, if the organization has verified domains",
        Any "any" "taken",
    }
    profiles Verified Verified Any;
    grade Strong;
    source "refusals found in two public repositories of clients (2024)";

    "service-principal-applications" principal_applications: PrincipalApplications = "POST of a service principal for an application that is not in the state" {
        Known "known" "refused with 400, if the state has applications",
        Any "any" "taken, as for applications of other directories",
    }
    profiles Known Known Any;
    grade Strong;
    source "hashicorp/terraform-provider-azuread (text and code), and another public client; applications of other directories, which the service knows, are not in the state: of these, the ids of Microsoft's own are taken";

    "stubs" stubs: StubPrecedence = "requests that a recorded answer of `--stubs` fits, for what the emulator has itself" {
        Most "most" "answered as recorded, apart from integrations, schedules and what belongs to them",
        All "all" "answered as recorded",
        Least "least" "answered by the emulator; recorded answers are for unknown paths, for teams that no fixture has, and for operations without an implementation",
    }
    profiles Most Most Most;
    grade None;
    source "a matter of this emulator: recordings of a session have the requests for integrations, too, whose state must not stand still";

    "directory-unknown-names" directory_unknown_names: DirectoryUnknownNames = "names in `$select`, `$filter` and `$orderby` for objects of the directory that neither their type nor an extension has; the names of extensions are those with an underscore" {
        Refuse "refuse" "refused with 400, though the types are open",
        Take "take" "null, as OData has it for members that an open type does not declare",
    }
    profiles Refuse Refuse Refuse;
    grade Strong;
    source "instructure/canvas-lms, the tests of its synchronization with Teams (recorded for a class, with an extension that is not registered); learn.microsoft.com/graph/extensibility-overview (the names of extensions)";

    "directory-unknown-members" directory_unknown_members: DirectoryUnknownMembers = "members in bodies for objects of the directory that neither their type nor an extension has; the names of extensions are those with an underscore" {
        Refuse "refuse" "refused with 400, though the types are open",
        Take "take" "stored, as OData has it for members that an open type does not declare",
    }
    profiles Refuse Refuse Refuse;
    grade Medium;
    source "ballerina-platform/module-ballerinax-azure.ad, src/azure.ad/tests/client_user_tests.bal (a test against the service, of a user); hashicorp/go-azure-sdk, sdk/odata/errors.go (the text). The service also refuses names of extensions that are not registered (msgraph-sdk-dotnet#2680), which are taken here";

    "deep-insert-answer" deep_insert_answer: DeepInsertAnswer = "the answer to a POST whose body creates other entities within the new one" {
        Printed "printed" "the new entity alone, as pages print it; a new conversation has its `threads`",
        Expanded "expanded" "the new entity with what the request created in it, at all levels of the body",
    }
    profiles Printed Printed Printed;
    grade Medium;
    source "learn.microsoft.com/graph/api/chat-post, chatmessage-post, channel-post-messages, group-post-threads, list-create (alone) and group-post-conversations (with `threads`); OData 4.0 Part 1, 11.4.2.2 and oasis-tcs/odata-specs#1547 (expanded, where a representation is preferred or 201 is answered); OData/WebApi#610 (the library does not)";

    "named-location-types" named_location_types: NamedLocationTypes = "a POST or PATCH of a named location whose body does not name a type of named locations in `@odata.type`" {
        Refuse "refuse" "refused with 400, as by the service",
        Take "take" "taken: a new one has the type `namedLocation`, and a change that of the entity",
    }
    profiles Refuse Refuse Refuse;
    grade Strong;
    source "microsoft/terraform-provider-msgraph#59 (the answer to a PATCH); learn.microsoft.com/graph/api/ipnamedlocation-update and conditionalaccessroot-post-namedlocations (the type must be specified)";

    "advanced-queries" advanced_queries: AdvancedQueries = "queries on objects of the directory that need `ConsistencyLevel: eventual`, and some of them `$count=true`, without these" {
        Refuse "refuse" "refused with 400; `$count=true` has no effect",
        Take "take" "answered all the same: for tests in which the header does not matter",
    }
    profiles Refuse Refuse Take;
    grade Medium;
    source "learn.microsoft.com/graph/aad-advanced-queries (which); microsoft-graph-docs#15067 (recorded refusal)";

    "shifts-filters" shifts_filters: ShiftsFilters = "conditions of `$filter` on the collections of a schedule that the service does not take: another property, another operator, `or`, a property twice" {
        Strict "strict" "refused with 400, as the service does",
        Lenient "lenient" "evaluated as OData defines them",
    }
    profiles Strict Strict Strict;
    grade Strong;
    source "microsoft-graph-docs#13711, #4553 and #7179; learn.microsoft.com/graph/api/schedule-list-shifts; that scheduling groups, reasons and notes take no filter is a guess (no source shows one)";

    "time-off-reason-search" time_off_reason_search: TimeOffReasonSearch = "`$search` on the reasons for time off" {
        Ignore "ignore" "no effect: a published connector sends `$search=\"isActive=true\"`, and filters what it gets",
        Reject "reject" "refused with 400, as on other collections",
    }
    profiles Ignore Ignore Reject;
    grade Weak;
    source "OfficeDev/Microsoft-Teams-Shifts-WFM-Connectors (Kronos)";

    "schedule-item-options" schedule_item_options: ScheduleItemOptions = "query options on a schedule and on a single item in it, except `$expand`, which is refused" {
        Ignore "ignore" "no effect: the pages say that they are not supported, and \"unsupported query parameters might fail silently\"",
        Honor "honor" "as OData defines them",
        Reject "reject" "refused with 400",
    }
    profiles Ignore Ignore Ignore;
    grade None;
    source "learn.microsoft.com/graph/api/schedule-get and shift-get (\"does not support OData query parameters\"); microsoft-graph-docs concepts/query-parameters (silent failure)";

    "unprovisioned-schedule" unprovisioned_schedule: UnprovisionedSchedule = "GET of a schedule that was never provisioned" {
        NotStarted "not-started" "200 with `provisionStatus` NotStarted: a published connector reads it first, and provisions the schedule then",
        NotFound "not-found" "404, as for what the schedule contains",
    }
    profiles NotStarted NotStarted NotStarted;
    grade Medium;
    source "OfficeDev/Microsoft-Teams-Shifts-WFM-Connectors (JDA); microsoft-graph-docs#9811 (404 for what it contains); the other members are a guess";

    "provisioning" provisioning: Provisioning = "`provisionStatus` of a schedule that a PUT creates" {
        Immediate "immediate" "Completed",
        Running "running" "Running until it has been read once, then Completed: clients have to ask again",
    }
    profiles Immediate Running Immediate;
    grade Strong;
    source "learn.microsoft.com/graph/api/team-put-schedule (asynchronous); OfficeDev/Microsoft-Teams-Shifts-WFM-Connectors (JDA asks until it is completed); the number of reads is a guess";

    "second-schedule" second_schedule: SecondSchedule = "PUT of a schedule that is provisioned" {
        Replace "replace" "replaces it, as on the reference pages",
        Conflict "conflict" "refused with 409, as a client of beta has seen in 2019",
    }
    profiles Replace Conflict Replace;
    grade Medium;
    source "learn.microsoft.com/graph/api/team-put-schedule and schedule-get; microsoft-graph-docs#6560 (409, beta of 2019)";

    "schedule-members" schedule_members: ScheduleMembers = "a PUT of a schedule without `enabled`, or without the name of a time zone of the tz database in `timeZone`" {
        Required "required" "refused with 400: the page requires both",
        Optional "optional" "stored",
    }
    profiles Required Required Required;
    grade Medium;
    source "learn.microsoft.com/graph/api/team-put-schedule and resources/schedule; status and words of the refusal are a guess";

    "several-integrations" several_integrations: SeveralIntegrations = "several items in `workforceIntegrationIds` of a schedule" {
        First "first" "stored; the first one counts",
        Refuse "refuse" "refused with 400: a schedule has at most one integration",
    }
    profiles First First First;
    grade Medium;
    source "learn.microsoft.com/graph/api/resources/workforceintegration (that the first one is used); learn.microsoft.com/graph/api/resources/schedule (at most one)";

    "unknown-integration" unknown_integration: UnknownIntegration = "an item in `workforceIntegrationIds` that is not the id of an integration" {
        Accept "accept" "stored; no connector is called",
        Refuse "refuse" "refused with 404",
    }
    profiles Accept Accept Accept;
    grade None;
    source "no public observation";

    "shift-unknown-members" shift_unknown_members: ShiftUnknownMembers = "a member of a request for a shift or an open shift that the type does not have" {
        Ignore "ignore" "ignored, with a line in the log: a published connector sends `KronosUniqueId` in every POST, and works with the service",
        Reject "reject" "refused with 400, as unknown members of other types are",
    }
    profiles Ignore Ignore Reject;
    grade Weak;
    source "OfficeDev/Microsoft-Teams-Shifts-WFM-Connectors (Kronos, for ignore); msgraph-sdk-python#440 and msgraph-sdk-dotnet#984 (other resources, for reject)";

    "identity-tenantid" identity_tenant: IdentityTenant = "`tenantId` in `lastModifiedBy.user` of a shift" {
        Null "null" "null, as in answers for an open shift of 2024",
        Absent "absent" "absent, as in answers for shifts until 2021",
    }
    profiles Null Absent Null;
    grade Medium;
    source "learn.microsoft.com/graph/api/openshift-post (2024); microsoft-graph-docs#14034 and #13815 (2021)";

    "top" top: Top = "`$top` below the number of entities (`$top=0` returns an empty list without a next link)" {
        PageSize "page-size" "the page size: a next link leads to the other entities",
        Limit "limit" "the size of the whole list, as in the OData specification, without a next link beyond it",
    }
    profiles PageSize PageSize PageSize;
    grade Medium;
    source "microsoft-graph-docs concepts/paging; next links with `$top` among recorded responses in pnp/pnpcore (Teams); OData 4.0 Part 1, 11.2.5.3 (limit)";

    "top-maximum" top_maximum: TopMaximum = "`$top` above the maximum page size" {
        Cap "cap" "a page of the maximum size with a next link",
        Reject "reject" "refused with 400 and the message of the Teams workload's library",
    }
    profiles Cap Cap Cap;
    grade Medium;
    source "microsoft-graph-docs concepts/query-parameters (it \"might default to the maximum page size\" or be an error); no public observation on this collection";

    "page-bytes" page_bytes: PageBytes = "the size of the entities of a page, in bytes, that ends it before the page size; a page has at least one entity" {
        Large "4-mib" "4 MiB, as large as a request can be",
        Small "64-kib" "64 KiB, so that clients see pages of different lengths",
    }
    profiles Large Large Large;
    grade None;
    source "learn.microsoft.com/graph/paging (the service decides on the length of a page; a client follows the next link); no public observation of a limit in bytes";

    "expensive-query" expensive_query: ExpensiveQuery = "a query that takes too long" {
        Reject "reject" "refused with 400, which clients do not repeat, after about a second of work",
        Timeout "timeout" "504 with an empty message, as the service answers, which SDKs repeat",
    }
    profiles Reject Reject Reject;
    grade None;
    source "microsoft-graph-docs#5853, #4988 and #19954 (504 `UnknownError` for filters and searches of large collections); the emulator has no input that it answers with 5xx unless asked to";

    "location" location: Location = "`Location` of a created entity" {
        Itself "self" "a URL that the client can fetch, with the key in parentheses",
        Backend "backend" "a URL of the back end, as in answers of Teams resources",
    }
    profiles Itself Backend Itself;
    grade Weak;
    source "recorded responses in pnp/pnpcore (Teams)";

    "hsts" hsts: Hsts = "`Strict-Transport-Security` in answers over TLS" {
        Omit "omit" "omitted: browsers would apply it to localhost and refuse plain HTTP to all its ports for a year",
        Send "send" "sent, as by the service; over plain HTTP, where it has no effect, it is always sent",
    }
    profiles Omit Omit Omit;
    grade None;
    source "RFC 6797, 8.3; recorded responses in pnp/pnpcore (against)";

    "sign-in-country" sign_in_country: SignInCountry = "the country that a user signs in from, for policies of a directory file" {
        UsageLocation "usage-location" "`usageLocation` of the user, since all clients are on one machine here",
        Unknown "unknown" "none: policies for countries do not apply",
    }
    profiles UsageLocation UsageLocation UsageLocation;
    grade None;
    source "the service derives it from the address of the client: learn.microsoft.com/entra/identity/conditional-access/concept-assignment-network";

    "device-code" device_code: DeviceCode = "the approval of a device's code" {
        FirstPoll "first-poll" "at the first request for tokens, so that tests need no user; the interval is one second",
        User "user" "on the page that the answer names, or by the control API; until then `authorization_pending`, with the recorded interval of five seconds",
    }
    profiles FirstPoll User FirstPoll;
    grade None;
    source "Azure/azure-sdk-for-go sdk/azidentity/testdata/recordings (for user)";

    "api-tokens" api_tokens: ApiTokens = "the version of access tokens for an API that no directory describes" {
        First "1.0" "1.0, as for a registration without `requestedAccessTokenVersion`",
        Second "2.0" "2.0",
    }
    profiles First First First;
    grade Medium;
    source "learn.microsoft.com/entra/identity-platform/access-tokens (null means 1.0)";

    "claims-challenge" claims_challenge: ClaimsChallenge = "the `WWW-Authenticate` header of a 401 after a revocation" {
        Of2024 "2024" "a challenge for proof of possession, then one for a bearer with a description and the claims",
        Of2022 "2022" "one challenge with claims and `errorDescription`",
        Of2021 "2021" "one challenge with claims",
    }
    profiles Of2024 Of2021 Of2024;
    grade Medium;
    source "Azure/azure-sdk-for-net and azure-sdk-for-java, tests of azure-core (2024); microsoftgraph/msgraph-sdk-dotnet-core, tests (2022); Azure/azure-sdk-for-js, recorded (2021)";

    "missing-length" missing_length: MissingLength = "a write without body and Content-Length" {
        EmptyPayload "empty-payload" "400 `Empty Payload. JSON content expected.`",
        LengthRequired "length-required" "411 with an HTML page, from the web server in front of the service",
    }
    profiles EmptyPayload LengthRequired EmptyPayload;
    grade Weak;
    source "graph-rs-sdk#524 (411); microsoft-graph-docs#4769 (empty payload)";

    "batch-order" batch_order: BatchOrder = "the order of the answers in a `$batch`" {
        Request "request" "the order of the requests",
        Shuffled "shuffled" "a random order from the seed: the service answers one batch in three out of order",
    }
    profiles Request Shuffled Request;
    grade Strong;
    source "recorded responses in pnp/pnpcore (230 of 635 batches are out of order); learn.microsoft.com/graph/json-batching (\"might be in a different order\")";

    "batch-urls" batch_urls: BatchUrls = "the `url` of a request in a `$batch` that is absolute or begins with the version" {
        Any "any" "read like one that is relative to the version: the SDK for Python sends absolute ones",
        Relative "relative" "refused with 400, as the service does: a version is a part of the path there, and no segment",
    }
    profiles Any Relative Any;
    grade None;
    source "msgraph-sdk-javascript#1178 and msgraph-sdk-python#1015 (both refused, with `Resource not found for the segment`); microsoft-graph-docs-contrib#8576 (absolute: `Invalid batch payload format.`)";

    "compression" compression: Compression = "the coding of an answer to a client that sends `Accept-Encoding: gzip`" {
        None "none" "none, so that answers are easy to read on the wire",
        Gzip "gzip" "gzip, of JSON and XML up to 256 KiB",
    }
    profiles None Gzip None;
    grade Weak;
    source "recorded responses in pnp/pnpcore (`Vary: Accept-Encoding` on all with a body; recordings do not keep the coding)";

    "limit-headers" limit_headers: LimitHeaders = "headers on the use of limits, with fault rules that limit or answer 429" {
        Documented "documented" "those of the documentation: of the directory `x-ms-throttle-limit-percentage` above 0.8 of a limit, `x-ms-throttle-scope` and `x-ms-throttle-information` with a 429; of files and lists `RateLimit-Limit`, `-Remaining` and `-Reset` from 80 % on, for callers other than users",
        None "none" "none",
    }
    profiles Documented Documented Documented;
    grade Medium;
    source "learn.microsoft.com/graph/throttling-limits (identity and access); learn.microsoft.com/sharepoint/dev/general-development/how-to-avoid-getting-throttled-or-blocked-in-sharepoint-online; devblogs.microsoft.com/microsoft365dev/prevent-throttling-in-your-application-by-using-ratelimit-headers-in-sharepoint-online (applications only); none for other workloads";

    "batch-content-type" batch_content_type: BatchContentType = "a write without Content-Type in a `$batch`" {
        Base64 "base64" "the whole batch is refused with 400, unless the body is a base64 string, which is read as JSON: msgraph-sdk (TypeScript) sends it",
        Require "require" "the whole batch is refused with 400",
    }
    profiles Base64 Require Base64;
    grade Weak;
    source "msgraph-sdk-dotnet#2628; Softeria/ms-365-mcp-server#677 (for requiring); no public observation for base64 strings";

    "batch-dependencies" batch_dependencies: BatchDependencies = "the requests that `dependsOn` may name in a `$batch`; only earlier ones in any case" {
        Single "single" "at most one other request",
        Patterns "patterns" "at most one, in three patterns: no dependencies, each request on the one before it, or all on the same one",
        Any "any" "any number of other requests",
    }
    profiles Single Single Single;
    grade Weak;
    source "learn.microsoft.com/graph/known-issues (JSON batching); OData JSON Format 4.01, 19.1 (earlier requests only)";

    "planner-conflict" planner_conflict: PlannerConflict = "a change of an item of Planner with the tag of an earlier version" {
        PreconditionFailed "precondition-failed" "refused with 412, as recorded",
        Conflict "conflict" "refused with 409, the other status of the documentation",
    }
    profiles PreconditionFailed PreconditionFailed PreconditionFailed;
    grade Medium;
    source "learn.microsoft.com/graph/api/resources/planner-overview (both); microsoft-graph-docs-contrib#8161 (412); that the service merges changes of different members is documented too, and not emulated";

    "if-match" if_match: IfMatch = "`If-Match` in a change of an entity that has no tag, such as a user or a team" {
        Ignore "ignore" "ignored, with a line in the log: no recorded answer of the directory or of Teams has a tag",
        Refuse "refuse" "refused with 412, which shows clients that rely on it",
    }
    profiles Ignore Ignore Ignore;
    grade Weak;
    source "recorded responses in pnp/pnpcore (no `@odata.etag` and no `ETag` of these workloads); no public observation of the header in a request";

    "connect" connect: Connect = "the handshake with the connector on creation of an integration" {
        Off "off" "none: URLs in fixtures and tests rarely lead to a connector",
        Report "report" "performed and logged; the integration is stored regardless of the result",
        Enforce "enforce" "performed; the integration is stored only if the connector answers 200, as in the Shifts guide",
    }
    profiles Off Report Off;
    grade None;
    source "learn.microsoft.com/microsoft-365/frontline/shifts-custom-wfm-integration (/connect: speaks for enforce)";

    "connect-on-update" connect_on_update: ConnectOnUpdate = "the handshake on changes to url, apiVersion or encryption of an integration" {
        Off "off" "none",
        Report "report" "performed and logged; the change is stored regardless of the result",
        Enforce "enforce" "performed; the change is stored only if the connector answers 200",
    }
    profiles Off Off Off;
    grade None;
    source "no public observation";

    "update-calls" update_calls: UpdateCalls = "approval of changes in a schedule by the connector of the integration to which it is bound" {
        Enforce "enforce" "required: the change is stored only if the connector approves, as in the Shifts guide",
        Report "report" "requested and logged; the change is stored regardless of the result",
        Off "off" "not requested",
    }
    profiles Enforce Enforce Enforce;
    grade Strong;
    source "learn.microsoft.com/microsoft-365/frontline/shifts-custom-wfm-integration (/update); none for a binding that changes while a connector is asked";

    "update-retries" update_retries: UpdateRetries = "an update call without a usable answer: none, not 200, or invalid data" {
        None "none" "no retry, so that tests are fast",
        Three "three" "up to three immediate retries: the guide says 'multiple times' without a number or an interval",
    }
    profiles None Three None;
    grade None;
    source "learn.microsoft.com/microsoft-365/frontline/shifts-custom-wfm-integration (Responses)";

    "passthrough" passthrough: Passthrough = "a change with the id of the bound integration in `X-MS-WFMPassthrough`" {
        Skip "skip" "not sent for approval: it comes from the integration itself, as one published connector marks all of its writes",
        Ask "ask" "sent for approval, and the header is repeated, as the Shifts guide has it",
    }
    profiles Skip Skip Skip;
    grade Strong;
    source "OfficeDev/Microsoft-Teams-Shifts-WFM-Connectors (both); learn.microsoft.com/microsoft-365/frontline/shifts-custom-wfm-integration (speaks for ask)";

    "repeated-calls" repeated_calls: RepeatedCalls = "the ids of new entities in a call that is repeated" {
        NewIds "new-ids" "new ones, as a published connector has seen",
        SameIds "same-ids" "those of the first call",
    }
    profiles NewIds NewIds NewIds;
    grade Weak;
    source "OfficeDev/Microsoft-Teams-Shifts-WFM-Connectors (a comment in pull request 67)";

    "eligibility" eligibility: Eligibility = "a new request for a swap or for time off, if the integration filters what may be chosen (`eligibilityFilteringEnabledEntities`)" {
        Enforce "enforce" "the connector is asked first, and what it does not name is refused; for offers, no address of such a call is known, so none is made",
        Off "off" "the connector is not asked",
    }
    profiles Enforce Enforce Enforce;
    grade Weak;
    source "learn.microsoft.com/microsoft-365/frontline/shifts-custom-wfm-integration (/read); that Graph refuses other choices is a guess";

    "eligibility-period" eligibility_period: EligibilityPeriod = "the month for which a connector is asked about eligible shifts" {
        TimeZone "time-zone" "that of the schedule's time zone: the published example has one that begins at 4 o'clock in UTC",
        Utc "utc" "that of UTC",
    }
    profiles TimeZone TimeZone TimeZone;
    grade Weak;
    source "learn.microsoft.com/microsoft-365/frontline/shifts-custom-wfm-integration (startTime=2024-10-01T04:00:00.0000000Z); that the zone is that of the schedule is a guess";

    "eligibility-times" eligibility_times: EligibilityTimes = "the form of the times in the address by which a connector is asked about eligible shifts" {
        Iso "iso" "`startTime=2026-12-01T05:00:00.0000000Z`, as in the Shifts guide",
        UsEnglish "us-english" "`startTime=12/1/2026 5:00:00 AM +00:00`, an older form that a published connector has received and still reads",
    }
    profiles Iso Iso Iso;
    grade Strong;
    source "learn.microsoft.com/microsoft-365/frontline/shifts-custom-wfm-integration (startTime=2024-10-01T04:00:00.0000000Z); OfficeDev/Microsoft-Teams-Shifts-WFM-Connectors (the older form, in a comment in pull request 67: weak)";

    "deletion-call" deletion_call: DeletionCall = "the call for a DELETE of a shift, an open shift or a time off by Graph" {
        Delete "delete" "an element with the method DELETE and the body null, as in the Shifts guide",
        Inactive "inactive" "a PUT with `isActive` false, as the app sends when a deletion is shared",
    }
    profiles Delete Delete Delete;
    grade None;
    source "learn.microsoft.com/microsoft-365/frontline/shifts-custom-wfm-integration (the methods); no public observation of a call for a DELETE by Graph";

    "shifts-rules" shifts_rules: ShiftsRules = "what breaks a documented rule of Shifts: who may read and change a schedule, the length of a shift, required members, people outside of the team" {
        Enforce "enforce" "refused; a user whom the world does not know, and a request without a token, may do all",
        Lenient "lenient" "stored",
    }
    profiles Enforce Enforce Enforce;
    grade Medium;
    source "learn.microsoft.com/graph/api/resources/shift and its siblings (the rules); microsoft-graph-docs#8933 and #9811 (who finds the team), #4720 and #9745 (who may write); other status codes and words are a guess";

    "personal-entries" personal_entries: PersonalEntries = "a time card or the preferences of another person, written by a user who owns no team of that person" {
        Refuse "refuse" "refused with 403, as other writes of workers; preferences can be read by all",
        Take "take" "stored",
    }
    profiles Refuse Refuse Refuse;
    grade None;
    source "learn.microsoft.com/graph/api/timecard-clockin (an application names the user for whom it clocks in) and shiftpreferences-put; no public observation of a user who writes entries of another one";

    "time-card-person" time_card_person: TimeCardPerson = "PUT of a time card without `userId` in the body" {
        Kept "kept" "the card stays that of its person",
        Cleared "cleared" "the card belongs to no person, like one without `userId` in a file: owners of the team write it, and callers without a role",
    }
    profiles Kept Kept Kept;
    grade None;
    source "learn.microsoft.com/graph/api/timecard-replace (the example has userId); no public observation of a body without it";

    "unknown-scheduling-group" unknown_scheduling_group: UnknownSchedulingGroup = "a new shift or open shift in a scheduling group that the schedule does not have, and a change to such a group; what has one already can keep it" {
        Known "known" "refused with 400, unless the schedule has no groups at all, as in a file with shifts alone",
        Refuse "refuse" "refused with 400",
        Accept "accept" "stored",
    }
    profiles Known Refuse Known;
    grade None;
    source "learn.microsoft.com/graph/api/resources/shift (schedulingGroupId is required); no public observation of an unknown group";

    "application-decisions" application_decisions: ApplicationDecisions = "approve, decline and confirm by an application that names no user" {
        Refuse "refuse" "refused with 403, as announced for 2026",
        Take "take" "taken as those of a manager",
    }
    profiles Refuse Take Refuse;
    grade Medium;
    source "devblogs.microsoft.com/microsoft365dev (Shifts application permissions, June 2025); status and words are a guess";

    "assigned-shift-theme" assigned_shift_theme: AssignedShiftTheme = "the theme of a shift that is made of a slot of an open shift" {
        Blue "blue" "`blue`, that of new shifts in the app",
        Kept "kept" "that of the open shift",
    }
    profiles Blue Blue Blue;
    grade None;
    source "no public observation";

    "inactive-integration" inactive_integration: InactiveIntegration = "approval by the connector of a bound integration with `isActive` false" {
        Skip "skip" "not requested: the integration is not \"currently active and available\"",
        Ask "ask" "requested as usual",
    }
    profiles Skip Skip Skip;
    grade None;
    source "learn.microsoft.com/graph/api/resources/workforceintegration (isActive); no public observation";

    "connector-content-type" connector_content_type: ConnectorContentType = "the Content-Type of encrypted calls to a connector" {
        Json "json" "`application/json`, as above the examples on the reference pages, although the body is not JSON",
        OctetStream "octet-stream" "`application/octet-stream`, the actual type of the body",
        None "none" "no header; published connectors do not check it",
    }
    profiles Json Json Json;
    grade Weak;
    source "learn.microsoft.com/graph/api/workforceintegration-update (examples of read and update calls)";

    "subscription-validation" subscription_validation: SubscriptionValidation = "the validation of the receivers of a new subscription, and of a new `notificationUrl`" {
        Enforce "enforce" "each is called with a `validationToken`, which it must return, or nothing is stored",
        Off "off" "they are not called, so that a test needs no server that answers",
    }
    profiles Enforce Enforce Enforce;
    grade Strong;
    source "learn.microsoft.com/graph/change-notifications-delivery-webhooks; splunk/azure-functions-splunk#26";

    "notification-url" notification_url: NotificationUrl = "the schemes of `notificationUrl` and `lifecycleNotificationUrl`" {
        Absolute "absolute" "`http` and `https`, so that the server of a test needs no certificate",
        Https "https" "`https`, as the reference page demands",
    }
    profiles Absolute Absolute Absolute;
    grade None;
    source "learn.microsoft.com/graph/api/resources/subscription (https); the default is the emulator's";

    "notification-timeout" notification_timeout: NotificationTimeout = "the time in which a receiver must answer a notification" {
        ThreeSeconds "3-seconds" "three seconds",
        ThirtySeconds "30-seconds" "thirty seconds, as the page said until 2021",
    }
    profiles ThreeSeconds ThreeSeconds ThreeSeconds;
    grade Medium;
    source "learn.microsoft.com/graph/change-notifications-delivery-webhooks";

    "notification-retries" notification_retries: NotificationRetries = "a notification that its receiver does not answer with 2xx in time" {
        FourHours "4-hours" "sent again after 10 seconds, then after twice as long and so on, each a quarter more or less by the seed, for four hours of the world's clock",
        Off "off" "dropped",
    }
    profiles FourHours FourHours FourHours;
    grade Medium;
    source "learn.microsoft.com/graph/change-notifications-delivery-webhooks (four hours; that the pauses grow); the pauses are a guess";

    "subscription-authorization" subscription_authorization: SubscriptionAuthorization = "a subscription after the end of the token with which it was created, renewed or reauthorized" {
        Stays "stays" "its notifications are sent as before; the receiver of lifecycle notifications is reminded",
        Pauses "pauses" "changes are not notified until it is reauthorized or renewed; those that happen meanwhile are lost",
    }
    profiles Stays Stays Stays;
    grade Weak;
    source "learn.microsoft.com/graph/change-notifications-lifecycle-events: the notifications may go on for a while, and pause eventually; no source says when";
}

impl Default for Behaviors {
    fn default() -> Behaviors {
        Behaviors::of(Profile::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_a_unique_name_and_known_values() {
        for (index, row) in ROWS.iter().enumerate() {
            let earlier = ROWS[..index].iter().any(|other| other.name == row.name);
            assert!(!earlier, "duplicate behavior {}", row.name);
            assert!(row.values.len() >= 2 || row.free_text, "behavior {} has fewer than two values", row.name);
            for (position, (value, meaning)) in row.values.iter().enumerate() {
                let twice = row.values[..position].iter().any(|(other, _)| other == value);
                assert!(!twice, "duplicate value {value} of behavior {}", row.name);
                assert!(!meaning.is_empty(), "missing description of value {value} of behavior {}", row.name);
            }
            assert!(!row.source.is_empty(), "missing source of behavior {}", row.name);
        }
    }
}
