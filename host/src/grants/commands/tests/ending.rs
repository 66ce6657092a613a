//! How a command is ended, and that nothing of it remains.

use std::time::{Duration, Instant};

use super::{super::output::LINGER, Error, Section, in_time, is_there, numbers, observe, reading, runs, until};
use crate::grants::{commands::group::GRACE, error::Limit};

/// A script that writes process ids into the file `$1` and is ended after so many milliseconds.
fn timed(script: &str, file: &std::path::Path, milliseconds: u64) -> Section {
    let timeout = Some(Duration::from_millis(milliseconds));
    Section { timeout, ..reading(&["/bin/sh", "-c", script, "sh", file.to_str().unwrap()]) }
}

async fn all_end(pids: &[u32]) {
    for pid in pids {
        until(&format!("the end of process {pid}"), || (!runs(*pid)).then_some(())).await;
    }
}

#[tokio::test]
async fn a_time_out_kills_children_and_grandchildren_that_ignore_sigterm() {
    let base = tempfile::tempdir().unwrap();
    let file = base.path().join("pids");
    let script = "trap '' TERM; /bin/sleep 1000 & child=$!
        (/bin/sleep 1000 & echo $$ $child $! > \"$1\"; wait) & wait; wait";
    let started = Instant::now();
    let error = in_time("the time-out", observe(timed(script, &file, 300), &[])).await.unwrap_err();
    let Error::TimedOut(why) = &error else { panic!("{error}") };
    assert!(
        why.contains("did not end in 300ms: its process group was killed") && why.contains("[command.tried]"),
        "{why}"
    );
    assert!(
        started.elapsed() >= Duration::from_millis(300) + GRACE,
        "SIGTERM was ignored, so the grace was waited for"
    );
    let pids = numbers(&file).unwrap();
    assert_eq!(pids.len(), 3);
    assert!(!is_there(pids[0]), "the leader was reaped before the answer");
    all_end(&pids).await;
}

#[tokio::test]
async fn a_program_can_end_in_order_on_sigterm() {
    let base = tempfile::tempdir().unwrap();
    let (file, bye) = (base.path().join("pids"), base.path().join("bye"));
    let script = format!("trap 'echo 1 > {}; exit 0' TERM; echo starting >&2; /bin/sleep 1000 & wait", bye.display());
    let started = Instant::now();
    let error = observe(timed(&script, &file, 500), &[]).await.unwrap_err();
    assert!(matches!(&error, Error::TimedOut(why) if why.contains("its last words: \"starting\"")), "{error}");
    assert!(started.elapsed() < Duration::from_millis(500) + GRACE);
    assert_eq!(numbers(&bye), Some(vec![1]));
}

#[tokio::test]
async fn a_call_that_is_given_up_kills_the_group_and_leaves_no_zombie() {
    let base = tempfile::tempdir().unwrap();
    let file = base.path().join("pids");
    let script = "trap '' TERM; /bin/sleep 1000 & echo $$ $! > \"$1\"; wait";
    let section = timed(script, &file, 60_000);
    let pids = tokio::select! {
        answer = observe(section, &[]) => panic!("{answer:?}"),
        pids = until("the command's start", || numbers(&file)) => pids,
    };
    all_end(&pids).await;
    until("the leader's reaping", || (!is_there(pids[0])).then_some(())).await;
}

#[tokio::test]
async fn too_much_output_ends_the_program() {
    let base = tempfile::tempdir().unwrap();
    let file = base.path().join("pids");
    let script = "echo $$ > \"$1\"; exec /usr/bin/yes";
    let answer = in_time("the cap", observe(timed(script, &file, 60_000), &[])).await;
    assert_eq!(answer, Err(Error::LimitExceeded(Limit::Bytes)));
    assert!(!is_there(numbers(&file).unwrap()[0]));
}

#[tokio::test]
async fn output_that_a_child_keeps_open_is_not_taken_for_whole() {
    let base = tempfile::tempdir().unwrap();
    let file = base.path().join("pids");
    let script = "/bin/sleep 1000 & echo $! > \"$1\"; echo some";
    let started = Instant::now();
    let error = in_time("the end", observe(timed(script, &file, 60_000), &[])).await.unwrap_err();
    let Error::Remote { code, message, .. } = &error else { panic!("{error}") };
    assert_eq!(code, "0");
    assert!(message.contains("not known to be whole"), "{message}");
    assert!(started.elapsed() >= LINGER);
    all_end(&numbers(&file).unwrap()).await;
}

#[tokio::test]
async fn a_child_that_goes_on_writing_after_its_parent_is_heard_to_its_end() {
    let script = "(for i in 1 2 3 4; do /bin/sleep 0.4; echo $i; done) & echo 0";
    let base = tempfile::tempdir().unwrap();
    let output = observe(timed(script, &base.path().join("pids"), 60_000), &[]).await.unwrap();
    assert_eq!(output.stdout, b"0\n1\n2\n3\n4\n");
}

#[tokio::test]
async fn a_child_that_keeps_only_stderr_does_not_spoil_the_answer() {
    let base = tempfile::tempdir().unwrap();
    let file = base.path().join("pids");
    let script = "/bin/sleep 1000 > /dev/null & echo $! > \"$1\"; echo whole; echo words >&2";
    let output = in_time("the end", observe(timed(script, &file, 60_000), &[])).await.unwrap();
    assert_eq!((output.stdout, output.stderr), (b"whole\n".to_vec(), "words\n".to_owned()));
    all_end(&numbers(&file).unwrap()).await;
}

#[tokio::test]
async fn what_a_command_leaves_in_its_group_ends_with_it() {
    let base = tempfile::tempdir().unwrap();
    let file = base.path().join("pids");
    let script = "/bin/sleep 1000 > /dev/null 2>&1 & echo $! > \"$1\"";
    assert_eq!(observe(timed(script, &file, 60_000), &[]).await.unwrap().exit_status, 0);
    all_end(&numbers(&file).unwrap()).await;
}

/// It is not held, as the capability's documentation says; but the call ends.
#[tokio::test]
async fn a_daemon_that_left_the_group_does_not_hang_the_call() {
    let base = tempfile::tempdir().unwrap();
    let file = base.path().join("pids");
    let script = "/usr/bin/setsid /bin/sh -c 'echo $$ > \"$1\"; exec /bin/sleep 1000' sh \"$1\" &
        while ! [ -s \"$1\" ]; do /bin/sleep 0.01; done";
    let error = in_time("the end", observe(timed(script, &file, 60_000), &[])).await.unwrap_err();
    assert!(matches!(error, Error::Remote { .. }), "{error}");
    let daemon = i32::try_from(numbers(&file).unwrap()[0]).unwrap();
    let daemon = rustix::process::Pid::from_raw(daemon).unwrap();
    rustix::process::kill_process(daemon, rustix::process::Signal::KILL).expect("it is still there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_commands_at_once_leave_no_process() {
    let base = tempfile::tempdir().unwrap();
    let tasks: Vec<_> = (0..64)
        .map(|number| {
            let file = base.path().join(number.to_string());
            let script = "echo $$ > \"$1\"; [ $(($$ % 2)) = 0 ] || exec /bin/sleep 1000";
            tokio::spawn(async move { (observe(timed(script, &file, 1500), &[]).await, file) })
        })
        .collect();
    for task in tasks {
        let (answer, file) = task.await.unwrap();
        let leader = numbers(&file).unwrap_or_else(|| panic!("not started: {answer:?}"))[0];
        assert_eq!(answer.is_ok(), leader.is_multiple_of(2), "{answer:?}");
        assert!(!is_there(leader));
    }
}
