//! What the providers of a schedule deliver.

use local_stack::StackOptions;
use sandbox_provider::{MdsVersion, Rates, Rhythm};
use serde_json::{Map, json};

use crate::support::options;

/// The first hour, and the end of the last one.
pub(crate) const RANGE: [&str; 6] = [
    "--provider",
    "all",
    "--time-min",
    "2020-01-15-16",
    "--time-max",
    "2020-01-15-19",
];

/// The providers and the hours of a schedule. Answers depend on nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Feed {
    /// One provider sends pages; many trips are sent twice or are malformed.
    Pages,
    /// One provider has MDS 2.0, whose trips refer to its list of vehicles.
    Vehicles,
    /// The archive of each hour is uploaded in several parts.
    Big,
}

impl Feed {
    pub(crate) fn options(self) -> StackOptions {
        let mut options = match self {
            Self::Big => options(&["bird"]),
            _ => options(&["bird", "lime"]),
        };
        options.settings = Map::from_iter([("SOCRATA_CHUNK_ROWS".to_owned(), json!(15))]);
        // A silent provider is given up soon.
        let patience = [("timeout", json!(3)), ("max_attempts", json!(2))];
        for (key, value) in patience {
            options.provider_settings.insert(key.to_owned(), value);
        }
        for provider in options.providers.values_mut() {
            provider.trips_per_hour = 20.0;
            provider.rates = Rates {
                duplicates: 0.1,
                missing_device: 0.05,
                ..Rates::default()
            };
        }
        match self {
            Self::Pages => {
                let lime = options.providers.get_mut("lime").unwrap();
                (lime.version, lime.page_size) = (MdsVersion::V0_3, Some(7));
            }
            Self::Vehicles => {
                options.providers.get_mut("lime").unwrap().version = MdsVersion::V2_0;
            }
            Self::Big => {
                let bird = options.providers.get_mut("bird").unwrap();
                (bird.trips_per_hour, bird.rhythm) = (6_000.0, Rhythm::Flat);
                for (key, value) in [
                    ("ARCHIVE_COMPRESSION", json!("none")),
                    ("SOCRATA_CHUNK_ROWS", json!(2_000)),
                ] {
                    options.settings.insert(key.to_owned(), value);
                }
            }
        }
        options
    }

    /// The hours.
    pub(crate) fn range(self) -> Vec<String> {
        let mut range: Vec<String> = RANGE.iter().map(|&word| word.to_owned()).collect();
        if self == Self::Big {
            "2020-01-15-17".clone_into(&mut range[5]);
        }
        range
    }
}
