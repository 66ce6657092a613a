//! The policy alone: arguments, and what servers of different ages say of commands.

use super::super::{
    described::Described,
    policy::{Verdict, judge, screen},
};
use super::fixture::failure;

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

fn screened(text: &str) -> String {
    match screen("cache", &words(text)) {
        Ok(Verdict::Listed) => "listed".to_owned(),
        Ok(Verdict::AskServer(name)) => format!("ask {name}"),
        Err(error) => failure(&error),
    }
}

#[test]
fn arguments_alone_decide_on_the_short_list_and_on_what_is_never_sent() {
    for (command, expected) in [
        ("INFO", "listed"),
        ("info everything", "listed"),
        ("PiNg", "listed"),
        ("DBSIZE", "listed"),
        ("CLUSTER INFO", "listed"),
        ("cluster iNFO", "listed"),
        ("CLUSTER NODES", "listed"),
        ("SLOWLOG GET", "listed"),
        ("SLOWLOG GET 10", "listed"),
        ("LATENCY LATEST", "listed"),
        // Neighbours of the short list are for the server's flags to decide.
        ("CLUSTER SLOTS", "ask cluster"),
        ("CLUSTER NODES extra", "ask cluster"),
        ("CLUSTER RESET", "ask cluster"),
        ("CLUSTER INFO extra", "ask cluster"),
        ("CLUSTER", "ask cluster"),
        ("SLOWLOG RESET", "ask slowlog"),
        ("SLOWLOG GET 1 2", "ask slowlog"),
        ("LATENCY RESET", "ask latency"),
        ("CONFIG GET maxmemory", "ask config"),
        ("GET key", "ask get"),
        // Old servers flag some of these as read-only.
        ("KEYS *", "SCAN does it in steps"),
        ("keys *", "SCAN does it in steps"),
        ("SORT_RO list", "sorts a key of any size"),
        ("SMEMBERS set", "SSCAN"),
        ("EVAL_RO return 0", "a script can keep the server busy"),
        ("FCALL_RO f 0", "a script can keep the server busy"),
        ("SCRIPT LOAD x", "a script can keep the server busy"),
        ("XREAD BLOCK 0 STREAMS s $", "it can wait"),
        ("XREAD STREAMS s 0", "it can wait"),
        ("WAIT 1 0", "it can wait"),
        ("SELECT 1", "it changes the connection"),
        ("AUTH secret", "it changes the connection"),
        ("HELLO 3", "it changes the connection"),
        ("CLIENT REPLY OFF", "it changes the connection"),
        ("RESET", "it changes the connection"),
        ("QUIT", "it changes the connection"),
        ("MULTI", "it changes the connection"),
        ("EXEC", "it changes the connection"),
        ("WATCH key", "it changes the connection"),
        ("SUBSCRIBE channel", "it changes the connection"),
        ("MONITOR", "it changes the connection"),
        // A name that a server could read as another.
        ("", "Invalid"),
        ("ＧＥＴ key", "Invalid"),
        ("K\u{212A}EYS", "Invalid"),
        ("GET\0 key", "Invalid"),
        ("GET\r\nFLUSHALL", "Invalid"),
        ("\tGET key", "Invalid"),
        ("config|get maxmemory", "Invalid"),
        // Counts.
        ("SCAN 0 COUNT 10000", "ask scan"),
        ("SCAN 0 count 10001", "Denied"),
        ("SCAN 0 COUNT 10 MATCH a* COUNT 99999999999999999999", "Denied"),
        ("HSCAN count 99999999", "ask hscan"),
        ("HSCAN h 0 COUNT 99999999", "Denied"),
        ("SRANDMEMBER s", "ask srandmember"),
        ("SRANDMEMBER s -10000", "ask srandmember"),
        ("SRANDMEMBER s -2000000000", "Denied"),
        ("HRANDFIELD h 1000000 WITHVALUES", "Denied"),
        ("ZRANDMEMBER z 1000000", "Denied"),
        ("MEMORY USAGE k SAMPLES 5", "ask memory"),
        ("MEMORY USAGE k SAMPLES 0", "Denied"),
        ("XINFO STREAM k FULL COUNT 0", "Denied"),
    ] {
        let outcome = screened(command);
        assert!(outcome.contains(expected), "{command:?}: {outcome}, expected {expected}");
    }
}

