//! What the agent does by itself, and what it does not.

use crate::bed::{Bed, await_that};

#[test]
fn an_allowed_action_is_done_once_by_the_actor_and_seen_to_have_helped() {
    let bed = Bed::new("effect = \"auto\"", "");
    let _daemon = bed.agent.start();
    bed.to_do(1, "effect");
    let proposal = bed.await_state(1, "verified");
    assert_eq!(bed.effects(1), 1);
    assert!(bed.server.holds("SELECT login = 'actor' FROM effects"), "the observer's login did it");
    assert_eq!(proposal["lines"][0], "INSERT INTO public.effects (id, note) VALUES (1, 'done')");
    assert_eq!(proposal["attempts"][0]["verdict"], "verified");
    // The same need again is the same proposal, and is met again.
    bed.to_do(1, "effect");
    await_that("it is done again", || bed.effects(1) == 2);
    let again = bed.await_state(1, "verified");
    assert_eq!(again["id"], proposal["id"]);
}

#[test]
fn nothing_is_done_that_is_not_allowed_in_so_many_words() {
    let bed = Bed::new("danger = \"approve\", useless = \"deny\"", "");
    let _daemon = bed.agent.start();
    for (id, action) in [(1, "effect"), (2, "danger"), (3, "useless")] {
        bed.to_do(id, action);
    }
    for id in [1, 2, 3] {
        bed.await_state(id, "open");
    }
    // Every one of them has been looked at again, and again.
    let seen = |id| bed.proposal(id).unwrap()["seen"].clone();
    let before = [1, 2, 3].map(seen);
    await_that("two more runs", || [1, 2, 3].map(seen).iter().zip(&before).all(|(now, then)| now != then));
    assert_eq!([1, 2, 3].map(|id| bed.effects(id)), [0, 0, 0]);
    assert!(bed.proposal(2).unwrap()["why"].as_str().unwrap().contains("approve"));
}

#[test]
fn what_does_not_help_is_tried_twice_and_then_left_to_a_person() {
    let bed = Bed::new("useless = \"auto\", fails = \"auto\"", "[actions]\nverify_within = \"1s\"");
    let _daemon = bed.agent.start();
    bed.to_do(1, "useless");
    bed.to_do(2, "fails");
    await_that("two attempts at each", || {
        [1, 2].iter().all(|id| bed.proposal(*id).is_some_and(|proposal| proposal["failures"] == 2))
    });
    let seen = |id| bed.proposal(id).unwrap()["seen"].clone();
    let before = [seen(1), seen(2)];
    await_that("more runs", || seen(1) != before[0] && seen(2) != before[1]);
    assert_eq!(bed.effects(1), 2);
    assert_eq!(bed.effects(2), 0, "a transaction that fails leaves nothing");
    assert_eq!(bed.proposal(1).unwrap()["state"], "ineffective");
    assert_eq!(bed.proposal(2).unwrap()["state"], "failed");
    assert!(bed.proposal(2).unwrap()["why"].as_str().unwrap().contains("division by zero"));
}

#[test]
fn a_chain_of_steps_is_done_in_rounds_of_one_run() {
    let bed = Bed::new("chain = \"auto\"", "[actions]\nmax_rounds = 3");
    let _daemon = bed.agent.start();
    bed.to_do(10, "chain");
    for id in 10..=14 {
        bed.await_state(id, "verified");
    }
    assert_eq!((10..=14).map(|id| bed.effects(id)).collect::<Vec<_>>(), [1; 5]);
}

#[test]
fn the_pace_is_kept() {
    let bed = Bed::new("effect = { policy = \"auto\", max_per_hour = 3 }", "");
    let _daemon = bed.agent.start();
    for id in 1..=5 {
        bed.to_do(id, "effect");
    }
    let all = || (1..=5).map(|id| bed.effects(id)).sum::<u32>();
    await_that("three are done", || all() == 3);
    await_that("the others say why not", || {
        let waiting = bed.proposals().into_iter().filter(|proposal| proposal["state"] == "open");
        waiting.filter(|proposal| proposal["why"].as_str().is_some_and(|why| why.contains("max_per_hour is 3"))).count()
            == 2
    });
    assert_eq!(all(), 3);
}

#[test]
fn an_actor_that_is_a_superuser_acts_only_with_a_key_of_its_own() {
    let bed = Bed::new("effect = \"auto\"", "");
    bed.server.exec("ALTER ROLE actor SUPERUSER");
    let apart = std::fs::read_to_string(bed.agent.config()).unwrap();
    // The observer's key is not the actor's.
    bed.agent.configure(&apart.replace("act_dsn = ", "allow_superuser = true\nact_dsn = "));
    bed.to_do(1, "effect");
    let daemon = bed.agent.start();
    let refused = bed.await_state(1, "failed");
    let detail = refused["attempts"][0]["detail"].as_str().unwrap();
    assert!(detail.contains("actor is a superuser") && detail.contains("act_allow_superuser = true"), "{refused:#}");
    assert_eq!((&refused["attempts"][0]["result"], bed.effects(1)), (&"refused".into(), 0), "{refused:#}");
    drop(daemon);

    bed.agent.configure(&apart.replace("act_dsn = ", "act_allow_superuser = true\nact_dsn = "));
    bed.to_do(2, "effect");
    let _daemon = bed.agent.start();
    bed.await_state(2, "verified");
    assert_eq!(bed.effects(2), 1);
}
