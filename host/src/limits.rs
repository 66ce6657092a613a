//! What one run may use, and the error that says which limit it broke. Every limit is on by default.

use std::time::Duration;

use wasmtime::ResourceLimiter;

use crate::engine::{MOST_INSTANCES, MOST_MEMORIES, MOST_TABLES, TICK};

/// Limits of one run. The keys of `[limits]` in agent.toml are these names; a job may have its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Linear memory of the guest, all its memories together, in bytes. Default 64 MiB.
    pub memory: u64,
    /// Elements of each of the guest's tables. Default 20,000, which is also the most.
    pub table_elements: u32,
    /// Core instances. Default 50, which is also the most.
    pub instances: u32,
    /// Linear memories. Default 8, which is also the most.
    pub memories: u32,
    /// Tables. Default 16, which is also the most.
    pub tables: u32,
    /// Wall-clock time from the call to the report, host calls included. Default 60 s.
    pub wall: Duration,
    /// Time in which the guest itself computes, in steps of 10 ms. Default 10 s.
    pub cpu: Duration,
    /// Host calls. Default 10,000.
    pub calls: u32,
    /// Open handles (cursors) at a time. Default 64.
    pub handles: u32,
    /// Bytes that one host call may carry from the guest. Default 8 MiB.
    pub call_bytes: u64,
    /// Bytes of values in one answer of the host. Default 8 MiB.
    pub answer_bytes: u64,
    /// Rows that all queries of the run may return together. Default 100,000.
    pub rows: u64,
    /// Bytes that the run may receive through each capability; from servers, as they come over the wire. Default 16 MiB.
    pub bytes: u64,
    /// Bytes of log lines, 64 more for each; what is over is dropped and counted. Default 64 KiB.
    pub log: u64,
    /// Findings in a report. Default 1,000.
    pub findings: u32,
    /// Metrics in a report. Default 5,000.
    pub metrics: u32,
    /// Proposals in a report. Default 100.
    pub proposals: u32,
    /// Bytes of all texts in a report together. Default 1 MiB.
    pub report_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 64 << 20,
            table_elements: 20_000,
            instances: MOST_INSTANCES,
            memories: MOST_MEMORIES,
            tables: MOST_TABLES,
            wall: Duration::from_secs(60),
            cpu: Duration::from_secs(10),
            calls: 10_000,
            handles: 64,
            call_bytes: 8 << 20,
            answer_bytes: 8 << 20,
            rows: 100_000,
            bytes: 16 << 20,
            log: 64 << 10,
            findings: 1_000,
            metrics: 5_000,
            proposals: 100,
            report_bytes: 1 << 20,
        }
    }
}

/// Those that matter most to who installs a plugin, in one line.
impl std::fmt::Display for Limits {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            out,
            "{} of memory, {} computing in {}, {} host calls, {} received through each capability",
            bytesize::ByteSize(self.memory),
            humantime::format_duration(self.cpu),
            humantime::format_duration(self.wall),
            self.calls,
            bytesize::ByteSize(self.bytes)
        )
    }
}

/// A run went over one of its limits and was ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "went over its limit of {limit} ({allowed}); raise `{limit}` in [limits] or in the job's own limits if the plugin is right"
)]
pub struct LimitBroken {
    /// The key in `[limits]`.
    pub limit: &'static str,
    /// The limit as it stands, in words.
    pub allowed: String,
}

impl LimitBroken {
    /// A broken limit by its key, and what was allowed.
    pub fn new(limit: &'static str, allowed: impl std::fmt::Display) -> Self {
        Self { limit, allowed: allowed.to_string() }
    }
}

/// Counts what a running guest uses.
#[derive(Debug, Default)]
pub struct Usage {
    memory: usize,
    ticks: u128,
    calls: u32,
    /// How long the guest has waited for the host in the present epoch.
    waited: Duration,
}

/// The limits of a run together with what it has used.
#[derive(Debug)]
pub struct Meter {
    /// The limits.
    pub limits: Limits,
    used: Usage,
}

impl Meter {
    /// Nothing used yet.
    pub fn new(limits: Limits) -> Self {
        Self { limits, used: Usage::default() }
    }

    /// Counts one host call.
    pub fn call(&mut self) -> Result<(), LimitBroken> {
        self.used.calls = self.used.calls.saturating_add(1);
        self.within_calls()
    }

    fn within_calls(&self) -> Result<(), LimitBroken> {
        if self.used.calls > self.limits.calls {
            return Err(LimitBroken::new("calls", format_args!("{} host calls", self.limits.calls)));
        }
        Ok(())
    }

    /// Counts a call of WASI, whose functions cannot end the run themselves: [`tick`](Self::tick) does.
    pub fn wasi(&mut self) {
        self.used.calls = self.used.calls.saturating_add(1);
    }

    /// A host call that took so long returns.
    pub fn waited(&mut self, elapsed: Duration) {
        self.used.waited = self.used.waited.saturating_add(elapsed);
    }

    /// Counts one epoch, unless the guest waited for the host during most of it. A quick call now and then hides no computing.
    pub fn tick(&mut self) -> Result<(), LimitBroken> {
        self.within_calls()?;
        if std::mem::take(&mut self.used.waited) >= TICK / 2 {
            return Ok(());
        }
        self.used.ticks += 1;
        if self.used.ticks * TICK.as_millis() > self.limits.cpu.as_millis() {
            return Err(LimitBroken::new("cpu", humantime::format_duration(self.limits.cpu)));
        }
        Ok(())
    }
}

impl ResourceLimiter for Meter {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let total = self.used.memory.saturating_add(desired.saturating_sub(current));
        if total as u64 > self.limits.memory {
            return Err(LimitBroken::new("memory", bytesize::ByteSize(self.limits.memory)).into());
        }
        self.used.memory = total;
        Ok(true)
    }

    fn instances(&self) -> usize {
        self.limits.instances as usize
    }

    fn memories(&self) -> usize {
        self.limits.memories as usize
    }

    fn tables(&self) -> usize {
        self.limits.tables as usize
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        if desired as u64 > u64::from(self.limits.table_elements) {
            return Err(LimitBroken::new("table_elements", self.limits.table_elements).into());
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_is_not_computing_and_quick_calls_do_not_hide_computing() {
        let meter = || Meter::new(Limits { cpu: TICK * 5, ..Limits::default() });
        let ticks = |mut meter: Meter, waited: Duration| {
            (0..100)
                .take_while(|_| {
                    meter.waited(waited);
                    meter.tick().is_ok()
                })
                .count()
        };
        assert_eq!(ticks(meter(), Duration::ZERO), 5);
        assert_eq!(ticks(meter(), Duration::from_micros(50)), 5);
        assert_eq!(ticks(meter(), TICK), 100);
    }
}
