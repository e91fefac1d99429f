//! What the service says of itself: the service document and the schema.

use http::StatusCode;
use http::header::HeaderValue;

use super::OperationContext;
use super::respond::Success;
use crate::edm::schema::Model;
use crate::odata::write::separate;
use crate::text::json::write_string;
use crate::world::World;

/// Lists what stands right under the version (OData JSON Format 4.0, 5).
pub(super) fn service(context: &OperationContext<'_, ()>) -> Success {
    let mut out = context.begin_at("", "", 200);
    separate(&mut out);
    out.extend_from_slice(b"\"value\":[");
    for (index, root) in context.model.roots().iter().enumerate() {
        let kind = if root.set.is_some() { "EntitySet" } else { "Singleton" };
        out.extend_from_slice(if index > 0 { b",{\"name\":" } else { b"{\"name\":" });
        write_string(&mut out, &root.name);
        out.extend_from_slice(format!(",\"kind\":\"{kind}\",\"url\":").as_bytes());
        write_string(&mut out, &root.name);
        out.push(b'}');
    }
    out.extend_from_slice(b"]}");
    context.shown(StatusCode::OK, out, Vec::new())
}

/// Shows the schema as it was read. Whatever the client accepts, it is XML: a service need not have another form
/// (OData 4.0 Part 1, 10.1).
pub(super) fn metadata(world: &World, model: &Model) -> Success {
    let document = world.schema.document(model.version).as_bytes().to_vec();
    let body = Some((HeaderValue::from_static("application/xml"), document));
    Success { status: StatusCode::OK, body, location: None, preference_applied: None, decided: Vec::new(), change: None }
}
