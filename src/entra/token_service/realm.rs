//! The first segment of a path: a tenant by id or domain, or a shared name.

use uuid::Uuid;

use crate::entra::registry::verified_domains;
use crate::entra::token::PERSONAL_TENANT;
use crate::odata::error::Error;
use crate::policy::refusal;
use crate::world::World;
use crate::world::fixture::directory::{User, is_tenant_name};

/// Returns the tenant id of the first segment of a path.
pub(super) fn tenant_id(realm: &str, world: &World) -> Result<String, Error> {
    let directory = &world.directory;
    if !is_tenant_name(realm) {
        return Err(Error::new(&refusal::ENTRA_TENANT, &[realm]));
    }
    if realm.eq_ignore_ascii_case("consumers") {
        return Ok(PERSONAL_TENANT.to_owned());
    }
    let id = Uuid::try_parse(realm).map(|id| id.to_string());
    let is_known = match &id {
        // Each tenant can be a world.
        Ok(_) if !directory.is_bounded || world.is_named_by_token => true,
        Ok(id) => *id == directory.tenant_id || id == PERSONAL_TENANT,
        Err(_) => is_shared(realm) || is_domain(realm, world),
    };
    if !is_known {
        return Err(Error::new(&refusal::ENTRA_UNKNOWN_TENANT, &[realm]));
    }
    // Domains and shared names mean the directory of the world.
    Ok(id.unwrap_or_else(|_| directory.tenant_id.clone()))
}

/// Returns whether a domain is one of the tenant: of the directory file, else of its users or of the organization. Without a file every
/// domain is.
pub(super) fn is_domain(name: &str, world: &World) -> bool {
    let directory = &world.directory;
    let is = |domain: &str| domain.eq_ignore_ascii_case(name);
    if !directory.is_bounded || directory.own_domain.as_deref().is_some_and(is) {
        return true;
    }
    if let Some(domains) = &directory.domains {
        return domains.iter().any(|domain| is(domain));
    }
    let of_user = |user: &User| user.user_principal_name.rsplit_once('@').is_some_and(|(_, domain)| is(domain));
    directory.users.iter().flatten().any(of_user) || verified_domains(world).iter().any(|domain| is(domain))
}

/// Returns whether a segment is a shared name instead of a tenant.
pub(super) fn is_shared(realm: &str) -> bool {
    ["common", "organizations"].iter().any(|shared| realm.eq_ignore_ascii_case(shared))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_segment_is_an_id_a_domain_or_a_shared_name() {
        let world = World::new(crate::workloads::settings());
        let id = |realm: &str| tenant_id(realm, &world).ok();
        let home = Some(crate::world::fixture::directory::HOME_TENANT.to_owned());
        for realm in ["common", "organizations", "contoso.onmicrosoft.com", "x_1"] {
            assert_eq!(id(realm), home, "{realm}");
        }
        assert_eq!(id("CONSUMERS").as_deref(), Some(PERSONAL_TENANT));
        let upper = "88888888-8888-8888-8888-88888888888A";
        assert_eq!(id(upper), Some(upper.to_lowercase()));
        for realm in ["", "a b", "a%20b", "\"", "<x>", "é", &"x".repeat(254)] {
            assert_eq!(id(realm), None, "{realm}");
        }
    }
}
