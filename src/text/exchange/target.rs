//! Targets of requests: relative to the base address of the service, or a whole address.

/// The template at the start of a target that is relative to the base address.
pub(super) const BASE: &str = "{{base}}";

/// Returns whether a target is a whole address, that is, a request to another service than the file's own.
pub(crate) fn is_absolute(target: &str) -> bool {
    target.starts_with("http://") || target.starts_with("https://")
}
