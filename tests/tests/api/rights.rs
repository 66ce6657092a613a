//! Who may connect, and who may do what.

use std::os::unix::fs::PermissionsExt as _;

use pgreeve_tests::agent::Agent;

use crate::bed::{Answer, Document, JOBS, With, account, ask, exchange, is_root, open, request, serve, socket};

/// Asks for every path of the API; whether each was refused for want of a right is told with the right that it takes.
fn all(agent: &Agent, document: &Document, with: With<'_>) -> Vec<(&'static str, bool)> {
    let table = pgreeve::serve::table().into_iter().filter(|(_, path, _)| *path != "/v1/reload");
    table
        .map(|(method, path, right)| {
            let fill = if path.contains("{job}") { "nobody" } else { "0" };
            let answer = document.ask(agent, method, path, if path.contains('{') { fill } else { "" }, with);
            if answer.status == 403 {
                assert!(answer.json["advice"].as_str().unwrap().contains("agent.toml"), "{:#}", answer.json);
            }
            (right.word(), answer.status == 403)
        })
        .collect()
}

fn refused_rights(told: &[(&'static str, bool)]) -> Vec<&'static str> {
    let mut rights: Vec<_> = told.iter().filter(|(_, refused)| *refused).map(|(right, _)| *right).collect();
    rights.sort_unstable();
    rights.dedup();
    // Of one right, all paths or none.
    assert!(told.iter().all(|(right, refused)| *refused == rights.contains(right)), "{told:?}");
    rights
}

#[test]
fn a_list_is_the_whole_list_for_the_agents_user_too_and_a_reload_changes_it() {
    let api = |lists: &str| format!("{JOBS}[api]\n{lists}");
    let agent = Agent::new(&api(""));
    let _daemon = serve(&agent);
    let document = Document::of(&agent);
    let told = || refused_rights(&all(&agent, &document, With::default()));
    assert_eq!(told(), [""; 0]);
    let reload = || document.ask(&agent, "post", "/v1/reload", "", With::default());
    agent.configure(&api("approvers = []"));
    assert_eq!(reload().status, 200);
    assert_eq!(told(), ["approve"]);
    agent.configure(&api("approvers = []\noperators = []"));
    assert_eq!(reload().status, 200);
    assert_eq!(told(), ["approve", "operate"]);
    assert_eq!(reload().status, 403);
}

#[test]
fn a_token_adds_its_rights_and_no_others() {
    let tokens = "[api]\noperators = []\napprovers = []\n[api.token.ci]\nfile = \"ci.token\"\nrights = [\"operate\"]\n\
                  [api.token.boss]\nfile = \"boss.token\"\nrights = [\"approve\", \"operate\"]\n\
                  [api.token.gone]\nfile = \"gone.token\"\nrights = [\"approve\"]\n";
    let agent = Agent::new(&format!("{JOBS}{tokens}"));
    let put = |name: &str, secret: &str| {
        let path = agent.config().with_file_name(name);
        std::fs::write(&path, secret).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
    };
    put("ci.token", "3f1c0c58\n");
    put("boss.token", "7b1e9a42");
    let daemon = serve(&agent);
    let document = Document::of(&agent);
    let told = |token| refused_rights(&all(&agent, &document, With { token, ..With::default() }));
    assert_eq!(told(None), ["approve", "operate"]);
    assert_eq!(told(Some("3f1c0c58")), ["approve"]);
    assert_eq!(told(Some("7b1e9a42")), [""; 0]);
    for wrong in ["", "3f1c0c5", "3f1c0c589", "nonsense"] {
        let answer = document.ask(&agent, "get", "/v1/status", "", With { token: Some(wrong), ..With::default() });
        assert_eq!((answer.status, answer.json["type"].as_str()), (401, Some("wrong-token")), "{wrong:?}");
    }
    // The name of a token is who.
    document.ask(&agent, "post", "/v1/jobs/{job}/run", "quiet", With { token: Some("3f1c0c58"), ..With::default() });
    daemon.wait_for("asked for by token ci (");
    // A secret is read anew each time, so a changed one needs no reload; and none of them is in the log.
    put("ci.token", "changed");
    assert_eq!(ask(&agent, "get", "/v1/jobs", With { token: Some("3f1c0c58"), ..With::default() }).status, 401);
    assert!(["3f1c0c58", "7b1e9a42"].iter().all(|secret| !daemon.log().contains(secret)));
}

#[test]
fn without_a_group_the_socket_is_its_owners_and_with_one_its_members() {
    let agent = Agent::new(JOBS);
    let daemon = serve(&agent);
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&socket(&agent)), mode(&agent.state_dir())), (0o600, 0o700));
    if !is_root() {
        return;
    }
    let (member, stranger) = (account("postgres"), account("nobody"));
    open(&agent);
    let connects = |user| exchange(&agent, &request("GET", "/v1/status", With::default()), Some(user)).is_some();
    assert!(!connects(member) && !connects(stranger));
    drop(daemon);

    agent.configure(&format!("{JOBS}[api]\ngroup = \"postgres\"\n"));
    let _daemon = serve(&agent);
    assert_eq!((mode(&socket(&agent)), mode(&agent.state_dir())), (0o660, 0o710));
    assert!(connects(member) && !connects(stranger));
    // A member passes through the directory, and reads nothing there.
    let database = agent.state_dir().join("pgreeve.db");
    let read = std::os::unix::process::CommandExt::uid(&mut std::process::Command::new("cat"), member.0)
        .arg(&database)
        .stderr(std::process::Stdio::null())
        .status();
    assert!(!read.unwrap().success());
    let document = Document::of(&agent);
    let told = all(&agent, &document, With { user: Some(member), ..With::default() });
    assert_eq!(refused_rights(&told), ["approve", "operate"]);
}

