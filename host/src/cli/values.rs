//! Values on the command line: what each may be, and what is said of one that cannot be read.

use jiff::Timestamp;

use crate::report::Status;

/// A finding's status.
pub(super) fn status(word: &str) -> Result<Status, String> {
    Status::from_word(word).ok_or_else(|| "write ok, warning, critical or unknown".to_owned())
}

/// How many of a list.
pub(super) fn count(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|count| *count > 0).ok_or_else(|| "write a whole number from 1 on".to_owned())
}

/// How long.
pub(super) fn duration(text: &str) -> Result<std::time::Duration, String> {
    humantime::parse_duration(text).map_err(|_| "write a number with a unit, such as 30m, 6h or 7d".to_owned())
}

/// One label of a metric.
pub(super) fn label(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it as name=value")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// A time, or how long ago: `2026-11-20T18:00:00Z`, `2h`.
pub(super) fn moment(text: &str) -> Result<Timestamp, String> {
    if let Ok(moment) = text.parse() {
        return Ok(moment);
    }
    let ago = humantime::parse_duration(text)
        .map_err(|_| format!("{text:?} is neither a time such as 2026-11-20T18:00:00Z nor a duration such as 2h"))?;
    let ago = jiff::SignedDuration::try_from(ago).map_err(|error| error.to_string())?;
    Timestamp::now().checked_sub(ago).map_err(|error| error.to_string())
}
