//! `pgreeve plugin build`, `pgreeve plugin test` and `pgreeve plugin explain`.

use std::fmt::Debug;
use std::path::{Path, PathBuf};

use super::{FAILED, Failure, OutputFormat, load, output};
use crate::engine::{self, Room};
use crate::plugin::build::BuildOptions;
use crate::plugin::{self, Loader, Source};
use crate::report::{Metric, Outcome};
use crate::run::recording::Recording;

pub(super) fn build(directories: &[PathBuf], out: Option<PathBuf>) -> Result<u8, Failure> {
    let out_dir = out.map(std::path::absolute).transpose()?;
    let options = BuildOptions { target_dir: None, out_dir };
    for directory in directories {
        let file = plugin::build::build(directory, &options)?;
        let size = std::fs::metadata(&file)?.len();
        output::line(&format!("{} ({} KiB)", file.display(), size.div_ceil(1024)))?;
    }
    Ok(0)
}

pub(super) fn test(component: &Path, recordings: &[PathBuf]) -> Result<u8, Failure> {
    output::quiet_log();
    let source = Source::read(component, None)?;
    let (engine, _) = engine::start(Room { runs: 1, memory: 1 << 30 })?;
    let loader = Loader::new(engine, None)?;
    load::runtime()?.block_on(async {
        let plugin = loader.load(&source).await.map_err(|error| format!("{}: {error}", component.display()))?;
        let mut code = 0;
        for file in recordings {
            let recording = Recording::read(file)?;
            let now = recording.replay(&plugin).await;
            let differences = differences(&recording.outcome, &now);
            let word = if differences.is_empty() { "same" } else { "differs" };
            output::line(&format!("{word:<8} {} ({} host calls)", file.display(), recording.exchanges.len()))?;
            for difference in &differences {
                output::line(&format!("  {difference}"))?;
                code = FAILED;
            }
        }
        Ok(code)
    })
}

/// What is not as it was, in lines.
fn differences(then: &Outcome, now: &Outcome) -> Vec<String> {
    let (Outcome::Reported { report: old }, Outcome::Reported { report: new }) = (then, now) else {
        return if then == now { Vec::new() } else { vec![format!("was  {then:?}"), format!("is   {now:?}")] };
    };
    let mut lines = Vec::new();
    compare("finding", &old.findings, &new.findings, |finding| finding.key.clone(), &mut lines);
    let labelled = |metric: &Metric| format!("{} {:?}", metric.name, metric.labels);
    compare("metric", &old.metrics, &new.metrics, labelled, &mut lines);
    compare("proposal", &old.proposals, &new.proposals, |proposal| proposal.action.clone(), &mut lines);
    lines
}

fn compare<T: PartialEq + Debug>(
    what: &str,
    old: &[T],
    new: &[T],
    name: impl Fn(&T) -> String,
    lines: &mut Vec<String>,
) {
    if old == new {
        return;
    }
    let before = lines.len();
    for gone in old.iter().filter(|item| !new.contains(item)) {
        lines.push(format!("was  {what} {}: {gone:?}", name(gone)));
    }
    for added in new.iter().filter(|item| !old.contains(item)) {
        lines.push(format!("is   {what} {}: {added:?}", name(added)));
    }
    if lines.len() == before {
        lines.push(format!("the {what}s are the same in another order or number"));
    }
}

pub(super) fn explain(file: &Path, format: OutputFormat) -> Result<u8, Failure> {
    output::quiet_log();
    let source = Source::read(file, None)?;
    let (engine, _) = engine::start(Room { runs: 1, memory: 64 << 20 })?;
    let loader = Loader::new(engine, None)?;
    let loaded = load::runtime()?.block_on(loader.load(&source));
    let plugin = loaded.map_err(|error| format!("{}: {error}", file.display()))?;
    match format {
        OutputFormat::Human => output::line(plugin::explain::text(&plugin, &source).trim_end())?,
        OutputFormat::Json => output::json(&plugin::explain::as_json(&plugin, &source))?,
    }
    Ok(0)
}
