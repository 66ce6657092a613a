//! Promotion, two primaries, another cluster.

use pgreeve_tests::agent::Agent;
use pgreeve_tests::testbed::{Options, Server, Stop, available};

use crate::bed::{expect, look, pair, quiet, some, standby, watch};

#[test]
fn a_promoted_standby_is_a_quiet_primary_and_its_cascade_follows() {
    for major in available() {
        let (mut primary, s1) = pair(major);
        primary.exec("INSERT INTO t VALUES (1)");
        let c1 = standby(&s1, "c1", &[]);
        let agents = [watch(&s1, ""), watch(&c1, "")];
        agents.iter().for_each(|agent| quiet(agent, "before"));
        primary.stop(Stop::Fast);
        s1.promote();
        c1.wait_until("the cascade follows", || {
            c1.holds("SELECT status = 'streaming' AND received_tli = 2 FROM pg_stat_wal_receiver")
        });
        s1.exec("INSERT INTO t VALUES (2)");
        c1.catch_up_with(&s1);
        let said = expect(&agents[0], "server", "warning", &format!("{major:?} promoted"));
        assert!(said.contains("was a standby") && said.contains("old primary"), "{said}");
        quiet(&agents[0], &format!("{major:?} promoted, from the second run on"));
        assert_eq!(
            look(&agents[0]).finding("lag")["reason"],
            "not-applicable",
            "{major:?}: a primary has no lag, whatever its functions say"
        );
        quiet(&agents[1], &format!("{major:?} its cascade"));
    }
}

#[test]
fn two_primaries_are_critical_and_so_is_another_cluster() {
    for major in some() {
        let (primary, s1) = pair(major);
        s1.promote();
        let against = |other: &Server, server: &Server| {
            let scopes = [("main", server.dsn("observer", "postgres")), ("top", other.dsn("observer", "postgres"))];
            Agent::replication(&scopes, "primary = \"top\"")
        };
        let said = expect(&against(&primary, &s1), "primary-lag/main", "critical", &format!("{major:?}"));
        assert!(said.contains("two primaries"), "{said}");
        let other = Server::start(major, &Options { own_system_identifier: true, ..Options::default() });
        other.create_roles();
        let said = expect(&against(&other, &s1), "primary-lag/main", "critical", &format!("{major:?}"));
        assert!(said.contains("no copy"), "{said}");
    }
}

#[test]
fn a_standby_that_stays_with_the_old_primary_is_on_another_timeline() {
    for major in some() {
        let (primary, s1) = pair(major);
        let s2 = standby(&primary, "s2", &[]);
        s1.promote();
        primary.write_wal(1);
        s2.catch_up_with(&primary);
        let scopes = [("main", s2.dsn("observer", "postgres")), ("top", s1.dsn("observer", "postgres"))];
        let said = expect(
            &Agent::replication(&scopes, "primary = \"top\""),
            "primary-lag/main",
            "critical",
            &format!("{major:?}"),
        );
        assert!(said.contains("diverged") || said.contains("timeline"), "{said}");
    }
}
