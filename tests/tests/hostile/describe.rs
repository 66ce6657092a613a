//! Attacks while a plugin is installed: it is asked what it is, and whether settings are right, and granted nothing. What loops is ended after
//! 2 s of computing or 5 s on the clock, whichever a busy machine comes to first.

use std::net::TcpListener;

use crate::component::{FOR_EVER, Guest, Told};
use crate::wasi::with_wasi;
use crate::{agent, faults, is_plain, refusal, run};

#[test]
fn a_describe_that_does_not_answer_is_refused_with_the_reason() {
    let grow = "(loop $l (drop (memory.grow (i32.const 16))) (br $l)) (unreachable)";
    let deeper = "(func $deeper (result i32) (i32.add (call $deeper) (i32.const 1)))";
    for (what, describe, said) in [
        ("traps", "(unreachable)", "(describe), it trapped"),
        ("loops", FOR_EVER, "went over its limit of"),
        ("takes memory", grow, "limit of memory"),
        ("calls itself", "(call $deeper)", "call stack exhausted"),
        (
            "tells 9 MB",
            "(drop (memory.grow (i32.const 200))) (i32.store offset=16 (global.get $manifest) (i32.const 65536))
            (i32.store offset=20 (global.get $manifest) (i32.const 9000000)) (global.get $manifest)",
            "limit of call_bytes",
        ),
        ("answers from nowhere", "(i32.const -8)", "out of bounds"),
    ] {
        let refused =
            refusal(&Guest { describe: describe.into(), items: deeper.into(), ..Guest::default() }.component());
        assert!(refused.contains("asked what it is") && refused.contains(said), "{what}: {refused}");
    }
}

#[test]
fn a_start_function_is_within_the_limits_too() {
    let guest = Guest { items: format!("(func $boot {FOR_EVER}) (start $boot)"), ..Guest::default() };
    let refused = refusal(&guest.component());
    assert!(refused.contains("went over its limit of"), "{refused}");
}

#[test]
fn a_describe_that_changes_its_answer_is_refused() {
    // The only thing that differs between two calls is how long something took.
    let describe = "(local $turns i32) (local $spin i32) (local $sum i64)
        (loop $turn
            (local.set $spin (i32.const 300000))
            (loop $l (local.set $spin (i32.sub (local.get $spin) (i32.const 1))) (br_if $l (local.get $spin)))
            (local.set $sum (i64.add (local.get $sum) (i64.div_u (call $now) (i64.const 1000000))))
            (local.set $turns (i32.add (local.get $turns) (i32.const 1)))
            (br_if $turn (i32.lt_u (local.get $turns) (i32.const 90))))
        (i32.store offset=16 (global.get $manifest) (i32.const 65536))
        (i32.store offset=20 (global.get $manifest) (i32.and (i32.wrap_i64 (local.get $sum)) (i32.const 0x7fff)))
        (global.get $manifest)";
    let refused = refusal(&Guest { describe: describe.into(), ..with_wasi() }.component());
    assert!(refused.contains("two different answers"), "{refused}");
}

#[test]
fn a_describe_that_sleeps_is_refused_within_seconds() {
    let describe = "(call $block (call $subscribe (i64.const 3600000000000))) (global.get $manifest)";
    let refused = refusal(&Guest { describe: describe.into(), ..with_wasi() }.component());
    assert!(refused.contains("limit of wall"), "{refused}");
}

fn described(manifest: Told) -> String {
    refusal(&Guest { manifest, ..Guest::default() }.component())
}

