//! Files of the kernel as machines of different ages have them.

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::super::Disk;
use super::super::mounts::{self, holding};
use super::super::policy::{Seen, merged};
use super::super::proc::{load, memory, processors, stalled};
use crate::grants::files::Space;

#[test]
fn memory_is_in_bytes() {
    let modern = "MemTotal:       32617564 kB\nMemFree:          501940 kB\nMemAvailable:   24193200 kB\nBuffers:          803244 kB\n\
                  SwapCached:            0 kB\nSwapTotal:       2097148 kB\nSwapFree:        2097147 kB\nHugePages_Total:       0\n";
    let usage = memory(modern).unwrap();
    assert_eq!((usage.total, usage.available), (32_617_564 * 1024, 24_193_200 * 1024));
    assert_eq!((usage.swap_total, usage.swap_free), (2_097_148 * 1024, 2_097_147 * 1024));
}

#[test]
fn memory_without_an_estimate_is_not_guessed() {
    // Linux 2.6.32 (RHEL 6), the lines that count; and figures that are none.
    for meminfo in [
        "MemTotal: 1020096 kB\nMemFree: 90480 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n",
        "MemTotal: 1 kB\nMemAvailable: -1 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n",
        "MemTotal: 1\nMemAvailable: 1 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n",
        "MemTotal: 18446744073709551615 kB\nMemAvailable: 1 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n",
        "",
    ] {
        assert_eq!(memory(meminfo), None, "{meminfo}");
    }
}

#[test]
fn load_has_three_figures() {
    assert_eq!(load("0.20 0.18 12.12 1/80 11206\n"), Some([0.2, 0.18, 12.12]));
    for text in ["", "0.1 0.2", "0.1 x 0.3 1/2 3", "-1 0 0", "NaN 0 0"] {
        assert_eq!(load(text), None, "{text}");
    }
}

#[test]
fn processors_are_counted_from_a_list() {
    for (list, count) in [("0\n", 1), ("0-3\n", 4), ("0-3,6\n", 5), ("0,2-3,8-127\n", 123)] {
        assert_eq!(processors(list), Some(count), "{list}");
    }
    for list in ["", "\n", "0-", "3-0", "a", "0-4294967295", "0,,1"] {
        assert_eq!(processors(list), None, "{list}");
    }
}

#[test]
fn pressure_is_the_share_of_some_over_a_minute() {
    let io = "some avg10=5.22 avg60=5.78 avg300=1.87 total=95290008\nfull avg10=5.01 avg60=5.51 avg300=1.76 total=48843093\n";
    assert!((stalled(io).unwrap() - 0.0578).abs() < 1e-12);
    // Linux before 5.13 has no line `full` for the processor.
    assert_eq!(stalled("some avg10=0.00 avg60=100.00 avg300=0.00 total=0\n"), Some(1.0));
    for text in
        ["", "full avg10=0.00 avg60=1.00 avg300=0.00 total=0", "some avg10=0.00", "some avg60=101.0", "some avg60=NaN"]
    {
        assert_eq!(stalled(text), None, "{text}");
    }
}

const MOUNTINFO: &[u8] = b"\
22 27 0:21 / /proc rw,relatime - proc proc rw\n\
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard\n\
40 27 8:1 / /var/lib/my\\040disk rw shared:1 master:2 - xfs /dev/sda1 rw\n\
41 27 8:1 /pg /srv/bound rw - xfs /dev/sda1 rw\n\
42 27 0:50 /@home /home rw - btrfs /dev/sdb rw,subvol=/@home\n\
43 27 8:2 / /var/lib/my rw - ext4 /dev/sdc1 rw\n\
44 43 8:3 / /var/lib/my rw - ext4 /dev/sdd1 rw\n\
45 27 0:60 / /mnt/back\\134slash\\011\\012\xff rw - tmpfs  rw\n\
a line that is none\n";

#[test]
fn mount_points_are_unescaped() {
    let mounts = mounts::parse(MOUNTINFO);
    assert_eq!(mounts.len(), 8);
    let point = |id| mounts.iter().find(|mount| mount.id == id).map(|mount| mount.point.clone());
    assert_eq!(point(40), Some(PathBuf::from("/var/lib/my disk")));
    assert_eq!(point(45).unwrap().as_os_str().as_bytes(), b"/mnt/back\\slash\t\n\xff");
}

#[test]
fn a_path_lies_on_the_longest_mount_of_its_device() {
    let mounts = mounts::parse(MOUNTINFO);
    let cases = [
        (None, (254, 0), "/etc", 27),
        (None, (8, 1), "/var/lib/my disk/pg", 40),
        (None, (8, 1), "/srv/bound/16", 41),
        // One over the other: the later one hides the earlier.
        (None, (8, 3), "/var/lib/my/x", 44),
        // Not a part of the name, but a part of the path.
        (None, (254, 0), "/var/lib/mysql", 27),
        // A btrfs subvolume's own device is in no mountinfo.
        (None, (0, 99), "/home/pg", 42),
        // The kernel's number wins over all.
        (Some(41), (8, 1), "/var/lib/my disk/pg", 41),
        (Some(99), (8, 1), "/var/lib/my disk/pg", 40),
    ];
    for (id, device, path, mount) in cases {
        assert_eq!(holding(&mounts, id, device, Path::new(path)).map(|mount| mount.id), Some(mount), "{path}");
    }
    assert_eq!(holding(&[], None, (0, 0), Path::new("/")), None);
}

fn seen(purpose: &str, device: (u32, u32), mount: &str) -> Seen {
    let space = Space { total: 10, available: 5, inodes_total: 0, inodes_available: 0 };
    Seen { purpose: purpose.to_owned(), device, mount: mount.to_owned(), space }
}

#[test]
fn places_on_one_device_are_one_disk() {
    let places = vec![
        seen("data", (8, 1), "/"),
        seen("wal", (8, 2), "/wal"),
        seen("tablespace:1", (8, 1), "/bound"),
        seen("data", (8, 1), "/"),
    ];
    let found: Vec<(String, Vec<String>)> =
        merged(places).into_iter().map(|Disk { mount, purpose, .. }| (mount, purpose)).collect();
    let expected = [("/", vec!["data", "tablespace:1"]), ("/wal", vec!["wal"])];
    assert_eq!(
        found,
        expected.map(|(mount, purposes)| (mount.to_owned(), purposes.into_iter().map(str::to_owned).collect()))
    );
}
