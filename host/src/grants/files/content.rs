//! What is in a regular file: a piece of it, or the SHA-256 of all of it.

use std::io::{self, Read as _, Seek as _, SeekFrom};

use rustix::fs::{Advice, Stat, fadvise, fstat};
use rustix::io::Errno;
use sha2::{Digest as _, Sha256};

use super::gate::Clock;
use super::policy::{self, Relative};
use super::root::Root;
use super::{Directory, failure};
use crate::grants::error::{Error, Limit};

/// Bytes between two looks at the clock.
const STEP: u64 = 256 << 10;

/// At most `length` bytes from `offset`, of those that were in the file when the call began. `left` is what the run may still receive.
pub(super) fn read(
    root: &Root,
    directory: &Directory,
    path: &Relative,
    (offset, length): (u64, u32),
    left: u64,
    clock: &Clock,
) -> Result<Vec<u8>, Error> {
    let (mut file, stat) = root.file(directory, path)?;
    let fail = |why: io::Error| failed(directory, path, &why);
    let wanted = size(&stat).saturating_sub(offset).min(u64::from(length));
    if wanted == 0 {
        return Ok(Vec::new());
    }
    if wanted > left {
        return Err(Error::LimitExceeded(Limit::Bytes));
    }
    file.seek(SeekFrom::Start(offset)).map_err(fail)?;
    let mut bytes = Vec::new();
    let mut missing = wanted;
    while missing > 0 {
        clock.check()?;
        match (&file).take(missing.min(STEP)).read_to_end(&mut bytes).map_err(fail)? {
            // Truncated since.
            0 => break,
            got => missing = missing.saturating_sub(got as u64),
        }
    }
    Ok(bytes)
}

/// The digest in lower-case hexadecimal. A file that changes meanwhile has none: it would be the digest of a file that never was.
pub(super) fn sha256(root: &Root, directory: &Directory, path: &Relative, clock: &Clock) -> Result<String, Error> {
    let (mut file, before) = root.file(directory, path)?;
    policy::may_hash(directory, path, size(&before))?;
    // A large dump that is read once must not push the database's pages out of the cache. Only advice: nothing depends on it.
    fadvise(&file, 0, None, Advice::NoReuse).ok();
    let mut digest = Sha256::new();
    let mut buffer = vec![0; usize::try_from(STEP).unwrap_or(usize::MAX)];
    let mut hashed = 0_u64;
    loop {
        clock.check()?;
        let got = match file.read(&mut buffer) {
            Ok(got) => got,
            Err(why) if why.kind() == io::ErrorKind::Interrupted => continue,
            Err(why) => return Err(failed(directory, path, &why)),
        };
        digest.update(buffer.get(..got).unwrap_or_default());
        hashed = hashed.saturating_add(got as u64);
        // A file that grows as fast as it is read would otherwise never end.
        if got == 0 || hashed > size(&before) {
            break;
        }
    }
    let after = fstat(&file).map_err(|errno| failure::inside(directory, path, "look at", errno, None))?;
    let state = |stat: &Stat| (stat.st_size, stat.st_mtime, stat.st_mtime_nsec);
    if hashed != size(&before) || state(&before) != state(&after) {
        return Err(Error::Remote {
            code: "changed".to_owned(),
            message: format!(
                "{} in the granted directory {:?} was written to while it was hashed",
                policy::shown(path.as_str()),
                directory.name
            ),
            detail: None,
            hint: Some("ask again when whatever writes it is done".to_owned()),
        });
    }
    Ok(format!("{:x}", digest.finalize()))
}

fn size(stat: &Stat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or(0)
}

fn failed(directory: &Directory, path: &Relative, why: &io::Error) -> Error {
    let errno = Errno::from_io_error(why).unwrap_or(Errno::IO);
    failure::inside(directory, path, "read", errno, None)
}
