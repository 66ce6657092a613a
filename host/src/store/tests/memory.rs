//! The quota on what a plugin remembers.

use super::*;

const SMALL: Quota = Quota { bytes: 20, keys: 3, key_bytes: 5 };

fn memory_of(entries: &[(&str, &[u8])], quota: Quota) -> Memory {
    Memory::new(entries.iter().map(|(key, value)| ((*key).to_owned(), value.to_vec())).collect(), quota)
}

#[test]
fn the_quota_refuses_what_exceeds_it_and_nothing_else() {
    let full: &[(&str, &[u8])] = &[("a", b"123456789"), ("b", b"123456789")];
    let many: &[(&str, &[u8])] = &[("a", b""), ("b", b""), ("c", b"")];
    type Entries<'a> = &'a [(&'a str, &'a [u8])];
    type Case<'a> = (&'a str, Entries<'a>, &'a str, &'a [u8], Result<(), QuotaError>);
    let cases: &[Case<'_>] = &[
        ("the longest key", &[], "abcde", b"", Ok(())),
        ("a longer key", &[], "abcdef", b"", Err(QuotaError::KeyTooLong { bytes: 6, limit: 5 })),
        ("a key is measured in bytes", &[], "äöü", b"", Err(QuotaError::KeyTooLong { bytes: 6, limit: 5 })),
        ("all bytes", &[], "a", &[0; 19], Ok(())),
        ("a byte more", &[], "a", &[0; 20], Err(QuotaError::TooLarge { bytes: 21, limit: 20 })),
        ("a value in place of another", full, "a", b"987654321", Ok(())),
        ("a longer one", full, "a", b"9876543210", Err(QuotaError::TooLarge { bytes: 21, limit: 20 })),
        ("one more beside them", full, "c", b"", Err(QuotaError::TooLarge { bytes: 21, limit: 20 })),
        ("a key more", many, "d", b"", Err(QuotaError::TooManyKeys { limit: 3 })),
        ("no key more", many, "c", b"x", Ok(())),
    ];
    for (case, entries, key, value, expected) in cases {
        let mut memory = memory_of(entries, SMALL);
        let before = memory.get(key).map(<[u8]>::to_vec);
        assert_eq!(memory.set(key, value.to_vec()), *expected, "{case}");
        let after = if expected.is_ok() { Some(value.to_vec()) } else { before };
        assert_eq!(memory.get(key), after.as_deref(), "{case}");
    }
}

#[test]
fn deleting_makes_room() {
    let mut memory = memory_of(&[("a", &[0; 19])], SMALL);
    assert!(memory.set("b", vec![0; 19]).is_err());
    memory.delete("a");
    assert_eq!(memory.set("b", vec![0; 19]), Ok(()));
    assert_eq!(memory.keys().collect::<Vec<_>>(), ["b"]);
}

#[test]
fn the_default_quota_is_a_mebibyte_in_a_thousand_keys() {
    let mut memory = Memory::default();
    let long = "k".repeat(128);
    assert_eq!(memory.set(&long, vec![0; 1024 * 1024 - 128]), Ok(()));
    assert!(memory.set("k", Vec::new()).is_err());
    memory.delete(&long);
    for key in 0..1000 {
        assert_eq!(memory.set(&key.to_string(), Vec::new()), Ok(()));
    }
    assert_eq!(memory.set("one more", Vec::new()), Err(QuotaError::TooManyKeys { limit: 1000 }));
}

#[test]
fn only_what_changed_is_written() {
    let mut memory = memory_of(&[("a", b"1"), ("b", b"2"), ("c", b"3")], Quota::default());
    memory.set("b", b"22".to_vec()).unwrap();
    memory.delete("c");
    memory.delete("never there");
    memory.set("d", b"4".to_vec()).unwrap();
    memory.delete("d");
    let gone = |key: &str| MemoryChange { key: key.to_owned(), value: None };
    assert_eq!(memory.into_changes(), [keep("b", b"22"), gone("c"), gone("d")]);
}
