//! A plugin that looks at nothing and says that all is well: what a run costs without input and output.

use pgreeve_sdk::{Failure, Manifest, Plugin, Report, Run, Status, finding, manifest};
use schemars::JsonSchema;
use serde::Deserialize;

/// None.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {}

struct Quiet;

impl Plugin for Quiet {
    type Settings = Settings;
    type Observed = ();

    fn manifest() -> Manifest {
        manifest("quiet", env!("CARGO_PKG_VERSION"), "Looks at nothing").check("nothing", "Nothing", "Always ok.")
    }

    fn observe(_: &Run<Settings>) -> Result<(), Failure> {
        Ok(())
    }

    fn judge(_: &Run<Settings>, (): &()) -> Report {
        Report {
            findings: vec![finding("nothing", "", Status::Ok, "nothing to see")],
            metrics: Vec::new(),
            proposals: Vec::new(),
        }
    }
}

pgreeve_sdk::export!(Quiet);
