//! `buffer`, `buffer-hit`, `buffer-tables`, `buffer-size`: does the buffer cache hold what is asked for?

use pgreeve_sdk::{Bytes, Error, Finding, Metric, Reason, Status, finding, metric};

use super::memory::TableReads;
use super::observe::Observed;
use super::rows::Pool;
use super::seen::{Buffercache, Seen};
use crate::answer::{count, during, percent, rate_or_answer};
use crate::settings::Settings;

const SERVER: &str = "buffer";
const HIT: &str = "buffer-hit";
const TABLES: &str = "buffer-tables";
const SIZE: &str = "buffer-size";

/// Share of the buffers that has to be free for the cache not to count as full.
const ROOM: f64 = 0.05;

/// All answers about one scope.
pub(crate) fn judge(observed: &Observed, settings: &Settings) -> (Vec<Finding>, Vec<Metric>) {
    let scope = &observed.scope;
    let seen = match &observed.seen {
        Ok(seen) => seen,
        Err(error) => return (vec![unreachable(scope, error)], Vec::new()),
    };
    if !seen.life.counted {
        let finding = Finding::unknown(SERVER, scope, Reason::Unsupported, "nothing is counted: track_counts is off")
            .advise("ALTER SYSTEM SET track_counts = on; SELECT pg_reload_conf(); autovacuum needs it too");
        return (vec![finding], Vec::new());
    }
    let mut metrics = Vec::new();
    let mut findings = vec![server(observed, seen)];
    let hits = hit(observed, seen, settings, &mut metrics);
    let low = hits.iter().any(|finding| matches!(finding.status, Status::Warning | Status::Critical));
    findings.extend(hits);
    findings.push(tables(observed, seen, settings));
    findings.push(size(scope, seen, low, &mut metrics));
    (findings, metrics)
}

fn unreachable(scope: &str, error: &Error) -> Finding {
    let finding = Finding::unanswered(SERVER, scope, error);
    match error {
        Error::Unreachable(_) | Error::TimedOut(_) => finding.advise(format!(
            "try the dsn of [postgres.{scope}] with psql from this host, and read the end of the server's log"
        )),
        _ => finding,
    }
}

fn server(observed: &Observed, seen: &Seen) -> Finding {
    let role = if seen.life.standby { "standby" } else { "primary" };
    let since = observed.memory.ended.map_or(String::new(), |what| format!("; {what} since the last run"));
    let size = Bytes(seen.life.shared_buffers.unsigned_abs());
    finding(SERVER, &observed.scope, Status::Ok, format!("{role}, shared_buffers {size}{since}"))
        .fact("shared_buffers_bytes", seen.life.shared_buffers)
        .fact("uptime_s", (seen.life.at - seen.life.started) / 1_000_000)
}

fn hit(observed: &Observed, seen: &Seen, settings: &Settings, metrics: &mut Vec<Metric>) -> Vec<Finding> {
    let scope = &observed.scope;
    if let Err(error) = &seen.databases {
        return vec![Finding::unanswered(HIT, scope, error)];
    }
    let answers = observed.memory.verdicts.iter().map(|(database, verdict)| {
        let subject = format!("{scope}:{database}");
        let (rate, held) = match rate_or_answer(HIT, &subject, verdict, "block") {
            Ok(told) => told,
            Err(answer) => return *answer,
        };
        let ratio = rate.ratio();
        if !held {
            metrics.push(metric("buffer_hit_ratio", ratio, "ratio", &[("scope", scope), ("database", database)]));
        }
        let status = match settings.buffer_critical_percent {
            Some(critical) if ratio * 100.0 < critical => Status::Critical,
            _ if ratio * 100.0 < settings.buffer_percent => Status::Warning,
            _ => Status::Ok,
        };
        let when = during(&rate, held, seen.life.at);
        let wanted =
            if status == Status::Ok { String::new() } else { format!(", under {} %", settings.buffer_percent) };
        let summary = format!("{} of {} found in the cache {when}{wanted}", percent(ratio), count(rate.lookups(), "block"));
        let answer = finding(HIT, &subject, status, summary).fact("blks_hit", rate.hits).fact("blks_read", rate.misses);
        if status == Status::Ok {
            return answer;
        }
        let own = *database == seen.server.database;
        let top = observed.memory.top.as_deref().filter(|top| own && !top.is_empty());
        let answer = match top {
            Some(top) => answer.explain(lines(top, settings)),
            None => answer,
        };
        answer.advise(format!(
            "find what reads: in {database}, SELECT relid::regclass, heap_blks_read, idx_blks_read FROM pg_statio_user_tables \
             ORDER BY heap_blks_read + COALESCE(idx_blks_read, 0) DESC LIMIT 10; a sequential scan of a large table wants an index, a \
             report or a dump passes by itself, and after a restart the cache fills first. Only if it stays so raise \
             shared_buffers (up to a quarter of the memory; a restart). What the operating system caches is not seen here"
        ))
    });
    answers.collect()
}

