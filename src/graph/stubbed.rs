//! What is answered from recordings, where the model knows no path.

use http::header::{HeaderName, HeaderValue};

use super::respond::{self, Stamp};
use super::{Answer, Request, write_base_url};
use crate::odata::error::{self, Error};
use crate::tenant::Tenant;

/// Answers a refused request from a stub, if its path is unknown and there is one.
///
/// # Errors
///
/// Returns the refusal, which then tells the log what came closest.
pub(super) fn answer(tenant: &Tenant, request: &Request, stamp: &Stamp<'_>, error: Error) -> Result<Answer, Error> {
    let Some(stubs) = &tenant.stubs else { return Err(error) };
    if ![error::UNKNOWN_SEGMENT.name, error::INVALID_VERSION.name].contains(&error.refusal.name) {
        return Err(error);
    }
    let stub = match stubs.find(&request.method, request.path_and_query()) {
        Ok(stub) => stub,
        Err(closest) => {
            let detail = error.detail.as_deref().map_or_else(|| closest.clone(), |detail| format!("{detail}; {closest}"));
            return Err(error.with_detail(detail));
        }
    };
    let mut base = Vec::new();
    match &tenant.behaviors.base_url {
        Some(fixed) => base.extend_from_slice(fixed.as_bytes()),
        None => write_base_url(request, stamp.heads.host, &mut base),
    }
    let recorded = stub.answer(&String::from_utf8_lossy(&base));
    let headers = recorded.headers.iter().filter_map(|(name, value)| {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        Some((name, HeaderValue::from_bytes(value.as_bytes()).ok()?))
    });
    Ok(respond::recorded(stamp, recorded.status, headers, recorded.body))
}
