//! Addresses to which the browser may be sent.

/// The longest address of a redirect.
const ADDRESS_LIMIT: usize = 2048;

/// Schemes that a browser runs or displays instead of opening an application.
const UNSAFE_SCHEMES: [&str; 8] = ["about", "blob", "data", "file", "filesystem", "javascript", "vbscript", "view-source"];

/// Returns the scheme of a safe address for a redirect: a loopback address, HTTPS, or the custom scheme of an application. Characters that
/// could break out of a header or a page are not safe.
pub(super) fn safe_scheme(address: &str) -> Option<String> {
    let is_plain = |byte: u8| {
        byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' | b'#')
    };
    if address.len() > ADDRESS_LIMIT || !address.bytes().all(is_plain) {
        return None;
    }
    let (scheme, rest) = address.split_once(':')?;
    let scheme = scheme.to_ascii_lowercase();
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_lowercase())
        && scheme.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.'));
    if !is_scheme || UNSAFE_SCHEMES.contains(&&*scheme) {
        return None;
    }
    if !matches!(&*scheme, "http" | "https") {
        return Some(scheme);
    }
    let authority = rest.strip_prefix("//")?.split(['/', '?']).next().unwrap_or_default();
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    // User info before the host would only hide the destination.
    let is_host = !host.is_empty() && !host.contains('@');
    let is_loopback = host.eq_ignore_ascii_case("localhost") || host == "[::1]" || host == "127.0.0.1";
    (is_host && (scheme == "https" || is_loopback)).then_some(scheme)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_lead_to_safe_addresses_only() {
        for address in [
            "http://localhost:8400/x?y=z",
            "http://127.0.0.1",
            "http://[::1]:1/",
            "HTTPS://app.contoso.com/cb",
            "msal00000000-0000-0000-0000-000000000000://auth",
            "urn:ietf:wg:oauth:2.0:oob",
        ] {
            assert!(safe_scheme(address).is_some(), "{address}");
        }
        for address in [
            "http://evil.com/",
            "http://localhost.evil.com/",
            "http://localhost@evil.com/",
            "https://localhost:1@evil.com/",
            "https://",
            "https:/x",
            "javascript:alert(1)",
            "JavaScript://x",
            "data:text/html,x",
            "https://a/\r\nSet-Cookie: x",
            "https://a/ b",
            "https://a/#x",
            "https://a/\"><script>",
            "https://a/é",
            "/relative",
            "",
            "1a:b",
        ] {
            assert_eq!(safe_scheme(address), None, "{address}");
        }
    }
}
