//! The `commands` capability: programs that the operator named in agent.toml as an argument vector with typed placeholders. No shell
//! stands between: one placeholder is filled with one whole value, which is never split and never becomes an option.
//!
//! | written under `[command.NAME]` | default | meaning |
//! |---|---|---|
//! | `run = ["/usr/bin/pg_dump", "--dbname={database}"]` | | the program's absolute path and its arguments; `{{` and `}}` are braces |
//! | `parameters = { database = "identifier" }` | none | one kind for every placeholder, see [`Kind`] |
//! | `stdout = "{file}"` | to the caller | into a new file that appears whole or not at all; the placeholder is a path |
//! | `timeout = "2h"` | 30 s to read, 1 h to write | then SIGTERM to the process group, and SIGKILL two seconds later |
//! | `effect = "read"` | `"write"` | `"read"` lets a plugin run it while it observes |
//! | `env = { PGPASSFILE = "/etc/pgreeve/pgpass" }` | none | the environment, which is otherwise empty: not even `PATH` is set |
//! | `pass_env = ["HOME"]` | none | variables handed on from the agent's own environment |
//! | `directory = "/var/lib/pgreeve"` | `/` | the working directory |
//! | `max_stdout = "1MiB"` | 1 MiB | more output to the caller fails the call |
//!
//! What this does not know: what the program makes of its arguments. SQL for `psql -c`, code for `python3 -c`, a connection string where
//! a database name is meant (`dbname=` takes both) are the operator's to rule out by the kind of the parameter. Nor does it hold a program
//! that leaves its process group by `setsid`, as daemons do: commands are the operator's programs, a plugin chooses values only. The
//! service's own control group ends such a program with the agent. Descriptors that the agent opened are not handed on; those that the
//! agent itself was started with, beyond the first three, are, and a service manager starts it with none.

mod call;
mod client;
mod command;
mod executable;
mod file;
mod group;
mod inside;
mod kind;
mod output;
mod part;
mod policy;
mod template;
#[cfg(test)]
mod tests;
pub mod wit;

pub use call::{Argument, Ask, Output, Told};
pub use client::{Done, Fault, Part, Reached, act, perform};
pub use command::{Command, Effect, Section};
pub use file::{Written, is_partial};
pub use inside::Place;
pub use kind::Kind;
pub use policy::{Filled, Refused, fill};
