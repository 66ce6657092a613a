//! `pgreeve doctor`: whether the logins of agent.toml have what they want on the live servers, and no more.

use std::path::Path;

use serde_json::{Value, json};

use super::{Failure, OutputFormat, load, output};
use crate::config::Config;
use crate::grants::log::printable;
use crate::report::Status;
use crate::roles::doctor::{Line, State, doctor};
use crate::roles::{Login, logins, unused};

pub(super) fn main(path: &Path, scopes: &[String], format: OutputFormat) -> Result<u8, Failure> {
    output::quiet_log();
    let lines = load::runtime()?.block_on(async {
        let config = load::load(path, load::StateDir::AsItIs).await?.config;
        let logins = selected(&config, scopes)?;
        let mut lines = doctor(&logins).await;
        lines.retain(|line| is_of(&line.scopes, scopes));
        Ok::<_, Failure>(lines)
    })?;
    let status = lines.iter().map(Line::status).max().unwrap_or(Status::Ok);
    match format {
        OutputFormat::Human => output::line(&human(&lines, status))?,
        OutputFormat::Json => output::json(&json!({ "status": status, "summary": summary(&lines), "lines": lines }))?,
    }
    Ok(status.exit_code())
}

/// The answer of a doctor who could not look at all.
pub(super) fn failed(why: &str) -> Value {
    json!({ "status": Status::Unknown, "summary": why, "lines": [] })
}

/// The logins of these scopes, or of all; and those by which the same user logs in on the same servers: what one scope wants of a login is not
/// too much in another.
fn selected(config: &Config, scopes: &[String]) -> Result<Vec<Login>, Failure> {
    let there: Vec<&str> = config.postgres.iter().map(|scope| scope.name.as_str()).collect();
    if let Some(unknown) = scopes.iter().find(|scope| !there.contains(&scope.as_str())) {
        let (file, there) = (config.path.display(), there.join(", "));
        return Err(format!("{file} has no database scope {unknown:?}; there are: {there}").into());
    }
    let mut logins = logins(config, &[]);
    unused(config, &mut logins);
    let who = |login: &Login| (login.user().to_owned(), login.target.place());
    let named: Vec<_> = logins.iter().filter(|login| is_of(&login.scopes, scopes)).map(who).collect();
    logins.retain(|login| named.contains(&who(login)));
    Ok(logins)
}

/// Whether something that concerns some scopes is asked for.
fn is_of(concerned: &[String], asked: &[String]) -> bool {
    asked.is_empty() || concerned.iter().any(|scope| asked.contains(scope))
}

/// How many there are of each kind.
fn summary(lines: &[Line]) -> String {
    let kinds = [
        State::Missing,
        State::CouldNotLook,
        State::TooMuch,
        State::ThroughPublic,
        State::Ok,
        State::ByHand,
        State::ByDefault,
        State::NotApplicable,
    ];
    let count = |kind: State| {
        let count = lines.iter().filter(|line| line.state == kind).count();
        (count > 0).then(|| format!("{count} {}", kind.word()))
    };
    let counts: Vec<String> = kinds.into_iter().filter_map(count).collect();
    if counts.is_empty() { "no job is granted a database".to_owned() } else { counts.join(", ") }
}

fn human(lines: &[Line], status: Status) -> String {
    let mut out = vec![format!("{} doctor: {}", output::headline(status), summary(lines))];
    let mut before = None;
    for line in lines {
        let login = (&line.login, &line.scopes, &line.database);
        if before.replace(login) != Some(login) {
            let scopes = if line.scopes.len() == 1 { "scope" } else { "scopes" };
            let (login, database) = (printable(&line.login, 256), printable(&line.database, 256));
            out.push(format!("{login} ({scopes} {}, database {database})", line.scopes.join(", ")));
        }
        let colour = match line.status() {
            Status::Ok if line.state == State::Ok => "32",
            Status::Ok => "2",
            Status::Warning => "33",
            Status::Unknown => "35",
            Status::Critical => "1;31",
        };
        let optional = if line.state == State::Missing && !line.required { " (optional)" } else { "" };
        let word = output::painted(&format!("{:<14}", line.state.word()), colour);
        out.push(format!("  {word} {}{optional}", printable(&line.what, 1024)));
        let bad = line.status() != Status::Ok || matches!(line.state, State::ByHand | State::ByDefault);
        out.extend(line.why.iter().filter(|_| bad).map(|why| format!("{:17}for   {why}", "")));
        out.extend(
            line.effect.iter().filter(|_| bad).map(|effect| format!("{:17}mind  {}", "", printable(effect, 1024))),
        );
        out.extend(line.mend.iter().filter(|_| bad).map(|mend| format!("{:17}next  {}", "", printable(mend, 4096))));
    }
    out.join("\n")
}
