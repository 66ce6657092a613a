//! A base backup, proved in a scratch server on a Unix socket of its own, with WAL replayed to a target.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::cluster::{Cluster, Recovery};
use super::scratch::{Scratch, UNPACKED};
use super::{Proving, Restored, assertions};
use crate::answer::{Failure, Kind as Why, Outcome, cannot};
use crate::directory::remove;
use crate::manifest::DatabaseSize;
use crate::moment::Moment;
use crate::program::{self, Tools};
use crate::proof::Claims;
use crate::session::Session;
use crate::space;

/// Where it is unpacked; removed when this is dropped.
struct Unpacked {
    root: PathBuf,
    made: Scratch,
}

impl Unpacked {
    fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    fn tablespace(&self, oid: &str) -> PathBuf {
        self.root.join("tablespaces").join(oid)
    }
}

impl Drop for Unpacked {
    fn drop(&mut self) {
        // What cannot be removed goes with the work directory, or is out of our hands.
        let _ = self.made.remove_files();
    }
}

pub(super) fn prove(proving: &Proving<'_>, claims: &mut Claims) -> Outcome<Restored> {
    let manifest = proving.manifest;
    let tools = Tools::of(manifest.server.major, proving.request.bindir.as_deref(), false)?;
    let root = proving.request.scratch.clone().unwrap_or_else(|| proving.work.path().to_owned());
    if proving.request.space_check {
        space::check(&root, manifest.database_bytes + manifest.database_bytes / 10, "unpacking the base backup")?;
    }
    if let Some(to) = proving.request.to.filter(|to| to.0 < manifest.data_until_us) {
        let why =
            format!("{} ends at {}: WAL cannot be replayed back to {}", manifest.name, manifest.data_until, to.text());
        return Err(Failure::new(Why::Refused, format!("{why}; name an older backup, or a later time")));
    }
    let root = root.join(format!("{}{UNPACKED}", manifest.name));
    let made = Scratch::server(Some(root.clone()))?;
    made.record(proving.work.path())?;
    let unpacked = Unpacked { root, made };
    let started = Moment::now();
    unpack(proving, &unpacked)?;
    let unpacked_ms = Moment::now().ms_since(started);
    let verified = verify(&tools, &unpacked)?;
    let sound = verified.is_empty();
    claims.claim("files", "pg_verifybackup finds every file as it was backed up, and the WAL readable", verified);
    if !sound {
        return Ok(restored(proving, None, Moment(manifest.data_until_us), None));
    }
    let started = Moment::now();
    move_tablespaces(&unpacked)?;
    let recovery = Recovery::of(proving.request, manifest, proving.content)?;
    let Some(socket) = unpacked.made.socket_directory.clone() else {
        return Err(Failure::new(Why::Failed, "no directory for the scratch server's socket"));
    };
    DirBuilder::new().mode(0o700).create(&socket).map_err(cannot(format_args!("create {}", socket.display())))?;
    let user = proving.content.superuser.clone().unwrap_or_else(|| "postgres".to_owned());
    let mut cluster = Cluster::configure(&tools, &unpacked.data(), &socket, &user, &recovery)?;
    let came_up = cluster.start()?;
    let restore_ms = unpacked_ms + Moment::now().ms_since(started);
    claims.claim(
        "restored",
        format!("unpacked and recovered in {restore_ms} ms: {}", recovery.describe()),
        came_up.err().into_iter().collect(),
    );
    if !claims.passed() {
        return Ok(restored(proving, None, Moment(manifest.data_until_us), Some(recovery.target())));
    }
    let data_until = look(proving, &tools, &cluster, &recovery, claims)?;
    cluster.stop();
    Ok(restored(proving, Some(restore_ms), data_until, Some(recovery.target())))
}

fn restored(proving: &Proving<'_>, restore_ms: Option<i64>, data_until: Moment, target: Option<String>) -> Restored {
    Restored { server: proving.manifest.server.clone(), restore_ms, data_until, method: "server", target }
}

