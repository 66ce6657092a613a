//! A plugin that proposes what a table says: each row of `public.todo` is a finding, and a proposal of the action that the row names.
//! What the actions do is seen in `public.effects`, to which each adds a row; most take their own row out of `todo`, so that the finding clears.

use pgreeve_sdk::{
    Action, Answer, Capability, Failure, FileTemplate, Finding, HttpMethod, HttpTemplate, KeepRule, Manifest,
    ParameterKind, Plugin, Report, Risk, Run, SqlTemplate, Status, Template, UploadTemplate, action, finding, manifest,
    proposal, sql,
};
use schemars::JsonSchema;
use serde::Deserialize;

/// There is nothing to set.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Changes nothing; another value is another configuration.
    mark: u32,
}

/// A row of `todo`.
#[derive(Debug, Deserialize)]
struct Todo {
    id: i32,
    action: String,
    target: String,
    argument: Option<String>,
}

const EFFECT: &str = "INSERT INTO public.effects (id, note) VALUES (:'id', 'done')";
const TAKEN_OUT: &str = "DELETE FROM public.todo WHERE id = :'id'";

struct Acts;

/// An action on one row of `todo`.
fn on_row(id: &str, title: &str, template: Template) -> Action {
    action(id, title, template).parameter("id", ParameterKind::Integer, "the row of todo")
}

/// Statements that are each their own transaction, with time between them for somebody to end the agent.
fn in_steps(statements: &[&str]) -> Template {
    let statements = statements.iter().map(|statement| (*statement).to_owned()).collect();
    Template::Sql(SqlTemplate { statements, seconds: 10, transactional: false })
}

/// Actions that are no SQL: what they do is seen elsewhere.
fn others() -> [Action; 6] {
    let post = HttpTemplate {
        method: HttpMethod::Post,
        path: "/todo/{argument}".into(),
        body: Some(r#"{"what": "{argument}"}"#.into()),
    };
    let keep = KeepRule { pattern: "*.old".into(), keep: 1 };
    let redis = ["SET", "{argument}", "done"].map(str::to_owned).to_vec();
    let upload = UploadTemplate { before: vec!["{argument}".into()], last: "{argument}.json".into(), seconds: 60 };
    let text = |action: Action| action.parameter("argument", ParameterKind::Text, "the row's argument");
    let path = |action: Action, name| action.parameter(name, ParameterKind::Path, "the row's argument");
    [
        text(action("post", "Tells a service", Template::Http(post))),
        path(action("remove", "Removes a file", Template::File(FileTemplate::Remove(keep))), "path"),
        path(path(action("rename", "Renames a file", Template::File(FileTemplate::Rename)), "from"), "to"),
        text(action("set", "Sets a key", Template::Redis(redis))),
        text(action("upload", "Copies files away", Template::Upload(upload))).parameter(
            "directory",
            ParameterKind::Text,
            "always heap",
        ),
        text(action("touch", "Runs a command", Template::Command("touch".into()))),
    ]
}

impl Plugin for Acts {
    type Settings = Settings;
    type Observed = Answer<Vec<Todo>>;

    fn manifest() -> Manifest {
        let next =
            "INSERT INTO public.todo (id, action, target) SELECT :'id' + 1, 'chain', 'main' WHERE :'id' % 10 < 4";
        let actions = [
            on_row("effect", "Does it, and takes the row out", sql(5, &[EFFECT, TAKEN_OUT])).once(),
            on_row("steps", "Does it in steps", in_steps(&[EFFECT, "SELECT pg_catalog.pg_sleep(0.03)", TAKEN_OUT]))
                .once(),
            on_row(
                "steps-again",
                "The same, and twice does no harm",
                in_steps(&[EFFECT, "SELECT pg_catalog.pg_sleep(0.03)", TAKEN_OUT]),
            ),
            on_row("useless", "Does something that does not help", sql(5, &[EFFECT])),
            on_row("fails", "Fails after it has done something", sql(5, &[EFFECT, "SELECT 1 / 0"])),
            on_row("danger", "Can lose data", sql(5, &[EFFECT, TAKEN_OUT])).risk(Risk::High),
            on_row("chain", "One step of several", sql(5, &[EFFECT, next, TAKEN_OUT])),
        ];
        let manifest = manifest("acts", env!("CARGO_PKG_VERSION"), "Proposes what a table says")
            .check("todo", "What is to be done", "A row of public.todo. Its action takes it out.")
            .want(Capability::Postgres, true, "to read public.todo")
            .want(Capability::Http, false, "for the action post")
            .want(Capability::Files, false, "for the actions remove and rename")
            .want(Capability::Objects, false, "for the action upload")
            .want(Capability::Redis, false, "for the action set")
            .want(Capability::Commands, false, "for the action touch");
        actions.into_iter().chain(others()).fold(manifest, Manifest::action)
    }

    fn observe(run: &Run<Settings>) -> Result<Self::Observed, Failure> {
        let Some(main) = run.databases().next() else { return Ok(Ok(Vec::new())) };
        Ok(main.rows("select id, action, target, argument from public.todo order by id"))
    }

    fn judge(_: &Run<Settings>, observed: &Self::Observed) -> Report {
        let todo = match observed {
            Ok(todo) => todo,
            Err(error) => {
                let findings = vec![Finding::unanswered("todo", "", error)];
                return Report { findings, metrics: Vec::new(), proposals: Vec::new() };
            }
        };
        let nothing = finding("todo", "", Status::Ok, format!("{} rows to be done", todo.len()));
        let findings = todo.iter().map(|row| {
            let summary = format!("row {} is to be done", row.id);
            finding("todo", &row.id.to_string(), Status::Warning, summary).advise("let its action be carried out")
        });
        let findings: Vec<Finding> = std::iter::once(nothing).chain(findings).collect();
        let proposals = todo.iter().map(|row| {
            let key = format!("todo/{}", row.id);
            let proposal = proposal(&row.action, &row.target, &[&key], format!("row {} is there", row.id));
            let argument = row.argument.as_deref();
            match (row.action.as_str(), argument) {
                ("rename", Some(name)) => proposal.argument("from", name).argument("to", format!("{name}.renamed")),
                ("upload", Some(name)) => proposal.argument("argument", name).argument("directory", "heap"),
                ("remove", Some(name)) => proposal.argument("path", name),
                (_, Some(argument)) => proposal.argument("argument", argument),
                (_, None) => proposal.argument("id", row.id),
            }
        });
        Report { findings, metrics: Vec::new(), proposals: proposals.collect() }
    }
}

pgreeve_sdk::export!(Acts);
