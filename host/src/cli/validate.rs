//! `pgreeve validate`: everything that would keep the agent from starting, in one go.

use std::path::Path;

use serde_json::json;

use super::{FAILED, Failure, OutputFormat, load, output};
use crate::config::Mistakes;

pub(super) fn main(path: &Path, format: OutputFormat) -> Result<u8, Failure> {
    output::quiet_log();
    let loaded = load::runtime()?.block_on(load::load(path, load::StateDir::LookAround));
    let (value, text, code) = match &loaded {
        Ok(loaded) => {
            let jobs = loaded.config.jobs.len();
            let jobs_text = match jobs {
                0 => "no job, so nothing would be checked".to_owned(),
                1 => "1 job".to_owned(),
                _ => format!("{jobs} jobs"),
            };
            let text = format!("{}: valid ({jobs_text})", path.display());
            (json!({ "file": path, "valid": true, "jobs": jobs, "problems": [] }), text, 0)
        }
        Err(failure) => match failure.downcast_ref::<Mistakes>() {
            Some(mistakes) => {
                let count = mistakes.problems.len();
                let text = format!("{mistakes}\n{count} {}", if count == 1 { "mistake" } else { "mistakes" });
                (json!({ "file": path, "valid": false, "problems": mistakes.problems }), text, FAILED)
            }
            None => return Err(failure.to_string().into()),
        },
    };
    match format {
        OutputFormat::Json => output::json(&value)?,
        OutputFormat::Human => output::line(&text)?,
    }
    Ok(code)
}
