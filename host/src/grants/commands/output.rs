//! Reads what a command writes: stdout whole, to memory or to a file, and the tail of stderr.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    sync::watch,
    task::spawn_blocking,
    time::sleep,
};

use super::file::Partial;

/// How much of stderr is kept, in bytes.
const TAIL: usize = 4 << 10;
/// Bytes read at a time: what a pipe holds.
const CHUNK: usize = 64 << 10;
/// After the leader's end, the silence on a pipe that somebody still holds open before reading ends.
pub(super) const LINGER: Duration = Duration::from_secs(1);

/// Why stdout was not read to its end.
#[derive(Debug)]
pub(super) enum Broken {
    /// More than the caller may get.
    TooLong,
    /// The pipe or the process could not be watched.
    Pipe(io::Error),
    /// The file could not be written.
    File(io::Error),
}

/// Whether a pipe was read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Everybody who could write closed it.
    Reached,
    /// The leader has ended, another process keeps it open and says nothing.
    HeldOpen,
}

/// Where stdout goes.
pub(super) enum Sink {
    /// To the caller.
    Memory {
        /// What came so far.
        bytes: Vec<u8>,
        /// The most bytes.
        most: u64,
    },
    /// To a file that has no name yet. None while a chunk is on its way to it.
    File(Option<Partial>),
}

impl Sink {
    /// Takes a chunk and gives back its buffer.
    async fn take(&mut self, chunk: Vec<u8>) -> Result<Vec<u8>, Broken> {
        match self {
            Self::Memory { bytes, most } => {
                if (bytes.len() + chunk.len()) as u64 > *most {
                    return Err(Broken::TooLong);
                }
                bytes.extend_from_slice(&chunk);
                Ok(chunk)
            }
            Self::File(slot) => {
                let mut partial = slot.take().ok_or_else(|| Broken::File(io::Error::other("the file is gone")))?;
                // A partial file that failed is removed over there, before the error arrives here.
                let written = spawn_blocking(move || partial.write(&chunk).map(|()| (partial, chunk))).await;
                let (partial, chunk) = written.map_err(io::Error::other).flatten().map_err(Broken::File)?;
                *slot = Some(partial);
                Ok(chunk)
            }
        }
    }
}

/// Reads stdout to its end.
pub(super) async fn read_whole<P>(mut pipe: P, sink: &mut Sink, gone: watch::Receiver<bool>) -> Result<End, Broken>
where
    P: AsyncRead + Unpin,
{
    let mut buffer = Vec::with_capacity(CHUNK);
    loop {
        match next(&mut pipe, &mut buffer, gone.clone()).await.map_err(Broken::Pipe)? {
            Some(0) => return Ok(End::Reached),
            Some(_) => buffer = sink.take(buffer).await?,
            None => return Ok(End::HeldOpen),
        }
    }
}

/// Reads stderr to its end and keeps the last of it.
pub(super) async fn read_tail<P>(mut pipe: P, tail: &mut Tail, gone: watch::Receiver<bool>) -> Result<End, Broken>
where
    P: AsyncRead + Unpin,
{
    let mut buffer = Vec::with_capacity(CHUNK);
    loop {
        match next(&mut pipe, &mut buffer, gone.clone()).await.map_err(Broken::Pipe)? {
            Some(0) => return Ok(End::Reached),
            Some(_) => tail.push(&buffer),
            None => return Ok(End::HeldOpen),
        }
    }
}

/// The next chunk's length, 0 at the end; none when the leader is gone and the pipe stays silent.
async fn next<P>(pipe: &mut P, buffer: &mut Vec<u8>, gone: watch::Receiver<bool>) -> io::Result<Option<usize>>
where
    P: AsyncRead + Unpin,
{
    buffer.clear();
    tokio::select! {
        biased;
        read = pipe.read_buf(buffer) => read.map(Some),
        () = silence(gone) => Ok(None),
    }
}

/// Ends when the leader has been gone for [`LINGER`].
async fn silence(mut gone: watch::Receiver<bool>) {
    // The sender lives as long as the reading does.
    let _ = gone.wait_for(|gone| *gone).await;
    sleep(LINGER).await;
}

/// The last 4 KiB of what was pushed.
#[derive(Debug, Default)]
pub(super) struct Tail {
    bytes: Vec<u8>,
    cut: bool,
}

impl Tail {
    pub(super) fn push(&mut self, chunk: &[u8]) {
        self.bytes.extend_from_slice(chunk);
        if let Some(over) = self.bytes.len().checked_sub(TAIL).filter(|over| *over > 0) {
            self.bytes.drain(..over);
            self.cut = true;
        }
    }

    /// As text; a character that was cut in two at the beginning is left out.
    pub(super) fn text(&self) -> String {
        let halved = |byte: &u8| byte & 0b1100_0000 == 0b1000_0000;
        let skip = if self.cut { self.bytes.iter().take(3).take_while(|byte| halved(byte)).count() } else { 0 };
        String::from_utf8_lossy(self.bytes.get(skip..).unwrap_or_default()).into_owned()
    }
}
