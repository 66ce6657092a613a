//! Healthy installs stay quiet, and say which kind they are.

use crate::bed::{bare, look, majors, quiet, script, watch};

#[test]
fn a_healthy_script_install_is_quiet_and_named() {
    for major in majors() {
        let server = script(major);
        let agent = watch(&server, "");
        let checked = quiet(&agent, &format!("{major}"));
        let summary = checked.finding("install")["summary"].as_str().unwrap();
        assert!(summary.starts_with("script install of v0.2.1"), "{major}: {summary}");
        quiet(&agent, &format!("{major}, second run"));
    }
}

#[test]
fn no_pggit_is_an_answer_of_its_own_and_critical_where_it_is_expected() {
    for major in majors() {
        let server = bare(major);
        let checked = look(&watch(&server, ""));
        assert_eq!(checked.finding("install")["reason"], "not-applicable", "{major}: {:#}", checked.json);
        let checked = look(&watch(&server, "expect_install = true"));
        assert_eq!(checked.status_of("install"), "critical", "{major}: {:#}", checked.json);
    }
}