/// Unpacks the tar files: the data directory, its WAL, each tablespace.
fn unpack(proving: &Proving<'_>, to: &Unpacked) -> Outcome<()> {
    // Of an earlier try in the same --scratch directory.
    remove(&to.root).map_err(cannot(format_args!("clear {}", to.root.display())))?;
    let payload = proving.directory.join(&proving.manifest.payload);
    let listed = fs::read_dir(&payload)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(cannot(format_args!("list {}", payload.display())))?;
    let mut names: Vec<String> = listed.into_iter().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    // base.tar first: pg_wal is inside of it.
    names.sort_by_key(|name| !name.starts_with("base.tar"));
    for name in names {
        let Some((stem, _)) = name.split_once(".tar") else {
            fs::copy(payload.join(&name), to.data().join(&name)).map_err(cannot(format_args!("copy {name}")))?;
            continue;
        };
        let into = match stem {
            "base" => to.data(),
            "pg_wal" => to.data().join("pg_wal"),
            oid => to.tablespace(oid),
        };
        DirBuilder::new()
            .mode(0o700)
            .recursive(true)
            .create(&into)
            .map_err(cannot(format_args!("create {}", into.display())))?;
        let mut tar = program::command(Path::new("tar"));
        tar.arg("--extract").arg("--file").arg(payload.join(&name)).arg("--directory").arg(&into);
        program::run(tar, &format!("tar --extract of {name}"))?.good()?;
        if !["base", "pg_wal"].contains(&stem) {
            let link = to.data().join("pg_tblspc").join(stem);
            std::os::unix::fs::symlink(&into, &link).map_err(cannot(format_args!("link {}", link.display())))?;
        }
    }
    Ok(())
}

/// PostgreSQL's own look at the unpacked files and their WAL.
fn verify(tools: &Tools, unpacked: &Unpacked) -> Outcome<Vec<String>> {
    let mut verify = tools.command("pg_verifybackup")?;
    verify.arg("--quiet").arg(unpacked.data());
    let finished = program::run(verify, "pg_verifybackup")?;
    if let Some(failure) = finished.cut_off() {
        return Err(failure);
    }
    let mut against: Vec<String> = finished.errors().into_iter().map(str::to_owned).collect();
    if !finished.status.success() && against.is_empty() {
        against.push(format!("pg_verifybackup ended with {}", finished.status));
    }
    Ok(against)
}

/// The server makes the links of tablespaces from this file: they must not lead to the tablespaces of the server that was backed up.
fn move_tablespaces(unpacked: &Unpacked) -> Outcome<()> {
    let path = unpacked.data().join("tablespace_map");
    let Ok(text) = fs::read_to_string(&path) else { return Ok(()) };
    let mut moved = String::new();
    for line in text.lines() {
        let Some((oid, _)) = line.split_once(' ') else { continue };
        let place = unpacked.tablespace(oid);
        if !place.is_dir() {
            return Err(Failure::new(
                Why::Failed,
                format!("the backup names the tablespace {oid} and has no {oid}.tar"),
            ));
        }
        moved.push_str(&format!("{oid} {}\n", place.display()));
    }
    fs::write(&path, moved).map_err(cannot(format_args!("write {}", path.display())))
}

/// Claims about the recovered cluster; returns until when its data goes.
fn look(
    proving: &Proving<'_>,
    tools: &Tools,
    cluster: &Cluster,
    recovery: &Recovery,
    claims: &mut Claims,
) -> Outcome<Moment> {
    let psql = tools.find("psql")?;
    let mut session = Session::connect(&psql, &cluster.connection("template1"))?;
    let last = session.value("(extract(epoch FROM pg_catalog.pg_last_xact_replay_timestamp()) * 1000000)::bigint")?;
    let replayed = session.value("pg_catalog.pg_last_wal_replay_lsn()")?;
    if proving.request.wal_archive.is_some() {
        let good = "replay went as far as archived WAL follows without a gap";
        claims.claim("wal", good, recovery.against(proving.manifest, replayed.as_deref()));
    }
    let found: Vec<DatabaseSize> = session.rows("SELECT datname AS name, pg_catalog.pg_database_size(oid) AS bytes FROM pg_catalog.pg_database WHERE datallowconn AND datconnlimit <> -2 ORDER BY 1")?;
    drop(session);
    let gone = proving.content.databases.iter().filter(|before| !found.iter().any(|after| after.name == before.name));
    let gone = gone.map(|database| format!("database {} is missing", database.name)).collect();
    claims.claim("databases", format!("all {} are there", proving.content.databases.len()), gone);
    let of = proving.request.of.clone().unwrap_or_else(|| "postgres".to_owned());
    assertions::queries(proving, &psql, &cluster.connection(&of), claims)?;
    for database in &found {
        assertions::amcheck(proving, tools, &cluster.connection(&database.name), claims)?;
    }
    let last = last.and_then(|text| text.parse().ok()).map(Moment);
    // Where nothing was committed after the backup, its end is how far the data goes.
    Ok(last.unwrap_or(Moment(0)).max(Moment(proving.manifest.data_until_us)))
}
