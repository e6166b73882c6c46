//! The provider's own words about a refusal, which a probe shows.

use std::sync::LazyLock;

use mds_client::ProviderConfig;
use mds_client::fuzzing::words_of;
use serde_json::json;

use crate::outcome::check_message;

pub(super) const WORDS: &[&str] = &[
    "error",
    "error_description",
    "errors",
    "message",
    "title",
    "detail",
    "reason",
    "canary",
    "canary-token",
    "canary-client canary",
    "Bearer canary-token",
    "https://mds.example.com/v1/trips?key=1",
    "https://mds.example.com/key/0123456789abcdef0123?x",
    "30.26712",
    "\u{1b}[31m",
    "\u{0}",
];

/// One is a part of another, and one has white space.
const SECRETS: [&str; 4] = [
    "canary",
    "canary-token",
    "canary-client  canary",
    "x-canary-header",
];

static CONFIG: LazyLock<ProviderConfig> = LazyLock::new(|| {
    ProviderConfig::from_value(json!({
        "mds_api_url": "https://mds.example.com/trips",
        "provider_id": "0309585e-599f-4e57-ac85-ffffffffffff",
        "version": "1.2",
        "auth_type": "Bearer",
        "token": SECRETS[0],
        "auth_data": {"a": SECRETS[1], "b": SECRETS[2]},
        "headers": {"X-Key": SECRETS[3]},
    }))
    .unwrap()
});

pub(super) fn check(data: &[u8]) {
    let Some(text) = words_of(data, &CONFIG) else {
        return;
    };
    check_message(&text);
    assert!(text.chars().count() <= 201, "more words than are shown");
    assert!(
        !text.contains(char::is_control),
        "a terminal would act on it"
    );
    for secret in SECRETS {
        assert!(!text.contains(secret), "a secret is shown: {text}");
    }
    // Of a secret that begins with another one, the rest is not shown either.
    let longer = words_of(br#"{"message": "canary-token"}"#, &CONFIG);
    assert_eq!(longer.as_deref(), Some("<hidden>"));
    let is_place = |word: &str| word.contains("30.26712");
    assert!(!text.split(' ').any(is_place), "a place is shown: {text}");
}
