//! Disks of a real data directory whose WAL and tablespaces lie elsewhere.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::super::{Ask, Disk, Place, System, Told, Unseen, perform, postgres_places};
use crate::grants::files::tests::hanging::Dead;
use crate::grants::files::tests::rights::goes_on_here;

async fn disks(system: &System) -> (Vec<Disk>, Vec<Unseen>) {
    let told = perform(system, &Ask::Disks).await.unwrap();
    let Told::Disks { disks, unseen } = told else { panic!("{told:?}") };
    (disks, unseen)
}

fn place(purpose: &str, path: &Path) -> Place {
    Place { purpose: purpose.to_owned(), path: path.to_owned() }
}

fn df(path: &Path) -> (String, u64, u64) {
    let output = Command::new("df").args(["-B1", "--output=target,size,itotal"]).arg(path).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut fields = text.lines().last().unwrap().split_whitespace();
    (
        fields.next().unwrap().to_owned(),
        fields.next().unwrap().parse().unwrap(),
        fields.next().unwrap().parse().unwrap(),
    )
}

/// PostgreSQL's own programs, run as the user `postgres` where this is root, which they refuse.
fn program(name: &str) -> Option<Command> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let program = versions.flatten().map(|version| version.path().join("bin").join(name)).find(|path| path.exists())?;
    let mut command = Command::new(program);
    command.current_dir("/").stdout(Stdio::null()).stderr(Stdio::null());
    if rustix::process::geteuid().is_root() {
        let (uid, gid) = postgres()?;
        command.uid(uid).gid(gid);
    }
    Some(command)
}

fn postgres() -> Option<(u32, u32)> {
    let users = fs::read_to_string("/etc/passwd").ok()?;
    let mut fields = users.lines().find(|line| line.starts_with("postgres:"))?.split(':').skip(2);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

/// A directory of which PostgreSQL's user is the owner, in the one given.
fn owned(parent: &Path, name: &str) -> PathBuf {
    let path = parent.join(name);
    fs::create_dir(&path).unwrap();
    if rustix::process::geteuid().is_root() {
        let (uid, gid) = postgres().unwrap();
        std::os::unix::fs::chown(&path, Some(uid), Some(gid)).unwrap();
    }
    path
}

#[tokio::test]
async fn a_servers_disks_are_those_of_df() {
    let Some(mut initdb) = program("initdb") else {
        eprintln!("skipped: needs PostgreSQL under /usr/lib/postgresql");
        return;
    };
    // WAL and tablespace on another file system than the data.
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir_in("/dev/shm").unwrap());
    for parent in [&here, &there] {
        fs::set_permissions(parent.path(), fs::Permissions::from_mode(0o755)).unwrap();
    }
    let (data, wal, space) = (owned(here.path(), "data"), owned(there.path(), "wal"), owned(there.path(), "space"));
    assert!(initdb.arg("-N").arg("-D").arg(&data).arg("-X").arg(&wal).status().unwrap().success());
    let mut single = program("postgres")
        .unwrap()
        .arg("--single")
        .arg("-D")
        .arg(&data)
        .arg("postgres")
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    writeln!(single.stdin.take().unwrap(), "create tablespace far location '{}'", space.display()).unwrap();
    assert!(single.wait().unwrap().success());

    let (places, missing) = postgres_places(&data);
    assert_eq!(missing, None);
    let purposes: Vec<&str> = places.iter().map(|place| place.purpose.as_str()).collect();
    assert_eq!(purposes[..2], ["data", "wal"]);
    let tablespace = purposes[2].strip_prefix("tablespace:").unwrap();
    assert_eq!(fs::read_link(data.join("pg_tblspc").join(tablespace)).unwrap(), space);

    let (disks, unseen) = disks(&System::new(vec![data.clone()], vec![place("files:backups", here.path())])).await;
    assert_eq!(unseen, []);
    assert_eq!(disks.len(), 2);
    assert_eq!(disks[0].purpose, ["data", "files:backups"]);
    assert_eq!(disks[1].purpose, ["wal", purposes[2]]);
    for (disk, path) in disks.iter().zip([&data, &wal]) {
        assert_eq!((disk.mount.clone(), disk.total, disk.inodes_total), df(path));
        assert!(disk.available <= disk.total && disk.inodes_available <= disk.inodes_total);
    }
}

#[tokio::test]
async fn a_data_directory_that_may_not_be_searched_says_what_is_missing() {
    if !goes_on_here("grants::system::tests::disks::a_data_directory_that_may_not_be_searched_says_what_is_missing") {
        return;
    }
    let parent = tempfile::tempdir().unwrap();
    let data = parent.path().join("data");
    fs::create_dir_all(data.join("pg_wal")).unwrap();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o000)).unwrap();
    let (disks, unseen) = disks(&System::new(vec![data.clone()], Vec::new())).await;
    fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).unwrap();
    // The data directory's own file system is seen from above it.
    assert_eq!(disks.iter().flat_map(|disk| &disk.purpose).collect::<Vec<_>>(), ["data"]);
    assert_eq!(unseen.iter().map(|unseen| unseen.purpose.as_str()).collect::<Vec<_>>(), ["tablespaces", "wal"]);
    let closed = format!("lacks search permission (x) on {}:", data.display());
    for unseen in &unseen {
        assert!(unseen.why.contains(&closed) && unseen.why.contains("--allow-group-access"), "{}", unseen.why);
    }
}

#[tokio::test]
async fn places_that_are_not_there_cost_only_their_own_line() {
    let parent = tempfile::tempdir().unwrap();
    symlink("/nowhere", parent.path().join("dangling")).unwrap();
    fs::write(parent.path().join("file"), "").unwrap();
    let places = ["none", "dangling", "file", ""].map(|name| place(name, &parent.path().join(name)));
    let (disks, unseen) = disks(&System::new(Vec::new(), places.to_vec())).await;
    assert_eq!(disks.iter().flat_map(|disk| &disk.purpose).collect::<Vec<_>>(), [""]);
    let whys: Vec<&str> = unseen.iter().map(|unseen| unseen.why.as_str()).collect();
    for (why, code) in whys.iter().zip(["ENOENT", "ENOENT", "ENOTDIR"]) {
        assert!(why.contains(code), "{whys:?}");
    }
    assert_eq!(whys.len(), 3);
}

#[tokio::test]
async fn a_dead_mount_costs_only_its_own_line() {
    let parent = tempfile::tempdir().unwrap();
    let point = parent.path().join("dead");
    fs::create_dir(&point).unwrap();
    let Some(_dead) = Dead::mount(&point) else {
        eprintln!("skipped: needs root and /dev/fuse");
        return;
    };
    let mut system = System::new(Vec::new(), vec![place("files:dead", &point), place("files:alive", parent.path())]);
    system.timeout = Duration::from_millis(200);
    loop {
        let (disks, unseen) = disks(&system).await;
        assert_eq!(disks.iter().flat_map(|disk| &disk.purpose).collect::<Vec<_>>(), ["files:alive"]);
        assert_eq!(unseen.len(), 1);
        assert_eq!(unseen[0].purpose, "files:dead");
        // After a while it is not even tried.
        if unseen[0].why.contains("earlier call") {
            break;
        }
    }
}
