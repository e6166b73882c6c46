use super::{failure_text, split_failure};

#[test]
fn a_message_is_taken_apart_as_it_was_made() {
    let message = failure_text("ProviderRejected", "status 401: no\0 such token");
    assert_eq!(
        split_failure(&message),
        Some(("ProviderRejected", "status 401: no such token"))
    );
    assert_eq!(split_failure("loaded 40 trips"), None);
}
