//! Every input of the fuzzer's corpora, and every one that it found something with, keeps the claims; no fuzzer is needed for that.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

#[path = "../fuzz/src/claims/mod.rs"]
mod claims;

use std::path::Path;

/// Runs the claims of a target on its files; how many there were.
fn replay(target: &str, folder: &str) -> usize {
    let (_, holds) = claims::TARGETS.into_iter().find(|(name, _)| *name == target).expect("a target of that name");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(folder).join(target);
    let Ok(files) = std::fs::read_dir(&folder) else { return 0 };
    let mut count = 0;
    for file in files {
        let path = file.unwrap().path();
        let input = std::fs::read(&path).unwrap();
        // The panic's own message is the test's output; this says which file it was.
        let kept = std::panic::catch_unwind(|| holds(&input));
        assert!(kept.is_ok(), "a claim does not hold for {}", path.display());
        count += 1;
    }
    count
}

#[test]
fn every_corpus_keeps_the_claims() {
    for (target, _) in claims::TARGETS {
        assert!(replay(target, "corpora") >= 4, "the corpus of {target} is gone");
    }
}

#[test]
fn what_the_fuzzer_found_stays_found() {
    let found: usize = claims::TARGETS.into_iter().map(|(target, _)| replay(target, "findings")).sum();
    assert!(found > 0, "the findings are gone");
}
