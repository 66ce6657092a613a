//! Origins and headers as agent.toml may have them.

use std::time::Duration;

use super::super::{Endpoint, Host, Origin, RequestHeader, Value};
use crate::grants::{secret::Secret, tls::Tls};

#[test]
fn an_origin_is_scheme_host_and_port() {
    for (text, secure, host, port, authority) in [
        ("http://127.0.0.1:8000", false, Host::Address([127, 0, 0, 1].into()), 8000, "127.0.0.1:8000"),
        ("http://127.0.0.1", false, Host::Address([127, 0, 0, 1].into()), 80, "127.0.0.1"),
        ("http://[::1]:81", false, Host::Address("::1".parse().unwrap()), 81, "[::1]:81"),
        ("https://[2606:4700::1]", true, Host::Address("2606:4700::1".parse().unwrap()), 443, "[2606:4700::1]"),
        ("https://App.Example", true, Host::Name("app.example".into()), 443, "app.example"),
        ("https://app.example:443", true, Host::Name("app.example".into()), 443, "app.example"),
        ("https://app.example:80", true, Host::Name("app.example".into()), 80, "app.example:80"),
        ("http://app_web", false, Host::Name("app_web".into()), 80, "app_web"),
        (
            "http://xn--bcher-kva.example",
            false,
            Host::Name("xn--bcher-kva.example".into()),
            80,
            "xn--bcher-kva.example",
        ),
        ("http://10.1.2.3.internal", false, Host::Name("10.1.2.3.internal".into()), 80, "10.1.2.3.internal"),
    ] {
        assert_eq!(Origin::parse(text), Ok(Origin { secure, host, port }), "{text}");
        assert_eq!(Origin::parse(text).unwrap().authority(), authority);
    }
}

#[test]
fn anything_more_or_less_is_a_configuration_error() {
    for (text, why) in [
        ("", "begins with neither"),
        ("127.0.0.1:8000", "begins with neither"),
        ("ftp://app.example", "begins with neither"),
        ("HTTP://app.example", "begins with neither"),
        ("unix:/run/app.sock", "begins with neither"),
        ("http:/app.example", "begins with neither"),
        ("http://", "neither an address nor a name"),
        ("http://:80", "neither an address nor a name"),
        ("http://app.example/", "paths belong into"),
        ("http://app.example/api", "paths belong into"),
        ("http://app.example?a", "more than scheme"),
        ("http://app.example#a", "more than scheme"),
        ("http://app.example\\a", "more than scheme"),
        ("http://app..example", "neither an address nor a name"),
        ("http://app.example.", "neither an address nor a name"),
        ("http://-app.example", "neither an address nor a name"),
        ("http://app example", "neither an address nor a name"),
        ("http://app.example\r\n", "neither an address nor a name"),
        ("http://bücher.example", "neither an address nor a name"),
        ("http://app%2eexample", "neither an address nor a name"),
        ("http://app.example:", "no port"),
        ("http://app.example:0", "between 1 and 65535"),
        ("http://app.example:65536", "between 1 and 65535"),
        ("http://app.example:+80", "no port"),
        ("http://app.example:80:80", "no port"),
        ("http://::1", "neither an address nor a name"),
        ("http://[::1", "not closed"),
        ("http://[::1]x", "no port"),
        ("http://[fe80::1%25eth0]", "no IPv6 address"),
        ("http://[127.0.0.1]", "no IPv6 address"),
        ("http://127.1", "four decimal numbers"),
        ("http://2130706433", "four decimal numbers"),
        ("http://0x7f000001", "four decimal numbers"),
        ("http://0177.0.0.1", "four decimal numbers"),
        ("http://127.0.0.01", "four decimal numbers"),
        ("http://127.0.0.0x1", "four decimal numbers"),
        ("http://169.254.169.254", "a cloud metadata address"),
        ("http://[fd00:ec2::254]", "a cloud metadata address"),
        ("http://[::ffff:169.254.169.254]", "a cloud metadata address"),
        ("http://0.0.0.0:8000", "an unspecified address"),
        ("http://[fe80::1]", "a link-local address"),
    ] {
        match Origin::parse(text) {
            Ok(origin) => panic!("{text:?} is read as {origin:?}"),
            Err(words) => assert!(words.contains(why), "{text:?}: {words}"),
        }
    }
}

#[test]
fn a_password_in_an_origin_is_not_repeated() {
    let words = Origin::parse("http://user:hunter22@app.example").unwrap_err();
    assert!(!words.contains("hunter22") && words.contains("no password"), "{words}");
}

#[test]
fn a_header_that_is_not_the_operators_to_set_is_a_configuration_error() {
    let literal = |text: &str| Value::Literal(text.to_owned());
    for (name, value, why) in [
        ("Host", literal("x"), "follows from the origin"),
        ("content-length", literal("1"), "frames the message"),
        ("Transfer-Encoding", literal("chunked"), "frames the message"),
        ("TE", literal("trailers"), "frames the message"),
        ("Expect", literal("100-continue"), "frames the message"),
        ("Connection", literal("keep-alive"), "about the connection"),
        ("Upgrade", literal("h2c"), "about the connection"),
        ("Proxy-Authorization", Value::Secret(Secret::Env("X".into())), "no proxy"),
        ("Accept-Encoding", literal("gzip"), "not be compressed"),
        ("Authorization", literal("Bearer x"), "holds a secret"),
        ("Cookie", literal("a=b"), "holds a secret"),
        ("", literal("x"), "no name"),
        ("a b", literal("x"), "no name"),
        ("a:b", literal("x"), "no name"),
        ("x\r\ny", literal("x"), "no name"),
        ("x-a", literal("a\r\nHost: evil"), "visible ASCII"),
        ("x-a", literal("a\0"), "visible ASCII"),
        ("x-a", literal("ä"), "visible ASCII"),
        ("x-a", literal(" a"), "visible ASCII"),
    ] {
        match RequestHeader::new(name, value) {
            Ok(header) => panic!("{header:?}"),
            Err(words) => assert!(words.contains(why), "{name}: {words}"),
        }
    }
}

#[test]
fn settings_that_contradict_each_other_are_a_configuration_error() {
    let plain = || Endpoint::new("app", Origin::parse("http://127.0.0.1:8000").unwrap());
    let header = |name| RequestHeader::new(name, Value::Literal("1".into())).unwrap();
    assert_eq!(plain().validate(), Ok(()));
    let tls = Tls { roots: Some("ca.crt".into()), identity: None };
    for (endpoint, why) in [
        (Endpoint { tls, ..plain() }, "not https"),
        (Endpoint { timeout: Duration::ZERO, ..plain() }, "between 1 ms and 1 h"),
        (Endpoint { timeout: Duration::MAX, ..plain() }, "between 1 ms and 1 h"),
        (Endpoint { connect_timeout: Duration::ZERO, ..plain() }, "between 1 ms and 1 h"),
        (Endpoint { headers: vec![header("x-a"), header("X-A")], ..plain() }, "header x-a is there twice"),
    ] {
        let words = endpoint.validate().unwrap_err();
        assert!(words.contains(why), "{words}");
    }
}