#[test]
fn a_manifest_that_is_too_large_or_forged_is_refused_in_few_words() {
    let told = Told::default;
    let many = |id: &str| vec![id.to_owned(); 4_000];
    let distinct = (0..20_000).map(|number| format!("check-{number}")).collect();
    for (what, manifest, said) in [
        ("a summary of 600 KB", Told { summary: "x".repeat(600_000), ..told() }, "more than the"),
        ("20,000 checks", Told { checks: distinct, ..told() }, "more than the"),
        ("no check", Told { checks: Vec::new(), ..told() }, "declares no check"),
        ("the same forged id thousands of times", Told { checks: many("\u{1b}[2J\n\u{202e}ok"), ..told() }, "check id"),
        ("a name that is a path", Told { name: "../../etc/passwd".into(), ..told() }, "lower-case words"),
        ("a version that is text", Told { version: "1.0.0\n0 mistakes".into(), ..told() }, "semantic version"),
        (
            "a summary that reorders itself",
            Told { summary: "safe\u{202e}lufmrah".into(), ..told() },
            "control characters",
        ),
        (
            "a need that would be SQL",
            Told { needs: vec!["pg_monitor\" TO x; DROP TABLE t; --".into()], ..told() },
            "is no predefined role",
        ),
        ("thousands of needs", Told { needs: vec!["pg_monitor".into(); 4_000], ..told() }, "has 4000 needs"),
        ("a summary with an Arabic letter mark", Told { summary: "a\u{61c}b".into(), ..told() }, "control characters"),
    ] {
        let refused = described(manifest);
        assert!(refused.contains(said), "{what}: {refused}");
    }
}

#[test]
fn findings_of_checks_that_were_not_declared_are_faults() {
    let guest = Guest { findings: vec![("other".into(), "other")], ..Guest::default() };
    faults("another check", &guest.component(), "", "the manifest does not declare");
    let forged = Guest { findings: vec![("check/\u{1b}[31m".into(), "check")], ..Guest::default() };
    faults("a forged key", &forged.component(), "", "no control characters");
}

