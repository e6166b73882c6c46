//! Commands and options, as `--help` lists them.

use std::collections::BTreeMap;
use std::process::Command;

use super::page::table;

type Commands = BTreeMap<String, Vec<String>>;

const HELP: &str = "--help";

#[test]
fn the_command_line_has_the_commands_and_options_of_the_contract() {
    let page = table("The command line", "command");
    let written: Commands = page
        .names("command")
        .into_iter()
        .zip(page.names_by_row("options").into_iter().map(sorted))
        .collect();
    let commands = commands();
    for (command, options) in &written {
        assert_eq!(
            Some(options),
            commands.get(command),
            "docs/CONTRACT.md, \"The command line\": {command}"
        );
    }
    assert_eq!(
        written.keys().collect::<Vec<_>>(),
        commands.keys().collect::<Vec<_>>()
    );
}

fn sorted(mut options: Vec<String>) -> Vec<String> {
    options.sort();
    options
}

/// Every command that can be given by itself, with its own options; those of `mds` go with all.
fn commands() -> Commands {
    let mut found = Commands::new();
    let (everywhere, subcommands) = help(&[]);
    let mut open: Vec<Vec<String>> = subcommands.into_iter().map(|name| vec![name]).collect();
    while let Some(command) = open.pop() {
        let (mut options, subcommands) = help(&command);
        options.retain(|option| !everywhere.contains(option));
        if subcommands.is_empty() || !options.is_empty() {
            found.insert(format!("mds {}", command.join(" ")), options);
        }
        open.extend(
            subcommands
                .into_iter()
                .map(|name| [command.clone(), vec![name]].concat()),
        );
    }
    found.insert("mds".to_owned(), everywhere);
    found
}

/// The options and subcommands that a command's help lists.
fn help(command: &[String]) -> (Vec<String>, Vec<String>) {
    let output = Command::new(assert_cmd::cargo::cargo_bin!("mds"))
        .args(command)
        .arg(HELP)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut heading = "";
    let (mut options, mut subcommands) = (Vec::new(), Vec::new());
    for line in text.lines() {
        let words = line.trim_start();
        if line.is_empty() {
            continue;
        }
        if !line.starts_with(' ') {
            heading = line;
        } else if heading == "Options:" {
            let option = words.split([' ', ',']).find(|word| word.starts_with("--"));
            let is_entry = words.starts_with('-');
            options.extend(option.filter(|_| is_entry).map(str::to_owned));
        } else if heading == "Commands:" && line.starts_with("  ") && !line.starts_with("   ") {
            subcommands.extend(words.split(' ').next().map(str::to_owned));
        }
    }
    let is_root = command.is_empty();
    options.retain(|option| option != HELP && !(is_root && option == "--version"));
    subcommands.retain(|name| name != "help");
    (sorted(options), subcommands)
}
