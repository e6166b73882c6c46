//! The Python whose libraries some tests compare this program with.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Finds a Python that has the modules, such as `shapely, tzdata`. Without one the test fails: it
/// must not pass untested.
pub(crate) fn with_modules(modules: &str) -> PathBuf {
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let installed = above.map(|folder| folder.join(".venv/bin/python"));
    let named = std::env::var_os("MDS_PYTHON").map(PathBuf::from);
    let mut candidates = named
        .into_iter()
        .chain(installed)
        .chain([PathBuf::from("python3")]);
    let has_modules = |python: &PathBuf| {
        let import = Command::new(python)
            .args(["-c", &format!("import {modules}")])
            .stderr(Stdio::null())
            .status();
        import.is_ok_and(|status| status.success())
    };
    candidates.find(has_modules).unwrap_or_else(|| {
        panic!("no Python with {modules} was found: run `make setup`, or set MDS_PYTHON")
    })
}
