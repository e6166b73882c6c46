//! Examples of every command, for its long help and its man page. A test parses each of them.

/// A command line and what it does.
pub(super) struct Example {
    pub(super) command: &'static str,
    pub(super) line: &'static str,
    pub(super) meaning: &'static str,
}

const fn example(command: &'static str, line: &'static str, meaning: &'static str) -> Example {
    Example {
        command,
        line,
        meaning,
    }
}

/// The examples of a command, which is named as `config get`.
pub(super) fn of(command: &str) -> Vec<&'static Example> {
    EXAMPLES
        .iter()
        .filter(|example| example.command == command)
        .collect()
}

#[rustfmt::skip]
const EXAMPLES: &[Example] = &[
    example("", "mds demo",
        "Shows the whole job on this machine, without an account."),
    example("", "mds --env-file city.env run --provider all --interval 24",
        "The last 24 hours of every provider, with the environment of a file."),
    example("", "mds --env-file city.env --docker-mode run --provider all --interval 24",
        "The same in a container."),
    example("run", "mds run --provider bird --time-max 2020-01-01-23",
        "The block bird 2020-01-01-23: the hour from 22:00 to 23:00."),
    example("run", "mds run --provider all --time-min 2020-03-01-00 --time-max 2020-04-01-00 --dry-run",
        "What a backfill of a month would do."),
    example("run", "mds run --provider all --interval 840 --incomplete-only",
        "A sweep over the last 35 days."),
    example("run", "mds run --provider all --scheduled",
        "The hours that lie behind each provider's lag now; for cron, once an hour."),
    example("run", "mds run --provider bird,lime --time-max 2020-01-01-23 --no-extract --force",
        "Loads and publishes the archived hour of two providers again."),
    example("run", "mds run --provider all --interval 720 --incomplete-only --on aws --watch",
        "The same by the state machine, until it ends."),
    example("extract", "mds extract --provider bird --time-max 2020-01-01-23",
        "Archives one hour."),
    example("extract", "mds extract --provider bird --time-max 2020-01-01-23 --file trips.json",
        "Writes the hour's trips to a file, and nothing anywhere else."),
    example("sync-db", "mds sync-db --provider bird --time-min 2020-01-01-00 --time-max 2020-01-02-00",
        "Loads the archived hours of a day."),
    example("sync-db", "mds sync-db --provider bird --time-max 2020-01-01-23 --file trips.json",
        "Loads one hour from a file."),
    example("sync-socrata", "mds sync-socrata --provider bird --time-min 2020-01-01-00 --time-max 2020-01-02-00",
        "Publishes the loaded hours of a day."),
    example("sync-socrata", "mds sync-socrata --provider bird --time-max 2020-01-01-23 --force",
        "Makes the rows of one hour again and publishes them."),
    example("schedule forget", "mds schedule forget --provider bird --time-min 2016-01-01-00 --time-max 2019-01-01-00 --dry-run",
        "How many hours were planned there by mistake."),
    example("audit", "mds audit --month 2020-03",
        "Does the portal have what the database has?"),
    example("audit", "mds audit --month 2020-03 --rows --repair",
        "Compares every row, mends what differs, and compares again."),
    example("probe", "mds probe --provider bird",
        "Looks at the hours that a schedule would request now."),
    example("probe", "mds --json probe --provider bird --time-max 2020-01-15-18",
        "Looks at an hour of one's choice; one JSON document."),
    example("status", "mds status",
        "The last 35 days of every enabled provider."),
    example("status", "mds status --provider bird --since 2020-01-01 --html status.html",
        "One provider since a day, also as a page for a browser."),
    example("report trips", "mds report trips --month 2020-03",
        "The trips of a month by provider, before and after the filters."),
    example("report trips", "mds report trips --month 2020-03 --min-miles 0.2 --csv trips.csv",
        "With another filter, for a spreadsheet."),
    example("report privacy", "mds report privacy --month 2020-03",
        "How many published rows are alone with their places and times."),
    example("archive get", "mds archive get --provider bird --time-max 2020-01-01-23 | head -1",
        "The first trip of an hour, as the provider sent it."),
    example("archive get", "mds archive get --provider bird --time-max 2020-01-01-23 --format geojson --file routes.json",
        "The routes of the hour, for a map."),
    example("archive list", "mds archive list --provider bird --time-max 2020-01-01-23",
        "The objects of an hour, with sizes and times."),
    example("config get", "mds config get providers",
        "The providers file, with its secrets hidden."),
    example("config get", "mds config get settings --reveal > settings.json",
        "The settings as they are stored, with their secrets."),
    example("config put", "mds config put providers providers.json",
        "Checks the file, then stores it encrypted."),
    example("config put", "mds config put boundaries/cell.json cell.json --plain-text",
        "Stores a layer of boundaries, which is no secret."),
    example("config list", "mds config list --production",
        "The files of the stage production."),
    example("config check", "mds config check",
        "Checks what is stored, and the boundaries that it names."),
    example("config rotate-key", "mds config rotate-key",
        "Encrypts every object with the first key, and says whether the older ones may go."),
    example("config rotate-key", "mds config rotate-key --prefix staging/ --purge-versions",
        "Only the archives of a stage; then deletes their older versions."),
    example("migrate", "mds migrate --dry-run",
        "Which migrations are missing."),
    example("migrate", "mds migrate --timestamps-in US/Central --dry-run",
        "What would be done with the tables of an older tool."),
    example("migrate", "mds migrate",
        "Creates or updates the tables."),
    example("sandbox", "mds sandbox --write-env sandbox.env",
        "Everything on loopback; then, elsewhere: mds --env-file sandbox.env run --provider all --interval 24"),
    example("sandbox", "mds sandbox --folder city --keep-versions",
        "With data that are kept, and a versioned bucket."),
    example("sandbox provider", "mds sandbox provider --mds-version 2.0 --odd ignores-hour",
        "One provider with a quirk, to probe it."),
    example("demo", "mds demo",
        "Two days of two providers, with failures and their repair."),
    example("demo", "mds demo --folder /tmp/demo",
        "With another folder for the data."),
    example("completions", "mds completions bash > /etc/bash_completion.d/mds",
        "For every user of this machine."),
    example("completions", "mds completions zsh > ~/.zfunc/_mds",
        "For one user, with ~/.zfunc in fpath."),
    example("completions", "mds completions fish > ~/.config/fish/completions/mds.fish",
        "For one user."),
    example("man", "mds man --out /usr/local/share/man/man1",
        "Then `man mds` and `man mds-run` work."),
];

/// Every example's command line.
#[cfg(test)]
pub(super) fn lines() -> impl Iterator<Item = &'static str> {
    EXAMPLES.iter().map(|example| example.line)
}
