//! The folder of a stack.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// Removes the folder when standard input closes. That happens however this process ends, even by
/// `kill -9`.
const REMOVE_AFTERWARDS: &str = r#"while read -r _; do :; done; rm -rf "$1""#;

pub(crate) enum Folder {
    Kept(PathBuf),
    Temporary(TemporaryFolder),
}

impl Folder {
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Kept(path) => path,
            Self::Temporary(temporary) => temporary.folder.path(),
        }
    }
}

/// A folder that is removed when this is dropped, or soon after the end of the process if it is not
/// dropped.
pub(crate) struct TemporaryFolder {
    folder: TempDir,
    remover: Child,
}

impl TemporaryFolder {
    pub(crate) fn new() -> io::Result<Self> {
        let folder = TempDir::with_prefix("mds-stack-")?;
        let remover = Command::new("/bin/sh")
            .args(["-c", REMOVE_AFTERWARDS, "remove-afterwards"])
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .current_dir("/")
            // A separate process group, so that Ctrl-C at the terminal does not reach it.
            .process_group(0)
            .spawn()?;
        Ok(Self { folder, remover })
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        drop(self.remover.stdin.take());
        // If this fails, the drop of `folder` removes the files.
        let _ = self.remover.wait();
    }
}
