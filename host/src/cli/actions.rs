//! `pgreeve actions`: the effective policy of every action of every job.

use std::path::Path;

use serde_json::{Value, json};

use super::{Failure, OutputFormat, load, output};
use crate::actions::policy::pace;
use crate::actions::prepare::risk;
use crate::config::{Config, Job, Mode, When};
use crate::plugin::manifest::Action;
use crate::store::Store;

pub(super) fn main(path: &Path, format: OutputFormat) -> Result<u8, Failure> {
    output::quiet_log();
    let loaded = load::runtime()?.block_on(load::load(path, load::StateDir::AsItIs))?;
    let config = &loaded.config;
    let now = jiff::Timestamp::now();
    let note = Store::open_reader(&config.agent.state_dir)
        .and_then(|store| store.note(crate::agent::PAUSE_NOTE))
        .ok()
        .flatten();
    let paused = note.and_then(|note| crate::agent::paused_by(&note.value, now));
    let rows: Vec<Value> = config
        .jobs
        .values()
        .flat_map(|job| job.plugin.manifest.told.actions.iter().map(move |action| row(config, job, action)))
        .collect();
    match format {
        OutputFormat::Json => {
            output::json(&json!({ "enabled": config.actions.enabled, "paused": paused, "actions": rows }))?;
        }
        OutputFormat::Human => {
            if !config.actions.enabled {
                output::line("[actions] enabled is false: nothing is carried out")?;
            }
            if let Some(paused) = paused {
                output::line(&format!("{paused}: nothing is carried out"))?;
            }
            if rows.is_empty() {
                output::line("no job's plugin has an action")?;
            }
            for row in &rows {
                let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
                let limits = row["limits"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_str)
                    .collect::<Vec<_>>()
                    .join(", ");
                output::line(&format!(
                    "{:<20} {:<28} {:<8} risk {:<7} {limits}",
                    text("job"),
                    text("action"),
                    text("policy"),
                    text("risk")
                ))?;
            }
        }
    }
    Ok(0)
}

fn row(config: &Config, job: &Job, action: &Action) -> Value {
    let rule = job.rules.get(&action.id);
    let mode = rule.map_or(Mode::default(), |rule| rule.mode);
    let pace = pace(&config.actions, rule);
    let mut limits = Vec::new();
    if matches!(mode, Mode::Approve | Mode::Auto) {
        limits.push(format!("at most {} per hour", pace.max_per_hour));
        if !pace.cooldown.is_zero() {
            limits.push(format!("{} apart", humantime::format_duration(pace.cooldown)));
        }
        limits.extend(rule.and_then(|rule| rule.only_during.as_ref()).map(|line| format!("only during {line}")));
        limits.extend(rule.and_then(|rule| rule.when).map(|when| match when {
            When::Any => "on any server".to_owned(),
            When::Primary => "on a primary".to_owned(),
            When::Standby => "on a standby".to_owned(),
        }));
    }
    json!({
        "job": job.name, "action": action.id, "title": action.title, "policy": mode.word(), "risk": risk(action.risk),
        "repeatable": action.repeatable, "undone_by": action.undone_by, "limits": limits,
        "max_per_hour": pace.max_per_hour, "cooldown_seconds": pace.cooldown.as_secs(),
    })
}
