//! A connection as hyper wants it, which counts what comes in and stops at the run's limit.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use hyper::rt::ReadBufCursor;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A byte stream, with TLS or without.
pub(in crate::grants) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Bytes received and how many may be.
#[derive(Debug)]
pub(in crate::grants) struct Meter {
    received: AtomicU64,
    sent: AtomicU64,
    most: u64,
}

impl Meter {
    pub(in crate::grants) fn new(most: u64) -> Arc<Self> {
        Arc::new(Self { received: AtomicU64::new(0), sent: AtomicU64::new(0), most })
    }

    /// Bytes received, of which the last one may be over the limit.
    pub(in crate::grants) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Whether a part of the request has left.
    pub(super) fn sent(&self) -> bool {
        self.sent.load(Ordering::Relaxed) > 0
    }

    /// Whether the other side sent more than it may.
    pub(in crate::grants) fn exceeded(&self) -> bool {
        self.received() > self.most
    }
}

/// The connection.
pub(in crate::grants) struct Wire {
    stream: Box<dyn Stream>,
    meter: Arc<Meter>,
}

impl Wire {
    pub(in crate::grants) fn new(stream: Box<dyn Stream>, meter: Arc<Meter>) -> Self {
        Self { stream, meter }
    }
}

/// The most that is taken from the connection at once.
const CHUNK: usize = 8192;

impl hyper::rt::Read for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, mut into: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        let wire = self.get_mut();
        // One byte over the limit tells an answer that ends there from one that goes on.
        let over = wire.meter.most.saturating_sub(wire.meter.received()).saturating_add(1);
        let room = CHUNK.min(into.remaining()).min(usize::try_from(over).unwrap_or(CHUNK));
        let mut chunk = [0; CHUNK];
        let mut buffer = ReadBuf::new(chunk.split_at_mut(room).0);
        ready!(Pin::new(&mut wire.stream).poll_read(cx, &mut buffer))?;
        wire.meter.received.fetch_add(buffer.filled().len() as u64, Ordering::Relaxed);
        if wire.meter.exceeded() {
            return Poll::Ready(Err(io::Error::other("more bytes than the run may receive")));
        }
        into.put_slice(buffer.filled());
        Poll::Ready(Ok(()))
    }
}

impl hyper::rt::Write for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let wire = self.get_mut();
        // From the first attempt on: a stream that fails may have passed some of it on.
        wire.meter.sent.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Pin::new(&mut wire.stream).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
