//! Durations and sizes as people write them, for settings structs.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de::Error as _};

/// A duration in settings: `"500ms"`, `"30s"`, `"2h 30m"`, `"7d"`. A bare number is refused: it has no unit.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Seconds(pub f64);

/// A size in settings: `"64MiB"`, `"10 GB"`. Units of 1024 have an `i`. A bare number is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let duration: Duration = humantime::parse_duration(&text).map_err(|error| {
            D::Error::custom(format!("{text:?} is not a duration such as \"30s\" or \"2h\": {error}"))
        })?;
        Ok(Self(duration.as_secs_f64()))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        bytesize::ByteSize::from_str(&text)
            .map(|size| Self(size.as_u64()))
            .map_err(|error| D::Error::custom(format!("{text:?} is not a size such as \"64MiB\": {error}")))
    }
}

impl JsonSchema for Seconds {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "duration".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^\\s*(\\d+\\s*(ns|us|ms|s|sec|m|min|h|hour|hours|d|day|days|w|week|weeks)\\s*)+$",
            "examples": ["30s", "2h"] })
    }
}

impl JsonSchema for Bytes {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "size".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^\\s*\\d+(\\.\\d+)?\\s*([kKmMgGtT]i?)?[bB]\\s*$", "examples": ["64MiB", "10GB"] })
    }
}

impl fmt::Display for Seconds {
    /// Two units at the most: `4 s`, `1 min 30 s`, `3 h 5 min`, `2 d 4 h`; below ten seconds one decimal, below one in milliseconds.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0;
        if !seconds.is_finite() {
            return write!(out, "{seconds} s");
        }
        let sign = if seconds < 0.0 { "-" } else { "" };
        let size = seconds.abs();
        let whole = size.round() as u64;
        let (small, large) =
            (|part: u64, unit: &str| if part == 0 { String::new() } else { format!(" {part} {unit}") }, whole);
        if size < 0.9995 {
            write!(out, "{sign}{:.0} ms", size * 1e3)
        } else if size < 9.95 {
            let text = format!("{size:.1}");
            write!(out, "{sign}{} s", text.strip_suffix(".0").unwrap_or(&text))
        } else if large < 60 {
            write!(out, "{sign}{large} s")
        } else if large < 3600 {
            write!(out, "{sign}{} min{}", large / 60, small(large % 60, "s"))
        } else if large < 86_400 {
            write!(out, "{sign}{} h{}", large / 3600, small(large % 3600 / 60, "min"))
        } else {
            write!(out, "{sign}{} d{}", large / 86_400, small(large % 86_400 / 3600, "h"))
        }
    }
}

impl fmt::Display for Bytes {
    /// `0 bytes`, `512 bytes`, `1.5 MiB`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(&str, u64); 5] =
            [("PiB", 1 << 50), ("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
        match UNITS.iter().find(|(_, size)| self.0 >= *size) {
            None if self.0 == 1 => write!(out, "1 byte"),
            None => write!(out, "{} bytes", self.0),
            Some((unit, size)) => {
                let text = format!("{:.1}", self.0 as f64 / *size as f64);
                write!(out, "{} {unit}", text.strip_suffix(".0").unwrap_or(&text))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_in_two_units_at_the_most() {
        for (seconds, text) in [
            (0.0, "0 ms"),
            (0.25, "250 ms"),
            (0.9999, "1 s"),
            (2.0, "2 s"),
            (4.26, "4.3 s"),
            (9.97, "10 s"),
            (59.6, "1 min"),
            (90.0, "1 min 30 s"),
            (11_100.0, "3 h 5 min"),
            (187_200.0, "2 d 4 h"),
            (-2.0, "-2 s"),
        ] {
            assert_eq!(Seconds(seconds).to_string(), text);
        }
    }

    #[test]
    fn sizes_are_written_in_powers_of_1024() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (1023, "1023 bytes"),
            (1024, "1 KiB"),
            (1_572_864, "1.5 MiB"),
            (16 << 20, "16 MiB"),
        ] {
            assert_eq!(Bytes(bytes).to_string(), text);
        }
    }

    #[test]
    fn a_number_without_a_unit_is_no_setting() {
        assert!(serde_json::from_str::<Seconds>("5").is_err());
        assert!(serde_json::from_str::<Seconds>("\"5\"").is_err());
        assert!(serde_json::from_str::<Bytes>("64").is_err());
        assert_eq!(serde_json::from_str::<Seconds>("\"1m 30s\"").unwrap(), Seconds(90.0));
        assert_eq!(serde_json::from_str::<Bytes>("\"64MiB\"").unwrap(), Bytes(64 << 20));
    }
}
