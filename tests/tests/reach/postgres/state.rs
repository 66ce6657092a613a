//! What a superuser sees of a server, to be the same before and after.

use pgreeve_tests::testbed::{Server, Session};

use crate::bed::await_that;

/// Catalogs in which whatever is made, changed or granted leaves a row.
const CATALOGS: [&str; 26] = [
    "pg_attribute",
    "pg_auth_members",
    "pg_authid",
    "pg_cast",
    "pg_class",
    "pg_constraint",
    "pg_database",
    "pg_db_role_setting",
    "pg_default_acl",
    "pg_event_trigger",
    "pg_extension",
    "pg_foreign_server",
    "pg_largeobject",
    "pg_largeobject_metadata",
    "pg_namespace",
    "pg_operator",
    "pg_policy",
    "pg_prepared_xacts",
    "pg_proc",
    "pg_publication",
    "pg_replication_origin",
    "pg_replication_slots",
    "pg_rewrite",
    "pg_subscription",
    "pg_trigger",
    "pg_type",
];

/// An independent look, by a session that was there before.
pub(super) struct Watch {
    session: Session,
    sql: String,
    wal: i64,
}

/// Everything that must not change, by name.
#[derive(Debug)]
pub(super) struct State(Vec<(String, Option<String>)>);

impl State {
    /// Panics with what is not as it was.
    #[track_caller]
    pub(super) fn assert_same(&self, before: &Self) {
        let pairs = self.0.iter().zip(&before.0);
        let changed: Vec<_> = pairs.filter(|(now, then)| now != then).collect();
        assert!(changed.is_empty(), "{changed:#?}");
    }
}

impl Watch {
    pub(super) fn new(server: &Server) -> Self {
        let session = server.session("postgres");
        let content =
            |what: &str| format!("(SELECT md5(string_agg(r::text, '|' ORDER BY r::text)) FROM (TABLE {what}) r)");
        let mut parts: Vec<(String, String)> =
            CATALOGS.iter().chain(&["t", "s", "secret"]).map(|name| ((*name).to_owned(), content(name))).collect();
        // Our own session's settings come from the same files, and ALTER SYSTEM writes one of them.
        for file in ["postgresql.auto.conf", "pg_hba.conf", "testbed.conf"] {
            parts.push((file.to_owned(), format!("pg_read_file('{file}')")));
        }
        for directory in [".", "base", "global", "pg_logical", "pg_replslot", "pg_snapshots"] {
            // The directory of temporary files stays when they are gone; the catalogs' caches come and go.
            let names = format!(
                "(SELECT string_agg(n, ' ' ORDER BY n) FROM pg_ls_dir('{directory}') n \
                  WHERE n NOT IN ('pgsql_tmp', 'pg_internal.init'))"
            );
            parts.push((format!("files in {directory}"), names));
        }
        parts.push((
            "locks".to_owned(),
            "(SELECT string_agg(l::text, '|') FROM pg_locks l WHERE pid <> pg_backend_pid())".to_owned(),
        ));
        let parts: Vec<String> = parts.iter().map(|(name, sql)| format!("('{name}', {sql})")).collect();
        let mut watch = Self { session, sql: format!("VALUES {}", parts.join(", ")), wal: 0 };
        watch.wal = watch.wal();
        watch
    }

    /// What there is, when no session of the login is left.
    pub(super) fn look(&self) -> State {
        let sessions = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'observer'";
        await_that("the end of the login's sessions", || self.session.sql(sessions)[0][0].as_deref() == Some("0"));
        let rows = self.session.sql(&self.sql);
        State(rows.into_iter().map(|mut row| (row.remove(0).unwrap(), row.remove(0))).collect())
    }

    /// Bytes of WAL written since this was asked last; the server writes a few of its own.
    pub(super) fn written(&mut self) -> i64 {
        let now = self.wal();
        now - std::mem::replace(&mut self.wal, now)
    }

    fn wal(&self) -> i64 {
        let position = "SELECT pg_current_wal_insert_lsn() - '0/0'";
        self.session.sql(position)[0][0].as_deref().unwrap().parse().unwrap()
    }
}
