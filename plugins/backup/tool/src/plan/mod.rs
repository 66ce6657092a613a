//! Plans a restore: the exact steps to a point in time with the backups and the WAL that are there, or why that time cannot be reached.

mod places;
mod steps;

use std::fmt::Write;
use std::path::PathBuf;

use serde_json::{Value, json};

use self::places::{Found, Place, Places};
use self::steps::Step;
use crate::answer::{Failure, Kind as Why, Outcome};
use crate::archive::{Archive, Run};
use crate::directory::Directory;
use crate::manifest::{Content, Manifest};
use crate::moment::Moment;
use crate::name::{Kind, label};
use crate::program::Tools;

/// What the command line says.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) inside: PathBuf,
    /// Further places with copies.
    pub(crate) copies: Vec<PathBuf>,
    /// Object stores, by name, with a directory that has their manifests.
    pub(crate) stored: Vec<(String, PathBuf)>,
    /// Object stores that could not be looked at, in words.
    pub(crate) unasked: Vec<String>,
    /// The agent.toml that names them.
    pub(crate) config: Option<PathBuf>,
    /// None: as late as possible.
    pub(crate) to: Option<Moment>,
    pub(crate) of: Option<String>,
    pub(crate) wal_archive: Option<PathBuf>,
    pub(crate) data_dir: PathBuf,
    pub(crate) bindir: Option<PathBuf>,
}

/// What can be done.
#[derive(Default)]
struct Plan {
    /// Why the time itself cannot be reached; `None`: it can.
    why: Option<String>,
    backup: Option<String>,
    /// Where that is, unless it is in the directory itself.
    place: Option<String>,
    from: Option<Moment>,
    until: Option<Moment>,
    steps: Vec<Step>,
    /// What the plan does not know, a line each.
    notes: Vec<String>,
}

/// Plans; the answer holds `text`, for a person.
pub(crate) fn run(request: &Request) -> Outcome<Value> {
    let places = Places::of(request, &Directory::open(&request.inside)?)?;
    let mut plan = match physical(request, &places)? {
        Some(plan) => plan,
        None => logical(request, &places),
    };
    let gone = |gone: &String| {
        format!("copies were brought to {gone}, which cannot be looked into now: mount it, and plan again")
    };
    let doubts = places.unsound(request, plan.from).into_iter().chain(places.gone.first().map(gone));
    let doubts = doubts.chain(request.unasked.iter().cloned());
    match &mut plan.why {
        Some(why) => doubts.for_each(|doubt| why.push_str(&format!("; {doubt}"))),
        None => plan.notes.extend(doubts),
    }
    let text = describe(&plan);
    let answer = json!({
        "reachable": plan.why.is_none(), "why": plan.why, "backup": plan.backup, "place": plan.place, "from": plan.from.map(Moment::text),
        "until": plan.until.map(Moment::text), "notes": plan.notes, "steps": plan.steps.iter().map(Step::json).collect::<Vec<_>>(), "text": text,
    });
    match plan.why {
        None => Ok(answer),
        Some(why) => {
            let mut failure = Failure::new(Why::Damaged, why);
            if let Value::Object(members) = answer {
                *failure.members = members;
            }
            Err(failure)
        }
    }
}

/// By a base backup and WAL, from the nearest place whose newest leads to the time; `None` if there is no base backup from before it anywhere.
fn physical(request: &Request, places: &Places) -> Outcome<Option<Plan>> {
    let before = |found: &&Found| {
        let Manifest { kind, data_until_us, .. } = found.manifest;
        kind == Kind::Base && request.to.is_none_or(|to| data_until_us <= to.0)
    };
    let (mut nearest, mut archive) = (None, None);
    for place in 0..places.all.len() {
        let Some(base) = places.sound.iter().filter(|found| found.place == place).rfind(before) else { continue };
        let plan = from_base(request, places, base, &mut archive)?;
        if plan.why.is_none() {
            return Ok(Some(plan));
        }
        nearest = nearest.or(Some(plan));
    }
    Ok(nearest)
}

