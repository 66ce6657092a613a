//! `continuity`: every segment between the oldest base backup that is kept and the newest segment is there and whole, per timeline.

use std::collections::BTreeMap;

use pgreeve_sdk::{Error, Finding, Reason, Status, finding, reason_of};

use crate::moment::SECOND;
use crate::name::Kind;
use crate::observe::{Archive, SETTLED, Segment};
use crate::sealed::Manifest;
use crate::view::{Said, View, count, ok, size};

const ID: &str = "continuity";

/// The archive as numbers: segments counted from the beginning of WAL.
#[derive(Debug)]
pub(crate) struct Wal<'a> {
    pub(crate) archive: &'a Archive,
    pub(crate) segment_bytes: u64,
}

/// Segments that are missing, from and to, both missing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Gap {
    pub(crate) first: u64,
    pub(crate) last: u64,
}

impl<'a> Wal<'a> {
    /// The archive with the server's size of segments, as it told or tells it, or with that of the first segment that is not compressed.
    pub(crate) fn new(view: &View<'_>, archive: &'a Archive) -> Self {
        Self { archive, segment_bytes: archive.segment_bytes(view.observed.memory.wal.segment_bytes) }
    }

    fn per_log(&self) -> u64 {
        ((1 << 32) / self.segment_bytes).max(1)
    }

    /// The number of a segment from the digits of its name.
    fn number(&self, position: u64) -> u64 {
        (position >> 32) * self.per_log() + (position & 0xFFFF_FFFF)
    }

    /// The number of the segment that holds a byte position.
    pub(crate) fn of_lsn(&self, lsn: u64) -> u64 {
        lsn / self.segment_bytes
    }

    /// A segment's name.
    pub(crate) fn name(&self, timeline: u32, number: u64) -> String {
        format!("{timeline:08X}{:08X}{:08X}", number / self.per_log(), number % self.per_log())
    }

    /// Whole segments of a timeline, by number.
    pub(crate) fn whole(&self, timeline: u32) -> BTreeMap<u64, Segment> {
        let all = self.archive.segments.get(&timeline).into_iter().flatten();
        all.filter(|(position, segment)| self.wrong((timeline, **position), segment).is_none())
            .map(|(position, segment)| (self.number(*position), *segment))
            .collect()
    }

    /// What is wrong with a segment, as far as its size and a few bytes of it tell, where this run looked or an earlier one found it broken.
    fn wrong(&self, key: (u32, u64), segment: &Segment) -> Option<&'a str> {
        match segment {
            Segment { size: 0, .. } => Some("it is empty"),
            Segment { ending: None, size, .. } if *size != self.segment_bytes => Some("it is cut short"),
            Segment { frame: Some(frame), .. } => frame.wrong(self.segment_bytes),
            Segment { frame: None, .. } => self.archive.still_broken.get(&key).map(String::as_str),
        }
    }

    /// Segments of a timeline that are there and not whole, with what is wrong with each.
    fn broken(&self, timeline: u32) -> BTreeMap<u64, (Segment, &'a str)> {
        let all = self.archive.segments.get(&timeline).into_iter().flatten();
        let wrong = |(position, segment): (&u64, &Segment)| {
            Some((self.number(*position), (*segment, self.wrong((timeline, *position), segment)?)))
        };
        all.filter_map(wrong).collect()
    }

    /// How many segments of a timeline this run did not look into, of how many.
    fn unlooked(&self, timeline: u32) -> (usize, usize) {
        let all = self.archive.segments.get(&timeline).into_iter().flat_map(BTreeMap::values);
        all.fold((0, 0), |(not, all), segment| (not + usize::from(segment.frame.is_none()), all + 1))
    }

    /// What is missing of a timeline, from a segment on, up to the last segment that there has to be.
    pub(crate) fn gaps(&self, timeline: u32, from: u64, until: Option<u64>) -> Vec<Gap> {
        let whole = self.whole(timeline);
        let mut gaps = Vec::new();
        let mut next = from;
        for number in whole.range(from..).map(|(number, _)| *number) {
            if until.is_some_and(|until| number > until) {
                break;
            }
            if number > next {
                gaps.push(Gap { first: next, last: number - 1 });
            }
            next = number + 1;
        }
        if let Some(until) = until.filter(|until| *until >= next) {
            gaps.push(Gap { first: next, last: until });
        }
        gaps
    }

    /// The timeline that followed this one, as far as any history tells, and the segment in which it began.
    pub(crate) fn successor(&self, timeline: u32) -> Option<(u32, u64)> {
        let newest = self.archive.histories.iter().rev().find_map(|(last, lines)| {
            let lines = lines.as_ref().ok()?;
            let at = lines.iter().position(|line| line.timeline == timeline)?;
            Some((lines.get(at + 1).map_or(*last, |line| line.timeline), lines.get(at)?.until))
        });
        newest.map(|(next, until)| (next, self.of_lsn(until)))
    }

    /// The segment in which a timeline began, by its own history.
    fn beginning(&self, timeline: u32) -> Option<u64> {
        let lines = self.archive.histories.get(&timeline)?.as_ref().ok()?;
        lines.last().map(|line| self.of_lsn(line.until))
    }

    /// Whether anything was archived after a segment that is not there, on its timeline or on one that follows from it.
    pub(crate) fn goes_on(&self, timeline: u32, missing: u64) -> bool {
        let follows = |later: &u32| {
            let lines = self.archive.histories.get(later).and_then(|lines| lines.as_ref().ok());
            *later > timeline && lines.is_some_and(|lines| lines.iter().any(|line| line.timeline == timeline))
        };
        self.whole(timeline).range(missing..).next().is_some()
            || self.archive.segments.keys().any(|later| follows(later) && !self.whole(*later).is_empty())
    }
}

