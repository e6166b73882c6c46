use super::*;

#[test]
fn a_new_name_tells_its_creator() {
    let creator = creator(&new_name()).unwrap();
    assert_eq!(
        creator.as_raw_nonzero().get().unsigned_abs(),
        std::process::id()
    );
    assert!(!has_ended(creator));
}

#[test]
fn a_name_that_was_given_has_no_creator() {
    for name in [
        "migrated",
        "postgres",
        "sandbox_",
        "sandbox_x_1",
        "sandbox_0_1",
    ] {
        assert_eq!(creator(name), None, "{name}");
    }
}

#[test]
fn a_process_that_was_waited_for_has_ended() {
    let mut child = std::process::Command::new("/bin/true").spawn().unwrap();
    child.wait().unwrap();
    let id = i32::try_from(child.id()).unwrap();
    assert!(has_ended(Pid::from_raw(id).unwrap()));
}
