//! Looks at the host.

use std::ffi::OsString;
use std::fs;
use std::os::fd::AsRawFd as _;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use futures_util::future::join_all;
use rustix::fs::{AtFlags, CWD, Mode, OFlags, StatxFlags, openat, readlinkat, statx};
use rustix::io::Errno;

use super::mounts::{self, Mount};
use super::places::closed;
use super::policy::{self, Seen};
use super::{Ask, Load, Place, Pressure, System, Told, Unseen, postgres_places, proc};
use crate::grants::error::Error;
use crate::grants::files::space;

/// Answers one call. Nothing lasts longer than it, so a run has no part for it.
pub async fn perform(granted: &System, ask: &Ask) -> Result<Told, Error> {
    match ask {
        Ask::Disks => disks(granted).await,
        Ask::MemoryUsage => {
            const FILE: &str = "/proc/meminfo";
            proc::memory(&text(FILE)?).map(Told::MemoryUsage).ok_or_else(|| policy::malformed(FILE))
        }
        Ask::LoadAverage => load().map(Told::LoadAverage),
    }
}

/// All places at the same time, each with its own time-out.
async fn disks(system: &System) -> Result<Told, Error> {
    const FILE: &str = "/proc/self/mountinfo";
    let mounts = mounts::parse(&fs::read(FILE).map_err(|why| policy::unreadable(FILE, number(&why)))?);
    let mut unseen = Vec::new();
    let mut places = Vec::new();
    for (directory, listed) in join_all(system.data_directories.iter().map(|directory| listed(system, directory))).await
    {
        match listed {
            Ok((found, missing)) => {
                places.extend(found);
                unseen.extend(missing);
            }
            Err(why) => {
                let purposes = ["data", "wal", "tablespaces"];
                unseen.extend(purposes.map(|purpose| Unseen {
                    purpose: purpose.to_owned(),
                    why: format!("cannot list {}: {why}", directory.display()),
                }));
            }
        }
    }
    places.extend(system.places.iter().cloned());
    let mut seen = Vec::new();
    for (place, looked) in join_all(places.into_iter().map(|place| looked(system, place))).await {
        match looked.and_then(|sight| mounted(&mounts, &place, sight)) {
            Ok(sight) => seen.push(sight),
            Err(why) => unseen.push(Unseen { purpose: place.purpose, why }),
        }
    }
    Ok(Told::Disks { disks: policy::merged(seen), unseen })
}

async fn listed<'a>(system: &System, directory: &'a Path) -> (&'a Path, Result<(Vec<Place>, Option<Unseen>), Error>) {
    let owned = directory.to_owned();
    let subject = directory.display().to_string();
    let work = system.gate(directory).run(system.timeout, &subject, REMEDY, move |_| Ok(postgres_places(&owned))).await;
    (directory, work)
}

/// What `statvfs` and `statx` tell of a place.
struct Sight {
    device: (u32, u32),
    mount: Option<u64>,
    path: PathBuf,
    space: crate::grants::files::Space,
}

const REMEDY: &str = "a local disk answers in milliseconds: look for a dead network mount or a failing disk";

async fn looked(system: &System, place: Place) -> (Place, Result<Sight, String>) {
    let path = place.path.clone();
    let subject = place.path.display().to_string();
    let gate = system.gate(&place.path);
    let look = move |_: &_| Ok(look(&path));
    let sight = match gate.run(system.timeout, &subject, REMEDY, look).await {
        Ok(sight) => sight,
        Err(why) => Err(why.to_string()),
    };
    (place, sight)
}

/// Needs search permission on the directories above the place, and none on the place itself.
fn look(path: &Path) -> Result<Sight, String> {
    let fail = |errno| {
        let closed = if errno == Errno::ACCESS { closed(path) } else { None };
        policy::unseen(path, "look at", errno, closed.as_deref())
    };
    let fd = openat(CWD, path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).map_err(fail)?;
    let told = statx(&fd, "", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS | StatxFlags::MNT_ID).map_err(fail)?;
    let mount = StatxFlags::from_bits_retain(told.stx_mask).contains(StatxFlags::MNT_ID).then_some(told.stx_mnt_id);
    let real = readlinkat(CWD, format!("/proc/self/fd/{}", fd.as_raw_fd()), Vec::new()).map_err(fail)?;
    Ok(Sight {
        device: (told.stx_dev_major, told.stx_dev_minor),
        mount,
        path: OsString::from_vec(real.into_bytes()).into(),
        space: space(&fd).map_err(fail)?,
    })
}

fn mounted(mounts: &[Mount], place: &Place, sight: Sight) -> Result<Seen, String> {
    let mount = mounts::holding(mounts, sight.mount, sight.device, &sight.path)
        .ok_or_else(|| format!("{} lies on no mount in /proc/self/mountinfo", place.path.display()))?;
    Ok(Seen {
        purpose: place.purpose.clone(),
        device: sight.device,
        mount: mount.point.display().to_string(),
        space: sight.space,
    })
}

fn load() -> Result<Load, Error> {
    const LOADAVG: &str = "/proc/loadavg";
    const ONLINE: &str = "/sys/devices/system/cpu/online";
    let [one, five, fifteen] = proc::load(&text(LOADAVG)?).ok_or_else(|| policy::malformed(LOADAVG))?;
    let cpus = proc::processors(&text(ONLINE)?).ok_or_else(|| policy::malformed(ONLINE))?;
    let pressure = Pressure {
        cpu: pressure("/proc/pressure/cpu")?,
        io: pressure("/proc/pressure/io")?,
        memory: pressure("/proc/pressure/memory")?,
    };
    Ok(Load { one, five, fifteen, cpus, pressure })
}

/// None where the kernel was built without PSI (before 4.20: no such file) or started without it (`psi=0`: not supported).
fn pressure(file: &str) -> Result<Option<f64>, Error> {
    match fs::read_to_string(file) {
        Ok(text) => proc::stalled(&text).map(Some).ok_or_else(|| policy::malformed(file)),
        Err(why) if matches!(number(&why), Errno::NOENT | Errno::OPNOTSUPP) => Ok(None),
        Err(why) => Err(policy::unreadable(file, number(&why))),
    }
}

/// These files are the kernel's own and never wait for a device: no gate is needed.
fn text(file: &str) -> Result<String, Error> {
    fs::read_to_string(file).map_err(|why| policy::unreadable(file, number(&why)))
}

fn number(why: &std::io::Error) -> Errno {
    Errno::from_io_error(why).unwrap_or(Errno::IO)
}
