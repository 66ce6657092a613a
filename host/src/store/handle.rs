//! The store for async code: one thread owns it and answers calls in order, so that no runtime thread waits for the disk.
//! It also counts the runs that could not be recorded, so that a full disk costs history and nothing else.

use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;

use jiff::Timestamp;
use tokio::sync::{oneshot, watch};

use super::{Gap, MemoryChange, Pruned, Retention, RunEnd, RunId, RunStart, Standing, Store, StoreError};

/// Speaks to the store's thread. Clones speak to the same one; it ends with [`close`](Self::close) or the last clone.
#[derive(Clone, Debug)]
pub struct StoreHandle {
    calls: mpsc::Sender<Call>,
    loss: watch::Receiver<Option<Gap>>,
}

/// A run that has begun. It must be finished, also where its task fails: only the next start would record it as
/// interrupted.
#[derive(Debug)]
#[must_use = "a run that began must be finished"]
pub struct UnderWay {
    start: RunStart,
    row: Result<RunId, StoreError>,
}

impl UnderWay {
    /// The run's id, or why its beginning could not be recorded. The run goes on either way: its end is tried again, whole.
    pub fn id(&self) -> Result<RunId, &StoreError> {
        self.row.as_ref().copied()
    }
}

enum Call {
    Work(Box<dyn FnOnce(&mut Recorder) + Send>),
    Close(oneshot::Sender<()>),
}

impl StoreHandle {
    /// Starts the thread that owns `store`.
    pub fn start(store: Store) -> Result<Self, StoreError> {
        Self::spawn(Place::Open(store))
    }

    /// Starts the thread where [`Store::open`] failed with [`StoreError::is_file_system_failure`]. Every call tries again
    /// to open the store and fails where that does; runs count as lost meanwhile. Once it is open, runs that a former
    /// agent left under way are recorded as interrupted, and its actions as uncertain.
    pub fn start_without_store(state_dir: &Path) -> Result<Self, StoreError> {
        Self::spawn(Place::Closed(state_dir.to_owned()))
    }

    fn spawn(place: Place) -> Result<Self, StoreError> {
        let (calls, inbox) = mpsc::channel();
        let (loss_writer, loss) = watch::channel(None);
        let recorder = Recorder { place, doubted: Vec::new(), loss: loss_writer, begun: Vec::new() };
        thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || answer(recorder, &inbox))
            .map_err(|source| StoreError::Thread { source })?;
        Ok(Self { calls, loss })
    }

    /// Runs `work` on the store: any query, or a write other than a run's.
    pub async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.send(|recorder| work(recorder.store()?)).await?
    }

    /// The same; its place among the calls is taken at once, and not when the answer is first awaited.
    pub fn call_now<T, F>(&self, work: F) -> impl Future<Output = Result<T, StoreError>> + Send + use<T, F>
    where
        T: Send + 'static,
        F: FnOnce(&mut Store) -> Result<T, StoreError> + Send + 'static,
    {
        let answer = self.sent(|recorder| work(recorder.store()?));
        async move { answer?.await.map_err(|_| StoreError::Closed)? }
    }

    /// The actions that the store found in doubt when it could be opened at last, each once: whoever takes them says so.
    pub async fn take_doubted(&self) -> Result<Vec<Standing>, StoreError> {
        self.send(|recorder| std::mem::take(&mut recorder.doubted)).await
    }

    /// Records that a run begins; committed when this returns. A failure is in [`UnderWay::id`], the run goes on.
    pub async fn begin_run(&self, start: RunStart) -> UnderWay {
        let begun = start.clone();
        let row = self.send(move |recorder| recorder.store()?.begin_run(&begun)).await.and_then(|row| row);
        UnderWay { start, row }
    }

    /// Records how a run ended. On an error its record is lost, and counted in [`loss`](Self::loss).
    pub async fn finish_run(&self, run: UnderWay, end: RunEnd, memory: Vec<MemoryChange>) -> Result<RunId, StoreError> {
        self.send(move |recorder| recorder.record(&run.start, run.row.ok(), &end, &memory)).await?
    }

    /// Records a run that has ended already. On an error its record is lost, and counted in [`loss`](Self::loss).
    pub async fn record_run(
        &self,
        start: RunStart,
        end: RunEnd,
        memory: Vec<MemoryChange>,
    ) -> Result<RunId, StoreError> {
        self.send(move |recorder| recorder.record(&start, None, &end, &memory)).await?
    }

    /// Prunes whole, letting other calls in between the batches.
    pub async fn prune(&self, retention: Retention, now: Timestamp) -> Result<Pruned, StoreError> {
        let mut total = Pruned::default();
        loop {
            let batch = self.call(move |store| store.prune_batch(&retention, now)).await?;
            total = Pruned { runs: total.runs + batch.runs, samples: total.samples + batch.samples, ..batch };
            if !total.more {
                return Ok(total);
            }
        }
    }

    /// What is being lost: `Some` from the first run that could not be recorded until one is recorded again.
    /// The receiver can be awaited for changes.
    pub fn loss(&self) -> watch::Receiver<Option<Gap>> {
        self.loss.clone()
    }

    /// Answers the calls already made, closes the store, and returns when its file is closed. Later calls fail.
    pub async fn close(self) {
        let (done, closed) = oneshot::channel();
        // Both fail only where the thread has ended already, which is what was asked for.
        if self.calls.send(Call::Close(done)).is_ok() {
            let _ = closed.await;
        }
    }

    async fn send<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Recorder) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        self.sent(work)?.await.map_err(|_| StoreError::Closed)
    }

    fn sent<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Recorder) -> T + Send + 'static,
    ) -> Result<oneshot::Receiver<T>, StoreError> {
        let (reply, answer) = oneshot::channel();
        let work = Box::new(move |recorder: &mut Recorder| {
            // Fails where the caller has gone away. The work is done nonetheless.
            let _ = reply.send(work(recorder));
        });
        self.calls.send(Call::Work(work)).map_err(|_| StoreError::Closed)?;
        Ok(answer)
    }
}

