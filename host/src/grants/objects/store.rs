//! What agent.toml says about one object store, `[objects.NAME]`.

use std::fmt;
use std::time::Duration;

use crate::grants::http::{Origin, Way};
use crate::grants::{secret::Secret, tls::Tls};

/// No time-out is longer.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(60 * 60);
/// S3's limits for a part of an upload, in bytes.
const SMALLEST_PART: u64 = 5 << 20;
const LARGEST_PART: u64 = 1 << 30;
/// What a request may take longer than `timeout` for what it carries: bytes per second.
const SLOWEST: u64 = 64 << 10;

/// A granted store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    /// Its name in agent.toml.
    pub name: String,
    /// Where the objects are.
    pub bucket: Bucket,
    /// Where the store answers. Requests name the bucket in their path.
    pub origin: Origin,
    /// What requests are signed for. Default `us-east-1`.
    pub region: String,
    /// The access key.
    pub access_key: Secret,
    /// The secret that belongs to it; it signs and is never sent.
    pub secret_key: Secret,
    /// For https.
    pub tls: Tls,
    /// Whether the endpoint may be plain http: whoever is on the way reads what is copied. Default false.
    pub allow_http: bool,
    /// Whether the endpoint's name may resolve to loopback and private addresses. Default false; as for `[http.NAME]`.
    pub allow_private: bool,
    /// Whether actions may put objects there. Default false.
    pub write: bool,
    /// For the name, TCP and TLS together, 1 ms to 1 h. Default 5 s.
    pub connect_timeout: Duration,
    /// Until the answer to a request, and between two pieces of it, 1 ms to 1 h. Default 30 s; a request that carries a part gets a second
    /// more for each 64 KiB.
    pub timeout: Duration,
    /// Larger files are sent in parts of this size, which is what an upload takes in memory. 5 MiB to 1 GiB, default 16 MiB; larger where a
    /// file would have more than 10,000 parts.
    pub part: u64,
    /// Bytes of all files of one upload. Default 1 TiB.
    pub max_upload: u64,
}

/// A bucket, and where in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// Empty, or parts with `/` between them: all keys are beneath it.
    pub prefix: String,
}

impl Bucket {
    /// Reads `s3://BUCKET` or `s3://BUCKET/PREFIX`.
    pub fn parse(url: &str) -> Result<Self, String> {
        let rest = url.strip_prefix("s3://").ok_or_else(|| "it does not begin with s3://".to_owned())?;
        let (name, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
        if !(3..=63).contains(&name.len()) || !name.bytes().all(plain) || name.starts_with(['-', '.']) {
            return Err(format!("{name:?} is no bucket: 3 to 63 lower-case letters, digits, hyphens and dots"));
        }
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        let odd = |part: &str| matches!(part, "" | "." | "..") || part.chars().any(char::is_control);
        if prefix.len() > 512 || (!prefix.is_empty() && prefix.split('/').any(odd)) {
            return Err("its prefix is not parts with / between them, 512 bytes at the most".to_owned());
        }
        Ok(Self { name: name.to_owned(), prefix: prefix.to_owned() })
    }

    /// A relative key with the prefix before it.
    pub(super) fn under(&self, key: &str) -> String {
        if self.prefix.is_empty() { key.to_owned() } else { format!("{}/{key}", self.prefix) }
    }

    /// A whole key without the prefix, if it is beneath it.
    pub(super) fn relative<'k>(&self, key: &'k str) -> Option<&'k str> {
        if self.prefix.is_empty() { Some(key) } else { key.strip_prefix(&self.prefix)?.strip_prefix('/') }
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slash = if self.prefix.is_empty() { "" } else { "/" };
        write!(out, "{}{slash}{}", self.name, self.prefix)
    }
}

/// As in error messages.
impl fmt::Display for Store {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "object store {:?} (s3://{} at {})", self.name, self.bucket, self.origin)
    }
}

impl Store {
    /// A store with the defaults.
    pub fn new(name: &str, bucket: Bucket, origin: Origin, access_key: Secret, secret_key: Secret) -> Self {
        Self {
            name: name.to_owned(),
            bucket,
            origin,
            region: "us-east-1".to_owned(),
            access_key,
            secret_key,
            tls: Tls::default(),
            allow_http: false,
            allow_private: false,
            write: false,
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(30),
            part: 16 << 20,
            max_upload: 1 << 40,
        }
    }

    /// Looks for what no single setting shows, and for numbers out of range.
    pub fn validate(&self) -> Result<(), String> {
        if !self.origin.secure && !self.allow_http {
            return Err(format!(
                "its endpoint {} is plain http, so that whoever is on the way reads what is copied: write https, or add allow_http = true",
                self.origin
            ));
        }
        if !self.origin.secure && self.tls != Tls::default() {
            return Err(format!("it has TLS settings, and its endpoint {} is not https", self.origin));
        }
        for timeout in [self.connect_timeout, self.timeout] {
            if timeout < Duration::from_millis(1) || timeout > LONGEST_TIMEOUT {
                return Err(format!("a time-out of {timeout:?} is not between 1 ms and 1 h"));
            }
        }
        if !(SMALLEST_PART..=LARGEST_PART).contains(&self.part) {
            return Err(format!("part is {} bytes, and must be 5MiB to 1GiB", self.part));
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if self.region.is_empty() || self.region.len() > 64 || !self.region.bytes().all(plain) {
            return Err(format!("its region {:?} is not letters, digits and hyphens", self.region));
        }
        Ok(())
    }

    /// Where an object is, for people.
    pub fn url(&self, key: &str) -> String {
        format!("{}/{}/{}", self.origin, self.bucket.name, self.bucket.under(key))
    }

    pub(super) fn way(&self) -> Way<'_> {
        let Self { name, origin, allow_private, connect_timeout, .. } = self;
        let (allow_private, connect_timeout) = (*allow_private, *connect_timeout);
        Way { what: "object store", table: "objects", name, origin, allow_private, connect_timeout }
    }

    /// How long the answer to a request that carries so many bytes may take.
    pub(super) fn patience(&self, bytes: u64) -> Duration {
        self.timeout + Duration::from_secs(bytes / SLOWEST)
    }
}
