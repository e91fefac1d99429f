//! GET of the service's own resources: the service document and the schema.

use http::StatusCode;
use http::header::HeaderValue;

use crate::edm::schema::Model;
use crate::graph::context::OperationContext;
use crate::graph::meta::ResponseMeta;
use crate::graph::method::only_get;
use crate::graph::negotiate;
use crate::graph::request::Request;
use crate::graph::route::Resource;
use crate::graph::success::Success;
use crate::odata::error::Error;
use crate::odata::write::separate;
use crate::text::json::write_string;
use crate::world::World;

/// Answers a request to a resource other than stored entities.
pub(in crate::graph) fn answer(
    world: &World,
    request: &Request,
    meta: &ResponseMeta<'_>,
    resource: &Resource<'_>,
) -> Result<Success, Error> {
    only_get(world, &request.method)?;
    let format = || negotiate::accepted_format(world, request, meta);
    match resource {
        Resource::Metadata(model) => Ok(metadata(world, model)),
        Resource::Service(model) => Ok(service_document(&OperationContext::new(world, request, meta, model, &(), format()?))),
        Resource::Operation(..) | Resource::Entities(_) => unreachable!("operations and stored entities are answered elsewhere"),
    }
}

/// Returns the service document: the roots of a version (OData JSON Format 4.0, 5).
fn service_document(context: &OperationContext<'_, ()>) -> Success {
    let mut out = context.begin_body("", "", 200);
    separate(&mut out);
    out.extend_from_slice(b"\"value\":[");
    for (index, root) in context.model.roots().iter().enumerate() {
        let kind = if root.is_singleton { "Singleton" } else { "EntitySet" };
        out.extend_from_slice(if index > 0 { b",{\"name\":" } else { b"{\"name\":" });
        write_string(&mut out, &root.name);
        out.extend_from_slice(format!(",\"kind\":\"{kind}\",\"url\":").as_bytes());
        write_string(&mut out, &root.name);
        out.push(b'}');
    }
    out.extend_from_slice(b"]}");
    context.json(StatusCode::OK, out, Vec::new())
}

/// Returns the schema document. It is XML for every client: other formats are optional (OData 4.0 Part 1, 10.1).
fn metadata(world: &World, model: &Model) -> Success {
    let document = world.schema.document(model.version).clone();
    let body = Some((HeaderValue::from_static("application/xml"), document.into()));
    Success { status: StatusCode::OK, body, ..Success::no_content() }
}
