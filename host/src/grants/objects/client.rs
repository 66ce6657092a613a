//! Answers a run's calls: each opens the store, asks it, and takes what came off the run's bytes.

use std::ops::Range;
use std::sync::atomic::Ordering;

use object_store::list::{PaginatedListOptions, PaginatedListStore as _};
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectMeta, ObjectStore as _, ObjectStoreExt as _};
use tokio::time::timeout;

use super::open::Opened;
use super::{Ask, Key, Listing, Object, Objects, Store, Told};
use crate::grants::error::{Error, Limit};
use crate::grants::files::policy::shown;
use crate::grants::http::contains;

/// Objects of one page: S3's own number.
const PAGE: usize = 1000;

/// Does what a guest asked of a store that it was granted, within the store's `timeout`. It may be dropped at any moment.
///
/// # Errors
/// `Denied` for keys that lead out of the prefix, for addresses, and for contents that hold the store's own keys; `Invalid` for keys that are
/// none; `Unreachable` where there is no connection or no whole answer; `TimedOut`; `LimitExceeded(Bytes)`; `Remote` with S3's code, such as
/// `NoSuchKey`, `NoSuchBucket`, `AccessDenied`.
pub async fn perform(part: &mut Objects, store: &Store, ask: &Ask) -> Result<Told, Error> {
    // What the key alone decides: nothing is read, nothing is sent.
    let key = match ask {
        Ask::Entries { .. } => Key::start(store, ask.key())?,
        Ask::Metadata { .. } | Ask::Read { .. } => Key::new(store, ask.key())?.as_str().to_owned(),
    };
    if part.remaining == 0 {
        return Err(Error::LimitExceeded(Limit::Bytes));
    }
    let opened = Opened::open(store, part.remaining).await?;
    let told = timeout(store.timeout, answer(&opened, ask, &key)).await;
    part.remaining = opened.left.load(Ordering::Relaxed);
    told.unwrap_or_else(|_| {
        Err(Error::TimedOut(format!("{store}: no whole answer within {:?} (`timeout`)", store.timeout)))
    })
}

async fn answer(opened: &Opened, ask: &Ask, key: &str) -> Result<Told, Error> {
    match ask {
        Ask::Entries { after, .. } => page(opened, key, after.as_deref()).await.map(Told::Entries),
        Ask::Metadata { .. } => object(opened, opened.head(key).await?).map(Told::Metadata),
        Ask::Read { length: 0, .. } => opened.head(key).await.map(|_| Told::Read(Vec::new())),
        Ask::Read { offset, length, .. } => {
            let range = *offset..offset.saturating_add(u64::from(*length));
            read(opened, key, range).await.map(Told::Read)
        }
    }
}

/// A page of the objects whose whole keys begin like this.
pub(super) async fn page(opened: &Opened, prefix: &str, after: Option<&str>) -> Result<Listing, Error> {
    let offset = after.map(|after| Key::start(&opened.store, after)).transpose()?;
    let options = PaginatedListOptions { offset, max_keys: Some(PAGE), ..PaginatedListOptions::default() };
    let prefix = (!prefix.is_empty()).then_some(prefix);
    let page = opened.s3.list_paginated(prefix, options).await;
    let page = page.map_err(|error| opened.failure("list objects", &error))?;
    let objects = page.result.objects.into_iter().map(|meta| object(opened, meta));
    let mut objects = objects.collect::<Result<Vec<_>, _>>()?;
    objects.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(Listing { objects, more: page.page_token.is_some() })
}

async fn read(opened: &Opened, key: &str, range: Range<u64>) -> Result<Vec<u8>, Error> {
    let tried = format!("read {}", shown(key));
    let wanted = range.end.saturating_sub(range.start);
    let options = GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() };
    let got = opened.s3.get_opts(&path(key)?, options).await;
    let bytes = match got {
        Ok(got) => got.bytes().await.map_err(|error| opened.failure(&tried, &error))?,
        Err(error) => match opened.failure(&tried, &error) {
            // From the end on there is nothing.
            Error::Remote { code, .. } if code == "InvalidRange" || code == "416" => return Ok(Vec::new()),
            other => return Err(other),
        },
    };
    if bytes.len() as u64 > wanted {
        return Err(Error::Unreachable(format!("{}: it answers with more than was asked for", opened.store)));
    }
    if opened.secrets.iter().any(|secret| contains(&bytes, secret.as_bytes())) {
        return Err(Error::Denied(format!(
            "{} of {} holds a key of that store, and is withheld: take it out of the bucket and replace the key",
            shown(key),
            opened.store
        )));
    }
    Ok(bytes.to_vec())
}

impl Opened {
    /// One object, by its whole key.
    pub(super) async fn head(&self, key: &str) -> Result<ObjectMeta, Error> {
        let found = self.s3.head(&path(key)?).await;
        found.map_err(|error| self.failure(&format!("look at {}", shown(key)), &error))
    }
}

/// A whole key as `object_store` wants it: as it is.
pub(super) fn path(key: &str) -> Result<Path, Error> {
    Path::parse(key).map_err(|_| Error::Invalid(format!("the key {} is none", shown(key))))
}

fn object(opened: &Opened, meta: ObjectMeta) -> Result<Object, Error> {
    let Opened { store, .. } = opened;
    let whole = meta.location.as_ref();
    let key = store.bucket.relative(whole).ok_or_else(|| {
        Error::Unreachable(format!("{store}: it answers with an object that was not asked for, {}", shown(whole)))
    })?;
    let etag = meta.e_tag.map(|etag| etag.trim_matches('"').to_owned());
    Ok(Object { key: key.to_owned(), size: meta.size, modified: meta.last_modified.timestamp_micros(), etag })
}
