//! `pgreeve plan`, `pgreeve actions`, and mistakes in what a job says of actions.

use serde_json::Value;

use crate::bed::Bed;

#[test]
fn a_plan_shows_what_would_be_done_and_a_rehearsal_what_it_would_touch() {
    let bed = Bed::new("effect = \"auto\", danger = \"approve\"", "");
    for (id, action) in [(1, "effect"), (2, "danger"), (3, "useless"), (4, "fails")] {
        bed.to_do(id, action);
    }
    let output = bed.agent.run(&["plan", "acts", "--rehearse", "--format", "json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    let plan =
        |action: &str| json["plan"].as_array().unwrap().iter().find(|one| one["action"] == action).unwrap().clone();
    assert_eq!(plan("effect")["verdict"], "would be carried out");
    assert_eq!(plan("danger")["verdict"], "would wait for `pgreeve approve`");
    assert_eq!(plan("useless")["verdict"], "would not be carried out");
    let rehearsed = &plan("effect")["rehearsal"]["statements"];
    assert_eq!((&rehearsed[0]["rows"], &rehearsed[1]["rows"]), (&1.into(), &1.into()), "{rehearsed:#}");
    assert!(rehearsed[0]["locks"].as_array().unwrap().iter().any(|lock| lock["mode"] == "RowExclusiveLock"));
    assert!(plan("fails")["rehearsal"]["failed"].as_str().unwrap().contains("division by zero"));
    assert_eq!((1..=4).map(|id| bed.effects(id)).sum::<u32>(), 0, "a rehearsal is rolled back");
    assert!(bed.server.holds("SELECT count(*) = 4 FROM todo"));
    let human = String::from_utf8(bed.agent.run(&["plan", "acts"]).stdout).unwrap();
    assert!(human.contains("INSERT INTO public.effects (id, note) VALUES (1, 'done')"), "{human}");
}

#[test]
fn a_plan_says_where_the_server_has_another_role_than_the_rule_asks_for() {
    let bed = Bed::new(
        "effect = { policy = \"auto\", when = \"standby\" }, danger = { policy = \"approve\", when = \"primary\" }",
        "",
    );
    bed.to_do(1, "effect");
    bed.to_do(2, "danger");
    let output = bed.agent.run(&["plan", "acts", "--format", "json"]);
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    let plan =
        |action: &str| json["plan"].as_array().unwrap().iter().find(|one| one["action"] == action).unwrap().clone();
    assert_eq!(plan("effect")["verdict"], "would wait");
    assert!(
        plan("effect")["why"].as_str().unwrap().contains("is a primary, and `when` asks for a standby"),
        "{json:#}"
    );
    assert_eq!(plan("danger")["verdict"], "would wait for `pgreeve approve`");
}

#[test]
fn the_policies_in_force_can_be_printed() {
    let bed = Bed::new(
        "effect = { policy = \"auto\", cooldown = \"10m\", only_during = \"* 2-5 * * *\" }, danger = \"deny\"",
        "",
    );
    let json: Value = serde_json::from_slice(&bed.agent.run(&["actions", "--format", "json"]).stdout).unwrap();
    let row =
        |action: &str| json["actions"].as_array().unwrap().iter().find(|one| one["action"] == action).unwrap().clone();
    assert_eq!(row("effect")["policy"], "auto");
    assert!(row("effect")["limits"].to_string().contains("only during * 2-5 * * *"));
    assert_eq!((&row("danger")["policy"], &row("danger")["risk"]), (&"deny".into(), &"high".into()));
    assert_eq!(row("useless")["policy"], "propose");
}

#[test]
fn a_policy_that_cannot_be_meant_so_is_a_mistake_with_its_place() {
    let bed = Bed::new("effect = \"propose\"", "");
    for (actions, says) in [
        ("danger = \"auto\"", "high_risk = true"),
        ("efect = \"auto\"", "did you mean \"effect\"?"),
        ("effect = \"always\"", "is no policy"),
        ("effect = { policy = \"auto\", only_during = \"never\" }", "only_during"),
        ("effect = { max_per_hour = 2 }", "lacks policy"),
        ("touch = \"approve\"", "is not granted"),
        ("post = \"approve\"", "grants no http"),
    ] {
        bed.agent.configure(&Bed::config(&bed.server, actions, ""));
        let output = bed.agent.run(&["validate"]);
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(!output.status.success() && said.contains(says) && said.contains("agent.toml:"), "{actions}: {said}");
    }
    let without = Bed::config(&bed.server, "effect = \"auto\"", "")
        .lines()
        .filter(|line| !line.starts_with("act_dsn"))
        .collect::<Vec<_>>()
        .join("\n");
    bed.agent.configure(&without);
    let output = bed.agent.run(&["validate"]);
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(said.contains("act_dsn"), "{said}");
}
