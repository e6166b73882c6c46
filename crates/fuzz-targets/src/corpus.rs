//! The seeds of a target: the files of `fuzz/seeds/NAME`, in the order of their names.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A seed, and the name of its file.
pub struct Seed {
    /// The name of its file.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// The folder with the seeds of this target.
#[must_use]
pub fn folder(target: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.join("fuzz/seeds").join(target)
}

/// Reads the seeds of a target.
///
/// # Errors
///
/// The folder or one of its files cannot be read.
pub fn seeds(target: &str) -> io::Result<Vec<Seed>> {
    let mut seeds = Vec::new();
    for entry in fs::read_dir(folder(target))? {
        let path = entry?.path();
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        seeds.push(Seed {
            name: name.unwrap_or_default(),
            bytes: fs::read(&path)?,
        });
    }
    seeds.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(seeds)
}
