//! The pipeline on a network like AWS's: how many round trips a block makes, and how long it takes
//! next to the waits that nothing can spare it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::time::{Duration, Instant};

use local_stack::{Counts, Network, Place, StackOptions, planned_item};
use pipeline::{BlockItem, Context, Source, extract, sync_db, sync_socrata};
use rcgen::{CertificateParams, KeyPair};
use sandbox_network::Disturbance;
use sandbox_provider::ProviderOptions;
use serde_json::{Map, json};
use tempfile::TempDir;
use uuid::Uuid;

use crate::month::run;
use crate::publish::uploads;
use crate::table::{Report, Row};
use crate::world::{World, provider};

const TRIPS: u32 = 270;
const PROVIDERS: usize = 18;
const HOURS: f64 = 24.0;
const CONCURRENCY: usize = 40;
/// The rows of one request to the portal.
const CHUNK: f64 = 10_000.0;

/// How long a round trip to a place takes.
fn way(place: Place) -> Duration {
    Duration::from_millis(match place {
        Place::Postgres => 1,
        Place::S3 => 30,
        Place::Provider => 500,
        Place::Portal => 1_000,
    })
}

/// The round trips of a step that wait for each other and cannot be spared, by place.
struct Needed {
    step: &'static str,
    ways: &'static [(Place, u32)],
}

const NEEDED: [Needed; 3] = [
    Needed {
        step: "extract",
        // The claim, the record that a request begins, the record of the archive. The report can be
        // stored while the archive is.
        ways: &[(Place::Provider, 1), (Place::S3, 1), (Place::Postgres, 3)],
    },
    Needed {
        step: "sync-db",
        // The claim, then one transaction: begin, copy, upsert, commit.
        ways: &[(Place::S3, 2), (Place::Postgres, 6)],
    },
    Needed {
        step: "sync-socrata",
        // The turn, the rows, the record.
        ways: &[(Place::Portal, 1), (Place::Postgres, 3)],
    },
];

impl Needed {
    fn seconds(&self) -> f64 {
        let waits = self
            .ways
            .iter()
            .map(|(place, number)| way(*place) * *number);
        waits.sum::<Duration>().as_secs_f64()
    }
}

pub(crate) async fn measure(report: &mut Report, rounds: usize) -> anyhow::Result<()> {
    block(report, rounds).await?;
    day(report).await
}

/// A provider whose trips are not those of the others: they would wait for each other's rows.
fn other_provider(number: u128) -> ProviderOptions {
    let options = provider(TRIPS);
    ProviderOptions {
        provider_id: Uuid::from_u128(options.provider_id.as_u128() + number),
        ..options
    }
}

/// A stack behind the network, whose database speaks TLS.
struct Far {
    world: World,
    network: Network,
    _folder: TempDir,
}

impl Far {
    async fn start(providers: usize) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        // Postgres may run as another user, who must be able to enter the folder.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
        let providers: BTreeMap<_, _> = (1..=providers)
            .map(|n| (format!("provider-{n:02}"), other_provider(n as u128)))
            .collect();
        let options = StackOptions {
            folder: Some(folder.path().join("stack")),
            settings: Map::from_iter([("SOCRATA_CHUNK_ROWS".to_owned(), json!(10_000))]),
            ..StackOptions::with_providers(providers)
        };
        let mut world = World::with(options).await?;
        let authority = encrypt(&world, &folder.path().join("stack/postgres/data")).await?;
        world
            .stack
            .put_setting("DATABASE_CA", json!(authority))
            .await?;
        let url = format!("{}?sslmode=verify-full", world.stack.database_url);
        let network = Network::before(&mut world.stack, &url, |place, _, _| {
            Disturbance::Delay(way(place))
        })
        .await?;
        world.ctx = world.stack.context().await?;
        Ok(Self {
            world,
            network,
            _folder: folder,
        })
    }
}

