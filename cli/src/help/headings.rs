//! The headings under which the options of a command stand, and what an option means in one command
//! only.

use clap::Command;

const EVERYWHERE: &str = "Options of every command";
const BLOCKS: &str = "Which hours";
const STEPS: &str = "What is done with them";
const PLACE: &str = "How it runs";

/// The commands that work on blocks, which have most options.
const OF_BLOCKS: [&str; 4] = ["run", "extract", "sync-db", "sync-socrata"];

fn heading(id: &str) -> Option<&'static str> {
    match id {
        "provider" | "time_max" | "time_min" | "interval" | "incomplete_only" | "scheduled"
        | "lag" => Some(BLOCKS),
        "force" | "accept_losses" | "no_extract" | "no_sync_db" | "no_sync_socrata" | "audit"
        | "file" => Some(STEPS),
        "dry_run" | "full" | "yes" | "concurrency" | "on" | "watch" | "name" => Some(PLACE),
        _ => None,
    }
}

/// What an option means in this command, where it differs from the others.
fn meaning(command: &str, id: &str) -> Option<&'static str> {
    match (command, id) {
        ("sync-db" | "sync-socrata", "incomplete_only") => {
            Some("Only blocks that are not published yet.")
        }
        ("extract", "file") => Some(
            "Write the trips of a single block to this file, as the provider sent them. Neither bucket nor database \
             changes. A response that is not MDS is kept as FILE.malformed.",
        ),
        ("sync-db", "file") => Some(
            "Load the trips of a single block from this file instead of the bucket. It has the form of trips.json, as \
             `mds extract --file` writes it.",
        ),
        ("sync-socrata", "file") => Some(
            "Publish the rows of a single block from this file instead of the bucket. It has the form of publish.json, \
             as `mds archive get --object publish --format json` prints it.",
        ),
        _ => None,
    }
}

/// Sorts the options of every command.
pub(super) fn apply(command: Command) -> Command {
    let command = command.mut_args(|arg| {
        if arg.is_global_set() {
            arg.help_heading(EVERYWHERE)
        } else {
            arg
        }
    });
    OF_BLOCKS.into_iter().fold(command, |all, name| {
        all.mut_subcommand(name, |command| {
            command.mut_args(|arg| {
                let id = arg.get_id().as_str().to_owned();
                let arg = match heading(&id) {
                    Some(heading) => arg.help_heading(heading),
                    None => arg,
                };
                match meaning(name, &id) {
                    Some(text) => arg.help(text),
                    None => arg,
                }
            })
        })
    })
}
