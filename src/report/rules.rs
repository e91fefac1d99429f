//! The rules of reports: one row and one function each.

mod data;
mod evolution;
mod identity;
mod paging;
mod privilege;
mod queries;
mod shifts;
mod throttling;
mod transport;
mod writing;

use crate::policy::grade::Grade;
use crate::report::evidence::Run;
use crate::report::finding::Severity;
use crate::report::hits::Hits;

/// A rule.
#[derive(Debug)]
pub struct Rule {
    /// The group.
    pub group: &'static str,
    /// The name.
    pub name: &'static str,
    /// The severity.
    pub severity: Severity,
    /// The problem.
    pub title: &'static str,
    /// The advice.
    pub better: &'static str,
    /// The page or issue that documents it.
    pub source: &'static str,
    /// The grade of that.
    pub grade: Grade,
    /// Finds the requests that break the rule.
    pub(crate) find: for<'w> fn(&Run<'w>) -> Hits,
}

macro_rules! rules {
    ($( $group:literal { $( $name:literal $severity:ident $find:path, $title:literal, $better:literal, $grade:ident $source:literal; )+ } )+) => {
        /// The table.
        pub static RULES: &[Rule] = &[$( $( Rule {
            group: $group,
            name: $name,
            severity: Severity::$severity,
            title: $title,
            better: $better,
            source: $source,
            grade: Grade::$grade,
            find: $find,
        }, )+ )+];
    };
}

