//! What went wrong at a store, in words that say what was tried, on what, and what to do; and nothing of the keys.

use std::error::Error as Source;

use super::heard::{Refusal, Said};
use super::open::Opened;
use crate::grants::error::Error;
use crate::grants::log::printable;

impl Opened {
    /// What an error means; `tried` follows "cannot".
    pub(super) fn failure(&self, tried: &str, error: &object_store::Error) -> Error {
        let said = self.heard.take();
        let mut source: Option<&dyn Source> = Some(error);
        let mut last = String::new();
        while let Some(one) = source {
            if let Some(Refusal(ours)) = one.downcast_ref::<Refusal>() {
                return match ours {
                    // Of what happened to a body nobody said yet to which.
                    Error::Unreachable(why) if !why.contains(&self.store.to_string()) => {
                        Error::Unreachable(self.clean(&format!("cannot {tried} in {}: {why}", self.store)))
                    }
                    ours => ours.clone(),
                };
            }
            last = one.to_string();
            source = one.source();
        }
        let missing = matches!(error, object_store::Error::NotFound { .. });
        let Some(Said { status, code, message }) = said else {
            return Error::Unreachable(self.clean(&format!("cannot {tried} in {}: {last}", self.store)));
        };
        // An answer to HEAD has no body, and so no code.
        let code = match code.as_str() {
            "" if missing => "NoSuchKey".to_owned(),
            "" => status.to_string(),
            code => code.to_owned(),
        };
        let message = if message.is_empty() { format!("it answers with status {status}") } else { message };
        let hint = hint(&code, status).map(|hint| hint.replace("NAME", &self.store.name));
        let message = self.clean(&format!("cannot {tried} in {}: {message}", self.store));
        Error::Remote { code: self.clean(&code), message, detail: None, hint }
    }

    /// Without the keys, which some stores repeat in their errors.
    fn clean(&self, text: &str) -> String {
        let text = self.secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret, "[redacted]"));
        printable(&text, 1024)
    }
}

/// What to do about an error of S3's.
fn hint(code: &str, status: u16) -> Option<&'static str> {
    Some(match (code, status) {
        ("NoSuchBucket", _) => "make the bucket, or correct `url` under [objects.NAME] in agent.toml",
        ("InvalidAccessKeyId", _) => {
            "look at the access key that [objects.NAME] in agent.toml names: the store does not know it"
        }
        ("SignatureDoesNotMatch", _) => {
            "look at the secret key that [objects.NAME] in agent.toml names, and at this machine's clock: the signature does not fit"
        }
        ("RequestTimeTooSkewed", _) => "set this machine's clock: the store refuses what is signed with another time",
        (
            "AuthorizationHeaderMalformed"
            | "PermanentRedirect"
            | "TemporaryRedirect"
            | "IllegalLocationConstraintException",
            _,
        )
        | (_, 300..=399) => {
            "correct `region` and `endpoint` under [objects.NAME] in agent.toml: the bucket is elsewhere, and no redirect is followed"
        }
        ("QuotaExceeded" | "InsufficientStorage" | "XMinioStorageFull", _) | (_, 507) => {
            "make room in the store, or raise its quota"
        }
        ("SlowDown", _) => "the store asks for less at a time: let the schedules of the jobs that use it differ",
        (_, 401 | 403) => {
            "give the key that [objects.NAME] names s3:ListBucket on the bucket and s3:GetObject on the prefix, for uploads also s3:PutObject and \
             s3:AbortMultipartUpload"
        }
        (_, 500..=599) => "look at the store's own status and log",
        _ => return None,
    })
}
