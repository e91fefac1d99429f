//! Addresses that requests may go to.

use std::net::{IpAddr, Ipv6Addr};

/// The addresses that a request may go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AddressPolicy {
    /// All addresses.
    Any,
    /// Loopback addresses and those of private networks.
    Local,
    /// Those, and public addresses. Link-local ones, where cloud machines have their metadata services, are excluded as for `Local`.
    LocalOrPublic,
}

impl AddressPolicy {
    pub(super) fn allows(self, address: IpAddr) -> bool {
        match self {
            AddressPolicy::Any => true,
            AddressPolicy::Local => is_local(address),
            AddressPolicy::LocalOrPublic => is_local(address) || is_public(address),
        }
    }
}

/// Unique local addresses of the metadata services of Amazon, Google and Oracle, which hand credentials to any caller.
const METADATA: [Ipv6Addr; 3] = [
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0xc1, 0, 0, 0, 0, 0xa9fe, 0xa9fe),
];

/// Whether an address belongs to this machine or a private network. Link-local addresses do not count: cloud machines have their
/// metadata services there.
fn is_local(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => address.is_loopback() || address.is_private(),
        IpAddr::V6(address) => address.is_loopback() || (address.is_unique_local() && !METADATA.contains(&address)),
    }
}

/// Whether an address is outside of this machine and its networks.
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            !address.is_private()
                && !address.is_link_local()
                && !address.is_multicast()
                && !matches!(address.octets(), [0 | 240.., ..])
        }
        IpAddr::V6(address) => {
            !address.is_unspecified() && !address.is_unique_local() && !address.is_unicast_link_local() && !address.is_multicast()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_and_private_addresses_are_local_and_no_others() {
        let is = |text: &str| is_local(text.parse().unwrap());
        for address in ["127.0.0.1", "127.1.2.3", "10.0.0.1", "172.16.0.1", "192.168.1.1", "::1", "fd00::1", "::ffff:127.0.0.1"] {
            assert!(is(address), "{address}");
        }
        for address in ["192.0.2.1", "169.254.169.254", "0.0.0.0", "2001:db8::1", "fe80::1", "fd00:ec2::254", "::ffff:192.0.2.1"]
        {
            assert!(!is(address), "{address}");
        }
    }

    #[test]
    fn link_local_addresses_and_those_of_metadata_services_are_neither_local_nor_public() {
        let allows = |text: &str| AddressPolicy::LocalOrPublic.allows(text.parse().unwrap());
        for address in ["127.0.0.1", "10.0.0.1", "fd00::1", "192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1"] {
            assert!(allows(address), "{address}");
        }
        for address in [
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "0.0.0.0",
            "::",
            "fe80::1",
            "fd00:ec2::254",
            "224.0.0.1",
            "ff02::1",
            "255.255.255.255",
        ] {
            assert!(!allows(address), "{address}");
        }
    }
}
