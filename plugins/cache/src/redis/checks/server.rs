//! `redis` and `redis-role`: does it answer, is it as long up as it was, and is it what it should be?

use pgreeve_sdk::{Error, Finding, Reason, Status, finding};

use super::super::is_down;
use super::super::memory::Life;
use super::View;
use crate::answer::{percent, seconds, unanswered as could_not_look};
use crate::settings::Role;
use crate::trust::mistrusted;

const SERVER: &str = "redis";
const ROLE: &str = "redis-role";

/// The only answer for a server that did not give its INFO. No connection and no answer in time are what the check looks
/// for; a refusal is not.
pub(super) fn unanswered(name: &str, error: &Error) -> Finding {
    let unanswered = could_not_look(SERVER, name, error);
    if let Error::Invalid(_) = error {
        return unanswered.advise(
            "look what listens there (redis-cli INFO): a Sentinel, a proxy or another program is no server to watch",
        );
    }
    if let Error::LimitExceeded(_) = error {
        let unanswered = Finding {
            summary: "could not look: its INFO is larger than max_reply, or than what the run may receive".into(),
            ..unanswered
        };
        return unanswered.advise(format!(
            "look what listens there (redis-cli INFO | wc -c from this host): a server's INFO has some kilobytes. If it is really so long, \
             raise max_reply under [redis.{name}] in agent.toml"
        ));
    }
    if let Some(finding) = mistrusted(SERVER, name, &format!("redis.{name}"), error) {
        return finding;
    }
    if !is_down(error) {
        return unanswered;
    }
    let words = match error {
        Error::Remote(remote) => format!("{} {}", remote.code, remote.message),
        _ => error.line(),
    };
    let advice = match error {
        Error::Remote(_) => unanswered.advice.unwrap_or_default(),
        Error::Unreachable(text) if text.contains("TLS failed") => "look whether the server's certificate has expired (openssl s_client \
              -connect HOST:PORT | openssl x509 -noout -dates), and renew it: whoever verifies it is refused"
            .to_owned(),
        Error::Unreachable(text) if text.contains("(connect_timeout)") => "look whether its host is up and lets this one in (a firewall that \
              drops is as silent), and whether the server hangs (the end of its log); a server without TLS waits as silently for the \
              rest of what it takes for a command: it wants redis:// in its URL. The application should do without its cache meanwhile: \
              watch the load on the database"
            .to_owned(),
        Error::Unreachable(text) if text.contains("closed the connection") || text.contains("the Redis protocol") => {
            "look what listens there (redis-cli INFO from this host). A port for TLS alone wants rediss:// in the URL; a proxy in front \
             may not pass INFO on: name the server itself. If Redis was ended at that moment, its log and `dmesg` say why"
                .to_owned()
        }
        _ => "look whether the service runs (systemctl status redis-server, or valkey-server) and read the end of its log; \
              after an OOM kill `dmesg` names it. The application should do without its cache meanwhile: watch the load on \
              the database. After the start warm the cache"
            .to_owned(),
    };
    finding(SERVER, name, Status::Critical, format!("does not serve: {words}")).advise(advice)
}

/// Whether it serves.
pub(super) fn check(view: &View<'_>) -> Finding {
    let info = view.info;
    let up = info.number("uptime_in_seconds").unwrap_or(0) as f64;
    let facts = |finding: Finding| {
        finding
            .fact("version", info.version())
            .fact("run_id", info.text("run_id").unwrap_or_default())
            .fact("uptime_s", up)
    };
    if info.flag("loading") == Some(true) {
        return facts(loading(view, up));
    }
    let version = info.version();
    facts(match view.since.life {
        Life::Restarted => {
            view.finding(SERVER, Status::Warning, format!("{version}, restarted {} ago, since the last run", seconds(up))).advise(
                "said once. If nobody meant to: read the end of its log and `dmesg` (an OOM kill leaves a line there); what was not \
                 saved is gone, so look at redis-hit and warm the application's cache",
            )
        }
        Life::Another => {
            let summary = format!("{version}, up for {}, and not the server that answered the last run", seconds(up));
            view.finding(SERVER, Status::Warning, summary).advise(
                "said once. A failover, or the address (DNS, a virtual IP, a proxy) leads elsewhere than it did: make sure that this is the \
                 server that the application writes to, and that its role is right (redis-role)",
            )
        }
        Life::Same => view.ok(SERVER, format!("{version}, up for {}", seconds(up))),
    })
}

fn loading(view: &View<'_>, up: f64) -> Finding {
    let started = view.info.number("loading_start_time").map(|at| at as f64);
    let now = view.info.number("server_time_usec").map(|micros| micros as f64 / 1e6);
    let elapsed = started.zip(now).map_or(up, |(started, now)| (now - started).max(0.0));
    let share =
        view.info.float("loading_loaded_perc").map_or(String::new(), |share| format!(" {} of", percent(share / 100.0)));
    let rest = view
        .info
        .float("loading_eta_seconds")
        .map_or(String::new(), |rest| format!(", {} more by its own estimate", seconds(rest)));
    let status = if elapsed > view.settings.loading_allowed.0 { Status::Critical } else { Status::Warning };
    view.finding(
        SERVER,
        status,
        format!("loads{share} its data since {}{rest}; clients are refused (LOADING)", seconds(elapsed)),
    )
    .advise(
        "wait; a replica that loads again and again was cut off for longer than its primary's repl-backlog-size holds",
    )
}

/// The role, in PostgreSQL's words too.
pub(super) fn role(view: &View<'_>) -> Finding {
    let word = |role: &str| match role {
        "master" => "primary",
        "slave" => "replica",
        _ => "of an unknown role",
    };
    let told = view.info.text("role").unwrap_or_default();
    let role = match told {
        "master" => Some(Role::Primary),
        "slave" => Some(Role::Replica),
        _ => None,
    };
    let is = word(told);
    let finding = match (view.own.role, &view.since.changed_role) {
        (Some(wanted), _) if Some(wanted) != role => {
            let wanted = if wanted == Role::Primary { "primary" } else { "replica" };
            view.finding(ROLE, Status::Critical, format!("is {is}, and should be {wanted}")).advise(
                "find out who changed it (Sentinel's or the server's log, `INFO replication`) and where the application writes \
                 now; two primaries take writes that one of them will lose",
            )
        }
        (_, Some(before)) => {
            view.finding(ROLE, Status::Warning, format!("is {is}, was {} at the last run", word(before))).advise(
                "said once. Make sure that exactly one server is primary now and that the application writes to it",
            )
        }
        _ if role.is_none() => Finding::unknown(
            ROLE,
            view.name,
            Reason::Unsupported,
            format!("its role is {told:?}, which is neither primary nor replica"),
        )
        .advise("redis-cli INFO replication: look what answers there"),
        _ => view.ok(ROLE, format!("is {is}")),
    };
    finding.fact("role", told)
}
