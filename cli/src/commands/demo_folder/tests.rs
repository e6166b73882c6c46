//! What a demo deletes, and what it leaves.

use std::os::unix::fs::symlink;

use rstest::rstest;

use super::*;

fn folder_of_a_demo() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    prepare(folder.path()).unwrap();
    for made in [
        "postgres/base",
        "s3/mds/staging/bird",
        "s3/mds/config",
        "starts",
    ] {
        fs::create_dir_all(folder.path().join(made)).unwrap();
    }
    for made in [
        "portal.jsonl",
        "fernet.key",
        "s3/.bucket-x.object-y.internal.json",
    ] {
        fs::write(folder.path().join(made), "x").unwrap();
    }
    folder
}

#[test]
fn what_a_demo_left_is_deleted() {
    let folder = folder_of_a_demo();
    prepare(folder.path()).unwrap();
    assert_eq!(names(folder.path()).unwrap(), [MARKER]);
}

#[test]
fn a_new_folder_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("a/b");
    prepare(&inner).unwrap();
    assert_eq!(names(&inner).unwrap(), [MARKER]);
}

#[rstest]
#[case("notes.txt")]
#[case("s3/notes.txt")]
#[case("s3/other/object")]
#[case("s3/mds/notes.txt")]
fn a_foreign_file_stops_the_demo_before_it_deletes_anything(#[case] name: &str) {
    let folder = folder_of_a_demo();
    let foreign = folder.path().join(name);
    fs::create_dir_all(foreign.parent().unwrap()).unwrap();
    fs::write(&foreign, "mine").unwrap();
    let error = prepare(folder.path()).unwrap_err().to_string();
    assert!(error.contains("which is not from a demo"), "{error}");
    assert_eq!(fs::read_to_string(&foreign).unwrap(), "mine");
    assert!(folder.path().join("fernet.key").exists());
}

#[test]
fn names_of_a_demo_alone_do_not_make_it_one() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("s3/mds/staging")).unwrap();
    fs::write(folder.path().join("fernet.key"), "mine").unwrap();
    prepare(folder.path()).unwrap_err();
    assert_eq!(names(folder.path()).unwrap(), ["fernet.key", "s3"]);
}

#[test]
fn a_link_is_deleted_and_not_what_it_points_to() {
    let (folder, elsewhere) = (folder_of_a_demo(), tempfile::tempdir().unwrap());
    fs::write(elsewhere.path().join("kept"), "mine").unwrap();
    fs::remove_dir_all(folder.path().join("postgres")).unwrap();
    symlink(elsewhere.path(), folder.path().join("postgres")).unwrap();
    prepare(folder.path()).unwrap();
    assert!(elsewhere.path().join("kept").exists());
}

#[test]
fn a_file_is_no_folder_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("afile");
    fs::write(&file, "mine").unwrap();
    let error = prepare(&file).unwrap_err().to_string();
    assert!(error.contains("afile is a file"), "{error}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
}
