//! The exit statuses, command by command.

/// What exit status 1 means. Everywhere it can also mean that a service could not be reached.
fn failed(path: &str) -> &'static str {
    match path {
        "run" => "A block failed, or an audit left rows that no run mends.",
        "extract" | "sync-db" | "sync-socrata" => "A block failed.",
        "audit" => "The portal differs from the database.",
        "probe" => "The feed would lose or spoil trips, or could not be reached.",
        "status" => "An hour needs a person.",
        "config diff" => "They differ.",
        "config check" => "A stored file is wrong or missing.",
        "migrate" => "With `--dry-run`: something is in the way.",
        "report trips" => {
            "A provider's name is none that a provider can have, so its hours are left out."
        }
        "init" => "The probe found harm, or could not reach the provider.",
        "doctor" => "Something is missing or wrong.",
        "config rotate-key" => "An object could not be encrypted again, or is not encrypted.",
        "demo" => "The demo did not end with every hour published.",
        "completions" | "man" => "The output could not be written.",
        _ => "Something outside failed: the bucket, the database or another service.",
    }
}

/// The statuses of a command, one on each line.
pub(super) fn text(path: &str) -> String {
    let failed = if path.is_empty() {
        "A block failed, a check found something, or a service could not be reached."
    } else {
        failed(path)
    };
    format!(
        "Exit status:\n  \
         0    Done.\n  \
         1    {failed}\n  \
         2    Wrong usage or configuration, or nothing that was asked for exists.\n  \
         130  Stopped by Ctrl-C (SIGINT); 143 by SIGTERM."
    )
}
