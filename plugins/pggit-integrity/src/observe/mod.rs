//! The only part that talks to servers. A group looks when the job asks for it and pgGit is there; one query per
//! question, so that what a role may not see costs that answer alone.

pub(crate) mod audit;
pub(crate) mod commits;
pub(crate) mod definitions;
pub(crate) mod dependencies;
pub(crate) mod drift;
pub(crate) mod graph;
pub(crate) mod growth;
pub(crate) mod history;
pub(crate) mod installed;
pub(crate) mod proof;
pub(crate) mod references;
pub(crate) mod structure;
pub(crate) mod tracking;

use pgreeve_sdk::{Answer, Database, Error, FromRow, Run, Server};
use serde::{Serialize, de::DeserializeOwned};

use crate::group::Group;
use crate::install::{Install, Kind};
use crate::memory::{self, Baseline};
use crate::settings::Settings;

/// SQLSTATE of a query that a standby cancelled because it was in the way of replay.
const RECOVERY_CONFLICT: &str = "40001";

/// One scope: what was seen, or why nothing could be.
#[derive(Debug)]
pub(crate) struct Observed {
    pub(crate) scope: String,
    pub(crate) seen: Answer<Seen>,
}

/// One database.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) server: Server,
    pub(crate) install: Install,
    /// What was here at an earlier run and is gone.
    pub(crate) gone: Option<installed::Gone>,
    pub(crate) groups: Groups,
}

/// What each group saw; none where the job does not ask it, or pgGit is not there.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    pub(crate) tracking: Option<tracking::Seen>,
    pub(crate) drift: Option<drift::Seen>,
    pub(crate) history: Option<history::Seen>,
    pub(crate) references: Option<references::Seen>,
    pub(crate) graph: Option<graph::Seen>,
    pub(crate) audit: Option<audit::Seen>,
    pub(crate) structure: Option<structure::Seen>,
    pub(crate) proof: Option<proof::Seen>,
    pub(crate) growth: Option<growth::Seen>,
}

/// What a group is given to look with.
#[derive(Debug)]
pub(crate) struct Look<'a> {
    pub(crate) database: &'a Database,
    pub(crate) server: &'a Server,
    pub(crate) install: &'a Install,
    pub(crate) run: &'a Run<Settings>,
}

/// Looks at one database.
pub(crate) fn observe(run: &Run<Settings>, scope: &str) -> Observed {
    Observed { scope: scope.to_owned(), seen: look(run, scope) }
}

fn look(run: &Run<Settings>, scope: &str) -> Answer<Seen> {
    let database = Database::named(scope);
    let server = database.identify()?;
    let extension = server.extensions.iter().find(|extension| extension.name == "pggit");
    let install = Install::look(&database, extension.map(|extension| extension.version.clone()))?;
    let look = Look { database: &database, server: &server, install: &install, run };
    let (gone, groups) = (installed::look(&look), groups(&look));
    Ok(Seen { server, install, gone, groups })
}

fn groups(look: &Look<'_>) -> Groups {
    // Of remains nothing more is to be said than that they are.
    if [Kind::None, Kind::Remains].contains(&look.install.kind()) {
        return Groups::default();
    }
    let asked = |group| look.run.settings.asks(group);
    // What looks at the schema pggit itself has nothing to say where pggit_v0 stands alone.
    let core = |group| asked(group) && look.install.has_schema("pggit");
    // What rows say of which some are hidden is wrong.
    let rows = |group| asked(group) && look.install.hidden.is_empty();
    Groups {
        tracking: core(Group::Tracking).then(|| tracking::look(look)),
        // Without the tables there is nothing to compare with.
        drift: (core(Group::Drift) && rows(Group::Drift) && look.install.gone().is_empty()).then(|| drift::look(look)),
        history: rows(Group::History).then(|| history::look(look)),
        references: rows(Group::References).then(|| references::look(look)),
        graph: rows(Group::Graph).then(|| graph::look(look)),
        audit: rows(Group::Audit).then(|| audit::look(look)),
        structure: core(Group::Structure).then(|| structure::look(look)),
        proof: asked(Group::Proof).then(|| proof::look(look)),
        growth: asked(Group::Growth).then(|| growth::look(look)),
    }
}

impl Look<'_> {
    /// All rows of a query; asked again once where a standby cancelled it.
    pub(crate) fn rows<T: FromRow>(&self, sql: &str) -> Answer<Vec<T>> {
        match self.database.rows(sql) {
            Err(Error::Remote(error)) if error.code == RECOVERY_CONFLICT => self.database.rows(sql),
            answer => answer,
        }
    }

    /// The only row of a query.
    pub(crate) fn row<T: FromRow>(&self, sql: &str) -> Answer<T> {
        match self.database.row(sql) {
            Err(Error::Remote(error)) if error.code == RECOVERY_CONFLICT => self.database.row(sql),
            answer => answer,
        }
    }

    /// What the last run left under a name, in this scope.
    pub(crate) fn recall<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        memory::get(self.database.name(), name)
    }

    /// Leaves a value for the next run.
    pub(crate) fn remember<T: Serialize>(&self, name: &str, value: &T) {
        memory::put(self.database.name(), name, value);
    }

    /// The baseline of that name under the present setting `baseline`; the present value becomes it where there is none.
    pub(crate) fn baseline<T: Serialize + DeserializeOwned + Clone>(&self, name: &str, present: &T) -> Baseline<T> {
        let label = &self.run.settings.baseline;
        let kept: Option<Baseline<T>> = self.recall(name).filter(|kept: &Baseline<T>| kept.label == *label);
        kept.unwrap_or_else(|| self.set_baseline(name, present))
    }

    /// Makes the present value the baseline, e.g. after an action that was meant to change it.
    pub(crate) fn set_baseline<T: Serialize + Clone>(&self, name: &str, present: &T) -> Baseline<T> {
        let label = self.run.settings.baseline.clone();
        let kept = Baseline { label, at: self.run.now(), value: present.clone() };
        self.remember(name, &kept);
        kept
    }
}
