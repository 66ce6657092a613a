//! `pgreeve metrics`: what is measured; and of one metric how it went, drawn. Of the agent, if one runs; otherwise of what it left.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::Value;

use super::agent::{self, Answer};
use super::{Failure, OutputFormat, load, output, plot};
use crate::serve::metrics::{Steps, page};
use crate::store::{SeriesFilter, Store};

/// Which.
pub(super) struct Wanted {
    pub(super) metric: Option<String>,
    pub(super) job: Option<String>,
    pub(super) labels: Vec<(String, String)>,
    pub(super) since: Duration,
}

/// A series as the API gives it.
#[derive(Deserialize)]
struct Series {
    job: String,
    metric: String,
    labels: BTreeMap<String, String>,
    unit: String,
    at: String,
    value: f64,
    #[serde(default)]
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    at: Timestamp,
    least: f64,
    most: f64,
}

/// The most series of which one call tells.
const MOST: usize = 10_000;
/// The most that are drawn; more than a person looks through.
const DRAWN: usize = 12;

pub(super) fn main(path: &Path, wanted: &Wanted, format: OutputFormat) -> Result<u8, Failure> {
    output::quiet_log();
    let general = load::general(path)?;
    let since = SignedDuration::try_from(wanted.since).ok().and_then(|time| Timestamp::now().checked_sub(time).ok());
    let since = since.ok_or_else(|| Failure::from("--since reaches back too far: try 30d".to_owned()))?;
    let drawn = wanted.metric.is_some();
    let (since_text, steps) = (since.to_string(), plot::STEPS.to_string());
    let told = agent::ask(&general, async |client| {
        let mut query = Vec::new();
        query.extend(wanted.job.as_deref().map(|job| ("job", job)));
        query.extend(wanted.metric.as_deref().map(|metric| ("metric", metric)));
        if drawn {
            query.extend([("since", since_text.as_str()), ("steps", steps.as_str())]);
        }
        Ok(client.list("/v1/metrics", &query, "metrics", MOST).await?.items)
    })?;
    let (mut series, absent) = match told {
        Answer::Agent(series) => (series, None),
        Answer::Nobody(absent) => {
            let filter =
                SeriesFilter { job: wanted.job.clone(), metric: wanted.metric.clone(), after: None, limit: MOST };
            let cut = drawn.then(|| Steps::between(since, Timestamp::now(), plot::STEPS));
            let left = Store::open_reader(&general.agent.state_dir).and_then(|store| page(&store, &filter, cut));
            let mut left = left.map_err(|error| format!("{}, and what it left cannot be read: {error}", absent.why))?;
            let series = left.get_mut("metrics").and_then(Value::as_array_mut).map(std::mem::take);
            (series.unwrap_or_default(), Some(absent))
        }
    };
    if series.is_empty() {
        general.knows(wanted.job.as_deref())?;
    }
    series.retain(|series| {
        let label = |name: &str| series.get("labels")?.get(name)?.as_str();
        wanted.labels.iter().all(|(name, value)| label(name) == Some(value))
    });
    if let OutputFormat::Json = format {
        let document = agent::told(serde_json::json!({ "metrics": series }), absent.as_ref());
        return output::json(&document).map(|()| 0);
    }
    if let Some(absent) = absent {
        absent.note("this is what the last one left");
    }
    let series: Vec<Series> = series.into_iter().map(serde_json::from_value).collect::<Result<_, _>>()?;
    let zone = &general.agent.timezone;
    let chosen = drawn || wanted.job.is_some() || !wanted.labels.is_empty();
    match (series.is_empty(), drawn) {
        (true, _) if chosen => output::line("no such number is kept; `pgreeve metrics` lists those that are")?,
        (true, _) => output::line("nothing is measured yet: metrics come with the reports of runs")?,
        (false, true) => draw(&series, since, zone)?,
        (false, false) => list(&series, zone)?,
    }
    Ok(0)
}

fn list(series: &[Series], zone: &TimeZone) -> Result<(), Failure> {
    let rows: Vec<Vec<String>> = series.iter().map(|series| row(series, zone)).collect();
    output::table(&["JOB", "METRIC", "OF", "NEWEST", "AT"], &rows)
}

fn row(series: &Series, zone: &TimeZone) -> Vec<String> {
    let newest = plot::amount(series.value, &series.unit);
    vec![series.job.clone(), series.metric.clone(), of(series), newest, output::time_text(&series.at, zone)]
}

fn of(series: &Series) -> String {
    series.labels.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}

fn draw(series: &[Series], since: Timestamp, zone: &TimeZone) -> Result<(), Failure> {
    let step = Steps::between(since, Timestamp::now(), plot::STEPS).each;
    for one in series.iter().take(DRAWN) {
        let newest = plot::amount(one.value, &one.unit);
        let head = [one.job.as_str(), &one.metric, &of(one)].join(" ");
        let at = output::time_text(&one.at, zone);
        output::line(&output::painted(&format!("{}: {newest} at {at}", head.trim_end()), "1"))?;
        let steps: Vec<plot::Step> =
            one.steps.iter().map(|step| plot::Step { at: step.at, least: step.least, most: step.most }).collect();
        match steps.is_empty() {
            true => output::line("  not measured in this time\n")?,
            false => output::line(&format!("{}\n", plot::plot(&steps, since, step, &one.unit, zone)))?,
        }
    }
    match series.len().saturating_sub(DRAWN) {
        0 => Ok(()),
        more => {
            output::line(&format!("{more} more; --job and --label name=value choose, and so does `pgreeve metrics`"))
        }
    }
}
