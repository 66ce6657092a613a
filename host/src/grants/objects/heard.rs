//! What the store said last, kept beside `object_store`, which tells less; and errors of ours on their way through it.

use std::sync::{Mutex, PoisonError};

use crate::grants::error::Error;
use crate::grants::log::printable;

/// An error of ours on its way through `object_store`.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Refusal(pub(super) Error);

/// The last answer that was no success.
#[derive(Debug, Default)]
pub(super) struct Heard(Mutex<Option<Said>>);

/// An answer that was no success; code and message are empty where it had none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) status: u16,
    pub(super) code: String,
    pub(super) message: String,
}

impl Heard {
    /// Keeps what a store said; S3 says it in XML.
    pub(super) fn note(&self, status: u16, body: &[u8]) {
        let text = String::from_utf8_lossy(body);
        let said = Said {
            status,
            code: element(&text, "Code").unwrap_or_default(),
            message: element(&text, "Message").unwrap_or_default(),
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(said);
    }

    /// What was kept, once.
    pub(super) fn take(&self) -> Option<Said> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// What stands in the first element of that name, which has neither attributes nor elements in it.
fn element(text: &str, name: &str) -> Option<String> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    let (inside, _) = rest.split_once(&format!("</{name}>"))?;
    (!inside.contains('<')).then(|| printable(inside, 512))
}
