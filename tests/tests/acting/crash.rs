//! Exactly once: an agent that is killed at any moment never does anything twice by itself.

use std::time::Duration;

use rustix::process::Signal;

use crate::bed::{Bed, await_that};

/// How often the agent is killed; `PGREEVE_KILLS` says otherwise.
fn kills() -> u32 {
    std::env::var("PGREEVE_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(100)
}

#[test]
fn killed_at_any_moment_nothing_is_done_twice_by_itself() {
    let bed = Bed::new("steps = { policy = \"auto\", max_per_hour = 100000 }", "");
    bed.server.exec("CREATE TABLE settled (id int); CREATE SEQUENCE numbers");
    let mut random: u64 = 0x9e37_79b9_7f4a_7c15;
    for round in 0..kills() {
        if round % 8 == 7 {
            // Somebody looks at what is in doubt, and settles it.
            bed.server.exec("WITH gone AS (DELETE FROM todo RETURNING id) INSERT INTO settled SELECT id FROM gone");
        }
        bed.server.exec(
            "INSERT INTO todo (id, action) SELECT nextval('numbers'), 'steps'
             FROM generate_series(1, 12 - (SELECT count(*) FROM todo)::int)",
        );
        let mut daemon = bed.agent.spawn();
        let past = daemon.log().matches("carries out").count();
        // xorshift; from the first action's begin until some actions later.
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        daemon.wait_until("an action", |log| log.matches("carries out").count() > past);
        std::thread::sleep(Duration::from_micros(random % 250_000));
        daemon.signal(Signal::KILL);
        daemon.wait();
    }
    let daemon = bed.agent.start();
    await_that("all that nobody doubts is done", || {
        bed.proposals()
            .iter()
            .all(|proposal| ["verified", "gone", "uncertain"].contains(&proposal["state"].as_str().unwrap()))
    });
    let doubts = daemon.log().matches("was carried out is not known").count();
    assert!(doubts > 0, "no kill met an action");
    drop(daemon);
    let twice = bed.server.value(
        "SELECT string_agg(id::text, ',') FROM (SELECT id FROM effects GROUP BY id HAVING count(*) > 1) AS twice",
    );
    assert_eq!(twice, None, "done twice");
    let lost: u32 = bed
        .server
        .value("SELECT count(*) FROM generate_series(1, (SELECT max(id) FROM effects)) AS n WHERE NOT EXISTS (SELECT FROM effects WHERE id = n) AND NOT EXISTS (SELECT FROM todo WHERE id = n) AND NOT EXISTS (SELECT FROM settled WHERE id = n)")
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(lost, 0, "taken out of todo without its effect");
    println!("{} kills, {doubts} times an action was in doubt", kills());
}
