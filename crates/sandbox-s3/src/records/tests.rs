use super::*;
use std::fs::FileTimes;
use std::time::{Duration, SystemTime};

fn put(root: &Path, key: &str, age_of_record: Duration) -> PathBuf {
    let record = root.join(name_of_record("bucket", key));
    fs::write(&record, format!(r#"{{"e_tag":"tag of {key}"}}"#)).unwrap();
    let times = FileTimes::new().set_modified(SystemTime::now() - age_of_record);
    File::options()
        .write(true)
        .open(&record)
        .unwrap()
        .set_times(times)
        .unwrap();
    record
}

#[test]
fn only_outdated_records_are_removed() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("bucket/deep")).unwrap();
    fs::write(root.path().join("bucket/deep/old"), "x").unwrap();
    fs::write(root.path().join("bucket/new"), "x").unwrap();
    let outdated = put(root.path(), "deep/old", Duration::from_secs(60));
    let lost = put(root.path(), "gone", Duration::ZERO);
    let current = put(root.path(), "new", Duration::ZERO);
    remove_outdated(root.path()).unwrap();
    assert!(!outdated.exists());
    assert!(!lost.exists());
    assert!(current.exists());
    assert_eq!(
        etag(root.path(), "bucket", "new").as_deref(),
        Some("tag of new")
    );
    assert_eq!(etag(root.path(), "bucket", "deep/old"), None);
}
