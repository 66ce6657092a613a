//! Reads tables of agent.toml key by key, noting every mistake with its place instead of stopping at the first.

use std::borrow::Cow;
use std::ops::Range;
use std::str::FromStr as _;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::Problem;

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct At<T> {
    /// What was read.
    pub value: T,
    /// Where it stands.
    pub span: Range<usize>,
}

impl<T> At<T> {
    /// The same place with another value.
    pub(super) fn map<U>(self, convert: impl FnOnce(T) -> U) -> At<U> {
        At { value: convert(self.value), span: self.span }
    }
}

/// Mistakes found so far.
pub(super) type Problems = Vec<Problem>;

/// Notes a mistake.
pub(super) fn note(problems: &mut Problems, span: Range<usize>, message: impl Into<String>, fix: impl Into<String>) {
    problems.push(Problem { span, message: message.into(), fix: Some(fix.into()) });
}

/// A table being read: each key is taken once, and those that nobody took are unknown.
pub(super) struct Section<'i> {
    /// As in `[job.replication]`.
    pub name: String,
    /// Where the table stands.
    pub span: Range<usize>,
    table: DeTable<'i>,
    known: Vec<&'static str>,
}

impl<'i> Section<'i> {
    /// A table by its name.
    pub(super) fn new(name: impl Into<String>, table: Spanned<DeTable<'i>>) -> Self {
        let span = table.span();
        Self { name: name.into(), span, table: table.into_inner(), known: Vec::new() }
    }

    /// The value of a key.
    pub(super) fn take(&mut self, key: &'static str) -> Option<At<DeValue<'i>>> {
        self.known.push(key);
        let (_, value) = self.table.remove_entry(key)?;
        Some(At { span: value.span(), value: value.into_inner() })
    }

    /// A table within this one, and nothing if it is not there.
    pub(super) fn section(&mut self, key: &'static str, problems: &mut Problems) -> Option<Section<'i>> {
        let name = if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) };
        let taken = self.take(key)?;
        match taken.value {
            DeValue::Table(table) => Some(Section::new(name, Spanned::new(taken.span, table))),
            other => {
                wrong_type(problems, &name, taken.span, &other, "a table", &format!("write it as [{name}]"));
                None
            }
        }
    }

    /// Whether a key is there and a table.
    pub(super) fn is_table(&self, key: &str) -> bool {
        self.table.get(key).is_some_and(|value| matches!(value.get_ref(), DeValue::Table(_)))
    }

    /// Where the value of a key stands that nobody took yet.
    pub(super) fn given(&self, key: &str) -> Option<Range<usize>> {
        self.table.get(key).map(Spanned::span)
    }

    /// Every entry that is left, each with its key's place; for tables whose keys are names.
    pub(super) fn entries(self) -> impl Iterator<Item = (At<String>, At<DeValue<'i>>)> {
        self.table.into_iter().map(|(key, value)| {
            let key = At { span: key.span(), value: key.into_inner().into_owned() };
            (key, At { span: value.span(), value: value.into_inner() })
        })
    }

    /// A string.
    pub(super) fn text(&mut self, key: &'static str, problems: &mut Problems) -> Option<At<String>> {
        let taken = self.take(key)?;
        match taken.value {
            DeValue::String(text) => Some(At { value: text.into_owned(), span: taken.span }),
            other => {
                let fix = format!("write {key} = \"…\"");
                wrong_type(problems, &self.path(key), taken.span, &other, "a string", &fix);
                None
            }
        }
    }

    /// Notes a mistake if the key is not there; to be called before it is taken.
    pub(super) fn require(&self, key: &'static str, example: &str, problems: &mut Problems) {
        if !self.table.contains_key(key) {
            note(problems, self.span.clone(), format!("[{}] lacks {key}", self.name), format!("add {key} = {example}"));
        }
    }

    /// A string that another type is made of; what that type says of a bad one is the message.
    pub(super) fn parsed<T, E: std::fmt::Display>(
        &mut self,
        key: &'static str,
        problems: &mut Problems,
        parse: impl FnOnce(&str) -> Result<T, E>,
        fix: &str,
    ) -> Option<At<T>> {
        let text = self.text(key, problems)?;
        match parse(&text.value) {
            Ok(value) => Some(At { value, span: text.span }),
            Err(error) => {
                note(problems, text.span, format!("{}: {error}", self.path(key)), fix);
                None
            }
        }
    }

    /// A duration such as `"30s"`.
    pub(super) fn duration(&mut self, key: &'static str, problems: &mut Problems) -> Option<Duration> {
        let parse = |text: &str| {
            humantime::parse_duration(text).map_err(|error| format!("{text:?} is not a duration: {error}"))
        };
        self.parsed(key, problems, parse, "write a number with a unit, such as \"500ms\", \"30s\", \"2h\" or \"7d\"")
            .map(|at| at.value)
    }

    /// A duration of at least `least`.
    pub(super) fn duration_from(
        &mut self,
        key: &'static str,
        least: Duration,
        problems: &mut Problems,
    ) -> Option<Duration> {
        let span = self.place(key);
        let duration = self.duration(key, problems)?;
        if duration < least {
            self.too_small(key, span, &humantime::format_duration(least).to_string(), problems);
        }
        Some(duration)
    }

