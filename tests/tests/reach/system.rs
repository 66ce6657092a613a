//! The host itself: what the guest is told agrees with what the host's own tools say.

use std::process::Command;

use serde_json::json;

use crate::bed::ask;

/// A field of a record as the guest prints it: `total: 4096`.
fn field(text: &str, name: &str) -> f64 {
    let start = text.find(&format!("{name}: ")).unwrap_or_else(|| panic!("no {name} in {text}")) + name.len() + 2;
    let digits: String =
        text[start..].chars().take_while(|character| character.is_ascii_digit() || *character == '.').collect();
    digits.parse().unwrap()
}

#[test]
fn disks_memory_and_load_are_those_of_the_host() {
    let directory = tempfile::tempdir().unwrap();
    let tables = format!("[files.place]\npath = {:?}\n", directory.path());
    let calls = ["disks", "memory-usage", "load-average"].map(|ask| json!({ "ask": ask }));
    let answers = ask(&tables, "system = true", &calls);

    let df = Command::new("df").args(["--block-size=1", "--output=size"]).arg(directory.path()).output().unwrap();
    let size: f64 = String::from_utf8(df.stdout).unwrap().lines().nth(1).unwrap().trim().parse().unwrap();
    assert!(answers[0].is("told", "files:place"), "{:?}", answers[0]);
    assert_eq!(field(&answers[0].text, "total"), size);

    let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap();
    let kilobytes = |name: &str| {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() * 1024.0
    };
    assert_eq!(field(&answers[1].text, "total"), kilobytes("MemTotal"));
    let available = field(&answers[1].text, "available");
    assert!((available / kilobytes("MemAvailable") - 1.0).abs() < 0.3, "{available}");

    let processors = std::thread::available_parallelism().unwrap().get();
    assert!(field(&answers[2].text, "cpus") >= processors as f64, "{:?}", answers[2]);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap();
    let fifteen: f64 = load.split(' ').nth(2).unwrap().parse().unwrap();
    assert!((field(&answers[2].text, "fifteen") - fifteen).abs() < 1.0, "{:?} {load}", answers[2]);
}
