//! `mds completions` and `mds man`: what a shell and `man` need to know, from the same definitions
//! as the help.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Command;
use clap_mangen::Man;
use trips::words::counted;

use crate::args::{CompletionsArgs, ManArgs};
use crate::failure::not_written;
use crate::{help, output};

const PROGRAM: &str = "mds";

pub(crate) fn completions(args: &CompletionsArgs) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut help::command(), PROGRAM, &mut script);
    output::write(Path::new(output::STANDARD), &script)?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn man(args: &ManArgs) -> anyhow::Result<ExitCode> {
    fs::create_dir_all(&args.out).map_err(|error| not_written(&args.out, &error))?;
    let mut command = help::command().disable_help_subcommand(true);
    command.build();
    let pages = write_pages(&command, &args.out)?;
    note!(
        "{}; read one with: man -l {}",
        counted(pages, "page"),
        example(&args.out)
    );
    Ok(ExitCode::SUCCESS)
}

fn example(folder: &Path) -> String {
    folder.join("mds-run.1").display().to_string()
}

/// Writes the page of a command and those of its subcommands. Returns their number.
fn write_pages(command: &Command, folder: &Path) -> anyhow::Result<usize> {
    let name = command.get_display_name().unwrap_or(PROGRAM).to_owned();
    let man = Man::new(command.clone())
        .section("1")
        .manual("mds-etl")
        .source(help::VERSION)
        .date(help::DATE);
    let path = folder.join(format!("{name}.1"));
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    if let Some(text) = command.get_after_long_help() {
        page.extend(sections(&text.to_string()).into_bytes());
    }
    fs::write(&path, page).with_context(|| path.display().to_string())?;
    let mut pages = 1;
    for subcommand in command.get_subcommands().filter(|it| !it.is_hide_set()) {
        pages += write_pages(subcommand, folder)?;
    }
    Ok(pages)
}

/// What stands below the options, as sections whose lines stay as they are.
fn sections(text: &str) -> String {
    let mut page = String::new();
    for part in text.split("\n\n") {
        let lines = match part.split_once(":\n") {
            Some((heading, lines)) => {
                page.push_str(&format!(".SH {}\n", heading.to_uppercase()));
                lines
            }
            None => {
                page.push_str(".SH SEE ALSO\n");
                part
            }
        };
        page.push_str(".nf\n");
        for line in lines.lines() {
            page.push_str(&escaped(line));
            page.push('\n');
        }
        page.push_str(".fi\n");
    }
    page
}

/// A line without what roff would take for a request or an escape. Hyphens are to be copied.
fn escaped(line: &str) -> String {
    let text = line.replace('\\', r"\e").replace('-', r"\-");
    if text.starts_with(['.', '\'']) {
        format!(r"\&{text}")
    } else {
        text
    }
}
