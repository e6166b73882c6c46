//! What a message says of an answer of S3.

use super::*;

#[test]
fn an_answer_is_told_in_its_own_words() {
    let answer = ErrorMetadata::builder()
        .code("SlowDown")
        .message("Please reduce your request rate.")
        .custom("s3_extended_request_id", "abc")
        .build();
    assert_eq!(
        root_cause(&answer),
        "SlowDown: Please reduce your request rate."
    );
    let bare = ErrorMetadata::builder().code("SlowDown").build();
    assert_eq!(root_cause(&bare), "SlowDown");
    let empty = ErrorMetadata::builder().build();
    assert_eq!(root_cause(&empty), "an answer without a reason");
}
