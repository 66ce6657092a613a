//! A replication connection that a test drives itself, for clients such as pg_basebackup that most majors' packages
//! here lack: the walsender and its row in `pg_stat_replication` are real.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use super::Server;

/// A connection whose walsender works on one command and gets nothing read, so that it lasts until this is dropped.
#[derive(Debug)]
pub struct Walsender(#[allow(dead_code)] UnixStream);

impl Server {
    /// Starts `command` of the replication protocol, e.g. `BASE_BACKUP`, in a physical walsender.
    pub fn walsender(&self, application_name: &str, command: &str) -> Walsender {
        let path = self.socket_dir().join(format!(".s.PGSQL.{}", self.port()));
        let mut stream = UnixStream::connect(path).expect("the server has a socket");
        let mut startup = 196_608_i32.to_be_bytes().to_vec();
        for word in ["user", "postgres", "replication", "true", "application_name", application_name, ""] {
            startup.extend(word.bytes().chain([0]));
        }
        send(&mut stream, &[], &startup);
        while receive(&mut stream) != b'Z' {}
        send(&mut stream, b"Q", &[command.as_bytes(), &[0]].concat());
        Walsender(stream)
    }
}

/// A message: its type, its length with itself, its content.
fn send(stream: &mut UnixStream, kind: &[u8], content: &[u8]) {
    let length = i32::try_from(content.len() + 4).expect("a short message").to_be_bytes();
    stream.write_all(&[kind, &length, content].concat()).expect("the server reads");
}

/// Reads a message; its type.
fn receive(stream: &mut UnixStream) -> u8 {
    let mut head = [0; 5];
    stream.read_exact(&mut head).expect("the server answers");
    let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
    let mut content = vec![0; length as usize - 4];
    stream.read_exact(&mut content).expect("the server answers whole");
    assert_ne!(head[0], b'E', "the server refused: {}", String::from_utf8_lossy(&content));
    head[0]
}
