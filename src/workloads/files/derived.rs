//! Values of new files and folders that follow from others.

use crate::edm::schema::{PropertyType, StructuredType};
use crate::edm::value::{Complex, Value};
use crate::text::json::quoted;
use crate::world::workload::{Derived, DerivedValue, NewEntity, text_of};

/// Strong: the forms recorded in pnp/pnpcore.
pub(super) static DERIVED: [Derived; 1] = [Derived { type_name: "driveItem", property: "parentReference", value: parent }];

/// Returns the folder of an item: that of its path, or the root of the drive.
fn parent(item: &NewEntity<'_>) -> Option<DerivedValue> {
    let drive = item.holder_id("drive")?;
    let mut members = format!(r#""driveId":{},"driveType":"business""#, quoted(&drive));
    if let Some((folder, structured)) = item.holder("driveItem") {
        let root = format!("/drives/{drive}/root:");
        let is_root = structured.slot("root").is_some_and(|slot| *folder.properties.get(slot) != Value::Null);
        let path = if is_root { Some(root) } else { path_of(item, &folder.properties, structured) };
        members.push_str(&format!(r#","id":{}"#, quoted(&item.holder_id("driveItem")?)));
        if let Some(path) = path {
            members.push_str(&format!(r#","path":{}"#, quoted(&path)));
        }
    }
    Some(DerivedValue::Json(format!("{{{members}}}")))
}

/// Returns the path of a folder, from the reference to its own folder.
fn path_of(item: &NewEntity<'_>, folder: &Complex, structured: &StructuredType) -> Option<String> {
    let property = &structured.properties[structured.property("parentReference")?];
    let (PropertyType::Complex(id), Value::Complex(reference)) = (property.kind, folder.get(property.slot)) else { return None };
    let above = text_of(item.model.structured(id), reference, "path")?;
    Some(format!("{above}/{}", text_of(structured, folder, "name")?))
}
