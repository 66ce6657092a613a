//! Copies in object storage, on a real S3 server: missing, brought there by the agent, whole, tampered with, out of sight.

use std::fs;
use std::time::{Duration, Instant, SystemTime};

use pgreeve_tests::agent::Agent;
use pgreeve_tests::testbed::S3;

use crate::bed::{HOUR, Shelf, look, proposed, told};

const SERIES: &str = "databases = [\"postgres\"], expect = [\"full\", \"globals\", \"base\"], copies = \"off\"";

#[test]
fn copies_are_missing_brought_whole_and_known_when_somebody_touches_them() {
    let Some(mut s3) = S3::start() else { return };
    let shelf = Shelf::new();
    let full = shelf.put("full-postgres", HOUR, 50_000);
    let globals = shelf.put("globals-cluster", HOUR, 900);
    let base = shelf.put("base-cluster", HOUR, 70_000);
    let (store, grant) = (s3.table("off", "write = true"), ", objects = [\"off\"]");
    let watch = shelf.config(&store, grant, SERIES);
    let agent = Agent::new(&watch);
    let missing = look(&agent);
    for series in ["full:postgres", "globals", "base"] {
        assert!(told(&missing, &format!("copies/{series}"), "critical").contains("no whole copy in off"));
    }

    // Another job uploads.
    let rules = "actions = { upload = { policy = \"auto\", max_per_hour = 100 } }\n";
    let upload = shelf.config(&store, grant, &format!("{SERIES}, upload = true")).replace("0 0 1 1 *", "* * * * * *");
    agent.configure(&format!("{upload}{rules}"));
    assert_eq!(proposed(&look(&agent)).len(), 3);
    let daemon = agent.start();
    let manifests = [&full, &globals, &base].map(|put| format!("{}.json", put.name));
    let began = Instant::now();
    while !manifests.iter().all(|manifest| s3.object(manifest).exists()) {
        assert!(began.elapsed() < Duration::from_secs(60), "{:?}\n{}", s3.objects(), daemon.log());
        std::thread::sleep(Duration::from_millis(50));
    }
    drop(daemon);
    assert!(fs::read(full.payload()).unwrap() == fs::read(s3.object(&format!("{}.dump", full.name))).unwrap());
    assert_eq!(proposed(&look(&agent)), Vec::<String>::new());
    agent.configure(&watch);
    let whole = look(&agent);
    for series in ["full:postgres", "globals", "base"] {
        assert!(told(&whole, &format!("copies/{series}"), "ok").contains("newest whole copy in off"));
    }

    // Somebody writes over the payload of one, of the same size; takes a part of another away; and changes the manifest of the third.
    let payload = s3.object(&format!("{}.dump", full.name));
    fs::write(&payload, vec![b'2'; 50_000]).unwrap();
    fs::File::open(&payload).unwrap().set_modified(SystemTime::now() + Duration::from_secs(10)).unwrap();
    fs::remove_file(s3.object(&format!("{}/backup_manifest", base.name))).unwrap();
    let manifest = s3.object(&format!("{}.json", globals.name));
    let text = fs::read_to_string(&manifest).unwrap().replace("\"bytes\": 900", "\"bytes\": 901");
    fs::write(&manifest, text).unwrap();
    let touched = look(&agent);
    for (put, series, says) in [
        (&full, "full:postgres", "was put there anew"),
        (&base, "base", "has 35000 bytes"),
        (&globals, "globals", "seal does not hold"),
    ] {
        assert!(told(&touched, &format!("copies/{}", put.name), "critical").contains(says));
        told(&touched, &format!("copies/{series}"), "critical");
    }

    // Out of sight: neither whole nor missing.
    s3.kill();
    let gone = look(&agent);
    assert!(told(&gone, "copies/off", "unknown").contains("unreachable"));
    assert!(gone.find("copies/base").is_none());
}
