//! The schema and what it types: CSDL, values, patches, enums, dates, addresses.

pub mod address;
pub mod date_time;
pub mod enums;
pub mod patch;
pub mod pattern;
pub mod schema;
pub mod segment;
pub mod value;
