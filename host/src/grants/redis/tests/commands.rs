//! Commands on a real server: what is allowed answers, its denied twin changes nothing.

use std::time::Duration;

use redis::Value;

use super::super::{
    Server,
    connect::open,
    described::Described,
    exchange::exchange,
    policy::{Verdict, judge, screen},
};
use super::fixture::{Redis, await_that, failure, line, part, send, version};
use crate::grants::error::{Error, Limit};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reading_is_allowed_and_its_writing_twin_is_denied() {
    let mut redis = Redis::start();
    redis.admin("SET greeting hello");
    redis.admin("RPUSH list a b c");
    redis.admin("HSET hash field value");
    redis.admin("XADD stream 1-1 k v");
    let before = redis.admin("DEBUG DIGEST");
    let (server, mut part) = (redis.unix(), part());
    for (allowed, expected, twin) in [
        ("PING", "+PONG", "MONITOR"),
        ("INFO keyspace", "# Keyspace\r\ndb0:keys=4", "CONFIG SET maxmemory 1"),
        ("DBSIZE", "4", "FLUSHALL"),
        ("GET greeting", "hello", "SET greeting bye"),
        ("get greeting", "hello", "set greeting bye"),
        ("GET absent", "nil", "GETDEL greeting"),
        ("TTL greeting", "-1", "EXPIRE greeting 1"),
        ("LRANGE list 0 -1", "[3] >a >b >c", "LPOP list"),
        ("HMGET hash field other", "[2] >value >nil", "HGETALL hash"),
        ("HSCAN hash 0", "[2] >0 >[2] >>field >>value", "KEYS *"),
        ("XRANGE stream - +", "[1] >[2] >>1-1 >>[2] >>>k >>>v", "XREAD BLOCK 0 STREAMS stream $"),
        ("OBJECT ENCODING greeting", "embstr", "OBJECT HELP"),
        ("MEMORY USAGE greeting", "", "MEMORY PURGE"),
        ("SLOWLOG GET 1", "[", "SLOWLOG RESET"),
        ("LATENCY LATEST", "[0]", "LATENCY RESET"),
        ("XLEN stream", "1", "XTRIM stream MAXLEN 0"),
    ] {
        let words: Vec<&str> = allowed.split(' ').collect();
        let answer = line(&send(&mut part, &server, &words).await);
        assert!(answer.starts_with(expected), "{allowed}: {answer}");
        let words: Vec<&str> = twin.split(' ').collect();
        let answer = line(&send(&mut part, &server, &words).await);
        assert!(answer.starts_with("Denied: the Redis command ") && answer.contains("\"cache\""), "{twin}: {answer}");
    }
    assert_eq!(redis.admin("DEBUG DIGEST"), before);
    // The server's own words for a server that is no cluster.
    let answer = line(&send(&mut part, &server, &["CLUSTER", "INFO"]).await);
    assert!(answer.contains("cluster support disabled"), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn arguments_are_data() {
    let mut redis = Redis::start();
    redis.admin("SET a 1");
    let (server, mut part) = (redis.unix(), part());
    let odd = "x\r\n*1\r\n$8\r\nFLUSHALL\r\n\0ä";
    assert_eq!(line(&send(&mut part, &server, &["PING", odd]).await), odd);
    assert_eq!(line(&send(&mut part, &server, &["GET", odd]).await), "nil");
    assert_eq!(line(&send(&mut part, &server, &["GET", ""]).await), "nil");
    assert_eq!(line(&send(&mut part, &server, &["DBSIZE"]).await), "1");
}

/// Every command of the server, and its subcommands, with what the server says of them.
async fn catalogue(server: &Server) -> Vec<Described> {
    let (mut socket, _) = open(server).await.unwrap();
    let (answer, _) = exchange(&mut socket, &["COMMAND"], 16 << 20, Duration::from_secs(20)).await.unwrap();
    let Value::Array(entries) = answer else { panic!("{answer:?}") };
    let parsed = entries.into_iter().map(|entry| Described::from_answer(&Value::Array(vec![entry])).unwrap());
    parsed.collect()
}

/// What the contract allows whatever its flags.
const SHORT_LIST: [&str; 7] =
    ["info", "ping", "dbsize", "cluster|info", "cluster|nodes", "slowlog|get", "latency|latest"];

/// Both halves of the policy.
fn verdict(arguments: &[String], command: &Described) -> Result<Verdict, Error> {
    let verdict = screen("cache", arguments)?;
    if verdict != Verdict::Listed {
        judge("cache", arguments, Some(command))?;
    }
    Ok(verdict)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_command_of_the_server_that_writes_or_administers_passes_but_for_the_short_list() {
    let redis = Redis::start();
    let all = catalogue(&redis.unix()).await;
    assert!(all.len() > 200, "{} commands", all.len());
    let mut passed = Vec::new();
    for command in &all {
        let container = command.subcommands.as_ref().is_some_and(|subcommands| !subcommands.is_empty());
        for one in std::iter::once(command).chain(command.subcommands.iter().flatten()) {
            let bare: Vec<String> = one.name.split('|').map(str::to_ascii_uppercase).collect();
            let with_argument = [bare.clone(), vec!["argument".to_owned()]].concat();
            for arguments in [bare, with_argument] {
                match verdict(&arguments, command) {
                    Ok(Verdict::Listed) => assert!(SHORT_LIST.contains(&one.name.as_str()), "{}", one.name),
                    Ok(Verdict::AskServer(_)) => {
                        assert!(one.flagged("readonly"), "{}", one.name);
                        let bad = ["write", "admin", "pubsub", "blocking"].into_iter().find(|flag| one.flagged(flag));
                        assert_eq!(bad, None, "{}", one.name);
                        let bad = one.categories.iter().find(|it| ["@scripting", "@dangerous"].contains(&it.as_str()));
                        assert_eq!(bad, None, "{}", one.name);
                        assert!(!container || one.name.contains('|'), "{} without its subcommand", one.name);
                    }
                    // Servers before 7 list `host:`, by which they know web browsers.
                    Err(Error::Denied(_) | Error::Invalid(_)) => continue,
                    Err(error) => panic!("{}", failure(&error)),
                }
                if !passed.contains(&one.name) {
                    passed.push(one.name.clone());
                }
            }
        }
    }
    println!("{} commands pass: {}", passed.len(), passed.join(" "));
    for needed in [
        "get",
        "mget",
        "exists",
        "type",
        "ttl",
        "strlen",
        "llen",
        "scard",
        "zcard",
        "hlen",
        "xlen",
        "scan",
        // Servers before 7 list no subcommands.
        if version() < 7 { "type" } else { "memory|usage" },
    ] {
        assert!(passed.iter().any(|name| name == needed), "{needed}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_has_one_connection_and_none_before_or_after() {
    let mut redis = Redis::start();
    let (server, mut part) = (redis.unix(), part());
    assert_eq!(redis.connections(), 0);
    let ever = redis.connections_ever();
    send(&mut part, &server, &["FLUSHALL"]).await.unwrap_err();
    send(&mut part, &server, &["KEYS", "*"]).await.unwrap_err();
    for _ in 0..3 {
        send(&mut part, &server, &["GET", "a"]).await.unwrap();
        send(&mut part, &server, &["PING"]).await.unwrap();
        assert_eq!(redis.connections(), 1);
    }
    assert_eq!(redis.connections_ever() - ever, 1);
    drop(part);
    await_that("the connection to end", || redis.connections() == 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_is_asked_about_a_command_once_in_a_run() {
    let mut redis = Redis::start();
    let (server, mut part) = (redis.unix(), part());
    for _ in 0..5 {
        send(&mut part, &server, &["GET", "a"]).await.unwrap();
        send(&mut part, &server, &["SET", "a", "b"]).await.unwrap_err();
    }
    let Value::BulkString(stats) = redis.admin("INFO commandstats") else { panic!("INFO is a bulk string") };
    let stats = String::from_utf8(stats).unwrap();
    // Servers before 7 count no subcommands by themselves.
    let asked = if version() < 7 { "cmdstat_command:calls=2," } else { "cmdstat_command|info:calls=2," };
    assert!(stats.contains(asked), "{stats}");
    assert!(stats.contains("cmdstat_get:calls=5,"), "{stats}");
    assert!(!stats.contains("cmdstat_set:"), "{stats}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_answer_is_never_taken_for_that_of_the_next_command() {
    let mut redis = Redis::start();
    let mut hasty = redis.unix();
    hasty.timeout = Duration::from_millis(200);
    let mut part = part();
    assert_eq!(line(&send(&mut part, &hasty, &["PING", "first"]).await), "first");
    redis.signal(rustix::process::Signal::STOP);
    let late = line(&send(&mut part, &hasty, &["PING", "late"]).await);
    redis.signal(rustix::process::Signal::CONT);
    assert!(
        late.starts_with("TimedOut: Redis server \"cache\" at /tmp/") && late.contains("within 200ms (timeout)"),
        "{late}"
    );
    assert_eq!(line(&send(&mut part, &redis.unix(), &["PING", "next"]).await), "next");
    await_that("the late connection to end", || redis.connections() == 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_is_given_up_takes_its_connection_along() {
    let redis = Redis::start();
    let (server, mut part) = (redis.unix(), part());
    send(&mut part, &server, &["PING"]).await.unwrap();
    redis.signal(rustix::process::Signal::STOP);
    let given_up = tokio::time::timeout(Duration::from_millis(100), send(&mut part, &server, &["PING", "late"])).await;
    redis.signal(rustix::process::Signal::CONT);
    assert!(given_up.is_err());
    assert_eq!(line(&send(&mut part, &server, &["PING", "next"]).await), "next");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_is_capped_by_the_server_and_by_the_run() {
    let mut redis = Redis::start();
    redis.admin(&format!("SET big {}", "x".repeat(5000)));
    let mut server = redis.unix();
    // "$5000", the bytes and two line ends.
    server.max_reply = 5009;
    let mut part = super::super::Part::new("watch", 12_000);
    let too_much = Err(Error::LimitExceeded(Limit::Bytes));
    assert_eq!(send(&mut part, &server, &["GET", "big"]).await.unwrap().len(), 1);
    server.max_reply = 5008;
    assert_eq!(send(&mut part, &server, &["GET", "big"]).await, too_much);
    assert_eq!(line(&send(&mut part, &server, &["PING"]).await), "+PONG");
    server.max_reply = 1 << 20;
    // What is left of the run's bytes.
    assert_eq!(send(&mut part, &server, &["GET", "big"]).await, too_much);
    assert_eq!(send(&mut part, &server, &["PING"]).await, too_much);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_is_unreachable() {
    let redis = Redis::start();
    let (server, mut part) = (redis.tcp(), part());
    assert_eq!(line(&send(&mut part, &server, &["PING"]).await), "+PONG");
    drop(redis);
    for _ in 0..2 {
        let gone = line(&send(&mut part, &server, &["PING"]).await);
        assert!(gone.starts_with("Unreachable: Redis server \"cache\" at localhost:"), "{gone}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_node_is_one_server() {
    let mut redis = Redis::start_with("cluster-enabled yes\ncluster-config-file DIR/nodes.conf", |_| {});
    let (server, mut part) = (redis.unix(), part());
    let answer = line(&send(&mut part, &server, &["CLUSTER", "INFO"]).await);
    assert!(answer.starts_with("cluster_state:fail"), "{answer}");
    let answer = line(&send(&mut part, &server, &["GET", "a"]).await);
    assert!(answer.starts_with("CLUSTERDOWN") && answer.contains("CLUSTER NODES"), "{answer}");
    // A slot that another node serves: `a` is in slot 15495.
    // CLUSTER ADDSLOTSRANGE came with 7.
    let slots: Vec<String> = (0..=15_494).map(|slot| slot.to_string()).collect();
    redis.admin(&format!("CLUSTER ADDSLOTS {}", slots.join(" ")));
    let myself = "0123456789abcdef0123456789abcdef01234567";
    let nodes = redis.directory.path().join("nodes.conf");
    let text = std::fs::read_to_string(&nodes).unwrap();
    drop(redis);
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.insert(0, format!("{myself} 127.0.0.1:7777@17777 master - 0 0 1 connected 15495-16383"));
    let redis = Redis::start_with(
        "cluster-enabled yes\ncluster-config-file DIR/nodes.conf\ncluster-node-timeout 60000",
        |directory| {
            std::fs::write(directory.join("nodes.conf"), lines.join("\n") + "\n").unwrap();
        },
    );
    let server = redis.unix();
    let deadline = std::time::Instant::now() + Duration::from_secs(30);
    loop {
        let answer = line(&send(&mut part, &server, &["GET", "a"]).await);
        if answer.starts_with("MOVED: 15495 127.0.0.1:7777") && answer.contains("no redirection is followed") {
            break;
        }
        // A node that has just started answers CLUSTERDOWN for two seconds.
        assert!(answer.starts_with("CLUSTERDOWN") || answer.starts_with("Unreachable"), "{answer}");
        assert!(std::time::Instant::now() < deadline, "{answer}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
