//! Moments: UTC, as text for people and as microseconds for programs.

use jiff::Timestamp;

/// Microseconds since 1970-01-01 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(pub(crate) i64);

impl Moment {
    /// The tool's clock.
    pub(crate) fn now() -> Self {
        Self(Timestamp::now().as_microsecond())
    }

    /// RFC 3339 with milliseconds: `2026-11-20T18:08:02.123Z`.
    pub(crate) fn text(self) -> String {
        self.at().map_or_else(|| self.0.to_string(), |at| at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string())
    }

    /// As PostgreSQL's settings take it, to the microsecond: `2026-11-20 18:08:02.123456+00`.
    pub(crate) fn setting(self) -> String {
        self.at().map_or_else(|| self.0.to_string(), |at| at.strftime("%Y-%m-%d %H:%M:%S.%6f+00").to_string())
    }

    /// As in a backup's name: `20261120T180802Z`.
    pub(crate) fn stamp(self) -> String {
        self.at().map_or_else(|| self.0.to_string(), |at| at.strftime("%Y%m%dT%H%M%SZ").to_string())
    }

    /// Milliseconds from `earlier` to this, 0 if the clock was set back.
    pub(crate) fn ms_since(self, earlier: Self) -> i64 {
        (self.0 - earlier.0).max(0) / 1000
    }

    /// Reads RFC 3339, also with a blank between date and time; a time without an offset is UTC.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let parsed: Result<Timestamp, _> = text.parse();
        let parsed = parsed.or_else(|_| format!("{text}Z").parse()).or_else(|_| format!("{text}:00Z").parse());
        parsed.ok().map(|at| Self(at.as_microsecond()))
    }

    fn at(self) -> Option<Timestamp> {
        Timestamp::from_microsecond(self.0).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::Moment;

    #[test]
    fn moments_are_read_as_people_write_them() {
        let noon = Moment::parse("2026-11-20T12:00:00Z").unwrap();
        for text in ["2026-11-20 12:00:00", "2026-11-20T13:00:00+01:00", "2026-11-20 13:00:00+01", "2026-11-20 12:00"] {
            assert_eq!(Moment::parse(text), Some(noon), "{text}");
        }
        assert_eq!(noon.text(), "2026-11-20T12:00:00.000Z");
        assert_eq!(noon.stamp(), "20261120T120000Z");
        assert_eq!(Moment::parse("yesterday"), None);
    }
}
