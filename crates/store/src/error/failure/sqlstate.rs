//! What the codes of the server mean, in words, and what somebody can do about them.

/// The login lacks a right.
pub(super) const LACKS_RIGHT: &str = "42501";

/// The first two characters of a code.
pub(super) fn class(sqlstate: &str) -> &str {
    sqlstate.get(..2).unwrap_or(sqlstate)
}

pub(super) fn describe(sqlstate: &str) -> &'static str {
    match sqlstate {
        "40P01" => "deadlock detected",
        "40001" => "could not serialize access",
        "53100" => "the server's disk is full",
        "53200" => "the server is out of memory",
        "53300" => "too many connections",
        "53400" => "the server has reached a limit of its own, such as temp_file_limit",
        "55P03" => "a lock was not available in time",
        "57014" => "the statement was cancelled or took too long",
        "57P01" | "57P02" | "57P03" => "the server is shutting down or starting up",
        "57P04" => "somebody has dropped the database",
        "57P05" => "the session idled for too long",
        "25006" => "the server is read-only, as during a failover or while its disk is full",
        "25P03" => "the session idled in a transaction for too long",
        LACKS_RIGHT => "permission denied",
        "42P01" => "a table does not exist",
        "42703" => "a column does not exist",
        "42883" => "a function does not exist",
        "42704" => "a type or another object does not exist",
        "23502" => "a value is missing",
        "23503" => "a referenced row does not exist",
        "23505" => "a key exists already",
        "23514" => "a check is violated",
        _ => match class(sqlstate) {
            "08" => "the connection failed",
            "22" => "a value does not fit",
            "23" => "a constraint is violated",
            "28" => "user or password not accepted",
            "3D" => "the database does not exist",
            "3F" => "the schema does not exist",
            "42" => "the statement is not accepted",
            "53" => "the server is out of resources",
            "58" => "the server's system failed",
            "72" => "the rows are too old to be read",
            _ => "the server reports an error",
        },
    }
}

/// What somebody can do about the server, where the code tells.
pub(super) fn way_out(sqlstate: &str) -> Option<&'static str> {
    match (sqlstate, class(sqlstate)) {
        ("53100", _) => Some(
            "enlarge the disk, then the next run does what is left (docs/RUNBOOK.md, \"The database is full, away or \
             read-only\")",
        ),
        ("53200", _) => Some("give the server more memory, or run fewer blocks at once"),
        ("53300", _) => Some("run fewer blocks at once, or raise the server's max_connections"),
        ("53400", _) => Some("raise the limit that the server's log names"),
        (_, "53" | "58" | "XX") => Some("look at the server's log and disk"),
        _ => None,
    }
}
