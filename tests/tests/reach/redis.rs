//! Redis: every command that the server has, and arguments that would be more than one.

use std::io::{BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};

use pgreeve_tests::testbed::redis_server;
use serde_json::{Value, json};

use crate::bed::{ask, await_that, hold};

const MAIN: &str = "redis = [\"main\"]";

/// A server on a Unix socket in a directory of its own, with some keys.
struct Redis {
    directory: tempfile::TempDir,
    child: Child,
}

impl Redis {
    fn start() -> Self {
        let directory = tempfile::Builder::new().prefix("pgreeve-redis").tempdir_in("/tmp").unwrap();
        let mut command = Command::new(redis_server());
        command.args(["--port", "0", "--save", "", "--unixsocket"]).arg(directory.path().join("socket"));
        command.arg("--dir").arg(directory.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let redis = Self { child: command.spawn().unwrap(), directory };
        await_that("the server to listen", || redis.connect().is_ok());
        redis.send("SET key value");
        redis.send("HSET hash field value");
        redis.send("RPUSH list 1 2 3");
        redis
    }

    fn connect(&self) -> std::io::Result<UnixStream> {
        UnixStream::connect(self.directory.path().join("socket"))
    }

    /// An inline command over a connection of its own: the lines of its reply, up to a PING's.
    fn send(&self, command: &str) -> Vec<String> {
        let mut connection = self.connect().unwrap();
        connection.write_all(format!("{command}\r\nECHO the-end-of-it\r\nQUIT\r\n").as_bytes()).unwrap();
        let mut reply = String::new();
        // After QUIT the server closes.
        BufReader::new(connection).read_to_string(&mut reply).unwrap();
        reply.lines().take_while(|line| *line != "the-end-of-it").map(str::to_owned).collect()
    }

    /// What must stay as it is: all keys with their values, functions, settings, and who is connected.
    fn state(&self) -> Vec<Vec<String>> {
        [
            "DEBUG DIGEST-VALUE key hash list",
            "GET key",
            "LRANGE list 0 -1",
            "KEYS *",
            "FUNCTION LIST",
            "CONFIG GET maxmemory*",
            "ACL LIST",
            "PUBSUB CHANNELS",
            "ROLE",
        ]
        .map(|command| self.send(command))
        .to_vec()
    }

    fn clients(&self) -> usize {
        self.send("CLIENT LIST").iter().filter(|line| line.contains("name=pgreeve")).count()
    }

    fn table(&self, more: &str) -> String {
        format!("[redis.main]\nurl = \"unix://{}/socket\"\n{more}\n", self.directory.path().display())
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn call(arguments: &[&str]) -> Value {
    json!({ "ask": "redis", "name": "main", "arguments": arguments })
}

#[test]
fn reading_is_answered() {
    let redis = Redis::start();
    hold(
        &redis.table(""),
        MAIN,
        &[
            (call(&["PING"]), "told", "PONG"),
            (call(&["get", "key"]), "told", "value"),
            (call(&["HGET", "hash", "field"]), "told", "value"),
            (call(&["LRANGE", "list", "0", "-1"]), "told", "1\n2\n3"),
            (call(&["INFO", "server"]), "told", "redis_version"),
            (call(&["DBSIZE"]), "told", "3"),
            (call(&["GET", "list"]), "WRONGTYPE", ""),
        ],
    );
}

/// Every command of this very server, by its own list, with arguments that would suit many.
#[test]
fn of_all_commands_that_the_server_has_none_changes_anything() {
    let redis = Redis::start();
    let names: Vec<String> = redis
        .send("COMMAND LIST")
        .into_iter()
        .filter(|line| line.starts_with(|first: char| first.is_ascii_lowercase()))
        .collect();
    assert!(names.len() > 200, "{names:?}");
    let before = redis.state();
    for more in [vec![], vec!["key"], vec!["key", "1"], vec!["0", "key", "hash"], vec!["key", "other", "list"]] {
        let calls: Vec<Value> = names.iter().map(|name| call(&[&[name.as_str()], more.as_slice()].concat())).collect();
        let answers = ask(&redis.table("timeout = \"500ms\""), MAIN, &calls);
        let answered =
            names.iter().zip(&answers).filter(|(_, answer)| answer.kind == "told" || answer.kind == "remote");
        // Reading commands are in the majority among those that get through; none of these is one.
        let through: Vec<&String> = answered.map(|(name, _)| name).collect();
        for writes in [
            "set",
            "del",
            "flushall",
            "eval",
            "eval_ro",
            "keys",
            "config",
            "subscribe",
            "multi",
            "shutdown",
            "debug",
            "monitor",
            "migrate",
            "restore",
            "getex",
            "getdel",
            "client",
            "acl",
            "script",
            "function",
            "fcall",
            "sort",
            "publish",
            "expire",
            "spop",
            "bgsave",
            "replicaof",
            "module",
            "select",
            "hello",
            "auth",
            "wait",
            "blpop",
            "xread",
        ] {
            assert!(!through.iter().any(|name| *name == writes), "{writes} got through with {more:?}");
        }
        assert!(
            answers.iter().all(|answer| answer.kind != "unreachable" && answer.kind != "timed-out"),
            "the server was lost or stalled"
        );
    }
    assert_eq!(redis.state(), before);
}

#[test]
fn no_argument_is_more_than_an_argument() {
    let redis = Redis::start();
    let before = redis.state();
    let denied = [
        vec!["FLUSHALL"],
        vec!["flushdb"],
        vec!["FlUsHaLl"],
        vec!["EVAL", "return redis.call('set','key','x')", "0"],
        vec!["CONFIG", "SET", "maxmemory", "1"],
        vec!["CONFIG", "GET", "*"],
        vec!["KEYS", "*"],
        vec!["MULTI"],
        vec!["EXEC"],
        vec!["SUBSCRIBE", "a"],
        vec!["MONITOR"],
        vec!["SHUTDOWN", "NOSAVE"],
        vec!["CLIENT", "KILL", "TYPE", "normal"],
        vec!["SLOWLOG", "RESET"],
        vec!["LATENCY", "RESET"],
        vec!["CLUSTER", "RESET"],
        vec!["DEBUG", "SLEEP", "5"],
        vec!["OBJECT", "HELP"],
        vec!["MEMORY", "PURGE"],
        vec!["SCRIPT", "FLUSH"],
        vec!["FUNCTION", "FLUSH"],
        vec!["ACL", "SETUSER", "x", "on"],
        vec!["SELECT", "1"],
        vec!["no-such-command"],
        vec!["SCAN", "0", "COUNT", "99999999"],
        vec!["SRANDMEMBER", "key", "-99999999"],
    ];
    let invalid = [
        vec![],
        vec![""],
        vec![" "],
        vec!["GET key\r\nFLUSHALL"],
        vec!["GET\r\n"],
        vec!["\r\nFLUSHALL\r\n"],
        vec!["*1\r\n$8\r\nFLUSHALL\r\n"],
        vec!["config|set"],
        vec!["GET\u{0}"],
        vec!["ＦＬＵＳＨＡＬＬ"],
        vec!["GET", "<<x*70000>>"],
    ];
    let mut table: Vec<(Value, &str, &str)> = Vec::new();
    table.extend(denied.iter().map(|arguments| (call(arguments), "denied", "")));
    table.extend(invalid.iter().map(|arguments| (call(arguments), "invalid", "")));
    // In an argument, all of it is the name of a key that is not there.
    for key in ["key\r\nFLUSHALL\r\n", "\r\n*1\r\n$8\r\nFLUSHALL\r\n", "x\nSET key y", "key\u{0}"] {
        table.push((call(&["GET", key]), "told", "Nil"));
    }
    hold(&redis.table(""), MAIN, &table);
    assert_eq!(redis.state(), before);
}

#[test]
fn replies_are_capped_and_no_connection_is_left() {
    let redis = Redis::start();
    redis.send("SETRANGE large 3000000 x");
    let calls = [call(&["GET", "large"]), call(&["GET", "key"])];
    let answers = ask(&redis.table("max_reply = \"1MiB\""), MAIN, &calls);
    assert!(answers[0].is("limit-exceeded", "bytes"), "{answers:?}");
    await_that("the end of the connection", || redis.clients() == 0);
}
