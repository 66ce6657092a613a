//! Applications that answer well, slowly, wrongly, or 200 with nonsense.

use std::time::Duration;

use crate::application::Application;
use crate::bed::{agent, await_status, expect, holds, look, quiet, text};

const APP: &str = "http = [\"app\"]";

#[test]
fn a_healthy_application_is_quiet_by_the_guides_defaults_and_is_asked_once() {
    let app = Application::telling(r#"{"hit_rate": 91.5, "entries": 10}"#);
    let agent = agent(&app.table("app", ""), APP, "slow_answer = \"20s\"");
    let checked = quiet(&agent, "healthy");
    holds(&checked, "http-hit/app", "ok", "hit rate 91.5 %");
    holds(&checked, "redis", "ok", "not-applicable");
    holds(&checked, "buffer", "ok", "not-applicable");
    assert_eq!(app.asked(), 1);
}

#[test]
fn thresholds_are_the_guides_and_below_the_target_is_ok_and_said() {
    let app = Application::telling("");
    let agent = agent(&app.table("app", ""), APP, "slow_answer = \"20s\"");
    for (rate, status, words) in [
        ("70", "ok", "below the target of 80 %"),
        ("69.99", "warning", "under 70 %"),
        ("1.5", "warning", "hit rate 1.5 %"),
        ("0", "critical", "outage"),
        ("80", "ok", "hit rate 80 %"),
    ] {
        app.tell(&format!(r#"{{"hit_rate": {rate}}}"#));
        expect(&agent, "http-hit/app", status, words);
    }
}

#[test]
fn percent_and_fraction_are_never_mixed_up() {
    let app = Application::telling("");
    let caches = "slow_answer = \"20s\", caches = { p = { endpoint = \"app\", hit_rate = \"/rate\", unit = \"percent\" }, \
                  f = { endpoint = \"app\", hit_rate = \"/rate\", unit = \"fraction\" } }";
    let agent = agent(&app.table("app", ""), APP, caches);
    for (rate, percent, fraction) in [
        ("0.85", ("http/p", "unknown", "more likely a fraction"), ("http-hit/f", "ok", "85 %")),
        ("1.0", ("http/p", "unknown", "more likely a fraction"), ("http-hit/f", "ok", "100 %")),
        ("85.0", ("http-hit/p", "ok", "85 %"), ("http/f", "unknown", "unit = \"percent\" may be meant")),
        ("1.01", ("http-hit/p", "warning", "1 %"), ("http/f", "unknown", "no fraction")),
        ("100.5", ("http/p", "unknown", "no percent"), ("http/f", "unknown", "no fraction")),
        ("-3", ("http/p", "unknown", "no percent"), ("http/f", "unknown", "no fraction")),
        ("0", ("http-hit/p", "critical", "0 %"), ("http-hit/f", "critical", "0 %")),
    ] {
        app.tell(&format!(r#"{{"rate": {rate}}}"#));
        let asked = app.asked();
        let checked = look(&agent);
        for (key, status, words) in [percent, fraction] {
            holds(&checked, key, status, words);
        }
        assert_eq!(app.asked(), asked + 1, "one answer serves both caches");
    }
}

#[test]
fn two_hundred_with_nonsense_is_never_ok() {
    let app = Application::telling("");
    let settings = "slow_answer = \"20s\", caches = { app = { hit_rate = \"/cache/hit_rate\", unit = \"percent\", entries = \"/cache/entries\" } }";
    let agent = agent(&app.table("app", ""), APP, settings);
    for (body, words) in [
        ("", "empty"),
        ("<html><body>Sign in</body></html>", "HTML"),
        ("OK", "no JSON"),
        (r#"{"cache": {"hit_rate": 9"#, "no whole JSON"),
        (r#"{"cache": {"hit_rate": NaN, "entries": 1}}"#, "NaN"),
        (r#"{"cache": {"hit_rate": "91.5", "entries": 1}}"#, "the text \"91.5\" and no number"),
        (r#"{"cache": {"hit_rate": true, "entries": 1}}"#, "no number"),
        (r#"{"cache": {"hit_rate": [91], "entries": 1}}"#, "a list"),
        (r#"{"cache": {"hitRate": 91, "size": 1}}"#, "it has hitRate, size"),
        (r#"{"cache": null}"#, "/cache: it is null"),
        ("[]", "the answer: it is a list"),
        ("91.5", "the answer: it is 91.5"),
        (r#"{"cache": {"hit_rate": 91}}"#, "no /cache/entries"),
        (r#"{"cache": {"hit_rate": 91, "entries": -4}}"#, "no count"),
        (r#"{"cache": {"hit_rate": 91, "entries": 1.5}}"#, "no count"),
        (r#"{"cache": {"hit_rate": 1e400, "entries": 1}}"#, "number out of range"),
        (r#"{"cache": {"hit_rate": 91, "hit_rate": 3, "entries": 1}}"#, "\"hit_rate\" stands there twice"),
        (&"[".repeat(100_000), "no JSON to rely on: recursion limit"),
        (r#"{"cache": {"hit_rate": 91, "entries": 1}} {}"#, "no JSON to rely on"),
    ] {
        app.tell(body);
        let checked = expect(&agent, "http/app", "unknown", words);
        assert!(checked.find("http-hit/app").is_none(), "{body}: {:#}", checked.json);
        assert_eq!(checked.exit, 3, "{body}");
    }
    app.tell(r#"{"cache": {"hit_rate": null, "entries": 1}}"#);
    expect(&agent, "http-hit/app", "unknown", "no-data");
}

#[test]
fn other_answers_than_200_are_told_apart() {
    let app = Application::telling(r#"{"hit_rate": 99}"#);
    let agent = agent(&app.table("app", ""), APP, "slow_answer = \"20s\"");
    for (line, status, words) in [
        ("503 Service Unavailable", "critical", "answers 503"),
        ("500 Internal Server Error", "critical", "answers 500"),
        ("404 Not Found", "unknown", "unsupported"),
        ("401 Unauthorized", "unknown", "no-privilege"),
        ("302 Found", "unknown", "redirects are not followed"),
        ("429 Too Many Requests", "unknown", "less often"),
        ("204 No Content", "unknown", "answers 204"),
    ] {
        app.set(|state| state.status = line);
        let checked = expect(&agent, "http/app", status, words);
        assert!(checked.find("http-hit/app").is_none(), "{line}: {:#}", checked.json);
    }
}

#[test]
fn a_slow_answer_is_a_warning_and_none_in_time_is_critical() {
    let app = Application::telling(r#"{"hit_rate": 99}"#);
    app.set(|state| state.delay = Duration::from_millis(300));
    let slow = agent(&app.table("app", ""), APP, "slow_answer = \"300ms\"");
    let checked = expect(&slow, "http/app", "warning", "or longer");
    holds(&checked, "http-hit/app", "ok", "99 %");
    app.set(|state| state.delay = Duration::from_secs(60));
    let late = agent(&app.table("app", "timeout = \"500ms\""), APP, "");
    expect(&late, "http/app", "critical", "does not answer");
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let table = format!("[http.app]\norigin = \"http://127.0.0.1:{port}\"\nallow = [\"GET /api/v1/cache/stats\"]\n");
    expect(&agent(&table, APP, ""), "http/app", "critical", "does not answer");
}

#[test]
fn with_counters_the_rate_is_that_between_runs() {
    let app = Application::telling("");
    let settings = "slow_answer = \"20s\", caches = { app = { path = \"/metrics/json\", hits = \"/hits\", misses = \"/misses\" } }";
    let agent = agent(&app.table("app", ""), APP, settings);
    let tell =
        |hits: u64, misses: u64| app.tell(&format!(r#"{{"hits": {hits}, "misses": {misses}, "hit_rate": 99.9}}"#));
    tell(1_000_000, 1_000);
    expect(&agent, "http-hit/app", "unknown", "no-data");
    expect(&agent, "http-hit/app", "ok", "idle: no lookup");
    tell(1_000_050, 1_150);
    expect(&agent, "http-hit/app", "warning", "25 %");
    // A run a moment later has nothing new, and forgets nothing.
    expect(&agent, "http-hit/app", "warning", "too few since");
    tell(1_000_950, 1_150);
    expect(&agent, "http-hit/app", "ok", "100 %");
    tell(10, 2_000_000);
    expect(&agent, "http-hit/app", "unknown", "counters went back");
    tell(20, 2_000_000);
    expect(&agent, "http-hit/app", "unknown", "too few to judge: 10 lookups");
    tell(5_000, 2_000_000);
    await_status(&agent, "http-hit/app", "ok");
}

#[test]
fn a_rate_of_zero_beside_no_lookups_is_idle() {
    let app = Application::telling(r#"{"hit_rate": 0.0, "hits": 0, "misses": 0}"#);
    let agent = agent(&app.table("app", ""), APP, "slow_answer = \"20s\"");
    let checked = quiet(&agent, "idle");
    assert!(text(&checked, "http-hit/app").contains("idle"));
}

#[test]
fn a_line_that_is_not_allowed_is_named() {
    let app = Application::telling("{}");
    let settings = "caches = { app = { path = \"/elsewhere\", hit_rate = \"/x\", unit = \"percent\" } }";
    let agent = agent(&app.table("app", ""), APP, settings);
    expect(&agent, "http/app", "unknown", "GET /elsewhere");
    assert_eq!(app.asked(), 0);
}

#[test]
fn bytes_that_are_no_plain_text_are_named_and_a_byte_order_mark_is_none_of_them() {
    let app = Application::telling("");
    let agent = agent(&app.table("app", ""), APP, "slow_answer = \"20s\"");
    let utf16: Vec<u8> = r#"{"hit_rate": 91}"#.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let large = format!("{{\"hit_rate\": 91, \"filler\": \"{}\"}}", "x".repeat(50 << 20));
    for (body, words) in [
        // The beginning of what gzip writes.
        (vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xab, 0x56], "compressed (gzip)"),
        (vec![0xff, 0xfe, 0xfd], "no JSON"),
        (utf16, "no JSON"),
        (large.into_bytes(), "max_body"),
    ] {
        app.set(|state| state.body = body);
        let checked = expect(&agent, "http/app", "unknown", words);
        assert!(checked.find("http-hit/app").is_none(), "{:#}", checked.json);
    }
    app.tell("\u{feff}{\"hit_rate\": 91}");
    expect(&agent, "http-hit/app", "ok", "91 %");
}

#[test]
fn an_answer_that_drips_is_none_in_time() {
    let app = Application::telling(
        r#"{"hit_rate": 99, "filler": "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}"#,
    );
    app.set(|state| state.drip = Duration::from_millis(100));
    let agent = agent(&app.table("app", "timeout = \"2s\""), APP, "");
    expect(&agent, "http/app", "critical", "does not answer");
}

#[test]
fn several_processes_that_count_for_themselves_are_never_a_rate_and_the_advice_says_why() {
    let app = Application::telling("");
    let settings = "slow_answer = \"20s\", caches = { app = { path = \"/metrics/json\", hits = \"/hits\", misses = \"/misses\" } }";
    let agent = agent(&app.table("app", ""), APP, settings);
    for (hits, misses) in [(9_000, 10), (20, 5_000), (9_500, 10), (30, 6_000)] {
        app.tell(&format!(r#"{{"hits": {hits}, "misses": {misses}}}"#));
        expect(&agent, "http-hit/app", "unknown", "no-data");
    }
    expect(&agent, "http-hit/app", "ok", "idle");
    app.tell(r#"{"hits": 9600, "misses": 10}"#);
    expect(&agent, "http-hit/app", "unknown", "several processes answer in turn");
}

#[test]
fn a_run_with_more_than_a_recording_holds_is_not_recorded_and_that_is_said() {
    let app = Application::telling("");
    app.tell(&format!("{{\"hit_rate\": 91, \"filler\": \"{}\"}}", "x".repeat(34 << 20)));
    let settings = "slow_answer = \"1h\", caches = { app = {}, twice = { endpoint = \"app\", path = \"/metrics/json\", \
                    hit_rate = \"/hit_rate\", unit = \"percent\" } }";
    let limits = "limits = { memory = \"1GiB\", bytes = \"200MiB\", answer_bytes = \"100MiB\" }\n";
    let tables = app.table("app", "max_body = \"50MiB\"\ntimeout = \"60s\"");
    let agent = pgreeve_tests::agent::Agent::new(&(crate::bed::config(&tables, APP, settings) + limits));
    // It can be made, and is too long to be kept.
    holds(&look(&agent), "http-hit/twice", "ok", "91 %");
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("run.jsonl");
    let output = agent.run(&["check", "cache", "--record", file.to_str().unwrap()]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("all that a recording holds"), "{said}");
    assert!(!file.exists());
}

#[test]
fn an_answer_that_breaks_http_is_never_ok_and_one_that_is_only_odd_is_judged() {
    let app = Application::telling("");
    let agent = agent(&app.table("app", "timeout = \"5s\""), APP, "slow_answer = \"20s\"");
    let json = r#"{"hit_rate": 91}"#;
    let head = |lines: &str| format!("HTTP/1.1 200 OK\r\n{lines}\r\n\r\n");
    for raw in [
        String::new(),
        "garbage\r\n\r\n".to_owned(),
        json.to_owned(),
        "HTTP/1.1 200 OK\r\n".to_owned(),
        "HTTP/1.1 100 Continue\r\n\r\n".to_owned(),
        "HTTP/1.1 999999 What\r\n\r\n".to_owned(),
        head("content-length: 900") + json,
        head("content-length: -1") + json,
        head("content-length: 16\r\ncontent-length: 3") + json,
        head("transfer-encoding: chunked") + "10\r\n" + json,
        head("transfer-encoding: chunked") + "zz\r\n" + json + "\r\n0\r\n\r\n",
        head(&format!("x-large: {}", "x".repeat(10 << 20))) + json,
        head(&"x-many: y\r\n".repeat(100_000)) + json,
    ] {
        let shown: String = raw.chars().take(80).collect();
        app.set(|state| state.raw = Some(raw.into_bytes()));
        let checked = look(&agent);
        assert_ne!(checked.status_of("http/app"), "ok", "{shown:?}: {:#}", checked.json);
        holds(&checked, "http/app", checked.status_of("http/app"), "");
        assert!(checked.find("http-hit/app").is_none(), "{shown:?}: {:#}", checked.json);
    }
    for raw in [
        head("content-type: text/html\r\ncontent-length: 16") + json,
        head("content-type: application/json; charset=latin1") + json,
        head("location: /elsewhere\r\nset-cookie: a=b\r\ncontent-length: 16") + json,
        format!("HTTP/1.0 200 OK\r\n\r\n{json}"),
        head("transfer-encoding: chunked") + "8\r\n{\"hit_ra\r\n8\r\nte\": 91}\r\n0\r\n\r\n",
        format!("HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n{}{json}", head("content-length: 16")),
    ] {
        let shown: String = raw.chars().take(80).collect();
        app.set(|state| state.raw = Some(raw.into_bytes()));
        let checked = look(&agent);
        assert_eq!(checked.status_of("http-hit/app"), "ok", "{shown:?}: {:#}", checked.json);
    }
}
