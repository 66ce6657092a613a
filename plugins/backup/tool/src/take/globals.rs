//! Roles and other globals, by pg_dumpall.

use std::fs;

use serde::Deserialize;

use super::{PAYLOAD, Taken, Taking};
use crate::answer::{Failure, Kind as Why, Outcome, cannot};
use crate::manifest::{Caveat, Content};
use crate::moment::Moment;
use crate::program;

/// pg_dumpall's last line, but for a `\unrestrict` of late minor versions: without it the file is truncated.
const LAST: &str = "-- PostgreSQL database cluster dump complete";

#[derive(Deserialize)]
struct Facts {
    roles: Vec<String>,
    sees_passwords: bool,
    now_us: i64,
}

pub(super) fn take(taking: &mut Taking<'_>) -> Outcome<Taken> {
    let facts: Facts = taking.session.row(
        "SELECT (SELECT coalesce(json_agg(rolname ORDER BY rolname), '[]') FROM pg_catalog.pg_roles WHERE rolname !~ '^pg_') AS roles, \
                pg_catalog.has_table_privilege('pg_catalog.pg_authid', 'SELECT') AS sees_passwords, \
                (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now_us",
    )?;
    let tablespaces = taking.session.rows(super::base::TABLESPACES)?;
    let file = taking.work.join(PAYLOAD);
    let mut dump = taking.tools.command("pg_dumpall")?;
    dump.args(["--globals-only", "--no-password"])
        .arg("--file")
        .arg(&file)
        .arg("--dbname")
        .arg(taking.request.connection.as_str());
    let mut caveats = Vec::new();
    if !facts.sees_passwords {
        dump.arg("--no-role-passwords");
        let detail = "this login may not read pg_authid, so roles come back without passwords; take it as a superuser";
        caveats.push(Caveat::new("role-passwords-left-out", "cluster", detail));
    }
    program::run(dump, "pg_dumpall --globals-only")?.good()?;
    let text = fs::read_to_string(&file).map_err(cannot(format_args!("read {}", file.display())))?;
    if !text.lines().rev().take(5).any(|line| line == LAST) {
        return Err(Failure::new(
            Why::Failed,
            "pg_dumpall ended well but its file does not: it is truncated; look for a full disk",
        ));
    }
    Ok(Taken {
        method: "sql",
        program: taking.tools.version("pg_dumpall")?,
        database: None,
        content: Content { roles: facts.roles, tablespaces, ..Content::default() },
        caveats,
        data_until: Moment(facts.now_us),
        lsn: None,
        start_lsn: None,
        start_segment: None,
        timeline: None,
    })
}
