//! The tokio runtime that drives the test bed's connections, so that tests may call it from inside their own runtime:
//! `block_on` would panic there, waiting on a channel does not.

use std::future::Future;
use std::sync::{LazyLock, mpsc};

use tokio::runtime::{Builder, Runtime};

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(1).thread_name("testbed").enable_all().build().expect("a tokio runtime can be built")
});

/// Runs `future` on the bed's runtime and waits for its result.
///
/// Its one worker thread lives as long as the process, which is why servers are started from here: the kernel's
/// parent-death signal is sent when the *thread* that started a child ends, and tests' threads are short-lived.
pub(super) fn wait<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> T {
    let (send, receive) = mpsc::sync_channel(1);
    RUNTIME.spawn(async move { send.send(future.await) });
    receive.recv().expect("the test bed's runtime answers unless a task of it panicked")
}

/// Drives `future` in the background until it ends.
pub(super) fn in_background(future: impl Future<Output = ()> + Send + 'static) {
    RUNTIME.spawn(future);
}
