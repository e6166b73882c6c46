//! The account that the server runs as: Postgres refuses to run as root.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;

use super::PostgresError;

/// Accounts to run as in place of root, the best first.
const UNPRIVILEGED: [&str; 2] = ["postgres", "nobody"];

/// An unprivileged account of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) uid: u32,
    pub(super) gid: u32,
}

impl Account {
    /// The account to change to before the server starts on `folder`, or none where this process is
    /// not root. A folder that holds data keeps the owner that it has.
    pub(super) fn to_drop_to(folder: &Path) -> Result<Option<Self>, PostgresError> {
        if !running_as_root().map_err(|source| PostgresError::folder(folder, source))? {
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

    /// Gives `folder` to this account.
    pub(super) fn own(self, folder: &Path) -> Result<(), PostgresError> {
        chown(folder, Some(self.uid), Some(self.gid))
            .map_err(|source| PostgresError::folder(folder, source))
    }
}

/// Refuses a path that lies in a folder which other accounts may not pass through, such as root's
/// home: the server would fail there with a message that does not say so.
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

/// A new file belongs to the account that made it, which needs no call of the C library.
fn running_as_root() -> io::Result<bool> {
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
