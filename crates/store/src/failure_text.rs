//! The message of a failure in column `message`: the error's name and its text.

use crate::schedule::shortened;

const SEPARATOR: &str = ": ";

/// The message of a failure. It begins with the error's name, by which [`split_failure`] and the
/// statements know it.
pub(crate) fn failure_text(error_name: &str, message: &str) -> String {
    shortened(&format!("{error_name}{SEPARATOR}{message}"))
}

/// The error's name and the text of a message that `failure_text` has made, or that has its form.
#[must_use]
pub fn split_failure(message: &str) -> Option<(&str, &str)> {
    message.split_once(SEPARATOR)
}

#[cfg(test)]
mod tests;
