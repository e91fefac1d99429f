//! Refusals of unsupported methods.

use http::Method;

use crate::odata::error::Error;
use crate::policy::behavior::WrongMethod;
use crate::policy::refusal;
use crate::world::World;

/// Checks the method of a request to a resource that supports only GET.
///
/// # Errors
///
/// Fails for any other method.
pub(super) fn only_get(world: &World, method: &Method) -> Result<(), Error> {
    if method == Method::GET { Ok(()) } else { Err(wrong_method(world, method, &[Method::GET])) }
}

/// Returns the refusal of an unsupported method.
pub(super) fn wrong_method(world: &World, method: &Method, expected: &[Method]) -> Error {
    let names: Vec<&str> = expected.iter().map(Method::as_str).collect();
    let expected = match &*names {
        [others @ .., last] if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        _ => names.concat(),
    };
    let refusal = match world.behaviors.wrong_method {
        WrongMethod::UnknownError => &refusal::UNROUTED_METHOD,
        WrongMethod::MethodNotAllowed => &refusal::METHOD_NOT_ALLOWED,
    };
    Error::new(refusal, &[]).with_detail(format!("found {method}, expected {expected}"))
}
