//! `pgreeve plugin build`, `pgreeve plugin test` and `pgreeve plugin explain`.

use std::fmt::Debug;
use std::path::{Path, PathBuf};

use super::{FAILED, Failure, OutputFormat, load, output};
use crate::config::Draft;
use crate::engine::{self, Room};
use crate::plugin::build::BuildOptions;
use crate::plugin::cache::Cache;
use crate::plugin::manifest::word;
use crate::plugin::{self, Loader, Source};
use crate::report::verdict::verdict;
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

pub(super) fn test(component: &Path, recordings: &[PathBuf], cache: Option<&Path>) -> Result<u8, Failure> {
    output::quiet_log();
    let (plugin, _) = loaded(component, cache)?;
    load::runtime()?.block_on(async {
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
        let told = |outcome: &Outcome| format!("{}: {}", outcome.word(), verdict(outcome).1);
        return if then == now {
            Vec::new()
        } else {
            vec![format!("was  {}", told(then)), format!("is   {}", told(now))]
        };
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

pub(super) fn explain(
    file: &Path,
    config: Option<&Path>,
    cache: Option<&Path>,
    format: OutputFormat,
) -> Result<u8, Failure> {
    output::quiet_log();
    let (plugin, source) = loaded(file, cache)?;
    let jobs = config.map(|config| standing(&plugin, file, config)).transpose()?;
    match format {
        OutputFormat::Human => {
            output::line(plugin::explain::text(&plugin, &source).trim_end())?;
            for (config, jobs) in config.iter().zip(&jobs) {
                output::line(&format!("\nIn {}", config.display()))?;
                for job in jobs {
                    output::line(&format!("  {:<20} {}", job.name, job.words()))?;
                }
                if jobs.is_empty() {
                    output::line("  no job runs it")?;
                }
            }
        }
        OutputFormat::Json => {
            let mut value = plugin::explain::as_json(&plugin, &source);
            if let (Some(jobs), Some(fields)) = (jobs, value.as_object_mut()) {
                fields.insert("jobs".to_owned(), serde_json::to_value(jobs)?);
            }
            output::json(&value)?;
        }
    }
    Ok(0)
}

pub(super) fn explain_newer(old: &Path, new: &Path, cache: Option<&Path>, format: OutputFormat) -> Result<u8, Failure> {
    output::quiet_log();
    let ((old, _), (new, _)) = (loaded(old, cache)?, loaded(new, cache)?);
    match format {
        OutputFormat::Human => output::line(&plugin::difference::text(&old, &new))?,
        OutputFormat::Json => output::json(&plugin::difference::as_json(&old, &new))?,
    }
    Ok(0)
}

/// A plugin by itself. Without a cache it is compiled each time: nothing that this user did not name is written.
fn loaded(file: &Path, cache: Option<&Path>) -> Result<(plugin::Plugin, Source), Failure> {
    let source = Source::read(file, None)?;
    let (engine, _) = engine::start(Room { runs: 1, memory: 64 << 20 })?;
    let cache = cache.map(Cache::open).transpose()?;
    let loaded = load::runtime()?.block_on(Loader::new(engine, cache)?.load(&source));
    let plugin = loaded.map_err(|error| format!("{}: {error}", file.display()))?;
    Ok((plugin, source))
}

/// How one job's grants stand to what its plugin wants.
#[derive(serde::Serialize)]
struct Standing {
    name: String,
    wanted_not_granted: Vec<&'static str>,
    granted_not_wanted: Vec<&'static str>,
}

impl Standing {
    fn words(&self) -> String {
        let mut words = Vec::new();
        if !self.wanted_not_granted.is_empty() {
            words.push(format!("wanted, not granted: {}", self.wanted_not_granted.join(", ")));
        }
        if !self.granted_not_wanted.is_empty() {
            words.push(format!("granted, not wanted: {}", self.granted_not_wanted.join(", ")));
        }
        if words.is_empty() { "is granted what it wants".to_owned() } else { words.join("; ") }
    }
}

/// The jobs of a configuration that run this file, or a plugin of its name.
fn standing(plugin: &plugin::Plugin, file: &Path, config: &Path) -> Result<Vec<Standing>, Failure> {
    let text = load::text(config)?;
    let draft = Draft::read(config, &text);
    let told = &plugin.manifest.told;
    let wanted: Vec<&'static str> = told.wants.iter().map(|want| word(want.capability)).collect();
    let jobs = draft.jobs_of(file, &told.name).into_iter().map(|(name, granted)| Standing {
        name,
        wanted_not_granted: wanted.iter().copied().filter(|want| !granted.contains(want)).collect(),
        granted_not_wanted: granted.into_iter().filter(|grant| !wanted.contains(grant)).collect(),
    });
    Ok(jobs.collect())
}
