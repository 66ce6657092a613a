//! What Rust plugins of pgreeve build on. A plugin is three things: a settings struct, a manifest, and a pure function from what was
//! observed to a report. The rest (the component's exports, JSON, rows as structs, schemas) is done here.

#![doc = include_str!("../../../docs/plugins.md")]

mod build;
mod database;
mod rows;
mod run;
mod settings;

/// The contract's types and calls, as generated from `wit/`.
#[allow(missing_docs, unsafe_code, unreachable_pub, clippy::all, clippy::pedantic, clippy::unwrap_used, clippy::panic)]
#[allow(clippy::indexing_slicing, clippy::expect_used, clippy::uninlined_format_args)]
#[doc(hidden)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "plugin",
        pub_export_macro: true,
        export_macro_name: "export_component",
        default_bindings_module: "pgreeve_sdk::bindings",
        additional_derives: [PartialEq],
    });
}

pub use bindings::pgreeve::plugin::errors::{Error, Limit, RemoteError};
pub use bindings::pgreeve::plugin::log::Level;
pub use bindings::pgreeve::plugin::manifest::{
    Action, Capability, Check, FileTemplate, HttpMethod, HttpTemplate, KeepRule, Manifest, Need, ObjectKind, Parameter,
    ParameterKind, Privilege, Problem, Right, Risk, SqlTemplate, Template, UploadTemplate, Want,
};
pub use bindings::pgreeve::plugin::memory::Sample;
pub use bindings::pgreeve::plugin::postgres::{Role, Server, Value};
pub use bindings::pgreeve::plugin::report::{
    Argument, Cause, Context, Fact, Failure, Finding, Grant, Label, Metric, Outcome, Proposal, Reason, Report,
    ResultKind, Status,
};
/// The calls of the other capabilities, as the contract has them.
pub use bindings::pgreeve::plugin::{commands, files, http, objects, redis, system};
pub use build::{Answer, action, finding, level, manifest, metric, need, proposal, reason_of, sql};
pub use database::Database;
pub use rows::FromRow;
pub use run::{Plugin, Run, exports, log, recall, remember, samples};
pub use settings::{Bytes, Seconds};

/// Makes a type that implements [`Plugin`] the component's plugin.
#[macro_export]
macro_rules! export {
    ($plugin:ty) => {
        /// The component's exports.
        #[doc(hidden)]
        pub struct Component;
        impl $crate::bindings::Guest for Component {
            fn describe() -> $crate::Manifest {
                $crate::exports::describe::<$plugin>()
            }
            fn check_settings(settings: String) -> Vec<$crate::Problem> {
                $crate::exports::check_settings::<$plugin>(&settings)
            }
            fn run(context: $crate::Context) -> Result<$crate::Report, $crate::Failure> {
                $crate::exports::run::<$plugin>(context)
            }
        }
        #[cfg(target_family = "wasm")]
        $crate::bindings::export_component!(Component);
    };
}
