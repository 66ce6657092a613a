//! What is not done is not done for a reason that the one line on stderr gives, with an exit status of its own, and leaves nothing behind.

use std::fs::File;

use pgreeve_tests::testbed::{Options, Server, Stop, available, is_root};

use crate::bed::{Store, answer, furnish, server, sql, with_clients};

#[test]
fn a_server_whose_client_programs_are_missing_is_refused_by_name_of_the_package() {
    let store = Store::new();
    for major in available().into_iter().filter(|major| !with_clients().contains(major)) {
        let server = Server::start(major, &Options::default());
        for kind in ["full", "schema", "globals", "base"] {
            let refused = store.run(&server, &["take", "--kind", kind]);
            assert_eq!(refused.exit, 4, "{refused:?}");
            assert!(refused.stderr.contains(&format!("install postgresql-client-{major}")), "{refused:?}");
        }
    }
    assert!(store.entries().is_empty());
}

#[test]
fn a_server_that_is_down_is_unreachable() {
    let (mut server, store) = (server(), Store::new());
    server.stop(Stop::Fast);
    let answer = store.run(&server, &["take", "--kind=full"]);
    assert_eq!((answer.exit, &answer.json["outcome"]), (3, &"unreachable".into()));
    assert!(store.entries().is_empty());
}

#[test]
fn a_password_on_the_command_line_is_refused_and_not_repeated() {
    let (server, store) = (server(), Store::new());
    let refused = store.run(&server, &["take", "--kind=full", "--dbname=host=h password=hunter2"]);
    assert_eq!(refused.exit, 4);
    assert!(refused.stderr.contains("PGPASSFILE") && !refused.stderr.contains("hunter2"), "{refused:?}");
}

#[test]
fn a_database_that_does_not_fit_is_not_begun() {
    let (server, store) = (server(), Store::new());
    sql(&server, "postgres", "CREATE TABLE large AS SELECT 1 AS n");
    let file = sql(&server, "postgres", "SELECT pg_relation_filepath('large')");
    // Segments with holes: the table is 2 TiB long and takes no room.
    let file = server.data_dir().join(file);
    File::options().write(true).open(&file).unwrap().set_len(1 << 30).unwrap();
    for number in 1..2048 {
        File::create(format!("{}.{number}", file.display())).unwrap().set_len(1 << 30).unwrap();
    }
    for segment in std::fs::read_dir(file.parent().unwrap()).unwrap() {
        pgreeve_tests::testbed::give(&segment.unwrap().path()).unwrap();
    }
    for kind in ["full", "base"] {
        let answer = store.run(&server, &["take", "--kind", kind]);
        assert_eq!(answer.exit, 5, "{answer:?}");
        assert!(answer.message().contains("it is the first") && answer.message().contains("--no-space-check"));
        assert!(answer.json["needed_bytes"].as_u64().unwrap() >= 2 << 40);
        assert!(answer.json["available_bytes"].as_u64().unwrap() < 2 << 40);
    }
    assert!(store.entries().is_empty());
}

#[test]
fn a_login_without_the_right_to_a_table_gets_no_dump() {
    let (server, store) = (server(), Store::new());
    server.create_roles();
    server.exec("CREATE TABLE t ()");
    let answer = store.run(&server, &["take", "--kind=full", "--dbname=user=nobody dbname=postgres"]);
    assert_eq!(answer.exit, 4, "{answer:?}");
    assert!(answer.stderr.contains("pg_read_all_data"), "{answer:?}");
    assert!(store.entries().is_empty());
}

#[test]
fn a_missing_backup_cannot_be_proved() {
    let (server, store) = (server(), Store::new());
    assert_eq!(store.run(&server, &["prove", "--of=app"]).exit, 4);
}

#[test]
fn what_needs_a_scratch_server_is_not_proved_as_root() {
    use std::os::unix::process::CommandExt;
    let (server, store) = (server(), Store::new());
    if !is_root() {
        return;
    }
    for kind in ["base", "globals"] {
        store.good(&server, &["take", "--kind", kind]);
        let mut command = store.command(&server, &["prove", "--kind", kind]);
        let refused = answer(command.uid(0).gid(0));
        assert_eq!(refused.exit, 4);
        assert!(refused.stderr.contains("as root"), "{refused:?}");
    }
}

#[test]
fn a_newest_backup_of_several_databases_has_to_be_named() {
    let (server, store) = (server(), Store::new());
    furnish(&server, "app", "UTF8");
    store.take(&server, "app");
    store.take(&server, "postgres");
    let answer = store.run(&server, &["prove"]);
    assert!(answer.exit == 4 && answer.stderr.contains("--of=DATABASE"), "{answer:?}");
}

#[test]
fn a_server_that_sends_no_wal_gives_no_base_backup_and_the_answer_says_what_to_set() {
    let settings = [("wal_level", "minimal"), ("max_wal_senders", "0")];
    let server = Server::start(crate::bed::major(), &Options { settings: &settings, ..Options::default() });
    let store = Store::new();
    let answer = store.run(&server, &["take", "--kind=base"]);
    assert_eq!(answer.exit, 6, "{answer:?}");
    assert!(answer.stderr.contains("wal_level = replica"), "{answer:?}");
    assert!(store.entries().is_empty());
    store.take(&server, "postgres");
}
