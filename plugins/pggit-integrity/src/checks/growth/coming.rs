//! Forecasts, in words.

use pgreeve_sdk::{Bytes, Finding, Report, Sample, Seconds, Status};

use super::percent;
use crate::forecast::{Confidence, Crossing, Forecast, Point};
use crate::observe::growth::Seen;
use crate::view::{View, answered, date};

/// Microseconds of a day.
const DAY: f64 = 86_400e6;
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const TOO_SHORT: &str = "too few samples yet: at least four over three days";

pub(super) fn judge(view: &View<'_>, seen: &Seen, report: &mut Report) {
    answered(view, "forecast", &seen.past, report, |[pggit, database, rows], report| {
        let now = view.run.now() as f64 / DAY;
        let with = |past: &[Sample], value: Option<i64>| {
            let mut points: Vec<Point> = past.iter().map(|sample| (sample.at as f64 / DAY, sample.value)).collect();
            points.extend(
                value.filter(|_| points.last().is_none_or(|last| last.0 < now)).map(|value| (now, value as f64)),
            );
            points
        };
        let sizes = seen.sizes.as_ref().ok();
        let pggit = with(pggit, sizes.map(|sizes| sizes.pggit));
        let database = with(database, sizes.map(|sizes| sizes.database));
        report.findings.push(share(view, &pggit, &database));
        report.findings.push(projection(view, &pggit));
        let present = seen.rows.as_ref().and_then(|rows| rows.as_ref().ok()).copied();
        if seen.rows.is_some() {
            report.findings.push(history(view, &with(rows, present)));
        }
    });
}

/// How far pgGit is over its part of the database, which grows in a straight line where both do.
fn share(view: &View<'_>, pggit: &[Point], database: &[Point]) -> Finding {
    let settings = view.settings();
    let over: Vec<Point> = pggit
        .iter()
        .filter_map(|(at, own)| {
            let all = database.iter().find(|(other, _)| other == at)?;
            Some((*at, own - settings.share_warning * all.1))
        })
        .collect();
    let Some(forecast) = Forecast::of(&over) else { return unknown(view, "forecast", "share") };
    let crossing = forecast.passes(0.0);
    // As long as it is small, its part does not matter.
    let large = Forecast::of(pggit).and_then(|own| own.passes(settings.share_from.0 as f64));
    let crossing = crossing.zip(large).map(|(one, other)| if one.at >= other.at { one } else { other });
    let limit = format!("over {} of the database", percent(settings.share_warning));
    said(view, "share", &limit, &forecast, crossing)
}

fn history(view: &View<'_>, rows: &[Point]) -> Finding {
    let settings = view.settings();
    let Some(forecast) = Forecast::of(rows) else { return unknown(view, "forecast", "history") };
    let now = rows.last().map_or(0.0, |last| last.1);
    let limit =
        if now < settings.history_warning as f64 { settings.history_warning } else { settings.history_critical };
    if now >= limit as f64 {
        return view.ok("forecast", "history", format!("the history has passed {limit} rows: see history-size"));
    }
    said(view, "history", &format!("history over {limit} rows"), &forecast, forecast.passes(limit as f64))
}

fn said(view: &View<'_>, object: &str, limit: &str, forecast: &Forecast, crossing: Option<Crossing>) -> Finding {
    let confidence = match forecast.confidence {
        Confidence::Low => "low",
        Confidence::Medium => "medium",
        Confidence::High => "high",
    };
    let span = Seconds(forecast.span * 86_400.0);
    let method = format!(
        "median of the slopes between all pairs of samples of {span}, single steps left out; {:.0} a day, 90 % interval {:.0} to {:.0}",
        forecast.slope, forecast.least, forecast.most
    );
    let Some(crossing) = crossing else {
        let reach = Seconds(forecast.span * 4.0 * 86_400.0);
        return view.ok("forecast", object, format!("not {limit} within {reach}")).explain(method);
    };
    let latest = crossing.latest.map_or("or never".to_owned(), |latest| format!("to {}", day(latest)));
    let summary =
        format!("{limit} on {} ({} {latest}; {confidence} confidence)", day(crossing.at), day(crossing.earliest));
    let soon = crossing.at - view.run.now() as f64 / DAY <= view.settings().forecast_warning.0 / 86_400.0;
    let answer = if soon && forecast.confidence >= Confidence::Medium {
        view.finding("forecast", object, Status::Warning, summary)
            .advise("plan for it: archive old history (action archive-history), make room, or raise the threshold")
    } else {
        view.ok("forecast", object, summary)
    };
    answer.explain(method)
}

/// What the older half of the samples made one expect, against what is.
fn projection(view: &View<'_>, pggit: &[Point]) -> Finding {
    let tolerance = view.settings().projection_tolerance;
    let (Some(first), Some(last)) = (pggit.first(), pggit.last()) else { return unknown(view, "projection", "") };
    let middle = f64::midpoint(first.0, last.0);
    let older: Vec<Point> = pggit.iter().copied().filter(|(at, _)| *at <= middle).collect();
    let Some(forecast) = Forecast::of(&older) else { return unknown(view, "projection", "") };
    let expected = forecast.value(last.0).max(1.0);
    let off = (last.1 - expected) / expected;
    let size = |value: f64| Bytes(value.max(0.0) as u64);
    let what = format!("pgGit has {}, where {} was projected on {}", size(last.1), size(expected), day(middle));
    if off.abs() <= tolerance || last.1.max(expected) < view.settings().share_from.0 as f64 {
        return view.ok("projection", "", what);
    }
    let way = if off > 0.0 { "more" } else { "less" };
    view.finding("projection", "", Status::Warning, format!("{what}: {} {way}", percent(off.abs()))).advise(
        "look what grew or was removed: SELECT oid::regclass, pg_size_pretty(pg_total_relation_size(oid)) FROM pg_class WHERE \
         relkind = 'r' AND relnamespace = 'pggit'::regnamespace ORDER BY pg_total_relation_size(oid) DESC LIMIT 10;",
    )
}

fn unknown(view: &View<'_>, check: &str, object: &str) -> Finding {
    // Nobody has to do anything about it, so it is no complaint: the question cannot be asked yet.
    view.not_applicable(check, object, TOO_SHORT)
}

/// A day, as `3 March 2027`.
fn day(at: f64) -> String {
    let (year, month, day) = date(at.floor() as i64);
    let name = MONTHS.get((month - 1).try_into().unwrap_or(0)).copied().unwrap_or_default();
    format!("{day} {name} {year}")
}