/// One line for each table that is named.
fn lines(top: &[TableReads], settings: &Settings) -> String {
    let named = top.iter().take(settings.buffer_tables as usize);
    let lines = named.map(|table| {
        let ratio = table.hits as f64 / (table.hits + table.reads).max(1) as f64;
        format!(
            "{}: {} read, {} found in the cache",
            table.name,
            count(table.reads.unsigned_abs(), "block"),
            percent(ratio)
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Which tables read: no judgement of its own.
fn tables(observed: &Observed, seen: &Seen, settings: &Settings) -> Finding {
    let subject = format!("{}:{}", observed.scope, seen.server.database);
    if let Some(Err(error)) = &seen.tables {
        return Finding::unanswered(TABLES, &subject, error);
    }
    let Some(top) = &observed.memory.top else {
        return Finding::unknown(
            TABLES,
            &subject,
            Reason::NoData,
            "not known yet which tables read: it takes two runs with blocks asked for between them",
        )
        .advise("nothing to do: it is told together with the database's hit rate");
    };
    let Some(most) = top.first() else {
        return finding(TABLES, &subject, Status::Ok, "no table read anything that was not in the cache");
    };
    let all: i64 = top.iter().map(|table| table.reads).sum();
    let share = percent(most.reads as f64 / all.max(1) as f64);
    let summary =
        format!("{} read most: {}, {share} of what tables read", most.name, count(most.reads.unsigned_abs(), "block"));
    finding(TABLES, &subject, Status::Ok, summary).explain(lines(top, settings))
}

fn size(scope: &str, seen: &Seen, low: bool, metrics: &mut Vec<Metric>) -> Finding {
    let pool = match &seen.pool {
        Buffercache::Absent => {
            return Finding::not_applicable(
                SIZE,
                scope,
                "pg_buffercache is not in this database, so the buffers are not looked at one by one",
            )
            .advise("if wanted: CREATE EXTENSION pg_buffercache; pg_monitor may use it");
        }
        Buffercache::TooLarge => {
            return Finding::not_applicable(
                SIZE,
                scope,
                "this pg_buffercache walks through every buffer, and shared_buffers is larger than the setting buffercache_scan",
            );
        }
        Buffercache::Asked(Err(error)) => return Finding::unanswered(SIZE, scope, error),
        Buffercache::Asked(Ok(pool)) => pool,
    };
    let unused = pool.unused as f64 / (pool.used + pool.unused).max(1) as f64;
    metrics.push(metric("buffers_unused_ratio", unused, "ratio", &[("scope", scope)]));
    fit(scope, pool, low, seen.life.shared_buffers.unsigned_abs())
        .fact("used", pool.used)
        .fact("unused", pool.unused)
        .fact("dirty", pool.dirty)
        .fact_or_none("mean_usage_count", pool.usage.map(|usage| format!("{usage:.2}")))
}

/// Whether what is asked for fits. Usage counts do not tell a working set from scans: a scan that looks for room in a small cache
/// takes as much from them as many lookups do.
fn fit(scope: &str, pool: &Pool, low: bool, bytes: u64) -> Finding {
    let size = Bytes(bytes);
    let unused = pool.unused as f64 / (pool.used + pool.unused).max(1) as f64;
    if unused >= ROOM {
        let why = if low { "low hit rate or not, it is not full" } else { "what is used fits" };
        return finding(SIZE, scope, Status::Ok, format!("{} of {size} is unused: {why}", percent(unused)));
    }
    if !low {
        let summary = format!("all of {size} is in use, and the hit rate is well or not known");
        return finding(SIZE, scope, Status::Ok, summary);
    }
    let summary = format!("what is asked for does not fit: all of {size} is in use, and the hit rate is low");
    finding(SIZE, scope, Status::Warning, summary).advise(
        "see buffer-tables: if one large table is scanned, it wants an index, and more shared_buffers would not help; if many \
         tables read a little, raise shared_buffers (up to a quarter of the memory; it takes a restart)",
    )
}
