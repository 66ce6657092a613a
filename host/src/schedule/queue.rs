//! Which job starts now, which waits for a slot and which is skipped. A heap holds one entry per job, so a start costs
//! O(log n) and a tick with nothing due costs nothing.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap, HashSet};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{CatchUp, JobPlan, Planned};

/// The daemon sleeps no longer than this at a stretch: its timer does not notice that the clock was set or the host slept.
pub const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// A start that comes later than this after its planned instant counts as missed, and [`CatchUp`] decides.
/// Waiting for a slot is not lateness.
pub const LATE: SignedDuration = SignedDuration::from_secs(60);

/// A clock set back by up to this much repeats no due time: the schedule waits until the clock has caught up. One set back
/// further was wrong before, and the schedule starts anew from the new time: no check may stay blind for longer than this.
pub const CORRECTION: SignedDuration = SignedDuration::from_hours(1);

/// What the caller has to do or to record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Start a run. The job counts as running until [`Schedule::finished`].
    Start {
        /// The job's name.
        job: Arc<str>,
        /// The due time that the run is for.
        due: Timestamp,
        /// The first of the due times that passed unserved during downtime, if any did: this run stands for them too.
        missed_since: Option<Timestamp>,
    },
    /// Start a run that somebody asked for; it answers no due time. The job counts as running until [`Schedule::finished`].
    StartAsked {
        /// The job's name.
        job: Arc<str>,
    },
    /// No run for this due time.
    Skip {
        /// The job's name.
        job: Arc<str>,
        /// The due time that gets no run. After downtime the latest of them: one event stands for all.
        due: Timestamp,
        /// Why.
        reason: SkipReason,
    },
}

/// Why a due time gets no run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SkipReason {
    /// The job's previous run has not ended.
    #[error("the previous run is still going")]
    StillRunning,
    /// The job has been due before and still waits for one of the agent's slots.
    #[error(
        "the run due before this one still waits for a slot; raise the limit of concurrent runs or shorten the runs"
    )]
    WaitingForSlot,
    /// Somebody asked for a run, which still waits for one of the agent's slots.
    #[error(
        "a run that somebody asked for still waits for a slot; raise the limit of concurrent runs or shorten the runs"
    )]
    AskedWaits,
    /// The agent was down, the host asleep or the clock set forward, and the job says `catch_up = "never"`.
    #[error(
        "missed since {since}, for the agent was down, the host asleep or the clock set forward; the job does not catch up"
    )]
    Missed {
        /// The first due time missed.
        since: Timestamp,
    },
}

/// Why a run that somebody asked for is not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotNow {
    /// The schedule has no such job.
    #[error("there is no such job")]
    Unknown,
    /// Its run is under way.
    #[error("a run of it is under way")]
    Running,
    /// Its run waits for a slot.
    #[error("a run of it waits for a slot already")]
    Waiting,
}

/// All jobs, their next due times, and the runs under way.
#[derive(Debug)]
pub struct Schedule {
    max_running: NonZeroUsize,
    jobs: Vec<Job>,
    by_name: HashMap<Arc<str>, usize>,
    /// Earliest start first, one entry for each job that has a `next`.
    upcoming: BinaryHeap<Reverse<(Timestamp, Timestamp, usize)>>,
    /// Due, but over the limit: earliest due first. No job is in here twice.
    waiting: BTreeSet<(Timestamp, usize)>,
    /// By name, for a run outlasts the reload that drops its job.
    running: HashSet<Arc<str>>,
    /// Jobs that leave one slot to the others.
    suspects: HashSet<Arc<str>>,
    /// The latest instant seen; [`CORRECTION`] is measured from it.
    latest_now: Timestamp,
}

#[derive(Debug)]
struct Job {
    name: Arc<str>,
    plan: JobPlan,
    next: Option<Planned>,
    /// Set when due times before `next` were missed and its run is to stand for them.
    missed_since: Option<Timestamp>,
    /// The latest due time that became an event or waits.
    handled: Option<Timestamp>,
    waits: Option<Waiting>,
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    due: Timestamp,
    missed_since: Option<Timestamp>,
    /// Somebody asked for it: `due` is when.
    asked: bool,
}

