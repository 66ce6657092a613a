//! `redis-memory`, `redis-evictions`, `redis-fragmentation`: is there room, and what does it cost?

use pgreeve_sdk::{Bytes, Finding, Reason, Report, Status, proposal};

use super::View;
use crate::actions;
use crate::answer::{count, level, percent, seconds};

const MEMORY: &str = "redis-memory";
const EVICTIONS: &str = "redis-evictions";
const FRAGMENTATION: &str = "redis-fragmentation";

/// Seconds that evictions are spread over at least.
const SPAN: f64 = 10.0;

/// Judges all three, and proposes to empty an expendable database of a server that is full and evicts nothing.
pub(super) fn check(view: &View<'_>, report: &mut Report) {
    let memory = memory(view, report);
    let full = memory.status == Status::Critical && view.info.number("maxmemory").is_some_and(|most| most > 0);
    if let (true, Some(Ok(here))) = (full, &view.seen.keys_here)
        && view.info.text("role") == Some("master")
        && *here > 0
        && *here >= view.info.keys().0 / 2
    {
        let reason = format!(
            "it is full and refuses writes; the database of the grant's URL has {here} of its {} keys",
            view.info.keys().0
        );
        report.proposals.push(proposal(actions::FLUSH, view.name, &[&memory.key], reason));
    }
    report.findings.push(memory);
    let evictions = evictions(view, report);
    report.findings.push(evictions);
    report.findings.push(fragmentation(view));
}

fn memory(view: &View<'_>, report: &mut Report) -> Finding {
    let info = view.info;
    let (Some(used), Some(most)) = (info.number("used_memory"), info.number("maxmemory")) else {
        return view.untold(MEMORY, "its memory");
    };
    report.metrics.push(view.metric("redis_used_memory_bytes", used as f64, "bytes"));
    let policy = info.text("maxmemory_policy").unwrap_or("noeviction");
    let host = room(view);
    let facts = |finding: Finding| {
        finding.fact("used_memory_bytes", used).fact("maxmemory_bytes", most).fact("maxmemory_policy", policy)
    };
    let (warning, critical) = (view.settings.memory_warning_percent, view.settings.memory_critical_percent);
    if most == 0 {
        return facts(unlimited(view, host));
    }
    // As the server itself compares: its replicas' buffers do not count.
    let counted = used.saturating_sub(info.number("mem_not_counted_for_evict").unwrap_or(0));
    let ratio = counted as f64 / most as f64;
    report.metrics.push(view.metric("redis_memory_ratio", ratio, "ratio"));
    let share = format!("{} of {} (maxmemory)", percent(ratio), Bytes(most));
    if let Some((room, whose)) = host.filter(|(room, _)| most > *room) {
        let summary = format!("maxmemory is {}, more than the {} that {whose}", Bytes(most), Bytes(room));
        return facts(view.finding(MEMORY, Status::Warning, summary)).advise(
            "CONFIG SET maxmemory to what it can be given (and in its configuration file): the kernel ends it first",
        );
    }
    let (keys, expires) = info.keys();
    let volatile = policy.starts_with("volatile-");
    let scarce = volatile && expires.saturating_mul(100) < keys;
    let helpless = policy == "noeviction" || volatile && expires == 0 || keys == 0;
    if !helpless && scarce && ratio * 100.0 >= warning {
        let summary = format!(
            "{share}: {policy} evicts keys that expire, and {expires} of {keys} do; after them writes are refused (OOM)"
        );
        return facts(view.finding(MEMORY, Status::Warning, summary)).advise(
            "for a cache: CONFIG SET maxmemory-policy allkeys-lru; else more room by CONFIG SET maxmemory, or let the application give its \
             keys an end (EXPIRE). Write it into the configuration file too",
        );
    }
    if !helpless {
        let how = if ratio >= warning / 100.0 {
            format!("; full, it evicts by {policy}, as a cache does")
        } else {
            String::new()
        };
        return facts(view.ok(MEMORY, format!("{share}{how}")));
    }
    let status = level(ratio * 100.0, warning, critical);
    if status == Status::Ok {
        return facts(view.ok(MEMORY, format!("{share}, {policy}")));
    }
    let why = if policy == "noeviction" {
        "nothing is evicted (noeviction)".to_owned()
    } else if keys == 0 {
        "there is no key that could be evicted: it is clients' buffers, scripts or functions".to_owned()
    } else {
        format!("{policy} evicts keys that expire, and none does")
    };
    // A replica keeps what its primary sends it (replica-ignore-maxmemory), and takes no writes of its own.
    let replica = view.info.text("role") == Some("slave");
    let status = if replica { Status::Warning } else { status };
    let end = match (replica, counted >= most) {
        (true, _) => "if it is promoted, it refuses writes (OOM)",
        (false, true) => "writes are refused (OOM)",
        (false, false) => "at 100 % writes are refused (OOM)",
    };
    facts(view.finding(MEMORY, status, format!("{share}: {why}, {end}"))).advise(
        "for a cache: CONFIG SET maxmemory-policy allkeys-lru; else give it more room by CONFIG SET maxmemory, or remove what is not \
         needed (redis-cli --bigkeys finds it; without keys CLIENT LIST and MEMORY STATS). Write it into the configuration file too. Never FLUSHALL: other databases hold other data",
    )
}

