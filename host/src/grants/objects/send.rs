//! One file to one object: looked for, sent, read back.

use futures_util::StreamExt as _;
use object_store::multipart::MultipartStore as _;
use object_store::path::Path;
use object_store::{ObjectStore as _, ObjectStoreExt as _, PutPayload};
use sha2::{Digest as _, Sha256};
use tokio::time::timeout;

use super::Key;
use super::act::{Placed, Progress, Reached};
use super::client::path;
use super::open::Opened;
use crate::grants::error::Error;
use crate::grants::files::policy::shown;
use crate::grants::files::{Directory, Source};

/// S3's limit for the parts of one object.
const MOST_PARTS: u64 = 10_000;
/// S3's limit for one object, in bytes.
const LARGEST: u64 = 5 << 40;

impl Opened {
    /// Brings a file there, or finds it there. Nothing is ever written over.
    pub(super) async fn place(
        &self,
        directory: &Directory,
        file: &str,
        key: &Key,
        reaches: Reached,
        progress: &mut Progress,
    ) -> Result<Placed, Error> {
        let source = Source::open(directory, file).await?;
        let (bytes, location) = (source.size(), path(key.as_str())?);
        if bytes > LARGEST {
            return Err(Error::Denied(format!("{} has {bytes} bytes, and no object has more than 5 TiB", shown(file))));
        }
        let there = match self.head(key.as_str()).await {
            Ok(there) => Some(there.size),
            Err(Error::Remote { code, .. }) if code == "NoSuchKey" => None,
            Err(error) => return Err(error),
        };
        let placed = |sha256, sent| Placed { key: file.to_owned(), bytes, sha256, sent };
        if let Some(size) = there {
            let here = if size == bytes { Some(self.digest(&source).await?) } else { None };
            return match here {
                Some(sha256) if self.read_back(&location, bytes).await? == sha256 => Ok(placed(sha256, false)),
                _ => Err(Error::Denied(format!(
                    "there is another object at {}, of {size} bytes: nothing is written over; look where it comes from, and take it away or \
                     give this host another prefix in `url` under [objects.{}] in agent.toml",
                    self.store.url(file),
                    self.store.name
                ))),
            };
        }
        let sha256 = if bytes <= self.store.part {
            self.whole(&source, &location, reaches, progress).await?
        } else {
            self.in_parts(&source, &location, reaches, progress).await?
        };
        let back = self.read_back(&location, bytes).await?;
        if back == sha256 {
            return Ok(placed(sha256, true));
        }
        Err(Error::Remote {
            code: "differs".to_owned(),
            message: format!(
                "{} was read back with another SHA-256 than was sent, {back}, not {sha256}",
                self.store.url(file)
            ),
            detail: None,
            hint: Some("remove that object and look at the store: it did not keep what it was given".to_owned()),
        })
    }

    /// In one request.
    async fn whole(
        &self,
        source: &Source,
        to: &Path,
        reaches: Reached,
        progress: &mut Progress,
    ) -> Result<String, Error> {
        let bytes = source.piece(0, usize::try_from(source.size()).unwrap_or(usize::MAX)).await?;
        source.unchanged().await?;
        let sha256 = format!("{:x}", Sha256::digest(&bytes));
        progress.reached = progress.reached.max(reaches);
        let put = self.s3.put(to, PutPayload::from(bytes)).await;
        put.map(|_| sha256).map_err(|error| self.failure(&format!("put {}", shown(to.as_ref())), &error))
    }

    /// In parts, of which one is in memory at a time. The object is there once all of them are, and not before.
    async fn in_parts(
        &self,
        source: &Source,
        to: &Path,
        reaches: Reached,
        progress: &mut Progress,
    ) -> Result<String, Error> {
        let fail = |tried: &str, error| self.failure(&format!("{tried} {}", shown(to.as_ref())), &error);
        progress.reached = progress.reached.max(Reached::Before);
        let id = self.s3.create_multipart(to).await.map_err(|error| fail("begin to put", error))?;
        // An agent that is killed can name it nowhere else.
        tracing::info!(store = self.store.name, key = to.as_ref(), upload = id, "begins an upload in parts");
        progress.parts = Some((to.as_ref().to_owned(), id.clone()));
        let size = self.store.part.max(source.size().div_ceil(MOST_PARTS));
        let (mut hash, mut at, mut parts) = (Sha256::new(), 0, Vec::new());
        while at < source.size() {
            let length = size.min(source.size() - at);
            let bytes = source.piece(at, usize::try_from(length).unwrap_or(usize::MAX)).await?;
            hash.update(&bytes);
            let part = self.s3.put_part(to, &id, parts.len(), PutPayload::from(bytes)).await;
            parts.push(part.map_err(|error| fail("put a part of", error))?);
            at += length;
        }
        source.unchanged().await?;
        let sha256 = format!("{:x}", hash.finalize());
        progress.reached = progress.reached.max(reaches);
        if let Err(error) = self.s3.complete_multipart(to, &id, parts).await {
            let error = fail("put together the parts of", error);
            // An answer that was lost, and the second try that then found nothing to put together.
            match self.read_back(to, source.size()).await {
                Ok(back) if back == sha256 => {}
                _ => return Err(error),
            }
        }
        progress.parts = None;
        Ok(sha256)
    }

    /// The SHA-256 of a file.
    async fn digest(&self, source: &Source) -> Result<String, Error> {
        let (mut hash, mut at) = (Sha256::new(), 0);
        while at < source.size() {
            let length = self.store.part.min(source.size() - at);
            hash.update(source.piece(at, usize::try_from(length).unwrap_or(usize::MAX)).await?);
            at += length;
        }
        source.unchanged().await?;
        Ok(format!("{:x}", hash.finalize()))
    }

    /// The SHA-256 of an object, read to its end; no more of it than the file has.
    async fn read_back(&self, from: &Path, bytes: u64) -> Result<String, Error> {
        let tried = format!("read back {}", shown(from.as_ref()));
        let late = || {
            Error::TimedOut(format!(
                "{}: nothing more of {} within {:?} (`timeout`)",
                self.store,
                shown(from.as_ref()),
                self.store.timeout
            ))
        };
        let got = self.s3.get_opts(from, object_store::GetOptions::default()).await;
        let mut stream = got.map_err(|error| self.failure(&tried, &error))?.into_stream();
        let (mut hash, mut left) = (Sha256::new(), bytes);
        while let Some(piece) = timeout(self.store.timeout, stream.next()).await.map_err(|_| late())? {
            let piece = piece.map_err(|error| self.failure(&tried, &error))?;
            hash.update(&piece);
            left = match left.checked_sub(piece.len() as u64) {
                Some(left) => left,
                None => return Ok("of a longer object".to_owned()),
            };
        }
        Ok(if left == 0 { format!("{:x}", hash.finalize()) } else { "of a shorter object".to_owned() })
    }
}
