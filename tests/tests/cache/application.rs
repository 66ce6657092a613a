//! An application with a cache, on a loopback port: it answers by state that the test sets, keeps what it was sent, and misbehaves
//! where it is told to.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

#[derive(Clone)]
pub(crate) struct Application {
    pub(crate) port: u16,
    state: Arc<Mutex<State>>,
}

pub(crate) struct State {
    /// Status line after the version, and body, of every GET.
    pub(crate) status: &'static str,
    pub(crate) body: Vec<u8>,
    /// All that it sends, head and body, before it closes; instead of the status and body above.
    pub(crate) raw: Option<Vec<u8>>,
    /// Entries that traffic adds each second: `ENTRIES` in the body stands for those so far.
    pub(crate) grows: Option<(Instant, u64)>,
    /// What it waits between two bytes of the body.
    pub(crate) drip: Duration,
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
            body: body.as_bytes().to_vec(),
            raw: None,
            grows: None,
            drip: Duration::ZERO,
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
        let (head, body, delay, drip) = {
            let mut state = self.state.lock().unwrap();
            state.seen.push(first.clone());
            if let Some(raw) = &state.raw {
                return connection.write_all(raw);
            }
            let reaction = state.reactions.iter().find(|reaction| first.starts_with(reaction.to));
            let reaction = reaction.map(|reaction| (reaction.answer, reaction.then_tells));
            let mut body = match reaction {
                Some((answer, then_tells)) => {
                    state.body = then_tells.as_bytes().to_vec();
                    answer.as_bytes().to_vec()
                }
                None => state.body.clone(),
            };
            if let Some((since, rate)) = state.grows {
                let entries = 1_000 + since.elapsed().as_millis() as u64 * rate / 1_000;
                body = String::from_utf8(body).unwrap().replace("ENTRIES", &entries.to_string()).into_bytes();
            }
            let head = format!("HTTP/1.1 {}\r\ncontent-length: {}\r\n\r\n", state.status, body.len());
            (head, body, state.delay, state.drip)
        };
        std::thread::sleep(delay);
        connection.write_all(head.as_bytes())?;
        if drip.is_zero() {
            return connection.write_all(&body);
        }
        body.iter().try_for_each(|byte| {
            std::thread::sleep(drip);
            connection.write_all(&[*byte])
        })
    }

    /// From now on it is so.
    pub(crate) fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap());
    }

    /// From now on it tells this.
    pub(crate) fn tell(&self, body: &str) {
        self.set(|state| state.body = body.as_bytes().to_vec());
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
