//! A dump of globals, proved in a scratch server of its own that initdb makes.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::cluster::{Cluster, Recovery};
use super::scratch::Scratch;
use super::{Proving, Restored, script};
use crate::answer::{Failure, Kind as Why, Outcome, cannot};
use crate::moment::Moment;
use crate::program::{self, Tools};
use crate::proof::Claims;
use crate::session::Session;
use crate::take::globals::lines;

/// The claims, and the first word of the lines that each is about.
const CLAIMS: [(&str, &str); 4] =
    [("roles", "role "), ("memberships", "membership "), ("settings", "setting "), ("tablespaces", "tablespace ")];

/// A directory for a socket; removed when this is dropped.
struct Socket(Scratch);

impl Drop for Socket {
    fn drop(&mut self) {
        // What cannot be removed is recorded in the work directory.
        let _ = self.0.remove_files();
    }
}

pub(super) fn prove(proving: &Proving<'_>, claims: &mut Claims) -> Outcome<Restored> {
    let manifest = proving.manifest;
    let tools = Tools::of(manifest.server.major, proving.request.bindir.as_deref(), false)?;
    if proving.content.globals.is_empty() {
        return Err(Failure::new(Why::Refused, "this dump of globals does not say what is in it: take a new one"));
    }
    let user = proving.content.superuser.clone().unwrap_or_else(|| "postgres".to_owned());
    let socket = Socket(Scratch::server(None)?);
    socket.0.record(proving.work.path())?;
    let Some(socket_directory) = &socket.0.socket_directory else {
        return Err(Failure::new(Why::Failed, "no directory for the scratch server's socket"));
    };
    make(socket_directory)?;
    let started = Moment::now();
    let data = proving.work.join("data");
    let mut initdb = tools.command("initdb")?;
    initdb.args(["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]).arg(format!("--username={user}"));
    initdb.arg("--pgdata").arg(&data);
    program::run(initdb, "initdb")?.good()?;
    let mut cluster = Cluster::configure(&tools, &data, socket_directory, &user, &Recovery::none())?;
    cluster.start()?.map_err(|why| Failure::new(Why::Failed, why))?;
    // Before the roles come: theirs may be a superuser that cannot log in.
    let mut session = Session::connect(&tools.find("psql")?, &cluster.connection("postgres"))?;
    let against = restore(proving, &tools, &cluster, &user, socket_directory)?;
    let restore_ms = Moment::now().ms_since(started);
    claims.claim("restored", format!("psql said nothing of an error, in {restore_ms} ms with initdb"), against);
    let with_passwords = !manifest.caveats.iter().any(|caveat| caveat.code == "role-passwords-left-out");
    compare(&proving.content.globals, &lines(&mut session, with_passwords)?, claims);
    drop(session);
    cluster.stop();
    if !proving.content.tablespaces.is_empty() {
        claims
            .note("tablespaces were made in directories of the test's: on a new host their own have to be there first");
    }
    Ok(Restored {
        server: manifest.server.clone(),
        restore_ms: Some(restore_ms),
        data_until: Moment(manifest.data_until_us),
        method: "server",
        target: None,
    })
}

fn make(path: &Path) -> Outcome<()> {
    DirBuilder::new()
        .mode(0o700)
        .recursive(true)
        .create(path)
        .map_err(cannot(format_args!("create {}", path.display())))
}

/// Runs the script, with tablespaces below `elsewhere`, whose name has no quotes in it; what speaks against it.
fn restore(
    proving: &Proving<'_>,
    tools: &Tools,
    cluster: &Cluster,
    user: &str,
    elsewhere: &Path,
) -> Outcome<Vec<String>> {
    let payload = proving.directory.join(&proving.manifest.payload);
    let text = fs::read(&payload).map_err(cannot(format_args!("read {}", payload.display())))?;
    let mut places: Vec<PathBuf> = Vec::new();
    let script = match script::relocated(&String::from_utf8_lossy(&text), &mut places, &elsewhere.join("tablespaces")) {
        Ok(script) => script,
        Err(why) => return Ok(vec![format!("{} cannot be run: {why}", proving.manifest.payload)]),
    };
    places.iter().try_for_each(|place| make(place))?;
    let file = proving.work.join("globals.sql");
    fs::write(&file, script).map_err(cannot(format_args!("write {}", file.display())))?;
    let mut psql = tools.command("psql")?;
    psql.args(["--no-psqlrc", "--quiet", "--no-password", "--output=/dev/null"]).arg("--file").arg(&file);
    let connection = cluster.connection("postgres");
    psql.arg("--dbname").arg(connection.as_str());
    let ran = program::run(psql, "psql")?;
    if let Some(failure) = ran.cut_off() {
        return Err(failure);
    }
    // initdb has made this one; the script goes on to give it its attributes.
    let expected = format!("ERROR:  role \"{user}\" already exists");
    let errors = ran.errors().into_iter().filter(|line| !line.ends_with(&expected));
    let mut against: Vec<String> = errors.map(|line| line.trim().to_owned()).collect();
    if !ran.status.success() && against.is_empty() {
        against.push(format!("psql ended with {}", ran.status));
    }
    Ok(against)
}

fn compare(recorded: &[String], found: &[String], claims: &mut Claims) {
    for (id, word) in CLAIMS {
        let of = |lines: &[String]| -> BTreeSet<String> {
            lines.iter().filter_map(|line| line.strip_prefix(word)).map(str::to_owned).collect()
        };
        let (before, after) = (of(recorded), of(found));
        let gone = before.difference(&after).map(|line| format!("did not come back as it was: {line}"));
        let new = after.difference(&before).map(|line| format!("came back and was not there: {line}"));
        claims.claim(id, format!("all {} came back as they were", before.len()), gone.chain(new).collect());
    }
}

#[cfg(test)]
mod tests {
    use super::compare;
    use crate::proof::Claims;

    #[test]
    fn a_role_that_came_back_with_more_rights_fails() {
        let lines = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
        let recorded = lines(&["role a login connections=-1", "membership a in b", "setting a work_mem=1MB"]);
        let mut claims = Claims::default();
        compare(&recorded, &recorded, &mut claims);
        assert!(claims.passed());
        let mut claims = Claims::default();
        compare(&recorded, &lines(&["role a superuser login connections=-1", "membership a in b"]), &mut claims);
        let failed: Vec<&str> = claims.assertions.iter().filter(|one| !one.passed).map(|one| one.id.as_str()).collect();
        assert_eq!(failed, ["roles", "settings"]);
    }
}