/// Bytes that it may have, and in words who says so: the settings, or INFO of its host.
fn room(view: &View<'_>) -> Option<(u64, &'static str)> {
    let host = view.info.number("total_system_memory").filter(|host| *host > 0).map(|host| (host, "the host has"));
    let own = view.own.memory.map(|own| (own.0, "it may have (servers.NAME.memory)"));
    host.into_iter().chain(own).min()
}

fn unlimited(view: &View<'_>, room: Option<(u64, &str)>) -> Finding {
    let resident = view.info.number("used_memory_rss").or_else(|| view.info.number("used_memory")).unwrap_or(0);
    let Some((room, whose)) = room else {
        let summary =
            format!("{} resident, no maxmemory, and its INFO does not tell what the host has", Bytes(resident));
        return Finding::unknown(MEMORY, view.name, Reason::NoData, summary).advise(format!(
            "say what it may have, as servers.{}.memory = \"2GiB\" in the settings; or CONFIG SET maxmemory",
            view.name
        ));
    };
    let ratio = resident as f64 / room.max(1) as f64;
    let status = level(ratio * 100.0, view.settings.host_warning_percent, view.settings.host_critical_percent);
    let finding =
        view.finding(MEMORY, status, format!("{} of the {} that {whose}, no maxmemory", percent(ratio), Bytes(room)));
    if status == Status::Ok {
        return finding;
    }
    finding.advise(
        "nothing stops it until the kernel ends it, or PostgreSQL beside it, and while it saves it can need twice as much: CONFIG SET \
         maxmemory, and for a cache maxmemory-policy allkeys-lru; write both into its configuration file. A container may have less than \
         its host, which INFO does not tell: servers.NAME.memory in the settings does",
    )
}

fn evictions(view: &View<'_>, report: &mut Report) -> Finding {
    if let Some(finding) = view.incomparable(EVICTIONS) {
        return finding;
    }
    let of = |name: &str| view.since.counters.get(name).copied();
    let Some((evicted, expired)) = of("evicted_keys").zip(of("expired_keys")) else {
        return view.untold(EVICTIONS, "what was evicted and what expired");
    };
    report.metrics.push(view.metric("redis_evicted_keys_count", evicted as f64, "count"));
    report.metrics.push(view.metric("redis_expired_keys_count", expired as f64, "count"));
    // Of a run a moment after another one a single key would be a rate.
    let span = view.since.seconds.max(SPAN);
    let rate = evicted as f64 / span;
    let length = seconds(view.since.seconds);
    let summary = if view.since.seconds < SPAN {
        format!("{} evicted and {} expired in {length}", count(evicted, "key"), count(expired, "key"))
    } else {
        format!("{rate:.1} keys evicted and {:.1} expired per second, in {length}", expired as f64 / span)
    };
    let too_many = view.settings.evictions_per_second.is_some_and(|most| rate >= most);
    let status = if too_many { Status::Warning } else { Status::Ok };
    let finding = view.finding(EVICTIONS, status, summary).fact("evicted_keys", evicted).fact("expired_keys", expired);
    if !too_many {
        return finding;
    }
    finding.advise("what the application wants does not fit: raise maxmemory, or cache less, or for a shorter time; redis-hit says what it costs")
}

fn fragmentation(view: &View<'_>) -> Finding {
    let info = view.info;
    let (Some(used), Some(resident)) = (info.number("used_memory"), info.number("used_memory_rss")) else {
        return view.untold(FRAGMENTATION, "its resident memory");
    };
    let ratio = resident as f64 / used.max(1) as f64;
    let least = view.settings.fragmentation_least.0;
    let facts = |finding: Finding| finding.fact("used_memory_bytes", used).fact("used_memory_rss_bytes", resident);
    if resident > used && ratio >= view.settings.fragmentation && resident - used >= least {
        let summary = format!("{ratio:.2} times its data is resident: {} more than used", Bytes(resident - used));
        return facts(view.finding(FRAGMENTATION, Status::Warning, summary)).advise(
            "after much was deleted this is usual: CONFIG SET activedefrag yes, or MEMORY PURGE, gives it back while it runs; a restart too",
        );
    }
    // A little below is pages that were never touched: the backlog is taken in one piece (before Redis 7), and filled by and by.
    let touched = used.saturating_sub(info.number("repl_backlog_size").unwrap_or(0));
    if touched > resident && touched - resident >= least && resident as f64 / (touched as f64) < 0.9 {
        let summary = format!("{} of its data is not resident: swapped out", Bytes(touched - resident));
        return facts(view.finding(FRAGMENTATION, Status::Warning, summary)).advise(
            "grep VmSwap /proc/PID/status on its host says so for certain (process_id in INFO). A cache in swap is slower than none: lower maxmemory, or give the host more memory, and look at what else uses it",
        );
    }
    let small = if used < least { ", too little data for the ratio to mean anything" } else { "" };
    facts(view.ok(FRAGMENTATION, format!("{ratio:.2} times its data is resident{small}")))
}
