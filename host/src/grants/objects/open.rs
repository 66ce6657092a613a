//! A store, opened for one call or one action: keys and certificates are read anew, so that rotated ones need no restart.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::client::{ClientOptions, HttpClient, HttpConnector};
use object_store::{BackoffConfig, RetryConfig};
use rustls::ClientConfig;

use super::Store;
use super::heard::Heard;
use super::wire::Service;
use crate::grants::error::Error;
use crate::grants::secret::Secret;

/// Longest key of either kind, in bytes.
const LONGEST_KEY: usize = 256;
/// So often a request is sent again after an answer 5xx, or where it had none.
const RETRIES: usize = 2;

/// An opened store. It has no `Debug`, because it holds secrets.
pub(super) struct Opened {
    pub(super) store: Store,
    pub(super) s3: AmazonS3,
    /// What the store last said that was no success.
    pub(super) heard: Arc<Heard>,
    /// Bytes that may still be received.
    pub(super) left: Arc<AtomicU64>,
    /// What must not get out.
    pub(super) secrets: [String; 2],
}

/// Hands `object_store` a way to send requests that is ours.
#[derive(Debug)]
struct Ours(HttpClient);

impl HttpConnector for Ours {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(self.0.clone())
    }
}

impl Opened {
    /// Opens it. `most` is what its answers may have in bytes together. Nothing is sent yet.
    pub(super) async fn open(store: &Store, most: u64) -> Result<Self, Error> {
        let unreachable = |why: String| Error::Unreachable(format!("{store}: {why}"));
        let owned = store.clone();
        let read = tokio::task::spawn_blocking(move || read(&owned)).await;
        let (secrets, tls) = read.map_err(|error| error.to_string()).and_then(|read| read).map_err(unreachable)?;
        let heard = Arc::new(Heard::default());
        let left = Arc::new(AtomicU64::new(most));
        let service = Service::new(store.clone(), tls, Arc::clone(&heard), Arc::clone(&left));
        let [access_key, secret_key] = &secrets;
        let built = AmazonS3Builder::new()
            .with_bucket_name(&store.bucket.name)
            .with_region(&store.region)
            .with_endpoint(store.origin.to_string())
            .with_access_key_id(access_key)
            .with_secret_access_key(secret_key)
            .with_retry(retry(store.timeout))
            // Which of the two it is was decided where agent.toml was read.
            .with_allow_http(true)
            .with_http_connector(Ours(HttpClient::new(service)))
            .build();
        // Its words are about settings, which may be secrets.
        let s3 = built.map_err(|_| unreachable("no client can be made of its settings".to_owned()))?;
        Ok(Self { store: store.clone(), s3, heard, left, secrets })
    }
}

fn retry(timeout: Duration) -> RetryConfig {
    let backoff =
        BackoffConfig { init_backoff: Duration::from_millis(100), max_backoff: Duration::from_secs(2), base: 2.0 };
    RetryConfig { backoff, max_retries: RETRIES, retry_timeout: timeout }
}

/// Blocks on the file system. The error names where a secret should be, never the secret.
fn read(store: &Store) -> Result<([String; 2], Option<ClientConfig>), String> {
    let key = |what: &str, source: &Secret| {
        let bytes = source.read().map_err(|error| format!("its {what} is missing: {error}"))?;
        let fits = bytes.len() <= LONGEST_KEY && bytes.iter().all(u8::is_ascii_graphic);
        String::from_utf8(bytes)
            .ok()
            .filter(|_| fits)
            .ok_or_else(|| format!("{source} is no {what}: one word of visible ASCII, 256 bytes at the most"))
    };
    let secrets = [key("access key", &store.access_key)?, key("secret key", &store.secret_key)?];
    let tls = store.origin.secure.then(|| store.tls.client_config()).transpose()?;
    Ok((secrets, tls))
}
