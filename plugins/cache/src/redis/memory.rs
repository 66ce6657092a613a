//! What a run leaves for the next: the counters of one server. After a restart they began at 0 when it started, so they
//! tell all the same; those of another server at the same address tell nothing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::codes::{CODES, UNCOUNTED};
use super::info::Info;
use super::seen::Seen;
use crate::settings::Settings;
use crate::window::{Counts, Verdict, Window};

/// What is remembered of one server.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Memory {
    at: i64,
    run_id: String,
    role: String,
    counters: BTreeMap<String, u64>,
    errors: BTreeMap<String, u64>,
    window: Option<Window>,
    slow: Option<i64>,
    peaks: Option<BTreeMap<String, Peak>>,
    /// Slots on their way to or from this node, and since when.
    moving: BTreeMap<String, i64>,
    /// What this run can say.
    #[serde(skip)]
    pub(crate) since: Since,
}

/// A kind of latency event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Peak {
    /// The newest, in seconds since 1970 by the server's clock.
    pub(crate) at: i64,
    /// The longest so far, in milliseconds.
    pub(crate) most: i64,
}

/// This run against the last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Since {
    pub(crate) life: Life,
    /// The role at the last run, if it was another one.
    pub(crate) changed_role: Option<String>,
    /// Seconds that the differences below span.
    pub(crate) seconds: f64,
    /// Why the counters cannot be compared.
    pub(crate) incomparable: Option<&'static str>,
    pub(crate) counters: BTreeMap<String, u64>,
    /// Error replies, by code.
    pub(crate) errors: BTreeMap<String, u64>,
    pub(crate) hit: Option<Verdict>,
    /// Slow log: the newest entry known before; -1 for none. None: it was not seen before.
    pub(crate) slow: Option<i64>,
    /// Latency events known before. None: they were not seen before.
    pub(crate) peaks: Option<BTreeMap<String, Peak>>,
    /// How long the slot that has been on its way for longest has, in seconds.
    pub(crate) moving: f64,
}

/// Which server answers, compared with the last run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Life {
    /// The same.
    #[default]
    Same,
    /// One that was started since the last run.
    Restarted,
    /// One that was up already then, and was not the one that answered: a failover, or the address leads elsewhere.
    Another,
}

/// Those that are looked at as differences.
const COUNTERS: [&str; 5] =
    ["evicted_keys", "expired_keys", "rejected_connections", "total_error_replies", "sync_full"];

/// By how much a server's uptime, in whole seconds, can be wrong. Microseconds.
const UPTIME_ERROR: i64 = 2_000_000;

/// Codes that are remembered beside those that are the server's fault. A script can make as many as it likes.
const OTHER_CODES: usize = 64;

const ANOTHER: &str = "another server answers than at the last run";
const FIRST: &str = "this is the first run";

