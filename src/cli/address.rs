//! Addresses that clients on this machine can use.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

/// Returns the base URL of a server; one that listens on all interfaces is reached by loopback.
pub(super) fn base_url(scheme: &str, address: SocketAddr) -> String {
    let mut reachable = address;
    if address.ip().is_unspecified() {
        reachable.set_ip(if address.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() });
    }
    format!("{scheme}://{reachable}")
}

/// Returns the host that reaches a server listening on `host`.
pub(super) fn reachable_host(host: &str) -> &str {
    match host {
        "0.0.0.0" => "127.0.0.1",
        "::" => "::1",
        host => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unspecified_address_is_reached_by_loopback() {
        assert_eq!(base_url("http", "0.0.0.0:80".parse().unwrap()), "http://127.0.0.1:80");
        assert_eq!(base_url("http", "[::]:80".parse().unwrap()), "http://[::1]:80");
        assert_eq!(base_url("http", "10.1.2.3:80".parse().unwrap()), "http://10.1.2.3:80");
    }
}
