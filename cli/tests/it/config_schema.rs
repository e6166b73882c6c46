//! `mds config schema`, and the options that its keys have.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

fn output(args: &[&str]) -> std::process::Output {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("mds"));
    command.args(args).output().unwrap()
}

#[test]
fn the_schemas_are_printed_without_a_bucket() {
    for name in ["settings", "providers"] {
        let output = output(&["config", "schema", name]);
        assert_eq!(output.status.code(), Some(0));
        let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
        let path = format!(
            "{}/../docs/schemas/{name}.schema.json",
            env!("CARGO_MANIFEST_DIR")
        );
        let published = std::fs::read_to_string(path).unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), published);
        assert_eq!(printed["type"], "object");
    }
    let output = output(&["config", "schema", "setting"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("is `settings` meant?"));
}

#[test]
fn every_key_of_an_entry_is_an_option_and_no_secret_is_read_from_the_command_line() {
    for command in ["add", "edit"] {
        let help = output(&["config", "provider", command, "--help"]).stdout;
        let help = String::from_utf8(help).unwrap();
        let of_keys = help.split("Keys of the entry:").nth(1).unwrap();
        let options: BTreeSet<&str> = of_keys
            .lines()
            .filter_map(|line| line.trim_start().strip_prefix("--")?.split(' ').next())
            .collect();
        for key in config::provider_keys() {
            let name = key.name.replace(['_', '.'], "-");
            let expected = match (key.name, key.is_secret()) {
                ("enabled", _) => vec![],
                (_, true) => vec![format!("{name}-file"), format!("{name}-env")],
                (_, false) => vec![name.clone()],
            };
            for option in &expected {
                assert!(options.contains(option.as_str()), "{option}: {options:?}");
            }
            if key.is_secret() {
                assert!(!options.contains(name.as_str()), "{name}");
            }
        }
    }
}
