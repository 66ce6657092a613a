//! A physical base backup by pg_basebackup, as tar files with a manifest, with the WAL that it needs to be consistent.

use std::fs;

use serde::Deserialize;

use super::{PAYLOAD, Taken, Taking};
use crate::answer::{Failure, Kind as Why, Outcome, cannot};
use crate::manifest::{Caveat, Content};
use crate::moment::Moment;
use crate::program;

/// Tablespaces outside of the data directory.
pub(super) const TABLESPACES: &str = "SELECT oid::bigint AS oid, spcname AS name, pg_catalog.pg_tablespace_location(oid) AS location FROM pg_catalog.pg_tablespace \
                                      WHERE pg_catalog.pg_tablespace_location(oid) <> '' ORDER BY oid";
const DATABASES: &str = "SELECT datname AS name, pg_catalog.pg_database_size(oid) AS bytes FROM pg_catalog.pg_database WHERE datallowconn AND datconnlimit <> -2 ORDER BY 1";
/// The role that initdb made: it is there in every cluster, whatever its name.
pub(super) const SUPERUSER: &str = "(SELECT rolname FROM pg_catalog.pg_roles WHERE oid = 10)";
/// What a server in recovery needs at least as large as the old one had it.
const SETTINGS: &str = "SELECT name, setting AS value FROM pg_catalog.pg_settings WHERE name IN \
                        ('max_connections', 'max_worker_processes', 'max_wal_senders', 'max_prepared_transactions', 'max_locks_per_transaction')";
/// Fast and half the size; 6 and more cost more time than disk.
const COMPRESS: u32 = 1;

#[derive(Deserialize)]
struct Setting {
    name: String,
    value: String,
}

#[derive(Deserialize)]
struct Settings {
    checksums: bool,
    segment_bytes: u64,
}

/// PostgreSQL's own backup_manifest, as far as we read it.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct BackupManifest {
    #[serde(rename = "WAL-Ranges")]
    wal_ranges: Vec<WalRange>,
}

#[derive(Deserialize)]
struct WalRange {
    #[serde(rename = "Timeline")]
    timeline: u32,
    #[serde(rename = "Start-LSN")]
    start: String,
    #[serde(rename = "End-LSN")]
    end: String,
}

pub(super) fn take(taking: &mut Taking<'_>) -> Outcome<Taken> {
    let settings: Settings = taking.session.row(
        "SELECT current_setting('data_checksums') = 'on' AS checksums, \
                (SELECT setting::bigint FROM pg_catalog.pg_settings WHERE name = 'wal_segment_size') AS segment_bytes",
    )?;
    let content = Content {
        databases: taking.session.rows(DATABASES)?,
        tablespaces: taking.session.rows(TABLESPACES)?,
        settings: taking.session.rows::<Setting>(SETTINGS)?.into_iter().map(|one| (one.name, one.value)).collect(),
        superuser: taking.session.value(SUPERUSER)?,
        wal_segment_bytes: Some(settings.segment_bytes),
        ..Content::default()
    };
    let into = taking.work.join(PAYLOAD);
    let level = taking.request.compress.unwrap_or(COMPRESS);
    let mut backup = taking.tools.command("pg_basebackup")?;
    backup.args([
        "--format=tar",
        "--wal-method=stream",
        "--checkpoint=fast",
        "--manifest-checksums=SHA256",
        "--no-password",
    ]);
    backup.arg(format!("--label={}", taking.name)).arg("--pgdata").arg(&into);
    if level > 0 {
        backup.arg(format!("--compress={level}"));
    }
    backup.args(taking.request.max_rate.as_ref().map(|rate| format!("--max-rate={rate}")));
    backup.arg("--dbname").arg(taking.request.connection.as_str());
    let finished = program::run(backup, "pg_basebackup")?.good().map_err(told)?;
    let now = taking.session.value("(extract(epoch FROM clock_timestamp()) * 1000000)::bigint")?;
    let now = now.and_then(|text| text.parse().ok()).unwrap_or_else(|| Moment::now().0);
    let last = last_range(&into.join("backup_manifest"))?;
    let mut caveats: Vec<Caveat> = finished
        .stderr
        .lines()
        .filter(|line| line.contains("warning: ") || line.contains("WARNING:"))
        .map(|line| Caveat::new("client-warning", "cluster", line.trim()))
        .collect();
    if !settings.checksums {
        let detail = "the server has data checksums off, so a damaged page is copied unseen; pg_amcheck in the restore test finds some; turn them on with pg_checksums --enable";
        caveats.push(Caveat::new("no-checksums", "cluster", detail));
    }
    Ok(Taken {
        method: "tar",
        program: taking.tools.version("pg_basebackup")?,
        database: None,
        content,
        caveats,
        data_until: Moment(now),
        start_segment: segment(last.timeline, &last.start, settings.segment_bytes),
        timeline: Some(last.timeline),
        lsn: Some(last.end),
        start_lsn: Some(last.start),
    })
}

fn last_range(path: &std::path::Path) -> Outcome<WalRange> {
    let text = fs::read(path).map_err(cannot(format_args!("read {}", path.display())))?;
    let parsed: Result<BackupManifest, _> = serde_json::from_slice(&text);
    let range = parsed.ok().and_then(|mut manifest| manifest.wal_ranges.pop());
    range.ok_or_else(|| Failure::new(Why::Failed, format!("{} names no WAL range", path.display())))
}

/// Name of the WAL segment that holds an LSN.
pub(crate) fn segment(timeline: u32, lsn: &str, segment_bytes: u64) -> Option<String> {
    let (high, low) = lsn.split_once('/')?;
    let position = (u64::from_str_radix(high, 16).ok()? << 32) | u64::from_str_radix(low, 16).ok()?;
    let number = position.checked_div(segment_bytes)?;
    let per_file = 0x1_0000_0000_u64.checked_div(segment_bytes)?;
    Some(format!("{timeline:08X}{:08X}{:08X}", number.checked_div(per_file)?, number.checked_rem(per_file)?))
}

fn told(mut failure: Failure) -> Failure {
    let said = &failure.message;
    let (kind, hint) = if said.contains("checksum error") || said.contains("checksum verification failed") {
        (
            failure.kind,
            "; the server's own files are damaged: see its log for the file, and do not expire older backups",
        )
    } else if said.contains("replication")
        && (said.contains("pg_hba.conf") || said.contains("must be superuser") || said.contains("permission denied"))
    {
        (Why::Refused, "; give the login REPLICATION, and pg_hba.conf a line `local replication LOGIN peer`")
    } else if said.contains("max_wal_senders") {
        (
            Why::Failed,
            "; let it be 3 or more, with wal_level = replica (a restart), or see in pg_stat_replication who uses them all",
        )
    } else {
        (failure.kind, "")
    };
    failure.kind = kind;
    failure.message.push_str(hint);
    failure
}

#[cfg(test)]
mod tests {
    use super::segment;

    #[test]
    fn a_segment_is_named_as_the_server_names_it() {
        // As pg_walfile_name('1/2000028') and pg_walfile_name('0/12345678') answer.
        assert_eq!(segment(1, "1/2000028", 16 << 20).as_deref(), Some("000000010000000100000002"));
        assert_eq!(segment(3, "0/12345678", 1 << 20).as_deref(), Some("000000030000000000000123"));
        assert_eq!(segment(1, "nonsense", 1 << 20), None);
    }
}