/// Lets the server speak TLS. Returns its certificate.
async fn encrypt(world: &World, data: &Path) -> anyhow::Result<String> {
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(vec!["127.0.0.1".to_owned()])?.self_signed(&key)?;
    let files = [
        ("server.crt", certificate.pem()),
        ("server.key", key.serialize_pem()),
    ];
    let owner = fs::metadata(data)?;
    for (name, content) in files {
        let path = data.join(name);
        fs::write(&path, content)?;
        chown(&path, Some(owner.uid()), Some(owner.gid()))?;
        // The server reads its key only if nobody else can.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    }
    for statement in ["ALTER SYSTEM SET ssl = on", "SELECT pg_reload_conf()"] {
        world.database.batch_execute(statement).await?;
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    Ok(certificate.pem())
}

/// A block in a warm process, step by step.
async fn block(report: &mut Report, rounds: usize) -> anyhow::Result<()> {
    let far = Far::start(1).await?;
    let mut steps = vec![Vec::new(); NEEDED.len()];
    // The first hour opens connections and reads boundaries and metadata.
    for hour in 1..=rounds + 1 {
        let label = format!("2020-01-15-{hour:02}");
        let mut item = planned_item(&far.world.ctx, "provider-01", &label).await?;
        for (number, needed) in NEEDED.iter().enumerate() {
            let (before, began) = (far.network.exchanges(), Instant::now());
            item = step(&far.world.ctx, needed.step, item).await?;
            let seconds = began.elapsed().as_secs_f64();
            if hour > 1 {
                steps[number].push((seconds, far.network.exchanges().since(before)));
            }
        }
    }
    let (mut seconds, mut waits) = (0.0, 0.0);
    for (needed, mut measured) in NEEDED.iter().zip(steps) {
        measured.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        let (median, trips) = measured[measured.len() / 2];
        seconds += median;
        waits += needed.seconds();
        report.add(Row::figure(
            format!("{} of {TRIPS} trips on a network", needed.step),
            format!(
                "{median:.3} s, {}; waits of {:.3} s",
                round_trips(trips),
                needed.seconds()
            ),
            "",
        ));
    }
    report.add(Row::figure(
        format!("a block of {TRIPS} trips on a network"),
        format!(
            "{seconds:.3} s, {:.2} of its unavoidable waits",
            seconds / waits
        ),
        "≤ 1.3",
    ));
    Ok(())
}

async fn step(ctx: &Context, name: &str, item: BlockItem) -> anyhow::Result<BlockItem> {
    Ok(match name {
        "extract" => Box::pin(extract(ctx, item)).await?,
        "sync-db" => Box::pin(sync_db(ctx, item, Source::Bucket)).await?,
        _ => Box::pin(sync_socrata(ctx, item, Source::Bucket)).await?,
    })
}

fn round_trips(counts: Counts) -> String {
    let words = Place::ALL.map(|place| (place, counts.of(place)));
    let words = words.iter().filter(|(_, number)| *number > 0);
    let words = words.map(|(place, number)| format!("{number} to {place:?}"));
    words.collect::<Vec<_>>().join(", ")
}

/// A day of many providers.
#[allow(clippy::cast_precision_loss, reason = "dozens")]
async fn day(report: &mut Report) -> anyhow::Result<()> {
    let far = Far::start(PROVIDERS).await?;
    let request =
        json!({"provider": "all", "time_min": "2020-01-15-00", "time_max": "2020-01-16-00"});
    let began = Instant::now();
    let (blocks, _) = run(&far.world, &request, CONCURRENCY).await?;
    let seconds = began.elapsed().as_secs_f64();
    let providers =
        PROVIDERS as f64 * HOURS / CONCURRENCY as f64 * way(Place::Provider).as_secs_f64();
    let rows = PROVIDERS as f64 * HOURS * f64::from(TRIPS);
    let portal = (rows / CHUNK).ceil() * way(Place::Portal).as_secs_f64();
    let slower = providers.max(portal);
    let uploads = uploads(&far.world);
    report.add(Row::figure(
        format!("a day of {PROVIDERS} providers, {blocks} blocks, {CONCURRENCY} at once, on a network"),
        format!(
            "{seconds:.1} s, {:.2} of the slower of providers ({providers:.1} s) and portal ({portal:.1} s); \
             {uploads} uploads",
            seconds / slower
        ),
        "≤ 1.5",
    ));
    Ok(())
}
