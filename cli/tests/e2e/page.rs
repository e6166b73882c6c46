//! The status page in a browser, with little, usual and much on it. `make screenshots` renews the
//! pictures of the documents from the same data.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use chrono::{Days, Utc};
use serde_json::Value;

use crate::aws::{python, root};
use crate::support::{World, options, stderr, stdout, world_of};

const PROVIDERS: [&str; 18] = [
    "bird", "bolt", "dott", "glide", "hopr", "jump", "kiwi", "lime", "lyft", "neuron", "ojo",
    "pace", "razor", "scoot", "spin", "tier", "veo", "wheels",
];
/// What the year of all providers may take: 157,680 hours.
const MAX_BYTES: u64 = 3_000_000;
const MAX_TO_WRITE: Duration = Duration::from_secs(30);
const MAX_TO_OPEN_MS: u64 = 5_000;
/// Of `mds` while it writes the page of a year, in KiB. It does not keep the rows that it reads.
const MAX_MEMORY: u64 = 120 * 1024;

/// Runs a command, and writes the most memory that it had, in KiB, to standard error.
const MEASURED: &str = "
import resource, subprocess, sys
ended = subprocess.run(sys.argv[1:]).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(ended)
";

/// Hours of a year as they could be: nights without trips, mornings of maintenance, a token that
/// has expired, a provider that is late, one that began not long ago, and one with a wrong entry.
const YEAR: &str = "
    INSERT INTO api.schedule (provider_id, block_start, block_end, date, year, month, day, hour, status_id, message,
        records_total, records_processed, records_error_count, records_duplicate_count, trips_late, error_payload)
    SELECT provider_id, at, at + interval '1 hour', civil::date, extract(year FROM civil), extract(month FROM civil),
           extract(day FROM civil), extract(hour FROM civil), status_id,
           CASE status_id WHEN -2 THEN CASE WHEN name = 'spin' THEN 'ProviderRejected: HTTP 401: the token has expired'
                                       ELSE 'ProviderUnavailable: HTTP 503 three times' END
                          WHEN -8 THEN 'SocrataUnavailable: HTTP 502 for ten minutes'
                          WHEN -6 THEN 'ProviderMalformed: 41 of 41 trips rejected'
                          WHEN 1 THEN 'HTTP 202: not ready' ELSE 'HTTP 200' END,
           CASE WHEN status_id IN (8, 5, -6, -8) THEN trips WHEN status_id = 7 THEN 0 END,
           CASE WHEN status_id IN (8, 5, -8) THEN trips - least(trips, rejected) WHEN status_id IN (7, -6) THEN 0 END,
           CASE WHEN status_id IN (8, 5, -8) THEN least(trips, rejected) WHEN status_id = -6 THEN trips WHEN status_id = 7 THEN 0 END,
           CASE WHEN status_id IN (8, 5, -8, 7, -6) THEN 0 END,
           CASE WHEN status_id = 8 AND random < 2 THEN 1 END,
           CASE WHEN status_id IN (8, 5) AND rejected > 0
                THEN jsonb_build_object('reasons', jsonb_build_object('missing_field:device_id', rejected)) END
    FROM (
        SELECT *, CASE
            WHEN name = 'spin' AND age < 24 * 4 THEN -2
            WHEN name = 'veo' AND age < 24 * 2 THEN 1
            WHEN name = 'razor' AND age BETWEEN 24 * 11 AND 24 * 12 THEN -6
            WHEN age < 24 * 60 AND name = 'tier' AND age % 24 BETWEEN 3 AND 6 AND age / 24 % 6 = 0 THEN -8
            WHEN random = 0 AND civil_hour = 4 THEN -2
            WHEN age < 33 THEN 5
            WHEN civil_hour BETWEEN 2 AND 4 AND random < 60 THEN 7
            ELSE 8 END AS status_id
        FROM (
            SELECT p.provider_id, p.provider_name AS name, at, at AT TIME ZONE 'America/Chicago' AS civil,
                   (extract(epoch FROM date_trunc('hour', now()) - at) / 3600)::int AS age,
                   extract(hour FROM at AT TIME ZONE 'America/Chicago')::int AS civil_hour,
                   abs(hashtext(p.provider_name || at)) % 100 AS random,
                   CASE WHEN abs(hashtext(at || p.provider_name)) % 7 = 0 THEN 2 ELSE 0 END AS rejected,
                   ((20 + p.provider_id * 12) * (2 + sin((extract(hour FROM at AT TIME ZONE 'America/Chicago') - 8) / 24 * 6.283)
                       + extract(isodow FROM at)::int / 6))::int AS trips
            FROM api.providers p,
                 generate_series(date_trunc('hour', now()) - interval '367 days', now() - interval '31 hours', '1 hour') AS at
        ) AS given
        WHERE NOT (name = 'kiwi' AND age BETWEEN 24 * 3 AND 24 * 5) AND NOT (name = 'ojo' AND age > 24 * 20)
          AND NOT (name = 'pace' AND age BETWEEN 24 * 200 AND 24 * 230)
    ) AS hours;
    INSERT INTO api.audits (provider_name, audited_at, time_min, time_max, database_rows, missing, different, waiting, extra)
    SELECT provider_name, now() - interval '3 hours', now() - interval '31 days', now() - interval '30 hours', 21034,
           CASE WHEN provider_name = 'lime' THEN 12 ELSE 0 END, CASE WHEN provider_name = 'lime' THEN 3 ELSE 0 END, 0, 0
    FROM api.providers";

