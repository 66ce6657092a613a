//! WASI 0.2 for guests that cannot do without it (Python, JavaScript, `wasm32-wasip2`): linked, and inert. No directory, no socket, no
//! name lookup, no argument, no environment. The wall clock stands at the run's `now`; the monotonic clock is coarse and recorded; random
//! bytes are drawn from a seed that job and `now` decide, so a run can be replayed and no plugin should make a secret of them. What is
//! written to stdout and stderr goes to the log, within the run's limit.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncWrite;
use wasmtime::component::Linker;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtx, WasiCtxView, WasiView};

use super::RunState;

/// The package whose interfaces are linked inert.
pub const PACKAGE: &str = "wasi:";
/// The versions of WASI that are linked; a guest that imports another is refused when it is loaded.
const VERSION: &str = "@0.2.";
/// The step of the monotonic clock: a guest has no use for a finer one, an attacker on timing would.
const STEP: Duration = Duration::from_millis(1);
/// The most random bytes that one call may ask for.
const MOST_RANDOM: u64 = 64 << 10;
/// The most readings of the clock that are recorded.
const MOST_READINGS: usize = 100_000;

/// Whether an import is one of WASI 0.2 that pgreeve links.
pub fn is_linked(import: &str) -> bool {
    import
        .strip_prefix(PACKAGE)
        .is_some_and(|rest| rest.contains(VERSION) && !rest.starts_with("http/") && !rest.starts_with("config/"))
}

/// Links it.
pub fn link(linker: &mut Linker<RunState>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)
}

impl WasiView for RunState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        self.meter.wasi();
        let Self { wasi, table, now, granted, .. } = self;
        WasiCtxView { ctx: wasi.context(*now, &granted.job), table }
    }
}

/// The part of a run that belongs to WASI; nothing is made for a guest that does not import it.
#[derive(Default)]
pub struct Wasi {
    context: Option<WasiCtx>,
    clock: Tape,
    written: Written,
    limit: u64,
}

impl Wasi {
    /// Nothing yet. `limit`: bytes of stdout and stderr together. `replayed`: the clock's readings of the recorded run.
    pub fn new(limit: u64, replayed: Option<Vec<u64>>) -> Self {
        let clock = Tape::default();
        clock.with(|readings| readings.replayed = replayed.map(VecDeque::from));
        Self { clock, limit, ..Self::default() }
    }

    fn context(&mut self, now: Timestamp, job: &str) -> &mut WasiCtx {
        let Self { context, clock, written, limit } = self;
        context.get_or_insert_with(|| {
            let seed = |what: &str| -> [u8; 32] { Sha256::digest(format!("{what} {job} {now}")).into() };
            written.with(|kept| kept.room = usize::try_from(*limit).unwrap_or(usize::MAX));
            WasiCtx::builder()
                .wall_clock(Standing(now))
                .monotonic_clock(clock.clone())
                .secure_random(StdRng::from_seed(seed("secure")))
                .insecure_random(StdRng::from_seed(seed("insecure")))
                .insecure_random_seed(u128::from_le_bytes(seed("seed").first_chunk().copied().unwrap_or_default()))
                .max_random_size(MOST_RANDOM)
                .stdout(written.clone())
                .stderr(written.clone())
                .build()
        })
    }

    /// What the guest wrote, the clock's readings, and how many bytes were dropped.
    pub fn finish(self) -> (String, Vec<u64>, u64) {
        let Self { clock, written, .. } = self;
        let (text, dropped) = written.with(|kept| (String::from_utf8_lossy(&kept.bytes).into_owned(), kept.dropped));
        (text, clock.with(|readings| std::mem::take(&mut readings.given)), dropped)
    }
}

/// A clock that stands still.
struct Standing(Timestamp);

impl HostWallClock for Standing {
    fn resolution(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn now(&self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.as_microsecond()).unwrap_or_default())
    }
}

/// The monotonic clock: nanoseconds since its first reading, and what it gave.
#[derive(Clone, Default)]
struct Tape(Arc<Mutex<Readings>>);

#[derive(Default)]
struct Readings {
    began: Option<Instant>,
    given: Vec<u64>,
    replayed: Option<VecDeque<u64>>,
}

impl Tape {
    fn with<T>(&self, change: impl FnOnce(&mut Readings) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl HostMonotonicClock for Tape {
    fn resolution(&self) -> u64 {
        u64::try_from(STEP.as_nanos()).unwrap_or(u64::MAX)
    }

    fn now(&self) -> u64 {
        self.with(|readings| {
            if let Some(replayed) = &mut readings.replayed {
                return replayed.pop_front().unwrap_or_default();
            }
            let elapsed = readings.began.get_or_insert_with(Instant::now).elapsed();
            let step = elapsed.as_nanos() / STEP.as_nanos() * STEP.as_nanos();
            let reading = u64::try_from(step).unwrap_or(u64::MAX);
            if readings.given.len() < MOST_READINGS {
                readings.given.push(reading);
            }
            reading
        })
    }
}

/// Where stdout and stderr go: the first bytes are kept, the others counted.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    bytes: Vec<u8>,
    room: usize,
    dropped: u64,
}

impl Written {
    fn with<T>(&self, change: impl FnOnce(&mut Kept) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl IsTerminal for Written {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Written {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }
}

impl AsyncWrite for Written {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.with(|kept| {
            let fits = bytes.len().min(kept.room.saturating_sub(kept.bytes.len()));
            kept.bytes.extend(bytes.iter().take(fits));
            kept.dropped += (bytes.len() - fits) as u64;
        });
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_interfaces_that_are_linked_pass() {
        for (import, linked) in [
            ("wasi:cli/environment@0.2.9", true),
            ("wasi:io/streams@0.2.0", true),
            ("wasi:http/outgoing-handler@0.2.9", false),
            ("wasi:config/store@0.2.0", false),
            ("wasi:cli/environment@0.3.0", false),
            ("evil:cli/environment@0.2.9", false),
        ] {
            assert_eq!(is_linked(import), linked, "{import}");
        }
    }

    #[test]
    fn the_clock_gives_again_what_it_gave() {
        let live = Wasi::new(0, None);
        let given = [live.clock.now(), live.clock.now()];
        let (_, readings, _) = live.finish();
        assert_eq!(readings, given);
        let replay = Wasi::new(0, Some(vec![7_000_000, 9_000_000]));
        assert_eq!([replay.clock.now(), replay.clock.now(), replay.clock.now()], [7_000_000, 9_000_000, 0]);
    }
}