impl Memory {
    /// What to remember after this run, with what it can say. `now` is the agent's, in microseconds.
    pub(crate) fn advance(before: Option<&Self>, seen: &Seen, now: i64, settings: &Settings) -> Self {
        let info = &seen.info;
        let counters: BTreeMap<String, u64> =
            COUNTERS.iter().filter_map(|name| Some(((*name).to_owned(), info.number(name)?))).collect();
        let (errors, counted) = errors(info);
        let run_id = info.text("run_id").unwrap_or_default().to_owned();
        let role = info.text("role").unwrap_or_default().to_owned();
        let up = info.number("uptime_in_seconds").and_then(|up| i64::try_from(up).ok()).unwrap_or(0);
        let started = now.saturating_sub(up.saturating_mul(1_000_000));
        let life = match before {
            Some(before) if before.run_id == run_id => Life::Same,
            Some(before) if started.saturating_add(UPTIME_ERROR) < before.at => Life::Another,
            Some(_) => Life::Restarted,
            None => Life::Same,
        };
        let mut since = Since { life, ..Since::default() };
        since.changed_role = before.map(|before| before.role.clone()).filter(|before| *before != role);
        let base = match life {
            Life::Same => before.cloned(),
            Life::Restarted => before.cloned().map(|before| before.anew(started)),
            Life::Another => None,
        };
        let none = if life == Life::Another { ANOTHER } else { FIRST };
        match &base {
            None => since.incomparable = Some(none),
            Some(base) if base.at > now => since.incomparable = Some("the clock went back since the last run"),
            Some(base) => {
                let back = |before: &BTreeMap<String, u64>, now: &BTreeMap<String, u64>| {
                    now.iter().any(|(name, value)| before.get(name).is_some_and(|before| before > value))
                };
                let gone = |code: &String| is_fault(code) && !errors.contains_key(code);
                let errors_back = back(&base.errors, &errors) || base.errors.keys().any(gone);
                if back(&base.counters, &counters) || counted && errors_back {
                    since.incomparable = Some("its counters were reset since the last run (CONFIG RESETSTAT)");
                }
                since.seconds = (now - base.at) as f64 / 1e6;
                let more = |before: &BTreeMap<String, u64>, now: &BTreeMap<String, u64>| {
                    let more =
                        |name: &String, value: &u64| value.saturating_sub(before.get(name).copied().unwrap_or(0));
                    now.iter().map(|(name, value)| (name.clone(), more(name, value))).collect()
                };
                since.counters = more(&base.counters, &counters);
                since.errors = more(&base.errors, &errors);
                since.slow = base.slow;
                since.peaks = base.peaks.clone();
            }
        }
        let window = info.number("keyspace_hits").zip(info.number("keyspace_misses")).map(|(hits, misses)| {
            let base = base.as_ref().and_then(|base| base.window.as_ref()).ok_or(none);
            let (window, verdict) = Window::advance(base, Counts { at: now, hits, misses }, settings.hit_least_lookups);
            since.hit = Some(verdict);
            window
        });
        let moving = moving(seen, base.as_ref(), now);
        since.moving = moving.values().map(|from| (now - from) as f64 / 1e6).fold(0.0, f64::max);
        let slow = seen.slow.as_ref().ok().map(|entries| entries.iter().map(|entry| entry.id).max().unwrap_or(-1));
        let peaks = seen.latency.as_ref().ok().map(|events| {
            events.iter().map(|event| (event.name.clone(), Peak { at: event.at, most: event.most })).collect()
        });
        // What could not be asked this time is not forgotten, and an emptied log does not start its numbers anew.
        let (known, peaked) = base.map_or((None, None), |base| (base.slow, base.peaks));
        Self {
            at: now,
            run_id,
            role,
            counters,
            errors,
            window,
            slow: slow.max(known),
            peaks: peaks.or(peaked),
            moving,
            since,
        }
    }

    /// What there was to be remembered when the server started: nothing of anything.
    fn anew(self, started: i64) -> Self {
        Self {
            // The restart is later than the last run; clocks that differ a little do not turn that round.
            at: started.max(self.at),
            counters: BTreeMap::new(),
            errors: BTreeMap::new(),
            window: Some(Window::since_zero(started.max(self.at))),
            slow: Some(-1),
            peaks: Some(BTreeMap::new()),
            moving: BTreeMap::new(),
            ..self
        }
    }
}

/// Error replies so far by code, all that are the server's fault and some of the rest; and whether it counts them at all.
fn errors(info: &Info) -> (BTreeMap<String, u64>, bool) {
    let told = info.errors();
    let (faults, rest): (Vec<_>, Vec<_>) = told.iter().partition(|(code, _)| is_fault(code));
    let kept = faults.into_iter().chain(rest.into_iter().take(OTHER_CODES));
    (kept.map(|(code, number)| (code.clone(), *number)).collect(), !told.contains_key(UNCOUNTED))
}

fn is_fault(code: &str) -> bool {
    CODES.iter().any(|(fault, ..)| *fault == code)
}

/// The slots on their way, with when each was seen first. Those that nobody could ask for now stay.
fn moving(seen: &Seen, base: Option<&Memory>, now: i64) -> BTreeMap<String, i64> {
    let known = base.map(|base| base.moving.clone()).unwrap_or_default();
    match seen.cluster.as_ref().map(|cluster| &cluster.nodes) {
        Some(Ok(nodes)) => {
            let from = |slot: &String| known.get(slot).copied().filter(|from| *from <= now).unwrap_or(now);
            nodes.moving.iter().take(256).map(|slot| (slot.clone(), from(slot))).collect()
        }
        Some(Err(_)) => known,
        None => BTreeMap::new(),
    }
}
