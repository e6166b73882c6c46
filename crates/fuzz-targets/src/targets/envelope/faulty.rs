//! Trips that are no JSON, and what takes their place.

use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Deserialize)]
struct Marker {
    mds_etl_not_json: Sent,
}

#[derive(Deserialize)]
struct Sent {
    bytes: usize,
    latin1: String,
}

/// serde_json finds that an escape is none once it has read so far behind it.
const READ_AHEAD: usize = 4;

/// The text with these in the place of the trips that they were received for. A trip of theirs
/// stands where serde_json finds the fault: elsewhere the same bytes may be part of a text.
pub(super) fn with_markers<'t>(text: &str, received: impl Iterator<Item = &'t str>) -> String {
    let mut text = text.to_owned();
    for (marker, sent) in received.filter_map(|trip| Some((trip, sent_for(trip)?))) {
        let start = fault_in(&text).and_then(|fault| {
            let mut starts = text.match_indices(&sent).map(|(start, _)| start);
            starts.find(|start| (*start..=start + sent.len() + READ_AHEAD).contains(&fault))
        });
        match start {
            Some(start) => text.replace_range(start..start + sent.len(), marker),
            // The provider sent what looks like a marker, or another fault comes first.
            None => return text,
        }
    }
    text
}

/// The bytes that a marker stands for; `None` for what is none, and for bytes that are no text.
fn sent_for(trip: &str) -> Option<String> {
    if !trip.starts_with("{\"mds_etl_not_json\":") {
        return None;
    }
    let sent = serde_json::from_str::<Marker>(trip).ok()?.mds_etl_not_json;
    let bytes: Option<Vec<u8>> = sent.latin1.chars().map(|c| u8::try_from(c).ok()).collect();
    let bytes = bytes.filter(|bytes| bytes.len() == sent.bytes)?;
    let text = String::from_utf8(bytes).ok()?;
    let is_json = serde_json::from_str::<&RawValue>(&text).is_ok();
    (!is_json).then_some(text)
}

/// Where serde_json finds that the text is no JSON, in bytes.
fn fault_in(text: &str) -> Option<usize> {
    let error = serde_json::from_str::<&RawValue>(text).err()?;
    let lines = text
        .split_inclusive('\n')
        .take(error.line().saturating_sub(1));
    Some(lines.map(str::len).sum::<usize>() + error.column())
}
