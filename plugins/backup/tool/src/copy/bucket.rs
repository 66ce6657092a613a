//! Object storage that speaks S3. Credentials come from the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT, and what else the
//! `object_store` crate knows), never from the command line.

use std::path::Path as FilePath;

use futures_util::StreamExt;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutPayload, WriteMultipart};
use sha2::{Digest, Sha256};
use tokio::runtime::{Builder, Runtime};

use super::{Parcel, Place};
use crate::answer::{Failure, Kind as Why, Outcome, cannot};
use crate::manifest::FileEntry;
use crate::name::Name;

/// Size of a part of an upload. S3 takes at most 10,000 parts, so an object may be 320 GB.
const PART: usize = 32 << 20;
/// Parts on their way at a time.
const AT_ONCE: usize = 2;

/// A bucket, and where in it.
pub(super) struct Bucket {
    store: AmazonS3,
    prefix: String,
    shown: String,
    runtime: Runtime,
}

impl Bucket {
    /// `BUCKET` or `BUCKET/PREFIX`.
    pub(super) fn open(place: &str) -> Outcome<Self> {
        let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
        // The provider may have been set before; either is the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let plain = std::env::var("AWS_ENDPOINT").is_ok_and(|endpoint| endpoint.starts_with("http://"));
        let built = AmazonS3Builder::from_env().with_bucket_name(bucket).with_allow_http(plain).build();
        let shown = format!("s3://{place}");
        let store = built.map_err(|why| Failure::new(Why::Refused, format!("cannot use {shown}: {why}")))?;
        let runtime = Builder::new_current_thread().enable_all().build().map_err(cannot("start a runtime"))?;
        Ok(Self { store, prefix: prefix.trim_matches('/').to_owned(), shown, runtime })
    }

    fn path(&self, entry: &str) -> Path {
        if self.prefix.is_empty() { Path::from(entry) } else { Path::from(format!("{}/{entry}", self.prefix)) }
    }

    fn failed(&self, what: &str, entry: &str) -> impl FnOnce(object_store::Error) -> Failure {
        let text = format!("cannot {what} {entry} in {}", self.shown);
        move |why| {
            let mut source: Option<&dyn std::error::Error> = Some(&why);
            let mut last = String::new();
            while let Some(one) = source {
                last = one.to_string();
                source = one.source();
            }
            Failure::new(
                Why::Failed,
                format!("{text}: {why}; {last}; see AWS_ENDPOINT, AWS_REGION, the keys and the bucket"),
            )
        }
    }

    async fn upload(&self, from: &FilePath, entry: &str) -> Outcome<()> {
        let mut file = std::fs::File::open(from).map_err(cannot(format_args!("read {}", from.display())))?;
        let upload = self.store.put_multipart(&self.path(entry)).await.map_err(self.failed("upload", entry))?;
        let mut writer = WriteMultipart::new_with_chunk_size(upload, PART);
        let mut buffer = vec![0; 1 << 20];
        loop {
            let read =
                std::io::Read::read(&mut file, &mut buffer).map_err(cannot(format_args!("read {}", from.display())))?;
            let Some(part) = buffer.get(..read).filter(|part| !part.is_empty()) else { break };
            writer.wait_for_capacity(AT_ONCE).await.map_err(self.failed("upload", entry))?;
            writer.write(part);
        }
        writer.finish().await.map(|_| ()).map_err(self.failed("upload", entry))
    }

    /// Reads an object to its end and holds it against what was sent.
    async fn verify(&self, file: &FileEntry) -> Outcome<()> {
        let entry = &file.path;
        let object = self.store.get(&self.path(entry)).await.map_err(self.failed("read back", entry))?;
        let (mut hash, mut bytes, mut stream) = (Sha256::new(), 0, object.into_stream());
        while let Some(part) = stream.next().await {
            let part = part.map_err(self.failed("read back", entry))?;
            hash.update(&part);
            bytes += part.len() as u64;
        }
        let sha256: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        if bytes == file.bytes && sha256 == file.sha256 {
            return Ok(());
        }
        let why = format!(
            "{entry} did not arrive in {} as it was sent: {bytes} of {} bytes, another SHA-256",
            self.shown, file.bytes
        );
        Err(Failure::new(Why::Failed, why))
    }

    async fn send(&self, parcel: &Parcel<'_>) -> Outcome<()> {
        for file in &parcel.files {
            let from = parcel.directory.join(&file.path);
            // An upload in parts has at least one.
            if file.bytes == 0 {
                let empty = self.store.put(&self.path(&file.path), PutPayload::new()).await;
                empty.map_err(self.failed("upload", &file.path))?;
            } else {
                self.upload(&from, &file.path).await?;
            }
            self.verify(file).await?;
        }
        let entry = parcel.name.entry("json");
        let text = std::fs::read(parcel.directory.join(&entry)).map_err(cannot(format_args!("read {entry}")))?;
        self.store
            .put(&self.path(&entry), PutPayload::from(text))
            .await
            .map(|_| ())
            .map_err(self.failed("upload", &entry))
    }
}

impl Place for Bucket {
    fn has(&self, name: &Name, manifest: &[u8]) -> Outcome<bool> {
        let entry = name.entry("json");
        self.runtime.block_on(async {
            match self.store.get(&self.path(&entry)).await {
                Ok(object) => Ok(object.bytes().await.map_err(self.failed("read", &entry))? == manifest),
                Err(object_store::Error::NotFound { .. }) => Ok(false),
                Err(why) => Err(self.failed("read", &entry)(why)),
            }
        })
    }

    fn bring(&self, parcel: &Parcel<'_>) -> Outcome<()> {
        self.runtime.block_on(self.send(parcel))
    }
}
