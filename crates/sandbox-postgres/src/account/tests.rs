use super::*;

#[test]
fn reads_the_list_of_accounts() {
    let accounts = "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65533:nobody:/:/sbin/nologin\n";
    assert_eq!(
        find(accounts, "nobody"),
        Some(Account {
            uid: 65534,
            gid: 65533
        })
    );
    assert_eq!(find(accounts, "postgres"), None);
}

#[test]
fn a_closed_folder_above_is_named() {
    let root = tempfile::tempdir().unwrap();
    let closed = root.path().join("closed");
    fs::create_dir_all(closed.join("data")).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    let error = check_reachable(&closed.join("data/deep")).unwrap_err();
    assert!(error.to_string().contains("closed"), "{error}");
}
