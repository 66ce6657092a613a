//! What the documentation tells people to type exists.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

use pgreeve_tests::agent::{Agent, pgreeve, plugins};
use serde_json::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn pages() -> Vec<PathBuf> {
    let mut pages = vec![root().join("README.md"), root().join("agent.toml")];
    for directory in ["docs", "docs/decisions"] {
        pages.extend(std::fs::read_dir(root().join(directory)).unwrap().map(|entry| entry.unwrap().path()));
    }
    pages.retain(|page| page.is_file());
    pages
}

#[test]
fn every_pgreeve_command_in_the_documentation_is_understood() {
    let mut seen = 0;
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        for line in text.lines() {
            let line = line.trim().trim_start_matches(['#', '$', ' ']);
            // Commands stand on lines of their own; in running text they stand in backticks.
            let spans = line.split('`').skip(1).step_by(2).filter(|span| span.starts_with("pgreeve "));
            for command in
                spans.chain([line].into_iter().filter(|line| line.starts_with("pgreeve ") && !line.contains('`')))
            {
                let command = command.split("  ").next().unwrap();
                let words: Vec<&str> =
                    command.split_whitespace().skip(1).take_while(|word| !["|", ">", "…"].contains(word)).collect();
                // Prose that begins with the name is no command.
                if words.first().is_none_or(|word| ["is", "runs"].contains(word)) {
                    continue;
                }
                let output = Command::new(pgreeve()).args(&words).arg("--help").output().unwrap();
                let said = String::from_utf8_lossy(&output.stderr);
                assert!(output.status.success(), "{}: {command}: {said}", page.display());
                seen += 1;
            }
        }
    }
    assert!(seen >= 15, "only {seen} commands found");
}

#[test]
fn every_make_target_in_the_readme_exists() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let mut seen = 0;
    for target in readme.split("make ").skip(1).map(|rest| rest.split([' ', '`', '\n']).next().unwrap()) {
        if target.chars().all(|letter| letter.is_ascii_lowercase()) {
            let known = Command::new("make").args(["-n", target]).current_dir(root()).output().unwrap();
            assert!(known.status.success(), "make {target}: {}", String::from_utf8_lossy(&known.stderr));
            seen += 1;
        }
    }
    assert!(seen >= 3);
}

#[test]
fn every_link_leads_somewhere() {
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        for target in text.split("](").skip(1).map(|rest| rest.split([')', '#']).next().unwrap()) {
            if !target.contains("://") && !target.is_empty() {
                assert!(page.parent().unwrap().join(target).exists(), "{}: {target}", page.display());
            }
        }
    }
}

#[test]
fn the_configuration_in_the_readme_is_valid() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let block = readme.split("```toml").nth(1).unwrap().split("```").next().unwrap();
    let config = block.replace("/usr/local/lib/pgreeve", "PLUGINS");
    let output = Agent::new(&format!("[agent]\nstate_dir = \"STATE\"\n{config}")).run(&["validate"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// The names of all settings in a schema, those of inner tables included.
fn settings(schema: &Value, names: &mut Vec<String>) {
    for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
        names.push(name.clone());
        settings(inner, names);
    }
    schema["$defs"].as_object().into_iter().flatten().for_each(|(_, inner)| settings(inner, names));
}

#[test]
fn every_check_setting_and_action_of_a_plugin_stands_on_its_page() {
    for plugin in ["replication", "cache", "pggit-integrity", "backup"] {
        let component = plugins().join(format!("{plugin}.wasm"));
        let output = Command::new(pgreeve()).args(["plugin", "explain", "--format", "json"]).arg(component).output();
        let told: Value = serde_json::from_slice(&output.unwrap().stdout).unwrap();
        let ids = |key: &str| -> Vec<String> {
            told[key].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
        };
        let mut names = [ids("checks"), ids("actions")].concat();
        settings(&told["settings_schema"], &mut names);
        assert!(names.len() > 20, "{plugin}: {names:?}");
        let page = std::fs::read_to_string(root().join(format!("docs/plugin-{plugin}.md"))).unwrap();
        let words: Vec<&str> =
            page.split(|letter: char| !(letter.is_ascii_alphanumeric() || "_-".contains(letter))).collect();
        names.retain(|name| !words.contains(&name.as_str()));
        assert!(names.is_empty(), "docs/plugin-{plugin}.md does not name {names:?}");
    }
}
