//! What the agent's user may not read. As root the test starts itself again as another user, for nothing is closed to root.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use super::{Error, Ground, code, is_root};

/// Runs a test of this binary as `nobody` (65534) if this is root; whether the test goes on here.
pub(in crate::grants) fn goes_on_here(test: &str) -> bool {
    if !is_root() {
        return true;
    }
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture"]).uid(65534).gid(65534).current_dir("/");
    match command.output() {
        Ok(output) => {
            let told = String::from_utf8_lossy(&output.stdout);
            assert!(
                output.status.success() && told.contains("1 passed"),
                "{told}{}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Err(why) => eprintln!("skipped: user nobody cannot run {command:?}: {why}"),
    }
    false
}

fn chmod(ground: &Ground, path: &str, mode: u32) {
    fs::set_permissions(ground.inside(path), Permissions::from_mode(mode)).unwrap();
}

fn detail<T: std::fmt::Debug>(answer: Result<T, Error>) -> String {
    match answer {
        Err(Error::Remote { code, detail: Some(detail), hint: Some(_), .. }) if code == "EACCES" => detail,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_missing_permission_is_named() {
    if !goes_on_here("grants::files::tests::rights::a_missing_permission_is_named") {
        return;
    }
    let mut ground = Ground::new();
    ground.write("closed/deep/f", "");
    ground.write("unlisted/f", "here");
    ground.write("secret", "");
    ground.write("names/f", "");
    chmod(&ground, "closed", 0o600);
    chmod(&ground, "unlisted", 0o100);
    chmod(&ground, "secret", 0o200);
    chmod(&ground, "names", 0o400);
    let uid = format!("uid {}", rustix::process::geteuid().as_raw());
    for (answer, words) in [
        (detail(ground.read("closed/deep/f").await), "search permission (x) on the directory \"closed\""),
        (detail(ground.metadata("closed/deep").await), "search permission (x) on the directory \"closed\""),
        (detail(ground.read("secret").await), "read permission (r) on \"secret\""),
        (detail(ground.sha256("secret").await), "read permission (r) on \"secret\""),
        (detail(ground.page("unlisted", None).await), "read permission (r) on \"unlisted\""),
        (detail(ground.page("names", None).await), "search permission (x) on the directory \"names\""),
    ] {
        assert!(answer.contains(words) && answer.contains(&uid), "{answer}");
    }
    // What is allowed still works next to it.
    assert_eq!(ground.read("unlisted/f").await.unwrap(), b"here");
    assert_eq!(code(ground.read("unlisted/none").await), "ENOENT");
    ground.rerun();
    ground.directory.path = ground.inside("closed/deep");
    let answer = ground.page("", None).await;
    assert!(matches!(&answer, Err(Error::Unreachable(why)) if why.contains(&uid)), "{answer:?}");
    // So that they can be removed.
    for path in ["closed", "names", "unlisted"] {
        chmod(&ground, path, 0o700);
    }
}
