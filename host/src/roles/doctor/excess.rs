//! What a login has and nobody wants: attributes, predefined roles; of an observer also whatever lets it change or own something.

use super::{Line, State, quoted, roles, rows, text, truth};
use crate::grants::postgres::{Error, Session, Value};
use crate::plugin::manifest::Right;
use crate::roles::grant::revoke_member;
use crate::roles::wanted::{Login, Want};

/// Tables of one kind that are named one by one; of the others, how many there are.
const NAMED: usize = 20;

/// Everything that is too much. `wanted` is what all databases of the cluster want of this login.
pub(super) async fn lines(login: &Login, wanted: &[&Want], major: u32, session: &mut Session) -> Vec<Line> {
    let failed = |what: &str, error: Error| {
        vec![
            Line::new(login, State::CouldNotLook, format!("{what}: {error}"))
                .mended_by("run pgreeve doctor again; if it stays, read the server's log of this moment".to_owned()),
        ]
    };
    let attributes = attributes(login, wanted, session).await;
    // A superuser is a member and an owner of everything: there is no end to it.
    let superuser = matches!(&attributes, Ok((true, _)));
    let mut lines = match attributes {
        Ok((_, lines)) => lines,
        Err(error) => failed("attributes that nobody wants", error),
    };
    if superuser {
        return lines;
    }
    let members = memberships(login, wanted, major, session).await;
    lines.extend(members.unwrap_or_else(|error| failed("memberships that nobody wants", error)));
    if login.observes {
        lines.extend(owned(login, session).await.unwrap_or_else(|error| failed("what the observer owns", error)));
        lines.extend(
            writable(login, session).await.unwrap_or_else(|error| failed("what the observer may change", error)),
        );
    }
    lines
}

async fn attributes(login: &Login, wanted: &[&Want], session: &mut Session) -> Result<(bool, Vec<Line>), Error> {
    let sql = "SELECT rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls \
               FROM pg_roles WHERE rolname = session_user";
    let rows = rows(session, sql, &[]).await?;
    let row = rows.first().map(Vec::as_slice).unwrap_or_default();
    let is_wanted =
        |word: &str| wanted.iter().any(|want| matches!(&want.right, Right::Attribute(attribute) if attribute == word));
    let names = ["SUPERUSER", "CREATEDB", "CREATEROLE", "REPLICATION", "BYPASSRLS"];
    let lines =
        names.iter().enumerate().filter(|(index, word)| truth(row, *index) && !is_wanted(word)).map(|(_, word)| {
            let mend = format!("ALTER ROLE {} NO{word};", quoted(login.user()));
            Line::new(login, State::TooMuch, format!("the attribute {word}")).mended_by(mend)
        });
    Ok((truth(row, 0), lines.collect()))
}

/// Each role that matters and is wanted neither itself nor as a part of one that is, with the membership of the login's own through which
/// it comes, and with who granted that.
const MEMBERSHIPS: &str = "\
    WITH RECURSIVE granted AS (
        SELECT m.roleid, m.roleid AS via, m.grantor FROM pg_auth_members m JOIN pg_roles l ON l.oid = m.member
        WHERE l.rolname = session_user
        UNION
        SELECT m.roleid, g.via, g.grantor FROM pg_auth_members m JOIN granted g ON g.roleid = m.member)
    SELECT r.rolname, v.rolname, CASE WHEN g.grantor <> 10 THEN pg_get_userbyid(g.grantor) END, r.rolsuper
    FROM granted g JOIN pg_roles r ON r.oid = g.roleid JOIN pg_roles v ON v.oid = g.via
    WHERE (r.rolname LIKE 'pg\\_%' OR r.rolsuper)
      AND NOT EXISTS (SELECT FROM pg_roles n WHERE n.rolname = ANY ($1::text[]) AND pg_has_role(n.oid, r.oid, 'MEMBER'))
    ORDER BY 1, 2, 3";

async fn memberships(login: &Login, wanted: &[&Want], major: u32, session: &mut Session) -> Result<Vec<Line>, Error> {
    let found = rows(session, MEMBERSHIPS, &[Value::TextArray(roles(wanted))]).await?;
    Ok(found
        .iter()
        .map(|row| {
            let (role, via, grantor) = (text(row, 0), text(row, 1), text(row, 2));
            let mut what = format!("membership in {role}");
            if truth(row, 3) {
                what.push_str(", a superuser");
            }
            if via != role {
                what = format!("{what}, through {via}");
            }
            // From 16 on a membership is taken away as who gave it; before, as anybody.
            let by = if major >= 16 && !grantor.is_empty() {
                format!(" GRANTED BY {}", quoted(&grantor))
            } else {
                String::new()
            };
            Line::new(login, State::TooMuch, what).mended_by(format!("{}{by};", revoke_member(&via, login.user())))
        })
        .collect())
}

