//! Bringing objects back, for the operator's own commands: all that begin alike are listed, and each is written beneath a directory under its key.
//! No guest can ask for it. Nothing is written over, what was cut off has no final name, and the same call goes on where one broke off.

use std::cell::RefCell;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use futures_util::StreamExt as _;
use futures_util::future::try_join_all;
use object_store::{GetOptions, ObjectStore as _};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use tokio::time::timeout;

use super::client::{page, path};
use super::open::Opened;
use super::{Key, Object, Store};
use crate::grants::error::Error;
use crate::grants::files::policy::shown;

/// The ending of a file that is being written.
const UNDER_WAY: &str = ".fetching";
/// Small objects that are fetched at the same time.
const LANES: usize = 8;

/// All objects whose keys, relative to the store's prefix, begin like this; in the order in which they were put there, which for a backup is its
/// manifest last.
///
/// # Errors
/// As [`super::perform`].
pub async fn list(store: &Store, prefix: &str) -> Result<Vec<Object>, Error> {
    let start = Key::start(store, prefix)?;
    let opened = Opened::open(store, u64::MAX).await?;
    let (mut objects, mut after) = (Vec::<Object>::new(), None);
    loop {
        let late = |_| Error::TimedOut(format!("{store}: no whole answer within {:?} (`timeout`)", store.timeout));
        let listing = timeout(store.timeout, page(&opened, &start, after.as_deref())).await.map_err(late)??;
        after = listing.objects.last().map(|object| object.key.clone());
        objects.extend(listing.objects);
        if !listing.more || after.is_none() {
            objects.sort_by(|a, b| (a.modified, &a.key).cmp(&(b.modified, &b.key)));
            return Ok(objects);
        }
    }
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fetched {
    /// Objects that were brought now.
    pub objects: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Objects whose files were there before, with the size that the store lists. Nobody looked into them.
    pub there: usize,
}

/// Writes objects beneath a directory, in this order; each is synced before it gets its name. What is there with the listed size stays, so that a
/// fetch that broke off goes on.
///
/// # Errors
/// `Denied` for a file that is there already and is something else, and for what cannot be written; otherwise as [`super::perform`].
pub async fn fetch(store: &Store, objects: &[Object], into: &Path) -> Result<Fetched, Error> {
    // All of them before the first byte.
    let mut missing = Vec::new();
    for object in objects {
        Key::new(store, &object.key)?;
        if !is_there(object, into)? {
            missing.push(object);
        }
    }
    let mut fetched = Fetched { there: objects.len() - missing.len(), ..Fetched::default() };
    let opened = Opened::open(store, u64::MAX).await?;
    for object in missing {
        bring(&opened, object, into).await?;
        fetched.objects += 1;
        fetched.bytes = fetched.bytes.saturating_add(object.size);
    }
    Ok(fetched)
}

/// Writes small objects beneath a directory, several at a time; `told` hears what became of each.
///
/// # Errors
/// `Unreachable` and `TimedOut`, after which no more are asked for.
pub async fn fetch_each(
    store: &Store,
    objects: &[Object],
    into: &Path,
    told: impl FnMut(Result<(), Error>),
) -> Result<(), Error> {
    let (left, told) = (RefCell::new(objects.iter()), RefCell::new(told));
    let lane = async || {
        // One client each: what the store said last belongs to the one who asked.
        let opened = Opened::open(store, u64::MAX).await?;
        loop {
            let Some(object) = left.borrow_mut().next() else { return Ok(()) };
            match bring(&opened, object, into).await {
                Err(error @ (Error::Unreachable(_) | Error::TimedOut(_))) => return Err(error),
                outcome => (told.borrow_mut())(outcome),
            }
        }
    };
    try_join_all((0..LANES).map(|_| lane())).await.map(|_| ())
}

/// Whether an object's file is there, as far as its size tells.
fn is_there(object: &Object, into: &Path) -> Result<bool, Error> {
    let there = into.join(&object.key);
    let is = match there.symlink_metadata() {
        Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(why) => return Err(cannot(&there, &why)),
        Ok(found) if !found.is_file() => "is no file".to_owned(),
        Ok(found) if found.len() == object.size => return Ok(true),
        Ok(found) => format!("has {} bytes where the store has {}", found.len(), object.size),
    };
    Err(Error::Denied(format!(
        "{} is there already, {is}, and nothing is written over: name another directory",
        there.display()
    )))
}

/// Writes one object beneath a directory.
async fn bring(opened: &Opened, object: &Object, into: &Path) -> Result<(), Error> {
    Key::new(&opened.store, &object.key)?;
    let to = into.join(&object.key);
    let temporary = into.join(format!("{}{UNDER_WAY}", object.key));
    let fetched = one(opened, object, &temporary).await.and_then(|()| {
        let named = renameat_with(CWD, &temporary, CWD, &to, RenameFlags::NOREPLACE).map_err(io::Error::from);
        named.and_then(|()| File::open(to.parent().unwrap_or(into))?.sync_all()).map_err(|why| cannot(&to, &why))
    });
    if fetched.is_err() {
        // Best effort: it has no final name.
        let _ = std::fs::remove_file(&temporary);
    }
    fetched
}

async fn one(opened: &Opened, object: &Object, to: &Path) -> Result<(), Error> {
    let store = &opened.store;
    let parent = to.parent().unwrap_or(to);
    let mut file = DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(parent)
        .and_then(|()| OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(to))
        .map_err(|why| cannot(to, &why))?;
    let tried = format!("fetch {}", shown(&object.key));
    let key = Key::new(store, &object.key)?;
    let got = opened.s3.get_opts(&path(key.as_str())?, GetOptions::default()).await;
    let mut stream = got.map_err(|error| opened.failure(&tried, &error))?.into_stream();
    let mut bytes = 0_u64;
    let late =
        |_| Error::TimedOut(format!("{store}: nothing more of {} within {:?}", shown(&object.key), store.timeout));
    while let Some(piece) = timeout(store.timeout, stream.next()).await.map_err(late)? {
        let piece = piece.map_err(|error| opened.failure(&tried, &error))?;
        bytes = bytes.saturating_add(piece.len() as u64);
        file.write_all(&piece).map_err(|why| cannot(to, &why))?;
    }
    file.sync_all().map_err(|why| cannot(to, &why))?;
    if bytes == object.size {
        return Ok(());
    }
    Err(Error::Unreachable(format!(
        "cannot {tried} from {store}: {bytes} bytes came, and the store's list says {}",
        object.size
    )))
}

fn cannot(path: &Path, why: &io::Error) -> Error {
    Error::Denied(format!("cannot write {}: {why}", path.display()))
}
