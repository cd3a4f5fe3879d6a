//! Which addresses belong to the public internet, and which to somebody's own network.
//!
//! By the registries of special-purpose addresses (RFC 6890, RFC 8190, as IANA keeps them). What is not plainly public is
//! not public: an address that is refused in error fails an entry, one that is let through in error opens a door.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

use crate::error::TransferError;

/// May haul connect there, as a guest of the public internet?
pub fn is_public(address: IpAddr) -> bool {
    why_not(address).is_none()
}

/// The names under which clouds hand out keys to whoever asks from within.
const METADATA: [&str; 4] = ["metadata.google.internal", "metadata.goog", "metadata", "instance-data"];

/// Refuses a URL whose host needs no lookup to be known for no public one.
pub(crate) fn allow_host(url: &Url) -> Result<(), TransferError> {
    match url.host() {
        Some(Host::Ipv4(address)) => allow(address.into()),
        Some(Host::Ipv6(address)) => allow(address.into()),
        Some(Host::Domain(name)) if METADATA.contains(&name.trim_end_matches('.')) => {
            let what = format!("{name} is a cloud's metadata service");
            Err(TransferError::NotPublic(what))
        }
        Some(Host::Domain(_)) | None => Ok(()),
    }
}

/// Refuses an address that is not public.
pub(crate) fn allow(address: IpAddr) -> Result<(), TransferError> {
    let Some(kind) = why_not(address) else { return Ok(()) };
    let what = match address {
        IpAddr::V6(outer) => match embedded(outer) {
            Some(inner) => format!("{address} stands for {inner}, {kind}"),
            None => format!("{address} is {kind}"),
        },
        IpAddr::V4(_) => format!("{address} is {kind}"),
    };
    Err(TransferError::NotPublic(what))
}

/// What kind of address it is, if it is not public.
fn why_not(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => why_not_v4(address),
        IpAddr::V6(address) => match embedded(address) {
            Some(inner) => why_not_v4(inner),
            None => why_not_v6(address),
        },
    }
}

fn why_not_v4(address: Ipv4Addr) -> Option<&'static str> {
    Some(match address.octets() {
        // AWS and most others; Azure's host, which is of a public range; Alibaba; Oracle.
        [169, 254, 169, 254] | [168, 63, 129, 16] | [100, 100, 100, 200] | [192, 0, 0, 192] => METADATA_ADDRESS,
        [0, 0, 0, 0] => "the unspecified address",
        // RFC 791, RFC 1122 section 3.2.1.3.
        [0, ..] => "an address of this network",
        // RFC 1918.
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => "a private address",
        // RFC 6598.
        [100, 64..=127, ..] => "a carrier's shared address",
        [127, ..] => "a loopback address",
        // RFC 3927.
        [169, 254, ..] => "a link-local address",
        // RFC 5737.
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => "an address for documentation",
        // RFC 2544.
        [198, 18 | 19, ..] => "an address for benchmarks",
        [224..=239, ..] => "a multicast address",
        [255, 255, 255, 255] => "the broadcast address",
        // RFC 6890, RFC 7526, RFC 1112 section 4.
        [192, 0, 0, _] | [192, 88, 99, _] | [240..=255, ..] => "a reserved address",
        _ => return None,
    })
}

const METADATA_ADDRESS: &str = "a cloud's metadata service";

fn why_not_v6(address: Ipv6Addr) -> Option<&'static str> {
    Some(match address.segments() {
        // AWS.
        [0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254] => METADATA_ADDRESS,
        [0, 0, 0, 0, 0, 0, 0, 0] => "the unspecified address",
        [0, 0, 0, 0, 0, 0, 0, 1] => "a loopback address",
        // RFC 4291 section 2.5.5.1.
        [0, 0, 0, 0, 0, 0, ..] => "an IPv4-compatible address",
        // RFC 8215: of a translator of somebody's own.
        [0x64, 0xff9b, 1, ..] => "a local address of a translator",
        // RFC 4193.
        [0xfc00..=0xfdff, ..] => "a unique local address",
        [0xfe80..=0xfebf, ..] => "a link-local address",
        // RFC 3879.
        [0xfec0..=0xfeff, ..] => "a site-local address",
        [0xff00..=0xffff, ..] => "a multicast address",
        // RFC 3849, RFC 9637.
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => "an address for documentation",
        // RFC 5180.
        [0x2001, 2, 0, ..] => "an address for benchmarks",
        // RFC 2928: Teredo (RFC 4380), which may hold any IPv4 address, ORCHID, anycasts. No server is there.
        [0x2001, 0..=0x1ff, ..] => "a reserved address",
        // RFC 4291 section 2.4: what is given to anybody begins with 001.
        [0x2000..=0x3fff, ..] => return None,
        _ => "a reserved address",
    })
}

