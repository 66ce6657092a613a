//! An answer over HTTP, read as what the settings say it is; all that it can be instead is named. A hit rate is never guessed:
//! what is out of its unit's range, or suspiciously small in it, is not believed.

use pgreeve_sdk::{Reason, Status};
use serde_json::Value;

use super::json;
use crate::settings::{Cache, Unit};

/// What an application says of its cache.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Stats {
    pub(crate) rate: Option<Told>,
    /// Hits and misses so far.
    pub(crate) counters: Option<(u64, u64)>,
    pub(crate) entries: Option<u64>,
    /// Whether it does without the cache.
    pub(crate) bypassed: Option<bool>,
}

/// A hit rate as it was told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Told {
    /// 0 to 1.
    Ratio(f64),
    /// `null`.
    Nothing,
    /// 0, and the hits and misses beside it are 0 too.
    Unused,
}

/// Why an answer says nothing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Trouble {
    pub(crate) status: Status,
    pub(crate) reason: Option<Reason>,
    pub(crate) summary: String,
    pub(crate) advice: String,
}

/// Reads an answer.
pub(crate) fn read(status: u16, body: &[u8], cache: &Cache) -> Result<Stats, Trouble> {
    if status != 200 {
        return Err(refused(status, cache.path()));
    }
    let told = json::parse(body).map_err(|error| nonsense(format!("200, but {}", what_else(body, &error))))?;
    let rate = cache.rate().filter(|_| cache.counters().is_none());
    Ok(Stats {
        rate: rate.map(|(pointer, unit)| ratio(&told, pointer, unit)).transpose()?,
        counters: match cache.counters() {
            Some((hits, misses)) => Some((counter(&told, hits)?, counter(&told, misses)?)),
            None => None,
        },
        entries: cache.entries.as_deref().map(|pointer| counter(&told, pointer)).transpose()?,
        bypassed: cache.bypassed.as_deref().map(|pointer| boolean(&told, pointer)).transpose()?,
    })
}

fn refused(status: u16, path: &str) -> Trouble {
    let unknown = |reason, advice: &str| (Status::Unknown, Some(reason), advice.to_owned());
    let (level, reason, advice) = match status {
        500.. => (
            Status::Critical,
            None,
            "the application says itself that it is not well: read its log of this moment, and look at what it depends on (its Redis, its \
             database)"
                .to_owned(),
        ),
        401 | 403 => unknown(Reason::NoPrivilege, "give the endpoint what the application wants, as headers = { authorization = { file = \"…\" } } in agent.toml"),
        404 | 405 | 410 => unknown(Reason::Unsupported, "correct the path in the settings (caches.NAME.path), or the application's version does not have it"),
        429 => unknown(Reason::Failed, "the application is asked too often: run the job less often"),
        300..=399 => unknown(Reason::Failed, "redirects are not followed: put what it leads to into origin and path"),
        _ => unknown(Reason::Failed, "look what the application says to the same request: curl -i"),
    };
    Trouble { status: level, reason, summary: format!("answers {status} to GET {path}"), advice }
}

/// An answer that cannot be what was asked for.
fn nonsense(summary: String) -> Trouble {
    Trouble {
        status: Status::Unknown,
        reason: Some(Reason::Failed),
        summary,
        advice: "look at the answer (curl) and correct caches.NAME in the settings (path, pointers, unit); if it is right there, the \
                 application is wrong"
            .to_owned(),
    }
}

fn what_else(body: &[u8], error: &serde_json::Error) -> String {
    let text = String::from_utf8_lossy(body);
    let text = text.trim();
    if body.starts_with(&[0x1f, 0x8b]) {
        "compressed (gzip), which was not asked for, and no JSON".to_owned()
    } else if text.is_empty() {
        "empty".to_owned()
    } else if text.starts_with('<') {
        "a page (HTML or XML) and no JSON: a login, or a proxy's own words".to_owned()
    } else if text.contains("NaN") {
        "no JSON: it has NaN in it, which is what a rate without lookups becomes in some languages".to_owned()
    } else if error.is_eof() {
        "no whole JSON: it ends too early".to_owned()
    } else if text.starts_with(['{', '[', '\u{feff}']) {
        format!("no JSON to rely on: {error}")
    } else {
        "no JSON".to_owned()
    }
}

