//! What a run leaves for the next: the counters of one server. After a restart they began at 0 when it started, so they
//! tell all the same.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::observe::Seen;
use crate::settings::Settings;
use crate::window::{Counts, Verdict, Window};

/// What is remembered of one server.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Memory {
    at: i64,
    run_id: String,
    role: String,
    counters: BTreeMap<String, u64>,
    errors: BTreeMap<String, u64>,
    window: Option<Window>,
    slow: Option<i64>,
    events: BTreeMap<String, i64>,
    /// What this run can say.
    #[serde(skip)]
    pub(crate) since: Since,
}

/// This run against the last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Since {
    pub(crate) restarted: bool,
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
    /// Slow log: the newest entry at the last run; -1 for none. None: cannot be compared.
    pub(crate) slow: Option<i64>,
    /// Latency events at the last run.
    pub(crate) events: Option<BTreeMap<String, i64>>,
}

/// Those that are looked at as differences.
const COUNTERS: [&str; 4] = ["evicted_keys", "expired_keys", "rejected_connections", "total_error_replies"];

impl Memory {
    /// What to remember after this run, with what it can say. `now` is the agent's, in microseconds.
    pub(crate) fn advance(before: Option<&Self>, seen: &Seen, now: i64, settings: &Settings) -> Self {
        let info = &seen.info;
        let counters: BTreeMap<String, u64> =
            COUNTERS.iter().filter_map(|name| Some(((*name).to_owned(), info.number(name)?))).collect();
        let errors = info.errors();
        let run_id = info.text("run_id").unwrap_or_default().to_owned();
        let role = info.text("role").unwrap_or_default().to_owned();
        let started =
            now - info.number("uptime_in_seconds").and_then(|up| i64::try_from(up).ok()).unwrap_or(0) * 1_000_000;
        let mut since = Since::default();
        let restarted = before.is_some_and(|before| before.run_id != run_id);
        since.restarted = restarted;
        since.changed_role = before.map(|before| before.role.clone()).filter(|before| *before != role);
        let base = before.cloned().map(|before| if restarted { before.anew(started) } else { before });
        match &base {
            None => since.incomparable = Some("this is the first run"),
            Some(base) if base.at > now => since.incomparable = Some("the clock went back since the last run"),
            Some(base) => {
                let back = |name: &String, value: &u64| base.counters.get(name).is_some_and(|before| before > value);
                let errors_back =
                    errors.iter().any(|(code, value)| base.errors.get(code).is_some_and(|before| before > value))
                        || base.errors.keys().any(|code| !errors.contains_key(code));
                if counters.iter().any(|(name, value)| back(name, value)) || errors_back {
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
                since.events = Some(base.events.clone());
            }
        }
        let window = info.number("keyspace_hits").zip(info.number("keyspace_misses")).map(|(hits, misses)| {
            let base = base.as_ref().and_then(|base| base.window.as_ref()).ok_or("this is the first run");
            let (window, verdict) = Window::advance(base, Counts { at: now, hits, misses }, settings.hit_least_lookups);
            since.hit = Some(verdict);
            window
        });
        let slow = seen.slow.as_ref().ok().map(|entries| entries.iter().map(|entry| entry.id).max().unwrap_or(-1));
        let events = seen.latency.as_ref().ok();
        let events = events.map(|events| events.iter().map(|event| (event.name.clone(), event.at)).collect());
        Self {
            at: now,
            run_id,
            role,
            counters,
            errors,
            window,
            // An emptied log does not start its numbers anew.
            slow: slow.map(|newest| newest.max(base.as_ref().and_then(|base| base.slow).unwrap_or(-1))),
            events: events.unwrap_or_default(),
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
            events: BTreeMap::new(),
            ..self
        }
    }
}
