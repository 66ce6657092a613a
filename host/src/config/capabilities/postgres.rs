//! `[postgres.NAME]`: a database scope, named once and granted by name.

use std::time::Duration;

use super::{Reading, secret};
use crate::config::reader::{Problems, Section};
use crate::grants::postgres::{PasswordSource, Scope, Target, os_user};

/// An example for messages.
const DSN: &str = "\"host=/var/run/postgresql dbname=app user=pgreeve_observer\"";
const ACT_DSN: &str = "\"host=/var/run/postgresql dbname=app user=pgreeve_actor\"";

/// Reads one scope.
pub(super) fn read(
    name: &str,
    reading: &mut Reading<'_>,
    mut section: Section<'_>,
    problems: &mut Problems,
) -> Option<Scope> {
    section.require("dsn", DSN, problems);
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
    let mut scope = Scope::new(name, target?.value.with_superuser_allowed(allow_superuser));
    for (key, field) in [
        ("connect_timeout", &mut scope.connect_timeout),
        ("statement_timeout", &mut scope.statement_timeout),
        ("lock_timeout", &mut scope.lock_timeout),
    ] {
        *field = section.duration_from(key, Duration::from_millis(1), problems).unwrap_or(*field);
    }
    scope.act = act.map(|act| act.value.for_actions().with_superuser_allowed(act_allow_superuser));
    if let Some(source) = act_password {
        scope.act = scope.act.map(|act| act.with_password(PasswordSource::Secret(source)));
    }
    section.finish(problems);
    if let Some(source) = password {
        scope.target = scope.target.with_password(PasswordSource::Secret(source));
    }
    Some(scope)
}
