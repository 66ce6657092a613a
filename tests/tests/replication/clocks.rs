//! Two hosts whose clocks differ: no lag that is not there, none hidden that is, and words for it where a clock matters.

use pgreeve_tests::agent::Agent;
use pgreeve_tests::testbed::{Major, Server, StandbyOptions, Stop, available};

use crate::bed::{await_status, expect, look, primary, quiet, some, text, watch};

const QUICK: &str =
    "lag_healthy = \"100ms\", lag_warning = \"300ms\", lag_critical = \"1s\", reconnect_within = \"300ms\"";

/// A primary, and two standbys whose clocks are a minute ahead and a minute behind.
fn apart(major: Major) -> (Server, [Server; 2]) {
    let primary = primary(major, &[]);
    let standbys = [("ahead", 60), ("behind", -60)].map(|(name, clock_shift)| {
        let standby =
            primary.standby(name, &StandbyOptions { slot: Some(name), clock_shift, ..StandbyOptions::default() });
        standby.wait_until_streaming();
        standby
    });
    primary.exec("INSERT INTO t VALUES (1)");
    for (standby, sign) in standbys.iter().zip(["", "-"]) {
        standby.catch_up_with(&primary);
        let skew = format!("SELECT {sign}(now() - pg_last_xact_replay_timestamp()) BETWEEN '50 s' AND '70 s'");
        assert!(standby.holds(&skew), "the clocks differ by a minute");
    }
    (primary, standbys)
}

#[test]
fn clocks_that_differ_are_no_lag_and_hide_none() {
    for major in available() {
        let (mut primary, standbys) = apart(major);
        // What the first sessions clean up in the catalogs is WAL too, and it is flushed, and sent, with the next commit.
        look(&watch(&primary, QUICK));
        primary.exec("INSERT INTO t VALUES (2)");
        standbys.iter().for_each(|standby| standby.catch_up_with(&primary));
        let above = watch(&primary, QUICK);
        let agents = standbys.each_ref().map(|standby| {
            let scopes = [("main", standby.dsn("observer", "postgres")), ("top", primary.dsn("observer", "postgres"))];
            (watch(standby, QUICK), Agent::replication(&scopes, &format!("{QUICK}, primary = \"top\"")))
        });
        for round in ["first", "second"] {
            quiet(&above, &format!("{major} primary, {round} run"));
            agents.iter().for_each(|(alone, with_primary)| {
                quiet(alone, &format!("{major} standby, {round} run"));
                quiet(with_primary, &format!("{major} standby and primary, {round} run"));
            });
        }
        standbys.iter().for_each(|standby| standby.hang("startup"));
        primary.write_wal(1);
        for (name, (alone, with_primary)) in ["ahead", "behind"].iter().zip(&agents) {
            await_status(alone, "lag", "critical");
            await_status(with_primary, "primary-lag/main", "critical");
            await_status(&above, &format!("standby/{name}"), "critical");
        }
        standbys.iter().for_each(Server::thaw);
        agents.iter().for_each(|(alone, _)| drop(await_status(alone, "lag", "ok")));
        primary.stop(Stop::Fast);
        for (alone, _) in &agents {
            let checked = await_status(alone, "receiver", "critical");
            let said = text(&checked, "receiver");
            assert!(!said.contains("min ago"), "{major}: the last contact is seconds ago: {said}");
            await_status(alone, "lag", "unknown");
        }
    }
}

#[test]
fn a_commit_from_the_future_is_unknown_and_an_old_one_is_advised_to_be_compared_by_clock() {
    for major in some() {
        let (_primary, [ahead, behind]) = apart(major);
        let settings = "expect_commit_within = \"30s\"";
        let said = expect(&watch(&behind, settings), "commit-age", "unknown", &format!("{major} behind"));
        assert!(said.contains("no-data") && said.contains("clocks differ") && said.contains("chronyc"), "{said}");
        let said = expect(&watch(&ahead, settings), "commit-age", "critical", &format!("{major} ahead"));
        assert!(said.contains("compare the two hosts' clocks"), "{said}");
    }
}
