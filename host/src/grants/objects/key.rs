//! What is a key: checked byte by byte before anything else sees it, so that it means one thing to us, to the store and to whatever stands
//! between. Pure.

use super::Store;
use crate::grants::error::Error;
use crate::grants::files::policy::shown;

/// S3's limit for a whole key, prefix included, in bytes.
const LONGEST: usize = 1024;

/// A whole key in the bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// The key of an object beneath the store's prefix.
    ///
    /// # Errors
    /// `Denied` for what could lead out of the prefix where somebody on the way reads it as a path; `Invalid` for what is no key.
    pub fn new(store: &Store, text: &str) -> Result<Self, Error> {
        if text.is_empty() {
            return Err(invalid(store, text, "is empty"));
        }
        Self::beneath(store, text)?;
        if text.ends_with('/') {
            return Err(invalid(store, text, "ends with a slash: name the object"));
        }
        Ok(Self(store.bucket.under(text)))
    }

    /// What keys begin with, and where a listing goes on: as a key, but it may be empty or end within a name.
    pub(super) fn start(store: &Store, text: &str) -> Result<String, Error> {
        if !text.is_empty() {
            Self::beneath(store, text)?;
        }
        Ok(store.bucket.under(text))
    }

    /// As the store has it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn beneath(store: &Store, text: &str) -> Result<(), Error> {
        let out = |how: &str| {
            Err(Error::Denied(format!(
                "the key {} {how} and so leads out of the prefix of object store {:?} (s3://{}): keys are relative to it; what lies elsewhere \
                 is reached through an [objects.NAME] section of its own in agent.toml, granted by that name",
                shown(text),
                store.name,
                store.bucket
            )))
        };
        if text.starts_with('/') {
            return out("begins with a slash");
        }
        if text.split('/').any(|part| part == "..") {
            return out("holds `..`");
        }
        if store.bucket.under(text).len() > LONGEST {
            return Err(invalid(store, text, "is longer than 1024 bytes with the store's prefix"));
        }
        if text.chars().any(char::is_control) {
            return Err(invalid(store, text, "holds a control character"));
        }
        let parts = text.strip_suffix('/').unwrap_or(text);
        match parts.split('/').find(|part| part.is_empty() || *part == ".") {
            Some("") => Err(invalid(store, text, "holds an empty part (`//`)")),
            Some(_) => Err(invalid(store, text, "holds a part `.`: leave it out")),
            None => Ok(()),
        }
    }
}

fn invalid(store: &Store, text: &str, why: &str) -> Error {
    Error::Invalid(format!("object store {:?}: the key {} {why}", store.name, shown(text)))
}

/// A path of an upload with the arguments in it: `value` gives them by name. One that would change the path's parts is refused by the checks of
/// the whole path alone, so `{name}` may stand for several parts where the parameter is a path.
pub fn template_path(text: &str, mut value: impl FnMut(&str) -> Result<String, String>) -> Result<String, String> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').ok_or_else(|| format!("the path {text:?} has a {{ without a }}"))?;
        filled.push_str(before);
        filled.push_str(&value(name)?);
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}
