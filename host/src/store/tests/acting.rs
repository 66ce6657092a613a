//! Proposals and attempts over time: what outlasts a blink, a kill and a clock that is set back.

use super::*;
use crate::report::Proposal;

const DAY: i64 = 86_400;

struct Desk {
    _directory: tempfile::TempDir,
    store: Store,
}

impl Desk {
    fn new() -> Self {
        let directory = tempfile::tempdir_in("/dev/shm").unwrap();
        let store = Store::open(directory.path()).unwrap();
        Self { _directory: directory, store }
    }

    /// A run that proposes these, each with whether it does no harm twice.
    fn run(&mut self, proposed: &[(&str, bool)], unseen: bool, seconds: i64) {
        let proposed: Vec<_> = proposed.iter().map(|(id, repeatable)| proposed_as(id, "v1", *repeatable)).collect();
        self.store.observe("watch", &proposed, |_| unseen, at(seconds)).unwrap();
    }

    fn state(&self, id: &str) -> State {
        self.standing(id).state
    }

    fn standing(&self, id: &str) -> Standing {
        self.store.proposals(None, true).unwrap().into_iter().find(|standing| standing.id == id).unwrap()
    }

    fn approve(&mut self, id: &str, seconds: i64, until: i64) {
        let approve = Decision::Approve { who: "me".into(), why: None, until: at(until) };
        self.store.decide(id, &approve, at(seconds)).unwrap().unwrap();
    }

    fn begin(&mut self, id: &str, approved: bool, seconds: i64) -> Result<i64, String> {
        self.store.begin_attempt(id, approved, "me", PACE, at(seconds)).unwrap()
    }

    /// It failed, and did not help.
    fn settle(&mut self, attempt: i64, state: State, seconds: i64) {
        let (detail, why) = ("no".to_owned(), "no".to_owned());
        let settled = Settled { result: "failed", detail, verdict: Verdict::Ineffective, state, why };
        self.store.settle_attempt(attempt, &settled, at(seconds)).unwrap();
    }

    /// Begun, and the agent was killed.
    fn left(&mut self, id: &str, seconds: i64) {
        self.begin(id, false, seconds).unwrap();
        self.store.doubt_attempts(at(seconds + 1)).unwrap();
    }
}

const PACE: Pace = Pace { max_per_hour: 100, cooldown: Duration::from_secs(600), settles: Duration::from_secs(30) };

fn proposed_as(id: &str, plugin: &str, repeatable: bool) -> Proposed {
    let told = Proposal {
        action: "fix".into(),
        arguments: Vec::new(),
        target: "main".into(),
        clears: vec!["lag/a".into()],
        reason: "it is late".into(),
    };
    Proposed {
        id: id.to_owned(),
        identity: "the same".to_owned(),
        plugin_digest: plugin.to_owned(),
        told,
        lines: Ok(vec!["SELECT 1".into()]),
        address: Some("user=actor dbname=app host=a".into()),
        risk: "low".into(),
        repeatable,
    }
}

#[test]
fn an_approval_is_for_one_address() {
    let mut desk = Desk::new();
    desk.run(&[("p", false)], false, 0);
    desk.approve("p", 1, 100);
    let elsewhere = Proposed { address: Some("user=actor dbname=app host=b".into()), ..proposed_as("p", "v1", false) };
    let changes = desk.store.observe("watch", &[elsewhere], |_| false, at(2)).unwrap();
    assert_eq!(changes.len(), 1, "{changes:?}");
    assert_eq!(desk.state("p"), State::Open);
    assert!(desk.standing("p").why.unwrap().contains("where it would be done"));
}

#[test]
fn what_is_withdrawn_spares_refusals_and_doubts_and_tells_each_once() {
    let mut desk = Desk::new();
    desk.run(&[("open", false), ("approved", false), ("rejected", false), ("doubted", false)], false, 0);
    desk.approve("approved", 1, 100);
    let reject = Decision::Reject { who: "bob".into(), why: None };
    desk.store.decide("rejected", &reject, at(1)).unwrap().unwrap();
    desk.left("doubted", 1);
    let withdrawn = desk.store.withdraw(|_| Some("its job is gone".into()), at(3)).unwrap();
    assert_eq!(withdrawn.len(), 2, "{withdrawn:#?}");
    let states = ["open", "approved", "rejected", "doubted"].map(|id| desk.state(id));
    assert_eq!(states, [State::Gone, State::Stale, State::Rejected, State::Uncertain]);
    let why = desk.standing("approved").why.unwrap();
    assert!(why.starts_with("the approval by ") && why.ends_with(" ended: its job is gone"), "{why}");
    assert_eq!(desk.standing("approved").until, None);
    assert_eq!(desk.store.withdraw(|_| Some("its job is gone".into()), at(4)).unwrap(), []);
}

