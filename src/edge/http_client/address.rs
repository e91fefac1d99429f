//! Addresses that requests may go to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The addresses that a request may go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AddressPolicy {
    /// All addresses.
    Any,
    /// Loopback addresses and those of private networks.
    Local,
    /// Those, and public addresses. Reserved ones are excluded as for `Local`.
    LocalOrPublic,
}

/// The place of an address, for the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AddressKind {
    /// This machine or a private network.
    Local,
    /// Elsewhere.
    Public,
    /// Neither: link-local addresses, those at which clouds have their metadata services, and those of groups of hosts.
    Reserved,
}

impl AddressPolicy {
    pub(super) fn allows(self, address: IpAddr) -> bool {
        match self {
            AddressPolicy::Any => true,
            AddressPolicy::Local => kind_of(address) == AddressKind::Local,
            AddressPolicy::LocalOrPublic => kind_of(address) != AddressKind::Reserved,
        }
    }
}

/// Addresses outside of the link-local ranges at which clouds have their metadata services, which hand credentials to any caller: those of
/// Azure, Alibaba Cloud and Oracle Cloud (learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16,
/// alibabacloud.com/help/en/ecs/user-guide/view-instance-metadata).
const METADATA_V4: [Ipv4Addr; 3] =
    [Ipv4Addr::new(168, 63, 129, 16), Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(192, 0, 0, 192)];

/// Unique local addresses of the metadata services of Google, Oracle and Scaleway (reference/datasources/scaleway
/// in canonical/cloud-init).
const METADATA_V6: [Ipv6Addr; 3] = [
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0xc1, 0, 0, 0, 0, 0xa9fe, 0xa9fe),
    Ipv6Addr::new(0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42),
];

/// Whether a unique local address is that of a service that hands out credentials. Amazon has several in one range: `fd00:ec2::254` for machines,
/// `fd00:ec2::23` for containers (docs.aws.amazon.com/eks/latest/userguide/pod-id-agent-setup.html).
fn is_metadata_v6(address: Ipv6Addr) -> bool {
    METADATA_V6.contains(&address) || matches!(address.segments(), [0xfd00, 0xec2, ..])
}

/// Returns the place of an address.
pub(super) fn kind_of(address: IpAddr) -> AddressKind {
    match address.to_canonical() {
        IpAddr::V4(address) => kind_of_v4(address),
        IpAddr::V6(address) if address.is_loopback() => AddressKind::Local,
        IpAddr::V6(address) if address.is_unique_local() => {
            // A router of the site calls the address within.
            match translation(address) {
                _ if is_metadata_v6(address) => AddressKind::Reserved,
                Translation::To(within) => kind_of_v4(within),
                Translation::None | Translation::Unknown => AddressKind::Local,
            }
        }
        IpAddr::V6(address) if address.is_unspecified() || address.is_unicast_link_local() || address.is_multicast() => {
            AddressKind::Reserved
        }
        // A gateway calls the address within, which only public ones are for.
        IpAddr::V6(address) => match translation(address) {
            Translation::None => AddressKind::Public,
            Translation::To(within) if kind_of_v4(within) == AddressKind::Public => AddressKind::Public,
            Translation::To(_) | Translation::Unknown => AddressKind::Reserved,
        },
    }
}

fn kind_of_v4(address: Ipv4Addr) -> AddressKind {
    if address.is_loopback() || address.is_private() {
        AddressKind::Local
    } else if METADATA_V4.contains(&address)
        || address.is_link_local()
        || address.is_multicast()
        || matches!(address.octets(), [0 | 240.., ..])
    {
        AddressKind::Reserved
    } else {
        AddressKind::Public
    }
}

/// The translation of an IPv6 address by a gateway. A gateway whose network gives it a prefix of its own (RFC 6052, 2.2) is not recognized: its
/// addresses look like all others.
enum Translation {
    None,
    To(Ipv4Addr),
    /// In a form that a network chooses.
    Unknown,
}

