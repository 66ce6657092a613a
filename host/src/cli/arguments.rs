//! The words of the command line: what is typed, and the first documentation that anybody reads.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Parser, Subcommand, ValueEnum};
use jiff::Timestamp;

use crate::actions::audit::Event;
use crate::plugin::compile;
use crate::report::Status;

use super::values::{count, duration, label, moment, status};

/// One small agent per PostgreSQL host: sandboxed plugins observe and propose, only the agent acts.
#[derive(Parser)]
#[command(name = "pgreeve", version = VERSION, max_term_width = 110, after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The configuration; /etc/pgreeve/agent.toml if it is not given
    #[arg(long, short, global = true, env = "PGREEVE_CONFIG", value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// Where the configuration is unless another is given.
pub(super) const DEFAULT_CONFIG: &str = "/etc/pgreeve/agent.toml";

const VERSION: &str =
    concat!(env!("CARGO_PKG_VERSION"), " (contract pgreeve:plugin@0.1.0, wasmtime ", env!("WASMTIME_VERSION"), ")");

const EXAMPLES: &str = "Examples:
  pgreeve validate -c agent.toml            every mistake of the file, with line, column and fix
  pgreeve grants -c agent.toml              the SQL for the logins; `pgreeve doctor` looks whether it was run
  pgreeve check replication -c agent.toml   run one job now; exits 0 ok, 1 warning, 2 critical, 3 unknown
  pgreeve run -c agent.toml                 the agent, in the foreground

Exit status: `check`, `doctor` and `run-now --wait` answer 0, 1, 2, 3 for ok, warning, critical, unknown. All others: 0 done, 1 failed, 64 usage.";

#[derive(Subcommand)]
pub(super) enum Command {
    /// Run the agent in the foreground until SIGTERM or SIGINT; SIGHUP reloads the configuration
    Run {
        /// How log lines look; they go to standard error
        #[arg(long, value_enum, default_value = "text")]
        log: LogFormat,
    },
    /// Check the configuration and everything that it names; report every mistake
    Validate {
        #[command(flatten)]
        format: Format,
    },
    /// Run one job now and print what it finds; exits 0 ok, 1 warning, 2 critical, 3 unknown
    #[command(
        after_help = "Example: pgreeve check replication --format json | jq '.findings[] | select(.status != \"ok\")'"
    )]
    Check {
        /// The job, as in [job.NAME]
        job: String,
        /// Show the values behind each finding too
        #[arg(long, short)]
        verbose: bool,
        /// Record the run, with every answer that the plugin got, for `pgreeve plugin test`; the file must not exist
        #[arg(long, value_name = "FILE")]
        record: Option<PathBuf>,
        /// Replace this text everywhere in the recording; may be given several times
        #[arg(long, value_name = "TEXT", requires = "record")]
        redact: Vec<String>,
        #[command(flatten)]
        format: Format,
    },
    /// Print the SQL that makes the logins of agent.toml, with exactly what the plugins want of them; connects to nothing
    #[command(after_help = "Examples:
  pgreeve grants | psql -X -v ON_ERROR_STOP=1 -d postgres    as a superuser, on the primary; again after a change
  pgreeve grants --scope main --major 17                     what one version takes, without conditions")]
    Grants {
        /// For this scope alone; may be given several times, for scopes of one cluster
        #[arg(long, value_name = "NAME")]
        scope: Vec<String>,
        /// For this major version alone
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(14..=99))]
        major: Option<u32>,
    },
    /// Log in as each login of agent.toml and look whether it has what the plugins want, and no more
    #[command(
        after_help = "Example: pgreeve doctor --format json | jq -r '.lines[] | select(.state == \"missing\").mend'

