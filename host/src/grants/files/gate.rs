//! File system calls on threads of their own, few at a time for each directory: a dead network mount holds those few and nobody else.
//!
//! Not tokio's blocking pool: a runtime waits for its blocking threads when it is shut down, and one that hangs would keep the agent from
//! ending; all directories would also share one pool, which a single dead mount could fill.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::grants::error::Error;

/// Calls on one directory at a time. More wait for their turn, within their time-out.
const SEATS: usize = 4;
/// How long after its end a call counts as hanging: long enough for one step of a call that looks at its clock.
const GRACE: Duration = Duration::from_secs(1);
/// Bytes of a thread's stack; what runs on it recurses nowhere.
const STACK: usize = 512 << 10;

/// The way to one directory: which calls are under way, and whether one of them hangs.
#[derive(Debug)]
pub(in crate::grants) struct Gate {
    seats: Arc<Semaphore>,
    under_way: Arc<UnderWay>,
}

type UnderWay = Mutex<Vec<Arc<Clock>>>;

impl Default for Gate {
    fn default() -> Self {
        Self { seats: Arc::new(Semaphore::new(SEATS)), under_way: Arc::default() }
    }
}

impl Gate {
    /// Does `work` on a thread of its own and waits for it, `timeout` at the most. The work looks at the clock between its steps; where
    /// it hangs within one, the thread stays behind and every later call is answered at once, until it comes back. `subject` is the
    /// directory in words, `remedy` what to change where more time is needed.
    pub(in crate::grants) async fn run<T: Send + 'static>(
        &self,
        timeout: Duration,
        subject: &str,
        remedy: &str,
        work: impl FnOnce(&Clock) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        if let Some(since) = self.hanging() {
            let message = format!(
                "{subject} does not answer: an earlier call has hung for {} s past its time-out and is not repeated until it returns; look for \
                 a dead network mount or failing disk",
                since.as_secs()
            );
            return Err(Error::TimedOut(message));
        }
        let words = format!("{subject} gave no answer within {timeout:?} ({remedy})");
        let clock = Arc::new(Clock { until: Mutex::new(Instant::now() + timeout), words: words.clone() });
        // Whoever stops waiting, by time-out or because the run is over, ends the call's time too.
        let _leaving = Leaving(clock.clone());
        let answer = async {
            let Ok(permit) = self.seats.clone().acquire_owned().await else {
                return Err(Error::Unreachable(format!("{subject}: the gate is closed")));
            };
            let (tell, told) = oneshot::channel();
            let seat = Seat::take(&self.under_way, &clock, permit);
            let started = thread::Builder::new().name("pgreeve-files".to_owned()).stack_size(STACK).spawn(move || {
                let answer = work(&seat.clock);
                drop(seat);
                // Nobody listens any more if the caller has left.
                tell.send(answer).ok();
            });
            if let Err(why) = started {
                return Err(Error::Unreachable(format!("{subject}: cannot start a thread to look at it: {why}")));
            }
            told.await
                .unwrap_or_else(|_| Err(Error::Unreachable(format!("{subject}: pgreeve's thread for it panicked"))))
        };
        tokio::time::timeout(timeout, answer).await.unwrap_or(Err(Error::TimedOut(words)))
    }

    /// How long the longest of the hanging calls has been past its time.
    fn hanging(&self) -> Option<Duration> {
        let now = Instant::now();
        let over = |clock: &Arc<Clock>| now.checked_duration_since(*locked(&clock.until)).filter(|over| *over > GRACE);
        locked(&self.under_way).iter().filter_map(over).max()
    }

    /// How many threads are under way.
    pub(in crate::grants) fn threads(&self) -> usize {
        locked(&self.under_way).len()
    }
}

/// When a call has to be done.
#[derive(Debug)]
pub(in crate::grants) struct Clock {
    until: Mutex<Instant>,
    words: String,
}

impl Clock {
    /// An error once the time is up. Work calls it between steps that may take long together.
    pub(in crate::grants) fn check(&self) -> Result<(), Error> {
        if Instant::now() < *locked(&self.until) { Ok(()) } else { Err(Error::TimedOut(self.words.clone())) }
    }
}

/// A thread's place at the gate, given back when the thread is done, panicking or not.
struct Seat {
    clock: Arc<Clock>,
    under_way: Arc<UnderWay>,
    _permit: OwnedSemaphorePermit,
}

impl Seat {
    fn take(under_way: &Arc<UnderWay>, clock: &Arc<Clock>, permit: OwnedSemaphorePermit) -> Self {
        locked(under_way).push(clock.clone());
        Self { clock: clock.clone(), under_way: under_way.clone(), _permit: permit }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        locked(&self.under_way).retain(|other| !Arc::ptr_eq(other, &self.clock));
    }
}

struct Leaving(Arc<Clock>);

impl Drop for Leaving {
    fn drop(&mut self) {
        let mut until = locked(&self.0.until);
        *until = (*until).min(Instant::now());
    }
}

/// None of these locks guards anything that a panic could leave half done.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
