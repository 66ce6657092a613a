//! The socket, with every received byte counted and a cap on them. Because the cap is at the wire, a row of 1 GB is
//! given up after the first megabytes: the client library never gets to buffer it.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, UnixStream},
};

/// Counts what one connection receives.
#[derive(Debug)]
pub(super) struct Meter {
    received: AtomicU64,
    cap: u64,
    exceeded: AtomicBool,
}

impl Meter {
    pub(super) fn new(cap: u64) -> Arc<Self> {
        Arc::new(Self { received: AtomicU64::new(0), cap, exceeded: AtomicBool::new(false) })
    }

    /// Bytes received so far.
    pub(super) fn received(&self) -> u64 {
        self.received.load(Relaxed)
    }

    /// Whether the server had more to send than the cap allows.
    pub(super) fn exceeded(&self) -> bool {
        self.exceeded.load(Relaxed)
    }
}

/// A connected socket of either kind.
#[derive(Debug)]
pub(super) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// A socket under a [`Meter`].
#[derive(Debug)]
pub(super) struct Metered {
    pub(super) socket: Socket,
    pub(super) meter: Arc<Meter>,
}

impl AsyncRead for Metered {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let left = this.meter.cap.saturating_sub(this.meter.received());
        if left >= buffer.remaining() as u64 {
            let before = buffer.filled().len();
            ready!(this.socket.poll_read(context, buffer))?;
            this.meter.received.fetch_add((buffer.filled().len() - before) as u64, Relaxed);
            return Poll::Ready(Ok(()));
        }
        // One byte over the cap shows that there is more: an answer that fits exactly is no offence.
        let mut narrow = ReadBuf::new(buffer.initialize_unfilled_to(left as usize + 1));
        ready!(this.socket.poll_read(context, &mut narrow))?;
        let read = narrow.filled().len();
        this.meter.received.fetch_add(read as u64, Relaxed);
        if read as u64 > left {
            this.meter.exceeded.store(true, Relaxed);
            return Poll::Ready(Err(io::Error::other("the cap on received bytes was reached")));
        }
        buffer.advance(read);
        Poll::Ready(Ok(()))
    }
}

impl Socket {
    fn poll_read(&mut self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Unix(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Metered {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().socket {
            Socket::Tcp(stream) => Pin::new(stream).poll_write(context, bytes),
            Socket::Unix(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().socket {
            Socket::Tcp(stream) => Pin::new(stream).poll_flush(context),
            Socket::Unix(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().socket {
            Socket::Tcp(stream) => Pin::new(stream).poll_shutdown(context),
            Socket::Unix(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    async fn receive(sent: usize, cap: u64) -> (Vec<u8>, bool) {
        let (mut server, client) = UnixStream::pair().unwrap();
        let meter = Meter::new(cap);
        let mut metered = Metered { socket: Socket::Unix(client), meter: meter.clone() };
        server.write_all(&vec![7; sent]).await.unwrap();
        drop(server);
        let mut received = Vec::new();
        let outcome = metered.read_to_end(&mut received).await;
        assert_eq!(outcome.is_err(), meter.exceeded());
        (received, meter.exceeded())
    }

    #[tokio::test]
    async fn the_cap_lets_exactly_as_much_through() {
        assert_eq!(receive(100, 100).await, (vec![7; 100], false));
        let (received, exceeded) = receive(101, 100).await;
        assert!(exceeded && received.len() <= 100);
        assert_eq!(receive(0, 0).await, (vec![], false));
    }
}
