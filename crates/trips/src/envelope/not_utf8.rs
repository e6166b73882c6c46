//! What stands in an archive for a trip whose texts have bytes that are not UTF-8.

use serde_json::value::RawValue;

use super::sent::Sent;

/// The trip as far as it is readable, with what was sent as its first member, by which the load
/// knows and rejects it. The other members show whose trip it is and when it was.
pub(super) fn in_place_of_not_utf8(
    sent: &[u8],
    readable: &RawValue,
) -> serde_json::Result<Box<RawValue>> {
    let member = serde_json::to_string(&Sent::of(sent))?;
    let rest = match readable.get().strip_prefix('{') {
        // It has a text, so it is not empty.
        Some(members) => [",", members].concat(),
        None => "}".to_owned(),
    };
    RawValue::from_string(format!("{{\"mds_etl_not_utf8\":{member}{rest}"))
}
