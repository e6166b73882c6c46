//! Modes and links of files that hold keys.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn only_the_owner_can_read_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sandbox.env");
    write_private(&path, "A=1\n").unwrap();
    assert_eq!(mode(&path), 0o600);

    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    write_private(&path, "A=2\n").unwrap();
    assert_eq!(mode(&path), 0o600);
    assert_eq!(fs::read_to_string(&path).unwrap(), "A=2\n");

    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(read_private(&path).unwrap(), "A=2\n");
    assert_eq!(mode(&path), 0o600);
}

#[test]
fn a_link_is_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let (target, link) = (folder.path().join("target"), folder.path().join("link"));
    fs::write(&target, "theirs").unwrap();
    symlink(&target, &link).unwrap();
    write_private(&link, "ours").unwrap_err();
    read_private(&link).unwrap_err();
    symlink(
        folder.path().join("nowhere"),
        folder.path().join("dangling"),
    )
    .unwrap();
    write_private(&folder.path().join("dangling"), "ours").unwrap_err();
    assert_eq!(fs::read_to_string(&target).unwrap(), "theirs");
    assert!(!folder.path().join("nowhere").exists());
}

#[test]
fn a_missing_file_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let error = read_private(&folder.path().join("none")).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
}