Exit status: 0 all is there and no more; 1 too much, or something optional is missing; 2 something required is missing; 3 could not look."
    )]
    Doctor {
        /// For this scope alone; may be given several times
        #[arg(long, value_name = "NAME")]
        scope: Vec<String>,
        #[command(flatten)]
        format: Format,
    },
    /// One screen: the agent, what it runs, what is not ok; exits 1 if no agent runs
    Status {
        #[command(flatten)]
        format: Format,
    },
    /// Have the running agent run a job now, as its schedule would
    #[command(
        after_help = "Example: pgreeve run-now replication --wait   exits 0 ok, 1 warning, 2 critical, 3 unknown"
    )]
    RunNow {
        /// The job, as in [job.NAME]
        job: String,
        /// Wait for its end, and answer as `check` does
        #[arg(long)]
        wait: bool,
        #[command(flatten)]
        format: Format,
    },
    /// List the jobs with their last and next runs
    Jobs {
        #[command(flatten)]
        format: Format,
    },
    /// List what stands and is not ok, worst first, with what to do
    #[command(after_help = "Example: pgreeve findings --status critical")]
    Findings {
        /// Of this job alone
        #[arg(long)]
        job: Option<String>,
        /// With this status alone: ok, warning, critical, unknown
        #[arg(long, value_parser = status)]
        status: Option<Status>,
        #[command(flatten)]
        format: Format,
    },
    /// List what is measured; of one metric, draw how it went
    #[command(after_help = "Example: pgreeve metrics replay_lag_bytes --since 6h")]
    Metrics {
        /// The metric to draw, such as replay_lag_bytes; all are listed if none is given
        metric: Option<String>,
        /// Of this job alone
        #[arg(long)]
        job: Option<String>,
        /// With this label alone; may be given several times
        #[arg(long, value_name = "NAME=VALUE", value_parser = label)]
        label: Vec<(String, String)>,
        /// How far back it is drawn; history is kept for history_age
        #[arg(long, default_value = "24h", value_name = "TIME", value_parser = duration)]
        since: std::time::Duration,
        #[command(flatten)]
        format: Format,
    },
    /// List recorded runs, newest first
    #[command(after_help = "Example: pgreeve runs --job replication --limit 5")]
    Runs {
        /// Of this job alone
        #[arg(long)]
        job: Option<String>,
        /// At most so many
        #[arg(long, default_value_t = 20, value_parser = count)]
        limit: usize,
        #[command(flatten)]
        format: Format,
    },
    /// Run one job now and show what would be done about what it proposes, by agent.toml as it stands; nothing is carried out
    #[command(after_help = "Example: pgreeve plan replication --rehearse")]
    Plan {
        /// The job, as in [job.NAME]
        job: String,
        /// Carry out transactional SQL and roll it back: rows, locks and time of each statement
        #[arg(long)]
        rehearse: bool,
        #[command(flatten)]
        format: Format,
    },
    /// Show the policy of every action of every job: what the agent has in force; without one, what agent.toml says
    Actions {
        #[command(flatten)]
        format: Format,
    },
    /// List what plugins want done: exactly what, how it stands, and what became of it; without an agent, what it left
    #[command(after_help = "Example: pgreeve proposals replication")]
    Proposals {
        /// Of this job alone, or the one whose id begins so
        what: Option<String>,
        /// Also those that are over
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        format: Format,
    },
    /// Show what was proposed, allowed and done, from the audit log; `verify`: whether the log is as it was written
    #[command(
        after_help = "Examples:
  pgreeve audit --proposal 3f2a9c          everything about one proposal
  pgreeve audit --since 24h --format json  JSON Lines, exactly as in the log
  pgreeve audit verify                     exits 0 verified, 1 altered, removed, reordered or cut off",
        args_conflicts_with_subcommands = true
    )]
    Audit {
        #[command(subcommand)]
        verify: Option<Verify>,
        /// Of this job alone
        #[arg(long)]
        job: Option<String>,
        /// Of the proposal whose id begins so
        #[arg(long, value_name = "ID")]
        proposal: Option<String>,
        /// This kind alone
        #[arg(long, value_name = "KIND", value_parser = PossibleValuesParser::new(Event::WORDS))]
        event: Option<String>,
        /// From then on: a time, or how long ago
        #[arg(long, value_parser = moment, value_name = "WHEN")]
        since: Option<Timestamp>,
        /// Before then
        #[arg(long, value_parser = moment, value_name = "WHEN")]
        until: Option<Timestamp>,
        /// The last so many
        #[arg(long, default_value_t = 1000, value_parser = count)]
        limit: usize,
        #[command(flatten)]
        format: Format,
    },
    /// Allow a proposal to be carried out
    #[command(after_help = "Example: pgreeve approve 3f9a --why \"the slot is of a standby that is gone\"")]
    Approve {
        /// The first digits of its id
        id: String,
        /// For the record
        #[arg(long)]
        why: Option<String>,
    },
    /// Refuse a proposal, for as long as it is proposed without a break
    Reject {
        /// The first digits of its id
        id: String,
        /// For the record
        #[arg(long)]
        why: Option<String>,
    },
    /// Let no action begin, approved or automatic
    #[command(after_help = "Example: pgreeve pause --for 2h --why \"storage is being moved\"")]
    Pause {
        /// For so long; until they are resumed if it is not given
        #[arg(long = "for", value_name = "TIME", value_parser = duration)]
        time: Option<std::time::Duration>,
        /// For the record
        #[arg(long)]
        why: String,
    },
    /// Let actions begin again
    Resume {
        /// For the record
        #[arg(long)]
        why: String,
    },
    /// Make a running agent take the changed configuration, whole or not at all
    Reload,
    /// Take, verify, prove and list backups, and plan a restore: `pgreeve backup --help` (runs pgreeve-backup, which lies beside pgreeve)
    #[command(disable_help_flag = true)]
    Backup {
        /// What pgreeve-backup is told
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENTS")]
        arguments: Vec<std::ffi::OsString>,
    },
    /// Look into the object stores of agent.toml, and bring objects back; needs neither agent nor plugins
    #[command(subcommand)]
    Objects(Objects),
    /// Build plugins, and see what they are before they are installed
    #[command(subcommand)]
    Plugin(Plugin),
    /// Print a completion script
    #[command(after_help = "Example: pgreeve completion bash > /etc/bash_completion.d/pgreeve")]
    Completion {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Compile a component from standard input to standard output, under limits (used by the agent itself)
    #[command(name = compile::SUBCOMMAND, hide = true)]
    CompileComponent { memory: u64, seconds: u64 },
}

