//! `[postgres.NAME]`: a database scope, named once and granted by name.

use std::ops::Range;
use std::time::Duration;

use super::secret::Keys;
use super::{Reading, secret};
use crate::config::reader::{Problems, Section, note};
use crate::grants::postgres::{PasswordSource, Scope, Target, os_user};

/// An example for messages.
const DSN: &str = "\"host=/var/run/postgresql dbname=app user=pgreeve_observer\"";
const ACT_DSN: &str = "\"host=/var/run/postgresql dbname=app user=pgreeve_actor\"";

/// What the section says of the login for actions, each key with its place.
fn told_of_actor(section: &Section<'_>) -> Vec<(&'static str, Range<usize>)> {
    let Keys { file, env, credential } = secret::ACT_PASSWORD;
    let keys = [file, env, credential, "act_allow_superuser"];
    keys.into_iter().filter_map(|key| Some((key, section.given(key)?))).collect()
}

/// Reads one scope.
pub(super) fn read(
    name: &str,
    reading: &mut Reading<'_>,
    mut section: Section<'_>,
    problems: &mut Problems,
) -> Option<Scope> {
    section.require("dsn", DSN, problems);
    let of_nobody = if section.given("act_dsn").is_none() { told_of_actor(&section) } else { Vec::new() };
    let os_user = os_user();
    let parse = |text: &str| {
        let user = os_user.as_ref().map_or("", String::as_str);
        Target::parse(text, user).map_err(|error| error.to_string())
    };
    let target = section.parsed("dsn", problems, parse, &format!("write dsn = {DSN}; see libpq's connection strings"));
    let fix = format!("write act_dsn = {ACT_DSN}, a login of its own for actions");
    let act = section.parsed("act_dsn", problems, parse, &fix);
    let act_password = secret::read(&secret::ACT_PASSWORD, reading, &mut section, problems);
    let password = secret::read(&secret::PASSWORD, reading, &mut section, problems);
    let allow_superuser = section.boolean("allow_superuser", problems).unwrap_or(false);
    let act_allow_superuser = section.boolean("act_allow_superuser", problems).unwrap_or(false);
    for (key, place) in of_nobody {
        // The default may stand there, as it does in the reference.
        if key != "act_allow_superuser" || act_allow_superuser {
            let message = format!(
                "[postgres.{name}] has {key} and no act_dsn: there is no login for actions that it could be about"
            );
            note(problems, place, message, format!("add act_dsn = {ACT_DSN}, or remove {key}"));
        }
    }
    let mut timeout = |key| section.duration_from(key, Duration::from_millis(1), problems);
    let [connect, statement, lock] = ["connect_timeout", "statement_timeout", "lock_timeout"].map(&mut timeout);
    section.finish(problems);
    let mut scope = Scope::new(name, target?.value.with_superuser_allowed(allow_superuser));
    scope.connect_timeout = connect.unwrap_or(scope.connect_timeout);
    scope.statement_timeout = statement.unwrap_or(scope.statement_timeout);
    scope.lock_timeout = lock.unwrap_or(scope.lock_timeout);
    scope.act = act.map(|act| act.value.for_actions().with_superuser_allowed(act_allow_superuser));
    if let Some(source) = act_password {
        scope.act = scope.act.map(|act| act.with_password(PasswordSource::Secret(source)));
    }
    if let Some(source) = password {
        scope.target = scope.target.with_password(PasswordSource::Secret(source));
    }
    Some(scope)
}
