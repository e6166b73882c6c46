//! Commands and options, as `--help` lists them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::page::{section, table};

type Commands = BTreeMap<String, Vec<String>>;

const HELP: &str = "--help";
const OPTION_INDENT: usize = 6;
/// Options for each key of a provider's entry, which the page of the providers lists.
const KEYS: &str = "Keys of the entry:";

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

#[test]
fn the_help_lists_the_variables_of_the_contract_that_the_command_line_reads() {
    let page = section("Environment variables");
    let parts = page.last_table();
    let mut written = page.table("variable").names("variable");
    for (names, readers) in parts
        .names_by_row("variable")
        .into_iter()
        .zip(parts.cells("read by"))
    {
        if readers.contains("`mds") || readers.contains("sandbox") {
            written.extend(names);
        }
    }
    let help = mds(&["--help"]);
    let below = help.split("Environment variables:\n").nth(1).unwrap();
    let listed = below.lines().take_while(|line| !line.is_empty());
    let listed = listed.map(|line| line.trim().split(' ').next().unwrap().to_owned());
    assert_eq!(sorted(listed.collect()), sorted(written));
}

#[test]
fn the_help_has_the_exit_statuses_of_the_contract() {
    let written = section("The command line").last_table();
    let help = mds(&["--help"]);
    let below = help.split("Exit status:\n").nth(1).unwrap();
    let part = below.split("\n\n").next().unwrap();
    for status in written.cells("exit status") {
        assert!(part.contains(&format!(" {status} ")), "{status}: {part}");
    }
}

fn sorted(mut options: Vec<String>) -> Vec<String> {
    options.sort();
    options
}

/// An hour that is requested before its provider's lag looks empty or is partial, and once it is
/// published no run requests it again.
#[test]
fn no_sweep_of_the_documents_requests_hours_before_their_lag() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut pages: Vec<PathBuf> = ["README.md", "infra/README.md", "infra/airflow/README.md"]
        .map(|page| root.join(page))
        .into();
    pages.push(root.join("cli/src/help/examples.rs"));
    let docs = fs::read_dir(root.join("docs")).unwrap();
    pages.extend(docs.map(|entry| entry.unwrap().path()));
    let mut sweeps = 0;
    for page in pages.iter().filter(|page| page.is_file()) {
        for line in fs::read_to_string(page).unwrap().lines() {
            let has = |words: &[&str]| words.iter().all(|word| line.contains(word));
            if has(&["--incomplete-only", "--interval "])
                || has(&["\"incomplete_only", "\"interval"])
            {
                sweeps += 1;
                let ends_at_the_lag = has(&["--scheduled"]) || has(&["scheduled_time"]);
                assert!(ends_at_the_lag, "{}: {line}", page.display());
            }
        }
    }
    assert!(sweeps >= 8, "{sweeps}");
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
    let mut arguments: Vec<&str> = command.iter().map(String::as_str).collect();
    arguments.push(HELP);
    let text = mds(&arguments);
    let mut heading = "";
    let (mut options, mut subcommands) = (Vec::new(), Vec::new());
    for line in text.lines().take_while(|line| *line != "Examples:") {
        let words = line.trim_start();
        if line.is_empty() {
            continue;
        }
        if !line.starts_with(' ') {
            heading = line;
        } else if heading != KEYS
            && words.starts_with('-')
            && line.len() - words.len() <= OPTION_INDENT
        {
            // Options stand under several headings; their descriptions are further in.
            let option = words.split([' ', ',']).find(|word| word.starts_with("--"));
            options.extend(option.map(str::to_owned));
        } else if heading == "Commands:" && line.starts_with("  ") && !line.starts_with("   ") {
            subcommands.extend(words.split(' ').next().map(str::to_owned));
        }
    }
    let is_root = command.is_empty();
    options.retain(|option| option != HELP && !(is_root && option == "--version"));
    subcommands.retain(|name| name != "help");
    (sorted(options), subcommands)
}

fn mds(arguments: &[&str]) -> String {
    let output = Command::new(assert_cmd::cargo::cargo_bin!("mds"))
        .args(arguments)
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}
