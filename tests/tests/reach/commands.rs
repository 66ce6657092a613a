//! Commands: arguments that would be options, or more than one; programs that stay, flood and look around.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::bed::{ask, await_that, hold};

const GRANT: &str = "commands = [\"show\", \"kinds\", \"env\", \"write\", \"linger\", \"flood\", \"stderr\", \"status\", \"killed\", \"cat\"]";

fn tables(directory: &TempDir) -> String {
    let place = directory.path().display();
    format!(
        "[files.place]\npath = \"{place}\"\n\
         [command.show]\nrun = [\"/usr/bin/printf\", \"[%s]\", \"{{a}}\", \"--x={{b}}\"]\nparameters = {{ a = {{ text = 100 }}, b = {{ text = 100 }} }}\neffect = \"read\"\n\
         [command.kinds]\nrun = [\"/usr/bin/printf\", \"[%s]\", \"{{i}}\", \"{{n}}\", \"{{c}}\"]\nparameters = {{ i = \"identifier\", n = {{ integer = [1, 16] }}, c = [\"full\", \"part\"] }}\neffect = \"read\"\n\
         [command.cat]\nrun = [\"/bin/cat\", \"{{f}}\"]\nparameters = {{ f = {{ path = \"place\" }} }}\neffect = \"read\"\n\
         [command.env]\nrun = [\"/usr/bin/env\"]\neffect = \"read\"\n\
         [command.write]\nrun = [\"/bin/touch\", \"{place}/touched\"]\n\
         [command.linger]\nrun = [\"/bin/sh\", \"-c\", \"sleep 4711 & sleep 4711 & echo $$ > {place}/pid; wait\"]\neffect = \"read\"\ntimeout = \"400ms\"\n\
         [command.flood]\nrun = [\"/usr/bin/yes\"]\neffect = \"read\"\nmax_stdout = \"64KiB\"\ntimeout = \"5s\"\n\
         [command.stderr]\nrun = [\"/bin/sh\", \"-c\", \"yes | head -c 1000000 >&2; echo the end >&2; exit 7\"]\neffect = \"read\"\n\
         [command.status]\nrun = [\"/bin/sh\", \"-c\", \"exit 3\"]\neffect = \"read\"\n\
         [command.killed]\nrun = [\"/bin/sh\", \"-c\", \"kill -9 $$\"]\neffect = \"read\"\n"
    )
}

fn run(name: &str, arguments: &[(&str, &str)]) -> Value {
    let arguments: Vec<Value> = arguments.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
    json!({ "ask": "run", "name": name, "arguments": arguments })
}