/// The thread's life.
fn answer(mut recorder: Recorder, inbox: &mpsc::Receiver<Call>) {
    for call in inbox {
        match call {
            Call::Work(work) => work(&mut recorder),
            Call::Close(done) => {
                recorder.settle();
                drop(recorder);
                let _ = done.send(());
                return;
            }
        }
    }
}

/// The store, or where it will be once it can be opened.
enum Place {
    Open(Store),
    Closed(PathBuf),
}

impl Place {
    fn store(&mut self, doubted: &mut Vec<Standing>) -> Result<&mut Store, StoreError> {
        if let Self::Closed(state_dir) = self {
            let mut store = Store::open(state_dir)?;
            store.mark_interrupted(Timestamp::now())?;
            doubted.extend(store.doubt_attempts(Timestamp::now())?);
            *self = Self::Open(store);
        }
        match self {
            Self::Open(store) => Ok(store),
            Self::Closed(_) => Err(StoreError::Closed),
        }
    }
}

/// The store, and what could not be written to it.
struct Recorder {
    place: Place,
    /// Actions that were found in doubt when the store could be opened at last, and that nobody was told of yet.
    doubted: Vec<Standing>,
    loss: watch::Sender<Option<Gap>>,
    /// Runs of the loss that stand in the store as under way.
    begun: Vec<RunId>,
}

impl Recorder {
    fn store(&mut self) -> Result<&mut Store, StoreError> {
        self.place.store(&mut self.doubted)
    }

    /// Records a run's end, whole where its beginning was not; counts it as lost where that fails.
    fn record(
        &mut self,
        start: &RunStart,
        begun: Option<RunId>,
        end: &RunEnd,
        memory: &[MemoryChange],
    ) -> Result<RunId, StoreError> {
        let recorded = self.store().and_then(|store| match begun {
            Some(id) => store.finish_run(id, end, memory).map(|()| id),
            None => store.record_run(start, end, memory),
        });
        match &recorded {
            Ok(_) => self.settle(),
            Err(error) => {
                self.begun.extend(begun);
                let message = error.to_string();
                self.loss.send_modify(|loss| *loss = Some(Gap::add(loss.take(), start.started, end.finished, message)));
            }
        }
        recorded
    }

    /// Records the gap, if there is one: once a run was recorded, and at the end. Where that fails, the loss goes on.
    fn settle(&mut self) {
        let Some(gap) = self.loss.borrow().clone() else { return };
        match self.place.store(&mut self.doubted).and_then(|store| store.record_gap(&gap, &self.begun)) {
            Ok(()) => {
                self.begun.clear();
                self.loss.send_replace(None);
            }
            Err(error) => {
                let error = error.to_string();
                self.loss.send_replace(Some(Gap { error, ..gap }));
            }
        }
    }
}
