//! The calls that a guest can make of commands and their answers, as recordings and the audit trail hold them.

use serde::{Deserialize, Serialize};

/// A call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ask {
    /// Runs a command to its end.
    Run {
        /// Its name in agent.toml.
        command: String,
        /// One for each of its placeholders, in any order.
        arguments: Vec<Argument>,
    },
}

/// What fills a placeholder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Argument {
    /// The placeholder's name, without braces.
    pub name: String,
    /// The whole value.
    pub value: String,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Told {
    /// The command ran and ended by itself.
    Output(Output),
}

/// What a command that ended by itself left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Output {
    /// 0 to 255.
    pub exit_status: i32,
    /// Whole. Empty if it went to a file.
    #[serde(with = "crate::grants::bytes")]
    pub stdout: Vec<u8>,
    /// The last 4 KiB, with bytes that are not UTF-8 replaced.
    pub stderr: String,
    /// From the call to the end of the process, in microseconds.
    pub elapsed_us: u64,
}
