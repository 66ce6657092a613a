//! Output to a file: whole under its name, or not there.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
    time::Duration,
};

use super::{
    super::{Done, Written, act, is_partial},
    Error, Kind, Section, arguments, command, in_time, numbers, parameters, reading, runs, until, writing,
};

fn names(directory: &Path) -> Vec<String> {
    fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

async fn write(section: Section, file: &str) -> Result<Done, Error> {
    act(&command(section), &arguments(&[("file", file)])).await.map_err(|fault| fault.error)
}

#[tokio::test]
async fn a_file_has_its_digest_its_size_and_one_reader() {
    let base = tempfile::tempdir().unwrap();
    fs::create_dir(base.path().join("sub")).unwrap();
    let done = write(writing(&["/usr/bin/printf", "abc"], base.path()), "sub/a.dump").await.unwrap();
    let path = base.path().join("sub/a.dump");
    // The first test vector of FIPS 180-2.
    let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad".to_owned();
    assert_eq!(done.file, Some(Written { path: path.clone(), bytes: 3, sha256 }));
    assert_eq!((done.output.exit_status, done.output.stdout), (0, Vec::new()));
    assert_eq!(fs::read(&path).unwrap(), b"abc");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(names(&base.path().join("sub")), ["a.dump"]);
}

#[tokio::test]
async fn a_large_file_is_what_the_command_wrote() {
    let base = tempfile::tempdir().unwrap();
    let done = write(writing(&["/usr/bin/seq", "10000000"], base.path()), "numbers").await.unwrap().file.unwrap();
    assert_eq!(done.bytes, 78_888_897, "more than any cap on what goes to the caller");
    let sum = std::process::Command::new("/usr/bin/sha256sum").arg(&done.path).output().unwrap();
    assert!(String::from_utf8(sum.stdout).unwrap().starts_with(&done.sha256));
    assert_eq!(fs::metadata(&done.path).unwrap().len(), done.bytes);
}

#[tokio::test]
async fn a_command_that_failed_leaves_no_file() {
    let held = "/bin/sleep 1000 & echo half";
    for script in ["echo half; exit 3", "echo half; kill -9 $$", "echo half; exec /bin/sleep 1000", held] {
        let base = tempfile::tempdir().unwrap();
        let timeout = Some(Duration::from_millis(1500));
        let section = Section { timeout, ..writing(&["/bin/sh", "-c", script], base.path()) };
        let answer = in_time(script, write(section, "a.dump")).await;
        match script {
            "echo half; exit 3" => {
                let done = answer.unwrap();
                assert_eq!((done.output.exit_status, done.file), (3, None));
            }
            _ => assert!(matches!(answer, Err(Error::Remote { .. } | Error::TimedOut(_))), "{script}: {answer:?}"),
        }
        assert_eq!(names(base.path()), [""; 0], "{script}");
    }
}

#[tokio::test]
async fn while_it_is_written_it_has_a_name_that_says_so() {
    let base = tempfile::tempdir().unwrap();
    let pids = tempfile::tempdir().unwrap();
    let pids = pids.path().join("pids");
    let script = "echo half; echo $$ > \"$1\"; exec /bin/sleep 1000";
    let section = writing(&["/bin/sh", "-c", script, "sh", pids.to_str().unwrap()], base.path());
    let size = || {
        let name = names(base.path()).pop()?;
        assert!(is_partial(&name), "{name}");
        (fs::metadata(base.path().join(name)).ok()?.len() == 5).then_some(())
    };
    tokio::select! {
        answer = write(section, "a.dump") => panic!("{answer:?}"),
        () = until("the first line in the file", size) => {}
    }
    // The call was dropped.
    until("an empty directory", || names(base.path()).is_empty().then_some(())).await;
    let leader = numbers(&pids).unwrap()[0];
    until("the end of the command", || (!runs(leader)).then_some(())).await;
    assert!(!is_partial("a.dump") && !is_partial(".a.dump"));
}

#[tokio::test]
async fn no_file_is_replaced() {
    let base = tempfile::tempdir().unwrap();
    let path = base.path().join("a.dump");
    fs::write(&path, "old").unwrap();
    let made = base.path().join("made");
    let section = writing(&["/usr/bin/touch", made.to_str().unwrap()], base.path());
    let error = write(section, "a.dump").await.unwrap_err();
    assert!(matches!(&error, Error::Unreachable(why) if why.contains("is there already")), "{error}");
    assert!(!made.exists(), "it was not started");

    // One that appears while the command runs.
    let script = format!("echo other > {}/b.dump; echo mine", base.path().display());
    let error = write(writing(&["/bin/sh", "-c", &script], base.path()), "b.dump").await.unwrap_err();
    assert!(matches!(&error, Error::Unreachable(why) if why.contains("File exists")), "{error}");
    assert_eq!(fs::read_to_string(base.path().join("b.dump")).unwrap(), "other\n");
    assert_eq!(fs::read_to_string(path).unwrap(), "old");
    assert_eq!(names(base.path()).len(), 2);
}

#[tokio::test]
async fn no_symbolic_link_leads_out() {
    let base = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret"), "x").unwrap();
    symlink(outside.path(), base.path().join("out")).unwrap();
    symlink(outside.path().join("new"), base.path().join("dangling")).unwrap();
    symlink(outside.path().join("secret"), base.path().join("link")).unwrap();
    for file in ["out/a", "dangling", "link", "link/a"] {
        let error = write(writing(&["/bin/echo", "x"], base.path()), file).await.unwrap_err();
        assert!(matches!(error, Error::Unreachable(_)), "{file}: {error}");
    }
    assert_eq!(names(outside.path()), ["secret"]);

    let path = Kind::Path { directory: "in".to_owned(), root: base.path().to_owned() };
    let reads = Section { parameters: parameters(&[("file", path)]), ..reading(&["/bin/cat", "{file}"]) };
    for file in ["out/secret", "link", "dangling"] {
        let error = super::observe(reads.clone(), &[("file", file)]).await.unwrap_err();
        assert!(matches!(&error, Error::Unreachable(why) if why.contains("symbolic link")), "{file}: {error}");
    }
    rustix::fs::mknodat(
        rustix::fs::CWD,
        base.path().join("fifo"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    let error = super::observe(reads.clone(), &[("file", "fifo")]).await.unwrap_err();
    assert!(matches!(&error, Error::Unreachable(why) if why.contains("neither a file nor a directory")), "{error}");
    fs::write(base.path().join("fine"), "read").unwrap();
    assert_eq!(super::observe(reads, &[("file", "fine")]).await.unwrap().stdout, b"read");

    // The operator's own path may be a link.
    symlink(base.path(), outside.path().join("root")).unwrap();
    let done = write(writing(&["/bin/echo", "x"], &outside.path().join("root")), "new").await.unwrap();
    assert_eq!(done.file.unwrap().path, outside.path().join("root/new"));
    assert!(base.path().join("new").exists());
}

#[tokio::test]
async fn a_directory_that_is_not_there_is_not_made() {
    let base = tempfile::tempdir().unwrap();
    let error = write(writing(&["/bin/echo", "x"], base.path()), "sub/a").await.unwrap_err();
    assert!(matches!(&error, Error::Unreachable(why) if why.contains("create the directory first")), "{error}");
    assert_eq!(names(base.path()), [""; 0]);
}

/// Runs once more in a process of its own that has little room: a small tmpfs in a mount namespace where the user may mount (root),
/// else with a limit on the size of files.
#[tokio::test]
async fn a_full_disk_leaves_no_file_and_ends_the_command() {
    const ROOM: &str = "PGREEVE_TEST_LITTLE_ROOM";
    let Some(directory) = std::env::var_os(ROOM) else {
        let base = tempfile::tempdir().unwrap();
        let name = std::thread::current().name().unwrap().to_owned();
        let (program, arguments): (_, &[&str]) = if rustix::process::geteuid().is_root() {
            let script = "mount -t tmpfs -o size=256k none \"$0\" && exec \"$@\"";
            ("/usr/bin/unshare", &["--mount", "/bin/sh", "-c", script])
        } else {
            ("/bin/sh", &["-c", "trap '' XFSZ; ulimit -f 512; exec \"$@\""])
        };
        let mut again = std::process::Command::new(program);
        again.args(arguments).arg(base.path()).arg(std::env::current_exe().unwrap());
        let output = again.args(["--exact", &name, "--nocapture"]).env(ROOM, base.path()).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && text.contains("1 passed"),
            "{text}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        return;
    };
    let section = writing(&["/usr/bin/yes"], Path::new(&directory));
    let error = in_time("the end of the room", write(section, "a.dump")).await.unwrap_err();
    let Error::Unreachable(why) = &error else { panic!("{error}") };
    assert!(why.contains("could not be written") && why.contains("its process group was killed"), "{why}");
    assert_eq!(names(Path::new(&directory)), [""; 0]);
    let done = write(writing(&["/bin/echo", "x"], Path::new(&directory)), "a.dump").await.unwrap();
    assert_eq!(done.file.unwrap().bytes, 2, "there is room again");
}
