//! Servers that lie: what they announce takes no memory, what they withhold no time, and no later command pays for it.

use std::time::{Duration, Instant};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use super::super::Server;
use super::fixture::{line, part, patient, send};

/// What a server does after it has sent its reply.
#[derive(Clone, Copy, PartialEq)]
enum Then {
    Close,
    Stall,
    /// Sends the reply's last byte again and again, one in 5 ms.
    Drip,
    /// Sends the whole reply again and again.
    Repeat,
}

/// A server that answers the log-in, and the first command on each connection with `reply`.
async fn liar(reply: Vec<u8>, then: Then) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(lie(stream, reply.clone(), then));
        }
    });
    patient(&format!("redis://127.0.0.1:{port}"))
}

/// Ends when the client has closed.
async fn lie(mut stream: TcpStream, reply: Vec<u8>, then: Then) -> std::io::Result<()> {
    let mut command = [0; 4096];
    let _ = stream.read(&mut command).await?;
    stream.write_all(b"+OK\r\n").await?;
    let _ = stream.read(&mut command).await?;
    stream.write_all(&reply).await?;
    loop {
        match then {
            Then::Close => return Ok(()),
            Then::Stall => return stream.read(&mut command).await.map(drop),
            Then::Drip => {
                stream.write_all(&reply[reply.len() - 1..]).await?;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            Then::Repeat => stream.write_all(&reply).await?,
        }
    }
}

/// The most memory that this process has had, in MiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_lies_costs_neither_memory_nor_time() {
    use Then::{Close, Drip, Repeat, Stall};
    let before = peak();
    for (reply, then, expected) in [
        (b"$1000000000\r\n".to_vec(), Stall, "TimedOut"),
        (b"$1000000000\r\nxxxxxxxx".to_vec(), Repeat, "LimitExceeded: Bytes"),
        (b"$9223372036854775807\r\n".to_vec(), Close, "closed the connection"),
        (b"$99999999999999999999\r\n".to_vec(), Stall, "does not speak the Redis protocol"),
        (b"*1000000000\r\n".to_vec(), Stall, "TimedOut"),
        (b"*9223372036854775807\r\n".to_vec(), Stall, "TimedOut"),
        (b"*1000000000\r\n".to_vec(), Repeat, "does not speak the Redis protocol"),
        (b"*2147483647\r\n$-1\r\n".to_vec(), Close, "closed the connection"),
        ([b"*1000000000\r\n".as_slice(), &b"*0\r\n".repeat(300_000)].concat(), Stall, "LimitExceeded: Bytes"),
        ([b"*1000000000\r\n".as_slice(), &b":1\r\n".repeat(300_000)].concat(), Stall, "LimitExceeded: Bytes"),
        (b"*1\r\n".repeat(100_000), Stall, "does not speak the Redis protocol"),
        (b"*4096\r\n".repeat(99), Stall, "TimedOut"),
        (b"%9223372036854775807\r\n".to_vec(), Stall, "TimedOut"),
        (b"%-1\r\n".to_vec(), Stall, "TimedOut"),
        (b"|9223372036854775807\r\n".to_vec(), Stall, "TimedOut"),
        (b"|-1\r\n+a\r\n".to_vec(), Stall, "does not speak the Redis protocol"),
        (b"=-1\r\n".to_vec(), Stall, "TimedOut"),
        (b"+".to_vec(), Drip, "TimedOut"),
        (b"$100000\r\nx".to_vec(), Drip, "TimedOut"),
        (b"+x".to_vec(), Repeat, "LimitExceeded: Bytes"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), Close, "does not speak the Redis protocol"),
        (b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(), Stall, "does not speak the Redis protocol"),
        (b"\x15\x03\x03\x00\x02\x02\x28".to_vec(), Close, "does not speak the Redis protocol"),
        (b"$5\r\nabcdefgh\r\n".to_vec(), Stall, "does not speak the Redis protocol"),
        (b"$5\r\nab".to_vec(), Close, "closed the connection"),
        (b"".to_vec(), Close, "closed the connection"),
        (b"+\xff\xfe\r\n".to_vec(), Stall, "does not speak the Redis protocol"),
        (b":abc\r\n".to_vec(), Stall, "does not speak the Redis protocol"),
        (b"+PONG\r\n+PONG\r\n".to_vec(), Stall, "not asked for"),
        (b">2\r\n+message\r\n+x\r\n".to_vec(), Stall, "not asked for"),
    ] {
        let shown = String::from_utf8_lossy(&reply[..reply.len().min(30)]).into_owned();
        let mut server = liar(reply, then).await;
        if expected == "TimedOut" {
            server.timeout = Duration::from_millis(500);
        }
        let mut part = part();
        let start = Instant::now();
        let answer = line(&send(&mut part, &server, &["PING"]).await);
        let took = start.elapsed();
        println!("{shown:?}: {answer} after {took:?}, peak {} MiB", peak());
        assert!(answer.contains(expected), "{shown:?}: {answer}, expected {expected}");
        assert!(took < server.timeout + Duration::from_secs(10), "{shown:?}: {took:?}");
    }
    let grown = peak() - before;
    assert!(grown < 200, "grew by {grown} MiB");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_as_deep_as_the_parser_takes_is_laid_out() {
    let server = liar([b"*1\r\n".repeat(99).as_slice(), b":7\r\n"].concat(), Then::Stall).await;
    let nodes = send(&mut part(), &server, &["PING"]).await.unwrap();
    assert_eq!((nodes.len(), nodes.last().unwrap().depth), (100, 99));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_cannot_talk_the_policy_into_a_write() {
    // The answer to COMMAND INFO set: a description of `get`, none, and no description at all.
    for told in [
        "*1\r\n*6\r\n$3\r\nget\r\n:2\r\n*1\r\n+readonly\r\n:1\r\n:1\r\n:1\r\n",
        "*1\r\n*-1\r\n",
        "+readonly\r\n",
        "*0\r\n",
    ] {
        let server = liar(told.as_bytes().to_vec(), Then::Stall).await;
        let answer = line(&send(&mut part(), &server, &["SET", "a", "b"]).await);
        assert!(answer.starts_with("Denied"), "{told:?}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_words_of_a_server_are_cut() {
    let server = liar(format!("-{} {}\r\n", "C".repeat(5000), "ä".repeat(50_000)).into_bytes(), Then::Stall).await;
    let answer = line(&send(&mut part(), &server, &["PING"]).await);
    assert!(answer.len() < 2200 && answer.starts_with("CCC"), "{} bytes", answer.len());
}