/// Schemas, tables and the like that the login owns, itself or through a role; with who could have them instead, the database's owner or
/// else the cluster's, and with the membership of the login's own through which it owns them.
const OWNED: &str = "\
    SELECT o.kind, o.name, w.rolname, d.owner, count(*) OVER ()::text,
      (SELECT min(v.rolname::text) FROM pg_auth_members m JOIN pg_roles v ON v.oid = m.roleid JOIN pg_roles l ON l.oid = m.member
       WHERE l.rolname = session_user AND pg_has_role(v.oid, o.owner, 'MEMBER'))
    FROM (SELECT 'DATABASE' AS kind, quote_ident(datname) AS name, datdba AS owner FROM pg_database WHERE datname = current_database()
          UNION ALL
          SELECT 'SCHEMA', quote_ident(nspname), nspowner FROM pg_namespace
          WHERE nspname NOT LIKE 'pg\\_temp%' AND nspname NOT LIKE 'pg\\_toast%'
          UNION ALL
          SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE' WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'
                      WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END,
                 quote_ident(n.nspname) || '.' || quote_ident(c.relname), c.relowner
          FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
          WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND n.nspname NOT LIKE 'pg\\_temp%') o
    JOIN pg_roles w ON w.oid = o.owner,
    (SELECT pg_get_userbyid(CASE WHEN rolname = session_user THEN 10 ELSE datdba END) AS owner
     FROM pg_database JOIN pg_roles r ON r.oid = datdba WHERE datname = current_database()) d
    WHERE pg_has_role(session_user, o.owner, 'MEMBER') AND w.rolname <> 'pg_database_owner'
    ORDER BY 1, 2 LIMIT 20";

async fn owned(login: &Login, session: &mut Session) -> Result<Vec<Line>, Error> {
    let found = rows(session, OWNED, &[]).await?;
    let lines = found.iter().map(|row| {
        let (kind, name, owner, heir) = (text(row, 0), text(row, 1), text(row, 2), text(row, 3));
        let what = format!("ownership of {} {name}", kind.to_lowercase());
        let line = Line::new(login, State::TooMuch, what);
        if owner == login.user() {
            line.mended_by(format!("ALTER {kind} {name} OWNER TO {};", quoted(&heir)))
        } else {
            let line = Line { what: format!("{}, through {owner}", line.what), ..line };
            line.mended_by(format!("{};", revoke_member(&text(row, 5), login.user())))
        }
    });
    Ok(with_rest(login, lines.collect(), &found, 4, "owned by the observer"))
}

/// Grants to the login, to a role that it is a member of, or to PUBLIC, of what changes rows, on tables and columns that it can reach.
/// What comes by ownership or by a predefined role is no grant, and named elsewhere.
const WRITABLE: &str = "\
    SELECT t.name, t.privileges, CASE WHEN t.grantee = 0 THEN '' ELSE pg_get_userbyid(t.grantee) END, t.grantee = 0,
           CASE WHEN t.grantor <> t.owner THEN pg_get_userbyid(t.grantor) END, count(*) OVER ()::text,
      (SELECT min(v.rolname::text) FROM pg_auth_members m JOIN pg_roles v ON v.oid = m.roleid JOIN pg_roles l ON l.oid = m.member
       WHERE l.rolname = session_user AND CASE WHEN t.grantee <> 0 THEN pg_has_role(v.oid, t.grantee, 'MEMBER') END)
    FROM (SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name, c.relowner AS owner, a.grantee, a.grantor,
                 string_agg(a.privilege, ', ' ORDER BY a.privilege) AS privileges
          FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace,
          LATERAL (SELECT x.grantee, x.grantor, x.privilege_type AS privilege FROM aclexplode(c.relacl) x
                   UNION ALL
                   SELECT x.grantee, x.grantor, x.privilege_type || ' (' || quote_ident(b.attname) || ')'
                   FROM pg_attribute b, LATERAL aclexplode(b.attacl) x
                   WHERE b.attrelid = c.oid AND b.attacl IS NOT NULL AND NOT b.attisdropped) a
          WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
            AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_temp%'
            AND split_part(a.privilege, ' ', 1) IN ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE')
            AND a.grantee <> c.relowner
            AND CASE WHEN a.grantee = 0 THEN true ELSE pg_has_role(session_user, a.grantee, 'MEMBER') END
            AND has_schema_privilege(session_user, n.oid, 'USAGE')
          GROUP BY 1, 2, 3, 4) t
    ORDER BY 1, 3 LIMIT 20";

async fn writable(login: &Login, session: &mut Session) -> Result<Vec<Line>, Error> {
    let found = rows(session, WRITABLE, &[]).await?;
    let lines = found.iter().map(|row| {
        let (table, privileges, grantee, grantor) = (text(row, 0), text(row, 1), text(row, 2), text(row, 4));
        let what = format!("{privileges} on table {table}");
        let (what, from) = if truth(row, 3) {
            (format!("{what}, through PUBLIC: every login has it; look who relies on that"), "PUBLIC".to_owned())
        } else if grantee == login.user() {
            (what, quoted(&grantee))
        } else {
            (format!("{what}, through {grantee}"), String::new())
        };
        let revoke = match from.as_str() {
            // The role may be meant to have it; the observer is not meant to be its member.
            "" => format!("{};", revoke_member(&text(row, 6), login.user())),
            from => format!("REVOKE {privileges} ON TABLE {table} FROM {from};"),
        };
        // A superuser's REVOKE takes away what the owner granted, and nobody else's grants.
        let mend = if grantor.is_empty() || from.is_empty() {
            revoke
        } else {
            format!("SET ROLE {}; {revoke} RESET ROLE;", quoted(&grantor))
        };
        Line::new(login, State::TooMuch, what).mended_by(mend)
    });
    Ok(with_rest(login, lines.collect(), &found, 5, "that the observer may change"))
}

/// The lines, and one more where there are more than are named.
fn with_rest(login: &Login, mut lines: Vec<Line>, found: &[Vec<Value>], count: usize, what: &str) -> Vec<Line> {
    let all: usize = found.first().and_then(|row| text(row, count).parse().ok()).unwrap_or(lines.len());
    if all > NAMED {
        let mend = "mend those named above and run pgreeve doctor again".to_owned();
        let what = format!("{} more objects {what}", all - NAMED);
        lines.push(Line::new(login, State::TooMuch, what).mended_by(mend));
    }
    lines
}
