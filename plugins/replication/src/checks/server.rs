//! `server`: was anything seen at all, and of which server? Without it one unreachable server would be a dozen
//! findings.

use pgreeve_sdk::{Error, Finding, Role, Status};

use crate::view::{View, named};

const ID: &str = "server";

/// The only answer for a scope that could not be asked.
pub(crate) fn unreachable(scope: &str, several: bool, error: &Error) -> Finding {
    let answer = named(scope, several, "", Finding::unanswered(ID, "", error));
    match error {
        Error::Unreachable(_) | Error::TimedOut(_) => answer.advise(format!(
            "try the dsn of [postgres.{scope}] with psql from this host, and read the end of the server's log"
        )),
        _ => answer,
    }
}

/// Which server was seen.
pub(crate) fn check(view: &View<'_>) -> Vec<Finding> {
    let server = &view.seen.server;
    let version = format!("{}.{}", server.version / 10_000, server.version % 10_000);
    let role = if server.role == Role::Primary { "primary" } else { "standby" };
    let answer = match &view.seen.identity {
        _ if view.seen.changed_role() => {
            view.no_data(ID, "", "its role changed while it was looked at, twice: nothing is judged").advise(
                "the next run looks again; a server that goes on changing its role is restarted or promoted by \
                somebody",
            )
        }
        Err(error) => view.unanswered(ID, "", error),
        Ok(identity) => {
            let timeline = identity.timeline.map_or(String::new(), |timeline| format!(", timeline {timeline}"));
            let summary = format!("{role}, PostgreSQL {version}{timeline}");
            match (view.memory.changed_role, server.role) {
                (false, _) => view.ok(ID, "", summary),
                (true, Role::Primary) => view
                    .finding(ID, "", Status::Warning, format!("{summary}; was a standby at the last run"))
                    .advise("promoted: make sure that the old primary is stopped, or follows this one"),
                (true, Role::Standby) => view
                    .finding(ID, "", Status::Warning, format!("{summary}; was a primary at the last run"))
                    .advise("make sure that exactly one other server is the primary now, and that this one follows it"),
            }
        }
    };
    vec![answer.fact("role", role).fact("system_identifier", server.system_identifier).fact("user", &server.user)]
}