rules! {
    "Throttling" {
        "early-retry" Error throttling::early_retry, "request repeated before Retry-After",
            "wait as long as `Retry-After` says", Strong "https://learn.microsoft.com/graph/throttling";
        "constant-retries" Warning throttling::constant_retries, "retries without growing pauses",
            "without `Retry-After`, double the pause before each retry", Strong "https://learn.microsoft.com/graph/throttling";
        "futile-retry" Warning throttling::futile_retry, "request repeated whose answer cannot change",
            "retry 429 and 5xx only; after 401 get another token first", Medium "https://learn.microsoft.com/graph/errors";
        "repeated-post" Error throttling::repeated_post, "POST repeated without knowing its outcome",
            "look for the entity before another POST, or send a `transactionId` where the type has one", Medium "https://learn.microsoft.com/graph/best-practices-concept";
        "batch-item-dropped" Warning throttling::batch_item_dropped, "failed request of a batch never repeated",
            "repeat the items with 429 and 5xx, after the longest `Retry-After`", Strong "https://learn.microsoft.com/graph/throttling#throttling-and-batching";
        "batch-repeated" Error throttling::batch_repeated, "whole batch repeated for some of its requests",
            "repeat only the failed items, in another batch", Strong "https://learn.microsoft.com/graph/throttling#throttling-and-batching";
        "parallel-mailbox" Error throttling::parallel_mailbox, "more than four requests to a mailbox at once",
            "send at most four requests per mailbox in parallel", Strong "https://learn.microsoft.com/graph/throttling-limits#outlook-service-limits";
    }
    "Paging" {
        "invented-token" Error paging::invented_token, "page token that no link gave",
            "use the whole `@odata.nextLink` or `@odata.deltaLink`", Strong "https://learn.microsoft.com/graph/paging";
        "altered-link" Warning paging::altered_link, "next link asked for with other options",
            "use `@odata.nextLink` as it is: it has the options already", Strong "https://learn.microsoft.com/graph/paging";
        "computed-skip" Warning paging::computed_skip, "pages by $skip although the list gives links",
            "follow `@odata.nextLink`; entities may move between pages that are counted", Medium "https://learn.microsoft.com/graph/paging";
        "abandoned-list" Warning paging::abandoned_list, "list left although it has a next link",
            "follow the links to the end, or say with `$top` how many are enough", Strong "https://learn.microsoft.com/graph/paging";
        "empty-page-end" Error paging::empty_page_end, "empty page taken for the end of a list",
            "only a page without `@odata.nextLink` is the last", Strong "https://learn.microsoft.com/graph/paging";
        "polling" Warning paging::polling, "same list read again and again",
            "use a delta query or a subscription", Strong "https://learn.microsoft.com/graph/best-practices-concept#getting-data-efficiently";
    }
    "Least privilege" {
        "no-token" Note privilege::no_token, "request without a token",
            "send a token, and start the emulator with `--auth strict`", Strong "https://learn.microsoft.com/graph/auth/auth-concepts";
        "uncovered-operation" Error privilege::uncovered_operation, "permissions of the token do not cover the operation",
            "grant one of the permissions that the detail names", Strong "https://learn.microsoft.com/graph/permissions-reference";
        "excess-permissions" Warning privilege::excess_permissions, "token with permissions that no operation needed",
            "register the covering permissions of the report alone", Strong "https://learn.microsoft.com/graph/permissions-overview#best-practices-for-using-microsoft-graph-permissions";
    }
    "Data" {
        "no-select" Note data::no_select, "all members of a large type read",
            "name the needed members with `$select`", Strong "https://learn.microsoft.com/graph/best-practices-concept#use-projections";
        "n-plus-one" Warning data::n_plus_one, "one request for each item of a list",
            "use `$select` or `$expand` with the list, or a batch", Medium "https://learn.microsoft.com/graph/query-parameters";
        "unbatched" Note data::unbatched, "twenty reads in a row that one batch could carry",
            "put up to twenty requests in a batch", Medium "https://learn.microsoft.com/graph/json-batching";
    }
    "Writing" {
        "ignored-members" Warning writing::ignored_members, "members sent that the service ignores",
            "send only members that can be changed", Medium "https://docs.oasis-open.org/odata/odata/v4.0/errata03/os/complete/part1-protocol/odata-v4.0-errata03-os-part1-protocol-complete.html (11.4.3)";
        "refused-members" Error writing::refused_members, "members sent that the service refuses",
            "send only members that the type has and that can be changed", Medium "https://github.com/microsoftgraph/msgraph-sdk-python/issues/440";
        "whole-entity" Warning writing::whole_entity, "whole entity sent back to change a part",
            "PATCH only the members that change", Strong "https://learn.microsoft.com/graph/api/workforceintegration-update";
        "lost-update" Error writing::lost_update, "update that overwrites another client's change",
            "send the entity's tag in `If-Match`, and read again after 412", Medium "https://learn.microsoft.com/graph/best-practices-concept";
        "put-drops" Warning writing::put_drops, "PUT that drops values it does not name",
            "send all members with PUT", Medium "https://learn.microsoft.com/graph/api/shift-put";
        "unknown-enum-value" Error writing::unknown_enum_value, "value that its enum does not have",
            "send a member of the enum, as the schema spells it", Strong "https://learn.microsoft.com/graph/traverse-the-graph";
        "former-member" Warning writing::former_member, "member sent by its former name",
            "send `supportedEntities` in place of `supports`", Medium "https://learn.microsoft.com/graph/api/resources/workforceintegration";
    }
    "Evolution" {
        "beta-used" Warning evolution::beta_used, "beta used where v1.0 has the operation",
            "use v1.0 in production: beta changes without notice", Strong "https://learn.microsoft.com/graph/versioning-and-support";
        "deprecated" Warning evolution::deprecated, "deprecated part of the schema used",
            "move to the replacement before the date of removal", Strong "https://graph.microsoft.com/v1.0/$metadata (Org.OData.Core.V1.Revisions)";
        "sentinel-sent" Error evolution::sentinel_sent, "unknownFutureValue written to an entity",
            "leave out members whose value the client does not understand", Medium "https://github.com/microsoft/api-guidelines/blob/vNext/graph/patterns/evolvable-enums.md";
        "unknown-members" Note evolution::unknown_members, "enum members answered as unknownFutureValue",
            "ask for them with `Prefer: include-unknown-enum-members`", Strong "https://learn.microsoft.com/graph/best-practices-concept#handling-future-members-in-evolvable-enumerations";
        "acts-as-header" Warning evolution::acts_as_header, "deprecated header MS-APP-ACTS-AS sent",
            "leave the header out, and use the actions for users, such as `approveForUser`", Strong "https://devblogs.microsoft.com/microsoft365dev/deprecation-of-ms-app-acts-as-header-in-shifts-management-microsoft-graph-apis";
    }
    "Queries" {
        "advanced-query" Error queries::advanced_query, "advanced query without its level or count",
            "send `ConsistencyLevel: eventual`, and `$count=true` with advanced conditions and orders", Strong "https://learn.microsoft.com/graph/aad-advanced-queries";
        "refused-filter" Error queries::refused_filter, "condition that the service does not take",
            "filter by another member, or in the client", Strong "https://learn.microsoft.com/graph/filter-query-parameter";
        "full-metadata" Note queries::full_metadata, "full metadata asked for all the time",
            "ask for minimal metadata, the default", Medium "https://learn.microsoft.com/graph/best-practices-concept";
        "no-compression" Note queries::no_compression, "lists read without compression",
            "send `Accept-Encoding: gzip`", Medium "https://www.rfc-editor.org/rfc/rfc9110#name-accept-encoding";
        "prefer-not-applied" Note queries::prefer_not_applied, "preference that was not applied",
            "check `Preference-Applied`, or leave the preference out", Strong "https://www.rfc-editor.org/rfc/rfc7240";
    }
    "Identity" {
        "no-token-cache" Warning identity::no_token_cache, "token asked for before nearly each request",
            "keep the token until shortly before it expires", Strong "https://learn.microsoft.com/entra/identity-platform/msal-acquire-cache-tokens";
        "expired-token" Error identity::expired_token, "request with an expired token",
            "renew the token before `expires_in` is over", Strong "https://learn.microsoft.com/entra/identity-platform/access-tokens";
        "secret-in-address" Error identity::secret_in_address, "secret in the address of a request",
            "send secrets in headers or in the body: addresses are logged", Strong "https://www.rfc-editor.org/rfc/rfc6750#section-5.3";
        "mixed-default-scope" Error identity::mixed_default_scope, ".default together with other scopes",
            "ask either for `.default` or for single scopes", Strong "https://learn.microsoft.com/entra/identity-platform/scopes-oidc#the-default-scope";
        "password-grant" Warning identity::password_grant, "password of a user sent to the token endpoint",
            "use a flow in which the user signs in with a browser or a device code", Strong "https://learn.microsoft.com/entra/identity-platform/v2-oauth-ropc";
        "implicit-grant" Warning identity::implicit_grant, "token asked for by the implicit grant",
            "use the authorization code flow with PKCE", Strong "https://learn.microsoft.com/entra/identity-platform/v2-oauth2-implicit-grant-flow";
    }
    "Shifts" {
        "integration-secret" Error shifts::integration_secret, "integration with a secret of another length than 64",
            "use a secret of exactly 64 characters", Strong "https://learn.microsoft.com/microsoft-365/frontline/shifts-custom-wfm-integration";
        "integration-without-tls" Error shifts::integration_without_tls, "integration with an address without TLS",
            "give the integration an `https` address", Medium "https://learn.microsoft.com/microsoft-365/frontline/shifts-custom-wfm-integration";
        "integration-without-encryption" Warning shifts::integration_without_encryption, "integration created without encryption",
            "give the integration an `encryption` with a secret", Medium "https://learn.microsoft.com/graph/api/resources/workforceintegrationencryption";
        "several-integrations" Warning shifts::several_integrations, "several integrations bound to one schedule",
            "bind one integration to a schedule", Medium "https://learn.microsoft.com/microsoft-365/frontline/shifts-custom-wfm-integration";
        "no-passthrough" Warning shifts::no_passthrough, "integration consulted about its own change",
            "send the integration's id in `X-MS-WFMPassthrough`", Medium "https://learn.microsoft.com/microsoft-365/frontline/shifts-custom-wfm-integration";
        "connector-status" Error shifts::connector_status, "connector answered with another status than 200",
            "answer 200, and put the decision in the items", Strong "https://learn.microsoft.com/microsoft-365/frontline/shifts-custom-wfm-integration";
        "connector-silent" Error shifts::connector_silent, "connector without an answer in time",
            "answer within 30 seconds, and do the work later", Medium "https://learn.microsoft.com/microsoft-365/frontline/shifts-custom-wfm-integration";
        "connector-undecided" Warning shifts::connector_undecided, "connector acknowledged without deciding",
            "answer each element with an item of its id and a status", Medium "https://learn.microsoft.com/microsoft-365/frontline/shifts-custom-wfm-integration";
    }
    "Headers and connections" {
        "no-client-request-id" Note transport::no_client_request_id, "requests without client-request-id",
            "send a new GUID with each request: support can find it", Strong "https://learn.microsoft.com/graph/best-practices-concept#reliability-and-support";
        "shared-client-request-id" Warning transport::shared_client_request_id, "one client-request-id for many requests",
            "send a new GUID with each request", Strong "https://learn.microsoft.com/graph/best-practices-concept#reliability-and-support";
        "no-user-agent" Note transport::no_user_agent, "no User-Agent of the client's own",
            "name the application and its version in `User-Agent`", Medium "https://www.rfc-editor.org/rfc/rfc9110#name-user-agent";
        "no-accept-language" Note transport::no_accept_language, "errors for users without Accept-Language",
            "send the user's language if error messages are shown", Weak "https://www.rfc-editor.org/rfc/rfc9110#name-accept-language";
        "new-connections" Warning transport::new_connections, "new connection for each request",
            "keep connections open, with one client for all requests", Strong "https://www.rfc-editor.org/rfc/rfc9112#name-persistence";
        "http-1-0" Warning transport::http_1_0, "HTTP/1.0 spoken",
            "use HTTP/1.1 or HTTP/2", Medium "https://www.rfc-editor.org/rfc/rfc9112";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_a_name_of_its_own_and_a_public_source() {
        for (index, rule) in RULES.iter().enumerate() {
            assert!(RULES[..index].iter().all(|other| other.name != rule.name), "duplicate rule {}", rule.name);
            assert!(rule.source.starts_with("https://"), "{}: a source is a page", rule.name);
            let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            assert!(rule.name.bytes().all(is_name), "{}", rule.name);
            assert!(!rule.title.ends_with('.') && !rule.better.ends_with('.'), "{}: phrases have no full stop", rule.name);
        }
    }
}
