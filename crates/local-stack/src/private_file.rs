//! Files that hold keys.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use tempfile::NamedTempFile;

/// Writes a file that only its owner can read, whatever the umask and the mode of a former file.
///
/// The file appears whole, in the place of a former one. A link is refused: what it points to may
/// be somebody else's, or readable by others.
///
/// # Errors
///
/// The path is a link or no file, or the folder cannot be written.
pub fn write_private(path: &Path, content: &str) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if !metadata.is_file() => {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "it is a link or not a file; remove it or choose another path",
            ));
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    // Such a file has mode 0600. Moving it replaces a link that was made meanwhile.
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(content.as_bytes())?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Reads such a file. One that others can read is closed to them.
pub(crate) fn read_private(path: &Path) -> io::Result<String> {
    use std::os::unix::fs::PermissionsExt as _;
    let metadata = fs::symlink_metadata(path)?;
    if !metadata.is_file() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("{} is a link or not a file", path.display()),
        ));
    }
    let content = fs::read_to_string(path)?;
    if metadata.permissions().mode() & OTHERS != 0 {
        fs::set_permissions(path, fs::Permissions::from_mode(OWNER_ONLY))?;
    }
    Ok(content)
}

const OTHERS: u32 = 0o077;
const OWNER_ONLY: u32 = 0o600;

#[cfg(test)]
mod tests;
