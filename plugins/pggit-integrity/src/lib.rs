//! The pggit-integrity plugin: does pgGit in this database still record what happens, and is what it recorded whole?
//! It looks at the catalog to see which kind of pgGit is there, believes nothing that pgGit says of itself without
//! reason, and proposes repairs.
//!
//! Checks come in groups ([`Group`]); the setting `groups` says which of them a job asks, so that one plugin serves a
//! frequent, a nightly, a weekly and a monthly job. **A group is added** in five places and nowhere else:
//!
//! 1. a variant of [`Group`] in `group.rs`;
//! 2. `observe/NAME.rs` with `struct Seen` and `fn look(&Look) -> Seen`: asks SQL of `sql/NAME_*.sql`, and keeps
//!    memory by `look.recall`, `look.remember` and `look.baseline`;
//! 3. a field of `observe::Groups`, filled in `observe::groups`;
//! 4. `checks/NAME.rs` with `const CHECKS` and `fn judge(&View, &Seen, &mut Report)`: pure; and a line in
//!    `checks::CHECKS` and in `checks::all`;
//! 5. if it repairs something, `actions/NAME.rs` with `fn actions() -> Vec<Action>`, and a line in `actions::all`.
//!
//! What is seen flows one way: `install` → `observe` → `checks`. Groups do not know each other.

mod actions;
mod checks;
mod forecast;
mod group;
mod install;
mod known;
mod lineage;
mod memory;
mod observe;
mod settings;
mod view;

use pgreeve_sdk::{
    Capability, Failure, Manifest, Need, ObjectKind, Plugin, Privilege, Problem, Report, Right, Run, manifest, need,
};

use observe::Observed;
use settings::Settings;

struct PggitIntegrity;

impl Plugin for PggitIntegrity {
    type Settings = Settings;
    type Observed = Vec<Observed>;

    fn manifest() -> Manifest {
        let manifest = manifest(
            "pggit-integrity",
            env!("CARGO_PKG_VERSION"),
            "Whether pgGit tracks, and whether what it recorded is whole",
        )
        .want(
            Capability::Postgres,
            true,
            "the catalog and the tables of pgGit, one scope for each database that has it",
        )
        .need(need(Right::Member("pg_monitor".into()), "sizes, and settings of roles and databases"))
        .need(Need {
            required: false,
            ..need(Right::Member("pg_read_all_data".into()), "the rows of pgGit's tables: objects, history, commits")
        })
        .need(Need {
            required: false,
            ..need(
                Right::Privilege(Privilege {
                    privilege: "EXECUTE".into(),
                    object: ObjectKind::Function,
                    name: "public.bt_index_check".into(),
                    arguments: vec!["regclass".into(), "boolean".into()],
                }),
                "looks for corrupt indexes, where the extension amcheck is there",
            )
        });
        let manifest = manifest.checks(checks::CHECKS.iter().copied().flatten());
        actions::all().into_iter().fold(manifest, Manifest::action)
    }

    fn check_settings(settings: &Settings) -> Vec<Problem> {
        settings.problems()
    }

    fn observe(run: &Run<Settings>) -> Result<Self::Observed, Failure> {
        let scopes = run.granted("postgres");
        if scopes.is_empty() {
            return Err(Failure {
                message: "no database scope is granted".to_owned(),
                advice: Some("grant the scope of a database that has pgGit to the job in agent.toml".to_owned()),
            });
        }
        Ok(scopes.iter().map(|scope| observe::observe(run, scope)).collect())
    }

    fn judge(run: &Run<Settings>, observed: &Self::Observed) -> Report {
        let several = observed.len() > 1;
        let mut report = Report { findings: Vec::new(), metrics: Vec::new(), proposals: Vec::new() };
        for observed in observed {
            checks::all(run, observed, several, &mut report);
        }
        report
    }
}

pgreeve_sdk::export!(PggitIntegrity);
