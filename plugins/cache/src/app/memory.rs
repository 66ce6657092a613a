//! What a run leaves for the next: counters, what there was before the cache was warmed, and what came of that.

use pgreeve_sdk::{Cause, Outcome, ResultKind, Run};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::reading::{Stats, Told};
use crate::actions;
use crate::settings::{Cache, Settings};
use crate::window::{Counts, Verdict, Window};

/// By how much a hit rate, 0 to 1, has to rise to have moved: less is what the next few lookups do to it.
const MOVED: f64 = 0.001;

/// What is remembered of one cache.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Memory {
    window: Option<Window>,
    /// What was seen by the last run that was not there to verify an action.
    before: Option<Sample>,
    /// What came of the last warming.
    pub(crate) warmed: Option<Warmed>,
    /// What the counters say in this run.
    #[serde(skip)]
    pub(crate) verdict: Option<Verdict>,
}

/// What warming may move.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sample {
    /// 0 to 1, as told.
    pub(crate) rate: Option<f64>,
    pub(crate) entries: Option<u64>,
}

/// A warming, and what it did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Warmed {
    /// When it was found out, in microseconds since 1970.
    pub(crate) at: i64,
    /// Whether anything moved.
    pub(crate) moved: bool,
    /// What moved, or why nothing counts.
    pub(crate) words: String,
}

impl Memory {
    /// What to remember after this run. Without statistics nothing is learnt and nothing forgotten.
    pub(crate) fn advance(
        before: Option<&Self>,
        stats: Option<&Stats>,
        name: &str,
        cache: &Cache,
        run: &Run<Settings>,
    ) -> Self {
        let mut memory = Self { verdict: None, ..before.cloned().unwrap_or_default() };
        let Some(stats) = stats else { return memory };
        if let Some((hits, misses)) = stats.counters {
            let now = Counts { at: run.now(), hits, misses };
            let window = before.and_then(|before| before.window.as_ref()).ok_or("this is the first run");
            let (window, verdict) = Window::advance(window, now, run.settings.hit_least_lookups);
            (memory.window, memory.verdict) = (Some(window), Some(verdict));
        }
        let rate = match stats.rate {
            Some(Told::Ratio(ratio)) => Some(ratio),
            _ => None,
        };
        let now = Sample { rate, entries: stats.entries };
        if run.context.cause != Cause::Verify {
            memory.before = Some(now);
        } else if let Some(call) = cache.warm.as_deref().and_then(actions::warm_call) {
            let own = |outcome: &&Outcome| outcome.target == cache.endpoint(name) && call.is_of(outcome);
            for outcome in run.context.outcomes.iter().filter(own) {
                let judged = judged(memory.before.unwrap_or_default(), now, outcome, cache);
                memory.warmed = judged.map(|(moved, words)| Warmed { at: run.now(), moved, words }).or(memory.warmed);
            }
        }
        memory
    }
}

/// Whether a warming did anything, and in words; none if it was not done.
fn judged(before: Sample, now: Sample, outcome: &Outcome, cache: &Cache) -> Option<(bool, String)> {
    match outcome.kind {
        ResultKind::Refused => return None,
        ResultKind::Failed => {
            let first = outcome.detail.lines().next().unwrap_or_default();
            return Some((false, format!("the call failed ({first})")));
        }
        ResultKind::Done | ResultKind::Uncertain => {}
    }
    if told_warmed(&outcome.detail, cache) == Some(0.0) {
        return Some((false, "the application says that it warmed 0 entries".to_owned()));
    }
    let moved = match (before.entries.zip(now.entries), before.rate.zip(now.rate)) {
        (Some((was, is)), _) if is > was => Some(format!("from {was} to {is} entries")),
        (_, Some((was, is))) if is >= was + MOVED => {
            Some(format!("hit rate from {} to {}", crate::answer::percent(was), crate::answer::percent(is)))
        }
        _ => None,
    };
    Some(match moved {
        Some(words) => (true, words),
        None => (false, "neither entries nor hit rate rose".to_owned()),
    })
}

/// The number of entries warmed, in the body that the outcome's detail quotes.
fn told_warmed(detail: &str, cache: &Cache) -> Option<f64> {
    let body = detail.get(detail.find('{')?..)?;
    let told = serde_json::Deserializer::from_str(body).into_iter::<Value>().next()?.ok()?;
    told.pointer(cache.warmed.as_deref().unwrap_or("/warmed"))?.as_f64()
}
