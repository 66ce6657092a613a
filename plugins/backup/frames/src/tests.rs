//! Files as the real programs write them, whole and cut at every place, looked at.

use std::convert::Infallible;
use std::fs;
use std::process::{Command, Stdio};

use super::{Frame, compressed, plain};

const BYTES: u64 = 1 << 20;

/// What is in a segment: half of it like WAL, half zeros, as archive_timeout leaves it.
fn segment() -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 26) as u8
    };
    let mut bytes: Vec<u8> = (0..BYTES as usize / 2).map(&mut next).collect();
    bytes.resize(BYTES as usize, 0);
    bytes
}

fn looked(ending: &str, file: &[u8]) -> Frame {
    let read = |offset: u64, length: u32| {
        let from = file.len().min(offset as usize);
        let to = file.len().min(from + length as usize);
        Ok::<_, Infallible>(file[from..to].to_vec())
    };
    let Ok(frame) = compressed(ending, file.len() as u64, 10_000, read);
    frame
}

/// A segment as a program packs it; none where it is not installed.
fn packed(program: &str, arguments: &[&str], input: &[u8], through: bool) -> Option<Vec<u8>> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("segment");
    fs::write(&file, input).unwrap();
    let mut command = Command::new(program);
    command.args(arguments).arg("-c");
    if through {
        command.stdin(fs::File::open(&file).unwrap());
    } else {
        command.arg(&file).stdin(Stdio::null());
    }
    let Ok(output) = command.output() else {
        println!("skipped: {program} is not installed");
        return None;
    };
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Some(output.stdout)
}

/// Program, arguments, whether it is given the file on stdin, ending, and whether the frame says the size.
const PACKERS: [(&str, &[&str], bool, &str, bool); 16] = [
    ("gzip", &[], false, "gz", true),
    ("gzip", &["-1"], true, "gz", true),
    ("zstd", &["-q"], false, "zst", true),
    ("zstd", &["-q"], true, "zst", false),
    ("zstd", &["-q", "-19", "--no-check"], false, "zst", true),
    ("zstd", &["-q", "-T2", "-B64K"], false, "zst", true),
    ("lz4", &["-q"], false, "lz4", false),
    ("lz4", &["-q", "--content-size"], false, "lz4", true),
    ("lz4", &["-q", "-B4", "-BX"], true, "lz4", false),
    ("lz4", &["-q", "-9", "--no-frame-crc"], false, "lz4", false),
    ("bzip2", &[], false, "bz2", false),
    ("bzip2", &["-1"], true, "bz2", false),
    ("xz", &[], false, "xz", true),
    ("xz", &["-0", "-C", "none"], true, "xz", true),
    ("xz", &["-1", "--block-size=100000"], false, "xz", true),
    ("xz", &["-T2", "-1", "--block-size=262144"], true, "xz", true),
];

#[test]
fn what_every_program_writes_is_whole_and_cut_at_any_place_it_is_not() {
    let segment = segment();
    for (program, arguments, through, ending, sized) in PACKERS {
        let Some(file) = packed(program, arguments, &segment, through) else { continue };
        let shown = format!("{program} {arguments:?}");
        assert_eq!(looked(ending, &file), Frame::Whole { unpacked: sized.then_some(BYTES) }, "{shown}");
        assert_eq!(looked(ending, &file).wrong(BYTES), None);
        let cuts = (0..600).chain((600..file.len()).step_by(997)).chain(file.len() - 40..file.len());
        for length in cuts.filter(|length| *length < file.len()) {
            let frame = looked(ending, &file[..length]);
            assert!(frame.wrong(BYTES).is_some(), "{shown}: the first {length} of {} bytes are {frame:?}", file.len());
        }
        // A half that a file system made as long as before: zeros.
        let mut holes = file.clone();
        holes[file.len() / 2..].fill(0);
        // Without a checksum at its end lz4's own end is of zeros.
        let tells = !arguments.contains(&"--no-frame-crc");
        assert!(!tells || looked(ending, &holes).wrong(BYTES).is_some(), "{shown} with zeros at its end");
        assert!(looked(ending, b"nonsense that is none of it").wrong(BYTES).is_some(), "{shown}");
        for other in super::ENDINGS.iter().filter(|other| **other != ending) {
            assert!(looked(other, &file).wrong(BYTES).is_some(), "{shown} is no {other}");
        }
    }
}

#[test]
fn a_whole_file_of_another_size_is_no_segment() {
    for (program, ending) in [("gzip", "gz"), ("zstd", "zst"), ("xz", "xz")] {
        let Some(file) = packed(program, &[], &segment()[..100_000], false) else { continue };
        assert_eq!(looked(ending, &file).wrong(100_000), None);
        assert!(looked(ending, &file).wrong(BYTES).is_some(), "{program}");
    }
}

#[test]
fn what_reads_do_not_reach_is_not_told() {
    let Some(file) = packed("zstd", &["-q"], &segment(), false) else { return };
    let read = |offset: u64, length: u32| {
        let to = file.len().min(offset as usize + length as usize);
        Ok::<_, Infallible>(file[offset as usize..to].to_vec())
    };
    assert_eq!(compressed("zst", file.len() as u64, 2, read), Ok(Frame::Untold));
    assert_eq!(compressed("zst", 100, 2, |_, _| Err("gone")), Err("gone"));
}

/// A plain segment of 1 MiB as PostgreSQL 15 begins it.
fn begun(timeline: u32, address: u64, system: u64) -> Vec<u8> {
    let mut bytes = [0xD110_u16.to_le_bytes(), 7_u16.to_le_bytes()].concat();
    bytes.extend(timeline.to_le_bytes());
    bytes.extend(address.to_le_bytes());
    bytes.extend([0; 8]);
    bytes.extend(system.to_le_bytes());
    bytes.extend((1_u32 << 20).to_le_bytes());
    bytes.extend(8192_u32.to_le_bytes());
    bytes
}

#[test]
fn a_plain_segment_says_which_it_is() {
    let seen = |file: &[u8], timeline, position, cluster| {
        plain(timeline, position, cluster, 1 << 20, |_, _| Ok::<_, Infallible>(file.to_vec())).unwrap().wrong(1 << 20)
    };
    // 00000002 00000001 00000003: the fourth segment after the first 4 GiB.
    let (position, address) = (0x1_0000_0003, (1 << 32) + (3 << 20));
    let file = begun(2, address, 7);
    assert_eq!(seen(&file, 2, position, Some(7)), None);
    assert_eq!(seen(&begun(1, address, 7), 2, position, None), None, "copied from the timeline before");
    assert!(seen(&file, 2, position + 1, None).is_some(), "another segment");
    assert!(seen(&file, 1, position, None).is_some(), "of a later timeline");
    assert!(seen(&file, 2, position, Some(8)).is_some(), "of another cluster");
    assert!(seen(&[0; 40], 2, position, None).is_some(), "zeros");
    assert!(seen(b"\x1F\x8B\x08 this was compressed and lost its ending", 2, position, None).is_some());
    assert!(seen(&file[..20], 2, position, None).is_some(), "twenty bytes");
    assert_eq!(plain(2, position, None, 0, |_, _| Ok::<_, ()>(Vec::new())), Ok(Frame::Broken("it is empty")));
}