impl Schedule {
    /// The schedule of an agent that starts. `last_due` is the latest due time that the store holds for a job, counting
    /// its [`Event::Start`]s and its skips as [`SkipReason::Missed`], not the other skips; due times since then were missed.
    /// A job that the store does not know has missed nothing. `max_running` bounds the runs under way.
    pub fn new(
        max_running: NonZeroUsize,
        jobs: Vec<JobPlan>,
        last_due: impl Fn(&str) -> Option<Timestamp>,
        now: Timestamp,
    ) -> Self {
        let jobs = jobs.into_iter().map(|plan| {
            // A due time from a clock that ran far ahead would silence the job until then.
            let handled = last_due(&plan.name).filter(|due| !was_wrong(*due, now));
            let next = plan.next_after(handled.unwrap_or(now));
            Job { name: plan.name.as_str().into(), plan, next, missed_since: None, handled, waits: None }
        });
        let mut schedule = Self {
            max_running,
            jobs: jobs.collect(),
            by_name: HashMap::new(),
            upcoming: BinaryHeap::new(),
            waiting: BTreeSet::new(),
            running: HashSet::new(),
            suspects: HashSet::new(),
            latest_now: now,
        };
        schedule.index();
        schedule
    }

    /// Takes over a changed configuration. Runs under way stay counted, also those of dropped jobs; an unchanged job keeps
    /// its next due time, a waiting one its place. A new or changed job comes due after `now`: a reload is no downtime.
    /// A higher limit may let waiting runs start.
    pub fn reload(&mut self, max_running: NonZeroUsize, jobs: Vec<JobPlan>, now: Timestamp) -> Vec<Event> {
        self.max_running = max_running;
        let mut old: HashMap<Arc<str>, Job> = self.jobs.drain(..).map(|job| (Arc::clone(&job.name), job)).collect();
        self.jobs = jobs
            .into_iter()
            .map(|plan| match old.remove(plan.name.as_str()) {
                Some(job) if job.plan == plan => job,
                Some(job) => {
                    let next = plan.next_after(job.handled.map_or(now, |handled| handled.max(now)));
                    Job { plan, next, missed_since: None, ..job }
                }
                None => {
                    let next = plan.next_after(now);
                    Job { name: plan.name.as_str().into(), plan, next, missed_since: None, handled: None, waits: None }
                }
            })
            .collect();
        self.index();
        let mut events = Vec::new();
        self.fill_slots(&mut events);
        events
    }

    /// Whether a job is one of those that together never take the last slot, as long as there is more than one: so jobs whose plugins hang or
    /// loop until their limits end them cannot keep the others waiting.
    pub fn suspect(&mut self, job: &str, suspect: bool) {
        if suspect {
            self.suspects.insert(job.into());
        } else {
            self.suspects.remove(job);
        }
    }

    /// When [`take_due`](Self::take_due) will have something to do. `None` when nothing is planned.
    pub fn next_wake(&self) -> Option<Timestamp> {
        self.upcoming.peek().map(|Reverse((start, ..))| *start)
    }

    /// Everything that has come due by `now`. Call it as often as you like: each due time is answered once.
    pub fn take_due(&mut self, now: Timestamp) -> Vec<Event> {
        if was_wrong(self.latest_now, now) {
            self.start_anew(now);
        }
        self.latest_now = self.latest_now.max(now);
        let mut events = Vec::new();
        while let Some(&Reverse((start, _, at))) = self.upcoming.peek()
            && start <= now
        {
            self.upcoming.pop();
            self.come_due(at, now, &mut events);
        }
        self.fill_slots(&mut events);
        events
    }

    /// The job's run has ended, however it ended. Its slot goes to the run that waits longest. A job that was not running
    /// frees nothing.
    pub fn finished(&mut self, job: &str) -> Vec<Event> {
        let mut events = Vec::new();
        self.running.remove(job);
        self.fill_slots(&mut events);
        events
    }

    /// Somebody wants a run of this job now. It starts at once, or waits for a slot as if it had come due now; the schedule goes on as before.
    pub fn ask(&mut self, job: &str, now: Timestamp) -> Result<Vec<Event>, NotNow> {
        let at = *self.by_name.get(job).ok_or(NotNow::Unknown)?;
        if self.running.contains(job) {
            return Err(NotNow::Running);
        }
        let job = self.jobs.get_mut(at).ok_or(NotNow::Unknown)?;
        if job.waits.is_some() {
            return Err(NotNow::Waiting);
        }
        job.waits = Some(Waiting { due: now, missed_since: None, asked: true });
        self.waiting.insert((now, at));
        let mut events = Vec::new();
        self.fill_slots(&mut events);
        Ok(events)
    }

    /// The due jobs that wait for a slot, in their order, each since when it is due.
    pub fn waiting_jobs(&self) -> impl Iterator<Item = (&str, Timestamp)> {
        self.waiting.iter().filter_map(|(due, at)| Some((&*self.jobs.get(*at)?.name, *due)))
    }

    /// Whether the job is one of those.
    pub fn waits(&self, job: &str) -> bool {
        self.by_name.get(job).and_then(|at| self.jobs.get(*at)).is_some_and(|job| job.waits.is_some())
    }

