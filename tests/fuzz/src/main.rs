//! libFuzzer's program: the target stands in the environment variable `PGREEVE_TARGET`, everything else is libFuzzer's (`-help=1`).

#![no_main]

mod claims;

use std::sync::LazyLock;

use claims::{Claims, TARGETS};

static TARGET: LazyLock<Claims> = LazyLock::new(|| {
    let name = std::env::var("PGREEVE_TARGET").unwrap_or_default();
    let known = TARGETS.map(|(name, _)| name).join(", ");
    let found = TARGETS.into_iter().find(|(target, _)| *target == name);
    found.unwrap_or_else(|| panic!("PGREEVE_TARGET is {name:?}, which is none of {known}")).1
});

libfuzzer_sys::fuzz_target!(|input: &[u8]| TARGET(input));
