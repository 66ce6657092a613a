//! Which programs are started at all.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
};

use tempfile::TempDir;

use super::{super::executable, Error, Section, observe, reading};

fn program(path: &Path, mode: u32) {
    fs::write(path, "#!/bin/sh\n").unwrap();
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// A directory in one that `check` lets pass. A machine's `/tmp` may belong to somebody who is neither root nor us.
fn place() -> TempDir {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("target");
    let passes = |base: &Path| {
        let directory = tempfile::tempdir_in(base).ok()?;
        let tool = directory.path().join("tool");
        program(&tool, 0o755);
        let checked = executable::check(&tool);
        fs::remove_file(tool).unwrap();
        checked.ok().map(|()| directory)
    };
    let bases = [std::env::temp_dir(), "/var/tmp".into(), built];
    bases.iter().find_map(|base| passes(base)).expect("one of the directories for temporary files is root's or ours")
}

#[test]
fn what_others_could_have_put_there_is_refused() {
    const FILE: u32 = 0o100_000;
    const DIRECTORY: u32 = 0o040_000;
    const LINK: u32 = 0o120_000;
    let cases = [
        (0, FILE | 0o755, None),
        (7, FILE | 0o700, None),
        (0, FILE | 0o4755, None),
        (8, FILE | 0o755, Some("belongs to user id 8")),
        (0, FILE | 0o775, Some("can be changed by others")),
        (0, FILE | 0o757, Some("can be changed by others")),
        (7, FILE | 0o1777, Some("can be changed by others")),
        (0, DIRECTORY | 0o755, None),
        (0, DIRECTORY | 0o1777, None),
        (0, DIRECTORY | 0o777, Some("(mode 0777): chmod go-w it")),
        (0, DIRECTORY | 0o2775, Some("(mode 2775): chmod go-w it")),
        (8, DIRECTORY | 0o755, Some("belongs to user id 8")),
        (0, LINK | 0o777, None),
        (8, LINK | 0o777, Some("belongs to user id 8")),
    ];
    for (owner, mode, expected) in cases {
        let fault = executable::fault(owner, mode, 7);
        match expected {
            None => assert_eq!(fault, None, "{owner} {mode:o}"),
            Some(part) => {
                assert!(fault.as_ref().is_some_and(|fault| fault.contains(part)), "{owner} {mode:o}: {fault:?}");
            }
        }
    }
}

#[test]
fn the_whole_way_to_a_program_is_looked_at() {
    let base = place();
    let at = |name: &str| base.path().join(name);
    for (name, mode) in [("good", 0o755), ("open", 0o777), ("target", 0o755)] {
        fs::create_dir(at(name)).unwrap();
        program(&at(name).join("tool"), 0o755);
        fs::set_permissions(at(name), Permissions::from_mode(mode)).unwrap();
    }
    program(&at("good/shared"), 0o775);
    program(&at("good/plain"), 0o644);
    symlink("../target/tool", at("good/link")).unwrap();
    symlink(at("open/tool"), at("good/to-open")).unwrap();
    symlink("loop", at("good/loop")).unwrap();
    symlink(at("good"), at("open/way")).unwrap();
    symlink(at("target"), at("good/directory")).unwrap();
    let cases = [
        ("good/tool", None),
        ("good/link", None),
        ("good/directory/tool", None),
        ("good/../target/tool", None),
        ("open/tool", Some("open can be changed by others")),
        ("good/to-open", Some("open can be changed by others")),
        ("open/way/tool", Some("open can be changed by others")),
        ("good/shared", Some("good/shared can be changed by others")),
        ("good/plain", Some("is not executable: chmod +x it")),
        ("good/loop", Some("more than 40 symbolic links")),
        ("good/none", Some("cannot look at")),
        ("good", Some("is no regular file")),
    ];
    for (name, expected) in cases {
        let result = executable::check(&at(name));
        match expected {
            None => assert_eq!(result, Ok(()), "{name}"),
            Some(part) => assert!(result.as_ref().is_err_and(|why| why.contains(part)), "{name}: {result:?}"),
        }
    }
}

#[tokio::test]
async fn a_program_that_is_refused_is_not_started() {
    let base = place();
    let tool = base.path().join("tool");
    let made = base.path().join("made");
    fs::write(&tool, format!("#!/bin/sh\n: > {}\n", made.display())).unwrap();
    fs::set_permissions(&tool, Permissions::from_mode(0o777)).unwrap();
    let error = observe(reading(&[tool.to_str().unwrap()]), &[]).await.unwrap_err();
    assert!(matches!(&error, Error::Unreachable(why) if why.contains("chmod go-w it")), "{error}");
    assert!(!made.exists());
}

#[tokio::test]
async fn what_cannot_be_started_says_why() {
    let nowhere = Section { directory: "/nowhere".into(), ..reading(&["/bin/true"]) };
    let unset = Section { pass_env: vec!["PGREEVE_NEVER_SET".to_owned()], ..reading(&["/bin/true"]) };
    let cases = [
        (reading(&["/usr/bin/no-such-program"]), "cannot look at /usr/bin/no-such-program"),
        (nowhere, "working directory /nowhere"),
        (unset, "PGREEVE_NEVER_SET, which is not set"),
    ];
    for (section, expected) in cases {
        let error = observe(section, &[]).await.unwrap_err();
        assert!(matches!(&error, Error::Unreachable(why) if why.contains(expected)), "{error}");
    }
}
