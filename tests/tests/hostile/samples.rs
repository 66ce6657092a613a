//! A guest that asks for the samples of its metric without end: each answer is ten thousand rows, read by the one thread that keeps all
//! jobs' history.

use std::time::{Duration, Instant};

use pgreeve_tests::agent::Agent;
use rusqlite::Connection;

use crate::component::Guest;

/// Asks until it is told something else than 10,000 samples, which has to be after `least` answers or more, and has to be that a limit was
/// exceeded (which of them: bytes); and that a thousand times more. Anything else is a trap, and answers without end are a fault.
fn flooding(least: u32) -> Vec<u8> {
    // Room for the answers is always the same, past the name of the metric.
    let ask = "(global.set $next (i32.const 131072))
        (call $samples (i32.const 65536) (i32.const 1) (i32.const 0) (i32.const 0) (i64.const 0) (global.get $scratch))";
    let refused = "(i32.and (i32.load8_u (global.get $scratch)) (i32.and (i32.eq (i32.load8_u offset=4 (global.get $scratch)) (i32.const 1))
                            (i32.eq (i32.load8_u offset=8 (global.get $scratch)) (i32.const 1))))";
    let run = format!(
        "(local $told i32) (local $refused i32)
        (loop $more {ask}
            (if (i32.eqz (i32.load8_u (global.get $scratch)))
                (then (if (i32.ne (i32.load offset=8 (global.get $scratch)) (i32.const 10000)) (then (unreachable)))
                      (local.set $told (i32.add (local.get $told) (i32.const 1)))
                      (br $more))))
        (if (i32.lt_u (local.get $told) (i32.const {least})) (then (unreachable)))
        (loop $more {ask} (if (i32.eqz {refused}) (then (unreachable)))
            (local.set $refused (i32.add (local.get $refused) (i32.const 1)))
            (br_if $more (i32.lt_u (local.get $refused) (i32.const 1000))))
        (global.get $report)"
    );
    let import = r#"(import "pgreeve:plugin/memory@0.1.0" "samples" (func $samples (param i32 i32 i32 i32 i64 i32)))"#;
    Guest { imports: import.into(), items: "(data (i32.const 65536) \"m\")".into(), run, ..Guest::default() }
        .component()
}

/// 10,500 samples of the flooding job's metric, the newest of now.
fn fill(agent: &Agent) {
    let history = Connection::open(agent.state_dir().join("pgreeve.db")).unwrap();
    let now = jiff::Timestamp::now().as_microsecond();
    let samples = "WITH RECURSIVE n (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < 10499)
        INSERT INTO sample (series, at, value) SELECT 1, ?1 - n, n FROM n";
    history
        .execute("INSERT INTO series (id, job, metric, labels, unit) VALUES (1, 'flood', 'm', '{}', 'count')", [])
        .unwrap();
    assert_eq!(history.execute(samples, [now]).unwrap(), 10_500);
}

#[test]
fn a_flood_of_samples_ends_at_the_bytes_that_a_run_may_receive_and_other_jobs_keep_running() {
    let agent = Agent::new(
        "[agent]\nstate_dir = \"STATE\"\n[limits]\ncalls = 2000\nbytes = \"4MiB\"\n[plugin.quiet]\npath = \"quiet.wasm\"\n\
         [job.quiet]\nplugin = \"quiet\"\nschedule = \"* * * * * *\"\n[plugin.flood]\npath = \"flood.wasm\"\n\
         [job.flood]\nplugin = \"flood\"\nschedule = \"* * * * * *\"\n",
    );
    // 4 MiB are 26 times 160,000 bytes.
    for (name, component) in [("flood", flooding(26)), ("quiet", Guest::default().component())] {
        std::fs::write(agent.config().with_file_name(format!("{name}.wasm")), component).unwrap();
    }
    assert_eq!(agent.check("quiet").exit, 0);
    fill(&agent);
    let checked = agent.check("flood");
    assert_eq!((checked.exit, checked.status()), (0, "ok"), "{:#}", checked.json);

    let daemon = agent.start();
    let counts = || {
        let output = agent.run(&["runs", "--limit", "1000", "--format", "json"]);
        let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let of = |job: &str, kind: &str| {
            let runs = answer["runs"].as_array().unwrap().iter();
            runs.filter(|run| run["cause"] == "scheduled" && run["job"] == job && run["outcome"]["kind"] == kind)
                .count()
        };
        (of("quiet", "reported"), of("flood", "reported"))
    };
    let began = Instant::now();
    loop {
        let (quiet, floods) = counts();
        if quiet >= 5 && floods >= 2 {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{quiet} reports, {floods} floods: {}", daemon.log());
        std::thread::sleep(Duration::from_millis(100));
    }
}
