//! What Shifts makes of what came of a call.

use http::StatusCode;

use super::call::Outcome;

/// Returns why a handshake has failed, for people; nothing if it has not.
///
/// "A success response is returned only if this endpoint returns an HTTP `200 OK` response"
/// (learn.microsoft.com/microsoft-365/frontline/shifts-custom-wfm-integration). The body is not looked at.
pub fn handshake(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Answered { status, .. } if *status == StatusCode::OK => None,
        Outcome::Answered { status, .. } if status.is_redirection() => {
            Some(format!("the connector answered {}, expected 200; redirects are not followed", status.as_u16()))
        }
        Outcome::Answered { status, .. } => Some(format!("the connector answered {}, expected 200", status.as_u16())),
        Outcome::Failed(failure) => Some(format!("{}: {}", failure.name(), failure.reason())),
    }
}
