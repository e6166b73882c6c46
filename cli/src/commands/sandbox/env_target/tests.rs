use std::fs;

use rstest::rstest;

use super::check;

const OF_A_SANDBOX: &str = "ATD_MDS_BUCKET=mds\nAWS_ENDPOINT_URL=http://127.0.0.1:4000\n";

#[rstest]
#[case::an_earlier_sandbox(OF_A_SANDBOX, true)]
#[case::empty("", true)]
#[case::a_citys_own("ATD_MDS_BUCKET=city\nATD_MDS_FERNET_KEY=key\n", false)]
#[case::other_variables(
    "OTHER=1\nATD_MDS_BUCKET=mds\nAWS_ENDPOINT_URL=http://127.0.0.1:4000\n",
    false
)]
#[case::no_variables("a letter\n", false)]
fn only_the_file_of_a_sandbox_is_overwritten(#[case] text: &str, #[case] may: bool) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sandbox.env");
    fs::write(&file, text).unwrap();
    assert_eq!(check(&file).is_ok(), may);
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
}

#[test]
fn a_new_file_may_be_written_and_a_folder_may_not() {
    let folder = tempfile::tempdir().unwrap();
    check(&folder.path().join("new.env")).unwrap();
    let error = check(folder.path()).unwrap_err();
    assert!(error.to_string().contains("is a folder"), "{error}");
}
