//! `pgreeve plugin build` and `pgreeve plugin explain`.

use std::path::{Path, PathBuf};

use super::{Failure, OutputFormat, load, output};
use crate::engine::{self, Room};
use crate::plugin::build::BuildOptions;
use crate::plugin::{self, Loader, Source};

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
