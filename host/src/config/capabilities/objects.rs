//! `[objects.NAME]`: object storage that speaks S3.

use std::time::Duration;

use super::{Reading, secret};
use crate::config::reader::{Problems, Section, note};
use crate::grants::http::Origin;
use crate::grants::objects::{Bucket, Store};

/// Reads one store.
pub(super) fn read(
    name: &str,
    reading: &mut Reading<'_>,
    mut section: Section<'_>,
    problems: &mut Problems,
) -> Option<Store> {
    section.require("url", "\"s3://backups/db1\"", problems);
    section.require("endpoint", "\"https://s3.eu-central-1.amazonaws.com\"", problems);
    let place = section.span.clone();
    let before = problems.len();
    let bucket = section.parsed("url", problems, Bucket::parse, "write it as \"s3://backups/db1\"");
    let endpoint = |text: &str| Origin::parse(text).map_err(|why| why.replace(": paths belong into `allow`", ""));
    let origin = section.parsed("endpoint", problems, endpoint, "write scheme and host, as in \"https://s3.example\"");
    let access_key = secret::read(&secret::ACCESS_KEY, reading, &mut section, problems);
    let secret_key = secret::read(&secret::SECRET_KEY, reading, &mut section, problems);
    let region = section.text("region", problems).map(|at| at.value);
    let tls = super::system::tls(reading, &mut section, problems);
    let allow_http = section.boolean("allow_http", problems);
    let allow_private = section.boolean("allow_private", problems);
    let write = section.boolean("write", problems);
    let least = Duration::from_millis(1);
    let connect_timeout = section.duration_from("connect_timeout", least, problems);
    let timeout = section.duration_from("timeout", least, problems);
    let part = section.size_from("part", 1, problems);
    let max_upload = section.size_from("max_upload", 1, problems);
    section.finish(problems);
    let (Some(bucket), Some(origin)) = (bucket, origin) else { return None };
    let (Some(access_key), Some(secret_key)) = (access_key, secret_key) else {
        if problems.len() == before {
            let message = format!("[objects.{name}] does not say where its access key and its secret key stand");
            note(problems, place, message, "add access_key_file and secret_key_file (or …_env, or …_credential)");
        }
        return None;
    };
    let usual = Store::new(name, bucket.value, origin.value, access_key, secret_key);
    let store = Store {
        region: region.unwrap_or(usual.region),
        tls: tls.unwrap_or_default(),
        allow_http: allow_http.unwrap_or(usual.allow_http),
        allow_private: allow_private.unwrap_or(usual.allow_private),
        write: write.unwrap_or(usual.write),
        connect_timeout: connect_timeout.unwrap_or(usual.connect_timeout),
        timeout: timeout.unwrap_or(usual.timeout),
        part: part.unwrap_or(usual.part),
        max_upload: max_upload.unwrap_or(usual.max_upload),
        ..usual
    };
    if let Err(why) = store.validate() {
        note(problems, place, format!("[objects.{name}]: {why}"), "see [objects.…] in the reference agent.toml");
        return None;
    }
    Some(store)
}