fn translation(address: Ipv6Addr) -> Translation {
    let to = |high: u16, low: u16| Translation::To(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    match address.segments() {
        // NAT64 within a network (RFC 8215).
        [0x64, 0xff9b, 1, ..] => Translation::Unknown,
        // Teredo, whose bits are inverted (RFC 4380, 4).
        [0x2001, 0, _, _, _, _, high, low] => to(!high, !low),
        // NAT64 (RFC 6052, 2.1), without state (RFC 2765, 2.1), compatible addresses (RFC 4291, 2.5.5.1), 6to4 (RFC 3056, 2), and ISATAP
        // behind any prefix (RFC 5214, 6.1).
        [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0, 0, 0, 0, 0xffff | 0, 0, high, low]
        | [0x2002, high, low, ..]
        | [_, _, _, _, 0 | 0x200, 0x5efe, high, low] => to(high, low),
        _ => Translation::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_local_public_or_reserved() {
        for (kind, addresses) in [
            (
                AddressKind::Local,
                &[
                    "127.0.0.1",
                    "127.1.2.3",
                    "10.0.0.1",
                    "172.16.0.1",
                    "192.168.1.1",
                    "::1",
                    "fd00::1",
                    "fd00:ec3::254",
                    "fd00:42::43",
                    "fd12::5efe:10.0.0.1",
                    "::ffff:127.0.0.1",
                ][..],
            ),
            (
                AddressKind::Public,
                &[
                    "192.0.2.1",
                    "2001:db8::1",
                    "::ffff:192.0.2.1",
                    "168.63.129.17",
                    "100.100.100.201",
                    "64:ff9b::192.0.2.1",
                    "2002:c000:201::1",
                    "2001:db8::5efe:192.0.2.1",
                    "2001:db8::100:5efe:169.254.169.254",
                ],
            ),
            (
                AddressKind::Reserved,
                &[
                    "169.254.169.254",
                    "::ffff:169.254.169.254",
                    "0.0.0.0",
                    "::",
                    "fe80::1",
                    "fd00:ec2::254",
                    "fd00:ec2::23",
                    "fd20:ce::254",
                    "fd00:c1::a9fe:a9fe",
                    "fd00:42::42",
                    "224.0.0.1",
                    "ff02::1",
                    "255.255.255.255",
                    "168.63.129.16",
                    "100.100.100.200",
                    "192.0.0.192",
                    "::ffff:168.63.129.16",
                    "64:ff9b::169.254.169.254",
                    "64:ff9b::168.63.129.16",
                    "64:ff9b::10.0.0.1",
                    "64:ff9b::127.0.0.1",
                    "64:ff9b:1::192.0.2.1",
                    "::169.254.169.254",
                    "::ffff:0:169.254.169.254",
                    "2002:a9fe:a9fe::1",
                    "2001:db8::5efe:169.254.169.254",
                    "2001:db8::200:5efe:169.254.169.254",
                    "2001:db8::5efe:10.0.0.1",
                    "fd12::5efe:169.254.169.254",
                    // 169.254.169.254 inverted.
                    "2001:0:1:2:3:4:5601:5601",
                ],
            ),
        ] {
            for address in addresses {
                assert_eq!(kind_of(address.parse().unwrap()), kind, "{address}");
            }
        }
    }

    #[test]
    fn a_policy_allows_the_kinds_that_it_names() {
        let [local, public, reserved] = ["10.0.0.1", "192.0.2.1", "169.254.169.254"].map(|address| address.parse().unwrap());
        let allowed = |policy: AddressPolicy| [local, public, reserved].map(|address| policy.allows(address));
        assert_eq!(allowed(AddressPolicy::Local), [true, false, false]);
        assert_eq!(allowed(AddressPolicy::LocalOrPublic), [true, true, false]);
        assert_eq!(allowed(AddressPolicy::Any), [true, true, true]);
    }
}
