use std::ffi::{OsStr, OsString};

use super::{env, find, inside, quoted};
use crate::failure;

fn words(text: &str) -> Vec<OsString> {
    text.split(' ').map(OsString::from).collect()
}

#[test]
fn the_command_inside_has_neither_the_flag_nor_the_file_of_variables() {
    for line in [
        "mds --env-file a.env --docker-mode run --provider bird",
        "mds run --provider bird --docker-mode --env-file=a.env",
    ] {
        assert_eq!(inside(&words(line)), words("run --provider bird"));
    }
}

#[test]
fn without_an_engine_the_error_says_what_to_install() {
    let empty = tempfile::tempdir().unwrap();
    let error = find(empty.path().as_os_str()).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("install Docker") && text.contains("Podman"),
        "{text}"
    );
    assert_eq!(
        format!("{:?}", failure::exit_code(&error)),
        format!("{:?}", std::process::ExitCode::from(failure::USAGE))
    );
    find(OsStr::new("")).unwrap_err();
}

#[test]
fn the_printed_words_can_be_pasted() {
    assert_eq!(
        quoted("--time-max=2020-01-01-23"),
        "--time-max=2020-01-01-23"
    );
    assert_eq!(quoted("it's"), r"'it'\''s'");
    assert_eq!(quoted(""), "''");
}

#[test]
fn only_files_that_an_engine_accepts_are_passed_on_as_files() {
    for line in ["", "# a comment", "A=1", "A=\"two words\"", "  A="] {
        assert!(env::engine_reads(line), "{line}");
    }
    for line in ["export A=1", "second line of a value\"", "=1"] {
        assert!(!env::engine_reads(line), "{line}");
    }
}
