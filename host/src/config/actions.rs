//! `[actions]`, and `actions = { … }` of a job: what the operator allows to be carried out.

use std::collections::BTreeMap;
use std::time::Duration;

use toml::Spanned;
use toml::de::DeValue;

use super::reader::{At, Problems, Section, note};
use super::when::When;
use crate::schedule::CronLine;

/// `[actions]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actions {
    /// Whether anything is carried out at all. Default true; each action is still `propose` unless its job says otherwise.
    pub enabled: bool,
    /// Attempts of one action of one job within an hour, where its own rule says nothing. Default 10.
    pub max_per_hour: u32,
    /// How long after an action its finding may take to clear. Default 30 s.
    pub verify_within: Duration,
    /// How long an approval is good for. Default 24 h.
    pub approval_valid: Duration,
    /// Actions that one run can lead to, each proposed by the run that verified the one before. Default 8.
    pub max_rounds: u32,
}

impl Default for Actions {
    fn default() -> Self {
        Self {
            enabled: true,
            max_per_hour: 10,
            verify_within: Duration::from_secs(30),
            approval_valid: Duration::from_secs(24 * 3600),
            max_rounds: 8,
        }
    }
}

/// Who decides that an action is carried out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Nobody: it is not even listed as something to be done.
    Deny,
    /// It is listed; a person does it by other means. The default.
    #[default]
    Propose,
    /// A person, each time, by `pgreeve approve`.
    Approve,
    /// The agent.
    Auto,
}

impl Mode {
    /// All of them, by their words in agent.toml.
    pub const WORDS: [(&str, Self); 4] =
        [("deny", Self::Deny), ("propose", Self::Propose), ("approve", Self::Approve), ("auto", Self::Auto)];

    /// The word in agent.toml.
    pub fn word(self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::Propose => "propose",
            Self::Approve => "approve",
            Self::Auto => "auto",
        }
    }
}

/// What a job says of one action.
#[derive(Clone, Debug, Default)]
pub struct Rule {
    /// Who decides.
    pub mode: Mode,
    /// Attempts within an hour; none: as `[actions]` says.
    pub max_per_hour: Option<u32>,
    /// At least so long between the end of an attempt and the next of the same action. Default: none.
    pub cooldown: Duration,
    /// The minutes in which it may be carried out, in the job's time zone.
    pub only_during: Option<CronLine>,
    /// The role that the server must have.
    pub when: Option<When>,
    /// The second key, without which an action of high risk cannot be `auto`.
    pub high_risk: bool,
}

/// A job's rules as written, by the action's name.
pub(super) type Rules = Vec<(At<String>, Rule)>;

pub(super) fn global(section: Option<Section<'_>>, problems: &mut Problems) -> Actions {
    let mut actions = Actions::default();
    let Some(mut section) = section else { return actions };
    actions.enabled = section.boolean("enabled", problems).unwrap_or(actions.enabled);
    for (key, field) in [("max_per_hour", &mut actions.max_per_hour), ("max_rounds", &mut actions.max_rounds)] {
        *field = section.count(key, problems).unwrap_or(*field);
    }
    let second = Duration::from_secs(1);
    actions.verify_within = section.duration_from("verify_within", second, problems).unwrap_or(actions.verify_within);
    actions.approval_valid =
        section.duration_from("approval_valid", second, problems).unwrap_or(actions.approval_valid);
    section.finish(problems);
    actions
}

/// `actions = { drop-slot = "approve", vacuum = { policy = "auto", cooldown = "1h" } }`.
pub(super) fn rules(section: Option<Section<'_>>, problems: &mut Problems) -> Rules {
    let Some(section) = section else { return Rules::new() };
    let table = section.name.clone();
    let entries: BTreeMap<_, _> = section.entries().map(|(name, value)| (name.span.start, (name, value))).collect();
    entries
        .into_values()
        .filter_map(|(name, value)| Some((rule(&table, &name, value, problems)?, name)))
        .map(|(rule, name)| (name, rule))
        .collect()
}

fn rule(table: &str, name: &At<String>, value: At<DeValue<'_>>, problems: &mut Problems) -> Option<Rule> {
    let fix = "write \"deny\", \"propose\", \"approve\" or \"auto\", or a table with policy = \"…\"";
    match value.value {
        DeValue::String(word) => {
            let mode = Mode::WORDS.iter().find(|(known, _)| *known == word).map(|(_, mode)| *mode);
            if mode.is_none() {
                let message = format!("{table}.{}: {word:?} is no policy", name.value);
                note(problems, value.span, message, fix);
            }
            Some(Rule { mode: mode?, ..Rule::default() })
        }
        DeValue::Table(inner) => {
            let mut section = Section::new(format!("{table}.{}", name.value), Spanned::new(value.span, inner));
            section.require("policy", "\"approve\"", problems);
            let rule = Rule {
                mode: section.word("policy", &Mode::WORDS, problems).unwrap_or_default(),
                max_per_hour: section.count("max_per_hour", problems),
                cooldown: section.duration("cooldown", problems).unwrap_or_default(),
                only_during: section
                    .parsed(
                        "only_during",
                        problems,
                        CronLine::parse,
                        "write the allowed minutes as a crontab(5) line, such as \"* 2-5 * * *\"",
                    )
                    .map(|at| at.value),
                when: section
                    .word(
                        "when",
                        &[("any", None), ("primary", Some(When::Primary)), ("standby", Some(When::Standby))],
                        problems,
                    )
                    .flatten(),
                high_risk: section.boolean("high_risk", problems).unwrap_or(false),
            };
            section.finish(problems);
            Some(rule)
        }
        _ => {
            note(problems, value.span, format!("{table}.{} is no policy", name.value), fix);
            None
        }
    }
}
