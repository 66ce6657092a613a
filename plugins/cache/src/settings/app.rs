//! Where an application tells of its cache, and in which unit.

use pgreeve_sdk::Problem;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::actions;

/// The operations guide's endpoint and the place of the hit rate there, which is in percent.
const GUIDE_PATH: &str = "/api/v1/cache/stats";
const GUIDE_POINTER: &str = "/hit_rate";

/// A cache of an application.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Cache {
    /// The endpoint's name in agent.toml. Default: the name of this entry.
    pub(crate) endpoint: Option<String>,
    /// What is asked; the endpoint's `allow` must have it. Default "/api/v1/cache/stats".
    pub(crate) path: Option<String>,
    /// JSON pointer to the hit rate. Default "/hit_rate", in percent, if neither this nor `path` is given.
    pub(crate) hit_rate: Option<String>,
    /// The hit rate's unit; there is no guessing. Required with `hit_rate`.
    pub(crate) unit: Option<Unit>,
    /// JSON pointer to the number of hits since the start. With `misses` the rate between runs is judged, and not the one that the
    /// application tells, which may be that of its whole life. Default: none.
    pub(crate) hits: Option<String>,
    /// JSON pointer to the number of misses since the start. Default: none.
    pub(crate) misses: Option<String>,
    /// JSON pointer to the number of entries in the cache. Default: none.
    pub(crate) entries: Option<String>,
    /// The path that warms the cache by POST: `/api/v1/cache/warm`, or one or two segments and then `/warm`. Without it warming is
    /// never proposed. Default: none.
    pub(crate) warm: Option<String>,
    /// JSON pointer, in the answer to that POST, to the number of entries warmed. Default "/warmed".
    pub(crate) warmed: Option<String>,
    /// The path that lets the application do without its cache by POST, and with it again by DELETE: `/api/v1/cache/bypass`, or one
    /// or two segments and then `/bypass`. Needs `bypassed` and `redis`. Default: none.
    pub(crate) bypass: Option<String>,
    /// JSON pointer to a boolean: whether the application does without its cache. Default: none.
    pub(crate) bypassed: Option<String>,
    /// The granted Redis server that this cache lives in. Default: none.
    pub(crate) redis: Option<String>,
}

/// What a hit rate is told in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Unit {
    /// 0 to 100.
    Percent,
    /// 0 to 1.
    Fraction,
}

impl Cache {
    /// The endpoint of the cache of this name.
    pub(crate) fn endpoint<'a>(&'a self, name: &'a str) -> &'a str {
        self.endpoint.as_deref().unwrap_or(name)
    }

    /// What is asked.
    pub(crate) fn path(&self) -> &str {
        self.path.as_deref().unwrap_or(GUIDE_PATH)
    }

    /// Where the hit rate is, and in which unit.
    pub(crate) fn rate(&self) -> Option<(&str, Unit)> {
        match (&self.hit_rate, self.unit) {
            (Some(pointer), Some(unit)) => Some((pointer, unit)),
            (None, unit) if self.path.is_none() => Some((GUIDE_POINTER, unit.unwrap_or(Unit::Percent))),
            _ => None,
        }
    }

    /// Where the hits and the misses are.
    pub(crate) fn counters(&self) -> Option<(&str, &str)> {
        self.hits.as_deref().zip(self.misses.as_deref())
    }

    pub(super) fn problems(&self, at: &str) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut problem = |name: &str, message: &str| problems.push(Problem::at(&format!("{at}/{name}"), message));
        for (name, pointer) in [
            ("hit_rate", &self.hit_rate),
            ("hits", &self.hits),
            ("misses", &self.misses),
            ("entries", &self.entries),
            ("warmed", &self.warmed),
            ("bypassed", &self.bypassed),
        ] {
            if pointer.as_ref().is_some_and(|pointer| !pointer.starts_with('/')) {
                problem(name, "a JSON pointer begins with /, as in \"/cache/hit_rate\"");
            }
        }
        if self.path.as_ref().is_some_and(|path| !path.starts_with('/')) {
            problem("path", "a path begins with /, as in \"/metrics/json\"");
        }
        if self.hit_rate.is_some() && self.unit.is_none() {
            problem("unit", "is missing: \"percent\" (0 to 100) or \"fraction\" (0 to 1)");
        }
        match (&self.hits, &self.misses) {
            (Some(_), None) => problem("misses", "is missing: hits alone make no rate"),
            (None, Some(_)) => problem("hits", "is missing: misses alone make no rate"),
            (None, None) if self.path.is_some() && self.hit_rate.is_none() => {
                problem(
                    "hit_rate",
                    "is missing: with a path of your own say where the hit rate, or hits and misses, are",
                );
            }
            _ => {}
        }
        if let Some(path) = &self.warm
            && actions::warm_call(path).is_none()
        {
            problem(
                "warm",
                "\"/api/v1/cache/warm\", or one or two plain segments and then /warm, as in \"/cache/warm\"",
            );
        }
        match &self.bypass {
            Some(path) if actions::bypass_call(path).is_none() => {
                problem("bypass", "\"/api/v1/cache/bypass\", or one or two plain segments and then /bypass");
            }
            Some(_) if self.bypassed.is_none() || self.redis.is_none() => {
                problem(
                    "bypass",
                    "needs `bypassed`, where the application tells whether it does, and `redis`, the server",
                );
            }
            _ => {}
        }
        problems
    }
}
