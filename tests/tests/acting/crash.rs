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
    let mut random: u64 = 0x9e37_79b9_7f4a_7c15;
    for round in 0..kills() {
        if round % 8 == 7 {
            // Somebody looks at what is in doubt, and takes out what was done.
            bed.server.exec("DELETE FROM todo WHERE id IN (SELECT id FROM effects)");
        }
        let first = round * 3;
        let last = first + 2;
        bed.server.exec(&format!(
            "INSERT INTO todo (id, action) SELECT n, 'steps' FROM generate_series({first}, {last}) AS n"
        ));
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
    drop(daemon);
    let twice = bed.server.value(
        "SELECT string_agg(id::text, ',') FROM (SELECT id FROM effects GROUP BY id HAVING count(*) > 1) AS twice",
    );
    assert_eq!(twice, None, "done twice");
    let doubted = bed.proposals().iter().filter(|proposal| proposal["state"] == "uncertain").count();
    let lost: u32 = bed
        .server
        .value("SELECT count(*) FROM generate_series(0, (SELECT max(id) FROM effects)) AS n WHERE NOT EXISTS (SELECT FROM effects WHERE id = n) AND NOT EXISTS (SELECT FROM todo WHERE id = n)")
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(lost, 0, "taken out of todo without its effect");
    println!("{} kills, {doubted} actions in doubt", kills());
}
