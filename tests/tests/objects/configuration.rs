//! `[objects.NAME]`: what is refused, with the line to write.

use pgreeve_tests::agent::Agent;

const KEYS: &str = "access_key_env = \"HOME\"\nsecret_key_env = \"HOME\"\n";

/// What `validate` says of such a table.
fn said(lines: &str) -> (bool, String) {
    let agent = Agent::new(&format!(
        "[agent]\nstate_dir = \"STATE\"\n[objects.off]\n{lines}\n[plugin.r]\npath = \"PLUGINS/reaches.wasm\"\n[job.j]\nplugin = \"r\"\n\
         schedule = \"@daily\"\ngrant = {{ objects = [\"off\"] }}\nsettings = {{ calls = [] }}\n"
    ));
    let output = agent.run(&["validate"]);
    (output.status.success(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

#[test]
fn a_table_is_taken_or_refused_with_the_reason() {
    let url = "url = \"s3://backups/db1\"\n";
    let https = "endpoint = \"https://s3.example\"\n";
    for (lines, says) in [
        (format!("{url}{https}{KEYS}"), ""),
        (
            format!(
                "{url}{https}{KEYS}write = true\nregion = \"eu-central-1\"\npart = \"64MiB\"\nmax_upload = \"1GiB\"\n"
            ),
            "",
        ),
        (format!("{url}endpoint = \"http://127.0.0.1:9000\"\nallow_http = true\n{KEYS}"), ""),
        (format!("{url}endpoint = \"http://127.0.0.1:9000\"\n{KEYS}"), "plain http"),
        (format!("{url}endpoint = \"http://169.254.169.254\"\nallow_http = true\n{KEYS}"), "metadata address"),
        (format!("{url}endpoint = \"https://[fd00:ec2::254]\"\n{KEYS}"), "metadata address"),
        (format!("{url}endpoint = \"https://key:secret@s3.example\"\n{KEYS}"), "no user and no password"),
        (format!("{url}endpoint = \"https://s3.example/backups\"\n{KEYS}"), "more than scheme, host and port"),
        (format!("{url}{KEYS}"), "endpoint"),
        (format!("{https}{KEYS}"), "url"),
        (format!("url = \"https://backups\"\n{https}{KEYS}"), "does not begin with s3://"),
        (format!("url = \"s3://Backups\"\n{https}{KEYS}"), "is no bucket"),
        (format!("url = \"s3://backups/../x\"\n{https}{KEYS}"), "prefix"),
        (format!("url = \"s3://backups//x\"\n{https}{KEYS}"), "prefix"),
        (format!("{url}{https}"), "where its access key and its secret key stand"),
        (format!("{url}{https}access_key_env = \"HOME\"\n"), "where its access key and its secret key stand"),
        (format!("{url}{https}{KEYS}secret_key = \"abc\"\n"), "secret_key"),
        (format!("{url}{https}{KEYS}part = \"1MiB\"\n"), "5MiB to 1GiB"),
        (format!("{url}{https}{KEYS}region = \"eu central\"\n"), "region"),
    ] {
        let (good, said) = said(&lines);
        assert!(good == says.is_empty() && said.contains(says), "{lines}{says:?}: {said}");
        assert!(!said.contains("abc"), "{said}");
    }
}