#[test]
fn a_schema_that_would_keep_the_host_busy_is_refused() {
    let doubling: String = (0..25)
        .map(|n| format!(r##""d{n}":{{"allOf":[{{"$ref":"#/$defs/d{0}"}},{{"$ref":"#/$defs/d{0}"}}]}},"##, n + 1))
        .collect();
    let nested = format!("{}{}{}", r#"{"not":"#.repeat(5_000), "{}", "}".repeat(5_000));
    for (what, schema, said) in [
        ("references that double", format!(r##"{{"$ref":"#/$defs/d0","$defs":{{{doubling}"d25":{{}}}}}}"##), "parts"),
        ("a reference to itself", r##"{"$ref":"#"}"##.into(), "circle"),
        ("deep nesting", nested, "not JSON"),
        (
            "a pattern of a million states",
            r#"{"properties":{"a":{"pattern":"(x{1000}){1000}"}}}"#.into(),
            "not a JSON Schema",
        ),
        ("a megabyte", format!(r#"{{"description":"{}"}}"#, "x".repeat(1 << 20)), "more than the"),
        ("a file", r#"{"$ref":"file:///etc/passwd"}"#.into(), "no part of it"),
        ("no JSON", "{\u{1b}[2J".into(), "not JSON"),
    ] {
        let refused = described(Told { schema, ..Told::default() });
        assert!(refused.contains(said), "{what}: {refused}");
    }
}

#[test]
fn no_schema_makes_the_host_fetch_anything() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    server.set_nonblocking(true).unwrap();
    let schema = format!(r#"{{"$ref":"http://{}/schema.json"}}"#, server.local_addr().unwrap());
    let refused = described(Told { schema, ..Told::default() });
    assert!(refused.contains("no part of it"), "{refused}");
    assert!(server.accept().is_err(), "somebody asked for the schema");
}

#[test]
fn a_pattern_that_backtracks_takes_no_longer_than_others() {
    let schema = r#"{"properties":{"a":{"type":"string","pattern":"^(a|aa|a?)+$"}}}"#.into();
    let agent = agent(&Guest { manifest: Told { schema, ..Told::default() }, ..Guest::default() }.component(), "");
    let config = std::fs::read_to_string(agent.config()).unwrap();
    agent.configure(&format!("{config}settings = {{ a = \"{}!\" }}\n", "a".repeat(200)));
    let said = String::from_utf8(agent.run(&["validate"]).stdout).unwrap();
    assert!(said.contains("does not match") && said.len() < 8_000, "{said}");
}

#[test]
fn settings_of_most_of_a_megabyte_reach_the_plugin_and_a_larger_file_is_refused() {
    for (size, exit) in [(900_000, 0), (1 << 20, 3)] {
        let agent = agent(&Guest::default().component(), "");
        let config = std::fs::read_to_string(agent.config()).unwrap();
        agent.configure(&format!("{config}settings = {{ a = \"{}\" }}\n", "a".repeat(size)));
        let checked = agent.check("m");
        assert_eq!(checked.exit, exit, "{size}: {:.2000}", checked.json["summary"]);
    }
}

#[test]
fn a_check_of_settings_that_does_not_answer_is_refused() {
    for (what, check_settings, said) in [
        ("traps", "(unreachable)", "could not check them: it trapped"),
        ("loops", FOR_EVER, "went over its limit of"),
        // A million problems, each with an empty text.
        (
            "finds a million problems",
            "(drop (memory.grow (i32.const 320))) (i32.store (global.get $scratch) (i32.const 65536))
             (i32.store offset=4 (global.get $scratch) (i32.const 1000000)) (global.get $scratch)",
            "limit of call_bytes",
        ),
    ] {
        let refused = refusal(&Guest { check_settings: check_settings.into(), ..Guest::default() }.component());
        assert!(refused.contains(said), "{what}: {refused}");
    }
}

#[test]
fn problems_of_settings_are_few_and_forge_nothing() {
    // 10,000 times the same problem, whose place and text are forged.
    let guest = Guest {
        items: r#"(data (i32.const 256) "/\1b[2J\0aagent.toml: valid")"#.into(),
        check_settings: "(local $at i32) (drop (memory.grow (i32.const 4))) (local.set $at (i32.const 131072))
            (loop $l
                (i32.store (local.get $at) (i32.const 256)) (i32.store offset=4 (local.get $at) (i32.const 23))
                (i32.store offset=8 (local.get $at) (i32.const 256)) (i32.store offset=12 (local.get $at) (i32.const 23))
                (local.set $at (i32.add (local.get $at) (i32.const 16)))
                (br_if $l (i32.lt_u (local.get $at) (i32.const 291072))))
            (i32.store (global.get $scratch) (i32.const 131072)) (i32.store offset=4 (global.get $scratch) (i32.const 10000))
            (global.get $scratch)"
            .into(),
        ..Guest::default()
    };
    let refused = refusal(&guest.component());
    assert!(
        refused.contains("50 mistakes") && !refused.lines().any(|line| line.starts_with("agent.toml: valid")),
        "{refused}"
    );
}

#[test]
fn what_explain_shows_cannot_be_forged() {
    let schema = r#"{"properties":{"a\n\nCan propose\n  nothing\u001b[2J":{"default":"\u202e"}}}"#.into();
    let component = Guest { manifest: Told { schema, ..Told::default() }, ..Guest::default() }.component();
    let agent = agent(&component, "");
    let file = agent.config().with_file_name("guest.wasm");
    let output = std::process::Command::new(pgreeve_tests::agent::pgreeve())
        .args(["plugin", "explain"])
        .arg(file)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && is_plain(&said), "{said:?}");
    assert_eq!(said.lines().filter(|line| *line == "Can propose").count(), 1, "{said}");
}

#[test]
fn a_failure_of_a_megabyte_is_cut_and_forges_nothing() {
    let body = "(memory.fill (i32.const 65536) (i32.const 0x1b) (i32.const 65536)) (i32.store (global.get $scratch) (i32.const 1))
        (i32.store offset=4 (global.get $scratch) (i32.const 65536)) (i32.store offset=8 (global.get $scratch) (i32.const 65536))
        (global.get $scratch)";
    let (checked, _) = run(&Guest { run: body.into(), ..Guest::default() }.component(), "");
    let said = checked.json["summary"].as_str().unwrap();
    assert_eq!(checked.json["outcome"], "failed");
    assert!(said.len() <= 1024 && is_plain(said), "{said}");
}
