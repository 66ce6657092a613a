//! A recorded run: what the plugin was given, every host call with its answer, and what came of it. Replaying it needs no server and
//! gives the same report, for a guest has nothing else to go by: its clock is the run's `now`, its randomness is drawn from the same seed.
//!
//! A file of JSON lines: the header, one line per host call, the outcome. A file without its outcome is not whole and is refused.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Finished, Request, once};
use crate::grants::Granted;
use crate::grants::exchange::Exchange;
use crate::grants::memory::Memory;
use crate::grants::transcript::Mode;
use crate::limits::Limits;
use crate::plugin::Plugin;
use crate::report::{Cause, Outcome};

/// The version of the file's form.
const FORM: u32 = 1;
/// The largest recording that is read, in bytes.
const MOST: u64 = 256 << 20;

/// One recorded run.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    /// What the plugin was given.
    pub header: Header,
    /// Its host calls.
    pub exchanges: Vec<Exchange>,
    /// What its monotonic clock read, in nanoseconds, where it imports WASI and looked.
    pub clock: Vec<u64>,
    /// What came of them.
    pub outcome: Outcome,
}

/// What the plugin was given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// The version of the form.
    pub pgreeve_recording: u32,
    /// The job's name.
    pub job: String,
    /// The plugin's name.
    pub plugin: String,
    /// Its version.
    pub plugin_version: String,
    /// SHA-256 of the component.
    pub plugin_sha256: String,
    /// Why the run was made.
    pub cause: Cause,
    /// The run's `now`.
    pub now: Timestamp,
    /// The job's settings.
    pub settings: Value,
    /// Names granted, by capability.
    pub grants: Vec<(String, Vec<String>)>,
}

#[derive(Serialize, Deserialize)]
struct Last {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    clock: Vec<u64>,
    outcome: Outcome,
}

/// A recording cannot be written, read or redacted.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// The file.
    #[error("cannot {what} the recording {}: {source}{}", .path.display(), advice(.source))]
    File {
        /// `read` or `write`.
        what: &'static str,
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A line that is not what should stand there.
    #[error("{}:{line}: {why}", .path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What is wrong.
        why: String,
    },
    /// With the words redacted, the plugin does something else.
    #[error(
        "the run cannot be recorded with these words redacted, because the plugin then does something else: it {0}"
    )]
    Redaction(String),
    /// The outcome is none that a plugin gives.
    #[error("only a run that ends with the plugin's own answer can be replayed; this one was {0}")]
    Outcome(&'static str),
    /// The plugin asked for more than a recording holds.
    #[error(
        "the run's calls and answers have more than {0}, which is all that a recording holds: record it where there is less to see, or \
         with settings that ask for less"
    )]
    TooLong(bytesize::ByteSize),
}

impl Recording {
    /// The recording of a finished run.
    pub fn of(header: Header, finished: &Finished) -> Result<Self, RecordingError> {
        match finished.outcome {
            Outcome::Reported { .. } | Outcome::Failed { .. } => {}
            ref other => return Err(RecordingError::Outcome(other.word())),
        }
        let exchanges = finished.kept.exchanges().map_err(|most| RecordingError::TooLong(bytesize::ByteSize(most)))?;
        Ok(Self {
            header,
            exchanges: exchanges.to_vec(),
            clock: finished.clock.clone(),
            outcome: finished.outcome.clone(),
        })
    }

    /// Runs a plugin on the recorded answers; the outcome, to be compared with the recorded one.
    pub async fn replay(&self, plugin: &Plugin) -> Outcome {
        let granted = Granted {
            job: self.header.job.clone(),
            plugin: self.header.plugin.clone(),
            replayed: Some(self.header.grants.clone()),
            ..Granted::default()
        };
        let request = Request {
            cause: self.header.cause,
            now: self.header.now,
            settings: self.header.settings.to_string().into(),
            granted: Arc::new(granted),
            limits: Limits { calls: u32::MAX, ..Limits::default() },
            stop: None,
            role: None,
            mode: Mode::Replaying { exchanges: self.exchanges.clone().into(), clock: self.clock.clone() },
            outcomes: Vec::new(),
        };
        once(plugin, request, Memory::default()).await.outcome
    }

