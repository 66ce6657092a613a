//! Takes connections and lets nobody stay too long: how many, how large a request, how long each step may take. One request each; the agent's
//! loop never waits for any of it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::UnixStream;
use tokio::sync::{Notify, watch};
use tokio::task::{JoinHandle, JoinSet};

use super::peer::peer;
use super::problem::BUSY;
use super::socket::{Place, Socket};

/// Connections at a time, together and of one user who is neither the agent's nor root.
const MOST: usize = 32;
const MOST_OF_ONE: usize = 8;
/// How long a request's head may take, its body, and its answer once it is made.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// The largest head of a request, in bytes; and the most headers.
const MOST_HEAD: usize = 16 << 10;
const MOST_HEADERS: usize = 64;
/// How long after a socket could not be made it is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(30);
/// How long answers under way may take when the agent ends.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// The open door.
pub(super) struct Door {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Door {
    /// Opens it. A socket that cannot be made is said in the log and tried again: checks go on without it.
    pub(super) fn open(place: Place, app: Router) -> Self {
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(async move {
            let mut closing = stopped.clone();
            tokio::select! {
                () = serve(place, app, stopped) => {}
                () = closed(&mut closing) => {}
            }
        });
        Self { stop, task }
    }

    /// Lets nobody in any more, and waits a moment for the answers under way.
    pub(super) async fn close(self) {
        self.stop.send_replace(true);
        // Its task panicked, or its time is over.
        let _ = self.task.await;
    }
}

/// Comes back when the door is closed.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    // Whoever could close it is gone: that is the end too.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Comes back some time after that.
async fn closed(stop: &mut watch::Receiver<bool>) {
    stopped(stop).await;
    tokio::time::sleep(LAST_WORDS).await;
}

async fn serve(place: Place, app: Router, mut stop: watch::Receiver<bool>) {
    let socket = tokio::select! {
        socket = socket(&place) => socket,
        () = stopped(&mut stop) => return,
    };
    let us = rustix::process::geteuid().as_raw();
    let mut connections: JoinSet<u32> = JoinSet::new();
    let mut of_user: HashMap<u32, usize> = HashMap::new();
    loop {
        tokio::select! {
            accepted = socket.listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let Ok(uid) = stream.peer_cred().map(|credentials| credentials.uid()) else { continue };
                    let most = if [0, us].contains(&uid) { MOST } else { MOST_OF_ONE };
                    let count = of_user.entry(uid).or_default();
                    if connections.len() >= MOST || *count >= most {
                        turn_away(&stream);
                        continue;
                    }
                    *count += 1;
                    let app = app.clone();
                    connections.spawn(async move {
                        connection(stream, app).await;
                        uid
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection to the local API was not taken");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            },
            Some(ended) = connections.join_next() => {
                // A task that panicked does not say whose it was.
                match ended {
                    Ok(uid) => if let Some(count) = of_user.get_mut(&uid) { *count = count.saturating_sub(1) },
                    Err(error) => { tracing::error!("a request failed (a defect of pgreeve): {error}"); of_user.clear(); }
                }
                of_user.retain(|_, count| *count > 0);
            }
            () = stopped(&mut stop) => break,
        }
    }
    drop(socket);
    while connections.join_next().await.is_some() {}
}

/// The socket, as soon as it can be made.
async fn socket(place: &Place) -> Socket {
    let mut said = String::new();
    loop {
        match Socket::make(place) {
            Ok(socket) => {
                tracing::debug!(socket = %place.path.display(), "the local API is served");
                return socket;
            }
            Err(error) => {
                let error = error.to_string();
                if error != said {
                    tracing::error!("the local API is not served, checks go on: {error}");
                    said = error;
                }
                tokio::time::sleep(TRY_AGAIN).await;
            }
        }
    }
}

/// Says that there are too many; without waiting for anybody to read it.
fn turn_away(stream: &UnixStream) {
    let busy = BUSY.problem("there are as many connections as are served at a time", "try again in a moment");
    let _ = stream.try_write(busy.raw().as_bytes());
}

/// One connection: one request, one answer.
async fn connection(stream: UnixStream, app: Router) {
    let Ok(peer) = peer(&stream).await else { return };
    let peer = Arc::new(peer);
    let answered = Arc::new(Notify::new());
    let made = Arc::clone(&answered);
    let app = TowerToHyperService::new(app);
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(Arc::clone(&peer));
        let (answer, made) = (app.call(request), Arc::clone(&made));
        async move {
            let answer: Result<Response<Body>, _> = answer.await;
            made.notify_one();
            answer
        }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(PATIENCE).keep_alive(false);
    http.max_buf_size(MOST_HEAD).max_headers(MOST_HEADERS);
    let served = http.serve_connection(TokioIo::new(stream), service);
    let late = async {
        answered.notified().await;
        tokio::time::sleep(PATIENCE).await;
    };
    tokio::select! {
        served = served => if let Err(error) = served { tracing::debug!(%error, "a connection to the local API") },
        () = late => tracing::debug!("an answer of the local API was not read in time"),
    }
}
