//! What the plugin may propose: warm an application's cache, let the application do without it and with it again, empty one
//! database of Redis. Paths are fixed but for their first segments, so `pgreeve plugin explain` shows what is called.

use pgreeve_sdk::{
    Action, HttpMethod, HttpTemplate, Manifest, Outcome, ParameterKind, Proposal, Risk, Template, action, proposal,
};

/// The operations guide's folder.
const GUIDE: &str = "/api/v1/cache";

/// The id of the action that empties a database.
pub(crate) const FLUSH: &str = "flush";

/// An action and its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    /// Of the action, without `warm` or its like: nothing, `-2` or `-3`, by the number of segments.
    suffix: &'static str,
    segments: Vec<String>,
}

/// How to call a path that ends in `/warm`; none if no action does.
pub(crate) fn warm_call(path: &str) -> Option<Call> {
    Call::to(path, "warm")
}

/// How to call a path that ends in `/bypass`.
pub(crate) fn bypass_call(path: &str) -> Option<Call> {
    Call::to(path, "bypass")
}

impl Call {
    fn to(path: &str, last: &str) -> Option<Self> {
        let folder = path.strip_suffix(last)?.strip_suffix('/')?;
        if folder == GUIDE {
            return Some(Self { suffix: "", segments: Vec::new() });
        }
        let segments: Vec<String> = folder.strip_prefix('/')?.split('/').map(str::to_owned).collect();
        let plain = |segment: &String| {
            segment.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_.~".contains(letter))
                && segment.chars().any(|letter| letter != '.')
        };
        let suffix = match segments.len() {
            1 => "-2",
            2 => "-3",
            _ => return None,
        };
        segments.iter().all(plain).then_some(Self { suffix, segments })
    }

    /// The id of the action of this verb: `warm`, `bypass`, `resume`.
    pub(crate) fn action(&self, verb: &str) -> String {
        format!("{verb}{}", self.suffix)
    }

    /// Whether this is what came of warming by this call.
    pub(crate) fn is_of(&self, outcome: &Outcome) -> bool {
        let values = outcome.arguments.iter().map(|argument| argument.value.as_str());
        outcome.action == self.action("warm") && values.eq(self.segments.iter().map(String::as_str))
    }

    /// Its proposal.
    pub(crate) fn propose(&self, verb: &str, endpoint: &str, clears: &str, reason: impl Into<String>) -> Proposal {
        let proposal = proposal(&self.action(verb), endpoint, &[clears], reason);
        let names = ["first", "second"];
        names.iter().zip(&self.segments).fold(proposal, |proposal, (name, value)| proposal.argument(name, value))
    }
}

/// Adds all actions to the manifest.
pub(crate) fn declare(manifest: Manifest) -> Manifest {
    let mut manifest = manifest;
    for (suffix, folder, segments) in
        [("", GUIDE, &[][..]), ("-2", "/{first}", &["first"][..]), ("-3", "/{first}/{second}", &["first", "second"])]
    {
        let call = |verb: &str, title: &str, method, last: &str| {
            let path = format!("{folder}/{last}");
            let template = Template::Http(HttpTemplate { method, path, body: None });
            segments.iter().fold(action(&format!("{verb}{suffix}"), title, template), |action, name| {
                action.parameter(name, ParameterKind::Text, "A segment of the path that the settings name.")
            })
        };
        let undone = |action: Action, by: &str| action.undone_by(&format!("{by}{suffix}"));
        let warm = call("warm", "Lets an application fill its cache", HttpMethod::Post, "warm");
        let bypass = call("bypass", "Lets an application do without its cache", HttpMethod::Post, "bypass");
        let resume = call("resume", "Lets an application use its cache again", HttpMethod::Delete, "bypass");
        manifest = manifest
            // It costs the database the queries whose answers are cached.
            .action(warm.risk(Risk::Medium))
            .action(undone(bypass.risk(Risk::Medium), "resume"))
            .action(undone(resume.risk(Risk::Medium), "bypass"));
    }
    // ASYNC: the server goes on answering while the memory is given back. Never FLUSHALL: other databases hold sessions and queues.
    let template = Template::Redis(vec!["FLUSHDB".to_owned(), "ASYNC".to_owned()]);
    let title = "Empties the one Redis database that the grant's URL names";
    manifest.action(action(FLUSH, title, template).risk(Risk::High))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_called_by_the_action_that_fits_it() {
        for (path, action, arguments) in [
            ("/api/v1/cache/warm", "warm", &[][..]),
            ("/cache/warm", "warm-2", &["cache"]),
            ("/admin/cache-2/warm", "warm-3", &["admin", "cache-2"]),
        ] {
            let proposal = warm_call(path).unwrap().propose("warm", "app", "k", "r");
            assert_eq!(proposal.action, action);
            let values: Vec<&str> = proposal.arguments.iter().map(|argument| argument.value.as_str()).collect();
            assert_eq!(values, arguments);
        }
        for path in ["/warm", "/a/b/c/warm", "/a/cool", "a/warm", "/../warm", "//warm", "/a b/warm", "/a%2Fb/warm"] {
            assert_eq!(warm_call(path), None, "{path}");
        }
    }
}