/// From one base backup; `known`: the archive, as it was looked at for another.
fn from_base(request: &Request, places: &Places, found: &Found, known: &mut Option<Archive>) -> Outcome<Plan> {
    let base = &found.manifest;
    // To the next millisecond, so that the time as it is printed can be reached.
    let end = Moment((base.data_until_us + 999) / 1000 * 1000);
    let (mut until, mut why, mut notes) = (end, None, Vec::new());
    let content = match places.all.get(found.place) {
        Some(Place::Directory(directory)) => read_content(directory, base)?,
        _ => Content::default(),
    };
    if known.as_ref().is_none_or(|known| !known.serves(base, &content)) {
        *known = request.wal_archive.as_ref().map(|path| Archive::of(path, base, &content)).transpose()?;
    }
    let archive = known.as_ref();
    if let Some(archive) = archive {
        let path = archive.path();
        let run = archive.from(base.start_segment.as_deref().unwrap_or_default());
        let tools = Tools::of(base.server.major, request.bindir.as_deref(), true)?;
        until = archive.last_commit(&run, &tools).unwrap_or(end).max(end);
        notes.extend(unseen(&run));
        if request.to.is_some_and(|to| to > until) {
            why = Some(match (&run.gap, run.names.last()) {
                (Some(gap), _) => format!(
                    "WAL ends at {}: segment {gap} is {} in {}, so what came after cannot be replayed; {}",
                    until.text(),
                    run.wrong.map_or("missing".to_owned(), |wrong| format!("not whole ({wrong})")),
                    path.display(),
                    if run.under_way {
                        "it was written to within the last 15 minutes: plan again in a minute, or, if the old server is gone, look for it in its pg_wal"
                    } else if archive.has_beginning_of(gap) {
                        "its beginning is there as .partial: a copy of that under the segment's own name lets recovery replay what it holds"
                    } else {
                        "look for it in pg_wal of the old server and its standbys"
                    }
                ),
                (None, Some(last)) => format!(
                    "archived WAL ends at {} (segment {last}): if the old server's pg_wal is still there, copy its newer segments into {}; if it still runs, \
                     SELECT pg_switch_wal() first",
                    until.text(),
                    path.display()
                ),
                (None, None) => format!("{} holds no WAL of the base backup {}", path.display(), base.name),
            });
        }
    } else if request.to.is_some_and(|to| to > until) {
        why = Some(format!(
            "without archived WAL nothing after {} can be reached: name the archive by --wal-archive",
            until.text()
        ));
    }
    // PostgreSQL stops at a transaction that ended after the target, so at the very last one there is nothing to stop at.
    let target = request.to.filter(|to| why.is_none() && *to < until);
    let steps = match places.all.get(found.place) {
        Some(Place::Store(store)) => steps::fetch(request, places, store, base),
        Some(Place::Directory(directory)) => steps::physical(request, directory, base, &content, archive, target),
        None => Vec::new(),
    };
    let (backup, place) = (Some(base.name.clone()), places.told(found));
    Ok(Plan { why, backup, place, from: Some(end), until: Some(until), steps, notes })
}

/// Which archived WAL was not looked into.
fn unseen(run: &Run) -> Option<String> {
    let last = run.names.get(run.unseen.checked_sub(1)?)?;
    let (count, all, first) = (run.unseen, run.names.len(), run.names.first()?);
    Some(format!(
        "{count} of {all} segments, {first} to {last}, were not looked into, for that took too long: they are there, and if one of them is damaged, \
         replay ends before it, and the restored server's log names it"
    ))
}

