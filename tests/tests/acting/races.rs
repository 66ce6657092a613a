//! What changes between a decision and its act: the world, the policy, the decision itself, other people.

use std::process::Output;

use crate::bed::{Bed, await_that};

pub(crate) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), output.stderr.as_slice()].concat()).into_owned()
}

impl Bed {
    /// The id of the open proposal for a row.
    pub(crate) fn open(&self, id: u32) -> String {
        self.await_state(id, "open")["id"].as_str().unwrap().to_owned()
    }
}

#[test]
fn two_who_approve_at_once_have_it_done_once() {
    let bed = Bed::new("effect = \"approve\"", "");
    let _daemon = bed.agent.start();
    for row in 1..=5 {
        bed.to_do(row, "effect");
        let id = bed.open(row);
        std::thread::scope(|scope| {
            let approve = || scope.spawn(|| bed.agent.run(&["approve", &id]));
            let said = [approve(), approve(), approve()].map(|one| one.join().unwrap());
            assert!(said.iter().any(|output| output.status.success()));
        });
        bed.await_state(row, "verified");
        assert_eq!(bed.effects(row), 1);
    }
}

#[test]
fn what_is_gone_when_it_is_to_be_done_is_not_done() {
    let bed = Bed::new("effect = \"approve\"", "");
    let _daemon = bed.agent.start();
    bed.to_do(1, "effect");
    let id = bed.open(1);
    assert!(bed.agent.run(&["pause", "--why", "test"]).status.success());
    let approved = bed.agent.run(&["approve", &id]);
    assert!(approved.status.success(), "{}", said(&approved));
    bed.server.exec("DELETE FROM todo");
    bed.await_state(1, "stale");
    assert!(bed.agent.run(&["resume", "--why", "done"]).status.success());
    // The same need later is the same proposal, and the old approval is not good for it.
    bed.to_do(1, "effect");
    let again = bed.await_state(1, "open");
    assert_eq!(again["id"].as_str().unwrap(), id);
    let seen = again["seen"].clone();
    await_that("two more runs", || bed.proposal(1).unwrap()["seen"] != seen);
    assert_eq!(bed.effects(1), 0);
}

#[test]
fn a_policy_that_was_changed_meanwhile_counts_and_a_new_plugin_needs_a_new_approval() {
    let bed = Bed::new("effect = \"approve\"", "");
    let daemon = bed.agent.start();
    bed.to_do(1, "effect");
    let id = bed.open(1);
    assert!(bed.agent.run(&["pause", "--why", "test"]).status.success());
    assert!(bed.agent.run(&["approve", &id]).status.success());
    bed.agent.configure(&Bed::config(&bed.server, "effect = \"deny\"", ""));
    let reloaded = bed.agent.run(&["reload"]);
    assert!(reloaded.status.success(), "{}", said(&reloaded));
    assert!(bed.agent.run(&["resume", "--why", "done"]).status.success());
    let seen = bed.proposal(1).unwrap()["seen"].clone();
    await_that("a run under the new policy", || bed.proposal(1).unwrap()["seen"] != seen);
    drop(daemon);
    let _again = bed.agent.start();
    std::thread::sleep(std::time::Duration::from_secs(6)); // The agent looks for approvals every five seconds.
    assert_eq!(bed.effects(1), 0);
    assert!(!bed.agent.run(&["approve", &id]).status.success(), "an approval that leads to nothing is refused");
}

#[test]
fn what_is_in_doubt_waits_for_a_person_and_what_does_no_harm_twice_for_the_plugin() {
    use rustix::process::Signal;
    let all = "policy = \"auto\", max_per_hour = 1000";
    let rules = format!("steps = {{ {all} }}, steps-again = {{ {all} }}");
    let bed = Bed::new(&rules, "");
    let patient =
        Bed::config(&bed.server, &rules, "").replace("[plugin.acts]", "lock_timeout = \"30s\"\n[plugin.acts]");
    bed.agent.configure(&patient);
    // Held up in the middle: a lock keeps the row in `todo`.
    let holder = bed.server.session("postgres");
    for (row, action) in [(1, "steps"), (2, "steps-again")] {
        bed.to_do(row, action);
        holder.sql("BEGIN");
        holder.sql(&format!("SELECT FROM todo WHERE id = {row} FOR UPDATE"));
        let mut daemon = bed.agent.start();
        await_that("its first step is done", || bed.effects(row) == 1);
        daemon.signal(Signal::KILL);
        daemon.wait();
        // What the killed agent had sent ends with its connection, or it would take the row out after all.
        bed.server.exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'actor'");
        holder.sql("COMMIT");
    }
    let _daemon = bed.agent.start();
    await_that("the harmless one is done again", || bed.effects(2) == 2);
    bed.await_state(2, "verified");
    let doubted = bed.await_state(1, "uncertain");
    let seen = doubted["seen"].clone();
    await_that("two more runs", || bed.proposal(1).unwrap()["seen"] != seen);
    assert_eq!(bed.effects(1), 1, "what may do harm is not done again by itself");
    let id = doubted["id"].as_str().unwrap().to_owned();
    let approved = bed.agent.run(&["approve", &id, "--why", "looked: the second step is missing"]);
    assert!(approved.status.success(), "{}", said(&approved));
    bed.await_state(1, "verified");
    assert_eq!(bed.effects(1), 2);
}

