//! The checks, one file per thing that is looked at. Each is a pure function from what was seen, what is remembered and
//! the settings to findings; each gives an answer on every server, if only that it does not apply.

mod archiver;
mod lag;
mod limits;
mod primary;
mod receiver;
mod replay;
mod server;
mod slots;
mod standbys;
mod subscribers;
mod subscriptions;
mod sync;
#[cfg(test)]
mod tests;
mod xmin;

use pgreeve_sdk::{Error, Finding, Metric};

use crate::view::View;

pub(crate) use standbys::settle_expected;

/// The answer for a scope of which nothing could be seen.
pub(crate) fn unreachable(scope: &str, several: bool, error: &Error) -> Finding {
    server::unreachable(scope, several, error)
}

/// All answers about one scope.
pub(crate) fn all(view: &View<'_>) -> (Vec<Finding>, Vec<Metric>) {
    let mut findings = server::check(view);
    let mut metrics = Vec::new();
    if view.seen.changed_role() {
        return (findings, metrics);
    }
    findings.extend(receiver::check(view));
    findings.extend(replay::check(view));
    findings.extend(lag::commit_age(view));
    findings.extend(standbys::expected(view));
    findings.extend(subscribers::check(view));
    findings.extend(subscriptions::check(view));
    findings.extend(xmin::check(view, &mut metrics));
    findings.extend(sync::check(view));
    findings.extend(limits::check(view));
    for (more, numbers) in
        [lag::check(view), primary::check(view), standbys::check(view), slots::check(view), archiver::check(view)]
    {
        findings.extend(more);
        metrics.extend(numbers);
    }
    (findings, metrics)
}
