//! What stands in an archive for a trip whose texts have bytes that are not UTF-8.

use serde::Serialize;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use super::TextFacts;

/// What was sent, as a member of what takes its place.
#[derive(Serialize)]
struct Sent {
    #[serde(flatten)]
    facts: TextFacts,
    /// Each byte as the character that it is in Latin-1, from which the bytes can be restored.
    latin1: String,
}

/// The trip as far as it is readable, with what was sent as its first member, by which the load
/// knows and rejects it. The other members show whose trip it is and when it was.
pub(super) fn in_place_of_not_utf8(
    sent: &[u8],
    readable: &RawValue,
) -> serde_json::Result<Box<RawValue>> {
    let member = serde_json::to_string(&Sent {
        facts: TextFacts::of(sent.len() as u64, &Sha256::digest(sent)),
        latin1: sent.iter().copied().map(char::from).collect(),
    })?;
    let rest = match readable.get().strip_prefix('{') {
        // It has a text, so it is not empty.
        Some(members) => [",", members].concat(),
        None => "}".to_owned(),
    };
    RawValue::from_string(format!("{{\"mds_etl_not_utf8\":{member}{rest}"))
}
