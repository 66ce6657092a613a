//! Roles and other globals, by pg_dumpall.

use std::fs;

use serde::Deserialize;

use super::{PAYLOAD, Taken, Taking};
use crate::answer::{Failure, Kind as Why, Outcome, cannot};
use crate::manifest::{Caveat, Content};
use crate::moment::Moment;
use crate::program;
use crate::session::Session;

/// pg_dumpall's last line, but for a `\unrestrict` of late minor versions: without it the file is truncated.
const LAST: &str = "-- PostgreSQL database cluster dump complete";

/// Its kind alone.
const PASSWORD: &str = "'password=' || CASE WHEN rolpassword LIKE 'SCRAM-SHA-256$%' THEN 'scram' WHEN rolpassword LIKE 'md5%' THEN 'md5' END";

#[derive(Deserialize)]
struct Facts {
    roles: Vec<String>,
    sees_passwords: bool,
    of_all_roles: Vec<String>,
    now_us: i64,
}

/// What has to come back: roles, memberships, settings, tablespaces, a line each that begins with that word.
pub(crate) fn lines(session: &mut Session, passwords: bool) -> Outcome<Vec<String>> {
    #[derive(Deserialize)]
    struct Line {
        line: String,
    }
    let (roles, password) =
        if passwords { ("pg_catalog.pg_authid", PASSWORD) } else { ("pg_catalog.pg_roles", "NULL") };
    let query = include_str!("../sql/globals.sql").replace("$ROLES$", roles).replace("$PASSWORD$", password);
    Ok(session.rows::<Line>(&query)?.into_iter().map(|line| line.line).collect())
}

pub(super) fn take(taking: &mut Taking<'_>) -> Outcome<Taken> {
    let facts: Facts = taking.session.row(
        "SELECT (SELECT coalesce(json_agg(rolname ORDER BY rolname), '[]') FROM pg_catalog.pg_roles WHERE rolname !~ '^pg_') AS roles, \
                pg_catalog.has_table_privilege('pg_catalog.pg_authid', 'SELECT') AS sees_passwords, \
                (SELECT coalesce(json_agg(split_part(setting, '=', 1)), '[]') FROM pg_catalog.pg_db_role_setting CROSS JOIN unnest(setconfig) AS setting \
                  WHERE setrole = 0 AND setdatabase = 0) AS of_all_roles, \
                (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now_us",
    )?;
    let tablespaces = taking.session.rows(super::base::TABLESPACES)?;
    let lines = lines(&mut taking.session, facts.sees_passwords)?;
    let superuser = taking.session.value(super::base::SUPERUSER)?;
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
    let wait = taking.request.lock_wait_ms.to_string();
    program::set_options(&mut dump, &[("lock_timeout", &wait), ("statement_timeout", "10min")]);
    program::run(dump, "pg_dumpall --globals-only")?.good()?;
    caveats.extend(facts.of_all_roles.iter().map(|setting| {
        let detail =
            "is set for all roles (ALTER ROLE ALL SET), which pg_dumpall leaves out: set it again after a restore";
        Caveat::new("settings-of-all-roles-left-out", setting, detail)
    }));
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
        content: Content { roles: facts.roles, tablespaces, globals: lines, superuser, ..Content::default() },
        caveats,
        data_until: Moment(facts.now_us),
        lsn: None,
        start_lsn: None,
        start_segment: None,
        timeline: None,
    })
}