/// The good base backups of this cluster, oldest first.
pub(crate) fn bases<'a>(view: &View<'a>) -> Vec<&'a Manifest> {
    let rows = view.rows.iter().filter(|row| row.series.kind == Kind::Base);
    let mut bases: Vec<&Manifest> =
        rows.flat_map(|row| row.good().map(|(_, sealed)| &sealed.manifest).collect::<Vec<_>>()).collect();
    bases.sort_by_key(|manifest| manifest.finished_us);
    bases
}

/// The timeline and the segment from which on a base backup needs the archive: what comes before is in it.
pub(crate) fn needs(wal: &Wal<'_>, base: &Manifest) -> Option<(u32, u64)> {
    Some((base.server.timeline?, wal.of_lsn(crate::observe::lsn(base.lsn.as_deref()?)?)))
}

/// Judges each timeline in the archive.
pub(crate) fn check(view: &View<'_>, said: &mut Said) {
    let Some((grant, archive)) = &view.observed.archive else { return };
    let archive = match archive {
        Ok(archive) => archive,
        Err(error) => return said.add(Finding::unanswered(ID, grant, error)),
    };
    if archive.cut {
        said.add(
            Finding::unknown(
                ID,
                grant,
                Reason::Failed,
                "there are more files than one run can list: gaps beyond them are not seen",
            )
            .advise(
                "remove what no base backup needs (pg_archivecleanup), or take base backups more often and keep fewer",
            ),
        );
    }
    if archive.segments.is_empty() {
        return said.add(Finding::unknown(ID, grant, Reason::NoData, "there is no segment in the archive").advise(
            "compare SHOW archive_command; with the path of the grant; SELECT pg_switch_wal(); should bring one",
        ));
    }
    if let Some(name) = &archive.a_foreign {
        let finding = finding(
            ID,
            "",
            Status::Warning,
            format!("{} in the archive that no WAL has, such as {name}", count(archive.foreign, "name")),
        );
        said.add(finding.advise(
            "a name such as .tmp is a copy that was broken off: look at archive_command; move the others elsewhere",
        ));
    }
    if let Some(error) = &archive.an_unread {
        said.add(unread(grant, archive.unread, error));
    }
    let wal = Wal::new(view, archive);
    let bases = bases(view);
    let oldest = bases.first().and_then(|base| needs(&wal, base));
    let newest = bases.last().and_then(|base| needs(&wal, base));
    for timeline in archive.segments.keys().copied() {
        said.add(one(view, &wal, timeline, oldest, newest));
    }
}

/// Segments that are there and could not be read.
fn unread(grant: &str, number: usize, error: &Error) -> Finding {
    let why = error.line();
    let forbidden = matches!(error, Error::Remote(remote) if ["EACCES", "EPERM"].contains(&remote.code.as_str()));
    let advice = match error {
        Error::Denied(_) if why.contains("hard links") => {
            format!(
                "each has a second name, as rsnapshot and cp -al make them: if nobody but the archive's owner can write there, add hard_links = true under [files.{grant}]; whether they were cut short is not known otherwise"
            )
        }
        _ if forbidden => {
            "cp gives them PostgreSQL's mode 0600: let archive_command end with chmod g+r, with the agent's user in that group, or let the agent run as their owner; whether they were cut short is not known otherwise".to_owned()
        }
        _ => "whether they were cut short is not known: try to read one as the agent's user, look at dmesg and at the mount".to_owned(),
    };
    let reason = if forbidden { Reason::NoPrivilege } else { reason_of(error) };
    let summary = format!("{} could not be looked into: {why}", count(number, "segment"));
    Finding::unknown(ID, &format!("{grant}/contents"), reason, summary).advise(advice)
}

