//! Whether an action is carried out, by the operator's word. Pure: what is known at one moment in, the decision and its reason out.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::config::{Actions, Mode, Rule};
use crate::plugin::manifest::Risk;
use crate::schedule::CronLine;
use crate::store::{Pace, State};

/// So many attempts in a row that did not help are not followed by another without a person.
pub const MOST_FAILURES: u32 = 2;

/// How the reason begins where policy leaves an action to people.
pub const NOT_OURS: &str = "the job's policy is";

/// What failed, and does no harm twice, is tried again so long after: a server that was down for an hour must not end the backups of a month. What was
/// done and did not help is not.
pub const TRY_AGAIN: SignedDuration = SignedDuration::from_hours(1);

/// What is known of an action and of one proposal of it.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// `[actions]`.
    pub actions: &'a Actions,
    /// What the job says of this action, if anything.
    pub rule: Option<&'a Rule>,
    /// The manifest's word.
    pub risk: Risk,
    /// Until when, and why, an operator paused all actions.
    pub paused: Option<&'a str>,
    /// How the proposal stands.
    pub state: State,
    /// Attempts in a row that did not help.
    pub failures: u32,
    /// Doing it twice does no harm, by the manifest's word.
    pub repeatable: bool,
    /// In its state since.
    pub since: Timestamp,
    #[allow(missing_docs)]
    pub now: Timestamp,
    /// The job's zone.
    pub tz: &'a TimeZone,
}

/// What is to be done about a proposal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Carried out, by the policy `auto` or because it is approved.
    Go,
    /// A person has to approve it.
    Ask(String),
    /// Allowed, and not now.
    Wait(String),
    /// Not carried out by pgreeve.
    Never(String),
}

/// Decides. The pace (`max_per_hour`, `cooldown`) is the store's to know, and is looked at where an attempt begins.
pub fn decide(situation: Situation<'_>) -> Decision {
    let Situation { actions, rule, risk, paused, state, failures, repeatable, since, now, tz } = situation;
    let mode = rule.map_or(Mode::default(), |rule| rule.mode);
    let approved = state == State::Approved;
    match mode {
        Mode::Deny => return Decision::Never(format!("{NOT_OURS} deny")),
        Mode::Propose => return Decision::Never(format!("{NOT_OURS} propose: it is for a person to do")),
        Mode::Approve | Mode::Auto => {}
    }
    match state {
        State::Rejected => return Decision::Never("it was rejected".to_owned()),
        State::Refused => return Decision::Never("it can never be carried out".to_owned()),
        State::Uncertain => return Decision::Ask("whether it was carried out already is not known".to_owned()),
        State::Acting => return Decision::Wait("it is being carried out".to_owned()),
        State::Verified | State::Gone | State::Stale => {
            return Decision::Never("it is not proposed any more".to_owned());
        }
        State::Open | State::Approved | State::Ineffective | State::Failed => {}
    }
    let by_itself = mode == Mode::Auto && (risk != Risk::High || rule.is_some_and(|rule| rule.high_risk));
    if !approved && !by_itself {
        return Decision::Ask("its policy is approve".to_owned());
    }
    let again = repeatable && state == State::Failed && now.duration_since(since) >= TRY_AGAIN;
    if !approved && failures >= MOST_FAILURES && !again {
        return Decision::Ask(format!("{failures} attempts in a row did not help"));
    }
    if !actions.enabled {
        return Decision::Wait("[actions] enabled is false".to_owned());
    }
    if let Some(paused) = paused {
        return Decision::Wait(paused.to_owned());
    }
    match rule.and_then(|rule| rule.only_during.as_ref()) {
        Some(line) if !is_open(line, now, tz) => Decision::Wait(format!("only during {:?}", line.to_string())),
        _ => Decision::Go,
    }
}

/// The pace of an action.
pub fn pace(actions: &Actions, rule: Option<&Rule>) -> Pace {
    Pace {
        max_per_hour: rule.and_then(|rule| rule.max_per_hour).unwrap_or(actions.max_per_hour),
        cooldown: rule.map(|rule| rule.cooldown).unwrap_or_default(),
        settles: actions.verify_within,
    }
}

