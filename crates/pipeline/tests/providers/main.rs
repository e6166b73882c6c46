//! Every version of MDS against everything that a provider is known to do otherwise: a table, made
//! by asking the sandbox's provider over HTTP with the client of the pipeline and checking what
//! comes with its rules.

#![allow(clippy::unwrap_used, reason = "a test ends at its first surprise")]

mod check;

use std::time::Duration;

use check::{Check, checked};
use sandbox_provider::{MdsVersion, Oddity};
use serde_json::{Value, json};

/// What a person sets in the providers file to get along with an oddity.
fn remedies(oddity: Oddity, version: MdsVersion) -> Option<Value> {
    match oddity {
        Oddity::RenamedParameters => Some(json!({"mds_param_override": match version {
            MdsVersion::V0_2 => json!({"start_time": "from", "end_time": "to"}),
            MdsVersion::V0_3 => json!({"min_end_time": "from", "max_end_time": "to"}),
            _ => json!({"end_time": "hour"}),
        }})),
        Oddity::SwappedCoordinates => Some(json!({"swap_coordinates": true})),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_version_with_every_oddity() {
    let versions = MdsVersion::ALL.map(|version| version.to_string());
    let header = std::iter::once("the provider".to_owned()).chain(versions);
    let rule = std::iter::repeat_n("---".to_owned(), MdsVersion::ALL.len() + 1);
    let mut table = vec![
        line(header),
        line(rule),
        line(row("as MDS says", None, false).await),
    ];
    for oddity in Oddity::ALL {
        table.push(line(row(oddity.description(), Some(oddity), false).await));
        if remedies(oddity, MdsVersion::V0_2).is_some() {
            table.push(line(
                row("… and the setting for it", Some(oddity), true).await,
            ));
        }
    }
    insta::assert_snapshot!("versions_and_oddities", table.join("\n"));
}

fn line(cells: impl IntoIterator<Item = String>) -> String {
    let cells: Vec<String> = cells.into_iter().collect();
    format!("| {} |", cells.join(" | "))
}

async fn row(name: &str, oddity: Option<Oddity>, remedied: bool) -> Vec<String> {
    let cells = MdsVersion::ALL.map(|version| async move {
        let check = Check {
            version,
            oddity,
            settings: oddity
                .filter(|_| remedied)
                .and_then(|oddity| remedies(oddity, version))
                .unwrap_or_else(|| json!({})),
        };
        // Longer than any answer that ends.
        tokio::time::timeout(Duration::from_secs(60), checked(&check))
            .await
            .unwrap()
    });
    let cells = futures::future::join_all(cells).await;
    std::iter::once(name.to_owned()).chain(cells).collect()
}