/// What a pointer leads to; the error names what is there instead.
fn at<'v>(told: &'v Value, pointer: &str) -> Result<&'v Value, Trouble> {
    told.pointer(pointer).ok_or_else(|| {
        // The longest part of the pointer that leads somewhere.
        let upper = std::iter::successors(pointer.rsplit_once('/'), |(upper, _)| upper.rsplit_once('/'));
        let (place, found) =
            upper.filter_map(|(upper, _)| Some((upper, told.pointer(upper)?))).next().unwrap_or(("", told));
        let there = match found {
            Value::Object(fields) => {
                let names: Vec<&str> = fields.keys().take(12).map(String::as_str).collect();
                if names.is_empty() { "it is empty".to_owned() } else { format!("it has {}", names.join(", ")) }
            }
            other => format!("it is {}", kind(other)),
        };
        let place = if place.is_empty() { "the answer".to_owned() } else { place.to_owned() };
        nonsense(format!("200, but there is no {pointer}: {place}: {there}"))
    })
}

fn kind(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => format!("the text {:?}", text.chars().take(40).collect::<String>()),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

fn ratio(told: &Value, pointer: &str, unit: Unit) -> Result<Told, Trouble> {
    let value = at(told, pointer)?;
    if value.is_null() {
        return Ok(Told::Nothing);
    }
    let number =
        value.as_f64().ok_or_else(|| nonsense(format!("200, but {pointer} is {} and no number", kind(value))))?;
    let (most, word) = if unit == Unit::Percent { (100.0, "percent") } else { (1.0, "fraction") };
    if !(0.0..=most).contains(&number) {
        let other = if unit == Unit::Fraction && number <= 100.0 { "; unit = \"percent\" may be meant" } else { "" };
        return Err(nonsense(format!("200, but {pointer} is {number}, which is no {word} (0 to {most}){other}")));
    }
    if unit == Unit::Percent && number > 0.0 && number <= 1.0 {
        let summary =
            format!("{pointer} is {number} percent, which is more likely a fraction: not believed either way");
        return Err(Trouble {
            advice: "look at the answer: if 1 stands for all, set unit = \"fraction\" for this cache. If it is really one percent or less, \
                     give `hits` and `misses`, which leave no doubt, and warm the cache"
                .to_owned(),
            ..nonsense(summary)
        });
    }
    if number == 0.0 && unused_beside(told, pointer) {
        return Ok(Told::Unused);
    }
    Ok(Told::Ratio(number / most))
}

/// Whether `hits` and `misses` stand beside the rate and are both 0.
fn unused_beside(told: &Value, pointer: &str) -> bool {
    let beside = pointer.rsplit_once('/').and_then(|(upper, _)| told.pointer(upper));
    let zero = |name: &str| beside.and_then(|beside| beside.get(name)).and_then(Value::as_f64) == Some(0.0);
    zero("hits") && zero("misses")
}

fn counter(told: &Value, pointer: &str) -> Result<u64, Trouble> {
    let value = at(told, pointer)?;
    // Some languages have only one kind of number.
    let whole = |number: f64| (number >= 0.0 && number.fract() == 0.0 && number < 9e15).then_some(number as u64);
    let number = value.as_u64().or_else(|| value.as_f64().and_then(whole));
    number.ok_or_else(|| nonsense(format!("200, but {pointer} is {} and no count", kind(value))))
}

fn boolean(told: &Value, pointer: &str) -> Result<bool, Trouble> {
    let value = at(told, pointer)?;
    value.as_bool().ok_or_else(|| nonsense(format!("200, but {pointer} is {} and neither true nor false", kind(value))))
}
