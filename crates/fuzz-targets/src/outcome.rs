//! What every result has to be.

/// A message for people is one that a log and an error of Lambda can hold.
const MAX_MESSAGE_BYTES: usize = 2_000;

/// Checks that a message can be shown.
pub(crate) fn check_message(message: &str) {
    assert!(!message.trim().is_empty(), "a message is empty");
    assert!(
        message.len() <= MAX_MESSAGE_BYTES,
        "a message has {} bytes: {}…",
        message.len(),
        message.chars().take(200).collect::<String>()
    );
}
