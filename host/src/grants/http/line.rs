//! The lines of an endpoint's `allow`: a method and a pattern of paths. What no line covers is denied.

use std::fmt;

use super::target::{Target, check_query};

/// A method as it stands in an allowed line. Guests that observe use GET and HEAD; the others are for actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Method {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
}

impl Method {
    const ALL: [Self; 6] = [Self::Get, Self::Head, Self::Post, Self::Put, Self::Patch, Self::Delete];

    /// As it is sent.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// One allowed line, `GET /api/v1/health`.
///
/// ```text
/// GET /health         this path, without a query
/// GET /health?full=1  this path with this very query
/// GET /stats?*        this path without or with any query
/// GET /items/*        one more segment, not empty: /items/7, not /items/, /items/7/ or /items/7/8
/// GET /items/**       everything below: /items/7, /items/7/, /items/7/8, not /items/ and not /items
/// ```
///
/// Bytes are compared as they are, upper and lower case too; nothing is decoded, since a checked path escapes only what
/// it must. A line is for its method alone: `GET /health` does not allow HEAD.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    method: Method,
    path: Path,
    query: Query,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Path {
    Exactly(String),
    /// With its last `/`.
    OneBelow(String),
    /// With its last `/`.
    AllBelow(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Query {
    Never,
    Exactly(String),
    Any,
}

impl Line {
    /// Reads a line of agent.toml.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong =
            |why: &str| format!("allowed line {text:?}: {why}; write it like \"GET /health\" or \"GET /api/**\"");
        let (method, pattern) =
            text.split_once(' ').ok_or_else(|| wrong("a method, one space and a path are needed"))?;
        let Some(method) = Method::ALL.into_iter().find(|known| known.name() == method) else {
            return Err(wrong("the method is none of GET, HEAD, POST, PUT, PATCH, DELETE"));
        };
        let (path, query) = match pattern.split_once('?') {
            None => (pattern, Query::Never),
            Some((path, "*")) => (path, Query::Any),
            Some((path, query)) => {
                check_query(query).map_err(|why| wrong(&format!("as to the query, {why}")))?;
                (path, Query::Exactly(query.to_owned()))
            }
        };
        let (fixed, path): (&str, fn(String) -> Path) = match (path.strip_suffix("/**"), path.strip_suffix("/*")) {
            (Some(_), _) => (path.trim_end_matches("**"), Path::AllBelow),
            (None, Some(_)) => (path.trim_end_matches('*'), Path::OneBelow),
            (None, None) if path.contains('*') => {
                return Err(wrong("* and ** stand for the whole of the last segment only"));
            }
            (None, None) => (path, Path::Exactly),
        };
        Target::parse(fixed).map_err(|why| wrong(&format!("as to the path, {why}")))?;
        Ok(Self { method, path: path(fixed.to_owned()), query })
    }

    /// Whether the line covers this request.
    pub fn covers(&self, method: Method, target: &Target) -> bool {
        let path = match &self.path {
            Path::Exactly(path) => target.path() == path,
            Path::OneBelow(prefix) => below(target, prefix).is_some_and(|rest| !rest.contains('/')),
            Path::AllBelow(prefix) => below(target, prefix).is_some(),
        };
        let query = match &self.query {
            Query::Never => target.query().is_none(),
            Query::Exactly(query) => target.query() == Some(query),
            Query::Any => true,
        };
        self.method == method && path && query
    }
}

/// What follows the prefix, where something does.
fn below<'a>(target: &'a Target, prefix: &str) -> Option<&'a str> {
    target.path().strip_prefix(prefix).filter(|rest| !rest.is_empty())
}

/// As in agent.toml.
impl fmt::Display for Line {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} ", self.method)?;
        match &self.path {
            Path::Exactly(path) => write!(out, "{path}")?,
            Path::OneBelow(prefix) => write!(out, "{prefix}*")?,
            Path::AllBelow(prefix) => write!(out, "{prefix}**")?,
        }
        match &self.query {
            Query::Never => Ok(()),
            Query::Exactly(query) => write!(out, "?{query}"),
            Query::Any => write!(out, "?*"),
        }
    }
}
