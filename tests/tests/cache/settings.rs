//! Settings that contradict themselves are refused, and a job without grants says so.

use crate::bed::{agent, look};

#[test]
fn contradictions_are_refused_before_anything_runs() {
    for (settings, said) in [
        ("hit_alert_percent = 0.7", "write 70 if a share was meant"),
        ("hit_alert_percent = 90", "above hit_target_percent"),
        ("caches = { a = { hit_rate = \"/x\" } }", "\"percent\" (0 to 100) or \"fraction\" (0 to 1)"),
        ("caches = { a = { hit_rate = \"/x\", unit = \"share\" } }", "unit"),
        ("caches = { a = { warm = \"/flushall\" } }", "and then /warm"),
    ] {
        let agent = agent("[redis.cache]\nurl = \"redis://127.0.0.1:1\"", "redis = [\"cache\"]", settings);
        let output = agent.run(&["validate"]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && text.contains(said), "{settings}: {text}");
    }
}

#[test]
fn a_job_that_is_granted_nothing_cannot_look() {
    let checked = look(&agent("", "", ""));
    assert_eq!(checked.exit, 3);
    assert!(checked.json.to_string().contains("nothing is granted"), "{:#}", checked.json);
}