#[test]
fn arguments_are_counted_and_weighed() {
    let many = |n: usize| screen("cache", &vec!["GET".to_owned(); n]);
    assert!(many(1024).is_ok());
    assert!(failure(&many(1025).unwrap_err()).starts_with("Invalid"));
    assert!(failure(&many(0).unwrap_err()).starts_with("Invalid"));
    let heavy = |n: usize| screen("cache", &["GET".to_owned(), "x".repeat(n)]);
    assert!(heavy((64 << 10) - 3).is_ok());
    assert!(failure(&heavy((64 << 10) - 2).unwrap_err()).starts_with("Invalid"));
    let long_name = failure(&screen("cache", &["ä".repeat(10_000)]).unwrap_err());
    assert!(long_name.len() < 300, "{long_name}");
}

fn described(name: &str, flags: &str, categories: &str) -> Described {
    let list = |text: &str| text.split_whitespace().map(str::to_owned).collect();
    Described { name: name.to_owned(), flags: list(flags), categories: list(categories), subcommands: Some(Vec::new()) }
}

fn allowed(command: &str, described: Option<&Described>) -> bool {
    judge("cache", &words(command), described).is_ok()
}

#[test]
fn only_what_reads_and_does_nothing_else_is_allowed() {
    for (flags, categories, expected) in [
        ("readonly", "", true),
        ("readonly fast", "@read @fast", true),
        ("readonly movablekeys module", "", true),
        ("", "", false),
        ("fast", "@read", false),
        ("write", "@write", false),
        ("readonly write", "", false),
        ("readonly admin", "", false),
        ("readonly pubsub", "", false),
        ("readonly blocking", "", false),
        ("readonly may_replicate", "", false),
        ("readonly", "@read @dangerous", false),
        ("readonly", "@read @admin", false),
        ("readonly", "@blocking", false),
        ("readonly", "@scripting", false),
        ("readonly", "@connection", false),
        ("readonly", "@transaction", false),
        ("READONLY", "", false),
    ] {
        let command = described("thing", flags, categories);
        assert_eq!(allowed("THING key", Some(&command)), expected, "{flags} {categories}");
    }
    assert!(!allowed("THING key", None), "unknown to the server");
    assert!(!allowed("OTHER key", Some(&described("thing", "readonly", ""))), "another command's description");
}

#[test]
fn a_container_is_judged_by_its_subcommand() {
    let container = Described {
        // Its own flags say nothing of what its subcommands do.
        flags: vec!["readonly".to_owned()],
        subcommands: Some(vec![described("thing|look", "readonly", ""), described("thing|set", "write", "")]),
        ..described("thing", "", "")
    };
    assert!(allowed("THING LOOK key", Some(&container)));
    assert!(allowed("thing look", Some(&container)));
    for refused in ["THING SET key", "THING", "THING look2", "THING  look", "THING LOOK\0", "THING l\u{f6}ok"] {
        assert!(!allowed(refused, Some(&container)), "{refused:?}");
    }
}

#[test]
fn a_server_that_lists_no_subcommands_is_not_trusted_on_containers() {
    let old = |name: &str| Described { subcommands: None, ..described(name, "readonly", "") };
    assert!(allowed("MEMORY USAGE key", Some(&old("memory"))));
    assert!(!allowed("MEMORY PURGE", Some(&old("memory"))));
    assert!(!allowed("MEMORY", Some(&old("memory"))));
    assert!(allowed("OBJECT ENCODING key", Some(&old("object"))));
    assert!(allowed("XINFO STREAM key", Some(&old("xinfo"))));
    assert!(allowed("GET key", Some(&old("get"))));
}
