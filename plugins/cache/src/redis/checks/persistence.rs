//! `redis-persistence`: could what it has be written? With stop-writes-on-bgsave-error, the default, a failed snapshot
//! ends in MISCONF for every write.

use pgreeve_sdk::{Finding, Status};

use super::View;
use crate::answer::seconds;

const ID: &str = "redis-persistence";

/// Judges the last attempts.
pub(super) fn check(view: &View<'_>) -> Finding {
    let info = view.info;
    let failed = |key: &str| info.text(key).is_some_and(|status| status != "ok");
    if info.text("rdb_last_bgsave_status").is_none() {
        return view.untold(ID, "whether it could save");
    }
    let append = info.flag("aof_enabled") == Some(true);
    let mut wrong = Vec::new();
    if failed("rdb_last_bgsave_status") {
        wrong.push(
            "the last snapshot failed, and while it has save points writes are refused (MISCONF), unless \
             stop-writes-on-bgsave-error is off",
        );
    }
    if append && failed("aof_last_write_status") {
        wrong.push("the append-only file cannot be written, and writes are refused (MISCONF)");
    }
    let status = if wrong.is_empty() { Status::Warning } else { Status::Critical };
    let allowed = view.settings.save_allowed;
    let long = |running: &str, time: &str| {
        let took = info.float(time).filter(|took| info.flag(running) == Some(true) && *took >= allowed.0)?;
        Some(seconds(took))
    };
    let snapshot = long("rdb_bgsave_in_progress", "rdb_current_bgsave_time_sec");
    let rewrite = long("aof_rewrite_in_progress", "aof_current_rewrite_time_sec");
    let hangs = snapshot.map(|took| format!("a snapshot is under way for {took}"));
    let hangs =
        hangs.or_else(|| rewrite.map(|took| format!("a rewrite of the append-only file is under way for {took}")));
    if append && failed("aof_last_bgrewrite_status") {
        wrong.push("the append-only file could not be rewritten, and grows");
    }
    let age = info.number("rdb_last_save_time").zip(info.number("server_time_usec"));
    let age = age.map(|(saved, now)| (now as f64 / 1e6 - saved as f64).max(0.0));
    let unsaved = info.number("rdb_changes_since_last_save").unwrap_or(0);
    let facts = |finding: Finding| {
        finding
            .fact("rdb_last_bgsave_status", info.text("rdb_last_bgsave_status").unwrap_or_default())
            .fact("aof_enabled", append)
            .fact("changes_since_last_save", unsaved)
            .fact_or_none("last_save_age_s", age.map(|age| format!("{age:.0}")))
    };
    if let (true, Some(hangs)) = (wrong.is_empty(), hangs) {
        return facts(view.finding(ID, Status::Warning, format!("{hangs}; until it ends there is no newer one"))).advise(
            "look whether the child still writes (a file temp-*.rdb or temp-rewriteaof-* in the directory of CONFIG GET dir that grows) or \
             waits for its disk; kill the child alone if it hangs, the server goes on and tries again",
        );
    }
    if wrong.is_empty() {
        let append = if append { "the append-only file is written" } else { "no append-only file" };
        let saves = match info.float("rdb_last_bgsave_time_sec") {
            Some(took) if took >= 0.0 => format!("the last snapshot was made, {} ago", seconds(age.unwrap_or(0.0))),
            _ => "no snapshot was tried since it started".to_owned(),
        };
        return facts(view.ok(ID, format!("{saves}; {append}")));
    }
    facts(view.finding(ID, status, wrong.join("; "))).advise(
        "read the end of its log, which has the reason: a full disk, rights of its directory (CONFIG GET dir), no memory for the fork \
         (\"Cannot allocate memory\": vm.overcommit_memory = 1), or no more processes (\"Resource temporarily unavailable\": LimitNPROC, \
         TasksMax, a container's pids limit). Then BGSAVE and look again. For a pure cache CONFIG SET stop-writes-on-bgsave-error no lets it take \
         writes meanwhile",
    )
}
