//! A dump, proved in a scratch database.

use std::path::PathBuf;

use super::scratch::{Scratch, drop_database};
use super::{Proving, Restored, assertions};
use crate::answer::{Failure, Kind as Why, Outcome, one_line};
use crate::connection::Connection;
use crate::manifest::{DatabaseShape, ServerFacts};
use crate::moment::Moment;
use crate::name::Kind;
use crate::program::{self, Finished, Tools, is_unreachable};
use crate::proof::Claims;
use crate::session::{Session, identifier, literal};
use crate::space;

/// The first major with event triggers for logins, and a setting that turns all of them off.
pub(super) const LOGIN_TRIGGERS: u32 = 17;

/// A database that is dropped when this is.
struct Made<'a> {
    proving: &'a Proving<'a>,
    psql: PathBuf,
    session: Session,
    database: String,
    connection: Connection,
}

pub(super) fn prove(proving: &Proving<'_>, claims: &mut Claims) -> Outcome<Restored> {
    let request = proving.request;
    let mut session = Session::connect(&Tools::any_psql(request.bindir.as_deref())?, &request.connection)?;
    let server = session.facts()?;
    let tools = Tools::of(server.major, request.bindir.as_deref(), request.newer_client)?;
    if server.major < proving.manifest.server.major {
        let (from, here) = (proving.manifest.server.major, server.major);
        return Err(Failure::new(
            Why::Refused,
            format!("the dump is of PostgreSQL {from} and this server is {here}: prove it on {from} or later"),
        ));
    }
    if server.major != proving.manifest.server.major {
        claims.note(format!("restored on PostgreSQL {}, taken from {}", server.major, proving.manifest.server.major));
    }
    check_space(proving, &mut session)?;
    let started = Moment::now();
    let mut made = create(proving, &tools, session, &server)?;
    let restored = restore(proving, &tools, &made)?;
    let restore_ms = Moment::now().ms_since(started);
    claims.claim(
        "restored",
        format!("pg_restore ended well and said nothing of an error, in {restore_ms} ms"),
        complaints(&restored)?,
    );
    if restored.stderr.contains("role \"") && restored.stderr.contains("does not exist") {
        claims.note("this server lacks roles of the old one: restore the globals first, or prove with --no-owners");
    }
    let notes = restored.stderr.lines().filter(|line| !program::tells_of_error(line) && !line.trim().is_empty());
    notes.take(5).for_each(|line| claims.note(format!("pg_restore: {}", line.trim())));
    claims.note(
        "owner, settings, privileges and comment of the database itself are not restored here, in a database of another name: the take looked for each in the dump (caveats)",
    );
    assertions::of_dump(proving, &server, &tools, &made.connection, claims)?;
    let Made { session, database, .. } = &mut made;
    drop_database(session, database)?;
    let data_until = Moment(proving.manifest.data_until_us);
    Ok(Restored { server, restore_ms: Some(restore_ms), data_until, method: "database", target: None })
}

/// Looks for room in the server's data directory, where that is on this host and the login may know it.
fn check_space(proving: &Proving<'_>, session: &mut Session) -> Outcome<()> {
    let place = session.value(
        "(SELECT setting FROM pg_catalog.pg_settings WHERE name = 'data_directory' AND inet_server_addr() IS NULL)",
    )?;
    let place = place.map(PathBuf::from).filter(|place| proving.request.space_check && place.exists());
    let bytes = if proving.manifest.kind == Kind::Full { proving.manifest.database_bytes } else { 0 };
    place.map_or(Ok(()), |place| space::check(&place, bytes + bytes / 10, "the scratch database"))
}

/// Records, then creates the database; nobody but its owner and superusers may connect.
fn create<'a>(
    proving: &'a Proving<'a>,
    tools: &Tools,
    mut session: Session,
    server: &ServerFacts,
) -> Outcome<Made<'a>> {
    let Some(shape) = &proving.content.database else {
        return Err(Failure::new(Why::Failed, "the content of the dump does not say what database it is of"));
    };
    let scratch = Scratch::database(server.system_identifier.clone())?;
    scratch.record(proving.work.path())?;
    let database = scratch.database.unwrap_or_default();
    let connection = proving.request.connection.to_database(&database);
    let made = session.execute(&format!("CREATE DATABASE {} {}", identifier(&database), options(shape, server.major)));
    made.map_err(|mut failure| {
        let hint = if failure.message.contains("permission denied") { "; give the login CREATEDB" } else { "" };
        failure.message = format!("no scratch database could be made: {}{hint}", failure.message);
        failure
    })?;
    let mut made = Made { proving, psql: tools.find("psql")?, session, database, connection };
    let name = identifier(&made.database);
    let comment = literal(&format!("restore test of {}; pgreeve-backup made it and removes it", proving.manifest.name));
    made.session
        .execute(&format!("REVOKE ALL ON DATABASE {name} FROM PUBLIC; COMMENT ON DATABASE {name} IS {comment}"))?;
    // One for logins would write rows, or keep us out, at each of our own. Only a superuser can have restored one.
    let superuser = "(SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user)";
    if server.major >= LOGIN_TRIGGERS && made.session.value(superuser)?.as_deref() == Some("true") {
        made.session.execute(&format!("ALTER DATABASE {name} SET event_triggers = off"))?;
    }
    Ok(made)
}

