//! The table of refusals: every error response of Graph; those of Entra are in [`sign_in`].
//!
//! A row has the status, the code and the text of the answer, the layer of the service that gives it (which decides the shape of the
//! body), and the evidence. Texts are the service's own; further details go to the log.

use crate::policy::grade::Grade;

/// The values of `error.code` that emulated requests can get. Graph has more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    /// The gateway's code for any invalid request (recorded in pnp/pnpcore `ExecuteGraphBatchRequestWithErrors`).
    BadRequest,
    /// The empty code of errors of a workload's OData library (microsoft-graph-docs#11446).
    Unnamed,
    /// A property that cannot be expanded (concepts/query-parameters of microsoft-graph-docs).
    ExpandNotSupported,
    /// An entity or its container does not exist (microsoft-graph-docs#8933).
    NotFound,
    /// "The back end did not answer in OData form" (microsoft-graph-docs#13815).
    UnknownError,
    /// The code of newer workloads for an unsupported method (MichaelGrafnetter/webauthn-interop#33).
    MethodNotAllowed,
    /// The request is too large (learn.microsoft.com/graph/errors names the status; the code is a guess).
    RequestEntityTooLarge,
    /// Another client changed the entity (microsoft-graph-docs#6560, for another conflict of Shifts).
    Conflict,
    /// Another client changed the item of Outlook (msgraph-sdk-dotnet#1195).
    ErrorIrresolvableConflict,
    /// Another client changed the file (OneDrive/onedrive-api-docs#514).
    NotAllowed,
    /// The entity does not fulfill a condition (learn.microsoft.com/graph/errors names the status; the code is a guess).
    PreconditionFailed,
    /// The content coding is not supported (learn.microsoft.com/graph/errors names the status; the code is a guess).
    UnsupportedMediaType,
    /// A request of a batch depended on one that failed (learn.microsoft.com/graph/json-batching names the status; the code is a guess).
    FailedDependency,
    /// A connector does not approve (OfficeDev/Microsoft-Teams-Shifts-WFM-Connectors#35).
    WorkforceIntegrationError,
    /// A request that the directory refuses (pnp/cli-microsoft365 user-add; microsoft-graph-docs#1508).
    RequestBadRequest,
    /// Another object of the directory has the same key (microsoft-graph-docs-contrib#6346).
    MultipleObjectsWithSameKeyValue,
    /// A federated credential that the directory does not take (Azure/azure-workload-identity#434).
    InvalidFederatedIdentityCredentialValue,
    /// An id that Exchange cannot read (microsoft-graph-docs#2268).
    ErrorInvalidIdMalformed,
    /// A request that a workload refuses (msgraph-sdk-python#330).
    InvalidWorkloadRequest,
    /// A request that Exchange does not carry out (microsoft-graph-docs#15794).
    ErrorInvalidRequest,
    /// A message in the format of Internet mail that is not base64 (learn.microsoft.com/graph/api/message-reply).
    ErrorMimeContentInvalidBase64String,
    /// A condition and an order that Exchange does not combine (msgraph-sdk-dotnet#183).
    InefficientFilter,
    /// A request to Exchange without a parameter (microsoft-graph-docs#57).
    ErrorInvalidParameter,
    /// A time zone that Exchange does not know (known from users' notes).
    TimeZoneNotSupported,
    /// The state of a delta query is not there any more (concepts/delta-query-overview of microsoft-graph-docs).
    SyncStateNotFound,
    /// The same for files and folders (OneDrive/onedrive-api-docs#1356).
    ResyncRequired,
    /// A request or a query that the directory does not support (microsoft-graph-docs#11242).
    RequestUnsupportedQuery,
    /// An object of the directory does not exist (pnp/pnpcore `ValidateAndEnsureUserTest`).
    ResourceNotFound,
    /// An item of Outlook does not exist (microsoftgraph/msgraph-sdk-dotnet#259).
    ErrorItemNotFound,
    /// `ErrorCannotDeleteObject`: msgraph-sdk-powershell#2743.
    ErrorCannotDeleteObject,
    /// A file or folder does not exist (microsoft-graph-docs#14186).
    ItemNotFound,
    /// A request on a file is malformed (concepts/onedrive errors of microsoft-graph-docs).
    InvalidFileRequest,
    /// A folder has an item of the name (OneDrive/onedrive-api-docs#977).
    NameAlreadyExists,
    /// A request on a file that is not supported (concepts/onedrive errors of microsoft-graph-docs).
    NotSupported,
    /// A pre-signed address is not valid (concepts/onedrive errors of microsoft-graph-docs).
    Unauthenticated,
    /// A range of a file is not there (concepts/onedrive errors of microsoft-graph-docs).
    InvalidRange,
    /// A person has no photo (answers to questions of users).
    ImageNotFound,
    /// No acceptable media type (OData 4.0 Part 1, 8.2.1 names the status; the code is a guess).
    NotAcceptable,
    /// An internal error of the service (learn.microsoft.com/graph/errors).
    InternalServerError,
    /// The token is missing or invalid (microsoftgraph/msgraph-sample-reactspa#54).
    InvalidAuthenticationToken,
    /// The token lacks a permission (telstrapurple/MSTeamsChatExporter#9).
    Forbidden,
    /// Client authentication failed (Entra; thobach/MMM-MicrosoftToDo#33).
    InvalidClient,
    /// The code, assertion or refresh token is invalid (Entra; RFC 6749, 5.2).
    InvalidGrant,
    /// A parameter is missing or invalid (Entra; RFC 6749, 5.2).
    InvalidRequest,
    /// The scope is invalid for the grant (Entra; RFC 6749, 5.2).
    InvalidScope,
    /// The application does not exist (Entra; skilion/onedrive#160).
    UnauthorizedClient,
    /// The grant type is unsupported (Entra; RFC 6749, 5.2).
    UnsupportedGrantType,
    /// The response type is unsupported (Entra; RFC 6749, 4.1.2.1).
    UnsupportedResponseType,
    /// The token lacks a permission of the directory (pnp/cli-microsoft365).
    AuthorizationRequestDenied,
    /// The token lacks a permission of Outlook (the code of Exchange).
    ErrorAccessDenied,
    /// The user or an administrator declined, or may not sign in (Entra; RFC 6749, 4.1.2.1).
    AccessDenied,
    /// The user has declined the code of a device (Entra; learn.microsoft.com/entra/identity-platform/v2-oauth2-device-code).
    AuthorizationDeclined,
    /// The user has not yet approved the code of a device (Entra; RFC 8628, 3.5).
    AuthorizationPending,
    /// The code of a device is unknown (Entra; learn.microsoft.com/entra/identity-platform/v2-oauth2-device-code).
    BadVerificationCode,
    /// A permission lacks consent (Entra; learn.microsoft.com/entra/identity-platform/v2-oauth2-implicit-grant-flow).
    ConsentRequired,
    /// The code of a device has expired (Entra; RFC 8628, 3.5).
    ExpiredToken,
    /// The user must do more than a silent request allows (Entra; `OpenID` Connect Core, 3.1.2.6).
    InteractionRequired,
    /// The host is not one of the service (Entra).
    InvalidInstance,
    /// The resource does not exist (Entra; RFC 8707).
    InvalidResource,
    /// The tenant does not exist (Entra; recorded in Azure/azure-sdk-for-js).
    InvalidTenant,
    /// No user is signed in (Entra; `OpenID` Connect Core, 3.1.2.6).
    LoginRequired,
    /// A device asks too often (Entra; RFC 8628, 3.5).
    SlowDown,
    /// The service is down for a moment (Entra; RFC 6749, 4.1.2.1).
    TemporarilyUnavailable,
    /// The client is throttled (recorded in pnp/pnpcore `AddWebsiteTabSpecificBatchTest`).
    TooManyRequests,
    /// The back end is unreachable (recorded in pnp/pnpcore `GetFilesFolderWebUrlChannelLoad`).
    BadGateway,
    /// The service is overloaded (learn.microsoft.com/graph/errors names the status; the code is a guess).
    ServiceUnavailable,
    /// The back end took too long (learn.microsoft.com/graph/errors names the status; the code is a guess).
    GatewayTimeout,
    /// The receiver of notifications does not answer as it must (splunk/azure-functions-splunk#26).
    ValidationError,
    /// The workload of a watched resource refuses the subscription (microsoft-graph-docs-contrib#7726).
    ExtensionError,
    /// A subscription does not exist (learn.microsoft.com/graph/api/subscription-update).
    SubscriptionNotFound,
}

impl ErrorCode {
    /// Returns the text of the code.
    pub fn name(self) -> &'static str {
        match self {
            ErrorCode::BadRequest => "BadRequest",
            ErrorCode::Unnamed => "",
            ErrorCode::ExpandNotSupported => "ExpandNotSupported",
            ErrorCode::NotFound => "NotFound",
            ErrorCode::UnknownError => "UnknownError",
            ErrorCode::MethodNotAllowed => "methodNotAllowed",
            ErrorCode::RequestEntityTooLarge => "RequestEntityTooLarge",
            ErrorCode::Conflict => "Conflict",
            ErrorCode::ErrorIrresolvableConflict => "ErrorIrresolvableConflict",
            ErrorCode::NotAllowed => "notAllowed",
            ErrorCode::PreconditionFailed => "PreconditionFailed",
            ErrorCode::UnsupportedMediaType => "UnsupportedMediaType",
            ErrorCode::FailedDependency => "FailedDependency",
            ErrorCode::WorkforceIntegrationError => "WorkforceIntegrationError",
            ErrorCode::RequestBadRequest => "Request_BadRequest",
            ErrorCode::ErrorInvalidRequest => "ErrorInvalidRequest",
            ErrorCode::ErrorMimeContentInvalidBase64String => "ErrorMimeContentInvalidBase64String",
            ErrorCode::InefficientFilter => "InefficientFilter",
            ErrorCode::ErrorInvalidParameter => "ErrorInvalidParameter",
            ErrorCode::TimeZoneNotSupported => "TimeZoneNotSupportedException",
            ErrorCode::SyncStateNotFound => "syncStateNotFound",
            ErrorCode::ResyncRequired => "resyncRequired",
            ErrorCode::RequestUnsupportedQuery => "Request_UnsupportedQuery",
            ErrorCode::MultipleObjectsWithSameKeyValue => "Request_MultipleObjectsWithSameKeyValue",
            ErrorCode::InvalidFederatedIdentityCredentialValue => "InvalidFederatedIdentityCredentialValue",
            ErrorCode::ErrorInvalidIdMalformed => "ErrorInvalidIdMalformed",
            ErrorCode::InvalidWorkloadRequest => "InvalidRequest",
            ErrorCode::ResourceNotFound => "Request_ResourceNotFound",
            ErrorCode::ErrorItemNotFound => "ErrorItemNotFound",
            ErrorCode::ErrorCannotDeleteObject => "ErrorCannotDeleteObject",
            ErrorCode::ItemNotFound => "itemNotFound",
            ErrorCode::InvalidFileRequest => "invalidRequest",
            ErrorCode::NameAlreadyExists => "nameAlreadyExists",
            ErrorCode::NotSupported => "notSupported",
            ErrorCode::Unauthenticated => "unauthenticated",
            ErrorCode::InvalidRange => "invalidRange",
            ErrorCode::ImageNotFound => "ImageNotFound",
            ErrorCode::NotAcceptable => "NotAcceptable",
            ErrorCode::InternalServerError => "InternalServerError",
            ErrorCode::InvalidAuthenticationToken => "InvalidAuthenticationToken",
            ErrorCode::TooManyRequests => "TooManyRequests",
            ErrorCode::BadGateway => "BadGateway",
            ErrorCode::ServiceUnavailable => "ServiceUnavailable",
            ErrorCode::GatewayTimeout => "GatewayTimeout",
            ErrorCode::ValidationError => "ValidationError",
            ErrorCode::ExtensionError => "ExtensionError",
            ErrorCode::SubscriptionNotFound => "ResourceNotFound",
            ErrorCode::Forbidden => "Forbidden",
            ErrorCode::InvalidClient => "invalid_client",
            ErrorCode::InvalidGrant => "invalid_grant",
            ErrorCode::InvalidRequest => "invalid_request",
            ErrorCode::InvalidScope => "invalid_scope",
            ErrorCode::UnauthorizedClient => "unauthorized_client",
            ErrorCode::UnsupportedGrantType => "unsupported_grant_type",
            ErrorCode::UnsupportedResponseType => "unsupported_response_type",
            ErrorCode::AuthorizationRequestDenied => "Authorization_RequestDenied",
            ErrorCode::ErrorAccessDenied => "ErrorAccessDenied",
            ErrorCode::AccessDenied => "access_denied",
            ErrorCode::AuthorizationDeclined => "authorization_declined",
            ErrorCode::AuthorizationPending => "authorization_pending",
            ErrorCode::BadVerificationCode => "bad_verification_code",
            ErrorCode::ConsentRequired => "consent_required",
            ErrorCode::ExpiredToken => "expired_token",
            ErrorCode::InteractionRequired => "interaction_required",
            ErrorCode::InvalidInstance => "invalid_instance",
            ErrorCode::InvalidResource => "invalid_resource",
            ErrorCode::InvalidTenant => "invalid_tenant",
            ErrorCode::LoginRequired => "login_required",
            ErrorCode::SlowDown => "slow_down",
            ErrorCode::TemporarilyUnavailable => "temporarily_unavailable",
        }
    }
}