/// Whether the minute on the wall clock is one that the line names. Asked of that clock's time as if it had no zone: a schedule makes up for
/// an hour that is skipped and leaves one out that comes twice, and a window does neither.
fn is_open(line: &CronLine, now: Timestamp, tz: &TimeZone) -> bool {
    let wall = now.to_zoned(tz.clone()).datetime().to_zoned(TimeZone::UTC);
    let Ok(now) = wall.map(|wall| wall.timestamp()) else { return false };
    let minute = SignedDuration::from_secs(now.as_second().rem_euclid(60));
    let begin = Timestamp::from_second(now.as_second()).ok().and_then(|now| now.checked_sub(minute).ok());
    let Some(begin) = begin else { return false };
    let before = begin.checked_sub(SignedDuration::from_secs(1)).unwrap_or(begin);
    let due = line.next_after(before, &TimeZone::UTC);
    due.is_some_and(|due| due.duration_since(begin) < SignedDuration::from_secs(60))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(mode: Mode) -> Rule {
        Rule { mode, ..Rule::default() }
    }

    fn decided(rule: Option<&Rule>, risk: Risk, state: State, change: impl FnOnce(&mut Situation<'_>)) -> Decision {
        let actions = Actions::default();
        let now = "2026-03-02T03:30:30Z".parse().unwrap();
        let mut situation = Situation {
            actions: &actions,
            rule,
            risk,
            paused: None,
            state,
            failures: 0,
            repeatable: false,
            since: now,
            now,
            tz: &TimeZone::UTC,
        };
        change(&mut situation);
        decide(situation)
    }

    #[test]
    fn nothing_is_done_that_the_operator_did_not_write() {
        use State::*;
        let same = |_: &mut Situation<'_>| {};
        for state in [Open, Approved, Rejected, Refused, Uncertain, Ineffective, Failed] {
            for rule in [None, Some(rule(Mode::Deny)), Some(rule(Mode::Propose))] {
                assert!(
                    matches!(decided(rule.as_ref(), Risk::Low, state, same), Decision::Never(_)),
                    "{rule:?} {state:?}"
                );
            }
        }
        let (auto, approve) = (rule(Mode::Auto), rule(Mode::Approve));
        let both = Rule { high_risk: true, ..rule(Mode::Auto) };
        for (rule, risk, state, go) in [
            (&auto, Risk::Low, Open, true),
            (&auto, Risk::Medium, Ineffective, true),
            (&auto, Risk::High, Open, false),
            (&auto, Risk::High, Approved, true),
            (&both, Risk::High, Open, true),
            (&auto, Risk::Low, Uncertain, false),
            (&auto, Risk::Low, Rejected, false),
            (&auto, Risk::Low, Refused, false),
            (&auto, Risk::Low, Acting, false),
            (&auto, Risk::Low, Gone, false),
            (&approve, Risk::Low, Open, false),
            (&approve, Risk::Low, Approved, true),
            (&approve, Risk::High, Approved, true),
        ] {
            assert_eq!(decided(Some(rule), risk, state, same) == Decision::Go, go, "{rule:?} {risk:?} {state:?}");
        }
    }

    #[test]
    fn what_is_allowed_still_waits_for_its_time() {
        let auto = rule(Mode::Auto);
        let off: &Actions = Box::leak(Box::new(Actions { enabled: false, ..Actions::default() }));
        assert!(matches!(decided(Some(&auto), Risk::Low, State::Open, |s| s.actions = off), Decision::Wait(_)));
        assert!(matches!(decided(Some(&auto), Risk::Low, State::Open, |s| s.paused = Some("…")), Decision::Wait(_)));
        assert!(matches!(decided(Some(&auto), Risk::Low, State::Failed, |s| s.failures = 2), Decision::Ask(_)));
        assert_eq!(decided(Some(&auto), Risk::Low, State::Approved, |s| s.failures = 2), Decision::Go);
        for (state, repeatable, minutes, go) in [
            (State::Failed, true, 59, false),
            (State::Failed, true, 60, true),
            (State::Failed, false, 600, false),
            (State::Ineffective, true, 600, false),
        ] {
            let decision = decided(Some(&auto), Risk::Low, state, |s| {
                (s.failures, s.repeatable) = (2, repeatable);
                s.since = s.now.checked_sub(SignedDuration::from_mins(minutes)).unwrap();
            });
            assert_eq!(decision == Decision::Go, go, "{state:?} {repeatable} {minutes}: {decision:?}");
        }
        for (line, go) in [
            ("* 2-4 * * *", true),
            ("30 3 * * *", true),
            ("31 3 * * *", false),
            ("* 4-6 * * *", false),
            ("* * * * sun", false),
        ] {
            let only_during = CronLine::parse(line).ok();
            let rule = Rule { only_during, ..rule(Mode::Auto) };
            let decision = decided(Some(&rule), Risk::Low, State::Open, |_| {});
            assert_eq!(decision == Decision::Go, go, "{line}: {decision:?}");
        }
    }

    #[test]
    fn the_minutes_of_only_during_are_those_of_the_wall_clock_when_it_changes() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        for (line, now, go) in [
            // On 29 March the clock goes from 02:00 to 03:00, at 01:00 UTC.
            ("* 2 * * *", "2026-03-29T00:59:59Z", false),
            ("* 2 * * *", "2026-03-29T01:00:00Z", false),
            ("* 2 * * *", "2026-03-29T01:30:00Z", false),
            ("30 2 * * *", "2026-03-29T01:30:00Z", false),
            ("* 3 * * *", "2026-03-29T01:00:00Z", true),
            ("* 1-4 * * *", "2026-03-29T01:00:30Z", true),
            // On 25 October it goes from 03:00 back to 02:00, at 01:00 UTC: the hour is there twice.
            ("* 2 * * *", "2026-10-25T00:30:00Z", true),
            ("* 2 * * *", "2026-10-25T01:30:00Z", true),
            ("30 2 * * *", "2026-10-25T00:30:59Z", true),
            ("30 2 * * *", "2026-10-25T01:30:59Z", true),
            ("* 3 * * *", "2026-10-25T01:59:59Z", false),
            ("* 3 * * *", "2026-10-25T02:00:00Z", true),
        ] {
            let line = CronLine::parse(line).unwrap();
            assert_eq!(is_open(&line, now.parse().unwrap(), &berlin), go, "{line} at {now}");
        }
    }
}
