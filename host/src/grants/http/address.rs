//! What an address is, for the question whether to connect to it. A function from addresses to words; no name is
//! resolved here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What stands against an address. The words fit behind "is".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Globally reachable.
    Public,
    /// Of this machine or of a private network: only where the operator named it.
    Private(&'static str),
    /// Never to be reached.
    Never(&'static str),
}

use Standing::{Never, Private, Public};

const LOOPBACK: &str = "a loopback address";
const PRIVATE: &str = "a private address";
const METADATA: &str = "a cloud metadata address";
const DOCUMENTATION: &str = "an address for documentation";
const BENCHMARK: &str = "an address for benchmarks";

/// Judges an address after the IANA special-purpose address registries and the metadata services that clouds publish.
/// An IPv6 address with an IPv4 address in it (mapped, compatible, NAT64, 6to4) stands as that one does.
pub fn standing(address: IpAddr) -> Standing {
    match address {
        IpAddr::V4(address) => ipv4(address),
        IpAddr::V6(address) => ipv6(address),
    }
}

/// Whether it is an address of this machine's loopback, the only ones that the name `localhost` may stand for.
pub(super) fn is_loopback(address: IpAddr) -> bool {
    standing(address) == Private(LOOPBACK)
}

fn ipv4(address: Ipv4Addr) -> Standing {
    match address.octets() {
        // Alibaba, Azure (the wire server), Oracle; the others are link-local.
        [169, 254, 169, 254] | [100, 100, 100, 200] | [168, 63, 129, 16] | [192, 0, 0, 192] => Never(METADATA),
        [169, 254, ..] => Never("a link-local address"),
        [255, 255, 255, 255] => Never("the broadcast address"),
        [0, ..] => Never("an unspecified address"),
        [224..=239, ..] => Never("a multicast address"),
        [240..=255, ..] | [192, 0, 0, _] | [192, 88, 99, _] => Never("a reserved address"),
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Never(DOCUMENTATION),
        [198, 18..=19, ..] => Never(BENCHMARK),
        [127, ..] => Private(LOOPBACK),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Private(PRIVATE),
        [100, 64..=127, ..] => Private("an address behind a carrier's NAT"),
        _ => Public,
    }
}

fn ipv6(address: Ipv6Addr) -> Standing {
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Never("the unspecified address"),
        [0, 0, 0, 0, 0, 0, 0, 1] => Private(LOOPBACK),
        // Compatible, mapped, translated (RFC 2765), NAT64.
        [0, 0, 0, 0, 0, 0, high, low]
        | [0, 0, 0, 0, 0, 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => ipv4(embedded(high, low)),
        [0x2002, high, low, ..] => ipv4(embedded(high, low)),
        // Amazon's services on the instance, Google, Oracle, Scaleway.
        [0xfd00, 0xec2, ..]
        | [0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254]
        | [0xfd00, 0xc1, 0, 0, 0, 0, 0xa9fe, 0xa9fe]
        | [0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42] => Never(METADATA),
        [0xfe80..=0xfebf, ..] => Never("a link-local address"),
        [0xfec0..=0xfeff, ..] => Never("a site-local address"),
        [0xff00..=0xffff, ..] => Never("a multicast address"),
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Never(DOCUMENTATION),
        [0x2001, 2, 0, ..] => Never(BENCHMARK),
        // Teredo and other protocols' own, among them ORCHID.
        [0x2001, 0..=0x1ff, ..] => Never("a reserved address"),
        [0xfc00..=0xfdff, ..] => Private(PRIVATE),
        [0x2000..=0x3fff, ..] => Public,
        // Discard only, SRv6, NAT64 of one's own, and what nobody was assigned.
        _ => Never("a reserved address"),
    }
}

fn embedded(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low))
}