    /// The same run with each of the words replaced everywhere, in statements, parameters, answers and settings; the outcome is what the
    /// plugin makes of that. Bytes that are no text are not searched.
    pub async fn redacted(self, plugin: &Plugin, words: &[String]) -> Result<Self, RecordingError> {
        if words.is_empty() {
            return Ok(self);
        }
        let changed = |value: Result<Value, serde_json::Error>| {
            let mut value = value.map_err(|error| RecordingError::Redaction(error.to_string()))?;
            redact(&mut value, words);
            Ok(value)
        };
        let failed = |error: serde_json::Error| RecordingError::Redaction(format!("has no such record: {error}"));
        let header = serde_json::from_value(changed(serde_json::to_value(&self.header))?).map_err(failed)?;
        let exchanges = serde_json::from_value(changed(serde_json::to_value(&self.exchanges))?).map_err(failed)?;
        let mut redacted = Self { header, exchanges, clock: self.clock, outcome: self.outcome };
        redacted.outcome = match redacted.replay(plugin).await {
            outcome @ (Outcome::Reported { .. } | Outcome::Failed { .. }) => outcome,
            Outcome::Faulted { message, .. } => return Err(RecordingError::Redaction(message)),
            other => return Err(RecordingError::Redaction(other.word().to_owned())),
        };
        Ok(redacted)
    }

    /// Writes a new file, readable by its owner alone, whole or not at all; one that is there is not touched.
    pub fn write(&self, path: &Path) -> Result<(), RecordingError> {
        let failed = |source| RecordingError::File { what: "write", path: path.to_owned(), source };
        let text = self.text().map_err(|error| failed(error.into()))?;
        let mut file =
            std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(|error| {
            // What is half written is no recording; it is the other error that is told.
            let _ = std::fs::remove_file(path);
            failed(error)
        })
    }

    /// The text of its file.
    pub fn text(&self) -> serde_json::Result<String> {
        let mut text = serde_json::to_string(&self.header)? + "\n";
        for exchange in &self.exchanges {
            text += &serde_json::to_string(exchange)?;
            text.push('\n');
        }
        let last = Last { clock: self.clock.clone(), outcome: self.outcome.clone() };
        Ok(text + &serde_json::to_string(&last)? + "\n")
    }

    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self, RecordingError> {
        use std::io::Read as _;
        let failed = |source| RecordingError::File { what: "read", path: path.to_owned(), source };
        let mut text = String::new();
        std::fs::File::open(path).and_then(|file| file.take(MOST).read_to_string(&mut text)).map_err(failed)?;
        Self::parse(&text).map_err(|(line, why)| RecordingError::Line { path: path.to_owned(), line, why })
    }

    /// Takes a file's text apart; where it fails, the line (from 1) and why.
    pub fn parse(text: &str) -> Result<Self, (usize, String)> {
        let at = |line: usize| move |error: serde_json::Error| (line, error.to_string());
        let mut lines = (1..).zip(text.lines());
        let (_, first) = lines.next().ok_or((1, "the file is empty".to_owned()))?;
        let header: Header = serde_json::from_str(first).map_err(|error| {
            (1, format!("no recording begins so ({error}); `pgreeve check JOB --record FILE` makes them"))
        })?;
        if header.pgreeve_recording != FORM {
            return Err((
                1,
                format!("a recording of form {}; this pgreeve reads form {FORM}", header.pgreeve_recording),
            ));
        }
        let mut exchanges = Vec::new();
        for (number, line) in lines.by_ref() {
            match serde_json::from_str::<Last>(line) {
                Ok(last) => {
                    return match lines.next() {
                        None => Ok(Self { header, exchanges, clock: last.clock, outcome: last.outcome }),
                        Some((after, _)) => Err((after, "nothing may follow the outcome".to_owned())),
                    };
                }
                Err(_) => exchanges.push(serde_json::from_str(line).map_err(at(number))?),
            }
        }
        Err((text.lines().count(), "the outcome is missing: the file is not whole".to_owned()))
    }
}

/// What to do where a file cannot be read or written.
fn advice(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::AlreadyExists => "; name a file that is not there yet",
        _ => "",
    }
}

impl Header {
    /// The header of a run that is to be recorded.
    pub fn new(plugin: &Plugin, granted: &Granted, settings: &str, cause: Cause, now: Timestamp) -> Self {
        Self {
            pgreeve_recording: FORM,
            job: granted.job.clone(),
            plugin: plugin.manifest.told.name.clone(),
            plugin_version: plugin.manifest.told.version.clone(),
            plugin_sha256: plugin.digest.to_string(),
            cause,
            now,
            settings: serde_json::from_str(settings).unwrap_or_default(),
            grants: granted.names(),
        }
    }
}

fn redact(value: &mut Value, words: &[String]) {
    match value {
        Value::String(text) => {
            for (number, word) in (1..).zip(words).filter(|(_, word)| !word.is_empty()) {
                if text.contains(word.as_str()) {
                    *text = text.replace(word.as_str(), &format!("redacted_{number}"));
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| redact(item, words)),
        Value::Object(fields) => fields.values_mut().for_each(|field| redact(field, words)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
