//! A server's URL in agent.toml.

use std::path::PathBuf;

use super::super::{Address, Server};
use crate::grants::{secret::Secret, tls::Tls};

#[test]
fn a_url_names_a_server() {
    let tcp = |host: &str, port| Address::Tcp { host: host.to_owned(), port };
    for (url, address, tls, database) in [
        ("redis://cache", tcp("cache", 6379), false, None),
        ("redis://cache/", tcp("cache", 6379), false, None),
        ("redis://cache.example:6380/3", tcp("cache.example", 6380), false, Some(3)),
        ("rediss://10.0.0.1:6380", tcp("10.0.0.1", 6380), true, None),
        ("redis://[::1]", tcp("::1", 6379), false, None),
        ("redis://[::1]:7000/0", tcp("::1", 7000), false, Some(0)),
        ("unix:///run/redis/redis.sock", Address::Unix(PathBuf::from("/run/redis/redis.sock")), false, None),
        ("unix:///run/redis.sock?db=2", Address::Unix(PathBuf::from("/run/redis.sock")), false, Some(2)),
    ] {
        let server = Server::new("cache", url).unwrap();
        assert_eq!((&server.address, server.tls.is_some(), server.database), (&address, tls, database), "{url}");
        server.validate().unwrap();
    }
}

#[test]
fn what_is_no_url_of_a_server_is_refused_with_the_reason() {
    for (url, expected) in [
        ("", "redis://host"),
        ("cache:6379", "redis://host"),
        ("http://cache", "redis://host"),
        ("redis://", "redis://host"),
        ("redis://:6379", "redis://host"),
        ("redis://a:b:c", "number from 1"),
        ("redis://::1", "redis://host"),
        ("redis://cache:0", "number from 1"),
        ("redis://cache:70000", "number from 1"),
        ("redis://cache?db=1", "redis://host"),
        ("redis://cache/one", "database"),
        ("redis://cache/-1", "database"),
        ("redis://[::1", "]"),
        ("redis://[cache]:1", "no IPv6"),
        ("redis://[::1]6379", "no port"),
        ("redis://ca che", "cannot contain"),
        ("redis://ca\nche", "cannot contain"),
        ("redis://c%61che", "cannot contain"),
        ("unix://run/redis.sock", "unix:///"),
        ("unix:///run/redis.sock?password=x", "unix:///"),
        ("redis://user@cache", "`password_file`"),
    ] {
        let why = Server::new("cache", url).unwrap_err();
        assert!(why.contains(expected), "{url:?}: {why}");
    }
}

#[test]
fn a_password_in_the_url_is_refused_and_not_repeated() {
    for url in [
        "redis://:hunter2@cache",
        "rediss://app:hunter2@cache:1/0",
        "redis://app:hun%40hunter2@cache",
        "unix://:hunter2@/run/r.sock",
    ] {
        let why = Server::new("cache", url).unwrap_err();
        assert!(why.contains("`password_file`") && !why.contains("hunter2"), "{why}");
    }
}

#[test]
fn fields_that_do_not_go_together_are_refused() {
    let tcp = Server::new("cache", "redis://cache").unwrap();
    let unix = Server::new("cache", "unix:///s").unwrap();
    for (server, expected) in [
        (Server { user: Some("app".into()), ..tcp.clone() }, "`user` needs a password"),
        (Server { tls: Some(Tls::default()), ..unix }, "no TLS"),
        (Server { timeout: std::time::Duration::ZERO, ..tcp.clone() }, "time-out"),
        (Server { max_reply: 0, ..tcp.clone() }, "max_reply"),
    ] {
        let why = server.validate().unwrap_err();
        assert!(why.contains(expected), "{why}");
    }
    Server { user: Some("app".into()), password: Some(Secret::Env("X".into())), ..tcp }.validate().unwrap();
}