#[derive(Subcommand)]
pub(super) enum Verify {
    /// Look whether an entry was altered, removed or put elsewhere; reads the log itself, for who verifies takes nobody's word
    Verify {
        /// Another log, such as a copy; of it a missing end cannot be seen
        log: Option<PathBuf>,
        #[command(flatten)]
        format: Format,
    },
}

#[derive(Subcommand)]
pub(super) enum Objects {
    /// List objects, in the order in which they were put there
    #[command(after_help = "Example: pgreeve objects list offsite full-app-")]
    List {
        /// The store, as in [objects.NAME]
        store: String,
        /// Only keys that begin like this
        #[arg(default_value = "")]
        prefix: String,
        #[command(flatten)]
        format: Format,
    },
    /// Bring objects back into a directory, each under its key; nothing is written over, and what broke off is gone on with
    #[command(
        after_help = "Example: pgreeve objects fetch offsite base-cluster-20261120T020000Z --into /var/backups/pgreeve"
    )]
    Fetch {
        /// The store, as in [objects.NAME]
        store: String,
        /// All whose keys begin like this: the name of a backup
        prefix: String,
        /// An existing directory
        #[arg(long, value_name = "DIR")]
        into: PathBuf,
    },
}

#[derive(Subcommand)]
pub(super) enum Plugin {
    /// Build plugins from their Rust crates: cargo for wasm32-unknown-unknown, then the component
    #[command(after_help = "Example: pgreeve plugin build plugins/replication --out target/plugins")]
    Build {
        /// The crates' directories
        #[arg(required = true)]
        directories: Vec<PathBuf>,
        /// Where NAME.wasm goes; target/plugins of the crate's workspace by default
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// Replay recorded runs without any server, and compare what the plugin reports now with what it reported then
    #[command(
        after_help = "Example: pgreeve check replication --record run.jsonl && pgreeve plugin test replication.wasm run.jsonl"
    )]
    Test {
        /// The component
        component: PathBuf,
        /// Files made by `pgreeve check JOB --record FILE`
        #[arg(required = true)]
        recordings: Vec<PathBuf>,
        #[command(flatten)]
        kept: Kept,
    },
    /// Show what a component imports, checks, wants and can propose; it is granted nothing while being asked
    #[command(after_help = "Examples:
  pgreeve plugin explain replication.wasm
  pgreeve plugin explain replication.wasm --config agent.toml   against what its jobs are granted
  pgreeve plugin explain old.wasm new.wasm                      what the new version wants more")]
    Explain {
        /// The component
        file: PathBuf,
        /// A newer version of it, to be compared
        newer: Option<PathBuf>,
        #[command(flatten)]
        kept: Kept,
        #[command(flatten)]
        format: Format,
    },
}

#[derive(clap::Args)]
pub(super) struct Kept {
    /// Keep the compiled code in this directory of your own, for the next time; a plugin of many megabytes takes long to compile
    #[arg(long, value_name = "DIR")]
    pub(super) cache: Option<PathBuf>,
}

#[derive(clap::Args)]
pub(super) struct Format {
    /// Output for people or for programs
    #[arg(long = "format", value_enum, default_value = "human", id = "output_format", value_name = "FORMAT")]
    pub(super) kind: OutputFormat,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum OutputFormat {
    Human,
    Json,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum LogFormat {
    Text,
    Json,
}