#[test]
fn users_and_groups_have_the_rights_that_agent_toml_gives_them() {
    if !is_root() {
        return;
    }
    let member = account("postgres");
    for (lists, refused) in [
        ("operators = [\"postgres\"]", vec!["approve"]),
        ("operators = [\"%postgres\"]", vec!["approve"]),
        ("approvers = [\"%postgres\"]", vec![]),
        ("approvers = [\"nobody\", \"%nogroup\"]", vec!["approve", "operate"]),
    ] {
        let agent = Agent::new(&format!("{JOBS}[api]\ngroup = \"postgres\"\n{lists}\n"));
        open(&agent);
        let daemon = serve(&agent);
        let document = Document::of(&agent);
        let told = all(&agent, &document, With { user: Some(member), ..With::default() });
        assert_eq!(refused_rights(&told), refused, "{lists}");
        let Answer { status, .. } =
            document.ask(&agent, "post", "/v1/reload", "", With { user: Some(member), ..With::default() });
        assert_eq!(status == 403, refused.contains(&"operate"), "{lists}");
        if status == 200 {
            daemon.wait_for("a reload, asked for by postgres");
        } else {
            daemon.wait_for("refused a request: postgres may not operate");
        }
    }
}

/// Runs a command as a process whose kernel login uid is this one; none where the kernel does not let the tests set one.
fn logged_in(agent: &Agent, login: u32, arguments: &[&str]) -> Option<std::process::Output> {
    let command = agent.command(arguments);
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", &format!("echo {login} > /proc/self/loginuid || exit 99; exec \"$0\" \"$@\"")]);
    let output = shell.arg(command.get_program()).args(command.get_args()).output().unwrap();
    (output.status.code() != Some(99)).then_some(output)
}

#[test]
fn two_who_both_come_as_root_are_told_apart_by_who_logged_in_which_grants_nothing() {
    if !is_root() {
        println!("skipped: only root sets a login uid");
        return;
    }
    let agent = Agent::new(JOBS);
    let _daemon = serve(&agent);
    let (alice, postgres) = ("uid 4000000000", account("postgres").0);
    let Some(first) = logged_in(&agent, 4_000_000_000, &["pause", "--why", "one"]) else {
        println!("skipped: this kernel keeps no login uids, or lets nobody set them here");
        return;
    };
    assert!(first.status.success(), "{}", String::from_utf8_lossy(&first.stderr));
    for (login, arguments) in [(postgres, ["resume", "--why", "two"]), (0, ["pause", "--why", "three"])] {
        assert!(logged_in(&agent, login, &arguments).unwrap().status.success());
    }
    let audit = String::from_utf8(agent.run(&["audit"]).stdout).unwrap();
    for (who, why) in [
        (format!("root (logged in as {alice})"), "one"),
        ("root (logged in as postgres)".to_owned(), "two"),
        // Who logged in as root is root.
        ("root".to_owned(), "three"),
    ] {
        let told = |line: &str| line.contains(&format!("by {who},")) || line.contains(&format!("by {who}:"));
        assert!(audit.lines().any(|line| told(line) && line.ends_with(why)), "{who}: {audit}");
    }
    // Another user's rights do not come with the login, nor are root's lost by it.
    agent.configure(&format!("{JOBS}[api]\napprovers = [\"postgres\"]\n"));
    assert!(logged_in(&agent, postgres, &["reload"]).unwrap().status.success());
    let refused = logged_in(&agent, postgres, &["resume", "--why", "four"]).unwrap();
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("root (logged in as postgres) may not approve"), "{said}");
}
