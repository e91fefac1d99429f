//! Headers on the use of limits, which some workloads send (behavior `limit-headers`).

use http::StatusCode;
use http::header::{HeaderName, HeaderValue};

use crate::edm::schema::LimitHeaders;
use crate::entra::caller::{self, Caller};
use crate::graph::request::Request;
use crate::graph::route::{self, Lookup, Resource};
use crate::odata::purse::Purse;
use crate::policy::behavior;
use crate::world::World;
use crate::world::fault::{Effect, FaultDecision, LimitUsage, LimitedKind};

const THROTTLE_PERCENTAGE: HeaderName = HeaderName::from_static("x-ms-throttle-limit-percentage");
const THROTTLE_SCOPE: HeaderName = HeaderName::from_static("x-ms-throttle-scope");
const THROTTLE_INFORMATION: HeaderName = HeaderName::from_static("x-ms-throttle-information");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const RATE_REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RATE_RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// The id of an application that no token names.
const UNKNOWN_APPLICATION: &str = "00000000-0000-0000-0000-000000000000";

/// Returns the headers on limits of the answer to a request under a decision of the fault rules.
pub(super) fn headers(world: &World, request: &Request, decision: &FaultDecision) -> Vec<(HeaderName, HeaderValue)> {
    let is_refused = match &decision.effect {
        Effect::Answer(failure) => {
            let status = failure.status.map_or(failure.refusal.status, |status| status.as_u16());
            status == StatusCode::TOO_MANY_REQUESTS.as_u16()
        }
        _ => false,
    };
    if world.behaviors.limit_headers == behavior::LimitHeaders::None || !is_refused && decision.usage.is_none() {
        return Vec::new();
    }
    // The headers are left out if the entities of the path have to be searched for long.
    let purse = Purse::prompt();
    let resolved = route::resolve(&world.schema, &Lookup::of(world, &request.headers, &purse), request.path());
    let Ok(Resource::Entities(route)) = resolved else { return Vec::new() };
    let texts = match route.structured().rare().limit_headers {
        Some(LimitHeaders::Throttle) => throttle(world, request, decision, is_refused),
        Some(LimitHeaders::RateLimit) => rate_limit(request, decision),
        None => Vec::new(),
    };
    texts.into_iter().filter_map(|(name, text)| Some((name, HeaderValue::try_from(text).ok()?))).collect()
}

/// Returns the headers of the directory: the scope and the reason with a refusal, else the used part of a limit.
fn throttle(world: &World, request: &Request, decision: &FaultDecision, is_refused: bool) -> Vec<(HeaderName, String)> {
    if !is_refused {
        // The documentation has values from 0.8 to 1.8, above 0.8 of a limit.
        let part = decision.usage.map(LimitUsage::part).filter(|part| *part > 0.8);
        return part.map(|part| (THROTTLE_PERCENTAGE, format!("{:.2}", part.min(1.8)))).into_iter().collect();
    }
    let (kind, information) = match decision.limited {
        LimitedKind::Read => ("Read", "ResourceUnitLimitExceeded"),
        LimitedKind::Write => ("Write", "WriteLimitExceeded"),
        LimitedKind::Any => ("ReadWrite", "ResourceUnitLimitExceeded"),
    };
    let (_, application) = caller::object_and_client(&request.headers);
    let application = application.unwrap_or_else(|| UNKNOWN_APPLICATION.to_owned());
    let tenant = caller::tenant_id(&request.headers).unwrap_or_else(|| world.directory.tenant_id.clone());
    vec![
        (THROTTLE_SCOPE, format!("Tenant_Application/{kind}/{application}/{tenant}")),
        (THROTTLE_INFORMATION, information.to_owned()),
    ]
}

/// Returns the headers of files, which users do not get.
fn rate_limit(request: &Request, decision: &FaultDecision) -> Vec<(HeaderName, String)> {
    let Some(usage) = decision.usage.filter(|_| !matches!(caller::caller(&request.headers), Caller::User(_))) else {
        return Vec::new();
    };
    vec![
        (RATE_LIMIT, usage.limit.to_string()),
        (RATE_REMAINING, usage.limit.saturating_sub(usage.used).to_string()),
        (RATE_RESET, usage.left.as_secs_f64().ceil().to_string()),
    ]
}
