//! What a command gets, and what comes back.

use std::os::fd::AsRawFd as _;

use super::{
    super::{Effect, act},
    Ask, Error, Part, Section, Told, arguments, command, observe, parameters, perform, reading, text,
};
use crate::grants::error::Limit;

async fn stdout(section: Section) -> String {
    String::from_utf8(observe(section, &[]).await.unwrap().stdout).unwrap()
}

#[tokio::test]
async fn the_environment_is_what_was_named() {
    assert!(std::env::var_os("PATH").is_some(), "the test itself has an environment");
    assert_eq!(stdout(reading(&["/usr/bin/env"])).await, "");
    let env = [("PGAPPNAME".to_owned(), "a b".to_owned())].into();
    assert_eq!(stdout(Section { env, ..reading(&["/usr/bin/env"]) }).await, "PGAPPNAME=a b\n");
    let passed = Section { pass_env: vec!["PATH".to_owned()], ..reading(&["/usr/bin/env"]) };
    assert_eq!(stdout(passed).await, format!("PATH={}\n", std::env::var("PATH").unwrap()));
}

#[tokio::test]
async fn nothing_else_of_the_agent_is_handed_on() {
    assert_eq!(stdout(reading(&["/bin/pwd"])).await, "/\n");
    assert_eq!(stdout(Section { directory: "/usr".into(), ..reading(&["/bin/pwd", "-P"]) }).await, "/usr\n");
    assert_eq!(stdout(reading(&["/bin/cat"])).await, "", "stdin is empty");
    // Rust programs ignore SIGPIPE (13); others have to die of it.
    let ignored = stdout(reading(&["/bin/grep", "SigIgn", "/proc/self/status"])).await;
    let mask = u64::from_str_radix(ignored.trim_start_matches("SigIgn:").trim(), 16).unwrap();
    assert_eq!(mask & (1 << 12), 0, "{ignored}");
}

#[tokio::test]
async fn no_descriptor_that_the_agent_opened_is_handed_on() {
    let file = tempfile::tempfile().unwrap();
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let handed_on = stdout(reading(&["/bin/ls", "-l", "/proc/self/fd"])).await;
    for descriptor in [file.as_raw_fd(), socket.as_raw_fd()] {
        let link = std::fs::read_link(format!("/proc/self/fd/{descriptor}")).unwrap();
        assert!(!handed_on.contains(link.to_str().unwrap()), "{handed_on}");
    }
    assert!(handed_on.contains("0 -> /dev/null"), "{handed_on}");
}

#[tokio::test]
async fn one_value_is_one_argument_as_it_is() {
    let values = ["two words", "$(id)", "`id`", ";rm", "*", "~", "'\"\\", "%s", "{x}", "\u{2013}o", "a=b"];
    for value in values {
        let section = Section {
            parameters: parameters(&[("x", text())]),
            ..reading(&["/usr/bin/printf", "<%s>", "{x}", "{x}!"])
        };
        let output = observe(section, &[("x", value)]).await.unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("<{value}><{value}!>"));
    }
}

#[tokio::test]
async fn every_exit_status_is_an_answer() {
    for status in 0..=255 {
        let output = observe(reading(&["/bin/sh", "-c", "exit $1", "sh", &status.to_string()]), &[]).await.unwrap();
        assert_eq!(output.exit_status, status);
    }
}

#[tokio::test]
async fn death_by_a_signal_is_an_error_with_the_last_words() {
    for signal in [9, 15, 11] {
        let script = format!("echo out of luck >&2; ulimit -c 0; kill -{signal} $$");
        let error = observe(reading(&["/bin/sh", "-c", &script]), &[]).await.unwrap_err();
        let Error::Remote { code, detail, .. } = error else { panic!("{error}") };
        assert_eq!(code, format!("signal {signal}"));
        assert_eq!(detail.as_deref(), Some("out of luck\n"));
    }
}

#[tokio::test]
async fn both_outputs_and_the_time_come_back() {
    let script = "printf 'a\\377b'; printf 'c\\377d' >&2; exec /bin/sleep 0.2";
    let output = observe(reading(&["/bin/sh", "-c", script]), &[]).await.unwrap();
    assert_eq!(output.stdout, b"a\xffb");
    assert_eq!(output.stderr, "c\u{fffd}d");
    assert!((200_000..60_000_000).contains(&output.elapsed_us), "{}", output.elapsed_us);
}

#[tokio::test]
async fn stdout_is_whole_or_the_call_fails() {
    let bytes = |count: u64| Section {
        max_stdout: 100_000,
        ..reading(&["/usr/bin/head", "-c", &count.to_string(), "/dev/zero"])
    };
    assert_eq!(observe(bytes(100_000), &[]).await.unwrap().stdout, vec![0; 100_000]);
    assert_eq!(observe(bytes(100_001), &[]).await, Err(Error::LimitExceeded(Limit::Bytes)));
}

#[tokio::test]
async fn all_commands_of_a_run_share_its_bytes() {
    let ask = Ask::Run { command: "tried".to_owned(), arguments: Vec::new() };
    let four = command(reading(&["/usr/bin/printf", "1234"]));
    let mut part = Part::new(10);
    for _ in 0..2 {
        let Told::Output(output) = perform(&mut part, &four, &ask).await.unwrap();
        assert_eq!(output.stdout, b"1234");
    }
    assert_eq!(perform(&mut part, &four, &ask).await, Err(Error::LimitExceeded(Limit::Bytes)));
}

#[tokio::test]
async fn a_flood_on_stderr_is_read_away_and_its_end_kept() {
    let memory = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap().to_owned();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
    };
    let before = memory();
    let script = "/usr/bin/head -c 100000000 /dev/zero >&2; printf 'the end' >&2; echo out";
    let output = observe(reading(&["/bin/sh", "-c", script]), &[]).await.unwrap();
    assert_eq!(output.stdout, b"out\n");
    assert_eq!(output.stderr.len(), 4096);
    assert!(output.stderr.ends_with("\0the end"));
    let grown = memory() - before;
    assert!(grown < 40_000, "{grown} kB more");
}

#[tokio::test]
async fn the_tail_of_stderr_begins_with_a_whole_character() {
    // 2 bytes each, after a first byte: the cut falls in the middle of one.
    let script = "import sys; sys.stderr.buffer.write(b'a' + 'ä'.encode() * 4000 + b'b')";
    for (end, length) in [("b'b'", 4096), ("b'bc'", 4095 + 1)] {
        let script = script.replace("b'b'", end);
        let output = observe(reading(&["/usr/bin/python3", "-c", &script]), &[]).await.unwrap();
        assert!(output.stderr.starts_with('ä') && !output.stderr.contains('\u{fffd}'), "{}", output.stderr);
        assert!((length - 1..=length).contains(&output.stderr.len()), "{}", output.stderr.len());
    }
}

#[tokio::test]
async fn a_command_that_writes_runs_only_as_an_action() {
    let base = tempfile::tempdir().unwrap();
    let made = base.path().join("made");
    let section = Section { effect: Effect::Write, ..reading(&["/usr/bin/touch", made.to_str().unwrap()]) };
    let error = observe(section.clone(), &[]).await.unwrap_err();
    assert!(matches!(&error, Error::Denied(why) if why.contains("effect = \"read\"")), "{error}");
    assert!(!made.exists());
    let done = act(&command(section), &arguments(&[])).await.unwrap();
    assert_eq!((done.output.exit_status, done.file), (0, None));
    assert!(made.exists());
}
