use std::os::unix::fs::symlink;

use super::*;

#[test]
fn a_file_that_is_written_again_keeps_its_permissions_and_the_link_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let (page, link) = (folder.path().join("page"), folder.path().join("link"));
    write(&page, b"first").unwrap();
    let mode = |file: &Path| fs::metadata(file).unwrap().permissions().mode() & 0o777;
    fs::set_permissions(&page, Permissions::from_mode(0o640)).unwrap();
    symlink(&page, &link).unwrap();
    write(&link, b"second").unwrap();
    assert_eq!(fs::read(&page).unwrap(), b"second");
    assert_eq!(mode(&page), 0o640);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn a_new_file_is_one_that_others_may_read() {
    let folder = tempfile::tempdir().unwrap();
    let (usual, page) = (folder.path().join("usual"), folder.path().join("page"));
    fs::write(&usual, b"").unwrap();
    write(&page, b"page").unwrap();
    let mode = |file: &Path| fs::metadata(file).unwrap().permissions().mode();
    assert_eq!(mode(&page), mode(&usual));
}

#[test]
fn what_is_no_file_is_written_in_place() {
    write(Path::new("/dev/null"), b"page").unwrap();
    assert!(write(Path::new("/dev/full"), b"page").is_err());
}
