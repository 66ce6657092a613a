//! What commands print: results on standard output, everything else on standard error; colour only where a person looks.

use std::io::{IsTerminal, Write as _};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;
use tracing_subscriber::EnvFilter;

use super::{Failure, LogFormat};
use crate::report::{Reason, Status};

/// Text and a line end. A reader that has gone away is no failure.
pub(super) fn line(text: &str) -> Result<(), Failure> {
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(format!("cannot write to standard output: {error}").into())
        }
        _ => Ok(()),
    }
}

/// The longest statement that is shown whole, in bytes; of a longer one its beginning and its end.
const LONGEST: usize = 8 << 10;
const BEGINNING: usize = 4 << 10;
const END: usize = 1 << 10;

/// What would be done, each line of it marked, so that no argument with a line end looks like anything else; with a line end.
pub(super) fn statement(text: &str, indent: usize) -> String {
    let marked = |text: &str| text.split('\n').map(|line| format!("{:indent$}| {line}\n", "")).collect::<String>();
    if text.len() <= LONGEST {
        return marked(text);
    }
    let (beginning, end) = (text.floor_char_boundary(BEGINNING), text.ceil_char_boundary(text.len() - END));
    format!(
        "{}{:indent$}  … {} bytes are not shown here, `--format json` has them …\n{}",
        marked(text.get(..beginning).unwrap_or_default()),
        "",
        end - beginning,
        marked(text.get(end..).unwrap_or_default())
    )
}

/// A JSON document, indented.
pub(super) fn json(value: &Value) -> Result<(), Failure> {
    line(&serde_json::to_string_pretty(value)?)
}

/// The answer, as a check's first line, of a command that could not look.
pub(super) fn unknown(of: &str, why: &str) -> Result<(), Failure> {
    line(&format!("{} {of}: {}", headline(Status::Unknown), why.lines().next().unwrap_or_default()))
}

/// A command's last words, on standard error.
pub(super) fn error(text: &str) {
    // There is nowhere else to say it.
    let _ = writeln!(std::io::stderr(), "pgreeve: {text}");
}

/// How far something is that takes a while: a line at once on standard error, and in a terminal the number, written over, until it is done.
pub(super) struct Progress {
    what: String,
    total: usize,
    done: usize,
    shows: bool,
}

impl Progress {
    /// Begins.
    pub(super) fn of(what: String, total: usize) -> Self {
        let shows = std::io::stderr().is_terminal();
        let progress = Self { what, total, done: 0, shows };
        if shows {
            progress.show();
        } else {
            error(&format!("{}: {total}", progress.what));
        }
        progress
    }

    /// One more is done.
    pub(super) fn one_more(&mut self) {
        self.done += 1;
        if self.shows {
            self.show();
        }
    }

    fn show(&self) {
        let _ = write!(std::io::stderr(), "\r{}: {} of {}", self.what, self.done, self.total);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shows {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

/// What is logged: what `RUST_LOG` says, else from this level on. A value that cannot be read is said, and not taken for silence or for more.
fn logged(level: &str) -> EnvFilter {
    let set = std::env::var_os(EnvFilter::DEFAULT_ENV).is_some_and(|value| !value.is_empty());
    EnvFilter::try_from_default_env().unwrap_or_else(|why| {
        if set {
            error(&format!("RUST_LOG is left aside, for it cannot be read ({why}): say debug, or pgreeve=debug"));
        }
        EnvFilter::new(level)
    })
}

/// The agent's log on standard error. `RUST_LOG` overrides the level, which is `info`.
pub(super) fn start_log(format: LogFormat) {
    let log = tracing_subscriber::fmt().with_env_filter(logged("info")).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => log.with_ansi(colourful(&std::io::stderr())).with_target(false).init(),
        LogFormat::Json => log.json().flatten_event(true).with_target(false).init(),
    }
}

/// For commands that print a result: warnings alone, on standard error.
pub(super) fn quiet_log() {
    let log = tracing_subscriber::fmt()
        .with_env_filter(logged("warn"))
        .with_writer(std::io::stderr)
        .without_time()
        .with_target(false);
    log.with_ansi(colourful(&std::io::stderr())).init();
}

/// A status as one word in capitals, coloured on a terminal.
pub(super) fn headline(status: Status) -> String {
    let (word, colour) = word(status, None);
    painted(word, colour)
}

/// A finding's status in the same way, padded to the longest.
pub(super) fn status(status: Status, reason: Option<Reason>) -> String {
    let (word, colour) = word(status, reason);
    painted(&format!("{word:<8}"), colour)
}

fn word(status: Status, reason: Option<Reason>) -> (&'static str, &'static str) {
    match (status, reason) {
        (Status::Ok, Some(Reason::NotApplicable)) => ("n/a", "2"),
        (Status::Ok, _) => ("OK", "32"),
        (Status::Warning, _) => ("WARNING", "33"),
        (Status::Critical, _) => ("CRITICAL", "1;31"),
        (Status::Unknown, _) => ("UNKNOWN", "35"),
    }
}

/// Text in a colour, if a person looks.
pub(super) fn painted(text: &str, colour: &str) -> String {
    if colourful(&std::io::stdout()) { format!("\x1b[{colour}m{text}\x1b[0m") } else { text.to_owned() }
}

/// Whether a person looks at a stream and wants colours.
fn colourful(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// A time in the configured zone, to the second.
pub(super) fn time(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S %Z").to_string()
}

/// The same of a time as JSON has it; what is none stays as it is.
pub(super) fn time_text(at: &str, zone: &TimeZone) -> String {
    at.parse().map_or_else(|_| at.to_owned(), |at| time(at, zone))
}

/// Rows under headings, columns as wide as they must be.
pub(super) fn table(headings: &[&str], rows: &[Vec<String>]) -> Result<(), Failure> {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain(headings.get(column).map(|heading| heading.len())).max().unwrap_or(0)
    };
    let format = |row: &[String]| {
        let cells = row.iter().enumerate().map(|(column, cell)| {
            let gap = width(column).saturating_sub(cell.chars().count());
            format!("{cell}{}", " ".repeat(gap))
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let headings: Vec<String> = headings.iter().map(ToString::to_string).collect();
    line(&painted(&format(&headings), "1"))?;
    rows.iter().try_for_each(|row| line(&format(row)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_marked_line_by_line_and_a_long_one_says_what_is_left_out() {
        assert_eq!(statement("SELECT 1,\n  next: x", 2), "  | SELECT 1,\n  |   next: x\n");
        let long = format!("{}é{}", "a".repeat(BEGINNING - 1), "\n".repeat(20_000));
        let shown = statement(&long, 0);
        assert!(
            shown.len() < LONGEST
                && shown.lines().all(|line| line.starts_with("| ") || line.contains("bytes are not shown"))
        );
        let left_out = long.len() - (BEGINNING - 1) - END;
        assert!(shown.contains(&format!("… {left_out} bytes are not shown")), "{shown}");
    }
}
