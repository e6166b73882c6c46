//! The account of the server. Postgres refuses to run as root.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;

use super::PostgresError;

/// Accounts to run as instead of root, in order of preference.
const UNPRIVILEGED: [&str; 2] = ["postgres", "nobody"];

/// An unprivileged account of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) uid: u32,
    pub(super) gid: u32,
}

impl Account {
    /// The account for a server on `folder`, or `None` if this process does not run as root. A
    /// folder with data keeps its owner.
    pub(super) fn to_run_as(folder: &Path) -> Result<Option<Self>, PostgresError> {
        if !is_root().map_err(|source| PostgresError::folder(folder, source))? {
            return Ok(None);
        }
        if let Some(owner) = owner_of_data(folder) {
            return Ok(Some(owner));
        }
        let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
        UNPRIVILEGED
            .iter()
            .find_map(|name| find(&accounts, name))
            .map(Some)
            .ok_or(PostgresError::NoUnprivilegedAccount)
    }

    /// Makes this account the owner of `path`.
    pub(super) fn take_over(self, path: &Path) -> Result<(), PostgresError> {
        chown(path, Some(self.uid), Some(self.gid))
            .map_err(|source| PostgresError::folder(path, source))
    }
}

/// Refuses a path in a folder that other accounts cannot enter, such as root's home. The server
/// would fail there with a message that does not name the cause.
pub(super) fn check_reachable(path: &Path) -> Result<(), PostgresError> {
    let closed = path.ancestors().skip(1).find(|folder| {
        fs::metadata(folder).is_ok_and(|metadata| metadata.permissions().mode() & 0o001 == 0)
    });
    match closed {
        None => Ok(()),
        Some(folder) => Err(PostgresError::Unreachable {
            path: path.to_owned(),
            closed: folder.to_owned(),
        }),
    }
}

/// Whether this process runs as root. A new file has the owner of the process, so no call of the C
/// library is needed.
fn is_root() -> io::Result<bool> {
    Ok(tempfile::tempfile()?.metadata()?.uid() == 0)
}

fn owner_of_data(folder: &Path) -> Option<Account> {
    let metadata = fs::metadata(folder.join(super::DATA).join("PG_VERSION")).ok()?;
    (metadata.uid() != 0).then(|| Account {
        uid: metadata.uid(),
        gid: metadata.gid(),
    })
}

fn find(accounts: &str, name: &str) -> Option<Account> {
    let fields = accounts
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>());
    let line = fields
        .into_iter()
        .find(|fields| fields.first() == Some(&name))?;
    Some(Account {
        uid: line.get(2)?.parse().ok()?,
        gid: line.get(3)?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests;
