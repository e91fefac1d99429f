//! The first segment of a path: a tenant by id or domain, or a shared name.

use uuid::Uuid;

use crate::entra::token::PERSONAL_TENANT;
use crate::odata::error::Error;
use crate::policy::refusal;
use crate::world::fixture::directory::{Directory, is_tenant_name};

/// Returns the tenant id of the first segment of a path.
pub(super) fn tenant_id(realm: &str, directory: &Directory) -> Result<String, Error> {
    if !is_tenant_name(realm) {
        return Err(Error::new(&refusal::ENTRA_TENANT, &[realm]));
    }
    if realm.eq_ignore_ascii_case("consumers") {
        return Ok(PERSONAL_TENANT.to_owned());
    }
    let id = Uuid::try_parse(realm).map(|id| id.to_string());
    if let Some(domains) = &directory.domains {
        let is_known = match &id {
            Ok(id) => *id == directory.tenant_id || id == PERSONAL_TENANT,
            Err(_) => is_shared(realm) || domains.iter().any(|domain| domain.eq_ignore_ascii_case(realm)),
        };
        if !is_known {
            return Err(Error::new(&refusal::ENTRA_UNKNOWN_TENANT, &[realm]));
        }
    }
    // Domains and shared names mean the directory of the world.
    Ok(id.unwrap_or_else(|_| directory.tenant_id.clone()))
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
        let id = |realm: &str| tenant_id(realm, &Directory::default()).ok();
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
