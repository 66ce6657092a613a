//! What holds between processes: death without warning, a second agent, readers and manual checks beside the agent.

use super::*;

/// Run number n of the writer: everything in it follows from n.
fn numbered(n: i64) -> (RunStart, RunEnd, Vec<MemoryChange>) {
    let job = if n % 3 == 0 { "hourly" } else { "minutely" };
    let report = Report {
        findings: (0..5).map(|slot| finding(&format!("lag/{n}/{slot}"), Status::Warning)).collect(),
        metrics: (0..20).map(|slot| metric(&format!("lag_{slot:02}"), n as f64, &[("slot", "a")])).collect(),
        proposals: Vec::new(),
    };
    let memory = vec![keep("first", n.to_string().as_bytes()), keep("second", n.to_string().as_bytes())];
    (start(job, n), end(n, Outcome::Reported { report }), memory)
}

/// Writes runs from number `first` on, for ever, and prints each run's id once the store said that it is recorded.
fn write_for_ever(state_dir: &Path) -> ! {
    let mut store = Store::open(state_dir).unwrap();
    let newest = store.runs(&RunFilter { limit: 1, ..RunFilter::default() }).unwrap();
    let first = newest.first().map_or(0, |run| run.start.started.as_second() - at(0).as_second() + 1);
    for n in first.. {
        let (start, end, memory) = numbered(n);
        let id = store.begin_run(&start).unwrap();
        println!("\nbegun {id}");
        store.finish_run(id, &end, &memory).unwrap();
        println!("\nfinished {id}");
    }
    unreachable!()
}

/// Asserts that every run that ended is there with all of its parts.
fn assert_whole(run: &Run) {
    let (start, end, _) = numbered(run.start.started.as_second() - at(0).as_second());
    assert_eq!(run.start, start);
    let outcome = &run.end.as_ref().unwrap().outcome;
    assert!(*outcome == Outcome::Interrupted || *outcome == end.outcome, "run {} is in pieces: {outcome:?}", run.id);
}

#[test]
fn a_killed_agent_loses_at_most_the_run_under_way() {
    if let Some(state_dir) = other_part() {
        write_for_ever(&state_dir);
    }
    let dir = tempfile::tempdir().unwrap();
    let (mut killed_under_way, mut finished) = (0, 0);
    for round in 0..30_u32 {
        let mut writer =
            Other::spawn(other_process(module_path!(), "a_killed_agent_loses_at_most_the_run_under_way", dir.path()));
        // A different moment in each round: so many runs, then so much of the next one.
        let mut last = 0;
        for _ in 0..1 + round * 7 % 13 {
            last = writer.next("finished ").unwrap();
        }
        let moment = std::time::Instant::now();
        while moment.elapsed() < Duration::from_micros(u64::from(round * 61 % 900)) {
            std::hint::spin_loop();
        }
        writer.kill();
        while let Some(id) = writer.next("finished ") {
            last = id;
        }

        let mut store = Store::open(dir.path()).unwrap();
        assert_sound(&store);
        let interrupted = store.mark_interrupted(at(0)).unwrap();
        assert!(interrupted <= 1, "{interrupted} runs were under way");
        killed_under_way += interrupted;

        let runs = store.runs(&everything()).unwrap();
        runs.iter().for_each(assert_whole);
        let ended = |run: &&Run| run.end.as_ref().unwrap().outcome != Outcome::Interrupted;
        let newest = runs.iter().filter(ended).map(|run| run.id.get()).max().unwrap();
        assert!(newest >= last, "run {last} was reported as finished and is lost");
        assert!(store.run(RunId::new(last)).unwrap().as_ref().filter(ended).is_some());
        assert_eq!(runs.len() as i64, runs[0].id.get(), "there is a hole in the runs");
        for job in ["hourly", "minutely"] {
            let Some(run) = runs.iter().filter(ended).find(|run| run.start.job == job) else { continue };
            let n = run.start.started.as_second() - at(0).as_second();
            let kept: Vec<_> = store.memory(job).unwrap().into_values().collect();
            assert_eq!(kept, vec![n.to_string().into_bytes(); 2], "memory is that of the newest run of {job}");
            assert!(store.findings(job).unwrap().iter().all(|finding| finding.run == run.id));
        }
        finished = runs.len();
    }
    assert!(killed_under_way > 0, "no run was ever under way at the kill: {finished} runs");
}

#[test]
fn a_second_agent_is_refused_with_pid_and_directory_until_the_first_is_dead() {
    if let Some(state_dir) = other_part() {
        let _lock = AgentLock::take(&state_dir).unwrap();
        println!("\nlocked {}", std::process::id());
        // Until the test closes its end, which it does by killing.
        std::io::stdin().lines().for_each(drop);
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let name = "a_second_agent_is_refused_with_pid_and_directory_until_the_first_is_dead";
    let mut first = Other::spawn(other_process(module_path!(), name, dir.path()));
    let pid = first.next("locked ").unwrap();
    let message = AgentLock::take(dir.path()).unwrap_err().to_string();
    assert!(message.contains(&format!("pid {pid})")), "{message}");
    assert!(message.contains(dir.path().to_str().unwrap()), "{message}");
    first.kill();
    let _lock = AgentLock::take(dir.path()).unwrap();
    let written = std::fs::read_to_string(dir.path().join("agent.lock")).unwrap();
    assert_eq!(written, format!("{}\n", std::process::id()));
}

#[test]
fn others_read_and_record_beside_a_writing_agent() {
    if let Some(state_dir) = other_part() {
        write_for_ever(&state_dir);
    }
    let dir = tempfile::tempdir().unwrap();
    let mut agent =
        Other::spawn(other_process(module_path!(), "others_read_and_record_beside_a_writing_agent", dir.path()));
    agent.next("finished ").unwrap();
    let reader = Store::open_reader(dir.path()).unwrap();
    let mut check = Store::open(dir.path()).unwrap();
    for n in 0..100 {
        let id = agent.next("finished ").unwrap();
        let runs = reader.runs(&RunFilter { limit: 50, ..RunFilter::default() }).unwrap();
        assert!(runs.iter().any(|run| run.id.get() >= id), "run {id} is not seen");
        runs.iter().filter(|run| run.end.is_some() && run.start.job != "manual").for_each(assert_whole);
        let recorded = check.record_run(&start("manual", n), &end(n, reported(Vec::new())), &[]).unwrap();
        assert!(reader.run(recorded).unwrap().is_some(), "manual run {recorded} is not seen");
    }
    agent.kill();
    assert_sound(&check);
}
