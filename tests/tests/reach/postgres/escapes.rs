//! Statements that would change something.

use pgreeve_tests::testbed::{Major, available};

use super::state::Watch;
use super::{MAIN, query, scope, server};
use crate::bed::hold;

/// A file that `COPY` would write if it could.
const TOUCHED: &str = "/tmp/pgreeve-reach-touched";

/// Statements that are no query: the grammar after `DECLARE … CURSOR FOR` has no room for them. SQLSTATE 42601.
const NO_QUERIES: [&str; 76] = [
    "",
    ";",
    "--",
    "/* */",
    "commit",
    "COMMIT AND CHAIN",
    "commit work",
    "end",
    "rollback",
    "rollback and no chain",
    "rollback to savepoint a",
    "abort",
    "begin",
    "begin read write",
    "start transaction read write",
    "savepoint a",
    "release savepoint a",
    "prepare transaction 'x'",
    "commit prepared 'x'",
    "rollback prepared 'x'",
    "set transaction read write",
    "set session characteristics as transaction read write",
    "set local transaction_read_only = off",
    "set role postgres",
    "set session authorization postgres",
    "set statement_timeout = 0",
    "reset all",
    "reset role",
    "show all",
    "discard all",
    "explain select 1",
    "explain (analyze) delete from public.t",
    "do $$begin delete from public.t; end$$",
    "call public.p()",
    "prepare x as delete from public.t",
    "execute x",
    "deallocate all",
    "declare d cursor with hold for select 1",
    "cursor with hold for select 1",
    "fetch all from c",
    "move all in c",
    "close c",
    "copy public.t to '/tmp/pgreeve-reach-touched'",
    "copy public.t to stdout",
    "copy public.t from stdin",
    "copy (select 1) to program 'touch /tmp/pgreeve-reach-touched'",
    "copy public.t from program 'id'",
    "listen a",
    "unlisten *",
    "notify a",
    "lock table public.t in access exclusive mode",
    "truncate public.t",
    "vacuum",
    "analyze",
    "checkpoint",
    "cluster",
    "reindex table public.t",
    "load 'auto_explain'",
    "create table public.u (x int)",
    "create temp table u (x int)",
    "create table public.u as select 1",
    "create function public.g() returns int language sql as 'select 1'",
    "create event trigger e on ddl_command_start execute function public.g()",
    "create role r superuser",
    "alter system set work_mem = '1GB'",
    "alter role observer superuser",
    "alter table public.t add y int",
    "drop table public.t",
    "grant all on public.secret to observer",
    "reassign owned by postgres to observer",
    "security label on table public.t is 'x'",
    "import foreign schema x from server y into public",
    "insert into public.t values (9)",
    "update public.t set x = 9",
    "delete from public.t returning x",
    "merge into public.t using public.t u on true when matched then delete",
];

/// More than one statement, by every way of hiding the second.
const TWO_STATEMENTS: [&str; 14] = [
    "select 1; drop table public.t",
    "select 1;drop table public.t;",
    "select 1 /* ; */ ; delete from public.t",
    "select 1 -- one\n; delete from public.t",
    "select 1 --\r; delete from public.t",
    "select 1 /* /* nested */ */; delete from public.t",
    "select $$a$$; delete from public.t",
    "select $a$ $b$ $a$; delete from public.t",
    "select 'a\\'; delete from public.t; --'",
    "select U&'\\0061'; delete from public.t",
    "select 1; commit; delete from public.t",
    "select 1; select 2",
    "values (1); table public.t",
    "select 1) ; delete from public.t; (select 1",
];

