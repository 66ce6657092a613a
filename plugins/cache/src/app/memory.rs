//! What a run leaves for the next: counters, what there was before the cache was warmed, and what came of that.

use pgreeve_sdk::{Cause, Outcome, ResultKind, Run};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::moved::{Basis, Drift, Sample, TREND};
use super::reading::{Stats, Told};
use crate::actions;
use crate::settings::{Cache, Settings};
use crate::window::{Counts, Verdict, Window};

/// What is remembered of one cache.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Memory {
    window: Option<Window>,
    /// What was seen by the last run that was not there to verify an action.
    before: Option<Sample>,
    /// What was seen some while before that: how both moved since is what traffic does.
    earlier: Option<Sample>,
    /// What came of the last warming.
    pub(crate) warmed: Option<Warmed>,
    /// What the counters say in this run.
    #[serde(skip)]
    pub(crate) verdict: Option<Verdict>,
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
    /// What there was before it, where it may still have an effect: an application can answer first and work later.
    #[serde(default)]
    from: Option<Basis>,
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
        let now = Sample { at: run.now(), rate, entries: stats.entries };
        if run.context.cause == Cause::Verify {
            memory.verify(now, name, cache, run);
        } else {
            memory.late(now, run);
            if memory.earlier.is_none_or(|earlier| now.at - earlier.at >= TREND) {
                memory.earlier = memory.before.or(Some(now));
            }
            memory.before = Some(now);
        }
        memory
    }

    /// What came of warming, as seen right after it.
    fn verify(&mut self, now: Sample, name: &str, cache: &Cache, run: &Run<Settings>) {
        let Some(call) = cache.warm.as_deref().and_then(actions::warm_call) else { return };
        let before = self.before.unwrap_or_default();
        let basis = Basis { before, drift: Drift::between(self.earlier.unwrap_or(before), before) };
        let own = |outcome: &&Outcome| outcome.target == cache.endpoint(name) && call.is_of(outcome);
        for outcome in run.context.outcomes.iter().filter(own) {
            let warmed = match judged(&basis, now, outcome, cache) {
                Judged::NotDone => continue,
                Judged::Moved(words) => Warmed { at: now.at, moved: true, words, from: None },
                Judged::Nothing(words) => Warmed { at: now.at, moved: false, words, from: None },
                Judged::NotYet(words) => Warmed { at: now.at, moved: false, words, from: Some(basis) },
            };
            self.warmed = Some(warmed);
        }
    }

    /// A warming that had no effect at first may have one by now.
    fn late(&mut self, now: Sample, run: &Run<Settings>) {
        let Some(warmed) = self.warmed.as_mut().filter(|warmed| !warmed.moved) else { return };
        let waits = (now.at - warmed.at) as f64 / 1e6 < run.settings.warm_holds.0;
        if let Some(words) = warmed.from.filter(|_| waits).and_then(|basis| basis.moved_much(now)) {
            *warmed = Warmed { at: warmed.at, moved: true, words: format!("{words}, not at once"), from: None };
        }
    }
}

/// What an outcome comes to.
enum Judged {
    /// Nothing was sent.
    NotDone,
    Moved(String),
    Nothing(String),
    /// Nothing so far.
    NotYet(String),
}

fn judged(basis: &Basis, now: Sample, outcome: &Outcome, cache: &Cache) -> Judged {
    match outcome.kind {
        ResultKind::Refused => return Judged::NotDone,
        ResultKind::Failed => {
            let first = outcome.detail.lines().next().unwrap_or_default();
            return Judged::Nothing(format!("the call failed ({first})"));
        }
        ResultKind::Done | ResultKind::Uncertain => {}
    }
    let told = told_warmed(&outcome.detail, cache);
    if told == Some(0.0) {
        return Judged::Nothing("the application says that it warmed 0 entries".to_owned());
    }
    match basis.moved(now, told) {
        Ok(words) => Judged::Moved(words),
        Err(why) => Judged::NotYet(why),
    }
}

/// The number of entries warmed, in the body that the outcome's detail quotes.
fn told_warmed(detail: &str, cache: &Cache) -> Option<f64> {
    let body = detail.get(detail.find('{')?..)?;
    let told = serde_json::Deserializer::from_str(body).into_iter::<Value>().next()?.ok()?;
    told.pointer(cache.warmed.as_deref().unwrap_or("/warmed"))?.as_f64()
}
