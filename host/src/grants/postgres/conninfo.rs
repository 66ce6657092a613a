//! The syntax of libpq's connection strings, `key=value …` and `postgresql://…`, as pairs in the order they stand.
//! Pure. No error repeats a value: it could be a password.

/// Why a connection string is not accepted. Never repeats a value, except of `sslmode`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DsnError {
    /// Not of the form that libpq reads.
    #[error("connection string: {0}")]
    Syntax(String),
    /// A password stands in the string.
    #[error(
        "connection string: a password does not belong here: use \
         password_file, password_env, password_credential or a passfile"
    )]
    Password,
    /// A key that libpq does not know either, or that means nothing here.
    #[error("connection string: {key}: {why}")]
    Key {
        /// The key as it was written.
        key: String,
        /// What to do instead.
        why: &'static str,
    },
    /// A value that does not fit its key.
    #[error("connection string: {key} must be {expected}")]
    Value {
        /// The key.
        key: &'static str,
        /// What it takes.
        expected: &'static str,
    },
}

type Pairs = Vec<(String, String)>;

/// Splits a connection string into its settings.
pub(super) fn pairs(dsn: &str) -> Result<Pairs, DsnError> {
    match dsn.strip_prefix("postgresql://").or_else(|| dsn.strip_prefix("postgres://")) {
        Some(rest) => uri(rest),
        None => keyword_value(dsn),
    }
}

/// `key = value key='quoted value'`; a backslash takes the next character as it is, quoted or not.
fn keyword_value(text: &str) -> Result<Pairs, DsnError> {
    let mut pairs = Pairs::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let Some((key, after)) = rest.split_once('=') else {
            return Err(DsnError::Syntax(stray(&pairs)));
        };
        let key = key.trim_end();
        if key.is_empty() || key.contains(char::is_whitespace) {
            return Err(DsnError::Syntax(stray(&pairs)));
        }
        let (value, after) = value(key, after.trim_start())?;
        pairs.push((key.to_owned(), value));
        rest = after.trim_start();
    }
    Ok(pairs)
}

/// What is wrong where a word stands without '=', after the settings that were read.
fn stray(pairs: &[(String, String)]) -> String {
    match pairs.last() {
        None => "it starts neither with key=value nor with postgresql://".to_owned(),
        Some((key, _)) => format!("a word without '=' follows the value of '{key}': quote values with spaces"),
    }
}

/// Reads one value; what follows it comes back too.
fn value<'a>(key: &str, text: &'a str) -> Result<(String, &'a str), DsnError> {
    let (quoted, body) = match text.strip_prefix('\'') {
        Some(body) => (true, body),
        None => (false, text),
    };
    let mut value = String::new();
    let mut characters = body.chars();
    loop {
        let before = characters.as_str();
        match characters.next() {
            None if quoted => return Err(DsnError::Syntax(format!("the quote after '{key}=' is not closed"))),
            None => return Ok((value, "")),
            Some('\\') => value.extend(characters.next()),
            Some('\'') if quoted => return Ok((value, characters.as_str())),
            Some(space) if !quoted && space.is_whitespace() => return Ok((value, before)),
            Some(other) => value.push(other),
        }
    }
}

/// `user@host:port,host:port/dbname?key=value&…`, percent-encoded.
fn uri(text: &str) -> Result<Pairs, DsnError> {
    let (before, query) = text.split_once('?').unwrap_or((text, ""));
    let (authority, dbname) = before.split_once('/').unwrap_or((before, ""));
    let mut pairs = Pairs::new();

    let hosts = match authority.rsplit_once('@') {
        None => authority,
        Some((user, hosts)) => {
            if user.contains(':') {
                return Err(DsnError::Password);
            }
            pairs.push(("user".to_owned(), decode("user", user)?));
            hosts
        }
    };
    let (mut names, mut ports) = (Vec::new(), Vec::new());
    for host in hosts.split(',') {
        let (name, port) = match host.strip_prefix('[') {
            Some(literal) => {
                let (address, port) = literal
                    .split_once(']')
                    .ok_or_else(|| DsnError::Syntax("the '[' of an IPv6 address is not closed".to_owned()))?;
                (address, port.strip_prefix(':').unwrap_or(port))
            }
            None => host.split_once(':').unwrap_or((host, "")),
        };
        names.push(decode("host", name)?);
        ports.push(port);
    }
    if names.iter().any(|name| !name.is_empty()) {
        pairs.push(("host".to_owned(), names.join(",")));
    }
    if ports.iter().any(|port| !port.is_empty()) {
        pairs.push(("port".to_owned(), ports.join(",")));
    }
    if !dbname.is_empty() {
        pairs.push(("dbname".to_owned(), decode("dbname", dbname)?));
    }
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair
            .split_once('=')
            .ok_or_else(|| DsnError::Syntax("after '?' every setting is key=value, joined by '&'".to_owned()))?;
        let key = decode("a key", key)?;
        let value = decode(&key, value)?;
        pairs.push((key, value));
    }
    Ok(pairs)
}

/// Percent-decodes a part of a URI.
fn decode(what: &str, text: &str) -> Result<String, DsnError> {
    let bad =
        || DsnError::Syntax(format!("{what}: '%' must be followed by two hexadecimal digits and make UTF-8 text"));
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        match (digit(rest.next()), digit(rest.next())) {
            (Some(high), Some(low)) if high + low > 0 => bytes.push((high * 16 + low) as u8),
            _ => return Err(bad()),
        }
    }
    String::from_utf8(bytes).map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(dsn: &str) -> String {
        match pairs(dsn) {
            Ok(pairs) => pairs.iter().map(|(k, v)| format!("{k}=<{v}>")).collect::<Vec<_>>().join(" "),
            Err(error) => format!("error: {error}"),
        }
    }

    #[test]
    fn both_forms_split_as_libpq_splits_them() {
        for (dsn, expected) in [
            ("", ""),
            ("host=/run dbname=app", "host=</run> dbname=<app>"),
            ("  host = 'a b'\tuser=''  ", "host=<a b> user=<>"),
            (r"dbname='it\'s' user=back\\slash\ space", r"dbname=<it's> user=<back\slash space>"),
            ("host= user=x", "host=<user=x>"), // libpq reads it so too: an empty value needs quotes
            ("postgres://", ""),
            ("postgresql://u@h:5433/db", "user=<u> host=<h> port=<5433> dbname=<db>"),
            ("postgres://a,b:2,[::1]:3/", "host=<a,b,::1> port=<,2,3>"),
            (
                "postgres://%2Frun%2Fpg/d%20b?user=x&sslmode=require",
                "host=</run/pg> dbname=<d b> user=<x> sslmode=<require>",
            ),
            ("postgres://?host=/run", "host=</run>"),
        ] {
            assert_eq!(joined(dsn), expected, "{dsn}");
        }
    }

    #[test]
    fn what_is_malformed_is_an_error_without_the_value() {
        for dsn in [
            "app",
            "host=a hunter2",
            "host=a hunter2 user=b",
            "=hunter2",
            "postgre://u:hunter2@h/db",
            "user='hunter2",
            "postgres://u:hunter2@h/db",
            "postgres://u@h/%zz",
            "postgres://u@h/%00",
            "postgres://u@[::1/db",
            "postgres://h/db?hunter2",
        ] {
            let error = joined(dsn);
            assert!(error.starts_with("error: ") && !error.contains("hunter2"), "{dsn} → {error}");
        }
    }
}
