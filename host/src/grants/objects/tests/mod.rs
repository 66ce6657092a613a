//! Keys, buckets and paths as tables. What reaches a store is tried against a real one in `tests/tests/objects` and `tests/tests/reach/objects.rs`.

use super::{Bucket, Key, Store, template_path};
use crate::grants::error::Error;
use crate::grants::http::Origin;
use crate::grants::secret::Secret;

fn store(url: &str) -> Store {
    let (bucket, origin) = (Bucket::parse(url).unwrap(), Origin::parse("https://s3.example").unwrap());
    Store::new("off", bucket, origin, Secret::Env("A".into()), Secret::Env("B".into()))
}

#[test]
fn a_bucket_is_read_with_its_prefix() {
    for (url, name, prefix) in [
        ("s3://backups", "backups", ""),
        ("s3://backups/", "backups", ""),
        ("s3://backups/db 1/pg/", "backups", "db 1/pg"),
        ("s3://my.bucket-1/a", "my.bucket-1", "a"),
    ] {
        let bucket = Bucket::parse(url).unwrap();
        assert_eq!((bucket.name.as_str(), bucket.prefix.as_str()), (name, prefix), "{url}");
    }
    for url in [
        "backups",
        "s3://",
        "s3://ab",
        "s3://Backups/x",
        "s3://-ab",
        "s3://a b c",
        "s3://backups/a//b",
        "s3://backups/./a",
    ] {
        assert!(Bucket::parse(url).is_err(), "{url}");
    }
}

#[test]
fn a_key_stays_beneath_the_prefix() {
    let store = store("s3://backups/db1");
    assert_eq!(Key::new(&store, "a/b=C3 1.json").unwrap().as_str(), "db1/a/b=C3 1.json");
    assert_eq!(store.url("a.json"), "https://s3.example/backups/db1/a.json");
    for denied in ["../a", "a/../b", "..", "/a"] {
        assert!(matches!(Key::new(&store, denied), Err(Error::Denied(_))), "{denied}");
    }
    let long = "x".repeat(1021);
    for invalid in ["", "a//b", "./a", "a/.", "a/", "a\n", "a\u{0}", "a\u{85}", long.as_str()] {
        assert!(matches!(Key::new(&store, invalid), Err(Error::Invalid(_))), "{invalid:?}");
    }
    assert!(Key::new(&store, &long[1..]).is_ok());
    for (key, relative) in [("db1/a", Some("a")), ("db1/", Some("")), ("db1", None), ("db2/a", None), ("db10/a", None)]
    {
        assert_eq!(store.bucket.relative(key), relative, "{key}");
    }
}

#[test]
fn a_path_takes_its_arguments_as_they_are() {
    let value = |name: &str| if name == "a" { Ok("x y".to_owned()) } else { Err(format!("no {name}")) };
    assert_eq!(template_path("b/{a}.{a}.json", value).unwrap(), "b/x y.x y.json");
    assert_eq!(template_path("plain}", value).unwrap(), "plain}");
    assert!(template_path("{b}", value).is_err() && template_path("{a", value).is_err());
}
