//! Object stores: keys that lead elsewhere, keys that are wrong, and the operator's keys, which stay with the host.

use std::fs;

use pgreeve_tests::agent::Agent;
use pgreeve_tests::testbed::{ACCESS_KEY, S3, SECRET_KEY, give};
use serde_json::{Value, json};

use crate::bed::{ask, config, hold, recorded};

const GRANT: &str = "objects = [\"main\"]";

/// Puts an object where the store of the tests has it.
fn put(s3: &S3, key: &str, content: &[u8]) {
    let path = s3.object(key);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let prefix = s3.object("");
    let bucket = prefix.ancestors().nth(2).unwrap();
    for above in path.ancestors().skip(1).take_while(|above| above.starts_with(bucket)) {
        give(above).unwrap();
    }
    fs::write(&path, content).unwrap();
    give(&path).unwrap();
}

fn entries(prefix: &str) -> Value {
    json!({ "ask": "objects", "name": "main", "prefix": prefix })
}

fn object(key: &str) -> Value {
    json!({ "ask": "object", "name": "main", "key": key })
}

fn fetch(key: &str, offset: u64, length: u32) -> Value {
    json!({ "ask": "fetch", "name": "main", "key": key, "offset": offset, "length": length })
}

#[test]
fn a_guest_sees_what_is_beneath_the_prefix_and_nothing_else() {
    let Some(s3) = S3::start() else { return };
    put(&s3, "a.json", b"0123456789");
    put(&s3, "deep/Gr=C3=B6 1.dump", b"dump");
    put(&s3, "empty", b"");
    // A neighbour's, and one that only begins as the prefix does.
    put(&s3, "../other/secret", b"other");
    put(&s3, "../pg2/secret", b"other");
    hold(
        &s3.table("main", ""),
        GRANT,
        &[
            (entries(""), "told", "key: \"a.json\", size: 10"),
            (entries("deep/"), "told", "key: \"deep/Gr=C3=B6 1.dump\", size: 4"),
            (entries("no"), "told", "objects: [], more: false"),
            (object("a.json"), "told", "size: 10"),
            (object("gone"), "NoSuchKey", "cannot look at"),
            (fetch("a.json", 0, 100), "told", "0123456789"),
            (fetch("a.json", 8, 100), "told", "89"),
            (fetch("a.json", 2, 3), "told", "234"),
            (fetch("a.json", 10, 1), "told", ""),
            (fetch("a.json", 0, 0), "told", ""),
            (fetch("empty", 0, 9), "told", ""),
            (fetch("gone", 0, 9), "NoSuchKey", "cannot read"),
            (object("../other/secret"), "denied", "holds `..` and so leads out of the prefix"),
            (fetch("../pg2/secret", 0, 9), "denied", "holds `..`"),
            (entries("../"), "denied", "holds `..`"),
            (object("/other/secret"), "denied", "begins with a slash"),
            (entries("/"), "denied", "begins with a slash"),
            (object("a//b"), "invalid", "empty part"),
            (object("./a.json"), "invalid", "part `.`"),
            (object(""), "invalid", "is empty"),
            (object("a\u{0}"), "invalid", "control character"),
            (object("a.json/"), "invalid", "ends with a slash"),
            (object("<<x*2000>>"), "invalid", "longer than 1024 bytes"),
            (object("%2e%2e/other/secret"), "NoSuchKey", "cannot look at"),
            (object("a.json?versionId=1"), "NoSuchKey", "cannot look at"),
            (object("..%2fother/secret"), "NoSuchKey", "cannot look at"),
        ],
    );
    let all = &ask(&s3.table("main", ""), GRANT, &[entries("")])[0];
    assert_eq!(all.count, 3, "{all:?}");
}

#[test]
fn a_long_listing_comes_in_pages() {
    let Some(s3) = S3::start() else { return };
    for number in 0..1010 {
        put(&s3, &format!("n{number:04}"), b"");
    }
    let first = entries("n");
    let after = json!({ "ask": "objects", "name": "main", "prefix": "n", "after": "n0999" });
    let answers = ask(&s3.table("main", ""), GRANT, &[first, after]);
    assert_eq!((answers[0].count, answers[1].count), (1000, 10), "{answers:?}");
    assert!(answers[1].is("told", "more: false") && answers[1].text.contains("n1009"), "{:?}", answers[1]);
}

