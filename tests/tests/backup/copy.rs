//! Copies to another directory and to object storage: what arrives is whole, and what was cut off is no backup.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use pgreeve_tests::testbed::{Server, run_as_server_user};
use serde_json::json;

use crate::bed::{Answer, Store, answer, furnish, server};

/// A store with a dump, a dump in directory format and a base backup; their names.
fn filled(store: &Store) -> (Server, [String; 3]) {
    let server = server();
    furnish(&server, "app", "UTF8");
    let name = |arguments: &[&str]| store.good(&server, arguments)["name"].as_str().unwrap().to_owned();
    let custom = name(&["take", "--kind=full", "--dbname=app"]);
    let directory = name(&["take", "--kind=full", "--dbname=postgres", "--format-of-dump=directory"]);
    let base = name(&["take", "--kind=base"]);
    (server, [custom, directory, base])
}

fn names(answer: &serde_json::Value, list: &str) -> Vec<String> {
    let list = answer[list].as_array().unwrap().iter();
    let mut names: Vec<String> =
        list.map(|one| one["name"].as_str().or_else(|| one.as_str()).unwrap().to_owned()).collect();
    names.sort();
    names
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names
}

#[test]
fn a_copy_in_another_directory_is_a_backup_like_the_first() {
    let store = Store::new();
    let (server, all) = filled(&store);
    let place = store.directory("copies");
    let to = ["copy", "--to", place.to_str().unwrap()];
    let copied = store.good(&server, &to);
    assert_eq!(names(&copied, "copied"), sorted(all.to_vec()));
    let again = store.good(&server, &to);
    assert_eq!((names(&again, "copied").len(), names(&again, "present").len()), (0, 3));
    let record = fs::read_to_string(store.join(&format!("{}.copied.json", all[0]))).unwrap();
    assert_eq!(record.matches("\"to\"").count(), 1, "{record}");

    // The first place burns down.
    for entry in store.entries() {
        let path = store.join(&entry);
        if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
    }
    for entry in fs::read_dir(&place).unwrap() {
        let entry = entry.unwrap();
        fs::rename(entry.path(), store.path().join(entry.file_name())).unwrap();
    }
    store.good(&server, &["verify"]);
    store.good(&server, &["prove", "--of=app"]);
    store.good(&server, &["prove", "--kind=base"]);
}

#[test]
fn a_damaged_backup_is_not_copied_and_the_others_are() {
    let store = Store::new();
    let (server, [custom, directory, base]) = filled(&store);
    fs::write(store.join(&format!("{custom}.dump")), "").unwrap();
    let place = store.directory("copies");
    let answer = store.bad(&server, &["copy", "--to", place.to_str().unwrap()]);
    assert_eq!(names(&answer.json, "copied"), sorted(vec![directory, base]));
    assert_eq!(names(&answer.json, "failed"), std::slice::from_ref(&custom));
    assert!(!place.join(format!("{custom}.json")).exists());
    let same = store.path().display().to_string();
    assert_eq!(store.run(&server, &["copy", "--to", &same]).exit, 4);
}

/// An S3 server over a directory with a bucket `backups`; ended when this is dropped.
struct S3 {
    process: Child,
    root: PathBuf,
    endpoint: String,
}

impl S3 {
    /// `None` where the server is not installed: tests/setup/s3.sh.
    fn start(store: &Store) -> Option<Self> {
        let own = std::env::var_os("PGREEVE_S3S_FS").map(PathBuf::from);
        let cache =
            std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache/pgreeve-tests/s3s-fs/bin/s3s-fs"));
        let places = [own, Some("/var/cache/pgreeve-tests/s3s-fs/bin/s3s-fs".into()), cache];
        let program = places.into_iter().flatten().find(|program| program.is_file())?;
        let root = store.directory("s3");
        store.directory("s3/backups");
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let mut command = Command::new(program);
        command.args([
            "--host",
            "127.0.0.1",
            "--access-key",
            "key",
            "--secret-key",
            "secret",
            "--port",
            &port.to_string(),
        ]);
        command.arg(&root).stdout(Stdio::null()).stderr(Stdio::null());
        let process = run_as_server_user(&mut command).spawn().unwrap();
        Some(Self { process, root, endpoint: format!("http://127.0.0.1:{port}") })
    }

    fn copy(&self, store: &Store, server: &Server, secret: &str) -> Answer {
        let mut command = store.command(server, &["copy", "--to=s3://backups/host 1/pg"]);
        command.envs([
            ("AWS_ENDPOINT", self.endpoint.as_str()),
            ("AWS_ACCESS_KEY_ID", "key"),
            ("AWS_REGION", "us-east-1"),
        ]);
        answer(command.env("AWS_SECRET_ACCESS_KEY", secret))
    }

    /// Where an object lies.
    fn object(&self, entry: &str) -> PathBuf {
        self.root.join("backups/host 1/pg").join(entry)
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_copy_in_object_storage_is_byte_for_byte_the_backup() {
    let store = Store::new();
    let Some(s3) = S3::start(&store) else {
        println!("skipped: s3s-fs is not installed; run tests/setup/s3.sh");
        return;
    };
    let (server, all) = filled(&store);
    let port = s3.endpoint.rsplit(':').next().unwrap().parse().unwrap();
    server.wait_until("the S3 server listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    let denied = s3.copy(&store, &server, "wrong");
    assert_eq!(denied.exit, 6, "{denied:?}");
    let copied = s3.copy(&store, &server, "secret");
    assert_eq!((copied.exit, names(&copied.json, "copied")), (0, sorted(all.to_vec())), "{copied:?}");
    let mut compared = 0;
    for name in &all {
        for entry in [
            format!("{name}.json"),
            format!("{name}.content.json"),
            format!("{name}.dump"),
            format!("{name}/base.tar.gz"),
            format!("{name}/toc.dat"),
        ] {
            if let Ok(here) = fs::read(store.join(&entry)) {
                assert!(here == fs::read(s3.object(&entry)).unwrap(), "{entry} differs");
                compared += 1;
            }
        }
    }
    assert_eq!(compared, 3 * 3);
    let again = s3.copy(&store, &server, "secret");
    assert_eq!(again.json["copied"], json!([]));
    // Without its manifest it is no backup there either, and comes again.
    fs::remove_file(s3.object(&format!("{}.json", all[0]))).unwrap();
    let again = s3.copy(&store, &server, "secret");
    assert_eq!(names(&again.json, "copied"), [all[0].clone()]);
}
