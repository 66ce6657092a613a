//! The checks of one server, one file per thing that is looked at.

mod clients;
mod cluster;
mod errors;
mod hit;
mod link;
mod memory;
mod persistence;
mod server;
mod slow;

use pgreeve_sdk::{Finding, Metric, Reason, Report, Run, Status, finding, metric};

use super::info::Info;
use super::memory::Since;
use super::observe::Observed;
use super::seen::Seen;
use crate::settings::{Server, Settings};

/// One server as the checks see it.
pub(super) struct View<'a> {
    pub(super) name: &'a str,
    pub(super) seen: &'a Seen,
    pub(super) info: &'a Info,
    pub(super) since: &'a Since,
    pub(super) settings: &'a Settings,
    /// What the settings say of this server.
    pub(super) own: &'a Server,
    /// Microseconds since 1970.
    pub(super) now: i64,
}

impl View<'_> {
    pub(super) fn finding(&self, check: &str, status: Status, summary: impl Into<String>) -> Finding {
        finding(check, self.name, status, summary)
    }

    pub(super) fn ok(&self, check: &str, summary: impl Into<String>) -> Finding {
        self.finding(check, Status::Ok, summary)
    }

    pub(super) fn not_applicable(&self, check: &str, summary: impl Into<String>) -> Finding {
        Finding::not_applicable(check, self.name, summary)
    }

    /// The server does not tell.
    pub(super) fn untold(&self, check: &str, what: &str) -> Finding {
        Finding::unknown(check, self.name, Reason::Unsupported, format!("its INFO does not tell {what}"))
            .advise("the server is older than what this check reads (Redis 6.2), or a service that hides it")
    }

    /// Counters that cannot be compared with the last run's, and why.
    pub(super) fn incomparable(&self, check: &str) -> Option<Finding> {
        let why = self.since.incomparable?;
        Some(
            Finding::unknown(check, self.name, Reason::NoData, format!("not known yet: {why}"))
                .advise("nothing to do: a rate takes two runs, the next one can tell"),
        )
    }

    pub(super) fn metric(&self, name: &str, value: f64, unit: &str) -> Metric {
        metric(name, value, unit, &[("server", self.name)])
    }
}

/// All answers about one server.
pub(crate) fn judge(observed: &Observed, run: &Run<Settings>) -> Report {
    let mut report = Report { findings: Vec::new(), metrics: Vec::new(), proposals: Vec::new() };
    let seen = match &observed.seen {
        Ok(seen) => seen,
        Err(error) => {
            report.findings.push(server::unanswered(&observed.name, error));
            return report;
        }
    };
    let usual = Server::default();
    let view = View {
        name: &observed.name,
        seen,
        info: &seen.info,
        since: &observed.memory.since,
        settings: &run.settings,
        own: run.settings.servers.get(&observed.name).unwrap_or(&usual),
        now: run.now(),
    };
    report.findings.push(server::check(&view));
    if view.info.flag("loading") == Some(true) {
        // Half of its data is there: nothing else means what it says.
        return report;
    }
    report.findings.extend([server::role(&view), link::check(&view)]);
    memory::check(&view, &mut report);
    hit::check(&view, &mut report);
    clients::check(&view, &mut report);
    report.findings.extend([persistence::check(&view), errors::check(&view)]);
    report.findings.extend([slow::log(&view), slow::latency(&view), cluster::check(&view)]);
    report
}