#[test]
fn what_is_wrong_with_the_store_is_said_and_told_apart() {
    let Some(s3) = S3::start() else { return };
    put(&s3, "a.json", b"0123456789");
    let wrong = s3.table("main", "").replace(s3.key("secret").to_str().unwrap(), s3.key("wrong").to_str().unwrap());
    hold(
        &wrong,
        GRANT,
        &[(entries(""), "SignatureDoesNotMatch", "cannot list objects"), (object("a.json"), "403", "403")],
    );
    let nobody = s3.table("main", "").replace(s3.key("access").to_str().unwrap(), s3.key("wrong").to_str().unwrap());
    hold(&nobody, GRANT, &[(entries(""), "remote", "cannot list objects")]);
    let bucket = s3.table_at("main", "s3://nobucket", &s3.endpoint(), "");
    hold(&bucket, GRANT, &[(entries(""), "NoSuchBucket", "cannot list objects")]);
    let gone = s3.table_at("main", "s3://backups", "http://127.0.0.1:1", "");
    hold(&gone, GRANT, &[(entries(""), "unreachable", "is the server up")]);
    // A name that leads to this machine is not followed unless agent.toml says so; a metadata service never is.
    let named = s3.table_at("main", "s3://backups", &s3.endpoint().replace("127.0.0.1", "localhost"), "");
    hold(&named, GRANT, &[(entries("host 1/pg"), "told", "a.json")]);
    let unreadable = s3.table("main", "").replace(s3.key("secret").to_str().unwrap(), "/nowhere");
    hold(&unreadable, GRANT, &[(entries(""), "unreachable", "its secret key is missing")]);
}

#[test]
fn neither_proxies_nor_a_clouds_credentials_are_asked() {
    let Some(s3) = S3::start() else { return };
    put(&s3, "a.json", b"0123456789");
    let agent = Agent::new(&config(&s3.table("main", ""), GRANT, &[object("a.json")]));
    let mut command = agent.command(&["check", "j", "--format", "json"]);
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        command.env(name, "http://127.0.0.1:1");
    }
    for (name, value) in [
        ("AWS_ENDPOINT", "http://127.0.0.1:1"),
        ("AWS_ACCESS_KEY_ID", "another"),
        ("AWS_SECRET_ACCESS_KEY", "another"),
        ("AWS_SESSION_TOKEN", "another"),
        ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/x"),
        ("AWS_SKIP_SIGNATURE", "true"),
    ] {
        command.env(name, value);
    }
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("size: 10"), "{said}");
}

#[test]
fn the_keys_reach_nobody() {
    let Some(s3) = S3::start() else { return };
    // Somebody put the keys into the bucket.
    put(&s3, "credentials", format!("aws_secret_access_key = {SECRET_KEY}\n").as_bytes());
    let wrong = s3.table("wrong", "").replace(s3.key("secret").to_str().unwrap(), s3.key("wrong").to_str().unwrap());
    let calls = [
        fetch("credentials", 0, 1000),
        entries(""),
        json!({ "ask": "objects", "name": "wrong" }),
        json!({ "ask": "fetch", "name": "wrong", "key": "credentials", "length": 9 }),
    ];
    let tables = format!("{}{wrong}", s3.table("main", ""));
    let agent = Agent::new(&config(&tables, "objects = [\"main\", \"wrong\"]", &calls));
    let output = agent.command(&["check", "j", "--format", "json"]).env("RUST_LOG", "trace").output().unwrap();
    let (said, log) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(said.contains("holds a key of that store, and is withheld"), "{said}");
    let runs = recorded(&agent).to_string();
    for (place, text) in [("the report", &said), ("the log", &log), ("the run's record", &runs)] {
        for key in [SECRET_KEY, ACCESS_KEY] {
            assert!(!text.contains(key), "{key} is in {place}: {text}");
        }
    }
}