/// By a dump, which knows only its own moment.
fn logical(request: &Request, places: &Places) -> Plan {
    let wanted = |found: &&Found| {
        let Manifest { kind, database, .. } = &found.manifest;
        *kind == Kind::Full && request.of.as_ref().is_none_or(|of| database.as_ref() == Some(of))
    };
    let before = |found: &&Found| wanted(found) && request.to.is_none_or(|to| found.manifest.data_until_us <= to.0);
    let sound = &places.sound;
    let Some(found) = sound.iter().rfind(before) else {
        let at = |found: &Found| Moment(found.manifest.data_until_us);
        let earliest = sound.iter().find(wanted).map(at);
        let base = sound.iter().find(|found| found.manifest.kind == Kind::Base).map(at);
        let of = request.of.as_ref().map_or(String::new(), |of| format!(" of {}", label(of)));
        let inside = request.inside.display();
        let or = match places.all.len() + places.gone.len() {
            0 | 1 if request.config.is_some() => "; a copy elsewhere: name its directory by --copies",
            0 | 1 => {
                "; a copy elsewhere: name its directory by --copies; one in object storage: `pgreeve backup restore-plan` with the same words"
            }
            _ => " and its copies",
        };
        let why = match earliest.into_iter().chain(base).min() {
            Some(first) => {
                format!(
                    "the oldest sound backup{of} is of {}: nothing from before is left in {inside}{or}",
                    first.text()
                )
            }
            None => format!("there is no sound backup{of} in {inside}{or}"),
        };
        return Plan { why: Some(why), ..Plan::default() };
    };
    let dump = &found.manifest;
    let at = Moment(dump.data_until_us);
    let why = request.to.filter(|to| *to > at).map(|to| {
        let lost = to.ms_since(at) / 1000;
        let lost = humantime::format_duration(std::time::Duration::from_secs(lost.unsigned_abs()));
        format!("there is no base backup from before that time, and a dump knows only its own moment: the nearest is of {}, {lost} earlier", at.text())
    });
    let steps = match places.all.get(found.place) {
        Some(Place::Store(store)) => steps::fetch(request, places, store, dump),
        Some(Place::Directory(directory)) => {
            let payload = |one: &Found| match places.all.get(one.place) {
                Some(Place::Directory(directory)) => Some(directory.join(&one.manifest.payload)),
                _ => None,
            };
            let newest_first = sound.iter().rev().filter(|one| one.manifest.kind == Kind::Globals);
            let globals = newest_first.filter_map(payload).next();
            let shape = read_content(directory, dump).ok().and_then(|content| content.database);
            steps::logical(request, directory, dump, shape.as_ref(), globals.as_deref())
        }
        None => Vec::new(),
    };
    let (backup, place) = (Some(dump.name.clone()), places.told(found));
    Plan { why, backup, place, from: Some(at), until: Some(at), steps, notes: Vec::new() }
}

fn read_content(directory: &Directory, base: &Manifest) -> Outcome<Content> {
    let entry = format!("{}.content.json", base.name);
    let text = std::fs::read(directory.join(&entry)).unwrap_or_default();
    serde_json::from_slice(&text).map_err(|why| {
        Failure::new(Why::Damaged, format!("{entry} cannot be understood: {why}; restore an older backup"))
    })
}

/// For a person at three in the morning.
fn describe(plan: &Plan) -> String {
    let mut text = String::new();
    let place = plan.place.as_ref().map_or(String::new(), |place| format!(", which is in {place} and not here"));
    let _ = match (&plan.why, &plan.backup) {
        (Some(why), Some(backup)) => {
            writeln!(text, "NOT REACHABLE: {why}\n\nThe nearest that can be had, from {backup}{place}:")
        }
        (Some(why), None) => writeln!(text, "NOT REACHABLE: {why}"),
        (None, backup) => writeln!(text, "Restore from {}{place}", backup.as_deref().unwrap_or("")),
    };
    if let Some((from, until)) = plan.from.zip(plan.until) {
        let _ = writeln!(text, "Any time from {} to {} can be reached with it.", from.text(), until.text());
    }
    for note in &plan.notes {
        let _ = writeln!(text, "\nMind: {note}.");
    }
    for (number, step) in plan.steps.iter().enumerate() {
        let _ = writeln!(text, "\n{}. {}", number + 1, step.title);
        if !step.note.is_empty() {
            let _ = writeln!(text, "   {}", step.note);
        }
        for command in &step.commands {
            let _ = writeln!(text, "     {}", command.replace('\n', "\n     "));
        }
    }
    text
}
