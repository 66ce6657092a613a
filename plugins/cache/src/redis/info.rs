//! The reply to INFO: lines of `key:value`.

use std::collections::BTreeMap;

/// All of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Info(BTreeMap<String, String>);

impl Info {
    /// Reads the text; headings and empty lines are passed over.
    pub(crate) fn parse(text: &str) -> Self {
        let pairs =
            text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.trim_end().split_once(':'));
        Self(pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect())
    }

    /// Whether it is the INFO of a Redis or Valkey server, and not of something else that answers.
    pub(crate) fn is_one(&self) -> bool {
        self.text("run_id").is_some() && self.text("role").is_some() && self.number("used_memory").is_some()
    }

    /// A value.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// A whole number that is not negative.
    pub(crate) fn number(&self, key: &str) -> Option<u64> {
        self.text(key)?.parse().ok()
    }

    /// A number.
    pub(crate) fn float(&self, key: &str) -> Option<f64> {
        self.text(key)?.parse().ok().filter(|number: &f64| number.is_finite())
    }

    /// Whether a flag is 1; none where there is no such flag.
    pub(crate) fn flag(&self, key: &str) -> Option<bool> {
        self.number(key).map(|number| number > 0)
    }

    /// Fields of a compound value: `slave0:ip=…,port=…`.
    pub(crate) fn fields<'a>(value: &'a str, field: &str) -> Option<&'a str> {
        value
            .split(',')
            .find_map(|pair| pair.split_once('=').filter(|(name, _)| *name == field).map(|(_, value)| value))
    }

    /// Values whose key is a prefix and a number, such as `slave0`, `db3`; with the number.
    pub(crate) fn numbered<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (u32, &'a str)> {
        self.0.iter().filter_map(move |(key, value)| Some((key.strip_prefix(prefix)?.parse().ok()?, value.as_str())))
    }

    /// Error replies so far, by their code (Redis 6.2 and later: none is a section without lines).
    pub(crate) fn errors(&self) -> BTreeMap<String, u64> {
        let errors = self.0.iter().filter_map(|(key, value)| {
            Some((key.strip_prefix("errorstat_")?.to_owned(), Self::fields(value, "count")?.parse().ok()?))
        });
        errors.collect()
    }

    /// Keys and those of them that expire, in all databases.
    pub(crate) fn keys(&self) -> (u64, u64) {
        let of = |value: &str, field| Self::fields(value, field).and_then(|number| number.parse().ok()).unwrap_or(0u64);
        self.numbered("db")
            .fold((0, 0), |(keys, expires), (_, value)| (keys + of(value, "keys"), expires + of(value, "expires")))
    }

    /// The version, whatever it calls itself.
    pub(crate) fn version(&self) -> String {
        match (self.text("valkey_version"), self.text("redis_version")) {
            (Some(version), _) => format!("Valkey {version}"),
            (None, Some(version)) => format!("Redis {version}"),
            (None, None) => "a server without a version".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Info;

    #[test]
    fn lines_become_values_and_what_is_no_number_is_none() {
        let info = Info::parse(
            "# Server\r\nrun_id:abc\r\nrole:master\r\nused_memory:12\r\nratio:1.5\r\nodd:nan\r\n\r\n\
             slave0:ip=::1,port=7,state=online,offset=1,lag=0\r\ndb0:keys=3,expires=1,avg_ttl=0\r\ndb7:keys=4,expires=0\r\n\
             errorstat_OOM:count=5\r\n",
        );
        assert!(info.is_one());
        assert_eq!((info.number("used_memory"), info.float("ratio"), info.float("odd")), (Some(12), Some(1.5), None));
        assert_eq!(info.keys(), (7, 1));
        assert_eq!(info.errors().get("OOM"), Some(&5));
        let replicas: Vec<_> = info.numbered("slave").filter_map(|(_, value)| Info::fields(value, "ip")).collect();
        assert_eq!(replicas, ["::1"]);
        assert!(!Info::parse("<html>\nrun_id: no").is_one());
    }
}