/// Of CREATE DATABASE, so that the new database sorts and encodes as the old one did.
pub(crate) fn options(shape: &DatabaseShape, major: u32) -> String {
    let (encoding, collate, ctype) = (literal(&shape.encoding), literal(&shape.collate), literal(&shape.ctype));
    let mut text = format!("TEMPLATE template0 ENCODING {encoding} LC_COLLATE {collate} LC_CTYPE {ctype}");
    let locale = shape.locale.as_deref().map(literal);
    match (shape.provider.as_str(), locale) {
        ("i", Some(locale)) => {
            text.push_str(&format!(" LOCALE_PROVIDER icu ICU_LOCALE {locale}"));
            if let Some(rules) = &shape.icu_rules {
                text.push_str(&format!(" ICU_RULES {}", literal(rules)));
            }
        }
        ("b", Some(locale)) => text.push_str(&format!(" LOCALE_PROVIDER builtin BUILTIN_LOCALE {locale}")),
        _ if major >= 15 => text.push_str(" LOCALE_PROVIDER libc"),
        _ => {}
    }
    text
}

fn restore(proving: &Proving<'_>, tools: &Tools, made: &Made<'_>) -> Outcome<Finished> {
    let mut restore = tools.command("pg_restore")?;
    // A subscription that exists, even disabled, keeps its database from being dropped.
    restore.args(["--no-password", "--no-subscriptions"]);
    if !proving.request.owners {
        restore.args(["--no-owner", "--no-privileges"]);
    }
    if proving.request.jobs > 1 {
        restore.arg(format!("--jobs={}", proving.request.jobs));
    }
    // A role's or a database's own setting; the timeouts pg_restore lifts by itself.
    program::set_options(&mut restore, &[("default_transaction_read_only", "off")]);
    restore.arg("--dbname").arg(made.connection.as_str()).arg(proving.directory.join(&proving.manifest.payload));
    program::run(restore, "pg_restore")
}

/// What speaks against the restore. A server that went away is no fault of the backup.
fn complaints(restored: &Finished) -> Outcome<Vec<String>> {
    let lost =
        ["server closed the connection", "terminating connection", "the database system is", "No space left on device"];
    if is_unreachable(&restored.stderr) || lost.iter().any(|word| restored.stderr.contains(word)) {
        return Err(Failure::new(
            Why::Failed,
            format!("the restore was cut off, so nothing is proved: {}", one_line(&restored.errors().join("\n"))),
        ));
    }
    if let Some(failure) = restored.cut_off() {
        return Err(failure);
    }
    let mut against: Vec<String> = restored.errors().into_iter().map(|line| line.trim().to_owned()).collect();
    if !restored.status.success() && against.is_empty() {
        against.push(format!("pg_restore ended with {}: {}", restored.status, one_line(&restored.stderr)));
    }
    Ok(against)
}

impl Drop for Made<'_> {
    fn drop(&mut self) {
        // After a good run it is gone already. psql ends at the first error, so a new session is tried as well. What cannot be dropped now, the
        // next prove drops.
        if drop_database(&mut self.session, &self.database).is_err() {
            let again = Session::connect(&self.psql, &self.proving.request.connection);
            if again.and_then(|mut session| drop_database(&mut session, &self.database)).is_err() {
                self.proving.work.keep();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::options;
    use crate::manifest::DatabaseShape;

    fn shape(provider: &str, locale: Option<&str>) -> DatabaseShape {
        let (collate, ctype) = ("de_DE.UTF-8".to_owned(), "C".to_owned());
        DatabaseShape {
            encoding: "LATIN1".to_owned(),
            collate,
            ctype,
            provider: provider.to_owned(),
            locale: locale.map(str::to_owned),
            icu_rules: None,
        }
    }

    #[test]
    fn the_scratch_database_sorts_as_the_old_one_did() {
        let plain = "TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'de_DE.UTF-8' LC_CTYPE 'C'";
        assert_eq!(options(&shape("c", None), 14), plain);
        assert_eq!(options(&shape("c", None), 15), format!("{plain} LOCALE_PROVIDER libc"));
        assert_eq!(options(&shape("i", Some("de")), 15), format!("{plain} LOCALE_PROVIDER icu ICU_LOCALE 'de'"));
        assert_eq!(
            options(&shape("b", Some("C.UTF-8")), 17),
            format!("{plain} LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'")
        );
    }
}
