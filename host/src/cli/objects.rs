//! `pgreeve objects …`: what lies in the object stores of agent.toml, and bringing it back. For a person, with this user's rights to the keys; a
//! store needs no agent and no plugin.

use std::path::Path;
use std::sync::Arc;

use bytesize::ByteSize;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::json;

use super::{Failure, OutputFormat, load, output};
use crate::config::{self, Draft};
use crate::grants::error::Error;
use crate::grants::log::printable;
use crate::grants::objects::{Fetched, Object, Store, fetch, list};

/// What keys, as a backup's do, come to in words.
const LONGEST: usize = 1024;

/// The stores of a file; what is wrong with the rest of it does not matter here.
fn stores(path: &Path) -> Result<Vec<Arc<Store>>, Failure> {
    let text = load::text(path)?;
    Ok(Draft::read(path, &text).stores())
}

/// The stores of a file, and why others were not looked at, if there are any. Where there is no file there are no stores.
pub(super) fn known(path: &Path) -> (Vec<Arc<Store>>, Option<String>) {
    let not_looked = |why: String| Some(format!("object stores were not looked at: {why}"));
    if path.symlink_metadata().is_err_and(|why| why.kind() == std::io::ErrorKind::NotFound) {
        return (Vec::new(), None);
    }
    let text = match config::text(path) {
        Ok(text) => text,
        Err(why) => return (Vec::new(), not_looked(why)),
    };
    let draft = Draft::read(path, &text);
    let (stores, wrong) = (draft.stores(), draft.wrong_stores());
    let why = if !wrong.is_empty() {
        let names = wrong.join(", ");
        not_looked(format!("{names} in {}; `pgreeve validate` says what is wrong there", path.display()))
    } else if stores.is_empty() {
        // What is no TOML may hide one.
        draft.general_mistakes().and_then(|mistakes| not_looked(mistakes.to_string()))
    } else {
        None
    };
    (stores, why)
}

fn store(path: &Path, name: &str) -> Result<Arc<Store>, Failure> {
    let stores = stores(path)?;
    let names: Vec<&str> = stores.iter().map(|store| store.name.as_str()).collect();
    let known = if names.is_empty() { "there is none".to_owned() } else { format!("there are: {}", names.join(", ")) };
    let found = stores.iter().find(|store| store.name == name).cloned();
    found.ok_or_else(|| {
        let place = path.display();
        format!("{place} has no object store {name:?} that is right ({known}); `pgreeve validate` says what is wrong with it").into()
    })
}

/// Whether an object is the manifest of a backup, `NAME.json`, by its key.
pub(super) fn is_manifest(object: &Object) -> bool {
    object.key.strip_suffix(".json").is_some_and(|stem| !stem.contains(['/', '.']))
}

/// `pgreeve objects list`.
pub(super) fn list_them(path: &Path, name: &str, prefix: &str, format: OutputFormat) -> Result<u8, Failure> {
    output::quiet_log();
    let store = store(path, name)?;
    let objects = load::runtime()?.block_on(list(&store, prefix)).map_err(|error| error.to_string())?;
    match format {
        OutputFormat::Json => output::json(&json!({ "store": store.name, "objects": objects }))?,
        OutputFormat::Human => output::table(&["KEY", "SIZE", "PUT THERE"], &rows(&objects))?,
    }
    Ok(0)
}

fn rows(objects: &[Object]) -> Vec<Vec<String>> {
    let at = |object: &Object| {
        let moment = Timestamp::from_microsecond(object.modified);
        moment.map_or_else(|_| String::new(), |at| output::time(at, &TimeZone::UTC))
    };
    let row = |object: &Object| vec![printable(&object.key, LONGEST), ByteSize(object.size).to_string(), at(object)];
    objects.iter().map(row).collect()
}

/// `pgreeve objects fetch`.
pub(super) fn fetch_them(path: &Path, name: &str, prefix: &str, into: &Path) -> Result<u8, Failure> {
    output::quiet_log();
    let store = store(path, name)?;
    if !into.is_dir() {
        return Err(format!("{} is no directory: make it first", into.display()).into());
    }
    let runtime = load::runtime()?;
    let mut objects = runtime.block_on(list(&store, prefix)).map_err(|error| error.to_string())?;
    // A store's times have whole seconds. A manifest says that all else is there.
    objects.sort_by_key(is_manifest);
    if objects.is_empty() {
        return Err(format!(
            "nothing in {store} begins with {prefix:?}; `pgreeve objects list {name}` shows what is there"
        )
        .into());
    }
    let fetched = runtime.block_on(fetch(&store, &objects, into)).map_err(|error| match error {
        Error::Unreachable(_) | Error::TimedOut(_) => {
            format!("{error}; what came before it is kept: the same command goes on with the rest")
        }
        error => error.to_string(),
    })?;
    let Fetched { objects, bytes, there } = fetched;
    output::line(&format!("fetched {objects} objects, {}, into {}", ByteSize(bytes), into.display()))?;
    if there > 0 {
        output::line(&format!(
            "{there} more were there already with the size that the store lists, and were left as they are: `pgreeve-backup verify` looks into them"
        ))?;
    }
    Ok(0)
}
