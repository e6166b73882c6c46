//! The cost of each part of a load, measured separately on one thread.

use std::hint::black_box;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use boundaries::{Boundaries, LayerName, default_layers};
use pipeline::{Source, extract, sync_db};
use serde_json::value::RawValue;
use store::{CopyEncoder, LoadRow};
use tokio::task::spawn_blocking;
use trips::block::Hour;
use trips::envelope::{TripVisitor, read_envelope};
use trips::trip::{Rules, Trip};
use trips::{Feed, Labels};
use uuid::Uuid;

use crate::table::{Report, Row};
use crate::turns::Spread;
use crate::world::{World, timed};

/// The number of trips with which the parts are measured; more would not change the result.
const SAMPLE: usize = 20_000;

pub(crate) async fn measure(report: &mut Report, trips: u32, rounds: usize) -> anyhow::Result<()> {
    let world = World::start(trips).await?;
    let item = Box::pin(extract(&world.ctx, world.item("bird").await?)).await?;
    let mut whole = Vec::new();
    for _ in 0..rounds {
        world.empty().await?;
        whole.push(timed(Box::pin(sync_db(&world.ctx, item.clone(), Source::Bucket))).await?);
    }
    let whole = Spread::of(whole).median;
    let boundaries =
        Arc::new(config::load_boundaries(world.ctx.vault(), &world.ctx.config().settings).await?);
    let key = item.extract.context("not extracted")?.trips_key;

    let began = Instant::now();
    let mut archive = world.ctx.vault().open(&key).await?;
    let bytes = spawn_blocking(move || {
        let mut bytes = Vec::new();
        archive.read_to_end(&mut bytes).map(|_| bytes)
    })
    .await??;
    let opened = began.elapsed().as_secs_f64();

    let began = Instant::now();
    let mut sample = Sample::default();
    read_envelope(bytes.as_slice(), &mut sample)?;
    let split = began.elapsed().as_secs_f64();

    let scale = f64::from(trips) / as_float(sample.0.len());
    let hour = Hour::starting_at("2020-01-15T18:00:00Z".parse()?)?;
    let providers = world.ctx.config().providers.iter();
    let provider_ids: Vec<_> = providers
        .flat_map(|(_, entry)| entry.provider_ids.clone())
        .collect();
    let rules = Rules {
        hour,
        now: "2020-02-01T00:00:00Z".parse()?,
        provider_ids: &provider_ids,
        feed: Feed::default(),
        area: None,
    };
    let began = Instant::now();
    let checked: Vec<Trip> = sample
        .0
        .iter()
        .filter_map(|json| rules.check(json).ok())
        .collect();
    let check = began.elapsed().as_secs_f64() * scale;

    let began = Instant::now();
    for trip in &checked {
        black_box(boundaries.labels(trip.start));
        black_box(boundaries.labels(trip.end));
    }
    let classified = began.elapsed().as_secs_f64() * scale;

    let began = Instant::now();
    let mut encoder = CopyEncoder::new();
    for (seq, trip) in (0..).zip(&checked) {
        encoder.push(&LoadRow {
            seq,
            trip,
            start: Labels::default(),
            end: Labels::default(),
            public_id: Uuid::nil(),
            device_public_id: Uuid::nil(),
        })?;
        if encoder.is_full() {
            black_box(encoder.take());
        }
    }
    let encoded = began.elapsed().as_secs_f64() * scale;

    for (part, seconds, goal) in [
        ("get, decrypt and decompress", opened, ""),
        ("take trips out of the envelope", split, ""),
        ("parse and check", check, ""),
        ("classify both ends in three layers", classified, "≤ 20%"),
        ("encode for COPY", encoded, ""),
    ] {
        report.add(Row::figure(
            format!("{part}, of sync-db of {trips} trips"),
            format!(
                "{seconds:.3} s, {:.1}% of {whole:.2} s",
                seconds / whole * 100.0
            ),
            goal,
        ));
    }
    cold_start(report, rounds)
}

/// The time to read and index the layers of a city, as a cold start does.
fn cold_start(report: &mut Report, rounds: usize) -> anyhow::Result<()> {
    let city = City::from_env();
    println!("boundaries: {}", city.folder.display());
    let mut texts = Vec::new();
    for layer in default_layers() {
        let path = city.folder.join(city.file(layer.layer));
        let text = std::fs::read(&path).with_context(|| path.display().to_string())?;
        texts.push((layer, text));
    }
    let mut seconds = Vec::new();
    for _ in 0..=rounds {
        let began = Instant::now();
        let mut builder = Boundaries::builder();
        for (layer, text) in &texts {
            builder = builder.add_layer(layer, text)?;
        }
        black_box(builder.build());
        seconds.push(began.elapsed().as_secs_f64());
    }
    let spread = Spread::of(seconds);
    let (part, goal) = if city.is_whole {
        ("boundaries of Austin read and indexed", "≤ 30 ms")
    } else {
        ("boundaries of a part of Austin read and indexed", "")
    };
    report.add(Row::figure(
        part,
        format!("{:.0} ms", spread.median * 1000.0),
        goal,
    ));
    Ok(())
}

/// The files of a city's layers.
struct City {
    folder: PathBuf,
    is_whole: bool,
}

impl City {
    /// The whole of Austin in the folder that `MDS_SHARED_DATA` names, or else the part of it among
    /// the fixtures.
    fn from_env() -> Self {
        std::env::var_os("MDS_SHARED_DATA").map_or_else(
            || Self {
                folder: Path::new(env!("CARGO_MANIFEST_DIR"))
                    .join("../crates/boundaries/fixtures/austin"),
                is_whole: false,
            },
            |folder| Self {
                folder: PathBuf::from(folder),
                is_whole: true,
            },
        )
    }

    fn file(&self, layer: LayerName) -> String {
        if !self.is_whole {
            return format!("{layer}.json");
        }
        let file = match layer {
            LayerName::CouncilDistrict => "council_districts_simplified.json",
            LayerName::CensusGeoid => "census_tracts_2010_simplified_20pct.json",
            LayerName::Cell => "hex1000.json",
        };
        file.to_owned()
    }
}

#[derive(Default)]
struct Sample(Vec<String>);

impl TripVisitor for Sample {
    fn trip(&mut self, trip: &RawValue) -> io::Result<()> {
        if self.0.len() < SAMPLE {
            self.0.push(trip.get().to_owned());
        }
        Ok(())
    }
}

fn as_float(count: usize) -> f64 {
    count as f64
}