#[test]
fn a_doubt_outlasts_every_retention_and_a_day_of_attempts_the_one_by_size() {
    let mut desk = Desk::new();
    desk.run(&[("doubted", false), ("done", true)], false, 0);
    desk.left("doubted", 1);
    let attempt = desk.begin("done", false, 700).unwrap();
    desk.settle(attempt, State::Verified, 701);
    desk.run(&[], false, 702);
    assert_eq!((desk.state("doubted"), desk.state("done")), (State::Gone, State::Verified));
    let mut prune = |max_age, max_bytes, now| {
        let retention = Retention { max_age: Duration::from_secs(max_age), max_bytes };
        while desk.store.prune_batch(&retention, at(now)).unwrap().more {}
        desk.store.proposals(None, true).unwrap().into_iter().map(|one| one.id).collect::<Vec<_>>()
    };
    assert_eq!(prune(u64::MAX, 1, 703).len(), 2, "neither is a day old");
    assert_eq!(prune(u64::MAX, 1, DAY + 703), ["doubted"], "the other made room");
    assert_eq!(prune(60, u64::MAX, 40 * DAY), ["doubted"]);
    // It is proposed again, and nobody has said what became of it.
    desk.run(&[("doubted", false)], false, 41 * DAY);
    assert_eq!(desk.state("doubted"), State::Uncertain);
}

#[test]
fn what_was_begun_and_not_carried_out_keeps_its_approval_and_the_end_of_it() {
    let mut desk = Desk::new();
    desk.run(&[("p", false)], false, 0);
    desk.approve("p", 1, 100);
    let before = desk.standing("p");
    let attempt = desk.begin("p", true, 2).unwrap();
    desk.store.forgo_attempt(attempt, &before, "the audit log is full", at(3)).unwrap();
    assert_eq!((desk.state("p"), desk.standing("p").until), (State::Approved, Some(at(100))));
    desk.begin("p", true, 4).unwrap();
}

#[test]
fn an_approval_that_has_no_end_or_lies_ahead_is_over() {
    let mut desk = Desk::new();
    desk.run(&[("p", false)], false, 0);
    desk.approve("p", DAY, 2 * DAY);
    // The clock is set back by a day.
    assert!(desk.begin("p", true, 10).unwrap_err().contains("set back"));
    assert_eq!(desk.store.expire_approvals(at(10)).unwrap().len(), 1);
    assert!(desk.standing("p").why.unwrap().contains("set back"));
    assert_eq!(desk.state("p"), State::Open);
}

#[test]
fn a_doubt_outlasts_a_run_that_does_not_propose_it_until_a_person_decides() {
    let mut desk = Desk::new();
    desk.run(&[("p", false)], false, 0);
    desk.left("p", 1);
    desk.run(&[], false, 3);
    assert_eq!(desk.state("p"), State::Gone);
    desk.run(&[("p", false)], false, 4);
    assert_eq!(desk.state("p"), State::Uncertain, "it flaps, and would be done a second time");
    // Another version of the plugin, which calls it harmless.
    desk.run(&[], false, 5);
    desk.store.observe("watch", &[proposed_as("p2", "v2", true)], |_| false, at(6)).unwrap();
    assert_eq!(desk.state("p2"), State::Uncertain);
    let reject = Decision::Reject { who: "me".into(), why: Some("it happened".into()) };
    desk.store.decide("p2", &reject, at(7)).unwrap().unwrap();
    desk.run(&[], false, 8);
    desk.run(&[("p", false)], false, 9);
    assert_eq!(desk.state("p"), State::Open, "a person has looked");
}

#[test]
fn what_does_no_harm_twice_is_not_in_doubt_for_long() {
    let mut desk = Desk::new();
    desk.run(&[("p", true)], false, 0);
    desk.left("p", 1);
    assert_eq!(desk.state("p"), State::Uncertain);
    desk.run(&[("p", true)], false, 3);
    assert_eq!(desk.state("p"), State::Open);
}

#[test]
fn a_run_that_could_not_look_takes_no_refusal_and_no_doubt_away() {
    let mut desk = Desk::new();
    desk.run(&[("p", false), ("q", false)], false, 0);
    let reject = Decision::Reject { who: "me".into(), why: None };
    desk.store.decide("q", &reject, at(1)).unwrap().unwrap();
    desk.run(&[], true, 2);
    assert_eq!((desk.state("p"), desk.state("q")), (State::Gone, State::Rejected));
    desk.run(&[], false, 3);
    assert_eq!(desk.state("q"), State::Gone);
}

