use super::*;
use std::fs;

fn install(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("initdb"), "").unwrap();
    fs::write(folder.join("postgres"), "").unwrap();
}

#[test]
fn the_highest_version_wins_by_number_and_only_if_whole() {
    let root = tempfile::tempdir().unwrap();
    install(&root.path().join("9/bin"));
    install(&root.path().join("15/bin"));
    fs::create_dir_all(root.path().join("17/bin")).unwrap();
    fs::create_dir_all(root.path().join("common/bin")).unwrap();
    assert_eq!(
        newest_system_folder(root.path()),
        Some(root.path().join("15/bin"))
    );
}

#[test]
fn the_wheel_is_found_under_any_python() {
    let venv = tempfile::tempdir().unwrap();
    let bin = venv
        .path()
        .join("lib/python3.12/site-packages")
        .join(INSIDE_SITE_PACKAGES);
    assert_eq!(wheel_folder(venv.path()), None);
    install(&bin);
    assert_eq!(wheel_folder(venv.path()), Some(bin));
}
