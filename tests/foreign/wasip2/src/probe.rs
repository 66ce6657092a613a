//! What the standard library offers and a plugin should not need: tried one by one, and reported with what came of it. Each attempt is a
//! finding: ok with the error that refused it, critical if it got anything.

use std::collections::HashSet;
use std::fmt::Debug;
use std::hash::{BuildHasher as _, RandomState};
use std::io::Read as _;
use std::net::{TcpListener, TcpStream, ToSocketAddrs as _, UdpSocket};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::bindings::pgreeve::plugin::report::{Fact, Finding, Status};

/// The check that attempts belong to.
pub(crate) const CHECK: &str = "inert";

/// Does what the setting `try` says.
#[allow(clippy::panic, clippy::print_stderr, clippy::empty_loop)]
pub(crate) fn findings(name: &str) -> Vec<Finding> {
    match name {
        "reach" => return reach(),
        "clock" => {
            let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
            let facts = [("wall", wall.to_string()), ("random", RandomState::new().hash_one(0).to_string())];
            return vec![answer("clock", Status::Ok, "read", &facts)];
        }
        "sleep" => {
            let before = Instant::now();
            std::thread::sleep(Duration::from_millis(200));
            let slept = before.elapsed().as_secs_f64().to_string();
            return vec![answer("sleep", Status::Ok, "slept", &[("slept", slept)])];
        }
        "sleep-for-ever" => std::thread::sleep(Duration::from_secs(86_400)),
        "loop" => loop {},
        "memory" => {
            let mut taken = Vec::new();
            loop {
                taken.push(vec![1; 1 << 20]);
            }
        }
        "panic" => panic!("the moon is wrong"),
        "exit" => std::process::exit(3),
        "print" => {
            println!("said on stdout");
            eprintln!("said on stderr\n2026-01-01 ERROR forged\x1b[31m");
        }
        other => return vec![answer(other, Status::Critical, "there is no such attempt", &[])],
    }
    vec![answer(name, Status::Ok, "came back", &[])]
}

fn reach() -> Vec<Finding> {
    let names = |directory: &str| {
        std::fs::read_dir(directory).map(|entries| entries.flatten().map(|entry| entry.file_name()).collect::<Vec<_>>())
    };
    let mut input = String::new();
    vec![
        attempt("read-file", std::fs::read_to_string("/etc/passwd").map(Some)),
        attempt("write-file", std::fs::write("/tmp/pgreeve-was-here", "x").map(Some)),
        attempt("list-root", names("/").map(Some)),
        attempt("list-here", names(".").map(Some)),
        attempt("environment", Ok(Some(std::env::vars().collect::<HashSet<_>>()).filter(|vars| !vars.is_empty()))),
        attempt("arguments", Ok(Some(std::env::args().collect::<Vec<_>>()).filter(|words| !words.is_empty()))),
        attempt("stdin", std::io::stdin().read_to_string(&mut input).map(|read| (read > 0).then_some(read))),
        attempt("connect", TcpStream::connect("127.0.0.1:5432").map(Some)),
        attempt("listen", TcpListener::bind("127.0.0.1:0").map(Some)),
        attempt("datagram", UdpSocket::bind("127.0.0.1:0").map(Some)),
        attempt("resolve", ("localhost", 80).to_socket_addrs().map(|found| Some(found.collect::<Vec<_>>()))),
        attempt("run-program", std::process::Command::new("id").output().map(Some)),
    ]
}

fn attempt<T: Debug>(word: &str, got: std::io::Result<Option<T>>) -> Finding {
    match got {
        Err(error) => answer(word, Status::Ok, &format!("refused: {error}"), &[]),
        Ok(None) => answer(word, Status::Ok, "nothing there", &[]),
        Ok(Some(got)) => answer(word, Status::Critical, &format!("got {got:?}"), &[]),
    }
}

fn answer(word: &str, status: Status, summary: &str, facts: &[(&str, String)]) -> Finding {
    Finding {
        key: format!("{CHECK}/{word}"),
        check: CHECK.into(),
        status,
        reason: None,
        subject: None,
        summary: summary.into(),
        detail: None,
        advice: None,
        evidence: facts.iter().map(|(name, value)| Fact { name: (*name).into(), value: value.clone() }).collect(),
    }
}
