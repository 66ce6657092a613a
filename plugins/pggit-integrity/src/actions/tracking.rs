//! Switches event triggers on, and ends pauses that ran out.

use pgreeve_sdk::{Action, Need, ParameterKind, Right, action, need, sql};

/// Seconds that a statement may take: each waits for a lock and writes a row.
const SECONDS: u32 = 10;

pub(super) fn actions() -> Vec<Action> {
    vec![
        action(
            "enable-event-trigger",
            "Switch an event trigger of pgGit on",
            sql(SECONDS, &["ALTER EVENT TRIGGER :\"trigger\" ENABLE"]),
        )
        .parameter("trigger", ParameterKind::Identifier, "the event trigger's name")
        .need(owner()),
        action(
            "enable-event-trigger-always",
            "Switch an event trigger of pgGit on, for replica sessions too, as it was before",
            sql(SECONDS, &["ALTER EVENT TRIGGER :\"trigger\" ENABLE ALWAYS"]),
        )
        .parameter("trigger", ParameterKind::Identifier, "the event trigger's name")
        .need(owner()),
        action(
            "resume-tracking",
            "End a pause of tracking that ran out",
            sql(
                SECONDS,
                &[
                    "ALTER EVENT TRIGGER pggit_ddl_trigger ENABLE",
                    "ALTER EVENT TRIGGER pggit_drop_trigger ENABLE",
                    "INSERT INTO pggit.system_events (event_type, event_data) VALUES ('tracking_resumed', \
                     jsonb_build_object('resumed_at', now(), 'resumed_by', current_user))",
                ],
            ),
        )
        .need(owner()),
        action(
            "resume-after-emergency",
            "End an emergency_disable that ran out",
            sql(
                SECONDS,
                &[
                    "ALTER EVENT TRIGGER pggit_ddl_trigger ENABLE",
                    "ALTER EVENT TRIGGER pggit_drop_trigger ENABLE",
                    "ALTER EVENT TRIGGER pggit_enhanced_ddl_trigger ENABLE",
                    "ALTER EVENT TRIGGER pggit_enhanced_drop_trigger ENABLE",
                    "INSERT INTO pggit.system_events (event_type, event_data) VALUES ('emergency_enable', \
                     jsonb_build_object('enabled_at', now(), 'enabled_by', current_user))",
                ],
            ),
        )
        .need(owner()),
    ]
}

fn owner() -> Need {
    need(
        Right::Superuser("pgGit's event triggers".into()),
        "ALTER EVENT TRIGGER is the owner's, and only a superuser can own one",
    )
}
