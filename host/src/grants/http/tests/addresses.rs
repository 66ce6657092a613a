//! Which addresses may be connected to.

use std::net::IpAddr;

use super::super::{Endpoint, Host, Origin, Standing, policy, standing};
use super::server::Scripted;
use super::{answer, ask, endpoint, get};
use crate::grants::error::Error;

fn addresses(texts: &[&str]) -> Vec<IpAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

const NEVER: &str = "\
    169.254.169.254 169.254.0.1 169.254.170.2 100.100.100.200 168.63.129.16 192.0.0.192 0.0.0.0 0.1.2.3 224.0.0.1 \
    239.255.255.255 240.0.0.1 255.255.255.255 192.0.2.1 198.51.100.1 203.0.113.255 198.18.0.1 198.19.255.255 \
    192.88.99.1 192.0.0.8 :: fe80::1 febf::1 fec0::1 ff02::1 ff0e::1 2001:db8::1 3fff::1 3fff:fff::1 2001:2::1 \
    2001::1 2001:0:53aa:64c::1 2001:10::1 2001:20::1 100::1 5f00::1 4000::1 fd00:ec2::254 fd00:ec2::23 fd20:ce::254 \
    fd00:c1::a9fe:a9fe fd00:42::42 64:ff9b:1::7f00:1 1::1 ::2 ::ffff:169.254.169.254 ::ffff:0.0.0.0 ::ffff:224.0.0.1 \
    ::169.254.169.254 ::ffff:0:169.254.169.254 64:ff9b::169.254.169.254 64:ff9b::a9fe:a9fe 2002:a9fe:a9fe::1 \
    2002:6464:64c8:: 2002:0:1::";

const PRIVATE: &str = "\
    127.0.0.1 127.255.255.254 10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 100.64.0.1 100.127.255.255 ::1 fc00::1 \
    fd12:3456::1 fdff::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::127.0.0.1 64:ff9b::10.0.0.1 64:ff9b::127.0.0.1 \
    2002:7f00:1::1 2002:a00:1::";

const PUBLIC: &str = "\
    1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.1 169.253.255.255 \
    169.255.0.0 172.15.255.255 172.32.0.0 192.0.1.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 \
    203.0.112.255 203.0.114.0 223.255.255.255 2606:4700::1 2a00:1450::1 2001:200::1 2001:4860::8888 3ffe::1 \
    ::ffff:8.8.8.8 64:ff9b::8.8.8.8 2002:808:808::1";

#[test]
fn an_address_stands_as_its_registry_says() {
    for (list, expected) in [(NEVER, "never"), (PRIVATE, "private"), (PUBLIC, "public")] {
        for address in list.split_ascii_whitespace() {
            let found = match standing(address.parse().unwrap()) {
                Standing::Never(_) => "never",
                Standing::Private(_) => "private",
                Standing::Public => "public",
            };
            assert_eq!(found, expected, "{address}");
        }
    }
}

#[test]
fn an_address_that_is_never_reached_is_refused_whatever_the_endpoint_says() {
    for address in NEVER.split_ascii_whitespace() {
        let address: IpAddr = address.parse().unwrap();
        let mut named = endpoint("http://app.example", &[]);
        named.allow_private = true;
        // As if it had been written there, which Origin::parse does not let pass.
        let written = Endpoint::new("app", Origin { secure: false, host: Host::Address(address), port: 80 });
        for endpoint in [named, written] {
            let Err(Error::Denied(text)) = policy::vet(&endpoint.way(), &[address]) else { panic!("{address}") };
            assert!(text.contains("never connects"), "{text}");
        }
    }
}

#[test]
fn a_name_that_leads_into_private_space_needs_the_operators_word() {
    for address in ["127.0.0.1", "10.0.0.5", "::1", "fd12::1", "100.64.0.1", "::ffff:192.168.0.1", "64:ff9b::10.0.0.1"]
    {
        let mut endpoint = endpoint("http://app.example", &[]);
        let Err(Error::Denied(text)) = policy::vet(&endpoint.way(), &addresses(&[address])) else {
            panic!("{address}")
        };
        assert!(text.contains("add `allow_private = true` under [http.app]"), "{text}");
        endpoint.allow_private = true;
        assert_eq!(policy::vet(&endpoint.way(), &addresses(&[address])), Ok(()));
    }
}

#[test]
fn an_origin_names_its_own_address_and_localhost_names_loopback() {
    for (origin, address, passes) in [
        ("http://10.0.0.5", "10.0.0.5", true),
        ("http://10.0.0.5", "10.0.0.6", false),
        ("http://[::ffff:10.0.0.5]", "::ffff:10.0.0.5", true),
        ("http://localhost", "127.0.0.1", true),
        ("http://LOCALHOST", "::1", true),
        ("http://localhost", "10.0.0.5", false),
        ("http://localhost", "169.254.169.254", false),
        ("http://localhost.evil.example", "127.0.0.1", false),
        ("http://app.localhost", "127.0.0.1", false),
    ] {
        let vetted = policy::vet(&endpoint(origin, &[]).way(), &addresses(&[address]));
        assert_eq!(vetted.is_ok(), passes, "{origin} at {address}: {vetted:?}");
    }
}

#[test]
fn one_bad_address_refuses_a_whole_dns_answer() {
    let endpoint = endpoint("http://app.example", &[]);
    assert_eq!(policy::vet(&endpoint.way(), &addresses(&["8.8.8.8", "2606:4700::1"])), Ok(()));
    for bad in ["127.0.0.1", "169.254.169.254", "fe80::1"] {
        for answer in [["8.8.8.8", bad], [bad, "8.8.8.8"]] {
            assert!(matches!(policy::vet(&endpoint.way(), &addresses(&answer)), Err(Error::Denied(_))), "{answer:?}");
        }
    }
}

#[tokio::test]
async fn a_name_that_the_resolver_sends_to_loopback_is_not_connected_to() {
    let server = Scripted::saying("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    let mut endpoint = endpoint("http://name.example", &["GET /"]);
    // A name that every resolver resolves to loopback, without anything in DNS or /etc/hosts.
    endpoint.origin = Origin { secure: false, host: Host::Name("127.0.0.1".to_owned()), port: server.port };
    let Err(Error::Denied(text)) = ask(&endpoint, get("/")).await else { panic!() };
    assert!(text.contains("resolves to 127.0.0.1, a loopback address"), "{text}");
    assert_eq!(server.seen(), Vec::<String>::new());
    endpoint.allow_private = true;
    assert_eq!(answer(&endpoint, "/").await, (200, "hi".to_owned()));
}

#[tokio::test]
async fn localhost_is_reached_by_name() {
    let server = Scripted::saying("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    let endpoint = endpoint(&format!("http://localhost:{}", server.port), &["GET /"]);
    assert_eq!(answer(&endpoint, "/").await, (200, "hi".to_owned()));
    assert!(server.seen()[0].contains(&format!("\r\nhost: localhost:{}\r\n", server.port)), "{:?}", server.seen());
}
