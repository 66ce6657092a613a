//! Memory and load of this very host, next to what `free`, `/proc` and `getconf` say.

use std::process::Command;

use super::super::{Ask, System, Told, perform};

fn output(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn memory_agrees_with_free() {
    let told = perform(&System::new(Vec::new(), Vec::new()), &Ask::MemoryUsage).await.unwrap();
    let Told::MemoryUsage(usage) = told else { panic!("{told:?}") };
    let free = output(Command::new("free").arg("-b"));
    let row = |name: &str| -> Vec<u64> {
        let row = free.lines().find(|line| line.starts_with(name)).unwrap();
        row.split_whitespace().skip(1).map(|figure| figure.parse().unwrap()).collect()
    };
    let (memory, swap) = (row("Mem:"), row("Swap:"));
    assert_eq!((usage.total, usage.swap_total), (memory[0], swap[0]));
    assert!(usage.available.abs_diff(*memory.last().unwrap()) < usage.total / 10, "{usage:?} {free}");
    assert!(usage.swap_free.abs_diff(swap[2]) <= usage.swap_total / 10, "{usage:?} {free}");
}

#[tokio::test]
async fn load_agrees_with_uptime_and_the_count_of_processors() {
    let told = perform(&System::new(Vec::new(), Vec::new()), &Ask::LoadAverage).await.unwrap();
    let Told::LoadAverage(load) = told else { panic!("{told:?}") };
    let uptime = output(Command::new("uptime").env("LC_ALL", "C"));
    let averages = uptime.rsplit("load average: ").next().unwrap();
    let averages: Vec<f64> = averages.split(',').map(|figure| figure.trim().parse().unwrap()).collect();
    for (ours, theirs) in [load.one, load.five, load.fifteen].into_iter().zip(&averages) {
        // The kernel may take its next sample (every 5 s) between the two.
        assert!((ours - theirs).abs() < 1.0, "{load:?} {uptime}");
    }
    assert_eq!(load.cpus.to_string(), output(Command::new("getconf").arg("_NPROCESSORS_ONLN")).trim());
    for (file, share) in [("cpu", load.pressure.cpu), ("io", load.pressure.io), ("memory", load.pressure.memory)] {
        let there = std::fs::read_to_string(format!("/proc/pressure/{file}")).is_ok();
        assert_eq!(share.is_some(), there, "{file}");
        assert!(share.is_none_or(|share| (0.0..=1.0).contains(&share)));
    }
}
