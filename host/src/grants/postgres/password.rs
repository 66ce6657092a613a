//! Where a login's password comes from: a file, an environment variable, a systemd credential, or libpq's passfile.
//! Read anew for each connection, so a rotated password needs no restart. A password never reaches a message.

use std::fmt;
use std::path::{Path, PathBuf};

use super::address::{Address, DEFAULT_SOCKET_DIRECTORY, Host};
use crate::grants::secret::{self, Readers, Secret, SecretError};

/// Where the password stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PasswordSource {
    /// A file, a variable or a credential that holds nothing but the password.
    Secret(Secret),
    /// A file in the format of libpq's `.pgpass`, 0600. Without a matching line there is no password.
    PassFile(PathBuf),
    /// `~/.pgpass` of the agent's user, if there is one: what is used when nothing else is configured.
    HomePassFile,
}

/// As in error messages.
impl fmt::Display for PasswordSource {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secret(secret) => secret.fmt(out),
            Self::PassFile(path) => write!(out, "passfile {}", path.display()),
            Self::HomePassFile => out.write_str("passfile ~/.pgpass"),
        }
    }
}

impl PasswordSource {
    /// The password for this host, database and user; none if a passfile has no line for them. Blocks on the file
    /// system.
    pub(super) fn read(&self, host: &Host, dbname: &str, user: &str) -> Result<Option<Vec<u8>>, SecretError> {
        let load = |path: &Path| secret::load(&self.to_string(), path, Readers::Owner);
        match self {
            Self::Secret(secret) => secret.read().map(Some),
            Self::PassFile(path) => Ok(pick(&load(path)?, host, dbname, user)),
            Self::HomePassFile => {
                let Some(home) = std::env::home_dir() else { return Ok(None) };
                match load(&home.join(".pgpass")) {
                    Ok(text) => Ok(pick(&text, host, dbname, user)),
                    // Nobody asked for it: where it is missing or out of reach, there is simply none.
                    Err(SecretError::Unreadable { .. }) => Ok(None),
                    Err(error) => Err(error),
                }
            }
        }
    }
}

/// The password of the first line that fits: `host:port:database:user:password`, `*` fits all, a backslash escapes `:`
/// and `\`.
fn pick(passfile: &[u8], host: &Host, dbname: &str, user: &str) -> Option<Vec<u8>> {
    let hostname = match &host.address {
        // libpq looks the default socket directory up as localhost.
        Address::Unix(directory) if directory.as_os_str() == DEFAULT_SOCKET_DIRECTORY => "localhost".to_owned(),
        Address::Unix(directory) => directory.display().to_string(),
        Address::Name(name) | Address::Ip(_, Some(name)) => name.clone(),
        Address::Ip(ip, None) => ip.to_string(),
    };
    let port = host.port.to_string();
    let wanted = [hostname.as_bytes(), port.as_bytes(), dbname.as_bytes(), user.as_bytes()];
    passfile.split(|byte| *byte == b'\n').filter(|line| !line.starts_with(b"#")).find_map(|line| {
        let mut rest = line.strip_suffix(b"\r").unwrap_or(line);
        for field in wanted {
            let (fits, after) = field_fits(rest, field)?;
            if !fits {
                return None;
            }
            rest = after;
        }
        let password = unescape(rest);
        (!password.is_empty()).then_some(password)
    })
}

/// Whether the line's first field is `wanted` or `*`, and what follows its colon; none without a colon.
fn field_fits<'a>(line: &'a [u8], wanted: &[u8]) -> Option<(bool, &'a [u8])> {
    let mut escaped = false;
    let colon = line.iter().position(|byte| {
        let found = *byte == b':' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        found
    })?;
    let (field, rest) = line.split_at_checked(colon)?;
    Some((field == b"*" || unescape(field) == wanted, rest.get(1..)?))
}

fn unescape(field: &[u8]) -> Vec<u8> {
    let mut bytes = field.iter();
    let mut out = Vec::with_capacity(field.len());
    while let Some(byte) = bytes.next() {
        out.push(if *byte == b'\\' { *bytes.next().unwrap_or(byte) } else { *byte });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_fitting_line_of_a_passfile_counts() {
        let unix = |directory: &str| Host { address: Address::Unix(directory.into()), port: 5432 };
        let tcp = Host { address: Address::Name("db.example".into()), port: 5433 };
        let v6 = Host { address: Address::Ip("::1".parse().unwrap(), None), port: 5432 };
        for (file, host, expected) in [
            ("localhost:5432:app:me:pw", unix(DEFAULT_SOCKET_DIRECTORY), Some("pw")),
            ("localhost:5432:app:me:pw", unix("/tmp"), None),
            ("/tmp:*:*:*:pw\r\n", unix("/tmp"), Some("pw")),
            ("# db.example:5433:app:me:no\ndb.example:5433:app:me:yes", tcp.clone(), Some("yes")),
            ("*:*:other:*:no\n*:*:app:you:no\n*:*:*:*:any\n*:*:app:me:late", tcp.clone(), Some("any")),
            (r"*:*:app:me:p\:w\\x:y", tcp.clone(), Some(r"p:w\x:y")),
            (r"\:\:1:5432:app:me:six", v6, Some("six")),
            ("db.example:5433:app:me", tcp.clone(), None),
            ("db.example:5433:app:me:", tcp.clone(), None),
            ("db.example*:5433:app:me:x", tcp.clone(), None),
            ("", tcp, None),
        ] {
            let found = pick(file.as_bytes(), &host, "app", "me").map(|bytes| String::from_utf8(bytes).unwrap());
            assert_eq!(found.as_deref(), expected, "{file}");
        }
    }
}
