//! `space`: whether the next backups fit; `same-disk`: whether one broken disk would take data and backups.

use pgreeve_sdk::{Finding, Reason, Status, finding};

use crate::name::{Kind, Series};
use crate::observe::Place;
use crate::view::{Row, Said, View, count, no_data, ok, size};

// The tool's own numbers (tool/src/space.rs, tool/src/sql): what is proposed should not be refused by it for want of room.

/// The next backup beside the last one, grown as its database has.
const GROWTH: f64 = 1.2;
/// What small files and manifests take.
const SMALL: f64 = 1048576.0;
/// WAL in a first base backup: PostgreSQL's own `max_wal_size`.
const WAL: f64 = 1073741824.0;
/// A first dump without data, and one of globals.
const SCHEMA: f64 = 16777216.0;
const GLOBALS: f64 = 1048576.0;
/// Rounds of backups that there should be room for.
const ROUNDS: f64 = 2.0;

/// Bytes that the next backup of a series is expected to take, a first one as if nothing of it could be packed; none where nothing tells.
fn estimate(view: &View<'_>, series: &Series) -> Option<f64> {
    let bytes = size_of(view, series);
    if let Some((_, sealed)) = view.row(series).and_then(Row::newest) {
        let manifest = &sealed.manifest;
        let then = manifest.database_bytes.filter(|bytes| *bytes > 0).map(|bytes| bytes as f64);
        let grown = bytes.zip(then).map_or(1.0, |(now, then)| (now / then).max(1.0));
        return Some(manifest.bytes as f64 * grown * GROWTH + SMALL);
    }
    let most = match series.kind {
        Kind::Full => bytes?,
        Kind::Base => bytes? + WAL,
        Kind::Schema => SCHEMA,
        Kind::Globals => GLOBALS,
    };
    Some(most + SMALL)
}

/// Bytes of a series's database, or of all; none where the role may not see them.
fn size_of(view: &View<'_>, series: &Series) -> Option<f64> {
    let sizes = view.seen()?.sizes.as_ref().ok()?;
    match series.database() {
        Some(database) => sizes.iter().find(|it| it.name == database)?.bytes.map(|bytes| bytes as f64),
        None => sizes.iter().map(|it| it.bytes.map(|bytes| bytes as f64)).sum(),
    }
}

/// Whether there is room for the next backup of a series, as far as that can be told: the tool looks again before it starts.
pub(crate) fn fits(view: &View<'_>, place: &Place, series: &Series) -> bool {
    match (estimate(view, series), &place.space) {
        (Some(needed), Ok(space)) => (space.available as f64) >= needed,
        _ => true,
    }
}

/// Judges the file system of the directory.
pub(crate) fn check(view: &View<'_>, place: &Place, said: &mut Said) {
    const ID: &str = "space";
    let space = match &place.space {
        Ok(space) => space,
        Err(error) => return said.add(Finding::unanswered(ID, &place.grant, error)),
    };
    let kinds: Vec<Kind> =
        if view.settings.watches() { view.settings.expect.clone() } else { view.settings.take.clone() };
    let wanted = view.wanted(&kinds);
    let estimates: Vec<Option<f64>> = wanted.iter().map(|series| estimate(view, series)).collect();
    let needed: f64 = estimates.iter().flatten().sum();
    let unknown = estimates.iter().filter(|estimate| estimate.is_none()).count();
    let available = space.available as f64;
    let summary = format!(
        "{} free, the next {} expected to take {}",
        size(space.available),
        rounds(wanted.len()),
        size(needed as u64)
    );
    let advice = "make room: let expired backups go (a job with expire = true), move the backups to a larger file system, or keep fewer; du -sh in the directory shows what takes it";
    let finding = if available < needed {
        finding(ID, &place.grant, Status::Critical, format!("they do not fit: {summary}")).advise(advice)
    } else if space.inodes_total > 0 && space.inodes_available < 1000 {
        finding(ID, &place.grant, Status::Critical, format!("only {} inodes are free", space.inodes_available))
            .advise("df -i; find what holds so many files")
    } else if available < needed * ROUNDS {
        finding(ID, &place.grant, Status::Warning, format!("room for one round of backups and not for two: {summary}"))
            .advise(advice)
    } else if unknown > 0 {
        no_data(ID, &place.grant, format!("{summary}; of {unknown} it cannot be told"))
            .advise("the first backup of each tells; or grant a database scope whose role has pg_monitor")
    } else {
        ok(ID, &place.grant, summary)
    };
    said.add(
        finding
            .fact("available_bytes", space.available)
            .fact("needed_bytes", needed as u64)
            .fact("total_bytes", space.total),
    );
    said.measure("backup_space_available_bytes", available, "bytes", &place.grant);
    said.measure("backup_space_needed_bytes", needed, "bytes", &place.grant);
}

fn rounds(number: usize) -> String {
    if number == 1 { "backup is".to_owned() } else { format!("{} are", count(number, "backup")) }
}

/// `same-disk`: only where the host may be looked at.
pub(crate) fn same_disk(view: &View<'_>, place: &Place, said: &mut Said) {
    const ID: &str = "same-disk";
    let survey = match &view.observed.disks {
        None => return,
        Some(Ok(survey)) => survey,
        Some(Err(error)) => return said.add(Finding::unanswered(ID, &place.grant, error)),
    };
    let ours = format!("files:{}", place.grant);
    let Some(disk) = survey.seen.iter().find(|disk| disk.purpose.contains(&ours)) else {
        return said.add(
            no_data(ID, &place.grant, "the file system of the backups is not among those that can be seen")
                .advise("see [system] in agent.toml"),
        );
    };
    let data = |purpose: &String| purpose == "data" || purpose == "wal" || purpose.starts_with("tablespace");
    if !survey.seen.iter().any(|disk| disk.purpose.iter().any(data)) {
        let finding = Finding::unknown(ID, &place.grant, Reason::NoData, "where the data lies is not known");
        return said.add(finding.advise(
            "name the data directory in agent.toml: [system] data_directories = [\"…\"] (SHOW data_directory;)",
        ));
    }
    said.add(match disk.purpose.iter().find(|purpose| data(purpose)) {
        Some(_) if view.settings.same_disk => {
            ok(ID, &place.grant, format!("on {} with the data, which is accepted (same_disk)", disk.mount))
        }
        Some(_) => finding(
            ID,
            &place.grant,
            Status::Warning,
            format!("the backups lie on {} with the data: one broken disk takes both", disk.mount),
        )
        .advise(
            "move them to another disk, or copy them to another place (pgreeve-backup copy) and set same_disk = true",
        ),
        None => ok(ID, &place.grant, format!("on {}, away from the data", disk.mount)),
    });
}