    /// Counts a job as running, for something that it does beside its schedule, also above the limit: that a person waits for. Until
    /// [`finished`](Self::finished). False if it runs already, or is not in the schedule.
    pub fn occupy(&mut self, job: &str) -> bool {
        let Some(name) = self.by_name.get_key_value(job).map(|(name, _)| Arc::clone(name)) else { return false };
        self.running.insert(name)
    }

    /// The job's next due time and start. `None` for a job that is not in the schedule.
    pub fn upcoming(&self, job: &str) -> Option<Planned> {
        self.jobs.get(*self.by_name.get(job)?)?.next
    }

    /// How many runs are under way.
    pub fn running(&self) -> usize {
        self.running.len()
    }

    /// How many due runs wait for a slot.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    fn come_due(&mut self, at: usize, now: Timestamp, events: &mut Vec<Event>) {
        let Some(job) = self.jobs.get_mut(at) else { return };
        let Some(planned) = job.next else { return };
        let mut run = planned;
        let mut following = job.plan.next_after(planned.due);
        if following.is_some_and(|following| following.due <= now) {
            // Downtime: of all that passed, the latest stands for the rest.
            let due = job.plan.latest_due(planned.due, now);
            run = Planned { due, start: job.plan.start(due) };
            job.missed_since = job.missed_since.or(Some(planned.due));
            if run.start > now {
                job.next = Some(run);
                self.upcoming.push(Reverse((run.start, run.due, at)));
                return;
            }
            following = job.plan.next_after(due);
        }
        let missed_since = job.missed_since.take();
        job.next = following;
        job.handled = Some(run.due);
        if let Some(next) = following {
            self.upcoming.push(Reverse((next.start, next.due, at)));
        }
        let reason = if self.running.contains(&job.name) {
            SkipReason::StillRunning
        } else if let Some(waits) = job.waits {
            if waits.asked { SkipReason::AskedWaits } else { SkipReason::WaitingForSlot }
        } else if job.plan.catch_up == CatchUp::Never && now.duration_since(run.start) > LATE {
            SkipReason::Missed { since: missed_since.unwrap_or(run.due) }
        } else {
            job.waits = Some(Waiting { due: run.due, missed_since, asked: false });
            self.waiting.insert((run.due, at));
            return;
        };
        events.push(Event::Skip { job: Arc::clone(&job.name), due: run.due, reason });
    }

    fn fill_slots(&mut self, events: &mut Vec<Event>) {
        while self.running.len() < self.max_running.get()
            && let Some((due, at)) = self.first_waiting()
        {
            self.waiting.remove(&(due, at));
            let Some(job) = self.jobs.get_mut(at) else { continue };
            let Some(Waiting { missed_since, asked, .. }) = job.waits.take() else { continue };
            let name = Arc::clone(&job.name);
            self.running.insert(Arc::clone(&name));
            events.push(match asked {
                true => Event::StartAsked { job: name },
                false => Event::Start { job: name, due, missed_since },
            });
        }
    }

    /// The run that waits longest and may have a slot.
    fn first_waiting(&self) -> Option<(Timestamp, usize)> {
        let is_suspect = |at: usize| self.jobs.get(at).is_some_and(|job| self.suspects.contains(&job.name));
        let first = *self.waiting.first()?;
        if !is_suspect(first.1) {
            return Some(first);
        }
        let for_suspects = (self.max_running.get() - 1).max(1);
        let full = self.running.iter().filter(|job| self.suspects.contains(*job)).count() >= for_suspects;
        self.waiting.iter().find(|(_, at)| !full || !is_suspect(*at)).copied()
    }

    /// After a clock correction: what was handled by the wrong clock no longer counts.
    fn start_anew(&mut self, now: Timestamp) {
        self.latest_now = now;
        for job in &mut self.jobs {
            job.next = job.plan.next_after(now);
            job.missed_since = None;
            job.handled = None;
        }
        self.index();
    }

    /// Rebuilds everything that refers to jobs by their place in `jobs`.
    fn index(&mut self) {
        let jobs = || self.jobs.iter().enumerate();
        self.by_name = jobs().map(|(at, job)| (Arc::clone(&job.name), at)).collect();
        self.upcoming =
            jobs().filter_map(|(at, job)| job.next.map(|next| Reverse((next.start, next.due, at)))).collect();
        self.waiting = jobs().filter_map(|(at, job)| job.waits.map(|waits| (waits.due, at))).collect();
    }
}

/// Whether a clock that showed `earlier_shown` and shows `now` was set back so far that it must have been wrong.
fn was_wrong(earlier_shown: Timestamp, now: Timestamp) -> bool {
    earlier_shown.duration_since(now) > CORRECTION
}
