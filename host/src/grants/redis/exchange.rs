//! One command out, one reply in, both within a time and the reply within a number of bytes.

use std::time::Duration;

use redis::{RedisError, Value};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::timeout,
};

use super::connect::Socket;

/// Why there is no reply. Nothing more can be read from the connection: what comes next could belong to this command.
#[derive(Debug)]
pub(super) enum Broken {
    /// No whole reply in time.
    Late,
    /// More bytes than were allowed.
    TooLarge,
    /// Closed, reset, or not the Redis protocol.
    Lost(String),
}

/// Sends a command and reads its reply, an error reply included; and how many bytes the reply had.
///
/// A reply over `most` bytes is not read to its end, and a length that it only announces takes no memory: the parser reserves
/// for what has arrived, and for 4,096 items of an array at most.
pub(super) async fn exchange<S: AsRef<[u8]> + Sync>(
    socket: &mut Socket,
    arguments: &[S],
    most: u64,
    limit: Duration,
) -> Result<(Value, u64), Broken> {
    let mut command = redis::Cmd::new();
    for argument in arguments {
        command.arg(argument.as_ref());
    }
    let packed = command.get_packed_command();
    timeout(limit, async {
        // A server that is full or in protected mode says so and closes before it reads: its words are worth more than EPIPE.
        let sent = async {
            socket.write_all(&packed).await?;
            socket.flush().await
        };
        let sent = sent.await;
        let mut decoder = Default::default();
        let mut capped = (&mut *socket).take(most);
        let parsed = redis::parse_redis_value_async(&mut decoder, &mut capped).await;
        let read = most - capped.limit();
        match (parsed, sent) {
            (Ok(value), _) if decoder.buffer().is_empty() => Ok((value, read)),
            (Ok(_), _) => Err(Broken::Lost("it sent what was not asked for".to_owned())),
            (Err(_), _) if read == most => Err(Broken::TooLarge),
            (Err(_), Err(error)) => Err(Broken::Lost(error.to_string())),
            (Err(error), Ok(())) => Err(Broken::Lost(lost(&error))),
        }
    })
    .await
    .unwrap_or(Err(Broken::Late))
}

/// The parser's own words quote what was received, which belongs into no message.
fn lost(error: &RedisError) -> String {
    if !error.is_io_error() {
        "it does not speak the Redis protocol".to_owned()
    } else if error.is_connection_dropped() {
        "it closed the connection".to_owned()
    } else {
        error.to_string()
    }
}