#[test]
fn a_value_fills_one_argument_and_is_no_option() {
    let directory = tempfile::tempdir().unwrap();
    let show = |a: &str| run("show", &[("a", a), ("b", "z")]);
    let mut table = vec![
        (run("show", &[("a", "one"), ("b", "two")]), "told", "0\n[one][--x=two]\n".to_owned()),
        (run("show", &[("b", "two"), ("a", "one")]), "told", "0\n[one][--x=two]\n".to_owned()),
        // After `--x=` a dash begins no option.
        (run("show", &[("a", "a b"), ("b", "-rf")]), "told", "[a b][--x=-rf]".to_owned()),
        (run("kinds", &[("i", "main_1"), ("n", "16"), ("c", "full")]), "told", "[main_1][16][full]".to_owned()),
    ];
    // No shell reads it.
    for text in [
        "$(id)", "`id`", "$HOME", "*", "~", "a;id", "a|id", "a&&id", "> /tmp/x", "'", "\"", "\\", "{a}", "{b}",
        "{{a}}", "%s%n", "ä",
    ] {
        table.push((show(text), "told", format!("[{text}][--x=z]")));
    }
    for text in ["-rf", "--help", "-", "--", "<<x*101>>", "<<x*100000>>"] {
        table.push((show(text), "denied", "[command.show] in agent.toml".to_owned()));
    }
    for text in ["", "a\nb", "a\rb", "a\u{0}b", "a\u{1b}[31m", "a\u{7f}"] {
        table.push((show(text), "invalid", String::new()));
    }
    let kinds = |i: &str, n: &str, c: &str| run("kinds", &[("i", i), ("n", n), ("c", c)]);
    for call in [
        kinds("a b", "1", "full"),
        kinds("-a", "1", "full"),
        kinds("a", "17", "full"),
        kinds("a", "-1", "full"),
        kinds("a", "1", "Full"),
    ] {
        table.push((call, "denied", "agent.toml".to_owned()));
    }
    for call in [
        kinds("a", "1 ", "full"),
        kinds("a", "0x1", "full"),
        kinds("a", "1e1", "full"),
        kinds("a", "99999999999999999999", "full"),
    ] {
        table.push((call, "invalid", String::new()));
    }
    for call in [
        run("show", &[]),
        run("show", &[("a", "1")]),
        run("show", &[("a", "1"), ("b", "2"), ("c", "3")]),
        run("show", &[("a", "1"), ("a", "2"), ("b", "3")]),
        run("show", &[("A", "1"), ("b", "2")]),
        run("show", &[("{a}", "1"), ("b", "2")]),
        run("env", &[("PATH", "/tmp")]),
    ] {
        table.push((call, "invalid", String::new()));
    }
    let table: Vec<(Value, &str, &str)> =
        table.iter().map(|(call, what, says)| (call.clone(), *what, says.as_str())).collect();
    hold(&tables(&directory), GRANT, &table);
}

#[test]
fn a_path_stays_in_its_directory() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("file"), "inside").unwrap();
    std::os::unix::fs::symlink("/etc/passwd", directory.path().join("out")).unwrap();
    std::os::unix::fs::symlink("/etc", directory.path().join("etc")).unwrap();
    let cat = |path: &str| run("cat", &[("f", path)]);
    let mut table = vec![(cat("file"), "told", "inside")];
    for path in ["/etc/passwd", "../x", "a/../../etc/passwd", ".", "./file", "file/", "a//b"] {
        table.push((cat(path), "denied", ""));
    }
    // What the file system says rather than the rules.
    for path in ["out", "etc/passwd"] {
        table.push((cat(path), "unreachable", "symbolic link"));
    }
    hold(&tables(&directory), GRANT, &table);
}

#[test]
fn what_could_write_is_denied_while_observing() {
    let directory = tempfile::tempdir().unwrap();
    hold(&tables(&directory), GRANT, &[(run("write", &[]), "denied", "effect = \"read\" under [command.write]")]);
    assert!(!directory.path().join("touched").exists());
}

#[test]
fn answers_are_status_output_and_the_tail_of_stderr() {
    let directory = tempfile::tempdir().unwrap();
    let calls = ["env", "flood", "stderr", "status", "killed"].map(|name| run(name, &[]));
    let answers = ask(&tables(&directory), GRANT, &calls);
    assert_eq!(answers[0].text.trim(), "0", "the environment is not empty: {:?}", answers[0]);
    assert!(answers[1].is("limit-exceeded", "bytes"), "{:?}", answers[1]);
    assert_eq!(answers[2].text, "7\n\nthe end");
    assert!(answers[3].is("told", "3\n"), "{:?}", answers[3]);
    assert!(answers[4].is("signal 9", ""), "{:?}", answers[4]);
}

#[test]
fn a_time_out_kills_all_that_the_command_started() {
    let directory = tempfile::tempdir().unwrap();
    let began = Instant::now();
    hold(&tables(&directory), GRANT, &[(run("linger", &[]), "timed-out", "")]);
    assert!(began.elapsed() < Duration::from_secs(20));
    let group: i32 = fs::read_to_string(directory.path().join("pid")).unwrap().trim().parse().unwrap();
    let group = rustix::process::Pid::from_raw(group).unwrap();
    await_that("the end of the group", || rustix::process::test_kill_process_group(group).is_err());
}