#[test]
fn what_was_done_and_not_looked_at_has_its_time_before_it_is_done_again() {
    let mut desk = Desk::new();
    let pace = Pace { cooldown: Duration::ZERO, ..PACE };
    desk.run(&[("p", false)], false, 0);
    let attempt = desk.begin("p", false, 1).unwrap();
    desk.store.end_attempt(attempt, "done", "1 row", at(2)).unwrap();
    // Killed before the plugin looked.
    desk.store.doubt_attempts(at(3)).unwrap();
    desk.run(&[("p", false)], false, 4);
    assert_eq!(desk.state("p"), State::Ineffective);
    let again = |desk: &mut Desk, seconds| desk.store.begin_attempt("p", false, "me", pace, at(seconds)).unwrap();
    assert!(again(&mut desk, 31).unwrap_err().contains("verify_within"));
    assert!(desk.store.pace("p", "watch", "fix", pace, at(31)).unwrap().is_err());
    again(&mut desk, 32).unwrap();
}

#[test]
fn attempts_that_lie_ahead_of_a_clock_count_from_the_next_start_on() {
    let mut desk = Desk::new();
    desk.run(&[("p", true)], false, 0);
    let attempt = desk.begin("p", false, 365 * DAY).unwrap();
    desk.store.end_attempt(attempt, "failed", "no", at(365 * DAY + 1)).unwrap();
    desk.settle(attempt, State::Failed, 365 * DAY + 1);
    assert!(desk.begin("p", false, 10).unwrap_err().contains("set back"));
    desk.store.doubt_attempts(at(20)).unwrap();
    assert!(desk.begin("p", false, 30).unwrap_err().contains("cooldown"));
    desk.begin("p", false, 20 + 600).unwrap();
}

#[test]
fn how_an_attempt_ended_is_written_with_what_came_of_it_where_it_could_not_be_before() {
    let mut desk = Desk::new();
    desk.run(&[("p", false)], false, 0);
    let attempt = desk.begin("p", false, 1).unwrap();
    desk.settle(attempt, State::Failed, 9);
    let [written] = &desk.store.attempts("p").unwrap()[..] else { panic!("one attempt") };
    assert_eq!((written.ended, written.result.as_deref()), (Some(at(9)), Some("failed")));
    assert!(desk.store.doubt_attempts(at(10)).unwrap().is_empty(), "nothing of it is in doubt");
    assert_eq!(desk.state("p"), State::Failed);
}

#[test]
fn of_two_who_decide_at_once_the_one_who_refuses_is_heard() {
    let mut desk = Desk::new();
    let reject = Decision::Reject { who: "her".into(), why: Some("the dump runs".into()) };
    let approve = Decision::Approve { who: "me".into(), why: None, until: at(1000) };
    desk.run(&[("p", false)], false, 0);
    desk.store.decide("p", &reject, at(1)).unwrap().unwrap();
    let refused = desk.store.decide("p", &approve, at(2)).unwrap().unwrap_err();
    assert!(refused.contains("her") && refused.contains("the dump runs"), "{refused}");
    assert_eq!(desk.state("p"), State::Rejected);
    // Who refused it may think better of it.
    let nonetheless = Decision::Approve { who: "her".into(), why: None, until: at(1000) };
    desk.store.decide("p", &nonetheless, at(3)).unwrap().unwrap();
    desk.store.decide("p", &reject, at(4)).unwrap().unwrap();
    // The other way round, and by somebody who has seen it.
    desk.store.decide("p", &approve, at(34)).unwrap().unwrap();
    desk.store.decide("p", &reject, at(34)).unwrap().unwrap();
    assert_eq!(desk.state("p"), State::Rejected);
}

#[test]
fn what_failed_and_was_not_wanted_meanwhile_begins_anew_if_it_does_no_harm_twice() {
    for (state, repeatable, failures) in
        [(State::Failed, true, 0), (State::Failed, false, 1), (State::Ineffective, true, 1)]
    {
        let mut desk = Desk::new();
        desk.run(&[("a", repeatable)], false, 0);
        let attempt = desk.begin("a", false, 10).unwrap();
        desk.settle(attempt, state, 20);
        assert_eq!((desk.state("a"), desk.standing("a").failures), (state, 1));
        desk.run(&[], false, DAY);
        desk.run(&[("a", repeatable)], false, 2 * DAY);
        assert_eq!((desk.state("a"), desk.standing("a").failures), (State::Open, failures), "{state:?} {repeatable}");
    }
}
