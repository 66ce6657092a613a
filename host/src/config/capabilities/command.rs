//! `[command.NAME]`: a program with typed placeholders.

use std::collections::BTreeMap;
use std::time::Duration;

use toml::de::{DeArray, DeValue};

use super::Named;
use crate::config::reader::{At, Problems, Section, note};
use crate::grants::commands::{self, Command, Effect, Kind};
use crate::grants::files::Directory;

const KINDS: &str = "write \"text\", \"identifier\", \"integer\", [\"one\", \"other\"], { text = 64 }, { integer = [1, 16] } or { path = \"NAME\" } of a [files.NAME]";

/// Reads one command.
pub(super) fn read(
    name: &str,
    files: &Named<Directory>,
    mut section: Section<'_>,
    problems: &mut Problems,
) -> Option<Command> {
    section.require("run", "[\"/usr/bin/pg_dump\", \"--dbname={database}\"]", problems);
    let place = section.span.clone();
    let before = problems.len();
    let run = section.names("run", problems).unwrap_or_default();
    let parameters = section.section("parameters", problems);
    let parameters = parameters.map(|section| parameters_of(section, files, problems)).unwrap_or_default();
    let stdout = section.text("stdout", problems).map(|at| at.value);
    let timeout = section.duration_from("timeout", Duration::from_millis(1), problems);
    let effect = section.word("effect", &[("read", Effect::Read), ("write", Effect::Write)], problems);
    let env = section.section("env", problems).map(|section| strings(section, problems)).unwrap_or_default();
    let pass_env = section.names("pass_env", problems).unwrap_or_default();
    let directory = section.text("directory", problems);
    let max_stdout = section.size_from("max_stdout", 1, problems);
    section.finish(problems);
    if problems.len() > before {
        return None;
    }
    let usual = commands::Section::default();
    let written = commands::Section {
        name: name.to_owned(),
        run: run.into_iter().map(|at| at.value).collect(),
        parameters,
        stdout,
        timeout,
        effect: effect.unwrap_or(usual.effect),
        env,
        pass_env: pass_env.into_iter().map(|at| at.value).collect(),
        directory: directory.map_or(usual.directory, |at| at.value.into()),
        max_stdout: max_stdout.unwrap_or(usual.max_stdout),
    };
    Command::new(written)
        .map_err(|why| {
            note(problems, place, format!("command.{name}.{why}"), "see [command.…] in the reference agent.toml");
        })
        .ok()
}

fn parameters_of(section: Section<'_>, files: &Named<Directory>, problems: &mut Problems) -> BTreeMap<String, Kind> {
    let path = section.name.clone();
    let mut parameters = BTreeMap::new();
    for (name, value) in section.entries() {
        let span = value.span.clone();
        match kind(value, files) {
            Ok(kind) => drop(parameters.insert(name.value, kind)),
            Err(why) => note(problems, span, format!("{path}.{}: {why}", name.value), KINDS),
        }
    }
    parameters
}

fn kind(written: At<DeValue<'_>>, files: &Named<Directory>) -> Result<Kind, String> {
    match written.value {
        DeValue::String(word) => Kind::named(&word),
        DeValue::Array(words) => {
            let word = |value: &DeValue<'_>| match value {
                DeValue::String(word) => Ok(word.to_string()),
                other => Err(format!("a choice is made of strings, not of a {}", other.type_str())),
            };
            words.iter().map(|value| word(value.get_ref())).collect::<Result<_, _>>().map(Kind::Choice)
        }
        DeValue::Table(table) => {
            let mut entries = table.iter();
            let (Some((key, value)), None) = (entries.next(), entries.next()) else {
                return Err("a kind has one key".to_owned());
            };
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("text", DeValue::Integer(_)) => {
                    let longest = usize::try_from(integer(value.get_ref())?).map_err(|error| error.to_string())?;
                    Ok(Kind::Text { longest })
                }
                ("integer", DeValue::Array(bounds)) => {
                    let (least, most) = bounds_of(bounds)?;
                    Ok(Kind::Integer { least, most })
                }
                ("path", DeValue::String(directory)) => match files.get(directory.as_ref()) {
                    Some(Some(granted)) => {
                        Ok(Kind::Path { directory: directory.to_string(), root: granted.path.clone() })
                    }
                    Some(None) => Err(format!("[files.{directory}] is wrong itself")),
                    None => Err(format!("there is no [files.{directory}]")),
                },
                (other, _) => Err(format!("{other:?} with this value is no kind of parameter")),
            }
        }
        other => Err(format!("a {} is no kind of parameter", other.type_str())),
    }
}

fn bounds_of(bounds: &DeArray<'_>) -> Result<(i64, i64), String> {
    let numbers = bounds.iter().map(|value| integer(value.get_ref())).collect::<Result<Vec<_>, _>>()?;
    match numbers.as_slice() {
        [least, most] => Ok((*least, *most)),
        _ => Err("the bounds of an integer are two numbers".to_owned()),
    }
}

fn integer(value: &DeValue<'_>) -> Result<i64, String> {
    match value {
        DeValue::Integer(number) => {
            i64::from_str_radix(number.as_str(), number.radix()).map_err(|error| error.to_string())
        }
        other => Err(format!("a number is wanted, not a {}", other.type_str())),
    }
}

fn strings(section: Section<'_>, problems: &mut Problems) -> BTreeMap<String, String> {
    let path = section.name.clone();
    let mut strings = BTreeMap::new();
    for (name, value) in section.entries() {
        match value.value {
            DeValue::String(text) => drop(strings.insert(name.value, text.into_owned())),
            other => {
                let message = format!("{path}.{} must be a string, not a {}", name.value, other.type_str());
                note(problems, value.span, message, "write \"…\"");
            }
        }
    }
    strings
}
