//! Clients that are slow, large, many or wrong: each is ended, and the agent goes on.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use pgreeve_tests::agent::Agent;

use crate::bed::{JOBS, With, ask, await_that, exchange, parsed, request, serve, socket};

#[test]
fn what_is_too_large_or_no_http_is_refused() {
    let agent = Agent::new(JOBS);
    let _daemon = serve(&agent);
    let status = |bytes: &str| exchange(&agent, bytes, None).unwrap().split(' ').nth(1).unwrap().to_owned();
    assert_eq!(status(&format!("GET /v1/status HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "x".repeat(20_000))), "431");
    assert_eq!(status(&format!("GET /v1/status HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(100))), "431");
    assert_eq!(status("nonsense\r\n\r\n"), "400");
    let body = "x".repeat(65_537);
    let large = ask(&agent, "post", "/v1/actions/pause", With { body: &body, ..With::default() });
    assert_eq!((large.status, large.json["type"].as_str()), (413, Some("too-large")));
    // One request for each connection: what comes after it is not looked at.
    let one = request("GET", "/v1/actions", With::default());
    assert_eq!(exchange(&agent, &format!("{one}{one}"), None).unwrap().matches("HTTP/1.1 200").count(), 1);
}

#[test]
fn those_who_say_nothing_are_ended_and_the_agent_goes_on_meanwhile() {
    let agent = Agent::new(&JOBS.replace(
        "[job.quiet]\nplugin = \"quiet\"\nschedule = \"@yearly\"",
        "[job.quiet]\nplugin = \"quiet\"\nschedule = \"* * * * * *\"",
    ));
    let _daemon = serve(&agent);
    let connect = || UnixStream::connect(socket(&agent)).unwrap();
    // Thirty-two are served at a time: one in the middle of its head, one in the middle of its body, and silent ones.
    let mut head = connect();
    head.write_all(b"GET /v1/status HT").unwrap();
    let mut body = connect();
    body.write_all(b"POST /v1/actions/pause HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{").unwrap();
    let busy = || {
        let mut stream = connect();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        // It may be closed before anything is read of it.
        let _ = stream.write_all(request("GET", "/v1/status", With::default()).as_bytes());
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        answer
    };
    let mut silent = Vec::new();
    await_that("one too many is turned away", || {
        silent.push(connect());
        busy().contains("503")
    });
    // Runs are made and recorded while they sit there.
    let runs = || {
        let output = std::process::Command::new("python3")
            .args(["-c", "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute('select count(*) from run').fetchone()[0])"])
            .arg(agent.state_dir().join("pgreeve.db"))
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap().trim().parse::<u32>().unwrap_or(0)
    };
    let before = runs();
    await_that("more runs", || runs() >= before + 2);
    // Then their time is over, and others are served.
    await_that("the door is free again", || busy().contains("HTTP/1.1 200"));
    let mut told = String::new();
    body.read_to_string(&mut told).unwrap();
    assert_eq!(parsed(&told).json["type"], "too-slow");
    for stream in silent.iter_mut().chain([&mut head]) {
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let mut rest = Vec::new();
        // Closed, with an answer or without: it does not just hang.
        let ended = stream.read_to_end(&mut rest);
        assert!(!ended.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock));
    }
}

#[test]
fn who_goes_away_while_waiting_leaves_its_run_to_the_agent() {
    let agent = Agent::new(JOBS);
    let _daemon = serve(&agent);
    let mut stream = UnixStream::connect(socket(&agent)).unwrap();
    stream.write_all(request("POST", "/v1/jobs/m/run?wait=true", With::default()).as_bytes()).unwrap();
    let status = || ask(&agent, "get", "/v1/status", With::default()).json;
    await_that("it runs", || status()["running"][0]["job"] == "m");
    drop(stream);
    await_that("its end is recorded", || {
        let run = ask(&agent, "get", "/v1/runs?job=m", With::default()).json["runs"][0].clone();
        run["outcome"]["limit"] == "wall"
    });
}
