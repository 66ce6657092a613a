//! `pgreeve actions`: the effective policy of every action of every job.

use std::path::Path;

use serde_json::{Value, json};

use super::{Failure, OutputFormat, load, output};
use crate::serve::view::policy;
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
        .flat_map(|job| job.plugin.manifest.told.actions.iter().map(move |action| policy(config, job, action)))
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