/// Statements that the server refuses for what they do, with the SQLSTATE that says so.
const REFUSED: [(&str, &str); 86] = [
    // Quotes that only look as if they ended.
    ("select 'x", "42601"),
    ("select \"x", "42601"),
    ("select $x$ x", "42601"),
    ("select 1 /*", "42601"),
    ("select \"a\"\"; delete from public.t; --\"", "42703"),
    // Writing within a query.
    ("with d as (delete from public.t returning x) select * from d", "0A000"),
    ("with d as (insert into public.t values (9) returning x) select * from d", "0A000"),
    ("with d as (update public.t set x = 9 returning x), e as (select 1) table e", "0A000"),
    ("select (with d as (delete from public.t returning x) select count(*) from d)", "0A000"),
    ("select 1 as x into public.u", "42601"),
    ("select x from public.t for update", "25006"),
    ("select x from public.t for no key update skip locked", "25006"),
    ("select x from public.t for share", "25006"),
    ("select x from public.t for key share nowait", "25006"),
    ("select nextval('public.s')", "25006"),
    ("select setval('public.s', 99)", "25006"),
    ("select nextval('public.s') from generate_series(1, 10)", "25006"),
    // A superuser's functions that the login may call: the transaction is read-only for them too.
    ("select public.writes()", "25006"),
    ("select public.unlocks()", "25001"),
    ("select public.ends()", "2D000"),
    ("select public.tries()", "25001"),
    ("select public.makes()", "25006"),
    // SQL in a string.
    ("select query_to_xml('delete from public.t', true, true, '')", "0A000"),
    ("select query_to_xml('with d as (delete from public.t returning 1) select * from d', true, true, '')", "0A000"),
    ("select query_to_xml('commit', true, true, '')", "22000"),
    ("select query_to_xml('set transaction read write', true, true, '')", "0A000"),
    ("select query_to_xml('copy public.t to program ''touch /tmp/pgreeve-reach-touched''', true, true, '')", "0A000"),
    ("select query_to_xml('do $$begin delete from public.t; end$$', true, true, '')", "0A000"),
    ("select cursor_to_xml('c', 1, true, true, '')", "55000"),
    ("select * from ts_stat('delete from public.t')", "42P11"),
    ("select table_to_xml('public.secret', true, true, '')", "42501"),
    // Settings.
    ("select set_config('transaction_read_only', 'off', true)", "25001"),
    ("select set_config('transaction_read_only', 'off', false)", "25001"),
    ("select set_config('transaction_isolation', 'serializable', true)", "25001"),
    ("select set_config('transaction_deferrable', 'on', true)", "25001"),
    ("select set_config('role', 'postgres', false)", "42501"),
    ("select set_config('session_authorization', 'postgres', false)", "42501"),
    ("select set_config('session_replication_role', 'replica', false)", "42501"),
    ("select set_config('log_statement', 'none', false)", "42501"),
    ("select set_config('log_min_messages', 'panic', false)", "42501"),
    ("select set_config('temp_file_limit', '-1', false)", "42501"),
    ("select set_config('zero_damaged_pages', 'on', false)", "42501"),
    ("select set_config('ignore_checksum_failure', 'on', false)", "42501"),
    ("select set_config('allow_system_table_mods', 'on', false)", "42501"),
    ("select set_config('lo_compat_privileges', 'on', false)", "42501"),
    ("select set_config('session_preload_libraries', 'x', false)", "42501"),
    ("select set_config('dynamic_library_path', '/tmp', false)", "42501"),
    ("select set_config('max_stack_depth', '6MB', false)", "42501"),
    ("select set_config('fsync', 'off', false)", "55P02"),
    ("select set_config('is_superuser', 'on', false)", "55P02"),
    ("select set_config('data_directory', '/tmp', false)", "55P02"),
    ("select set_config('archive_command', 'id', false)", "55P02"),
    // Files and programs.
    ("select pg_read_file('postgresql.conf')", "42501"),
    ("select pg_read_binary_file('PG_VERSION')", "42501"),
    ("select pg_ls_dir('.')", "42501"),
    ("select * from pg_stat_file('PG_VERSION')", "42501"),
    ("select lo_import('/etc/passwd')", "42501"),
    ("select lo_export(4711, '/tmp/pgreeve-reach-touched')", "42501"),
    ("select * from pg_hba_file_rules", "42501"),
    ("select xmlparse(document '<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]><a>&c;</a>')", "2200M"),
    // The server and other sessions.
    ("select pg_reload_conf()", "42501"),
    ("select pg_rotate_logfile()", "42501"),
    ("select pg_switch_wal()", "42501"),
    ("select pg_create_restore_point('x')", "42501"),
    ("select pg_promote()", "42501"),
    ("select pg_wal_replay_pause()", "42501"),
    ("select pg_create_physical_replication_slot('x')", "42501"),
    ("select pg_create_logical_replication_slot('x', 'test_decoding')", "42501"),
    ("select pg_drop_replication_slot('x')", "42501"),
    ("select pg_replication_origin_create('x')", "42501"),
    ("select pg_stat_reset()", "42501"),
    ("select pg_stat_reset_shared('bgwriter')", "42501"),
    ("select pg_import_system_collations('public')", "42501"),
    (
        "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'postgres' and datname is not null",
        "42501",
    ),
    ("select pg_cancel_backend(pid) from pg_stat_activity where usename = 'postgres' and datname is not null", "42501"),
    (
        "select pg_log_backend_memory_contexts(pid) from pg_stat_activity where usename = 'postgres' and datname is not null",
        "42501",
    ),
    // What the login may not see.
    ("table public.secret", "42501"),
    ("select rolpassword from pg_authid", "42501"),
    ("select passwd from pg_shadow", "42501"),
    ("select * from pg_user_mapping", "42501"),
    ("table pg_largeobject", "42501"),
    ("select * from pg_subscription", "42501"),
    ("select lo_get(99999)", "42704"),
    // Catalogs are tables.
    ("with d as (update pg_authid set rolsuper = true returning 1) select 1", "0A000"),
    ("select x from public.t where x = $1", "invalid"),
    ("select $65536", "42P18"),
];

