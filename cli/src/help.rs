//! The command line with its long help: headings of options, examples, exit statuses and
//! environment variables. The options themselves are defined in [`crate::args`].

mod environment;
mod examples;
mod headings;
mod status;

use std::ffi::OsString;

use clap::{Arg, ArgMatches, Command, CommandFactory as _, FromArgMatches as _};

pub(crate) use self::environment::names as variables;
use self::examples::Example;
use crate::args::Cli;

/// The version, with the commit and its date.
pub(crate) const VERSION: &str = env!("BUILD_VERSION");
/// The date of the commit.
pub(crate) const DATE: &str = env!("BUILD_DATE");

/// What a terminal and a pipe get.
const LOGS: &str = "\
Output:
  Data go to standard output; log lines, progress and errors to standard error. A terminal gets
  progress and the log lines from `warn` on; a pipe or a file gets one line of text for each event
  from `info` on. MDS_LOG sets another level, --no-logs leaves the log lines out, and NO_COLOR
  leaves out the colours.";

/// The command line with everything that `--help` shows.
pub(crate) fn command() -> Command {
    let command = Cli::command().version(VERSION);
    with_help(with_negative_numbers(headings::apply(command)), &[])
}

/// Lets every option see a value such as -1, so that its own parser says what is wrong with it:
/// clap alone takes it for an option that does not exist.
fn with_negative_numbers(command: Command) -> Command {
    let takes_value = |arg: &Arg| arg.get_action().takes_values() && !arg.is_positional();
    command
        .mut_args(|arg| {
            let is_value = takes_value(&arg);
            arg.allow_negative_numbers(is_value)
        })
        .mut_subcommands(with_negative_numbers)
}

/// Parses a command line. Also returns what clap matched, for those who need the options as such.
pub(crate) fn parse(
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<(Cli, ArgMatches), clap::Error> {
    let mut command = command();
    let matches = command.try_get_matches_from_mut(arguments)?;
    let cli = Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))?;
    Ok((cli, matches))
}

/// Adds what stands below the options, for a command and those inside of it.
fn with_help(command: Command, parents: &[&str]) -> Command {
    let name = command.get_name().to_owned();
    let path: Vec<&str> = parents.iter().copied().chain([name.as_str()]).collect();
    let inner: Vec<String> = command
        .get_subcommands()
        .map(|inner| inner.get_name().to_owned())
        .collect();
    let text = below(&path[1..].join(" "), parents.is_empty());
    inner
        .iter()
        .fold(command.after_long_help(text), |all, one| {
            all.mut_subcommand(one, |inner| with_help(inner, &path))
        })
}

fn below(path: &str, is_root: bool) -> String {
    let mut parts: Vec<String> = examples_of(path).into_iter().collect();
    parts.push(status::text(path));
    if is_root {
        parts.push(environment::text());
        parts.push(LOGS.to_owned());
    } else {
        parts.push(
            "`mds --help` lists the environment variables, and says what a terminal and a pipe get."
                .to_owned(),
        );
    }
    parts.join("\n\n")
}

fn examples_of(path: &str) -> Option<String> {
    let found = examples::of(path);
    let lines = |example: &&Example| format!("  {}\n      {}", example.line, example.meaning);
    let text: Vec<String> = found.iter().map(lines).collect();
    (!text.is_empty()).then(|| format!("Examples:\n{}", text.join("\n")))
}

#[cfg(test)]
mod tests;
