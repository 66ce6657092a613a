//! Redis commands as actions, on a real server and on one that does not answer.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use super::{Ended, What, act};
use crate::grants::redis::tests::fixture::{Redis, patient};
use crate::grants::redis::{Line, Server};

fn allowing(url: &str, lines: &[&str]) -> Server {
    Server { allow: lines.iter().map(|line| Line::parse(line).unwrap()).collect(), ..patient(url) }
}

async fn send(server: &Server, command: &str) -> (Ended, String) {
    let arguments = command.split(' ').map(str::to_owned).collect();
    act(What::Redis { server: Arc::new(server.clone()), arguments }).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_line_allows_is_sent_and_nothing_else() {
    let mut redis = Redis::start();
    redis.admin("SET a 1");
    let url = format!("redis://127.0.0.1:{}/0", redis.port);
    let server = allowing(&url, &["FLUSHDB ASYNC", "CONFIG SET maxmemory *", "GET *", "LPUSH *  *"]);
    for (command, why) in [
        ("FLUSHDB", "add \"FLUSHDB\" to `allow` under [redis.cache] in agent.toml"),
        ("FLUSHALL", "never sent"),
        ("SHUTDOWN NOSAVE", "never sent"),
        ("CONFIG SET dir /tmp", "never sent"),
        ("SET a 2", "add \"SET a 2\""),
    ] {
        let (ended, detail) = send(&server, command).await;
        assert_eq!(ended, Ended::Refused, "{command}");
        assert!(detail.contains(why), "{detail}");
        let (ended, detail) = send(&patient(&url), command).await;
        assert_eq!(ended, Ended::Refused, "{detail}");
    }
    assert_eq!(redis.admin("GET a"), redis::Value::BulkString(b"1".to_vec()));
    assert_eq!(send(&server, "GET a").await, (Ended::Done, "reply: \"1\"".to_owned()));
    assert_eq!(send(&server, "config SET maxmemory 200mb").await, (Ended::Done, "reply: OK".to_owned()));
    let (ended, detail) = send(&server, "CONFIG SET maxmemory much").await;
    assert_eq!(ended, Ended::Failed);
    assert!(detail.contains("CONFIG SET failed"), "{detail}");
    let (ended, detail) = send(&server, "LPUSH a 1").await;
    assert_eq!(ended, Ended::Failed);
    assert!(detail.contains("WRONGTYPE"), "{detail}");
    assert_eq!(send(&server, "FLUSHDB ASYNC").await.0, Ended::Done);
    assert_eq!(redis.admin("DBSIZE"), redis::Value::Int(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_without_a_reply_is_uncertain_and_without_a_server_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://127.0.0.1:{}/0", listener.local_addr().unwrap().port());
    // Answers CLIENT SETNAME, reads the command and closes; then the same, and is silent.
    let held = std::thread::spawn(move || {
        let mut held = Vec::new();
        for silent in [false, true] {
            let (mut connection, _) = listener.accept().unwrap();
            let mut read = [0; 1024];
            assert!(connection.read(&mut read).unwrap() > 0);
            connection.write_all(b"+OK\r\n").unwrap();
            assert!(connection.read(&mut read).unwrap() > 0);
            if silent {
                held.push(connection);
            }
        }
        held
    });
    let server = allowing(&url, &["FLUSHDB"]);
    for server in [server.clone(), Server { timeout: Duration::from_millis(500), ..server.clone() }] {
        let (ended, detail) = send(&server, "FLUSHDB").await;
        assert_eq!(ended, Ended::Uncertain);
        assert!(detail.contains("whether the server carried it out is not known"), "{detail}");
    }
    drop(held.join().unwrap());
    let (ended, detail) = send(&server, "FLUSHDB").await;
    assert_eq!(ended, Ended::Refused, "{detail}");
}