    /// A size of at least `least` bytes.
    pub(super) fn size_from(&mut self, key: &'static str, least: u64, problems: &mut Problems) -> Option<u64> {
        let span = self.place(key);
        let size = self.size(key, problems)?;
        if size < least {
            self.too_small(key, span, &bytesize::ByteSize(least).to_string(), problems);
        }
        Some(size)
    }

    fn too_small(&self, key: &str, span: Range<usize>, least: &str, problems: &mut Problems) {
        note(problems, span, format!("{} is below {least}", self.path(key)), format!("write \"{least}\" or more"));
    }

    fn place(&self, key: &str) -> Range<usize> {
        self.table.get(key).map_or(self.span.clone(), Spanned::span)
    }

    /// A size such as `"64MiB"`.
    pub(super) fn size(&mut self, key: &'static str, problems: &mut Problems) -> Option<u64> {
        let parse = |text: &str| {
            if text.trim().bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(format!("{text:?} has no unit"));
            }
            bytesize::ByteSize::from_str(text)
                .map(|size| size.as_u64())
                .map_err(|error| format!("{text:?} is not a size: {error}"))
        };
        self.parsed(key, problems, parse, "write a number with a unit, such as \"512KiB\", \"64MiB\" or \"2GiB\"")
            .map(|at| at.value)
    }

    /// A whole number of at least one.
    pub(super) fn count(&mut self, key: &'static str, problems: &mut Problems) -> Option<u32> {
        let taken = self.take(key)?;
        let number = match &taken.value {
            DeValue::Integer(number) => {
                u32::from_str_radix(number.as_str(), number.radix()).ok().filter(|number| *number > 0)
            }
            other => {
                wrong_type(
                    problems,
                    &self.path(key),
                    taken.span,
                    other,
                    "a whole number",
                    &format!("write {key} = 10"),
                );
                return None;
            }
        };
        if number.is_none() {
            let message = format!("{} must be between 1 and {}", self.path(key), u32::MAX);
            note(problems, taken.span, message, format!("write {key} = 10"));
        }
        number
    }

    /// `true` or `false`.
    pub(super) fn boolean(&mut self, key: &'static str, problems: &mut Problems) -> Option<bool> {
        let taken = self.take(key)?;
        if let DeValue::Boolean(value) = taken.value {
            return Some(value);
        }
        wrong_type(
            problems,
            &self.path(key),
            taken.span,
            &taken.value,
            "a boolean",
            &format!("write {key} = true or {key} = false"),
        );
        None
    }

    /// One of a set of words.
    pub(super) fn word<T: Copy>(
        &mut self,
        key: &'static str,
        words: &[(&str, T)],
        problems: &mut Problems,
    ) -> Option<T> {
        let text = self.text(key, problems)?;
        let found = words.iter().find(|(word, _)| *word == text.value);
        if found.is_none() {
            let list: Vec<String> = words.iter().map(|(word, _)| format!("{word:?}")).collect();
            let message = format!("{}: {:?} is none of its words", self.path(key), text.value);
            note(problems, text.span, message, format!("write one of {}", list.join(", ")));
        }
        found.map(|(_, value)| *value)
    }

    /// An array of strings.
    pub(super) fn names(&mut self, key: &'static str, problems: &mut Problems) -> Option<Vec<At<String>>> {
        let taken = self.take(key)?;
        let path = self.path(key);
        let fix = format!("write {key} = [\"…\"]");
        let DeValue::Array(array) = taken.value else {
            wrong_type(problems, &path, taken.span, &taken.value, "an array of strings", &fix);
            return None;
        };
        let mut names = Vec::new();
        for item in array {
            let span = item.span();
            match item.into_inner() {
                DeValue::String(text) => names.push(At { value: text.into_owned(), span }),
                other => wrong_type(problems, &path, span, &other, "an array of strings", &fix),
            }
        }
        Some(names)
    }

    /// Reports what nobody took, with the key that was probably meant.
    pub(super) fn finish(self, problems: &mut Problems) {
        let place = if self.name.is_empty() { "agent.toml".to_owned() } else { format!("[{}]", self.name) };
        for (key, _) in self.table {
            let fix = match nearest(key.get_ref(), self.known.iter().copied()) {
                Some(meant) => format!("did you mean {meant:?}?"),
                None => format!("{place} knows: {}", self.known.join(", ")),
            };
            note(problems, key.span(), format!("{place} has no key {:?}", key.get_ref()), fix);
        }
    }

    fn path(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }
}

/// The name that was probably meant by one that is not there.
pub(super) fn nearest<'a>(written: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    names
        .map(|name| (strsim::damerau_levenshtein(written, name), name))
        .filter(|(distance, name)| *distance <= name.len().max(written.len()) / 3 + 1 && *distance < name.len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

fn wrong_type(problems: &mut Problems, path: &str, span: Range<usize>, found: &DeValue<'_>, wanted: &str, fix: &str) {
    note(problems, span, format!("{path} must be {wanted}, not {}", article(found.type_str())), fix);
}

pub(super) fn article(noun: &str) -> Cow<'_, str> {
    let vowel = noun.starts_with(['a', 'e', 'i', 'o', 'u']);
    format!("{} {noun}", if vowel { "an" } else { "a" }).into()
}
