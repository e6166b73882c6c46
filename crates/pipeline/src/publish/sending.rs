//! Sends rows to the portal, and finds out what it means by its counts.

use std::collections::BTreeSet;

use serde::Deserialize;
use socrata::{Chunk, SocrataClient, SocrataError, Upsert};
use store::PublishTurn;

use super::turn::HeldTurn;
use crate::context::Portal;

/// How many ids one query names at most, and how long they are then: its URL must stay below 8 kB.
const IDS_AT_ONCE: usize = 100;
const IDS_BYTES: usize = 6000;

/// Sends rows, and sends them again, only while the turn is held. `gone` are the row identifiers
/// that the chunk deletes.
///
/// A portal refuses to delete a row that it does not have, as when the answer to the deletion was
/// lost. So a deletion that it does not confirm is refused only if it still has the row; this needs
/// a query.
pub(crate) async fn send(
    portal: &Portal,
    turn: &PublishTurn,
    chunk: &Chunk,
    gone: &[String],
) -> Result<Upsert, SocrataError> {
    let turn = HeldTurn(turn);
    let upsert = portal.client.upsert_while(chunk, &turn).await?;
    if upsert.unconfirmed_deletions(chunk.rows as u64, chunk.deletions as u64) == 0 {
        return Ok(upsert);
    }
    let left = present(&portal.client, gone).await?;
    Ok(Upsert {
        errors: left.len() as u64,
        ..upsert
    })
}

/// Those of the row identifiers that the portal has, wherever their rows are.
pub(crate) async fn present(
    client: &SocrataClient,
    ids: &[String],
) -> Result<BTreeSet<String>, SocrataError> {
    #[derive(Deserialize)]
    struct Id {
        trip_id: String,
    }
    let mut found = BTreeSet::new();
    let mut rest = ids;
    while !rest.is_empty() {
        let (part, left) = rest.split_at(at_once(rest));
        // A portal may return fewer rows than it has, so it is asked for the others again.
        loop {
            let asked = part.iter().filter(|id| !found.contains(*id));
            let list: Vec<_> = asked.map(|id| quoted(id)).collect();
            if list.is_empty() {
                break;
            }
            let filter = format!("trip_id in ({})", list.join(", "));
            let query = [
                ("$select", "trip_id"),
                ("$where", &filter),
                ("$order", "trip_id"),
            ];
            let rows: Vec<Id> = client.query(&query).await?;
            let before = found.len();
            found.extend(rows.into_iter().map(|row| row.trip_id));
            if found.len() == before {
                break;
            }
        }
        rest = left;
    }
    Ok(found)
}

/// How many of the ids the next query names.
fn at_once(ids: &[String]) -> usize {
    let mut bytes = 0;
    let fitting = ids.iter().take(IDS_AT_ONCE).take_while(|id| {
        bytes += encoded_bytes(id);
        bytes <= IDS_BYTES
    });
    fitting.count().max(1)
}

/// How many bytes of a URL a quoted id takes, at most.
fn encoded_bytes(id: &str) -> usize {
    let as_it_is = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let bytes = id.bytes();
    let bytes: usize = bytes.map(|byte| if as_it_is(byte) { 1 } else { 6 }).sum();
    bytes + "%27%27%2C+".len()
}

/// The id as text of SoQL.
pub(crate) fn quoted(id: &str) -> String {
    format!("'{}'", id.replace('\'', "''"))
}

#[cfg(test)]
mod tests;
