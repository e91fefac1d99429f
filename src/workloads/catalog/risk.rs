//! Risks of users and service principals, which an administrator settles.
//!
//! Medium (learn.microsoft.com/graph/api/riskyuser-dismiss, riskyuser-confirmcompromised, riskyuser-confirmsafe and the pages beside them on service
//! principals: the levels; resources/riskyuser: states and details by their names). Ids of others are ignored (none).

use super::stored;
use crate::edm::address::EntityAddress;
use crate::edm::value::Value;
use crate::odata::error::Error;
use crate::odata::read::Argument;
use crate::world::workload::{OperationReply, OperationRequest, OperationRow};

/// State, level and detail of a risk that is settled.
type Settled = (&'static str, &'static str, &'static str);

#[rustfmt::skip]
pub(super) const OPERATIONS: &[OperationRow] = &[
    ("dismiss", "riskyUser", |request| settle(request, "userIds", ("dismissed", "none", "adminDismissedAllRiskForUser"))),
    ("confirmSafe", "riskyUser", |request| settle(request, "userIds", ("confirmedSafe", "none", "adminConfirmedAccountSafe"))),
    ("confirmCompromised", "riskyUser", |request| {
        settle(request, "userIds", ("confirmedCompromised", "high", "adminConfirmedUserCompromised"))
    }),
    ("dismiss", "riskyServicePrincipal", |request| {
        settle(request, "servicePrincipalIds", ("dismissed", "none", "adminDismissedAllRiskForServicePrincipal"))
    }),
    ("confirmCompromised", "riskyServicePrincipal", |request| {
        settle(request, "servicePrincipalIds", ("confirmedCompromised", "high", "adminConfirmedServicePrincipalCompromised"))
    }),
];

fn settle(request: &OperationRequest<'_>, ids: &str, (state, level, detail): Settled) -> Result<OperationReply, Error> {
    let Argument::Value(Value::Collection(ids)) = request.argument(ids) else { return Ok(OperationReply::Nothing) };
    for id in ids.iter() {
        let Value::String(key) = id else { continue };
        let address = EntityAddress { collection: request.collection.clone(), key: key.clone() };
        stored::change(request, &address, |values| {
            values.set_member("riskState", state);
            values.set_member("riskLevel", level);
            values.set_member("riskDetail", detail);
            values.set("riskLastUpdatedDateTime", stored::now(request));
        })?;
    }
    Ok(OperationReply::Nothing)
}