/// The layer of the service that answers, which decides the shape of the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// The gateway: the plain envelope.
    Gateway,
    /// A newer workload: the envelope with the message repeated in `innerError`.
    Workload,
    /// The OData library of a workload: the same, but with only the reason, the text after the first sentence, in `innerError`.
    Library,
    /// The directory: the plain envelope with details, which have this code, and the first word of the text as their target.
    Directory(&'static str),
    /// The middle tier of Teams: the envelope with the message, this inner code and an empty inner error in `innerError`.
    Teams(&'static str),
    /// Files and lists: the envelope with this inner code in `innerError`.
    Files(&'static str),
    /// Shifts: its own error with this inner code, as JSON in the string `message`.
    Shifts(&'static str),
    /// The same with an error code of its own, and this inner code.
    ShiftsWithCode(&'static str, &'static str),
    /// The web server in front of the service: an HTML page.
    FrontDoor,
    /// Entra: its own body, with this AADSTS number.
    Entra(u32),
    /// Entra before it reads a request: plain text.
    EntraText,
    /// The metadata service of a virtual machine: error and description.
    Machine,
    /// The same with the members of Azure Arc.
    Arc,
    /// App Service: status and message.
    AppService,
    /// Service Fabric: an error with this code.
    ServiceFabric(&'static str),
}

/// One row of the table of refusals.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The name in logs and explanations.
    pub name: &'static str,
    /// The status code of the answer.
    pub status: u16,
    /// The value of `error.code`.
    pub code: ErrorCode,
    /// The layer that answers.
    pub layer: Layer,
    /// The text, with the placeholders `{0}`, `{1}` and `{2}` for words of the request.
    pub text: &'static str,
    /// The grade of the evidence for this answer in this situation.
    pub grade: Grade,
    /// The sources of the evidence.
    pub source: &'static str,
    /// The behaviors that decide whether, or in which form, the request is refused.
    pub behaviors: &'static [&'static str],
}

macro_rules! refusals {
    ($(#[$list_doc:meta])+ $LIST:ident; $( $(#[$doc:meta])+ $NAME:ident $name:literal $status:literal $code:ident $layer:expr, $text:expr, $grade:ident $source:literal $(by $($behavior:literal)+)?; )+) => {
        $( $(#[$doc])+ pub static $NAME: Refusal = Refusal {
            name: $name, status: $status, code: ErrorCode::$code, layer: $layer, text: $text, grade: Grade::$grade, source: $source,
            behaviors: &[$($($behavior),+)?],
        }; )+
        $(#[$list_doc])+ pub static $LIST: &[&Refusal] = &[$( &$NAME, )+];
    };
}

// After the macro, which it uses.
mod sign_in;

pub use self::sign_in::*;

const UNREADABLE: &str =
    "Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format.";

refusals! {
    /// The refusals of Graph.
    REFUSALS;
    /// The first segment is not a version.
    INVALID_VERSION "invalid-version" 400 BadRequest Layer::Gateway, "Invalid version.",
        Strong "msgraph-sample-blazor-clientside#94";
    /// A percent sign in a path without two hexadecimal digits.
    INVALID_ESCAPE "invalid-escape" 400 BadRequest Layer::Gateway, "The request URL is invalid.",
        None "RFC 3986, 2.1; the sentence is that of Windows' web server (HTTP.sys), the form is a guess";
    /// An unknown segment.
    UNKNOWN_SEGMENT "unknown-segment" 400 BadRequest Layer::Gateway, "Resource not found for the segment '{0}'.",
        Strong "pnp/pnpcore ExecuteGraphBatchRequestWithErrors; microsoft-graph-docs#4900";
    /// `/me` with a token of an application.
    CALLER_WITHOUT_USER "caller-without-user" 400 BadRequest Layer::Gateway,
        "/me request is only valid with delegated authentication flow.",
        Strong "microsoft-graph-docs#14384; ten public repositories";
    /// A write through a link to an entity that lives elsewhere, or a PATCH of a collection (behavior `wrong-method`).
    WRITE_THROUGH_LINK "write-through-link" 400 BadRequest Layer::Gateway,
        "Write requests are only supported on contained entities",
        Strong "microsoft-graph-docs#24; two public clients (PATCH of a collection)";
    /// A PATCH of links.
    CHANGE_OF_LINKS "change-of-links" 400 BadRequest Layer::Gateway,
        "The request is currently not supported on the targeted entity set",
        Strong "microsoft-graph-docs-contrib#3152";
    /// The deletion of the default calendar, or of a folder with a well-known name.
    DEFAULT_FOLDER "default-folder" 403 ErrorCannotDeleteObject Layer::Gateway, "Object cannot be deleted.",
        Weak "learn.microsoft.com/graph/api/calendar-delete (only calendars other than the default one); msgraph-beta-sdk-php#300 (such folders are refused); msgraph-sdk-powershell#2743 (the answer, for a folder of contacts)";
    /// A meeting that another person than its organizer cancels.
    NOT_ORGANIZER "not-organizer" 400 ErrorInvalidRequest Layer::Gateway,
        "Your request can't be completed. You need to be an organizer to cancel a meeting.",
        Medium "learn.microsoft.com/graph/api/event-cancel (status, text); the code is a guess";
    /// A message in the format of Internet mail that is not base64.
    INVALID_MIME "invalid-mime" 400 ErrorMimeContentInvalidBase64String Layer::Gateway, "Invalid base64 string for MIME content.",
        Medium "learn.microsoft.com/graph/api/message-reply, user-post-messages (the whole body)";
    /// A credential that an application does not have.
    UNKNOWN_CREDENTIAL "unknown-credential" 400 RequestBadRequest Layer::Gateway, "No credentials found to be removed with keyId '{0}'.",
        None "the text for an unknown keyId is not published";
    /// A delta token of another world, collection or time.
    SYNC_STATE_NOT_FOUND "sync-state-not-found" 410 SyncStateNotFound Layer::Gateway,
        "The sync state generation is not found; start again without a token.",
        Medium "concepts/delta-query-overview of microsoft-graph-docs (status, code); the text follows that of Outlook";
    /// The same of a file or a folder.
    RESYNC_REQUIRED "resync-required" 410 ResyncRequired Layer::Gateway,
        "Resync required. Replace any local items with the server's version (including deletes) if you're sure that the service was up to date with your local changes when you last sync'd. Upload any local changes that the server doesn't know about.",
        Strong "OneDrive/onedrive-api-docs#1356 (recorded, without an inner code; learn.microsoft.com/graph/api/driveitem-delta names resyncChangesApplyDifferences)";
    /// A parameter that an operation does not have.
    UNKNOWN_PARAMETER "unknown-parameter" 400 BadRequest Layer::Gateway,
        "The parameter '{0}' in the request payload is not a valid parameter for the operation '{1}'.",
        Weak "OData/odata.net ODataParameterReaderCore_ParameterNameNotInMetadata";
    /// A parameter in an address twice.
    REPEATED_PARAMETER "repeated-parameter" 400 BadRequest Layer::Gateway,
        "Duplicate parameter or entity key name '{0}' in the call of the operation '{1}'.",
        None "OData/odata.net FunctionCallParser_DuplicateParameterOrEntityKeyName (the name of the message); the text is a guess";
    /// Parameters that an operation needs.
    MISSING_PARAMETERS "missing-parameters" 400 BadRequest Layer::Gateway,
        "One or more parameters of the operation '{0}' are missing from the request payload. The missing parameters are: {1}.",
        Medium "OData/odata.net ODataParameterReader_ParametersMissingInPayload; answers of the directory to assignLicense";
    /// An argument in an address that is not a literal of the parameter's type.
    INVALID_ARGUMENT "invalid-argument" 400 BadRequest Layer::Gateway,
        "Invalid value for parameter '{0}': expected a literal of type '{1}'.",
        None "the refusal of a malformed argument is not published";
    /// An argument in quotes of a parameter that is not a string.
    QUOTED_ARGUMENT "quoted-argument" 400 BadRequest Layer::Gateway,
        "Expression of type '{0}' cannot be converted to type '{1}'.",
        Strong "microsoft-graph-docs-contrib#1064; microsoft-graph-docs#22124";
    /// A cast of linked objects of the directory with an order, without `ConsistencyLevel: eventual` and `$count=true`.
    CAST_NEEDS_LEVEL "cast-needs-level" 400 RequestUnsupportedQuery Layer::Gateway, "Invalid search request.",
        Strong "microsoft-graph-docs-contrib#1517; microsoft-graph-docs#19672";
    /// The same with a condition.
    FILTER_OF_CAST "filter-of-cast" 400 RequestUnsupportedQuery Layer::Gateway,
        "The specified filter to the reference property query is currently not supported.",
        Strong "microsoft-graph-docs#11242 and #12152";
    /// An expansion to several levels in a list of the directory.
    LEVELS_OF_LIST "levels-of-list" 400 RequestUnsupportedQuery Layer::Gateway,
        "Transitive manager's list is only supported on a single user, send the $expand request on /users/{id} endpoint ",
        Strong "microsoft-graph-docs#18615; microsoft-graph-docs-contrib#1777";
    /// `$skip` in the directory.
    SKIP_UNSUPPORTED "skip-unsupported" 400 RequestBadRequest Layer::Gateway, "'$skip' is not supported by the service.",
        Strong "the refusal as found in two public repositories";
    /// `$top` in the directory outside of its limits.
    INVALID_PAGE_SIZE "invalid-page-size" 400 RequestUnsupportedQuery Layer::Gateway,
        "Invalid page size specified: '{0}'. Must be between 1 and 999 inclusive.",
        Strong "the refusal as found in two public repositories";
    /// The number of objects of the directory without `ConsistencyLevel: eventual`.
    COUNT_NEEDS_LEVEL "count-needs-level" 400 RequestBadRequest Layer::Gateway, "$count is not currently supported.",
        Strong "microsoft-graph-docs#15067 (recorded)";
    /// A search in the directory without `ConsistencyLevel: eventual`.
    SEARCH_NEEDS_LEVEL "search-needs-level" 400 RequestUnsupportedQuery Layer::Gateway,
        "Request with $search query parameter only works through MSGraph with a special request header: 'ConsistencyLevel: eventual'",
        Medium "learn.microsoft.com/graph/aad-advanced-queries (the rule); learn.microsoft.com/graph/search-query-parameter (the text)";
    /// A name in a query of the directory that its object does not have (behavior `directory-unknown-names`).
    UNKNOWN_EXTENSION "unknown-extension" 400 RequestUnsupportedQuery Layer::Gateway,
        "Property '{0}' does not exist as a declared property or extension property.",
        Strong "instructure/canvas-lms, the tests of its synchronization with Teams (recorded)"
        by "directory-unknown-names";
    /// Another query of the directory that needs `ConsistencyLevel: eventual` and `$count=true`, without these.
    QUERY_NEEDS_LEVEL "query-needs-level" 400 RequestUnsupportedQuery Layer::Gateway, "Unsupported Query.",
        Medium "learn.microsoft.com/graph/aad-advanced-queries";
    /// A query option that delta queries of the directory do not have.
    DELTA_OPTION "delta-option" 400 RequestBadRequest Layer::Gateway, "'${0}' is not supported by the service.",
        Medium "learn.microsoft.com/graph/delta-query-overview (the options); the text is that for $skip in the directory";
    /// A filter of a delta query of the directory by something else than ids.
    DELTA_FILTER "delta-filter" 400 RequestUnsupportedQuery Layer::Gateway,
        "Unsupported or invalid query filter clause specified for property '{0}' of resource '{1}'.",
        Medium "learn.microsoft.com/graph/delta-query-overview (the rule); the text is that for other filters in the directory (strong), its use here a guess";
    /// A folder that is to be moved into itself.
    FOLDER_WITHIN_ITSELF "folder-within-itself" 400 InvalidFileRequest Layer::Gateway, "The item cannot be moved into itself.",
        None "no public observation of the refusal";
    /// A file or folder that is to be moved to another drive.
    MOVE_TO_ANOTHER_DRIVE "move-to-another-drive" 400 InvalidFileRequest Layer::Gateway, "Items cannot be moved between drives with this request.",
        Medium "learn.microsoft.com/graph/api/driveitem-move (that it is not possible); status, code and text are guesses";
    /// `@odata.bind` with another name than that of a navigation property to entities that live elsewhere.
    INVALID_BIND "invalid-bind" 400 BadRequest Layer::Gateway, "Invalid bind property name {0} in request.",
        Strong "microsoft-graph-docs#9682; msgraph-sdk-raptor#494";
    /// The body of a request for a link without the address of an entity.
    MISSING_REFERENCE "missing-reference" 400 RequestBadRequest Layer::Gateway,
        "A value is required for property '@odata.id' of the link '{0}'.",
        None "the text for a body without `@odata.id` is not published";
    /// A text in place of the address of an entity.
    INVALID_REFERENCE "invalid-reference" 400 RequestUnsupportedQuery Layer::Gateway,
        "Unsupported referenced-object resource identifier for link property '{0}'.",
        Strong "n8n-io/n8n (Microsoft Entra node); the assignment to cases is weak";
    /// An entity that is linked already.
    ALREADY_LINKED "already-linked" 400 RequestBadRequest Layer::Gateway,
        "One or more added object references already exist for the following modified properties: '{0}'.",
        Strong "instructure/canvas-lms; hashicorp/terraform-provider-azuread";
    /// A link to an entity of a type that the navigation property does not lead to.
    WRONG_REFERENCE "wrong-reference" 400 RequestBadRequest Layer::Gateway, "Not a valid reference update.",
        Weak "hashicorp/terraform-provider-azuread (text, for assignments of roles); none recorded for members of a wrong kind";
    /// More links in one request than the directory takes.
    TOO_MANY_LINKS "too-many-links" 400 RequestBadRequest Layer::Gateway,
        "A resource cannot contain more than 20 link changes",
        Strong "microsoft-graph-docs#6016, #7299 (text); the code is a guess";
    /// The last owner of a group is removed.
    LAST_OWNER "last-owner" 400 RequestBadRequest Layer::Gateway,
        "The group must have at least one owner, hence this owner cannot be removed.",
        Strong "instructure/canvas-lms";
    /// A link that follows from other ones cannot be changed.
    DERIVED_LINK "derived-link" 400 BadRequest Layer::Gateway,
        "The request is currently not supported on the targeted entity set",
        Medium "microsoft-graph-docs-contrib#3152 (text, for another such request)";
    /// An instance of an abstract type, without the name of a derived one.
    ABSTRACT_TYPE "abstract-type" 400 BadRequest Layer::Workload,
        "An instance of the abstract resource type '{0}' was found. Abstract resource types cannot be instantiated.",
        None "OData/odata.net: the text of the library; none recorded from Graph";
    /// A named location in a body without the name of a derived type.
    UNEXPECTED_LOCATION_TYPE "unexpected-location-type" 400 BadRequest Layer::Gateway,
        "1042: Unexpected type: namedLocationType for NamedLocations. Supported types are IpNamedLocation, CountryNamedLocation, PrivateLinkNamedLocation and CompliantNetworkNamedLocation. For examples, please see API documentation at https://docs.microsoft.com/en-us/graph/api/?view=graph-rest-1.0.",
        Strong "microsoft/terraform-provider-msgraph#59 (the answer to a PATCH; for a POST a guess)"
        by "named-location-types";
    /// A member of a team or a chat without the name of its type.
    MISSING_MEMBER_TYPE "missing-member-type" 400 BadRequest Layer::Teams("BadRequest"),
        "'odata.type' must be specified in the request body.",
        Medium "microsoft-graph-docs#8237 (code and text; the inner code is a guess)";
    /// A new object of the directory without a member that it must have.
    MISSING_DIRECTORY_PROPERTY "missing-directory-property" 400 RequestBadRequest Layer::Gateway,
        "A value is required for property '{0}' of resource '{1}'.",
        Medium "microsoft/Microsoft365DSC#3072 (the text, for a group); that other objects are refused so is by analogy";
    /// A new object of the directory with an empty text for a member that it must have.
    EMPTY_DIRECTORY_PROPERTY "empty-directory-property" 400 RequestBadRequest Layer::Gateway,
        "Invalid value specified for property '{0}' of resource '{1}'.",
        Medium "public issue reports of clients (the text, for users, groups and applications)";
    /// A password that is too short or too simple (behavior `password-rules`).
    WEAK_PASSWORD "weak-password" 400 RequestBadRequest Layer::Gateway,
        "The specified password does not comply with password complexity requirements. Please provide a different password.",
        Strong "two public repositories of clients"
        by "password-rules";
    /// A name of a user in a domain of others (behavior `user-domains`).
    UNVERIFIED_DOMAIN "unverified-domain" 400 RequestBadRequest Layer::Directory("InvalidValue"),
        "The domain portion of the userPrincipalName property is invalid. You must use one of the verified domain names in your organization.",
        Strong "two public repositories of clients (2024)"
        by "user-domains";
    /// A new service principal of an unknown application (behavior `service-principal-applications`).
    UNKNOWN_APPLICATION "unknown-application" 400 RequestBadRequest Layer::Directory("NoBackingApplicationObject"),
        "The appId '{1}' of the service principal does not reference a valid application object.",
        Strong "hashicorp/terraform-provider-azuread; another public client (details)"
        by "service-principal-applications";
    /// A change of a property that the service sets.
    READ_ONLY_PROPERTY "read-only-property" 400 RequestBadRequest Layer::Gateway, "Property '{0}' is read-only and cannot be set.",
        Strong "microsoftgraph/msgraph-beta-sdk-java#621; microsoft-graph-docs-contrib#6969 and #8042 (text, for others; that createdDateTime is one of them is a guess)";
    /// A new subscription without a member that it must have.
    MISSING_SUBSCRIPTION_MEMBER "missing-subscription-member" 400 InvalidWorkloadRequest Layer::Gateway, "{0} must be provided with the subscription.",
        Medium "msgraph-sdk-python#330 (the text, for expirationDateTime; for the others a guess); learn.microsoft.com/graph/api/subscription-post-subscriptions (the members)";
    /// A kind of change that the watched resource does not report.
    INVALID_CHANGE_TYPE "invalid-change-type" 400 InvalidWorkloadRequest Layer::Gateway, "Invalid 'changeType' attribute: '{0}'.",
        Strong "microsoft-graph-docs#4819 (for created and users); learn.microsoft.com/graph/api/resources/subscription (the limits of drive roots, lists, users and groups)";
    /// A receiver of notifications that is not an address to which they can be sent (behavior `notification-url`).
    INVALID_NOTIFICATION_URL "invalid-notification-url" 400 InvalidWorkloadRequest Layer::Gateway, "Invalid {0}='{1}'.",
        None "learn.microsoft.com/graph/api/resources/subscription (the rule); the text follows that for event hubs"
        by "notification-url";
    /// An event hub as the receiver of notifications, which the emulator does not call.
    EVENT_HUB "event-hub" 400 InvalidWorkloadRequest Layer::Gateway, "Invalid event hub notification url='{0}'.",
        Strong "microsoft-graph-docs#18725 and #20797";
    /// A path that leads to nothing that can be watched.
    UNKNOWN_WATCHED_RESOURCE "unknown-watched-resource" 400 ExtensionError Layer::Gateway,
        "Operation: Create; Exception: [Status Code: BadRequest; Reason: Bad Request]",
        Weak "microsoft-graph-docs (issues with the form of the text, for other statuses)";
    /// A path to watch with an entity that does not exist.
    MISSING_WATCHED_RESOURCE "missing-watched-resource" 404 ExtensionError Layer::Gateway,
        "Operation: Create; Exception: [Status Code: NotFound; Reason: Not Found]",
        Strong "microsoft-graph-docs (several issues)";
    /// A caller without the permission to read what it wants to watch.
    FORBIDDEN_WATCHED_RESOURCE "forbidden-watched-resource" 403 ExtensionError Layer::Gateway,
        "Operation: Create; Exception: [Status Code: Forbidden; Reason: Forbidden]",
        Strong "msgraph-sdk-dotnet#365";
    /// A subscription that ends too late.
    SUBSCRIPTION_TOO_LONG "subscription-too-long" 400 ExtensionError Layer::Gateway,
        "Subscription expiration can only be {0} minutes in the future.",
        Strong "microsoft-graph-docs-contrib#7726 (the text); learn.microsoft.com/graph/api/resources/subscription (the numbers, medium)";
    /// A subscription that has ended before it begins.
    SUBSCRIPTION_IN_THE_PAST "subscription-in-the-past" 400 InvalidWorkloadRequest Layer::Gateway,
        "expirationDateTime must be in the future.",
        None "no public observation; learn.microsoft.com/graph/api/resources/subscription says that short times become 45 minutes";
    /// A longer subscription to a resource of Teams without a receiver for what happens to it.
    MISSING_LIFECYCLE_URL "missing-lifecycle-url" 400 InvalidWorkloadRequest Layer::Gateway,
        "lifecycleNotificationUrl is a required property for subscription creation on this resource when the expirationDateTime value is set to greater than 1 hour.",
        Strong "learn.microsoft.com/graph/change-notifications-lifecycle-events; public issue reports of clients";
    /// A text that a subscription repeats and that is too long.
    CLIENT_STATE_TOO_LONG "client-state-too-long" 400 InvalidWorkloadRequest Layer::Gateway, "clientState must not exceed 128 characters.",
        None "learn.microsoft.com/graph/api/resources/subscription (the limit); no public observation of the refusal";
    /// Notifications with the changed entity, without a certificate with which it can be encrypted.
    ENCRYPTION_CERTIFICATE "encryption-certificate" 400 InvalidWorkloadRequest Layer::Gateway,
        "Invalid {0} for a subscription with includeResourceData.",
        None "learn.microsoft.com/graph/change-notifications-with-resource-data (the rules); no public observation of the refusal";
    /// A change of a subscription that is not a renewal.
    NOT_A_RENEWAL "not-a-renewal" 400 InvalidWorkloadRequest Layer::Gateway, "{0} cannot be updated.",
        None "learn.microsoft.com/graph/api/subscription-update (the members that can be changed); no public observation of the refusal";
    /// Too many subscriptions in a world.
    TOO_MANY_SUBSCRIPTIONS "too-many-subscriptions" 403 Forbidden Layer::Gateway, "The limit of {0} subscriptions has been reached.",
        Weak "learn.microsoft.com/graph/api/subscription-post-subscriptions (status, and that the text names the limit)";
    /// A subscription that does not exist or has ended.
    UNKNOWN_SUBSCRIPTION "unknown-subscription" 404 SubscriptionNotFound Layer::Gateway, "The object was not found.",
        Weak "learn.microsoft.com/graph/api/subscription-update (the code); the text is a guess";
    /// A receiver that answers the validation with another status than 200 (behavior `subscription-validation`).
    VALIDATION_STATUS "validation-status" 400 ValidationError Layer::Gateway,
        "Subscription validation request failed. HTTP status code is '{0}'. Notification endpoint must respond with 200 OK to validation request.",
        Strong "pnp/M365-Analytics#273 (2026)"
        by "subscription-validation";
    /// A receiver that cannot be reached for the validation.
    VALIDATION_UNREACHABLE "validation-unreachable" 400 ValidationError Layer::Gateway,
        "Subscription validation request failed. Notification endpoint must respond with 200 OK to validation request.",
        Strong "splunk/azure-functions-splunk#26 (2024)"
        by "subscription-validation";
    /// A receiver that does not answer the validation in time.
    VALIDATION_TIMEOUT "validation-timeout" 400 ValidationError Layer::Gateway, "Subscription validation request timed out.",
        Strong "microsoftgraph/nodejs-webhooks-sample#350 (with the code InvalidRequest, which was that of all of them until 2023)"
        by "subscription-validation";
    /// A receiver that answers the validation with something else than the token.
    VALIDATION_TOKEN "validation-token" 400 ValidationError Layer::Gateway,
        "Subscription validation request failed. Response must exactly match validationToken query parameter.",
        Strong "microsoftgraph/java-spring-webhooks-sample#82 (2021; the code follows the others)"
        by "subscription-validation";
    /// A key of an object of the directory that is not a GUID.
    INVALID_DIRECTORY_KEY "invalid-directory-key" 400 RequestBadRequest Layer::Gateway, "Invalid object identifier '{0}'.",
        Strong "n8n-io/n8n and two other clients (the text, for groups and directoryObjects); for an unknown key of an entity whose collection has GUIDs";
    /// A key of an item in a mailbox that Exchange did not make.
    INVALID_MAILBOX_KEY "invalid-mailbox-key" 400 ErrorInvalidIdMalformed Layer::Gateway, "Id is malformed.",
        Strong "microsoft-graph-docs#2268; invictus-ir/Microsoft-Extractor-Suite#146";
    /// A list of messages in an order of other properties than those with which its condition begins (behavior `outlook-filters`).
    INEFFICIENT_FILTER "inefficient-filter" 400 InefficientFilter Layer::Gateway,
        "The restriction or sort order is too complex for this operation.",
        Strong "msgraph-sdk-dotnet#183; mguessan/davmail#501; learn.microsoft.com/graph/api/user-list-messages (when)"
        by "outlook-filters";
    /// A view of a calendar, or the instances of a series, without the range of times.
    MISSING_TIME_RANGE "missing-time-range" 400 ErrorInvalidParameter Layer::Gateway,
        "This request requires a time window specified by the query string parameters StartDateTime and EndDateTime.",
        Strong "microsoft-graph-docs#57; msgraph-sdk-dotnet#2263";
    /// A range of times with a value that is not a time.
    INVALID_TIME_RANGE "invalid-time-range" 400 ErrorInvalidParameter Layer::Gateway, "The value '{0}' of parameter '{1}' is invalid.",
        None "the words are those of an imitation of the service; no public observation";
    /// A preference for a time zone that Outlook does not know.
    UNKNOWN_TIME_ZONE "unknown-time-zone" 400 TimeZoneNotSupported Layer::Gateway,
        "A valid TimeZone value must be specified. The following TimeZone value is not supported: '{0}'.",
        Weak "notes of users on the code, and an imitation of the service with the text";
    /// A delta query of a collection whose changes the service does not record.
    CHANGES_NOT_TRACKED "changes-not-tracked" 400 BadRequest Layer::Gateway,
        "Unsupported request: Change tracking is not supported against '{0}'.",
        Strong "microsoftgraph/msgraph-metadata#607 and #608; msgraph-sdk-python#1087";
    /// A key of a channel that is not the id of a thread.
    INVALID_CHANNEL_KEY "invalid-channel-key" 400 InvalidWorkloadRequest Layer::Gateway, "Channel id is not in a valid format: {0}",
        Medium "pnp/cli-microsoft365 tab-list.spec.ts (code and text, for the id of a thread of another kind)";
    /// A value that another object of the directory has.
    NOT_UNIQUE "not-unique" 400 RequestBadRequest Layer::Directory("ObjectConflict"),
        "Another object with the same value for property {0} already exists.",
        Strong "pnp/cli-microsoft365 (2023, status, code and details for userPrincipalName); microsoft-graph-docs#1508; microsoft-graph-docs-contrib#8421";
    /// A key that another entity of the collection has.
    KEY_IN_USE "key-in-use" 400 RequestBadRequest Layer::Gateway,
        "Another object with the same value for property {0} already exists.",
        None "no public observation for keys that clients choose; the words are those for other unique values";
    /// A new entity without the value of its key, which the service does not assign.
    KEY_REQUIRED "key-required" 400 RequestBadRequest Layer::Gateway, "A value is required for property '{0}' of resource '{1}'.",
        None "no public observation for keys; the words are those of the directory for other members";
    /// A second service principal of an application.
    SERVICE_PRINCIPAL_EXISTS "service-principal-exists" 409 MultipleObjectsWithSameKeyValue Layer::Gateway,
        "The service principal cannot be created, updated, or restored because the service principal name {1} is already in use.",
        Medium "public issue reports of two clients";
    /// A federated credential with the name of another one of its application.
    FEDERATED_NAME_EXISTS "federated-name-exists" 409 MultipleObjectsWithSameKeyValue Layer::Gateway,
        "FederatedIdentityCredential with name {1} already exists.",
        Strong "Azure/azure-dev#1482 (recorded)";
    /// A federated credential with issuer and subject of another one of its application.
    FEDERATED_SUBJECT_EXISTS "federated-subject-exists" 400 InvalidFederatedIdentityCredentialValue Layer::Gateway,
        "The combination of issuer and subject must be unique for the application. Issuer {2} and Subject: {1} already exist. paramName: FederatedIdentityCredential.Subject, paramValue: {1}, objectType: Microsoft.Online.DirectoryServices.Application",
        Strong "Azure/azure-workload-identity#434 (recorded)";
    /// A channel with the name of another one.
    CHANNEL_NAME_TAKEN "channel-name-taken" 400 BadRequest Layer::Teams("NameAlreadyExists"), "Channel name already existed, please use other name",
        Strong "pnp/pnpcore VerifyGraphServiceExceptionToString (recorded, with the inner code)";
    /// Two slashes in a row (behind the version, behavior `slashes-after-version`).
    EMPTY_SEGMENT "empty-segment" 400 BadRequest Layer::Gateway,
        "Empty segment encountered in request URL. Please make sure that a valid request URL is specified.",
        Weak "OData/odata.net RequestUriProcessor_EmptySegmentInRequestUrl"
        by "slashes-after-version";
    /// The text in the parentheses is not a key.
    INVALID_KEY "invalid-key" 400 BadRequest Layer::Gateway,
        "The key in the request URI is not valid for resource '{0}'. Ensure that the names and number of key properties match the declared key of the resource '{0}'.",
        Weak "OData/odata.net BadRequest_KeyMismatch";
    /// `$value` after a collection.
    VALUE_OF_COLLECTION "value-of-collection" 400 BadRequest Layer::Gateway, "$value cannot be applied to a collection.",
        Weak "OData/odata.net PathParser_CannotUseValueOnCollection";
    /// `$count` after a segment that is not a collection.
    COUNT_OF_ONE "count-of-one" 400 BadRequest Layer::Gateway,
        "The request URI is not valid. $count cannot be applied to the segment '{0}' since $count can only follow an entity set, a collection navigation property, a structural property of collection type, an operation returning collection type or an operation import returning collection type.",
        Weak "OData/odata.net RequestUriProcessor_CountNotSupported";
    /// A segment other than `$value` after a primitive property.
    BEHIND_PRIMITIVE "behind-primitive" 400 BadRequest Layer::Gateway,
        "The segment '{1}' in the request URI is not valid. The segment '{0}' refers to a primitive property, function, or service operation, so the only supported value from the next segment is '$value'.",
        Weak "OData/odata.net RequestUriProcessor_ValueSegmentAfterScalarPropertySegment";
    /// An unsupported method on a known path (behavior `wrong-method`).
    UNROUTED_METHOD "unrouted-method" 404 UnknownError Layer::Gateway, "",
        Weak "microsoft-graph-docs#13815 (PATCH on a shift)"
        by "wrong-method";
    /// The same, as newer workloads answer.
    METHOD_NOT_ALLOWED "method-not-allowed" 405 MethodNotAllowed Layer::Workload, "The method is not supported for this URL.",
        Weak "MichaelGrafnetter/webauthn-interop#33"
        by "wrong-method";
    /// A client that does not accept JSON (behavior `unacceptable`).
    NOT_ACCEPTABLE "not-acceptable" 406 NotAcceptable Layer::Gateway,
        "A supported MIME type could not be found that matches the acceptable MIME types for the request. The supported type(s) '{0}' do not match any of the acceptable MIME types '{1}'.",
        Weak "OData 4.0 Part 1, 8.2.1 (status); OData/odata.net MediaTypeUtils_DidNotFindMatchingMediaType (text)"
        by "unacceptable" "format-parameters";
    /// A query option that the workload rejects (behavior `query-options`).
    QUERY_OPTION_NOT_ALLOWED "query-option-not-allowed" 400 Unnamed Layer::Library,
        "The query specified in the URI is not valid. Query option '{0}' is not allowed. To allow it, set the 'AllowedQueryOptions' property on EnableQueryAttribute or QueryValidationSettings.",
        Medium "microsoft-graph-docs#11446 (SkipToken on a resource of Teams)"
        by "query-options";
    /// A query option that the schema does not allow for the resource (behavior `schema-restrictions`).
    RESTRICTED_OPTION "restricted-option" 400 Unnamed Layer::Library,
        "The query specified in the URI is not valid. Query option '{0}' is not allowed. To allow it, set the 'AllowedQueryOptions' property on EnableQueryAttribute or QueryValidationSettings.",
        Weak "the text of the library for options that are not allowed (microsoft-graph-docs#11446); for navigation properties that an annotation excludes from `$expand`: msgraph-sdk-powershell#1732 (`channels` of teams), microsoft-graph-docs#11118 (that `primaryChannel` can be expanded, `channels` cannot); no public observation of another option that an annotation forbids"
        by "schema-restrictions";
    /// A property that the schema excludes from `$filter` or `$orderby` of the resource (behavior `schema-restrictions`).
    RESTRICTED_PROPERTY "restricted-property" 400 Unnamed Layer::Library,
        "The query specified in the URI is not valid. The property '{0}' cannot be used in the {1} query option.",
        None "OData/AspNetCoreOData NotFilterablePropertyUsedInFilter and NotSortablePropertyUsedInOrderBy, in UriQueryStringInvalid; no public observation"
        by "schema-restrictions";
    /// An unknown query option with the prefix `$`.
    UNKNOWN_QUERY_OPTION "unknown-query-option" 400 Unnamed Layer::Library,
        "The query specified in the URI is not valid. Custom query option '{0}' that starts with '$' is not supported.",
        Weak "OData/AspNetCoreOData CustomQueryOptionNotSupportedWithDollarSign, in UriQueryStringInvalid (EnableQueryAttribute)";
    /// An option without a value.
    EMPTY_QUERY_OPTION "empty-query-option" 400 Unnamed Layer::Library,
        "The query specified in the URI is not valid. The value for OData query '{0}' cannot be empty.",
        Weak "OData/AspNetCoreOData QueryCannotBeEmpty";
    /// Two `&` in a row, or one at the end (behavior `empty-options`).
    EMPTY_OPTION "empty-option" 400 BadRequest Layer::Gateway, "The query specified in the URI is not valid.",
        None "OData 4.01 ABNF, queryOptions; status and text are a guess"
        by "empty-options";
    /// A duplicate option.
    DUPLICATE_QUERY_OPTION "duplicate-query-option" 400 BadRequest Layer::Gateway,
        "Query option '{0}' was specified more than once, but it must be specified at most once.",
        Weak "OData/odata.net QueryOptionUtils_QueryParameterMustBeSpecifiedOnce";
    /// An option for collections on another resource.
    NOT_A_COLLECTION "not-a-collection" 400 Unnamed Layer::Library,
        "The query specified in the URI is not valid. The requested resource is not a collection. Query options $filter, $orderby, $count, $skip, and $top can be applied only on collections.",
        Weak "OData/AspNetCoreOData NonSelectExpandOnSingleEntity";
    /// A segment behind one that an open type does not declare.
    BEHIND_UNDECLARED "behind-undeclared" 400 BadRequest Layer::Gateway,
        "Unexpected segment DynamicPathSegment. Expected property/$value.",
        Strong "microsoftgraph/msgraph-bicep-types#171";
    /// An unknown property in a query.
    UNKNOWN_QUERY_PROPERTY "unknown-query-property" 400 BadRequest Layer::Gateway, "Could not find a property named '{0}' on type '{1}'.",
        Medium "wslyvh/paperweight#1 (the text, from another workload); the code here is the gateway's"
        by "supports";
    /// An invalid term of `$select` or `$expand`.
    INVALID_SELECT "invalid-select" 400 BadRequest Layer::Gateway, "Term '{0}' is not valid in a $select or $expand expression.",
        Weak "OData/odata.net UriSelectParser_TermIsNotValid";
    /// `$expand` of a structural property.
    EXPAND_OF_A_VALUE "expand-of-a-value" 400 BadRequest Layer::Gateway,
        "Property '{0}' on type '{1}' is not a navigation property or complex property. Only navigation properties can be expanded.",
        Weak "OData/odata.net ExpandItemBinder_PropertyIsNotANavigationPropertyOrComplexProperty"
        by "query-options";
    /// `$expand` of a navigation property that is not emulated, or of a complex property.
    EXPAND_NOT_SUPPORTED "expand-not-supported" 400 ExpandNotSupported Layer::Gateway,
        "Expand is not allowed for property '{0}' according to the entity schema.",
        Weak "concepts/query-parameters of microsoft-graph-docs (2017, for a navigation property of another resource)"
        by "query-options";
    /// A `$filter` with invalid syntax or incompatible types.
    INVALID_FILTER "invalid-filter" 400 BadRequest Layer::Gateway, "Invalid filter clause: {0}",
        Strong "microsoftgraph/msgraph-sdk-dotnet#2306 (2024; until about 2023 without the cause: microsoft-graph-docs#16010, #6002); the causes are texts of OData/odata.net"
        by "query-options";
    /// An unknown property in a `$filter`.
    UNKNOWN_FILTER_PROPERTY "unknown-filter-property" 400 BadRequest Layer::Gateway, "Invalid filter clause: {0}",
        Strong "microsoftgraph/msgraph-sdk-dotnet#2306 (the form); wslyvh/paperweight#1 (the cause)"
        by "supports";
    /// A `$search` with invalid syntax, where it is served.
    INVALID_SEARCH "invalid-search" 400 BadRequest Layer::Gateway, "{0}",
        Weak "OData/odata.net, the texts of its lexer"
        by "query-options";
    /// A `$filter` on a write-only property.
    FILTER_BY_SECRET "filter-by-secret" 400 BadRequest Layer::Gateway, "The entity property '{0}' is not allowed in $filter query.",
        None "microsoft-graph-docs#13711 (the text, for a property of another resource); no public observation for a secret"
        by "query-options";
    /// A property that the filters of a collection cannot have (behavior `shifts-filters`).
    FILTER_PROPERTY "filter-property" 400 BadRequest Layer::Gateway, "The entity property '{0}' is not allowed in $filter query.",
        Strong "microsoft-graph-docs#13711; graph-explorer-v4#3991 (2025, for a time off request)"
        by "shifts-filters";
    /// An operator that a property of a collection cannot have in filters (behavior `shifts-filters`).
    FILTER_OPERATOR "filter-operator" 400 BadRequest Layer::Gateway,
        "The entity property '{0}' and operationKind '{1}' is not allowed in $filter query.",
        Medium "techcommunity.microsoft.com, an idea for the Microsoft 365 developer platform of 2023 (for `clockInEvent/dateTime` of a time card); microsoft-graph-docs#20146 (for a chat message); microsoft-graph-docs#4553 (the rule for shifts)"
        by "shifts-filters";
    /// A property in more than one condition of a filter (behavior `shifts-filters`).
    FILTER_REPEATED "filter-repeated" 400 BadRequest Layer::Shifts("BadRequest"),
        "The entity property '{0}' is used more than once in $filter query.",
        None "learn.microsoft.com/graph/api/schedule-list-shifts and microsoft-graph-docs#7179 (the rule; words and form are a guess)"
        by "shifts-filters";
    /// Conditions that a collection cannot have in filters (behavior `shifts-filters`).
    FILTER_FORM "filter-form" 400 BadRequest Layer::Shifts("BadRequest"), "The $filter query is not supported: {0}.",
        None "microsoft-graph-docs#4553 (that only `and` is supported; words and form are a guess)"
        by "shifts-filters";
    /// A query option on a single item of a schedule (behavior `schedule-item-options`).
    ITEM_OPTION "item-option" 400 BadRequest Layer::Shifts("BadRequest"), "The query option '${0}' is not supported.",
        None "learn.microsoft.com/graph/api/shift-get (\"does not support OData query parameters\"; status and words are a guess)"
        by "schedule-item-options";
    /// An `$orderby` with invalid syntax.
    INVALID_ORDER "invalid-order" 400 BadRequest Layer::Gateway, "{0}",
        Weak "OData/odata.net, the texts of its lexer, parser and binder, such as ExpressionLexer_SyntaxError"
        by "query-options";
    /// An `$orderby` on a complex property.
    ORDER_BY_OBJECT "order-by-object" 400 BadRequest Layer::Gateway, "The $orderby expression must evaluate to a single value of primitive type.",
        Weak "OData/odata.net MetadataBinder_OrderByExpressionNotSingleValue"
        by "query-options";
    /// An `$orderby` on a write-only property.
    ORDER_BY_SECRET "order-by-secret" 400 Unnamed Layer::Library,
        "The query specified in the URI is not valid. The property '{0}' cannot be used in the $orderby query option.",
        None "OData/AspNetCoreOData NotSortablePropertyUsedInOrderBy (the text); no public observation for a secret"
        by "query-options";
    /// An invalid `$top`.
    INVALID_TOP "invalid-top" 400 BadRequest Layer::Gateway,
        "Invalid value '{0}' for $top query option found. The $top query option requires a non-negative integer value.",
        Weak "OData/odata.net SyntacticTree_InvalidTopQueryOptionValue";
    /// A `$top` above the maximum page size (behavior `top-maximum`).
    TOP_TOO_LARGE "top-too-large" 400 Unnamed Layer::Library,
        "The query specified in the URI is not valid. The limit of '{0}' for Top query has been exceeded. The value from the incoming request is '{1}'.",
        Weak "microsoft-graph-docs concepts/query-parameters (an error is possible); OData/AspNetCoreOData SkipTopLimitExceeded (text)"
        by "top-maximum";
    /// An invalid `$skip`.
    INVALID_SKIP "invalid-skip" 400 BadRequest Layer::Gateway,
        "Invalid value '{0}' for $skip query option found. The $skip query option requires a non-negative integer value.",
        Weak "OData/odata.net SyntacticTree_InvalidSkipQueryOptionValue"
        by "query-options";
    /// An invalid `$count`.
    INVALID_COUNT "invalid-count" 400 BadRequest Layer::Gateway,
        "'{0}' is not a valid count option.",
        Weak "OData/odata.net ODataUriParser_InvalidCount, from ODataQueryOptionParser.ParseCount"
        by "query-options";
    /// A `$skiptoken` that is malformed or belongs to another list.
    INVALID_SKIP_TOKEN "invalid-skip-token" 400 Unnamed Layer::Library,
        "The query specified in the URI is not valid. Unable to parse the skiptoken value '{0}'. Skiptoken value should always be server generated.",
        Weak "OData/AspNetCoreOData SkipTokenParseError";
    /// A write without a body.
    EMPTY_PAYLOAD "empty-payload" 400 BadRequest Layer::Gateway, "Empty Payload. JSON content expected.",
        Strong "microsoft-graph-docs#4769; msgraph-sdk-python#1168"
        by "missing-length";
    /// A write without a body and without a length (behavior `missing-length`).
    LENGTH_REQUIRED "length-required" 411 BadRequest Layer::FrontDoor,
        "HTTP Error 411. The request must be chunked or have a content length.",
        Strong "graph-rs-sdk#524"
        by "missing-length";
    /// A write without Content-Type.
    MISSING_CONTENT_TYPE "missing-content-type" 400 BadRequest Layer::Gateway, UNREADABLE,
        Medium "microsoft-graph-docs#6259";
    /// A write whose Content-Type is not JSON.
    WRONG_CONTENT_TYPE "wrong-content-type" 400 BadRequest Layer::Gateway, UNREADABLE,
        Weak "the text asks for the header (msgraph-sdk-php#632); a Shifts sibling answered 400 UnknownError to application/octet-stream";
    /// A body in an unknown charset.
    UNKNOWN_CHARSET "unknown-charset" 400 BadRequest Layer::Gateway, UNREADABLE,
        None "the text asks for the header (msgraph-sdk-php#632); no public observation for a charset";
    /// A body with bytes that its charset does not allow (behavior `invalid-utf8`).
    INVALID_TEXT "invalid-text" 400 BadRequest Layer::Gateway, UNREADABLE,
        None "the service has replaced such bytes (msgraph-sdk-powershell#1757); the text is that for a body that it cannot read"
        by "invalid-utf8";
    /// A body that is not JSON.
    UNREADABLE_PAYLOAD "unreadable-payload" 400 BadRequest Layer::Gateway, UNREADABLE,
        Strong "msgraph-sdk-php#632";
    /// A JSON body that is not an object.
    NOT_AN_OBJECT "not-an-object" 400 BadRequest Layer::Gateway, UNREADABLE,
        None "no public observation; the gateway's text for a body that it cannot read";
    /// A body above the size limit, compressed or decompressed.
    PAYLOAD_TOO_LARGE "payload-too-large" 413 RequestEntityTooLarge Layer::Gateway, "The request size exceeds the maximum limit.",
        Weak "learn.microsoft.com/graph/errors (status and sentence; code and envelope unknown)";
    /// A name that no file can have.
    INVALID_FILE_NAME "invalid-file-name" 400 InvalidFileRequest Layer::Gateway, "The provided name cannot contain the character ':'.",
        None "learn.microsoft.com/graph/onedrive-addressing-driveitems (the characters); status and code from the list of OneDrive's errors, the text is a guess";
    /// A text that cannot name a file: nothing, spaces, a dot or two, or control characters.
    NO_FILE_NAME "no-file-name" 400 InvalidFileRequest Layer::Gateway, "The provided name is not valid.",
        None "support.microsoft.com, restrictions and limitations in OneDrive and SharePoint (invalid names); status, code and text are guesses";
    /// A change of the root of a drive.
    ROOT_FOLDER "root-folder" 400 InvalidFileRequest Layer::Gateway, "Operation not allowed against the root folder",
        Strong "recorded in pnp/pnpcore (twice)";
    /// Content for a folder.
    FOLDER_CONTENT "folder-content" 409 NameAlreadyExists Layer::Gateway, "The specified item name already exists.",
        None "no public observation of content for a folder; status, code and text are those of a name that is in use";
    /// A file or folder within too many folders.
    PATH_TOO_DEEP "path-too-deep" 400 InvalidFileRequest Layer::Files("pathTooDeep"), "The folder hierarchy depth limit was exceeded.",
        None "concepts/onedrive errors of microsoft-graph-docs (status and codes); the depth, 16, and the text are guesses";
    /// The copy of a folder in the place of another item, at the address that shows its progress.
    COPY_FAILED "copy-failed" 409 NameAlreadyExists Layer::Gateway, "The specified item name already exists.",
        None "learn.microsoft.com/graph/api/driveitem-copy (that folders are not replaced, and where that is reported); code and text are those of other items in the way, a guess";
    /// A file where there is one of the name, if the client wants it to fail.
    FILE_EXISTS "file-exists" 409 NameAlreadyExists Layer::Gateway, "The specified item name already exists.",
        Strong "OneDrive/onedrive-api-docs#977";
    /// An upload session that is not, or no longer, there.
    UNKNOWN_UPLOAD_SESSION "unknown-upload-session" 404 ItemNotFound Layer::Gateway, "The upload session was not found",
        Strong "abraunegg/onedrive#3859";
    /// A fragment of an upload without its place in the whole.
    INVALID_CONTENT_RANGE "invalid-content-range" 400 InvalidFileRequest Layer::Gateway, "The Content-Range header is missing or malformed.",
        None "concepts/onedrive errors of microsoft-graph-docs (status and code); the text is a guess";
    /// A fragment of an upload that has arrived already.
    FRAGMENT_OVERLAP "fragment-overlap" 416 InvalidRange Layer::Files("fragmentOverlap"), "Uploaded fragment overlaps with existing data.",
        Strong "O365/python-o365#728";
    /// A fragment of an upload behind one that has not arrived.
    FRAGMENT_OUT_OF_ORDER "fragment-out-of-order" 416 InvalidRange Layer::Files("fragmentOutOfOrder"), "Uploaded fragment is out of order.",
        Weak "the text and the code are known from clients of OneDrive (O365/python-o365#728 for another one)";
    /// A fragment of an upload with another length than stated.
    FRAGMENT_LENGTH "fragment-length" 400 InvalidFileRequest Layer::Files("fragmentLengthMismatch"),
        "The length of the uploaded fragment does not match the Content-Range header.",
        None "concepts/onedrive errors of microsoft-graph-docs (status and codes); the text is a guess";
    /// A fragment of an upload, other than the last one, of a length that is not a multiple of 320 KiB (behavior `upload-fragments`).
    FRAGMENT_SIZE "fragment-size" 400 InvalidFileRequest Layer::Gateway, "The size of the uploaded fragment is not a multiple of 320 KiB.",
        None "learn.microsoft.com/graph/api/driveitem-createuploadsession (the rule); status and text are a guess"
        by "upload-fragments";
    /// A request to store the content of an upload session before all of it has arrived.
    UPLOAD_INCOMPLETE "upload-incomplete" 400 InvalidFileRequest Layer::Gateway, "The upload session does not have all of its bytes.",
        None "learn.microsoft.com/graph/api/driveitem-createuploadsession (the commit comes after the final byte range); status and text are a guess";
    /// A request to store the content of an upload session, with content of its own.
    UPLOAD_COMMIT_CONTENT "upload-commit-content" 400 InvalidFileRequest Layer::Gateway,
        "The request that completes an upload session must not have content.",
        None "learn.microsoft.com/graph/api/driveitem-createuploadsession (the length of the content is zero); status and text are a guess";
    /// A value of `@microsoft.graph.conflictBehavior` that is unknown (behavior `unknown-conflict-behavior`).
    UNKNOWN_CONFLICT_BEHAVIOR "unknown-conflict-behavior" 400 InvalidFileRequest Layer::Gateway,
        "The value of '@microsoft.graph.conflictBehavior' is invalid. Valid values are fail, replace and rename.",
        None "learn.microsoft.com/graph/api/resources/driveitem (the three values); status and text are a guess"
        by "unknown-conflict-behavior";
    /// A file whose content the service is to fetch from an address: the emulator does not.
    SOURCE_URL "source-url" 400 NotSupported Layer::Gateway, "The request is not supported by the system.",
        None "concepts/onedrive errors of microsoft-graph-docs (the code, and the sentence on it); learn.microsoft.com/onedrive/developer/rest-api/api/driveitem_upload_url (the annotation, a preview); that it is refused is the emulator's, and the status a guess";
    /// A pre-signed address that is not, or no longer, valid.
    DOWNLOAD_REFUSED "download-refused" 401 Unauthenticated Layer::Gateway, "The caller is not authenticated.",
        None "concepts/onedrive errors of microsoft-graph-docs (the code, and the sentence on it); that an old address is answered so is a guess";
    /// A range of content that is not there.
    RANGE_NOT_SATISFIABLE "range-not-satisfiable" 416 InvalidRange Layer::Gateway, "The specified byte range is invalid or unavailable.",
        Medium "concepts/onedrive errors of microsoft-graph-docs (the code, and the sentence on it); RFC 9110, 14.2";
    /// A profile photo that is not there.
    IMAGE_NOT_FOUND "image-not-found" 404 ImageNotFound Layer::Gateway,
        "Exception of type 'Microsoft.Fast.Profile.Core.Exception.ImageNotFoundException' was thrown.",
        Weak "the code and the text are known from questions of users; older answers have ErrorItemNotFound (microsoft-graph-docs#2248)";
    /// A write beyond the limit of all stores, or of one entity.
    STORE_FULL "store-full" 413 RequestEntityTooLarge Layer::Gateway, "The request size exceeds the maximum limit.",
        None "no public observation; a limit of the emulator, in the service's sentence for a request that is too large";
    /// A body in a content coding other than gzip.
    CONTENT_ENCODING "content-encoding" 415 UnsupportedMediaType Layer::Gateway,
        "The content type of the request is a format that is not supported by the service.",
        Weak "learn.microsoft.com/graph/errors (status and sentence; code and envelope unknown)";
    /// A change of an item of Planner without `If-Match`.
    IF_MATCH_REQUIRED "if-match-required" 412 Unnamed Layer::Gateway,
        "The If-Match header must be specified for this kind of request.",
        Strong "pnp/pnpjs#1033 (status) and #841 (body); microsoftgraph/msgraph-metadata#89";
    /// A change of an item of Planner with an `If-Match` that is not a list of tags.
    INVALID_IF_MATCH "invalid-if-match" 400 Unnamed Layer::Gateway, "The If-Match header contains an invalid value.",
        Medium "microsoft-graph-docs#4617; Softeria/ms-365-mcp-server#290 (the text; the status is 412 in another report)";
    /// A change of an item of Planner that another client changed.
    STALE_PLANNER_ITEM "stale-planner-item" 412 UnknownError Layer::Gateway, "",
        Medium "microsoft-graph-docs-contrib#8161 (2017); learn.microsoft.com/graph/api/resources/planner-overview (412, and 409 for changes that cannot be merged)";
    /// The same, with the other status of the documentation (behavior `planner-conflict`).
    CONFLICTING_PLANNER_ITEM "conflicting-planner-item" 409 UnknownError Layer::Gateway, "",
        Medium "learn.microsoft.com/graph/api/resources/planner-overview (the status); code and text are those of 412, a guess";
    /// A change of an item of Outlook that another client changed.
    STALE_OUTLOOK_ITEM "stale-outlook-item" 412 ErrorIrresolvableConflict Layer::Gateway,
        "The send or update operation could not be performed because the change key passed in the request does not match the current change key for the item.",
        Strong "msgraph-sdk-dotnet#1195 and #1201; mguessan/davmail#491";
    /// A change of a file, a folder or an item of a list that another client changed.
    STALE_FILE "stale-file" 412 NotAllowed Layer::Files("preconditionFailed"), "ETag does not match current item's value",
        Strong "OneDrive/onedrive-api-docs#514";
    /// A change that breaks a documented rule of Shifts (behavior `shifts-rules`).
    SHIFTS_RULE "shifts-rule" 400 BadRequest Layer::Shifts("BadRequest"), "{0}",
        None "learn.microsoft.com/graph/api/resources/shift and its siblings (the rules); status and words are a guess"
        by "shifts-rules";
    /// A change of a schedule by a member of the team who is not an owner (behavior `shifts-rules`).
    NOT_A_MANAGER "not-a-manager" 403 Forbidden Layer::Shifts("MissingAdminPermissions"),
        "Sorry, you need to be an admin to do this.",
        Strong "microsoft-graph-docs#4720; microsoft-graph-docs#9745 (status and code)"
        by "shifts-rules";
    /// A write to a time card or the preferences of another person (behavior `personal-entries`).
    NOT_THE_OWNER "not-the-owner" 403 Forbidden Layer::Shifts("MissingAdminPermissions"),
        "Sorry, you need to be an admin to do this.",
        None "microsoft-graph-docs#4720 and #9745 (the answer to other writes of workers); that it is given here is a guess"
        by "personal-entries";
    /// A decision about a request by another person than the one to whom it is assigned (behavior `shifts-rules`).
    NOT_THE_RECIPIENT "not-the-recipient" 403 Forbidden Layer::Shifts("Forbidden"),
        "The request can only be handled by the person to whom it is assigned.",
        None "learn.microsoft.com/graph/api/swapshiftschangerequest-approve (the rule); status and words are a guess"
        by "shifts-rules";
    /// A decision by an application that names no user (behavior `application-decisions`).
    APPLICATION_DECISION "application-decision" 403 Forbidden Layer::Shifts("Forbidden"),
        "Application permissions are not supported for this action.",
        None "devblogs.microsoft.com/microsoft365dev (the rule); status and words are a guess"
        by "application-decisions";
    /// A decision about a request that is decided.
    REQUEST_DECIDED "request-decided" 400 BadRequest Layer::Shifts("BadRequest"), "The request was already handled.",
        None "no public observation";
    /// A request for a shift or a reason that the connector does not name as eligible.
    NOT_ELIGIBLE "not-eligible" 400 BadRequest Layer::Shifts("BadRequest"), "The selection is not eligible.",
        None "learn.microsoft.com/microsoft-365/frontline/shifts-custom-wfm-integration (eligibility filtering); status and words are a guess"
        by "eligibility";
    /// A change of an item of a schedule that another client changed.
    STALE_SCHEDULE_ITEM "stale-schedule-item" 409 Conflict Layer::Shifts("Conflict"), "The item was changed since it was read.",
        Weak "OfficeDev/Microsoft-Teams-Shifts-WFM-Connectors (two connectors read the tag again on 409; the words are a guess)";
    /// A change with `If-Match` of an entity that has no tag (behavior `if-match`).
    UNTAGGED "untagged" 412 PreconditionFailed Layer::Gateway,
        "A precondition provided in the request (such as an if-match header) does not match the resource's current state.",
        None "learn.microsoft.com/graph/errors (status and sentence); no public observation for entities without tags"
        by "if-match";
    /// A PUT with `If-None-Match: *` of an entity that exists.
    PRECONDITION_FAILED "precondition-failed" 412 PreconditionFailed Layer::Gateway,
        "A precondition provided in the request (such as an if-match header) does not match the resource's current state.",
        Weak "learn.microsoft.com/graph/errors (status and sentence; the code is a guess)";
    /// A JSON value of the wrong kind.
    SCHEMA_MISMATCH "schema-mismatch" 400 BadRequest Layer::Gateway, "Property {0} in payload has a value that does not match schema.",
        Strong "msgraph-search-connector-sample#3; AzureAD/entra-id-inbound-provisioning#15"
        by "wrong-primitive";
    /// The same for a primitive, with the OData library's text (behavior `wrong-primitive`).
    CANNOT_CONVERT "cannot-convert" 400 BadRequest Layer::Gateway, "Cannot convert the literal '{0}' to the expected type '{1}'.",
        Weak "OData/odata.net ReaderValidationUtils_CannotConvertPrimitiveValue"
        by "wrong-primitive";
    /// An invalid date.
    INVALID_DATE "invalid-date" 400 BadRequest Layer::Gateway, "The value '{0}' is not a valid date time offset value.",
        Weak "OData/odata.net ValueParser_InvalidDateTimeOffset";
    /// Times with which `createOrGet` makes no meeting.
    MEETING_TIMES "meeting-times" 400 BadRequest Layer::Gateway,
        "The endDateTime must not be earlier than the startDateTime, which it requires.",
        None "learn.microsoft.com/graph/api/onlinemeeting-createorget (that it is an error); the status, the code and the text are a guess";
    /// Null for a non-nullable property.
    NULL_VALUE "null-value" 400 BadRequest Layer::Gateway,
        "A null value was found for the property named '{0}', which has the expected type '{1}[Nullable=False]'. The expected type '{1}[Nullable=False]' does not allow null values.",
        Weak "OData/odata.net ReaderValidationUtils_NullNamedValueForNonNullableType";
    /// Null in a collection of non-nullable items.
    NULL_ITEM "null-item" 400 BadRequest Layer::Gateway,
        "A null value was detected in the items of a collection property value; non-nullable instances of collection types do not support null values as items.",
        Weak "OData/odata.net ValidationUtils_NonNullableCollectionElementsMustNotBeNull";
    /// An unknown property (behavior `unknown-property`).
    UNKNOWN_PROPERTY "unknown-property" 400 BadRequest Layer::Gateway,
        "The property '{0}' does not exist on type '{1}'. Make sure to only use property names that are defined by the type or mark the type as open type.",
        Medium "msgraph-sdk-python#440 (text, from another workload); the code here is the gateway's"
        by "unknown-property" "supports";
    /// An unknown property of an object of the directory (behavior `directory-unknown-members`).
    UNKNOWN_DIRECTORY_MEMBER "unknown-directory-member" 400 RequestBadRequest Layer::Gateway,
        "One or more property values specified are invalid.",
        Medium "ballerina-platform/module-ballerinax-azure.ad, src/azure.ad/tests/client_user_tests.bal (a test against the service: a new user with a middleName)"
        by "directory-unknown-members";
    /// A duplicate property.
    DUPLICATE_PROPERTY "duplicate-property" 400 BadRequest Layer::Gateway,
        "Multiple properties with the name '{0}' were detected in a resource or a complex value. In OData, duplicate property names are not allowed.",
        Weak "OData/odata.net DuplicatePropertyNamesNotAllowed"
        by "repeated-null";
    /// A duplicate annotation of an object.
    DUPLICATE_ANNOTATION "duplicate-annotation" 400 BadRequest Layer::Gateway,
        "Multiple annotations with the name '{0}' were detected. In OData, duplicate annotations are not allowed.",
        Weak "OData/odata.net DuplicateAnnotationNotAllowed";
    /// A duplicate annotation of a property.
    DUPLICATE_PROPERTY_ANNOTATION "duplicate-property-annotation" 400 BadRequest Layer::Gateway,
        "Multiple annotations with the name '{0}' were detected for the property with name '{1}'. In OData, duplicate annotations are not allowed.",
        Weak "OData/odata.net DuplicateAnnotationForPropertyNotAllowed";
    /// An `@odata.type` that is null.
    TYPE_NAME "type-name" 400 BadRequest Layer::Gateway,
        "The 'odata.type' instance annotation value '{0}' is not a valid type name. The value of the 'odata.type' instance annotation must be a non-empty string.",
        Weak "OData/odata.net 8.4 ODataJsonPropertyAndValueDeserializer_InvalidTypeName (version 7 has another text)";
    /// Control information that is not a string.
    NOT_A_STRING "control-information" 400 BadRequest Layer::Gateway, "Cannot read the value '{0}' as a quoted JSON string value.",
        Weak "OData/odata.net 8.4 JsonReaderExtensions_CannotReadValueAsString";
    /// A second `@odata.type` of an object.
    TYPE_TWICE "type-twice" 400 BadRequest Layer::Gateway,
        "The 'odata.type' instance annotation in a resource object is preceded by an invalid property. In OData, the 'odata.type' instance annotation must be either the first property in the JSON object or the second if the 'odata.context' instance annotation is present.",
        Weak "OData/odata.net 8.4 ODataJsonResourceDeserializer_ResourceTypeAnnotationNotFirst";
    /// An annotation of a property that the type does not have and the body does not set.
    ANNOTATION_ALONE "annotation-alone" 400 BadRequest Layer::Gateway,
        "An undeclared property '{0}' which only has property annotations in the payload but no property value was found in the payload. In OData, only declared navigation properties and declared named streams can be represented as properties without values.",
        Weak "OData/odata.net, the text of its lenient reader (OData/WebApi#2410); the strict one has that for an unknown property";
    /// A member without a name.
    EMPTY_NAME "empty-name" 400 BadRequest Layer::Gateway,
        "Invalid JSON. The property name '' is not valid. The name of a property cannot be empty.",
        Weak "OData/odata.net 8.4 JsonReader_InvalidPropertyNameOrUnexpectedComma";
    /// A body of an unknown version of OData (behavior `odata-version`).
    UNSUPPORTED_ODATA_VERSION "unsupported-odata-version" 400 BadRequest Layer::Gateway,
        "The value '{0}' of the OData-Version HTTP header is invalid. Only '4.0' and '4.01' are supported as values for the OData-Version header.",
        Weak "OData 4.01 Protocol, 8.1.5 (4xx); OData/odata.net 8.4 ODataUtils_UnsupportedVersionHeader (text)"
        by "odata-version";
    /// An unknown type in `@odata.type`.
    UNKNOWN_TYPE "unknown-type" 400 BadRequest Layer::Gateway,
        "A type named '{0}' could not be resolved by the model. When a model is available, each type name must resolve to a valid type.",
        Medium "msgraph-beta-sdk-dotnet#87 (text, from another workload)"
        by "type-namespace";
    /// An entity or complex value with an `@odata.type` that is not derived from the declared type.
    NOT_ASSIGNABLE "not-assignable-type" 400 BadRequest Layer::Gateway,
        "A resource with type '{0}' was found, but it is not assignable to the expected type '{1}'. The type specified in the resource must be equal to either the expected type or a derived type.",
        Weak "OData/odata.net 8.4 ValidationUtils_ResourceTypeNotAssignableToExpectedType";
    /// An `@odata.type` of a property that differs from its type.
    INCOMPATIBLE_TYPE "incompatible-type" 400 BadRequest Layer::Gateway,
        "A value was encountered that has a type name that is incompatible with the metadata. The value specified its type as '{0}', but the type specified in the metadata is '{1}'.",
        Weak "OData/odata.net ValidationUtils_IncompatibleType";
    /// An unknown id.
    UNKNOWN_ID "unknown-id" 404 NotFound Layer::Shifts("NotFound"),
        "Sorry, the {0} was not found, or you may not have access to it.",
        Weak "microsoft-graph-docs#8933 (the shape, and the words for a team); words and inner code here are a guess";
    /// An unknown team.
    UNKNOWN_TEAM "unknown-team" 404 NotFound Layer::Gateway, "No team found with Group Id {1}",
        Strong "microsoft-graph-docs#9811";
    /// A schedule of an unknown team, or an entity in it.
    UNKNOWN_TEAM_OF_SCHEDULE "unknown-team-of-schedule" 404 NotFound Layer::Shifts("TeamNotFound"),
        "Sorry, the team was not found, or you may not have access to it.",
        Strong "microsoft-graph-docs#8933; microsoft-graph-docs#9811";
    /// An unknown user, group, application or other object of the directory.
    UNKNOWN_DIRECTORY_OBJECT "unknown-directory-object" 404 ResourceNotFound Layer::Gateway,
        "Resource '{1}' does not exist or one of its queried reference-property objects are not present.",
        Strong "Azure/azure-cli test_user_scenario.yaml (recorded); pnp/pnpcore ValidateAndEnsureUserTest (recorded)";
    /// An unknown message, event, contact or folder of Outlook.
    UNKNOWN_OUTLOOK_ITEM "unknown-outlook-item" 404 ErrorItemNotFound Layer::Gateway,
        "The specified object was not found in the store., The process failed to get the correct properties.",
        Strong "msgraph-sdk-dotnet#259; msgraph-sdk-java#1065";
    /// An unknown file, folder or drive.
    UNKNOWN_DRIVE_ITEM "unknown-drive-item" 404 ItemNotFound Layer::Gateway, "The resource could not be found.",
        Strong "microsoft-graph-docs#14186 (others have the text 'Item not found')";
    /// An item that is to be created in a file, or moved or copied into one.
    ITEM_IN_FILE "item-in-file" 404 ItemNotFound Layer::Gateway, "The resource could not be found.",
        None "no public observation of the refusal: it is that of a folder that is not there";
    /// An unknown site.
    UNKNOWN_SITE "unknown-site" 404 ItemNotFound Layer::Gateway, "Requested site could not be found",
        Medium "alcionai/corso";
    /// An unknown plan, bucket or task of Planner.
    UNKNOWN_PLANNER_ITEM "unknown-planner-item" 404 Unnamed Layer::Gateway, "The requested item is not found.",
        Weak "imitations of the service in tests of its clients; no public observation";
    /// An unknown id, for a type without its own wording.
    UNKNOWN_ENTITY "unknown-entity" 404 NotFound Layer::Gateway,
        "Resource '{1}' does not exist or one of its queried reference-property objects are not present.",
        None "microsoft-graph-docs-contrib#6431 (the text, of the directory, with the code Request_ResourceNotFound); that other workloads answer so is a guess";
    /// An invalid enum value, for a type without its own wording.
    INVALID_ENUM_VALUE "invalid-enum-value" 400 BadRequest Layer::Gateway,
        "One or more properties contains invalid values.",
        None "microsoft-graph-docs-contrib#6967 (the text, of the directory); that it is answered for enums is a guess"
        by "enum-values" "flag-lists" "empty-flags" "sentinel-in" "hidden-members-in";
    /// An enum value that is not a member.
    NOT_A_MEMBER "not-a-member" 400 BadRequest Layer::Shifts("BadRequest"), "Invalid payload: Requested value '{0}' was not found.",
        Medium "learn.microsoft.com/microsoft-365/frontline/shifts-custom-wfm-integration (Troubleshooting: the message; the envelope is a guess)"
        by "enum-values" "flag-lists" "empty-flags";
    /// An empty text for an enum.
    EMPTY_MEMBER "empty-member" 400 BadRequest Layer::Shifts("BadRequest"),
        "Invalid payload: Must specify valid information for parsing in the string.",
        Weak ".NET's `Enum.Parse`, whose text OData/AspNetCoreOData 9.5 returns (the envelope is a guess; OData/odata.net 8.4 alone takes the value)"
        by "enum-values" "empty-flags";
    /// `unknownFutureValue` in a request (behavior `sentinel-in`).
    SENTINEL_VALUE "sentinel-value" 400 BadRequest Layer::Shifts("BadRequest"), "Invalid payload: Requested value '{0}' was not found.",
        Weak "github.com/microsoft/api-guidelines evolvable-enums.md (the status; the words are a guess)"
        by "sentinel-in";
    /// A member above the sentinel, without the preference (behavior `hidden-members-in`).
    HIDDEN_VALUE "hidden-value" 400 BadRequest Layer::Shifts("BadRequest"), "Invalid payload: Requested value '{0}' was not found.",
        Weak "github.com/microsoft/api-guidelines evolvable-enums.md (the status; the words are a guess)"
        by "hidden-members-in";
    /// A text longer than any real one (behavior `text-length`).
    TEXT_TOO_LONG "text-too-long" 400 BadRequest Layer::Gateway, "The field {0} must be a string or array type with a maximum length of '{1}'.",
        None "no public observation; dotnet/runtime MaxLengthAttribute_ValidationError (text)"
        by "text-length";
    /// A secret of invalid length (behavior `secret-length`).
    SECRET_LENGTH "secret-length" 400 BadRequest Layer::Shifts("BadRequest"), "Invalid payload: The secret must be exactly 64 characters.",
        None "learn.microsoft.com/microsoft-365/frontline/shifts-custom-wfm-integration (the rule; status and words are a guess)"
        by "secret-length";
    /// An invalid callback URL (behavior `url-check`).
    INVALID_URL "invalid-url" 400 BadRequest Layer::Shifts("BadRequest"), "Invalid payload: The url is not a valid absolute address.",
        None "no public observation"
        by "url-check";
    /// A schedule that is provisioned (behavior `second-schedule`).
    SCHEDULE_EXISTS "schedule-exists" 409 Conflict Layer::ShiftsWithCode("ResourceExists", "AadGroupIsLinkedToTeamsTeam"),
        "Sorry, this team has already been provisioned with a schedule",
        Medium "microsoft-graph-docs#6560 (beta, 2019; the inner codes too)"
        by "second-schedule";
    /// A schedule without a member that it must have (behavior `schedule-members`).
    SCHEDULE_MEMBER "schedule-member" 400 BadRequest Layer::Shifts("BadRequest"), "Invalid payload: The property '{0}' is missing or invalid.",
        None "learn.microsoft.com/graph/api/team-put-schedule (the rule; status and words are a guess)"
        by "schedule-members";
    /// A schedule with several integrations (behavior `several-integrations`).
    SEVERAL_INTEGRATIONS "several-integrations" 400 BadRequest Layer::Shifts("BadRequest"),
        "Invalid payload: A schedule can have one workforce integration.",
        None "learn.microsoft.com/graph/api/resources/schedule (the rule; status and words are a guess)"
        by "several-integrations";
    /// A schedule with an integration that does not exist (behavior `unknown-integration`).
    UNKNOWN_INTEGRATION "unknown-integration" 404 NotFound Layer::Shifts("WorkforceIntegrationNotFound"),
        "Sorry, the workforce integration was not found, or you may not have access to it.",
        None "no public observation"
        by "unknown-integration";
    /// The last active reason for time off.
    LAST_REASON "last-reason" 400 BadRequest Layer::Shifts("BadRequest"), "Every team must include at least one {0}.",
        None "learn.microsoft.com/graph/api/resources/timeoffreason (the rule, in nearly these words; status and form are a guess)"
        by "shifts-rules";
    /// A day note in another form than text.
    DAY_NOTE_FORM "day-note-form" 400 BadRequest Layer::Shifts("BadRequest"), "Invalid payload: The contentType of a day note must be text.",
        None "learn.microsoft.com/graph/api/resources/daynote (the rule; status and words are a guess)";
    /// A person who clocks in twice.
    CLOCKED_IN "clocked-in" 400 BadRequest Layer::Shifts("BadRequest"), "The user is already clocked in.",
        None "no public observation";
    /// A step that the state of a time card does not allow.
    TIME_CARD_STATE "time-card-state" 400 BadRequest Layer::Shifts("BadRequest"), "The time card is {0}.",
        None "no public observation";
    /// An application that clocks in and names no user.
    NO_CLOCKING_USER "no-clocking-user" 400 BadRequest Layer::Shifts("BadRequest"), "Invalid payload: The onBehalfOfUserId is missing.",
        None "learn.microsoft.com/graph/api/timecard-clockin (that an application names the user; status and words are a guess)";
    /// A missing Bearer token.
    NO_TOKEN "no-token" 401 InvalidAuthenticationToken Layer::Gateway, "Access token is empty.",
        Strong "microsoftgraph/msgraph-sample-reactspa#54";
    /// A token without dots, which is not a JWT.
    TOKEN_WITHOUT_DOTS "token-without-dots" 401 InvalidAuthenticationToken Layer::Gateway,
        "IDX14100: JWT is not well formed, there are no dots (.).\nThe token needs to be in JWS or JWE Compact Serialization Format. (JWS): 'EncodedHeader.EncodedPayload.EncodedSignature'. (JWE): 'EncodedProtectedHeader.EncodedEncryptedKey.EncodedInitializationVector.EncodedCiphertext.EncodedAuthenticationTag'.",
        Strong "MaikuB/flutter_appauth#575";
    /// A token with one dot.
    TOKEN_WITH_ONE_DOT "token-with-one-dot" 401 InvalidAuthenticationToken Layer::Gateway,
        "IDX14120: JWT is not well formed, there is only one dot (.).\nThe token needs to be in JWS or JWE Compact Serialization Format. (JWS): 'EncodedHeader.EncodedPayload.EncodedSignature'. (JWE): 'EncodedProtectedHeader.EncodedEncryptedKey.EncodedInitializationVector.EncodedCiphertext.EncodedAuthenticationTag'.",
        Weak "AzureAD/azure-activedirectory-identitymodel-extensions-for-dotnet LogMessages IDX14120";
    /// A token with unreadable parts.
    TOKEN_UNREADABLE "token-unreadable" 401 InvalidAuthenticationToken Layer::Gateway, "CompactToken parsing failed with error code: 80049217",
        Weak "dcblogdev/laravel-microsoft-graph#41 (the text until about 2023; today's is not known for this case)";
    /// An unsigned token, or one signed with another key.
    TOKEN_SIGNATURE "token-signature" 401 InvalidAuthenticationToken Layer::Gateway, "Access token validation failure. Invalid signature.",
        None "no public observation; modeled on the text for a wrong audience";
    /// A token from another issuer.
    TOKEN_ISSUER "token-issuer" 401 InvalidAuthenticationToken Layer::Gateway, "Access token validation failure. Invalid issuer.",
        None "no public observation; modeled on the text for a wrong audience";
    /// A token for another service.
    TOKEN_AUDIENCE "token-audience" 401 InvalidAuthenticationToken Layer::Gateway, "Access token validation failure. Invalid audience.",
        Medium "TheNetworg/oauth2-azure#169 (the text)";
    /// An expired token.
    TOKEN_EXPIRED "token-expired" 401 InvalidAuthenticationToken Layer::Gateway, "Lifetime validation failed, the token is expired.",
        Strong "s1t5/mail-archiver#267";
    /// A token that is not yet valid.
    TOKEN_NOT_YET_VALID "token-not-yet-valid" 401 InvalidAuthenticationToken Layer::Gateway, "Lifetime validation failed, the token is not yet valid.",
        None "no public observation; modeled on the text for an expired token";
    /// The token of a personal account.
    PERSONAL_ACCOUNT "personal-account" 400 BadRequest Layer::Gateway, "This API is not supported for MSA accounts",
        Weak "learn.microsoft.com/graph/api/workforceintegration-update (personal accounts: Not supported); the text is that of other resources";
    /// A token of a user whose sessions were revoked (behavior `claims-challenge`).
    TOKEN_REVOKED "token-revoked" 401 InvalidAuthenticationToken Layer::Gateway,
        "Continuous access evaluation resulted in claims challenge with result: InteractionRequired and code: TokenIssuedBeforeRevocationTimestamp",
        Strong "Azure/azure-sdk-for-js sdk/identity/identity/recordings (cae, 2021)"
        by "claims-challenge";
    /// A token without a permission of the directory.
    INSUFFICIENT_PRIVILEGES "insufficient-privileges" 403 AuthorizationRequestDenied Layer::Gateway,
        "Insufficient privileges to complete the operation.",
        Strong "pnp/cli-microsoft365 (fixtures of its tests)";
    /// A token without a permission of Outlook.
    ACCESS_DENIED "access-denied" 403 ErrorAccessDenied Layer::Gateway, "Access is denied. Check credentials and try again.",
        Medium "learn.microsoft.com/exchange/client-developer/web-service-reference/responsecode (ErrorAccessDenied); public issues of Graph (the text)";
    /// An operation whose address is not published, on a type whose other addresses are.
    UNPUBLISHED_PERMISSIONS "unpublished-permissions" 403 Forbidden Layer::Gateway,
        "Access to the resource is denied: no permission is known for this address.",
        None "microsoftgraph/microsoft-graph-devx-content (permissions of other addresses of the type); status and text are a guess";
    /// A delegated token without any of the operation's scopes.
    MISSING_SCOPE "missing-scope" 403 Forbidden Layer::Gateway,
        "Missing scope permissions on the request. API requires one of '{0}'. Scopes on the request '{1}'",
        Medium "telstrapurple/MSTeamsChatExporter#9 (Teams)";
    /// An application token without any of the operation's roles.
    MISSING_ROLE "missing-role" 403 Forbidden Layer::Gateway,
        "Missing role permissions on the request. API requires one of '{0}'. Roles on the request '{1}'",
        Medium "microsoft-graph-docs#19105; microsoft-teams-library-js#2341 (Teams)";
    /// An application without `MS-APP-ACTS-AS` (behavior `acts-as`).
    NO_ACTING_USER "no-acting-user" 403 Forbidden Layer::Shifts("MissingUserIdHeaderInAppContext"),
        "MS-APP-ACTS-AS header needs to be set for application context requests.",
        Strong "microsoft-graph-docs-contrib#2884; msgraph-sdk-php#1104 (until 2023)"
        by "acts-as";
    /// A malformed envelope of a batch.
    BATCH_FORMAT "batch-format" 400 BadRequest Layer::Gateway, "Invalid batch payload format.",
        Medium "bradleymarques/microslop_one_drive batch/invalid_format.json (2026); msgraph-sdk-javascript#1451 (the text; not each situation)";
    /// A batch of more than 20 requests.
    BATCH_TOO_LONG "batch-too-long" 400 BadRequest Layer::Gateway, "Number of requests inside batch exceed the limit.",
        Medium "bradleymarques/microslop_one_drive batch_permissions/batch_exceeds_limits.json (2026)";
    /// Duplicate ids in a batch, compared without case.
    BATCH_DUPLICATE_ID "batch-duplicate-id" 400 BadRequest Layer::Gateway, "Request Id {0} has to be unique in a batch.",
        Strong "microsoft-graph-docs#4449 (without case); bradleymarques/microslop_one_drive batch/non_unique_ids.json (2026)";
    /// A write without Content-Type in a batch (behavior `batch-content-type`).
    BATCH_CONTENT_TYPE "batch-content-type" 400 BadRequest Layer::Gateway,
        "Write request with id '{0}' does not contain a Content-Type header.",
        Strong "Softeria/ms-365-mcp-server#677 (2026); msgraph-sdk-dotnet#2628 (2024, in other words)"
        by "batch-content-type";
    /// A `dependsOn` that does not name exactly one earlier request (behavior `batch-dependencies`).
    BATCH_DEPENDENCY "batch-dependency" 400 BadRequest Layer::Gateway, "Invalid batch payload format.",
        None "learn.microsoft.com/graph/known-issues (the rule); no public observation of the refusal"
        by "batch-dependencies";
    /// A request of a batch whose URL has another version.
    BATCH_VERSION "batch-version" 400 BadRequest Layer::Gateway, "Invalid version.",
        None "learn.microsoft.com/graph/json-batching (addresses are relative to the version); no public observation of the refusal";
    /// A URL of a batch that begins with the version (behavior `batch-urls`).
    BATCH_URL_VERSION "batch-url-version" 400 BadRequest Layer::Gateway, "Resource not found for the segment '{0}'.",
        Strong "msgraph-sdk-javascript#1178"
        by "batch-urls";
    /// An absolute URL in a batch (behavior `batch-urls`).
    BATCH_ABSOLUTE "batch-absolute-url" 400 BadRequest Layer::Gateway, "Resource not found for the segment 'https:'.",
        Medium "msgraph-sdk-python#1015 (status and the beginning of the text; the segment is a guess)"
        by "batch-urls";
    /// A batch in a batch.
    BATCH_NESTED "batch-nested" 400 BadRequest Layer::Gateway, "Resource not found for the segment '{0}'.",
        None "learn.microsoft.com/graph/known-issues (the rule); no public observation of the refusal";
    /// A request of a batch whose method, URL or headers are invalid in HTTP.
    BATCH_ITEM "batch-item" 400 BadRequest Layer::Gateway, "Invalid batch payload format.",
        None "no public observation";
    /// A request of a batch that depends on a failed one.
    FAILED_DEPENDENCY "failed-dependency" 424 FailedDependency Layer::Gateway,
        "The request was not executed because a request that it depends on failed.",
        None "learn.microsoft.com/graph/json-batching (the status; code and words are a guess)";
    /// A handshake that the connector did not answer with 200 (behaviors `connect` and `connect-on-update`).
    HANDSHAKE_FAILED "handshake-failed" 400 WorkforceIntegrationError Layer::Shifts("WorkforceIntegrationError"),
        "Sorry your change couldn\u{2019}t be completed.",
        None "microsoft-graph-docs#19700 (the words, for a POST); status and form are a guess"
        by "connect" "connect-on-update";
    /// A change that the connector refused (behavior `update-calls`).
    CONNECTOR_REFUSED "connector-refused" 400 WorkforceIntegrationError Layer::Shifts("WorkforceIntegrationError"),
        "Sorry your change couldn\u{2019}t be completed.",
        None "OfficeDev/Microsoft-Teams-Shifts-WFM-Connectors#35 (what a client of Shifts reads); status and form in Graph are a guess"
        by "update-calls";
    /// An unusable or missing answer of the connector to a change.
    CONNECTOR_UNUSABLE "connector-unusable" 400 WorkforceIntegrationError Layer::Shifts("WorkforceIntegrationError"), "{0}",
        None "learn.microsoft.com/microsoft-365/frontline/shifts-custom-wfm-integration (the sentence, and that the caller gets an error); status and form are a guess"
        by "update-calls" "update-retries";
    /// A request of a batch whose answers exceed the memory limit.
    BATCH_ANSWERS_TOO_LARGE "batch-answers-too-large" 413 RequestEntityTooLarge Layer::Gateway,
        "The request was not executed because the responses of the batch exceed the maximum limit.",
        None "no public observation; it bounds the memory that a batch takes";
    /// A query that takes too long (behavior `expensive-query`).
    QUERY_TOO_EXPENSIVE "query-too-expensive" 400 BadRequest Layer::Gateway,
        "The query was not completed because it exceeds the maximum cost of a request.",
        None "no public observation of a limit of the cost; it bounds the time that a request takes"
        by "expensive-query";
    /// The same, as the service answers.
    QUERY_TIMEOUT "query-timeout" 504 UnknownError Layer::Gateway, "",
        Strong "microsoft-graph-docs#5853, #4988 and #19954"
        by "expensive-query";
    /// An internal error of the emulator: always a bug.
    INTERNAL "internal" 500 InternalServerError Layer::Gateway, "There was an internal server error while processing the request.",
        Weak "learn.microsoft.com/graph/errors";
    /// A fault rule: the client is throttled.
    FAULT_THROTTLED "fault-throttled" 429 TooManyRequests Layer::Teams("ActivityLimitReached"), "Please retry again later.",
        Medium "pnp/pnpcore AddWebsiteTabSpecificBatchTest (recorded: status, codes, envelope); learn.microsoft.com/graph/throttling (text)";
    /// A fault rule: an internal error of the service.
    FAULT_INTERNAL "fault-internal-server-error" 500 InternalServerError Layer::Gateway,
        "There was an internal server error while processing the request.",
        Weak "learn.microsoft.com/graph/errors (status and sentence); microsoft-graph-docs#138 (code)";
    /// A fault rule: the back end is unreachable.
    FAULT_BAD_GATEWAY "fault-bad-gateway" 502 BadGateway Layer::Gateway, "Failed to execute backend request.",
        Strong "pnp/pnpcore GetFilesFolderWebUrlChannelLoad (recorded); microsoft-graph-docs#7777";
    /// A fault rule: the service is overloaded.
    FAULT_UNAVAILABLE "fault-service-unavailable" 503 ServiceUnavailable Layer::Gateway,
        "The service is temporarily unavailable for maintenance or is overloaded.",
        Weak "learn.microsoft.com/graph/errors (status and sentence; the code is a guess)";
    /// A fault rule: the back end takes too long.
    FAULT_TIMEOUT "fault-gateway-timeout" 504 GatewayTimeout Layer::Gateway,
        "The server, while acting as a proxy, did not receive a timely response from the upstream server it needed to access in attempting to complete the request.",
        Weak "learn.microsoft.com/graph/errors (status and sentence; the code is a guess)";
    /// A fault rule with its own status, code and text.
    FAULT_STATED "fault-stated" 500 UnknownError Layer::Gateway, "",
        None "the author of the fault rule";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_has_a_unique_name_a_source_and_an_error_status() {
        let all: Vec<&Refusal> = REFUSALS.iter().chain(SIGN_IN_REFUSALS).copied().collect();
        for (index, row) in all.iter().enumerate() {
            let earlier = all[..index].iter().any(|other| other.name == row.name);
            assert!(!earlier, "duplicate refusal {}", row.name);
            assert!((400..600).contains(&row.status), "refusal {} has the status of a success", row.name);
            assert!(!row.source.is_empty(), "missing source of refusal {}", row.name);
            for name in row.behaviors {
                let known = crate::policy::behavior::ROWS.iter().any(|behavior| behavior.name == *name);
                assert!(known, "unknown behavior {name} of refusal {}", row.name);
            }
        }
    }
}
