//! A file system that does not answer. The real one is a FUSE mount whose server never says a word: every call on it waits in the kernel,
//! as on a dead network mount, until the server's end of the line is closed.

use std::fs::{self, File};
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::io::{FdFlags, fcntl_setfd};

use super::super::gate::Gate;
use super::super::{Directory, Rules};
use super::{Error, Ground, is_root};

/// A mounted FUSE file system without a server.
pub(in crate::grants) struct Dead {
    line: Option<File>,
    point: PathBuf,
}

impl Dead {
    /// None where it cannot be had: not root, or no /dev/fuse.
    pub(in crate::grants) fn mount(point: &Path) -> Option<Self> {
        let line = is_root().then(|| File::options().read(true).write(true).open("/dev/fuse").ok()).flatten()?;
        // mount(8) must inherit it.
        fcntl_setfd(&line, FdFlags::empty()).unwrap();
        let options = format!("fd={},rootmode=40000,user_id=0,group_id=0", line.as_raw_fd());
        let mounted = Command::new("mount").args(["-i", "-t", "fuse", "-o", &options, "none"]).arg(point).status();
        fcntl_setfd(&line, FdFlags::CLOEXEC).unwrap();
        mounted.ok().filter(std::process::ExitStatus::success)?;
        Some(Self { line: Some(line), point: point.to_owned() })
    }

    /// What waits is told that there is nobody.
    pub(in crate::grants) fn hang_up(&mut self) {
        self.line = None;
    }
}

impl Drop for Dead {
    fn drop(&mut self) {
        self.line = None;
        assert!(Command::new("umount").arg("-l").arg(&self.point).status().unwrap().success());
    }
}

#[test]
fn a_dead_mount_hangs_neither_the_run_nor_other_directories_nor_the_agents_end() {
    let mut ground = Ground::new();
    ground.write("f", "here");
    fs::create_dir(ground.outside("dead")).unwrap();
    let Some(mut dead) = Dead::mount(&ground.outside("dead")) else {
        eprintln!("skipped: needs root and /dev/fuse");
        return;
    };
    let rules = Rules { timeout: Duration::from_millis(100), ..Rules::default() };
    let mut hanging = Ground::new();
    hanging.directory = Directory::new("backups".to_owned(), ground.outside("dead"), rules).unwrap();

    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let told = runtime.block_on(async {
        let begin = Instant::now();
        assert!(matches!(hanging.page("", None).await, Err(Error::TimedOut(why)) if why.contains("100ms")));
        assert!(begin.elapsed() < Duration::from_secs(30));
        // Until the first call counts as hanging others try too, never more than four.
        let mut most = 0;
        let told = loop {
            let Err(Error::TimedOut(why)) = hanging.read("f").await else { panic!("answered") };
            most = most.max(hanging.directory.gate.threads());
            if why.contains("earlier call") {
                break why;
            }
        };
        assert_eq!(most, 4);
        // From now on at once, and without another thread.
        let begin = Instant::now();
        for _ in 0..1000 {
            assert!(matches!(hanging.metadata("f").await, Err(Error::TimedOut(_))));
        }
        // Each would have waited for 100 ms by itself.
        assert!(begin.elapsed() < Duration::from_secs(30), "{:?}", begin.elapsed());
        assert_eq!(hanging.directory.gate.threads(), 4);
        assert_eq!(ground.read("f").await.unwrap(), b"here");
        told
    });
    assert!(told.contains("dead network mount"), "{told}");

    let begin = Instant::now();
    drop(runtime);
    assert!(begin.elapsed() < Duration::from_secs(30), "the runtime waited for threads that hang");

    dead.hang_up();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        while hanging.directory.gate.threads() > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let answer = hanging.page("", None).await;
        assert!(matches!(&answer, Err(Error::Unreachable(_))), "{answer:?}");
    });
}

/// The gate by itself, for machines without FUSE: the work here waits for a channel instead of the kernel.
#[tokio::test]
async fn work_that_comes_back_late_opens_the_gate_again() {
    let gate = Gate::default();
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let wait = move |_: &_| {
        ended.recv().ok();
        Ok(())
    };
    let brief = Duration::from_millis(10);
    let answer = gate.run(brief, "it", "`timeout`", wait).await;
    assert_eq!(answer, Err(Error::TimedOut("it gave no answer within 10ms (`timeout`)".to_owned())));
    loop {
        // Other work is let in until the first counts as hanging.
        match gate.run(brief, "it", "`timeout`", |_| Ok(())).await {
            Ok(()) => tokio::time::sleep(brief).await,
            Err(Error::TimedOut(why)) if why.contains("earlier call") => break,
            // A busy machine may not start a thread within 10 ms.
            Err(Error::TimedOut(_)) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    drop(end);
    while gate.threads() > 0 {
        tokio::time::sleep(brief).await;
    }
    assert_eq!(gate.run(Duration::from_secs(60), "it", "`timeout`", |_| Ok(5)).await, Ok(5));
}

#[tokio::test]
async fn work_whose_caller_leaves_is_told_to_end() {
    let gate = Gate::default();
    let (tell, mut told) = tokio::sync::mpsc::channel(1);
    let work = move |clock: &super::super::gate::Clock| {
        tell.blocking_send("begun").unwrap();
        while clock.check().is_ok() {
            std::thread::yield_now();
        }
        tell.blocking_send("ended").unwrap();
        Ok(())
    };
    {
        let call = gate.run(Duration::from_secs(3600), "it", "`timeout`", work);
        tokio::pin!(call);
        tokio::select! {
            _ = &mut call => panic!("it did not wait"),
            begun = told.recv() => assert_eq!(begun, Some("begun")),
        }
    }
    assert_eq!(told.recv().await, Some("ended"));
}

#[tokio::test]
async fn work_that_panics_is_an_error_and_gives_its_seat_back() {
    let gate = Gate::default();
    for _ in 0..10 {
        let answer = gate.run::<()>(Duration::from_secs(60), "it", "`timeout`", |_| panic!("on purpose")).await;
        assert!(matches!(&answer, Err(Error::Unreachable(why)) if why.contains("panicked")), "{answer:?}");
    }
}
