//! Operations of cases of eDiscovery.

use crate::edm::address::EntityAddress;
use crate::edm::patch::{NewValue, Patch, PropertyChange, Related, RelatedEntities};
use crate::edm::value::Value;
use crate::odata::error::Error;
use crate::workloads::catalog::stored;
use crate::world::workload::{OperationReply, OperationRequest, OperationRow};

pub(super) const OPERATIONS: &[OperationRow] = &[("estimateStatistics", "security.ediscoverySearch", estimate_statistics)];

/// learn.microsoft.com/graph/api/security-ediscoverysearch-estimatestatistics (medium): an operation of the case, which is done at once here. The
/// numbers of items stay unknown.
fn estimate_statistics(request: &OperationRequest<'_>) -> Result<OperationReply, Error> {
    let (world, model) = (request.world, request.model);
    let Some(search) = request.address() else { return Ok(OperationReply::Nothing) };
    let case = search.collection.holder.as_deref().and_then(|holder| EntityAddress::parse(&world.schema, model, holder));
    let Some(case) = case else { return Ok(OperationReply::Nothing) };
    let case_type = model.find_structured(world.schema.set(case.collection.set).target);
    let Some(navigation) = case_type.and_then(|case| case.navigation("operations")) else { return Ok(OperationReply::Nothing) };
    let Some(id) = model.type_named("security.ediscoveryEstimateOperation") else {
        return Ok(OperationReply::Nothing);
    };
    let structured = model.structured(id);
    let member = |property: &str, name: &str| {
        model.member(structured.properties[structured.property(property)?].kind, name).map(Value::Enum)
    };
    let values = [
        ("action", member("action", "estimateStatistics")),
        ("status", member("status", "succeeded")),
        ("percentProgress", Some(Value::Integer(100))),
        ("completedDateTime", Some(stored::now(request))),
    ];
    let changes = values
        .into_iter()
        .filter_map(|(name, value)| Some(PropertyChange { property: structured.property(name)?, to: NewValue::Set(value?) }));
    let link = structured.navigations.iter().position(|navigation| *navigation.name == *"search");
    let bound = || RelatedEntities::Bound(vec![search.text(&world.schema).into()]);
    let related = link.map(|navigation| Related { navigation, entities: bound() }).into_iter().collect();
    let patch = Patch { read_as: Some(id), changes: changes.collect(), related, ..Patch::default() };
    let place = case.collection.within(&world.schema, &case.key, navigation.set);
    let made = (request.create)(&place, &patch)?;
    Ok(OperationReply::AcceptedAt(made, None))
}
