//! Tests with real programs, and of what is refused before one is started.

mod configuration;
mod ending;
mod files;
mod programs;
mod running;
mod values;

use std::{collections::BTreeMap, future::Future, path::Path, time::Duration};

use super::{Argument, Ask, Command, Effect, Kind, Output, Part, Section, Told, perform};
use crate::grants::error::Error;

/// A command that reads, with this vector and no parameters.
fn reading(run: &[&str]) -> Section {
    let run = run.iter().map(|text| (*text).to_owned()).collect();
    Section { name: "tried".to_owned(), run, effect: Effect::Read, ..Section::default() }
}

/// A command that writes its output to `{file}` in a directory.
fn writing(run: &[&str], root: &Path) -> Section {
    let path = Kind::Path { directory: "out".to_owned(), root: root.to_owned() };
    let parameters = parameters(&[("file", path)]);
    Section { stdout: Some("{file}".to_owned()), effect: Effect::Write, parameters, ..reading(run) }
}

fn parameters(kinds: &[(&str, Kind)]) -> BTreeMap<String, Kind> {
    kinds.iter().map(|(name, kind)| ((*name).to_owned(), kind.clone())).collect()
}

fn text() -> Kind {
    Kind::named("text").unwrap()
}

fn command(section: Section) -> Command {
    Command::new(section).unwrap()
}

fn arguments(pairs: &[(&str, &str)]) -> Vec<Argument> {
    pairs.iter().map(|(name, value)| Argument { name: (*name).to_owned(), value: (*value).to_owned() }).collect()
}

/// Runs a command as a plugin would.
async fn observe(section: Section, pairs: &[(&str, &str)]) -> Result<Output, Error> {
    let ask = Ask::Run { command: section.name.clone(), arguments: arguments(pairs) };
    let Told::Output(output) = perform(&mut Part::new(16 << 20), &command(section), &ask).await?;
    Ok(output)
}

/// Waits until something is so, and fails after ten seconds.
async fn until<T>(what: &str, mut so: impl FnMut() -> Option<T>) -> T {
    let ask = async {
        loop {
            if let Some(found) = so() {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    in_time(what, ask).await
}

/// Fails if it takes more than ten seconds.
async fn in_time<T>(what: &str, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), work)
        .await
        .unwrap_or_else(|_| panic!("ten seconds, and not yet: {what}"))
}

/// The numbers that a script wrote into a file, once its line is whole.
fn numbers(file: &Path) -> Option<Vec<u32>> {
    let text = std::fs::read_to_string(file).ok().filter(|text| text.ends_with('\n'))?;
    Some(text.split_whitespace().map(|number| number.parse().unwrap()).collect())
}

/// Whether a process runs. One that ended and was not reaped does not.
fn runs(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

/// Whether there is anything left of a process, be it a zombie.
fn is_there(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

#[test]
fn calls_and_answers_have_the_names_of_the_contract() {
    let ask = Ask::Run { command: "df".to_owned(), arguments: arguments(&[("path", "/")]) };
    let json = r#"{"run":{"command":"df","arguments":[{"name":"path","value":"/"}]}}"#;
    assert_eq!(serde_json::to_string(&ask).unwrap(), json);
    assert_eq!(serde_json::from_str::<Ask>(json).unwrap(), ask);
    let told = Told::Output(Output { exit_status: 1, stdout: vec![0xff], stderr: "no".to_owned(), elapsed_us: 7 });
    let json = r#"{"output":{"exit-status":1,"stdout":{"base64":"/w=="},"stderr":"no","elapsed-us":7}}"#;
    assert_eq!(serde_json::to_string(&told).unwrap(), json);
    assert_eq!(serde_json::from_str::<Told>(json).unwrap(), told);
}
