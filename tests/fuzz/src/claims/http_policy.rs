//! The `http` capability's policy: a path that passes means one thing whoever decodes it, an allowed line covers what it says and no more,
//! an origin is what it is written as, and an address stands the same in all its spellings.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use pgreeve::grants::http::{Host, Line, Method, Origin, Standing, Target, standing};

/// Texts, each of them tried as a path, as an allowed line and as an origin; the first bytes are tried as addresses.
pub(super) fn holds(input: &[u8]) {
    let texts = super::texts(input);
    let targets: Vec<Target> = texts.iter().take(8).filter_map(|text| path(text)).collect();
    for text in &texts {
        if let Ok(line) = Line::parse(text) {
            assert_eq!(Line::parse(&line.to_string()).as_ref(), Ok(&line), "{text:?}");
            for target in &targets {
                let covered = line.covers(Method::Get, target);
                assert_eq!(covered, covers(&line.to_string(), target), "{line} and {target:?}");
            }
        }
        if let Ok(origin) = Origin::parse(text) {
            assert_eq!(Origin::parse(&origin.to_string()).as_ref(), Ok(&origin), "{text:?}");
            assert!(origin.port > 0);
            match &origin.host {
                Host::Address(address) => {
                    assert!(!matches!(standing(*address), Standing::Never(_)), "{text:?} is never reached");
                }
                Host::Name(name) => assert!(a_name(name), "{text:?}"),
            }
        }
    }
    if let Some(bytes) = input.first_chunk::<4>() {
        ipv4(Ipv4Addr::from(*bytes));
    }
    if let Some(bytes) = input.first_chunk::<16>() {
        ipv6(Ipv6Addr::from(*bytes));
    }
}

fn path(text: &str) -> Option<Target> {
    let target = Target::parse(text).ok()?;
    let sent = target.request_target();
    assert_eq!(sent, text, "what is sent is what was checked");
    assert!(sent.starts_with('/') && !sent.starts_with("//"), "{sent:?}");
    let allowed = |byte: u8| byte.is_ascii_graphic() && !b"\"#*<>[\\]^`{|}".contains(&byte);
    assert!(sent.bytes().all(allowed), "{sent:?}");
    assert!(!target.path().contains('?'), "{sent:?}");
    let mut path = target.path().as_bytes().to_vec();
    for _ in 0..4 {
        assert!(!path.iter().any(u8::is_ascii_control), "{sent:?}");
        for segment in path.split(|byte| matches!(byte, b'/' | b'\\')) {
            let name = segment.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
            assert!(name != b"." && name != b"..", "{sent:?}");
        }
        let slashes = path.iter().filter(|byte| matches!(byte, b'/' | b'\\')).count();
        assert_eq!(slashes, target.path().matches('/').count(), "{sent:?}: a decoding makes no segment");
        path = decoded(&path);
    }
    let line = Line::parse(&format!("GET {sent}")).expect("a denial names a line that can be added");
    assert!(line.covers(Method::Get, &target), "the line that a denial names would allow it: {line}");
    assert!(!line.covers(Method::Head, &target), "{line}");
    Some(target)
}

/// One decoding, as a lenient server does it.
fn decoded(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::new();
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let digits = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) if *first == b'%' => {
                decoded.push(byte);
                rest = &after[2..];
            }
            _ => {
                decoded.push(*first);
                rest = after;
            }
        }
    }
    decoded
}

/// The rules for allowed lines once more, segment by segment.
fn covers(line: &str, target: &Target) -> bool {
    let Some(pattern) = line.strip_prefix("GET ") else { return false };
    let (path, query) = pattern.split_once('?').map_or((pattern, None), |(path, query)| (path, Some(query)));
    let query = match query {
        None => target.query().is_none(),
        Some("*") => true,
        some => target.query() == some,
    };
    let pattern: Vec<&str> = path.split('/').collect();
    let asked: Vec<&str> = target.path().split('/').collect();
    let Some((last, fixed)) = pattern.split_last() else { return false };
    let begins = asked.len() >= pattern.len() && asked.starts_with(fixed);
    query
        && begins
        && match *last {
            "*" => asked.len() == pattern.len() && asked.last() != Some(&""),
            "**" => asked.len() > pattern.len() || asked.last() != Some(&""),
            _ => asked == pattern,
        }
}

fn a_name(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_'))
    };
    name.len() <= 253 && name.trim_end_matches('.').split('.').all(label)
}

fn ipv4(address: Ipv4Addr) {
    let stands = standing(IpAddr::V4(address));
    if address.is_loopback() || address.is_private() {
        assert_ne!(stands, Standing::Public, "{address}");
    }
    if address.is_link_local() || address.is_multicast() || address.is_unspecified() || address.is_broadcast() {
        assert!(matches!(stands, Standing::Never(_)), "{address}: {stands:?}");
    }
    let [a, b, c, d] = address.octets().map(u16::from);
    let (high, low) = (a << 8 | b, c << 8 | d);
    let spellings = [
        address.to_ipv6_mapped(),
        Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
        Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
    ];
    for spelling in spellings {
        assert_eq!(standing(IpAddr::V6(spelling)), stands, "{address} as {spelling}");
    }
}

fn ipv6(address: Ipv6Addr) {
    let stands = standing(IpAddr::V6(address));
    let first = address.segments()[0];
    if address.is_loopback() || address.is_unique_local() {
        assert_ne!(stands, Standing::Public, "{address}");
    }
    if address.is_multicast() || address.is_unspecified() || address.is_unicast_link_local() {
        assert!(matches!(stands, Standing::Never(_)), "{address}: {stands:?}");
    }
    if stands == Standing::Public {
        // Of RFC 2765, and of NAT64.
        let translated = matches!(address.segments(), [0, 0, 0, 0, 0xffff, 0, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..]);
        let embedded = address.to_ipv4().is_some() || translated;
        assert!(embedded || (0x2000..=0x3fff).contains(&first), "{address} is of no public network");
    }
}