fn one(
    view: &View<'_>,
    wal: &Wal<'_>,
    timeline: u32,
    oldest: Option<(u32, u64)>,
    newest: Option<(u32, u64)>,
) -> Finding {
    let subject = format!("timeline-{timeline}");
    let present = wal.whole(timeline);
    // Nothing before the oldest base backup is of use to anybody; on a later timeline all is.
    let from = match oldest {
        Some((of, from)) if of == timeline => Some(from),
        Some((of, _)) if of > timeline => return ok(ID, &subject, "no base backup that is kept needs it"),
        _ => None,
    };
    let begun = present.keys().next().copied();
    let (Some(from), until) = (
        from.or_else(|| wal.beginning(timeline)).or(begun),
        wal.successor(timeline).map(|(_, first)| first.saturating_sub(1)),
    ) else {
        return Finding::unknown(ID, &subject, Reason::NoData, "no segment of it is whole")
            .advise("see the finding `archiver`");
    };
    // The server says that this one is there.
    let archived = view.seen().and_then(|seen| seen.archiver.as_ref().ok()?.last_archived_wal.clone());
    let archived = archived
        .filter(|name| name.len() == 24 && u32::from_str_radix(name.get(..8).unwrap_or(""), 16) == Ok(timeline));
    let archived =
        archived.and_then(|name| u64::from_str_radix(name.get(8..)?, 16).ok()).map(|position| wal.number(position));
    let broken = wal.broken(timeline);
    // One that nobody has written to for a while is not on its way: no more of it will come.
    let settled = |segment: &Segment| view.now - segment.modified > SETTLED * SECOND;
    let left = broken.iter().rev().find(|(_, (segment, _))| settled(segment)).map(|(number, _)| *number);
    let last = archived.max(left);
    let nothing_yet = present.range(from..).next().is_none() && last.is_none_or(|last| last < from);
    if nothing_yet {
        return ok(ID, &subject, "nothing was archived since the base backup ended");
    }
    let mut gaps = wal.gaps(timeline, from, until.filter(|until| *until >= from).or(last.filter(|last| *last >= from)));
    gaps.sort_by_key(|gap| gap.first);
    let (not_looked, all) = wal.unlooked(timeline);
    let (Some(first), Some(last)) = (gaps.first(), gaps.last()) else {
        let whole = present.range(from..).count();
        let end =
            present.keys().last().map_or_else(String::new, |last| format!(", up to {}", wal.name(timeline, *last)));
        let finding = ok(ID, &subject, format!("{} without a gap{end}", count(whole, "segment")));
        let finding = if not_looked == 0 {
            finding
        } else {
            finding.explain(format!("this run did not look into {not_looked} of the {all} segments: they take turns"))
        };
        return finding.fact("from", wal.name(timeline, from)).fact("not_looked_into", not_looked);
    };
    let named = |gap: &Gap| {
        let (one, other) = (wal.name(timeline, gap.first), wal.name(timeline, gap.last));
        if gap.first == gap.last { one } else { format!("{one} to {other} ({} segments)", gap.last - gap.first + 1) }
    };
    // After the newest base backup: the present cannot be reached. Before it: some moments of the past cannot.
    let after_newest = newest.is_none_or(|(of, from)| of < timeline || (of == timeline && last.last >= from));
    let status = if after_newest { Status::Critical } else { Status::Warning };
    let more = if gaps.len() > 1 { format!(" (and {} more gaps)", gaps.len() - 1) } else { String::new() };
    let mut detail: Vec<String> = gaps.iter().take(40).map(|gap| format!("missing: {}", named(gap))).collect();
    detail.extend(broken.iter().take(40).map(|(number, (segment, why))| {
        format!("not whole: {} has {}: {why}", wal.name(timeline, *number), size(segment.size))
    }));
    let what = broken.get(&first.first).map_or("is missing".to_owned(), |(_, why)| format!("is not whole ({why})"));
    finding(ID, &subject, status, format!("{} {what}{more}", named(first)))
        .explain(detail.join("\n"))
        .advise(if after_newest {
            "no moment after the gap can be recovered: look whether the segment is still in pg_wal or in another copy of the archive and bring it back; else take a base backup now (pgreeve-backup take --kind=base --into=DIR)"
        } else {
            "moments in and after the gap, up to the next base backup, cannot be recovered; look for the segment in another copy of the archive"
        })
        .fact("gaps", gaps.len())
        .fact("not_looked_into", not_looked)
}
