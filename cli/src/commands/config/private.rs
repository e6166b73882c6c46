//! A file for secrets that are edited: only its owner may read it, in a folder of its own, and it
//! is gone when the command ends.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A folder in memory, where the machine has one.
const IN_MEMORY: &str = "/dev/shm";

/// The file. The editor may put its own files next to it; they go with the folder.
pub(super) struct PrivateFile {
    folder: TempDir,
    path: PathBuf,
}

impl PrivateFile {
    /// A file with this name and text. `runtime` is the user's own folder in memory, if there is
    /// one.
    pub(super) fn new(runtime: Option<&Path>, name: &str, text: &[u8]) -> io::Result<Self> {
        let places = runtime.into_iter().chain([Path::new(IN_MEMORY)]);
        let in_memory = places.filter(|place| place.is_dir()).find_map(|place| {
            tempfile::Builder::new()
                .prefix("mds-")
                .tempdir_in(place)
                .ok()
        });
        let folder = match in_memory {
            Some(folder) => folder,
            None => tempfile::Builder::new().prefix("mds-").tempdir()?,
        };
        fs::set_permissions(folder.path(), Permissions::from_mode(0o700))?;
        let path = folder.path().join(name);
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        file.write_all(text)?;
        Ok(Self { folder, path })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn read(&self) -> io::Result<Vec<u8>> {
        fs::read(&self.path)
    }

    /// Removes the folder with all that is in it.
    pub(super) fn remove(self) -> io::Result<()> {
        self.folder.close()
    }
}
