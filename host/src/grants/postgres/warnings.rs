//! What a server warns of beside its answers. `VACUUM` of a table that the login may not vacuum succeeds, with a warning; so does a COMMIT
//! that stopped waiting for its standby: whoever reports what a statement did has to report those too.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_postgres::error::Severity;
use tokio_postgres::{AsyncMessage, Connection};

use crate::grants::log::printable;

/// Drives the connection; ends when the client is dropped or the connection breaks.
pub(super) type Driver = futures_util::future::BoxFuture<'static, Result<(), tokio_postgres::Error>>;

/// Kept of one connection between two looks; what is over is dropped.
const MOST: usize = 8;
/// Bytes of one.
const LONGEST: usize = 400;

/// The warnings of one connection. Clones hold the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Warnings(Arc<Mutex<Vec<String>>>);

impl Warnings {
    /// Drives a connection and keeps what the server warns of. Notices and notifications are dropped.
    pub(super) fn driver<S, T>(&self, mut connection: Connection<S, T>) -> Driver
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let kept = self.clone();
        Box::pin(poll_fn(move |context| {
            let mut connection = Pin::new(&mut connection);
            while let Some(message) = ready!(connection.poll_message(context)) {
                match message {
                    Ok(AsyncMessage::Notice(notice)) if notice.parsed_severity() == Some(Severity::Warning) => {
                        kept.keep(notice.message(), notice.detail());
                    }
                    Ok(_) => {}
                    Err(error) => return Poll::Ready(Err(error)),
                }
            }
            Poll::Ready(Ok(()))
        }))
    }

    fn keep(&self, message: &str, detail: Option<&str>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < MOST {
            let detail = detail.map(|detail| format!(" ({detail})")).unwrap_or_default();
            kept.push(printable(&format!("{message}{detail}"), LONGEST));
        }
    }

    /// Those since the last look.
    pub(super) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
