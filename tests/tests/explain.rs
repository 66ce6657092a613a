//! What `pgreeve plugin explain` says of a component before it is installed, against a configuration, and of a new version.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::process::Command;

use pgreeve_tests::agent::{Agent, pgreeve, plugins};
use serde_json::{Value, json};

fn explain(arguments: &[&str]) -> String {
    let component = |argument: &&str| match argument.strip_suffix(".wasm") {
        Some(_) => plugins().join(argument).display().to_string(),
        None => (*argument).to_owned(),
    };
    let output = Command::new(pgreeve())
        .args(["plugin", "explain"])
        .args(arguments.iter().map(component))
        .env_remove("PGREEVE_CONFIG")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_component_is_explained_from_itself_alone() {
    let said = explain(&["one-query.wasm"]);
    for part in [
        "sha256",
        "imports  postgres",
        "64.0 MiB of memory",
        "10000 host calls",
        "postgres             optional: to make the query",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!said.contains("WASI"), "{said}");
    assert!(explain(&["quiet.wasm"]).contains("imports  nothing"));
}

#[test]
fn against_a_configuration_it_says_what_is_wanted_and_not_granted_and_the_other_way_round() {
    let agent = Agent::new(
        "[agent]\nstate_dir = \"STATE\"\n[postgres.main]\ndsn = \"host=/nowhere user=me\"\n[files.logs]\npath = \"/var/log\"\n\
         [plugin.q]\npath = \"PLUGINS/one-query.wasm\"\n\
         [job.right]\nplugin = \"q\"\nschedule = \"@daily\"\ngrant = { postgres = [\"main\"] }\n\
         [job.less]\nplugin = \"q\"\nschedule = \"@daily\"\n\
         [job.more]\nplugin = \"q\"\nschedule = \"@daily\"\ngrant = { postgres = [\"main\"], files = [\"logs\"], system = true }\n\
         [job.other]\nplugin = \"quiet\"\nschedule = \"@daily\"\n",
    );
    let config = agent.config().display().to_string();
    let json: Value =
        serde_json::from_str(&explain(&["one-query.wasm", "--config", &config, "--format", "json"])).unwrap();
    let standing = |name: &str, wanted: &[&str], granted: &[&str]| json!({ "name": name, "wanted_not_granted": wanted, "granted_not_wanted": granted });
    assert_eq!(
        json["jobs"],
        json!([
            standing("less", &["postgres"], &[]),
            standing("more", &[], &["files", "system"]),
            standing("right", &[], &[])
        ]),
    );
    let said = explain(&["one-query.wasm", "--config", &config]);
    for line in [
        "right                is granted what it wants",
        "less                 wanted, not granted: postgres",
        "more                 granted, not wanted: files, system",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
}

#[test]
fn what_the_logins_need_is_told_before_the_plugin_is_installed_and_of_a_new_version() {
    let said = explain(&["rights.wasm"]);
    for line in [
        "  membership in pg_monitor (required): statistics",
        "  EXECUTE on function app.total(integer, text[], app.mood) (optional): to be looked at",
        "needs of the actor's login: ownership of the table app.orders (required, until 16): only its owner can vacuum it",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    assert!(explain(&["quiet.wasm"]).contains("Needs of the observer's login\n  nothing"));
    let json: Value = serde_json::from_str(&explain(&["rights.wasm", "--format", "json"])).unwrap();
    assert_eq!(json["needs"][0]["right"], "membership in pg_monitor");
    assert_eq!(json["actions"][0]["needs"][0]["since"], 17);
    let newer = explain(&["quiet.wasm", "rights.wasm"]);
    assert!(newer.contains("  + need     end: membership in pg_signal_backend"), "{newer}");
}

#[test]
fn of_a_new_version_it_says_what_it_wants_more() {
    let json: Value = serde_json::from_str(&explain(&["quiet.wasm", "one-query.wasm", "--format", "json"])).unwrap();
    let differences = json["differences"].as_array().unwrap();
    let found = |kind: &str, name: &str| {
        let one = differences.iter().find(|one| one["kind"] == kind && one["name"] == name);
        one.map(|one| one["change"].as_str().unwrap().to_owned())
    };
    assert_eq!(found("import", "postgres").as_deref(), Some("added"));
    assert_eq!(found("want", "postgres").as_deref(), Some("added"));
    let same: Value = serde_json::from_str(&explain(&["quiet.wasm", "quiet.wasm", "--format", "json"])).unwrap();
    assert_eq!(same["differences"], json!([]));
    assert!(explain(&["quiet.wasm", "one-query.wasm"]).contains("  + want     postgres"));
}