async fn filled_world() -> World {
    let world = world_of(options(&PROVIDERS)).await;
    // Makes the providers known.
    let run = [
        "run",
        "--provider",
        "all",
        "--time-max",
        "2019-01-01-01",
        "--no-extract",
    ];
    world.output(&run).await;
    let delete = "DELETE FROM api.run_blocks; DELETE FROM api.schedule;";
    world.database.batch_execute(delete).await.unwrap();
    let known = "SELECT count(*) FROM api.providers";
    assert_eq!(world.number(known).await, PROVIDERS.len() as i64);
    world.database.batch_execute(YEAR).await.unwrap();
    world
}

/// A page, and what it took to write it.
struct Written {
    file: PathBuf,
    took: Duration,
    memory_kib: u64,
}

impl World {
    /// Writes a page of the status since so many days ago. Something needs a person.
    async fn page(&self, folder: &Path, name: &str, days: u64, providers: &str) -> Written {
        let file = folder.join(name);
        let since = (Utc::now().date_naive() - Days::new(days)).to_string();
        let mut command = Command::new(python("MDS_E2E_PYTHON"));
        command
            .env_clear()
            .envs(&self.stack.env)
            .args(["-c", MEASURED, env!("CARGO_BIN_EXE_mds"), "status"])
            .args(["--since", &since, "--provider", providers, "--html"])
            .arg(&file)
            .stdin(Stdio::null());
        let began = Instant::now();
        let output = Self::output_of(command).await;
        let (said, took) = (stderr(&output), began.elapsed());
        assert_eq!(output.status.code(), Some(1), "{said}");
        Written {
            file,
            took,
            memory_kib: said.trim().parse().unwrap(),
        }
    }
}

fn node(script: &str) -> Command {
    let node = PathBuf::from(python("MDS_E2E_PYTHON")).with_file_name("node");
    let mut command = Command::new(node);
    command
        .arg(root().join("tools/pages").join(script))
        .stdin(Stdio::null());
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_page_opens_at_once_and_everybody_can_read_it() {
    let world = filled_world().await;
    let folder = tempfile::tempdir().unwrap();
    let folder = std::env::var_os("MDS_PAGES").map_or(folder.path().to_owned(), PathBuf::from);
    let small = world.page(&folder, "small.html", 7, "bird,spin").await;
    let usual = world
        .page(&folder, "usual.html", 35, &PROVIDERS.join(","))
        .await;
    let year = world
        .page(&folder, "year.html", 365, &PROVIDERS.join(","))
        .await;
    assert!(year.took < MAX_TO_WRITE, "{:?}", year.took);
    assert!(year.memory_kib < MAX_MEMORY, "{} KiB", year.memory_kib);

    let mut check = node("check.mjs");
    if let Some(folder) = std::env::var_os("MDS_PAGES") {
        check.arg("--screenshots").arg(folder);
    }
    let pages = [&small, &usual, &year];
    check.args(pages.map(|page| &page.file));
    let output = World::output_of(check).await;
    println!("{}", stdout(&output));
    for page in pages {
        println!("{:?}: {:?}, {} KiB", page.file, page.took, page.memory_kib);
    }
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let measures: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(measures.len(), 3);
    for measure in measures {
        assert!(
            measure["opened_ms"].as_u64().unwrap() < MAX_TO_OPEN_MS,
            "{measure}"
        );
        assert!(measure["bytes"].as_u64().unwrap() < MAX_BYTES, "{measure}");
    }
    if std::env::var_os("MDS_WRITE_PICTURES").is_some() {
        for (page, height, picture, element) in [
            (&usual, "900", "status.png", Some("colours")),
            (&usual, "620", "status-provider.png", Some("spin")),
        ] {
            let mut take = node("picture.mjs");
            take.arg(&page.file)
                .args(["1100", height])
                .arg(root().join("docs/images").join(picture))
                .args(element);
            let output = World::output_of(take).await;
            assert!(output.status.success(), "{}", stderr(&output));
        }
    }
}