/// The IPv4 address that is reached by this one: mapped (RFC 4291 section 2.5.5.2), by the well-known prefix of
/// translators (RFC 6052 section 2.1), by 6to4 (RFC 3056). A translator with a prefix of its own cannot be told.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let ([0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..]) =
        address.segments()
    else {
        return None;
    };
    let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
    Some(Ipv4Addr::new(a, b, c, d))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The first and the last address of each range that is refused, and its public neighbours.
    const V4: &[(&str, &str)] = &[
        ("0.0.0.0", "unspecified"),
        ("0.0.0.1", "this network"),
        ("0.255.255.255", "this network"),
        ("1.0.0.0", ""),
        ("9.255.255.255", ""),
        ("10.0.0.0", "private"),
        ("10.255.255.255", "private"),
        ("11.0.0.0", ""),
        ("100.63.255.255", ""),
        ("100.64.0.0", "shared"),
        ("100.100.100.200", "metadata"),
        ("100.127.255.255", "shared"),
        ("100.128.0.0", ""),
        ("126.255.255.255", ""),
        ("127.0.0.0", "loopback"),
        ("127.0.0.1", "loopback"),
        ("127.255.255.255", "loopback"),
        ("128.0.0.0", ""),
        ("168.63.129.15", ""),
        ("168.63.129.16", "metadata"),
        ("168.63.129.17", ""),
        ("169.253.255.255", ""),
        ("169.254.0.0", "link-local"),
        ("169.254.169.254", "metadata"),
        ("169.254.255.255", "link-local"),
        ("169.255.0.0", ""),
        ("172.15.255.255", ""),
        ("172.16.0.0", "private"),
        ("172.31.255.255", "private"),
        ("172.32.0.0", ""),
        ("191.255.255.255", ""),
        ("192.0.0.0", "reserved"),
        ("192.0.0.192", "metadata"),
        ("192.0.0.255", "reserved"),
        ("192.0.1.0", ""),
        ("192.0.2.0", "documentation"),
        ("192.0.2.255", "documentation"),
        ("192.0.3.0", ""),
        ("192.88.98.255", ""),
        ("192.88.99.1", "reserved"),
        ("192.88.100.0", ""),
        ("192.167.255.255", ""),
        ("192.168.0.0", "private"),
        ("192.168.255.255", "private"),
        ("192.169.0.0", ""),
        ("198.17.255.255", ""),
        ("198.18.0.0", "benchmarks"),
        ("198.19.255.255", "benchmarks"),
        ("198.20.0.0", ""),
        ("198.51.99.255", ""),
        ("198.51.100.0", "documentation"),
        ("198.51.101.0", ""),
        ("203.0.112.255", ""),
        ("203.0.113.255", "documentation"),
        ("203.0.114.0", ""),
        ("223.255.255.255", ""),
        ("224.0.0.0", "multicast"),
        ("239.255.255.255", "multicast"),
        ("240.0.0.0", "reserved"),
        ("255.255.255.254", "reserved"),
        ("255.255.255.255", "broadcast"),
        ("8.8.8.8", ""),
        ("93.184.216.34", ""),
    ];

    const V6: &[(&str, &str)] = &[
        ("::", "unspecified"),
        ("::1", "loopback"),
        ("::2", "compatible"),
        ("::10.0.0.1", "compatible"),
        ("::8.8.8.8", "compatible"),
        ("::1:0:0", "reserved"),
        // Translated by a stateless translator (RFC 2765), and not mapped.
        ("::ffff:0:127.0.0.1", "reserved"),
        ("64:ff9b:1::8.8.8.8", "translator"),
        ("64:ff9b:1:ffff:ffff:ffff:ffff:ffff", "translator"),
        ("64:ff9b:2::1", "reserved"),
        ("64:ff9b::1:8.8.8.8", "reserved"),
        ("100::1", "reserved"),
        ("1fff:ffff::1", "reserved"),
        ("2000::1", ""),
        ("2001::1", "reserved"),
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", "reserved"),
        ("2001:2::1", "benchmarks"),
        ("2001:20::1", "reserved"),
        ("2001:1ff:ffff::1", "reserved"),
        ("2001:200::1", ""),
        ("2001:db7:ffff::1", ""),
        ("2001:db8::1", "documentation"),
        ("2001:db8:ffff::1", "documentation"),
        ("2001:db9::1", ""),
        ("2606:4700::6810:84e5", ""),
        ("2a00:1450:4001:830::200e", ""),
        ("3ffe:ffff::1", ""),
        ("3fff::1", "documentation"),
        ("3fff:fff:ffff::1", "documentation"),
        ("3fff:1000::1", ""),
        ("4000::1", "reserved"),
        ("5f00::1", "reserved"),
        ("fbff::1", "reserved"),
        ("fc00::1", "unique local"),
        ("fd00:ec2::253", "unique local"),
        ("fd00:ec2::254", "metadata"),
        ("fdff:ffff::1", "unique local"),
        ("fe00::1", "reserved"),
        ("fe80::1", "link-local"),
        ("febf:ffff::1", "link-local"),
        ("fec0::1", "site-local"),
        ("feff::1", "site-local"),
        ("ff02::1", "multicast"),
        ("ff0e::1", "multicast"),
    ];

    #[track_caller]
    fn is(address: IpAddr, kind: &str) {
        let why = why_not(address);
        let fits = match kind {
            "" => why.is_none(),
            kind => why.is_some_and(|why| why.contains(kind)),
        };
        assert!(fits, "{address}: {why:?} and not {kind:?}");
        assert_eq!(is_public(address), kind.is_empty());
    }

    #[test]
    fn what_is_special_is_not_public_and_its_neighbours_are() {
        for (address, kind) in V4.iter().chain(V6) {
            is(address.parse().unwrap(), kind);
        }
    }

    #[test]
    fn an_address_in_another_is_what_counts() {
        for (address, kind) in V4 {
            let [a, b, c, d] = address.parse::<Ipv4Addr>().unwrap().octets();
            let six_to_four = format!("2002:{a:02x}{b:02x}:{c:02x}{d:02x}:1::1");
            for outer in [format!("::ffff:{address}"), format!("64:ff9b::{address}"), six_to_four] {
                is(outer.parse().unwrap(), kind);
            }
        }
    }

    #[test]
    fn a_host_is_known_in_every_spelling() {
        for (url, says) in [
            ("http://127.0.0.1/", "127.0.0.1 is a loopback address"),
            ("http://127.1/", "127.0.0.1 is"),
            ("http://0x7f000001/", "127.0.0.1 is"),
            ("http://2130706433/", "127.0.0.1 is"),
            ("http://0177.0.0.1/", "127.0.0.1 is"),
            ("http://127.0.0.1./", "127.0.0.1 is"),
            ("http://①②⑦.0.0.1/", "127.0.0.1 is"),
            ("http://me:pw@[::1]:81/", "::1 is a loopback address"),
            (
                "http://[::ffff:169.254.169.254]/",
                "stands for 169.254.169.254, a cloud's metadata service",
            ),
            (
                "http://[0:0:0:0:0:ffff:a00:1]/",
                "stands for 10.0.0.1, a private address",
            ),
            (
                "http://metadata.google.internal/",
                "metadata.google.internal is a cloud's",
            ),
            (
                "http://METADATA.google.internal./",
                "metadata.google.internal. is a cloud's",
            ),
        ] {
            let said = allow_host(&Url::parse(url).unwrap()).unwrap_err().to_string();
            assert!(
                said.contains(says) && said.ends_with("--public-only refuses that"),
                "{url}: {said}"
            );
        }
        for url in [
            "http://93.184.216.34/",
            "http://example.org/",
            "http://[2606:4700::1]/",
            "http://localhost/",
        ] {
            assert!(allow_host(&Url::parse(url).unwrap()).is_ok(), "{url}");
        }
    }

    proptest! {
        /// What the standard library calls special is special here, too.
        #[test]
        fn nothing_that_the_standard_library_knows_is_public(bits in any::<u32>(), wide in any::<u128>()) {
            let four = Ipv4Addr::from_bits(bits);
            let known = four.is_private() || four.is_loopback() || four.is_link_local() || four.is_multicast()
                || four.is_broadcast() || four.is_documentation() || four.is_unspecified();
            prop_assert!(!known || !is_public(four.into()), "{}", four);
            let six = Ipv6Addr::from_bits(wide);
            let known = six.is_loopback() || six.is_unspecified() || six.is_multicast() || six.is_unique_local()
                || six.is_unicast_link_local();
            prop_assert!(!known || !is_public(six.into()), "{}", six);
        }
    }
}