/// Statements that the server carries out, and that leave nothing behind when their transaction is rolled back and the session ends.
const HARMLESS: [&str; 38] = [
    "select 1",
    "select 1;",
    "values (1)",
    "table public.t",
    "(select 1)",
    "with a as (select 1) select * from a",
    "select E'\\'; delete from public.t; --'",
    "select U&'\\0027; delete from public.t; --'",
    "select $a$'; delete from public.t; --$a$",
    "select 1 /* ; delete from public.t */",
    "select 1 -- ; delete from public.t",
    "select 1 as \"; delete from public.t\"",
    "select pg_notify('a', 'b')",
    "select pg_advisory_lock(1)",
    "select pg_advisory_lock_shared(2)",
    "select pg_advisory_xact_lock(3)",
    "select pg_export_snapshot()",
    "select pg_current_xact_id()",
    "select setseed(0.5)",
    "select lo_open(4711, 262144)",
    "select set_config('statement_timeout', '0', false)",
    "select set_config('lock_timeout', '0', false)",
    "select set_config('idle_in_transaction_session_timeout', '0', false)",
    "select set_config('default_transaction_read_only', 'off', false)",
    "select set_config('row_security', 'off', false)",
    "select set_config('search_path', 'public', false)",
    "select set_config('role', 'pg_monitor', false)",
    "select set_config('session_authorization', 'observer', false)",
    "select set_config('work_mem', '2GB', false)",
    "select set_config('application_name', 'psql', false)",
    "select set_config('client_min_messages', 'debug5', false)",
    "select set_config('standard_conforming_strings', 'off', false)",
    "select set_config('backslash_quote', 'on', false)",
    "select set_config('bytea_output', 'escape', false)",
    "select set_config('DateStyle', 'German', false)",
    "select set_config('default_tablespace', 'pg_global', false)",
    "select set_config('local_preload_libraries', 'x', false)",
    "select set_config('mine.own', 'x', false)",
];

fn table() -> Vec<(String, &'static str, &'static str)> {
    let mut table: Vec<(String, &str, &str)> =
        NO_QUERIES.iter().chain(&TWO_STATEMENTS).map(|sql| ((*sql).to_owned(), "42601", "")).collect();
    table.extend(REFUSED.iter().map(|(sql, code)| ((*sql).to_owned(), *code, "")));
    table.extend(HARMLESS.iter().map(|sql| ((*sql).to_owned(), "told", "")));
    table
}

/// On every major that is installed, all statements in one run.
#[test]
fn no_statement_changes_anything_on_any_major() {
    for major in available() {
        let server = server(major);
        let mut watch = Watch::new(&server);
        let before = watch.look();
        let calls: Vec<_> = table().iter().map(|(sql, what, says)| (query(sql), *what, *says)).collect();
        hold(&scope(&server, ""), MAIN, &calls);
        watch.look().assert_same(&before);
        assert!(watch.written() < 64 << 10, "{major}");
        assert!(!std::path::Path::new(TOUCHED).exists());
    }
}

/// Functions that everybody may call and that a read-only, rolled-back transaction does not hold: WAL is written at once, large objects
/// leave their space behind (before PostgreSQL 16), and locks fill a table that all sessions share. The login's privileges alone stop them.
#[test]
fn what_a_read_only_transaction_does_not_hold_is_stopped_by_revoking_it() {
    let server = server(Major(15));
    let signatures = [
        "pg_logical_emit_message(boolean, text, text)",
        "pg_logical_emit_message(boolean, text, bytea)",
        "lo_from_bytea(oid, bytea)",
        "lo_creat(integer)",
        "lo_create(oid)",
        "lo_put(oid, bigint, bytea)",
        "lowrite(integer, bytea)",
        "pg_advisory_lock(bigint)",
        "pg_advisory_xact_lock(bigint)",
    ];
    let revoke: String =
        signatures.iter().map(|function| format!("REVOKE EXECUTE ON FUNCTION {function} FROM PUBLIC;")).collect();
    server.exec(&revoke);
    let mut watch = Watch::new(&server);
    let table: Vec<_> = [
        "select pg_logical_emit_message(false, 'x', repeat('y', 1000000)) from generate_series(1, 20)",
        "select pg_logical_emit_message(true, 'x', repeat('y', 1000000)::bytea) from generate_series(1, 20)",
        "select lo_from_bytea(0, convert_to(repeat('y', 1000000), 'UTF8'))",
        "select lo_creat(-1)",
        "select lo_create(0)",
        "select lo_put(4711, 0, '\\x00')",
        "select lowrite(lo_open(4711, 131072), '\\x00')",
        "select pg_advisory_lock(n) from generate_series(1, 100000) n",
        "select pg_advisory_xact_lock(n) from generate_series(1, 100000) n",
    ]
    .map(|sql| (query(sql), "42501", "permission denied for function"))
    .to_vec();
    hold(&scope(&server, ""), MAIN, &table);
    assert!(watch.written() < 64 << 10);
}