#[test]
fn what_cannot_be_written_when_an_action_ends_is_written_as_soon_as_it_can_be() {
    let rules = "steps = { policy = \"auto\", max_per_hour = 1000 }";
    let bed = Bed::new(rules, "");
    let patient = Bed::config(&bed.server, rules, "").replace("[plugin.acts]", "lock_timeout = \"30s\"\n[plugin.acts]");
    bed.agent.configure(&patient);
    bed.to_do(1, "steps");
    let holder = bed.server.session("postgres");
    holder.sql("BEGIN");
    holder.sql("SELECT FROM todo WHERE id = 1 FOR UPDATE");
    let daemon = bed.agent.start();
    await_that("its first step is done", || bed.effects(1) == 1);
    // From now on the store takes no word about it.
    let store = rusqlite::Connection::open(bed.agent.state_dir().join("pgreeve.db")).unwrap();
    store.busy_timeout(std::time::Duration::from_secs(20)).unwrap();
    let no = "CREATE TRIGGER no BEFORE UPDATE ON attempt BEGIN SELECT RAISE(ABORT, 'no'); END";
    store.execute_batch(no).unwrap();
    holder.sql("COMMIT");
    daemon.wait_for("is tried again until it can be");
    assert_eq!(bed.proposal(1).unwrap()["state"], "acting");
    store.execute_batch("DROP TRIGGER no").unwrap();
    bed.await_state(1, "verified");
    assert_eq!(bed.effects(1), 1);
    drop(daemon);
    // Nor is it in doubt later.
    let again = bed.agent.start();
    assert!(!again.log().contains("was carried out is not known"), "{}", again.log());
}

#[test]
fn a_doubt_outlasts_an_agent_that_cannot_reach_the_server_when_it_starts() {
    use pgreeve_tests::testbed::Stop;
    use rustix::process::Signal;
    let rules = "steps = { policy = \"auto\", max_per_hour = 1000 }";
    let mut bed = Bed::new(rules, "");
    let patient = Bed::config(&bed.server, rules, "").replace("[plugin.acts]", "lock_timeout = \"30s\"\n[plugin.acts]");
    bed.agent.configure(&patient);
    bed.to_do(1, "steps");
    let holder = bed.server.session("postgres");
    holder.sql("BEGIN");
    holder.sql("SELECT FROM todo WHERE id = 1 FOR UPDATE");
    let mut daemon = bed.agent.start();
    await_that("its first step is done", || bed.effects(1) == 1);
    daemon.signal(Signal::KILL);
    daemon.wait();
    // The host went down as a whole, and the server comes up later than the agent.
    bed.server.stop(Stop::Immediate);
    let daemon = bed.agent.start();
    let runs = |log: &str| log.matches("could not look").count() > 0;
    daemon.wait_until("a run that cannot look", runs);
    assert_eq!(bed.proposal(1).unwrap()["state"], "uncertain");
    bed.server.start_again();
    let seen = bed.proposal(1).unwrap()["seen"].clone();
    await_that("it is proposed again, twice", || bed.proposal(1).unwrap()["seen"] != seen);
    let seen = bed.proposal(1).unwrap()["seen"].clone();
    await_that("and again", || bed.proposal(1).unwrap()["seen"] != seen);
    assert_eq!((bed.effects(1), bed.proposal(1).unwrap()["state"].as_str()), (1, Some("uncertain")));
}

#[test]
fn who_meets_an_action_that_policy_allows_is_told_of_the_action_and_not_of_a_run() {
    let rules = "effect = \"auto\"";
    let bed = Bed::new(rules, "");
    let patient = Bed::config(&bed.server, rules, "").replace("[plugin.acts]", "lock_timeout = \"60s\"\n[plugin.acts]");
    bed.agent.configure(&patient);
    bed.to_do(1, "effect");
    // A lock keeps the row in `todo`, and the action at work.
    let holder = bed.server.session("postgres");
    holder.sql("BEGIN");
    holder.sql("SELECT FROM todo WHERE id = 1 FOR UPDATE");
    let daemon = bed.agent.start();
    bed.await_state(1, "acting");
    let before = daemon.log().len();
    let why = "the job's action effect, which its policy allows, is under way";
    daemon.wait_for(why);
    let asked = bed.agent.run(&["run-now", "acts"]);
    assert!(!asked.status.success() && said(&asked).contains(why), "{}", said(&asked));
    let runs = || said(&bed.agent.run(&["runs", "--limit", "200", "--format", "json"]));
    await_that("history says so too", || runs().contains(why));
    let since = daemon.log().split_off(before);
    assert!(!since.contains("the previous run is still going"), "{since}");
    holder.sql("COMMIT");
    bed.await_state(1, "verified");
}

#[test]
fn a_long_action_is_said_once_to_be_in_the_way_of_the_schedule() {
    let rules = "effect = \"approve\"";
    let bed = Bed::new(rules, "");
    let patient = Bed::config(&bed.server, rules, "").replace("[plugin.acts]", "lock_timeout = \"60s\"\n[plugin.acts]");
    bed.agent.configure(&patient);
    let daemon = bed.agent.start();
    bed.to_do(1, "effect");
    let id = bed.open(1);
    // A lock keeps the row in `todo`, and the action at work.
    let holder = bed.server.session("postgres");
    holder.sql("BEGIN");
    holder.sql("SELECT FROM todo WHERE id = 1 FOR UPDATE");
    assert!(bed.agent.run(&["approve", &id]).status.success());
    bed.await_state(1, "acting");
    let skipped = || {
        let output = bed.agent.run(&["runs", "--limit", "200", "--format", "json"]);
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        json["runs"].as_array().unwrap().iter().filter(|run| run["outcome"]["kind"] == "skipped").count()
    };
    let before = skipped();
    await_that("three due times without a run", || skipped() >= before + 3);
    let said = daemon.log().matches("an approved action of the job is under way").count();
    assert_eq!(said, 1, "{}", daemon.log());
    holder.sql("COMMIT");
    bed.await_state(1, "verified");
}
