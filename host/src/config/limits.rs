//! `[limits]`, and `[job.NAME.limits]` with the same keys: a job's own limits start from the common ones.

use std::time::Duration;

use super::reader::{Problems, Section, note};
use crate::engine::{MOST_INSTANCES, MOST_MEMORIES, MOST_TABLES};
use crate::limits::Limits;

/// Reads limits over what holds otherwise.
pub(super) fn read(section: Option<Section<'_>>, base: &Limits, problems: &mut Problems) -> Limits {
    let mut limits = base.clone();
    let Some(mut section) = section else { return limits };
    let place = section.span.clone();
    for (key, field) in [
        ("memory", &mut limits.memory),
        ("call_bytes", &mut limits.call_bytes),
        ("bytes", &mut limits.bytes),
        ("log", &mut limits.log),
        ("answer_bytes", &mut limits.answer_bytes),
        ("report_bytes", &mut limits.report_bytes),
    ] {
        *field = section.size_from(key, 1024, problems).unwrap_or(*field);
    }
    for (key, field) in [("wall", &mut limits.wall), ("cpu", &mut limits.cpu)] {
        *field = section.duration_from(key, Duration::from_millis(10), problems).unwrap_or(*field);
    }
    for (key, field) in [
        ("table_elements", &mut limits.table_elements),
        ("instances", &mut limits.instances),
        ("memories", &mut limits.memories),
        ("tables", &mut limits.tables),
        ("calls", &mut limits.calls),
        ("handles", &mut limits.handles),
        ("findings", &mut limits.findings),
        ("metrics", &mut limits.metrics),
        ("proposals", &mut limits.proposals),
    ] {
        *field = section.count(key, problems).unwrap_or(*field);
    }
    if let Some(rows) = section.count("rows", problems) {
        limits.rows = u64::from(rows);
    }
    let name = section.name.clone();
    section.finish(problems);
    if limits.memory > 4 << 30 {
        note(
            problems,
            place.clone(),
            format!("{name}.memory is above 4GiB, the most that a 32-bit guest can have"),
            "lower it",
        );
    }
    let room = [
        ("table_elements", limits.table_elements, 20_000),
        ("instances", limits.instances, MOST_INSTANCES),
        ("memories", limits.memories, MOST_MEMORIES),
        ("tables", limits.tables, MOST_TABLES),
    ];
    for (key, wanted, reserved) in room {
        if wanted > reserved {
            let message = format!("{name}.{key} is above {reserved}, the room that the engine reserves");
            note(problems, place.clone(), message, "lower it");
        }
    }
    limits
}
