//! The upload, as an action: all files in their order, the last one last, each read back whole.

use std::time::Duration;

use object_store::MultipartId;
use object_store::multipart::MultipartStore as _;
use tokio::time::timeout;

use super::client::path;
use super::open::Opened;
use super::{Key, Store};
use crate::grants::error::Error;
use crate::grants::files::{Directory, survey};

/// How long an upload in parts is given up for, before it is named instead.
const GIVING_UP: Duration = Duration::from_secs(10);

/// An object that is there, and is what the file was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Relative to the store's prefix: the file's path.
    pub key: String,
    /// Bytes.
    pub bytes: u64,
    /// Of the file as it was read and of the object as it was read back, in lower-case hexadecimal.
    pub sha256: String,
    /// Sent now; otherwise it was there before, with this content.
    pub sent: bool,
}

/// An upload that came to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uploaded {
    /// All of them, in the order in which they went.
    pub placed: Vec<Placed>,
}

/// How far an upload had come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reached {
    /// Nothing was sent.
    #[default]
    Nothing,
    /// Something was sent, but nothing of the last file: what is there does not look whole.
    Before,
    /// The last file may be there.
    Last,
}

/// An upload that did not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// How far it had come.
    pub reached: Reached,
    /// What went wrong.
    pub error: Error,
    /// What is there by now.
    pub placed: Vec<Placed>,
    /// An upload in parts that could not be given up: its parts cost room in the store until somebody does.
    pub abandoned: Option<String>,
}

/// What is known at each moment, also after the time is up.
#[derive(Debug, Default)]
pub(super) struct Progress {
    pub(super) reached: Reached,
    placed: Vec<Placed>,
    /// An upload in parts that is under way: its whole key, its id.
    pub(super) parts: Option<(String, MultipartId)>,
}

/// What an upload carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Load {
    /// Files.
    pub files: usize,
    /// Their bytes together. What the store has already is not sent again.
    pub bytes: u64,
}

/// Looks what an upload would carry; nothing is sent, and the store is not asked.
pub async fn load(directory: &Directory, before: &[String], last: &str) -> Result<Load, Error> {
    let files = survey(directory, before, last).await?;
    Ok(Load { files: files.len(), bytes: files.iter().map(|file| file.size).sum() })
}

/// Uploads files and directories of a directory, `last` after all others, within so much time.
pub async fn upload(
    store: &Store,
    directory: &Directory,
    before: &[String],
    last: &str,
    within: Duration,
) -> Result<Uploaded, Fault> {
    let mut progress = Progress::default();
    let nothing = |error| Fault { reached: Reached::Nothing, error, placed: Vec::new(), abandoned: None };
    may_write(store).map_err(nothing)?;
    let opened = Opened::open(store, u64::MAX).await.map_err(nothing)?;
    let outcome = timeout(within, all(&opened, directory, before, last, &mut progress)).await;
    let error = match outcome {
        Ok(Ok(())) => return Ok(Uploaded { placed: progress.placed }),
        Ok(Err(error)) => error,
        Err(_) => {
            Error::TimedOut(format!("{store}: the upload did not end within {within:?}, which its template allows"))
        }
    };
    let abandoned = give_up(&opened, progress.parts.take()).await;
    Err(Fault { reached: progress.reached, error, placed: progress.placed, abandoned })
}

async fn all(
    opened: &Opened,
    directory: &Directory,
    before: &[String],
    last: &str,
    progress: &mut Progress,
) -> Result<(), Error> {
    let Opened { store, .. } = opened;
    let files = survey(directory, before, last).await?;
    let total: u64 = files.iter().map(|file| file.size).sum();
    if total > store.max_upload {
        return Err(Error::Denied(format!(
            "the files have {total} bytes together, more than the {} that one upload to {store} may have: raise `max_upload` under [objects.{}] \
             in agent.toml",
            store.max_upload, store.name
        )));
    }
    // All keys before the first byte.
    let keys = files.iter().map(|file| Key::new(store, &file.path)).collect::<Result<Vec<_>, _>>()?;
    let end = files.len().saturating_sub(1);
    for (index, (file, key)) in files.iter().zip(&keys).enumerate() {
        let reaches = if index == end { Reached::Last } else { Reached::Before };
        let placed = opened.place(directory, &file.path, key, reaches, progress).await?;
        progress.placed.push(placed);
    }
    Ok(())
}

fn may_write(store: &Store) -> Result<(), Error> {
    if store.write {
        return Ok(());
    }
    Err(Error::Denied(format!(
        "{store} is for looking: if actions may upload to it, add write = true under [objects.{}] in agent.toml",
        store.name
    )))
}

/// Gives an upload in parts up; in words, the one that is left.
async fn give_up(opened: &Opened, parts: Option<(String, MultipartId)>) -> Option<String> {
    let (key, id) = parts?;
    let location = path(&key).ok()?;
    match timeout(GIVING_UP, opened.s3.abort_multipart(&location, &id)).await {
        Ok(Ok(())) => None,
        _ => Some(format!("the upload in parts {id} of {key} in the bucket {}", opened.store.bucket.name)),
    }
}
