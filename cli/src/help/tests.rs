use std::ffi::OsString;

use clap::Command;

use super::{command, examples, parse};

/// The words of an example up to a pipe or a redirection. No example has quotes.
fn words(line: &str) -> Vec<OsString> {
    line.split(' ')
        .take_while(|word| !matches!(*word, "|" | ">"))
        .map(OsString::from)
        .collect()
}

#[test]
fn every_example_is_a_valid_command_line() {
    for line in examples::lines() {
        if let Err(error) = parse(words(line)) {
            panic!("{line}: {error}");
        }
    }
}

#[test]
fn every_example_is_of_the_command_under_which_it_stands() {
    for (path, _) in leaves(&command()) {
        for example in examples::of(&path) {
            assert!(
                words(example.line)
                    .windows(path.split(' ').count())
                    .any(|words| {
                        let text: Vec<_> = words.iter().map(|it| it.to_string_lossy()).collect();
                        text.join(" ") == path
                    }),
                "{path}: {}",
                example.line
            );
        }
    }
}

#[test]
fn every_command_has_examples_and_exit_statuses() {
    for (path, command) in leaves(&command()) {
        let below = command.get_after_long_help().unwrap().to_string();
        assert!(
            below.contains("Examples:\n  mds "),
            "{path}: no example in cli/src/help/examples.rs"
        );
        assert!(below.contains("Exit status:\n  0    Done."), "{path}");
    }
}

#[test]
fn no_example_is_of_a_command_that_there_is_not() {
    let leaves = leaves(&command());
    let known = |line: &str| {
        let count = leaves
            .iter()
            .filter(|(path, _)| examples::of(path).iter().any(|it| it.line == line))
            .count();
        count > 0 || examples::of("").iter().any(|it| it.line == line)
    };
    for line in examples::lines() {
        assert!(known(line), "{line}");
    }
}

#[test]
fn options_of_all_commands_have_a_heading_of_their_own() {
    for name in ["run", "status", "audit"] {
        let mut command = command();
        command.build();
        let help = command
            .find_subcommand_mut(name)
            .unwrap()
            .render_long_help()
            .to_string();
        let at = help.find("Options of every command:").unwrap();
        for option in ["--env-file", "--no-logs", "--json", "--docker-mode"] {
            assert!(help.find(option).unwrap() > at, "{name}: {option}");
        }
    }
}

/// The commands that do something, with their names as in `config get`.
fn leaves(root: &Command) -> Vec<(String, Command)> {
    let mut found = Vec::new();
    let mut open = vec![(String::new(), root.clone())];
    while let Some((path, command)) = open.pop() {
        let inner: Vec<_> = command
            .get_subcommands()
            .filter(|it| !it.is_hide_set())
            .cloned()
            .collect();
        if inner.is_empty() || command.get_name() == "sandbox" {
            found.push((path.clone(), command));
        }
        open.extend(inner.into_iter().map(|inner| {
            let path = format!("{path} {}", inner.get_name()).trim().to_owned();
            (path, inner)
        }));
    }
    found
}
