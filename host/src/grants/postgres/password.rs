//! Where a login's password comes from: a file, an environment variable, a systemd credential, or libpq's passfile.
//! Read anew for each connection, so a rotated password needs no restart. A password never reaches a message.

use std::{
    fmt, fs, io,
    io::Read as _,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use super::address::{Address, DEFAULT_SOCKET_DIRECTORY, Host};

/// Larger files are no password files.
const MAX_FILE: u64 = 1 << 20;

/// Where the password stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PasswordSource {
    /// A file with nothing but the password; one line end is cut off. 0600, or 0640 if root owns it.
    File(PathBuf),
    /// An environment variable of the agent.
    Env(String),
    /// A systemd credential (`LoadCredential=`), by its name in `$CREDENTIALS_DIRECTORY`; systemd guards its
    /// permissions.
    Credential(String),
    /// A file in the format of libpq's `.pgpass`, 0600. Without a matching line there is no password.
    PassFile(PathBuf),
    /// `~/.pgpass` of the agent's user, if there is one: what is used when nothing else is configured.
    HomePassFile,
}

/// As in error messages.
impl fmt::Display for PasswordSource {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(out, "password file {}", path.display()),
            Self::Env(name) => write!(out, "environment variable {name}"),
            Self::Credential(name) => write!(out, "credential {name}"),
            Self::PassFile(path) => write!(out, "passfile {}", path.display()),
            Self::HomePassFile => out.write_str("passfile ~/.pgpass"),
        }
    }
}

/// Why there is no password although a source is configured.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// The file cannot be read.
    #[error("cannot read {from}: {why}")]
    Unreadable {
        /// The source.
        from: PasswordSource,
        /// The system's error.
        why: io::Error,
    },
    /// Others can read the file.
    #[error("{from} can be read by others (mode {mode:04o}): chmod 0600 it")]
    Exposed {
        /// The source.
        from: PasswordSource,
        /// Permission bits.
        mode: u32,
    },
    /// The source is there, the password is not.
    #[error("{from} {why}")]
    Absent {
        /// The source.
        from: PasswordSource,
        /// What is missing.
        why: &'static str,
    },
}

/// Who may read a file with a secret besides its owner.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Readers {
    /// Nobody, as libpq wants it for `.pgpass`.
    Owner,
    /// The group too if root owns the file, as libpq wants it for `sslkey`.
    OwnerOrRootsGroup,
    /// Not looked at.
    Anybody,
}

/// A secret's bytes; `Err(mode)` inside if more may read it than `readers`.
pub(super) fn read_guarded(path: &Path, readers: Readers) -> io::Result<Result<Vec<u8>, u32>> {
    let file = fs::File::open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    let allowed = match readers {
        Readers::Owner => 0o700,
        Readers::OwnerOrRootsGroup if metadata.uid() == 0 => 0o740,
        Readers::OwnerOrRootsGroup => 0o700,
        Readers::Anybody => 0o777,
    };
    let mode = metadata.mode() & 0o777;
    if mode & !allowed != 0 {
        return Ok(Err(mode));
    }
    let mut bytes = Vec::new();
    file.take(MAX_FILE).read_to_end(&mut bytes)?;
    Ok(Ok(bytes))
}

impl PasswordSource {
    /// The password for this host, database and user; none if a passfile has no line for them. Blocks on the file
    /// system.
    pub(super) fn read(&self, host: &Host, dbname: &str, user: &str) -> Result<Option<Vec<u8>>, PasswordError> {
        let absent = |why| PasswordError::Absent { from: self.clone(), why };
        match self {
            Self::Env(name) => match std::env::var_os(name) {
                Some(value) if !value.is_empty() => Ok(Some(value.into_encoded_bytes())),
                _ => Err(absent("is not set")),
            },
            Self::File(path) => self.whole(path, Readers::OwnerOrRootsGroup).map(Some),
            Self::Credential(name) => {
                let directory = std::env::var_os("CREDENTIALS_DIRECTORY")
                    .ok_or_else(|| absent("needs $CREDENTIALS_DIRECTORY: run under systemd with LoadCredential="))?;
                if name.is_empty() || name.contains('/') || name == ".." {
                    return Err(absent("is no credential's name"));
                }
                self.whole(&Path::new(&directory).join(name), Readers::Anybody).map(Some)
            }
            Self::PassFile(path) => Ok(pick(&self.load(path, Readers::Owner)?, host, dbname, user)),
            Self::HomePassFile => {
                let Some(home) = std::env::home_dir() else { return Ok(None) };
                match self.load(&home.join(".pgpass"), Readers::Owner) {
                    Ok(text) => Ok(pick(&text, host, dbname, user)),
                    // Nobody asked for it: where it is missing or out of reach, there is simply none.
                    Err(PasswordError::Unreadable { .. }) => Ok(None),
                    Err(error) => Err(error),
                }
            }
        }
    }

    /// A file that holds the password alone.
    fn whole(&self, path: &Path, readers: Readers) -> Result<Vec<u8>, PasswordError> {
        let mut bytes = self.load(path, readers)?;
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
            if bytes.last() == Some(&b'\r') {
                bytes.pop();
            }
        }
        if bytes.is_empty() {
            return Err(PasswordError::Absent { from: self.clone(), why: "is empty" });
        }
        Ok(bytes)
    }

    fn load(&self, path: &Path, readers: Readers) -> Result<Vec<u8>, PasswordError> {
        match read_guarded(path, readers) {
            Ok(Ok(bytes)) => Ok(bytes),
            Ok(Err(mode)) => Err(PasswordError::Exposed { from: self.clone(), mode }),
            Err(why) => Err(PasswordError::Unreadable { from: self.clone(), why }),
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
