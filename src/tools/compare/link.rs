//! Parts of links that a comparison ignores or follows: the host, and the token of the next page.

use crate::world::name;

/// Returns what follows scheme, host, and the name of a world in an address; other text is returned unchanged.
pub(super) fn without_host(text: &str) -> &str {
    match text.split_once("://") {
        Some((scheme, rest)) if scheme.bytes().all(|byte| byte.is_ascii_alphabetic()) => {
            let path = rest.find('/').map_or("", |start| &rest[start..]);
            &path[name::prefix_of(path).len()..]
        }
        _ => text,
    }
}

/// Splits a link to the next page or to later changes into the link without its token, and the token.
pub(super) fn split_token(link: &str) -> Option<(String, &str)> {
    const NAMES: [&str; 4] = ["$skiptoken=", "%24skiptoken=", "$deltatoken=", "%24deltatoken="];
    let lower = link.to_ascii_lowercase();
    let start = NAMES.iter().find_map(|name| lower.find(name).map(|at| at + name.len()))?;
    let length = link[start..].find('&').unwrap_or(link.len() - start);
    Some((format!("{}{}", &link[..start], &link[start + length..]), &link[start..start + length]))
}
