//! An application with a cache, on a loopback port: it answers by state that the test sets, keeps what it was sent, and misbehaves
//! where it is told to.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[derive(Clone)]
pub(crate) struct Application {
    pub(crate) port: u16,
    state: Arc<Mutex<State>>,
}

pub(crate) struct State {
    /// Status line after the version, and body, of every GET.
    pub(crate) status: &'static str,
    pub(crate) body: String,
    /// What it waits before it answers.
    pub(crate) delay: Duration,
    /// The first lines of requests so far.
    pub(crate) seen: Vec<String>,
    /// Requests that it answers with a body of their own, and what it tells from then on.
    pub(crate) reactions: Vec<Reaction>,
}

pub(crate) struct Reaction {
    /// Method and path.
    pub(crate) to: &'static str,
    pub(crate) answer: &'static str,
    pub(crate) then_tells: &'static str,
}

impl Application {
    /// One that tells this body. Its thread ends with the test's process.
    pub(crate) fn telling(body: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = State {
            status: "200 OK",
            body: body.to_owned(),
            delay: Duration::ZERO,
            seen: Vec::new(),
            reactions: Vec::new(),
        };
        let application = Self { port, state: Arc::new(Mutex::new(state)) };
        let served = application.clone();
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let served = served.clone();
                // The client may close before all is written: its right.
                std::thread::spawn(move || drop(served.serve(connection)));
            }
        });
        application
    }

    fn serve(&self, mut connection: TcpStream) -> std::io::Result<()> {
        let mut lines = BufReader::new(&connection).lines().map_while(Result::ok);
        let first = lines.next().unwrap_or_default();
        lines.take_while(|line| !line.is_empty()).for_each(drop);
        let (answer, delay) = {
            let mut state = self.state.lock().unwrap();
            state.seen.push(first.clone());
            let reaction = state.reactions.iter().find(|reaction| first.starts_with(reaction.to));
            let reaction = reaction.map(|reaction| (reaction.answer, reaction.then_tells));
            let body = match reaction {
                Some((answer, then_tells)) => {
                    then_tells.clone_into(&mut state.body);
                    answer.to_owned()
                }
                None => state.body.clone(),
            };
            (format!("HTTP/1.1 {}\r\ncontent-length: {}\r\n\r\n{body}", state.status, body.len()), state.delay)
        };
        std::thread::sleep(delay);
        connection.write_all(answer.as_bytes())
    }

    /// From now on it is so.
    pub(crate) fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap());
    }

    /// From now on it tells this.
    pub(crate) fn tell(&self, body: &str) {
        self.set(|state| body.clone_into(&mut state.body));
    }

    /// How often it was asked.
    pub(crate) fn asked(&self) -> usize {
        self.state.lock().unwrap().seen.len()
    }

    /// How often it was sent a request that begins so.
    pub(crate) fn was_sent(&self, line: &str) -> usize {
        self.state.lock().unwrap().seen.iter().filter(|seen| seen.starts_with(line)).count()
    }

    /// Its table in agent.toml, with more lines.
    pub(crate) fn table(&self, name: &str, more: &str) -> String {
        let patience = if more.contains("timeout") { "" } else { "timeout = \"20s\"\nconnect_timeout = \"20s\"\n" };
        format!(
            "[http.{name}]\norigin = \"http://127.0.0.1:{}\"\n\
             allow = [\"GET /api/v1/cache/stats\", \"GET /metrics/json\", \"POST /api/v1/cache/warm\", \"POST /cache/warm\", \
             \"POST /api/v1/cache/bypass\", \"DELETE /api/v1/cache/bypass\"]\n{patience}{more}\n",
            self.port
        )
    }
}
