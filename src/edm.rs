//! The entity data model: CSDL, values, patches, enums, dates, addresses.

pub(crate) mod address;
pub(crate) mod date_time;
pub(crate) mod enums;
pub(crate) mod file_name;
pub(crate) mod key;
pub(crate) mod media;
pub(crate) mod patch;
pub(crate) mod pattern;
pub(crate) mod primitive;
pub(crate) mod schema;
pub(crate) mod segment;
pub(crate) mod tag;
pub(crate) mod time_zone;
pub(crate) mod value;
pub(crate) mod value_pool;
