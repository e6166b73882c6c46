#![allow(clippy::unwrap_used, reason = "a test may panic")]

use config::ConfigVersion;
use serde_json::json;
use trips::block::Hour;
use trips::status::{BlockStatus, Step};
use trips::time::CivilZone;

use super::*;

fn block(provider: &str, hour: Hour, steps: &[Step]) -> PlannedBlock {
    PlannedBlock {
        provider: provider.parse().unwrap(),
        label: hour.label(&CivilZone::default()),
        block_start: hour.start(),
        status: BlockStatus::New,
        steps: steps.to_vec(),
        lacks_archive: false,
    }
}

#[test]
fn a_line_is_the_items_json() {
    let config: ConfigVersion = serde_json::from_value(json!({
        "settings": {"etag": "\"6805\"", "version_id": ",\"steps\":"},
        "boundaries": {"boundaries/,\"block_start\":.json": {"etag": "1"}},
    }))
    .unwrap();
    let request = PlanRequest {
        force: true,
        ..PlanRequest::default()
    };
    let mut line = Line::new(Uuid::from_u128(7), &request, config);
    // The hour that the clocks repeat is among them.
    let first = Hour::containing("2020-11-01T04:00:00Z".parse().unwrap());
    let hours = std::iter::successors(Some(first), |hour| Some(hour.next())).take(5);
    for (n, hour) in (1..).zip(hours) {
        for (provider, steps) in [
            ("bird", &Step::ALL[..]),
            ("lime-2", &[Step::SyncSocrata][..]),
            ("all_", &Step::ALL[..]),
            ("veo", &[][..]),
        ] {
            let block = block(provider, hour, steps);
            let whole = serde_json::to_string(&line.item(n, &block)).unwrap();
            assert_eq!(line.of(n, &block).unwrap(), whole);
        }
    }
}
