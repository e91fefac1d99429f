//! Values of new files and folders that follow from others.

use crate::edm::schema::{PropertyType, StructuredType};
use crate::edm::tag;
use crate::edm::value::{Complex, Value};
use crate::text::json::quoted;
use crate::world::workload::{Derived, DerivedValue, NewEntity, text_of};

/// Strong: the forms recorded in pnp/pnpcore.
pub(super) static DERIVED: [Derived; 2] = [
    Derived { type_name: "driveItem", property: "parentReference", value: parent },
    Derived { type_name: "driveItem", property: "cTag", value: content_tag },
];

/// Returns the folder of an item: that of its path, or the root of the drive.
fn parent(item: &NewEntity<'_>) -> Option<DerivedValue> {
    let drive = item.holder_id("drive");
    let mut members = Vec::new();
    if let Some(drive) = &drive {
        members.push(format!(r#""driveId":{}"#, quoted(drive)));
    }
    members.push(r#""driveType":"business""#.to_owned());
    // Before its drive is stored, it has the short form of the documentation.
    let root = drive.map_or_else(|| "/drive/root:".to_owned(), |drive| format!("/drives/{drive}/root:"));
    match item.holder("driveItem") {
        Some((folder, structured)) => {
            let is_root = structured.slot("root").is_some_and(|slot| *folder.properties.get(slot) != Value::Null);
            let path = if is_root { Some(root) } else { path_of(item, &folder.properties, structured) };
            members.push(format!(r#""id":{}"#, quoted(&item.holder_id("driveItem")?)));
            members.extend(path.map(|path| format!(r#""path":{}"#, quoted(&path))));
        }
        // The root is there before it is stored.
        None if item.ancestors.last().is_some_and(|last| *last.key == *"root") => {
            members.push(format!(r#""path":{}"#, quoted(&root)));
        }
        None => {}
    }
    Some(DerivedValue::Json(format!("{{{}}}", members.join(","))))
}

/// Returns the tag of a new file's content.
fn content_tag(item: &NewEntity<'_>) -> Option<DerivedValue> {
    let slot = item.structured.slot("content")?;
    let is_file = matches!(item.values.get(slot), Value::Media(_));
    is_file.then(|| DerivedValue::Copied(tag::of_content(item.values, &Value::Null)))
}

/// Returns the path of a folder, from the reference to its own folder.
fn path_of(item: &NewEntity<'_>, folder: &Complex, structured: &StructuredType) -> Option<String> {
    let property = &structured.properties[structured.property("parentReference")?];
    let (PropertyType::Complex(id), Value::Complex(reference)) = (property.kind, folder.get(property.slot)) else { return None };
    let above = text_of(item.model.structured(id), reference, "path")?;
    Some(format!("{above}/{}", text_of(structured, folder, "name")?))
}
