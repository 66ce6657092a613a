//! `[plugin.NAME]` and `[job.NAME]` as they stand in the file, before the plugins have been asked anything.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::tz::TimeZone;
use toml::de::DeValue;

use super::actions::{self, Rules};
use super::limits;
use super::reader::{At, Problems, Section, article, nearest, note};
use super::when::When;
use crate::limits::Limits;
use crate::schedule::{CatchUp, CronLine, JobPlan};

/// A plugin's file.
pub(super) struct PluginFile {
    pub(super) path: At<PathBuf>,
    pub(super) sha256: Option<String>,
}

/// A job as written.
pub(super) struct JobDraft<'i> {
    pub(super) name: At<String>,
    /// None where it is missing or wrong, which is noted already.
    pub(super) plugin: Option<At<String>>,
    /// The same.
    pub(super) plan: Option<JobPlan>,
    pub(super) when: When,
    /// Granted names by capability, where the capability's name stands.
    pub(super) grants: BTreeMap<&'static str, At<Vec<At<String>>>>,
    /// The names by which the plugin asks for commands, where they are not the commands' own; by the commands' places in `grants`.
    pub(super) called: Vec<String>,
    /// Where `system = true` stands, if it does.
    pub(super) system: Option<std::ops::Range<usize>>,
    pub(super) settings: Option<At<DeValue<'i>>>,
    pub(super) limits: Limits,
    pub(super) rules: Rules,
    /// Where the job stands.
    pub(super) span: std::ops::Range<usize>,
}

impl JobDraft<'_> {
    /// The capabilities that the job grants anything of.
    pub(super) fn granted(&self) -> impl Iterator<Item = &'static str> {
        self.grants.keys().copied().chain(self.system.iter().map(|_| "system"))
    }

    /// Whether the job grants anything of a capability.
    pub(super) fn is_granted(&self, capability: &str) -> bool {
        self.granted().any(|granted| granted == capability)
    }
}

/// What jobs take from elsewhere in the file.
pub(super) struct Defaults<'a> {
    pub(super) timezone: &'a TimeZone,
    pub(super) limits: &'a Limits,
}

pub(super) fn plugin(directory: &Path, mut section: Section<'_>, problems: &mut Problems) -> Option<PluginFile> {
    section.require("path", "\"plugins/replication.wasm\"", problems);
    let path = section.text("path", problems).map(|at| at.map(|path| directory.join(path)));
    let is_digest = |text: &str| {
        let good = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if good { Ok(text.to_owned()) } else { Err("not a SHA-256 in hexadecimal") }
    };
    let sha256 =
        section.parsed("sha256", problems, is_digest, "write the 64 digits that `pgreeve plugin explain` shows");
    section.finish(problems);
    Some(PluginFile { path: path?, sha256: sha256.map(|at| at.value) })
}

pub(super) fn job<'i>(
    name: At<String>,
    mut section: Section<'i>,
    defaults: &Defaults<'_>,
    problems: &mut Problems,
) -> JobDraft<'i> {
    section.require("plugin", "\"replication\"", problems);
    section.require("schedule", "\"* * * * *\"", problems);
    let plugin = section.text("plugin", problems);
    let cron = section.parsed(
        "schedule",
        problems,
        CronLine::parse,
        "write a crontab(5) line such as \"*/5 * * * *\" or \"@daily\"",
    );
    let tz = section.parsed("timezone", problems, timezone, "write a name such as \"Europe/Berlin\" or \"UTC\"");
    let jitter = section.duration("jitter", problems).unwrap_or(Duration::ZERO);
    let catch_up =
        section.word("catch_up", &[("once", CatchUp::Once), ("never", CatchUp::Never)], problems).unwrap_or_default();
    let words = [("any", When::Any), ("primary", When::Primary), ("standby", When::Standby)];
    let when = section.word("when", &words, problems).unwrap_or(When::Any);
    let Grants { grants, called, system } =
        section.section("grant", problems).map(|section| grants(section, problems)).unwrap_or_default();
    let settings = section.take("settings");
    let limits = limits::read(section.section("limits", problems), defaults.limits, problems);
    let rules = actions::rules(section.section("actions", problems), problems);
    let span = section.span.clone();
    section.finish(problems);
    let plan = cron.map(|cron| JobPlan {
        name: name.value.clone(),
        cron: cron.value,
        tz: tz.map_or_else(|| defaults.timezone.clone(), |at| at.value),
        jitter,
        catch_up,
    });
    JobDraft { name, plugin, plan, when, grants, called, system, settings, limits, rules, span }
}

/// `grant` as written.
#[derive(Default)]
struct Grants {
    grants: BTreeMap<&'static str, At<Vec<At<String>>>>,
    called: Vec<String>,
    system: Option<std::ops::Range<usize>>,
}

fn grants(mut section: Section<'_>, problems: &mut Problems) -> Grants {
    let span = section.span.clone();
    let mut read = Grants::default();
    for capability in ["postgres", "http", "files", "objects", "redis", "commands"] {
        let names = if capability == "commands" && section.is_table(capability) {
            section.section(capability, problems).map(|table| bound(table, &mut read.called, problems))
        } else {
            section.names(capability, problems)
        };
        let Some(names) = names else { continue };
        for (index, name) in names.iter().enumerate() {
            let again = names.iter().take(index).any(|other| other.value == name.value);
            if again && read.called.is_empty() {
                note(problems, name.span.clone(), format!("{:?} is granted twice", name.value), "remove one of them");
            }
        }
        match names.first().map(|first| first.span.clone()) {
            Some(span) => drop(read.grants.insert(capability, At { value: names, span })),
            None => {
                let message = format!("the grant of {capability} names nothing");
                note(problems, span.clone(), message, "name one, or remove the grant");
            }
        }
    }
    read.system = section.boolean("system", problems).unwrap_or(false).then_some(span);
    section.finish(problems);
    read
}

/// `commands = { backup-full = "backup-full-17" }`: the plugin asks for the first and gets the second. What the plugin calls them goes into `called`.
fn bound(table: Section<'_>, called: &mut Vec<String>, problems: &mut Problems) -> Vec<At<String>> {
    let mut names = Vec::new();
    for (key, value) in table.entries() {
        match value.value {
            DeValue::String(name) => {
                called.push(key.value);
                names.push(At { value: name.into_owned(), span: value.span });
            }
            other => {
                let message =
                    format!("grant.commands.{} must be a string, not {}", key.value, article(other.type_str()));
                note(problems, value.span, message, format!("write {} = \"NAME\" of a [command.NAME]", key.value));
            }
        }
    }
    names
}

/// A time zone by its IANA name.
pub(super) fn timezone(name: &str) -> Result<TimeZone, String> {
    TimeZone::get(name).map_err(|error| error.to_string())
}

/// The value that a name stands for, or a mistake that lists the names there are.
pub(super) fn named<'a, T>(
    name: &At<String>,
    kind: &str,
    there: &'a BTreeMap<String, T>,
    problems: &mut Problems,
) -> Option<&'a T> {
    let found = there.get(&name.value);
    if found.is_none() {
        let fix = match nearest(&name.value, there.keys().map(String::as_str)) {
            Some(meant) => format!("did you mean {meant:?}?"),
            None if there.is_empty() => format!("add a table [{kind}.{}]", name.value),
            None => {
                let names: Vec<&str> = there.keys().map(String::as_str).collect();
                format!("there are: {}; or add a table [{kind}.{}]", names.join(", "), name.value)
            }
        };
        note(problems, name.span.clone(), format!("there is no [{kind}.{}]", name.value), fix);
    }
    found
}
