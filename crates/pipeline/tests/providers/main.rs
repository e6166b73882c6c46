//! Every version of MDS with every known quirk of a provider: the pipeline's client requests an
//! hour from the sandbox's provider over HTTP, the pipeline's rules check the trips, and a snapshot
//! holds the results.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod check;
mod round_trips;

use std::time::Duration;

use check::{Check, checked};
use sandbox_provider::{MdsVersion, Quirk};
use serde_json::{Value, json};

/// The settings in the providers file that correct a quirk.
fn remedies(quirk: Quirk, version: MdsVersion) -> Option<Value> {
    match quirk {
        Quirk::RenamedParameters => Some(json!({"mds_param_override": match version {
            MdsVersion::V0_2 => json!({"start_time": "from", "end_time": "to"}),
            MdsVersion::V0_3 => json!({"min_end_time": "from", "max_end_time": "to"}),
            _ => json!({"end_time": "hour"}),
        }})),
        Quirk::SwappedCoordinates => Some(json!({"swap_coordinates": true})),
        Quirk::MajorCosts => Some(json!({"cost_unit": "major"})),
        Quirk::ForeignProvider => {
            Some(json!({"provider_ids": ["5a1e0000-0000-4000-8000-000000000001"]}))
        }
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_version_with_every_quirk() {
    let mut sections = vec![section("as MDS says", None, false).await];
    // A huge trip takes longer than all the others together; the client and `mds` have tests of
    // their own with one.
    for quirk in Quirk::ALL.into_iter().filter(|it| *it != Quirk::HugeTrip) {
        sections.push(section(quirk.description(), Some(quirk), false).await);
        if remedies(quirk, MdsVersion::V0_2).is_some() {
            sections.push(section("the same, with the setting for it", Some(quirk), true).await);
        }
    }
    insta::assert_snapshot!("versions_and_quirks", sections.join("\n"));
}

/// What the provider does, and below it a line for each result, with the versions that have it.
async fn section(name: &str, quirk: Option<Quirk>, remedied: bool) -> String {
    let results = MdsVersion::ALL.map(|version| async move {
        let check = Check {
            version,
            quirk,
            settings: quirk
                .filter(|_| remedied)
                .and_then(|quirk| remedies(quirk, version))
                .unwrap_or_else(|| json!({})),
        };
        // Longer than any response that ends.
        tokio::time::timeout(Duration::from_secs(60), checked(&check))
            .await
            .unwrap()
    });
    let results = futures::future::join_all(results).await;
    let mut text = format!("{name}\n");
    let mut versions = MdsVersion::ALL.iter().map(ToString::to_string);
    for equal in results.chunk_by(PartialEq::eq) {
        let first = versions.next().unwrap();
        let range = match versions.by_ref().take(equal.len() - 1).last() {
            Some(last) => format!("{first} to {last}"),
            None => first,
        };
        text += &format!("    {range:<10}  {}\n", equal[0]);
    }
    text
}
