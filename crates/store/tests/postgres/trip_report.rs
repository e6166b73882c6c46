//! The trips of a month by provider and type of vehicle, and the reports that were made.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use store::{MadeReport, ReportedCounts, Seen, TripCounts, TripFilters, TripGroup};
use trips::block::HourRange;
use trips::time::{CivilZone, Month};

use crate::fixture::{Db, sql};

/// 0.1 to 500 miles, at most 24 hours, with a rider.
const FILTERS: TripFilters = TripFilters {
    min_metres: 160.9344,
    max_metres: 804_672.0,
    max_seconds: 86_400,
    riders_only: true,
};

const NOON: &str = "2020-03-10T12:00:00Z";

/// A trip of `bird`'s device 1 of 1,500 m in ten minutes, from noon on 10 March.
#[derive(Clone, Copy)]
struct Row {
    provider: u32,
    device: u32,
    kind: Option<&'static str>,
    metres: i64,
    seconds: i64,
    start: &'static str,
    end: &'static str,
    flags: &'static str,
    is_withdrawn: bool,
    modified: &'static str,
}

const ROW: Row = Row {
    provider: 0xb1d0,
    device: 1,
    kind: Some("scooter"),
    metres: 1_500,
    seconds: 600,
    start: NOON,
    end: "2020-03-10T12:10:00Z",
    flags: "{}",
    is_withdrawn: false,
    modified: "2020-03-11T00:00:00Z",
};

fn march() -> HourRange {
    let month: Month = "2020-03".parse().unwrap();
    CivilZone::default().month(month).unwrap()
}

/// A report from before snapshots were recorded.
fn seen_at(made_at: &str) -> Seen {
    Seen {
        made_at: instant(made_at),
        settled_until: None,
        snapshot: None,
    }
}

fn instant(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

impl Row {
    fn insert(self) -> String {
        let uuid = |n: u32| format!("00000000-0000-0000-0000-{n:012x}");
        format!(
            "INSERT INTO api.trips (id, provider_id, provider_name, device_id, trip_id, vehicle_type, trip_duration,
                 trip_distance, start_time, end_time, start_latitude, start_longitude, end_latitude, end_longitude, flags,
                 withdrawn_at, modified_date)
             VALUES (gen_random_uuid(), '{}', 'Bird', '{}', gen_random_uuid(), {}, {}, {}, '{}', '{}', 30, -97, 30, -97,
                 '{}', {}, '{}')",
            uuid(self.provider),
            uuid(self.device),
            self.kind.map_or("null".to_owned(), |kind| format!("'{kind}'")),
            self.seconds,
            self.metres,
            self.start,
            self.end,
            self.flags,
            if self.is_withdrawn { "now()" } else { "null" },
            self.modified,
        )
    }
}

impl Db {
    async fn insert(&self, row: Row) {
        self.sql.batch_execute(&row.insert()).await.unwrap();
    }

    async fn groups(&self, filters: TripFilters, since: Option<&str>) -> Vec<TripGroup> {
        let seen = since.map(seen_at);
        self.count(filters, seen.as_ref()).await.groups
    }

    async fn count(&self, filters: TripFilters, since: Option<&Seen>) -> TripCounts {
        self.store
            .count_trips(march(), filters, since)
            .await
            .unwrap()
    }

    /// Trips, those that arrived since a report, and those that were withdrawn since.
    async fn since(&self, report: &TripCounts) -> (u64, u64, u64) {
        let groups = self.count(FILTERS, Some(&report.seen)).await.groups;
        let sum = |number: fn(&TripGroup) -> u64| groups.iter().map(number).sum();
        (
            sum(|group| group.trips),
            sum(|group| group.arrived_since),
            sum(|group| group.withdrawn_since),
        )
    }

    async fn only_group(&self) -> TripGroup {
        let mut groups = self.groups(FILTERS, None).await;
        assert_eq!(groups.len(), 1, "{groups:?}");
        groups.remove(0)
    }
}

#[tokio::test]
async fn the_filters_count_trips_up_to_their_limits() {
    let db = Db::migrated().await;
    let apart = |n: u32, row: Row| Row { device: n, ..row };
    let rows = [
        ROW,
        // A tenth of a mile is 160.9 m.
        Row { metres: 160, ..ROW },
        Row { metres: 161, ..ROW },
        Row { metres: 0, ..ROW },
        Row { metres: -5, ..ROW },
        Row {
            metres: 804_672,
            ..ROW
        },
        Row {
            metres: 804_673,
            ..ROW
        },
        Row {
            seconds: 86_400,
            ..ROW
        },
        Row {
            seconds: 86_401,
            ..ROW
        },
        Row {
            flags: "{outside_area,not_a_rider_trip}",
            ..ROW
        },
        Row {
            flags: "{outside_area}",
            ..ROW
        },
        Row {
            is_withdrawn: true,
            ..ROW
        },
    ];
    for (n, row) in (1..).zip(rows) {
        db.insert(apart(n, row)).await;
    }
    let group = db.only_group().await;
    assert_eq!((group.trips, group.counted, group.withdrawn), (11, 5, 1));
    assert_eq!(group.counted_metres, 1_500 + 161 + 804_672 + 1_500 + 1_500);
    assert_eq!(group.counted_seconds, 4 * 600 + 86_400);
    assert_eq!((group.zero_distance, group.long_distance), (2, 1));
    assert_eq!((group.long_duration, group.not_a_rider_trip), (1, 1));
    assert_eq!(group.overlapping, 0);

    let any_purpose = TripFilters {
        riders_only: false,
        ..FILTERS
    };
    assert_eq!(db.groups(any_purpose, None).await[0].counted, 6);
}

#[tokio::test]
async fn trips_of_a_device_overlap_across_hours_and_days() {
    let db = Db::migrated().await;
    let trip = |device, start, end| Row {
        device,
        start,
        end,
        ..ROW
    };
    for row in [
        // One long trip covers two that follow each other; the one after it only touches it.
        trip(1, "2020-03-10T12:00:00Z", "2020-03-12T12:00:00Z"),
        trip(1, "2020-03-10T13:00:00Z", "2020-03-10T13:10:00Z"),
        trip(1, "2020-03-12T11:00:00Z", "2020-03-12T11:10:00Z"),
        trip(1, "2020-03-12T12:00:00Z", "2020-03-12T12:10:00Z"),
        // Another device at the same time.
        trip(2, "2020-03-10T13:00:00Z", "2020-03-10T13:10:00Z"),
    ] {
        db.insert(row).await;
    }
    // A withdrawn trip overlaps none.
    let withdrawn = trip(2, "2020-03-10T12:00:00Z", "2020-03-11T13:10:00Z");
    db.insert(Row {
        is_withdrawn: true,
        ..withdrawn
    })
    .await;
    // The same number of a device at another provider is another device.
    let other = trip(1, "2020-03-10T13:00:00Z", "2020-03-10T13:10:00Z");
    db.insert(Row {
        provider: 7,
        ..other
    })
    .await;
    let overlapping: u64 = db
        .groups(FILTERS, None)
        .await
        .iter()
        .map(|it| it.overlapping)
        .sum();
    assert_eq!(overlapping, 2);
}

/// Days are counted apart, and trips that reach from one into another must be found in both.
#[tokio::test]
async fn the_overlaps_of_a_month_are_those_that_one_search_over_the_month_finds() {
    let db = Db::migrated().await;
    db.sql
        .batch_execute(
            "SELECT setseed(0.5);
             INSERT INTO api.trips (id, provider_id, device_id, trip_id, vehicle_type, trip_duration, trip_distance, start_time,
                 end_time, start_latitude, start_longitude, end_latitude, end_longitude, withdrawn_at)
             SELECT gen_random_uuid(), ('00000000-0000-0000-0000-00000000000' || n % 3)::uuid,
                    ('00000000-0000-0000-0000-0000000000' || 10 + n % 40)::uuid, gen_random_uuid(),
                    CASE n % 7 WHEN 0 THEN 'bicycle' WHEN 1 THEN NULL ELSE 'scooter' END, 60, 100, start, start + length,
                    30, -97, 30, -97, CASE WHEN random() < 0.05 THEN now() END
             FROM (
                 SELECT n, timestamptz '2020-02-28' + random() * interval '33 days' AS start,
                        CASE WHEN random() < 0.02 THEN random() * interval '4 days'
                             ELSE random() * interval '80 minutes' END AS length
                 FROM generate_series(1, 6000) AS n
             ) AS trip",
        )
        .await
        .unwrap();
    let expected = db
        .text(
            "SELECT string_agg(provider_id || ' ' || coalesce(vehicle_type, '') || ' ' || trips || ' ' || overlapping, ','
                               ORDER BY provider_id, vehicle_type NULLS LAST)
             FROM (
                 SELECT provider_id::text, vehicle_type, count(*) AS trips,
                        count(*) FILTER (WHERE start_time < latest_end) AS overlapping
                 FROM (
                     SELECT provider_id, vehicle_type, start_time, max(end_time) OVER (
                         PARTITION BY provider_id, device_id ORDER BY start_time, end_time
                         ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
                     ) AS latest_end
                     FROM api.trips
                     WHERE end_time >= '2020-03-01T06:00Z' AND end_time < '2020-04-01T05:00Z' AND withdrawn_at IS NULL
                 ) AS trip
                 GROUP BY provider_id, vehicle_type
             ) AS found",
        )
        .await;
    let found: Vec<_> = db
        .groups(FILTERS, None)
        .await
        .into_iter()
        .map(|it| {
            let kind = it.vehicle_type.unwrap_or_default();
            format!("{} {kind} {} {}", it.provider, it.trips, it.overlapping)
        })
        .collect();
    assert_eq!(found.join(","), expected);
    assert!(
        found.iter().all(|group| !group.ends_with(" 0")),
        "{found:?}"
    );
}

/// A report keeps up to half a million trips of a slice in memory. Of more, the database finds the
/// overlaps.
#[tokio::test]
async fn overlaps_are_found_among_more_trips_than_a_report_keeps_in_memory() {
    let db = Db::migrated().await;
    db.sql
        .batch_execute(
            "ALTER TABLE api.trips DROP CONSTRAINT trips_pkey;
             DROP INDEX api.trips_public_id, api.trips_schedule, api.trips_without_vehicle;
             INSERT INTO api.trips (id, provider_id, device_id, trip_id, trip_duration, trip_distance, start_time, end_time,
                 start_latitude, start_longitude, end_latitude, end_longitude)
             SELECT uuid, '00000000-0000-0000-0000-00000000b1d0', uuid, uuid, 600, 1500, '2020-03-10 12:00Z',
                    '2020-03-10 12:10Z', 30, -97, 30, -97
             FROM (
                 SELECT lpad(to_hex(n / 2), 32, '0')::uuid AS uuid FROM generate_series(1, 500001) AS n
             ) AS trip",
        )
        .await
        .unwrap();
    db.insert(Row { kind: None, ..ROW }).await;
    let group = db.only_group().await;
    assert_eq!((group.trips, group.overlapping), (500_002, 250_001));
}

#[tokio::test]
async fn a_trip_counts_in_the_civil_month_of_its_end() {
    let db = Db::migrated().await;
    // Midnight in the city is 06:00 UTC on 1 March, and 05:00 UTC on 1 April.
    for (device, end) in [
        (1, "2020-03-01T05:59:59Z"),
        (2, "2020-03-01T06:00:00Z"),
        (3, "2020-04-01T04:59:59Z"),
        (4, "2020-04-01T05:00:00Z"),
    ] {
        db.insert(Row {
            device,
            end,
            start: "2020-02-01T00:00:00Z",
            ..ROW
        })
        .await;
    }
    assert_eq!(db.only_group().await.trips, 2);
}

#[tokio::test]
async fn ids_of_one_provider_are_counted_under_its_name() {
    let db = Db::planned().await;
    let block = db.schedule_id(0).await;
    for (provider, kind) in [
        (0xb1d0, Some("scooter")),
        (0xb1d1, Some("scooter")),
        (9, None),
    ] {
        db.insert(Row {
            provider,
            kind,
            ..ROW
        })
        .await;
    }
    let of_its_blocks =
        format!("UPDATE api.trips SET schedule_id = {block} WHERE provider_id::text LIKE '%b1d_'");
    db.sql.batch_execute(&of_its_blocks).await.unwrap();
    let mut names: Vec<_> = (db.groups(FILTERS, None).await.into_iter())
        .map(|group| (group.provider, group.vehicle_type, group.trips))
        .collect();
    names.sort();
    let scooter = Some("scooter".to_owned());
    let bird = || "bird".to_owned();
    assert_eq!(
        names,
        [
            (bird(), None, 1),
            (bird(), scooter.clone(), 1),
            (bird(), scooter, 1)
        ]
    );
}

#[tokio::test]
async fn what_has_changed_since_a_time_is_counted() {
    let db = Db::migrated().await;
    let later = "2020-04-02T00:00:00Z";
    for row in [
        ROW,
        Row {
            device: 2,
            modified: later,
            ..ROW
        },
        Row {
            device: 3,
            is_withdrawn: true,
            ..ROW
        },
        Row {
            device: 4,
            is_withdrawn: true,
            modified: later,
            ..ROW
        },
    ] {
        db.insert(row).await;
    }
    let since = db.groups(FILTERS, Some("2020-04-01T00:00:00Z")).await;
    assert_eq!((since[0].arrived_since, since[0].withdrawn_since), (1, 1));
    let never = db.only_group().await;
    assert_eq!((never.arrived_since, never.withdrawn_since), (0, 0));
}

#[tokio::test]
async fn a_load_that_was_open_during_a_report_is_new_to_the_next_one() {
    let db = Db::migrated().await;
    let now = |device| Row {
        device,
        modified: "now",
        ..ROW
    };
    db.insert(now(1)).await;
    // Two loads begin; of each, the time of its rows is that of its beginning.
    let (held, other) = (sql(&db.url).await, sql(&db.url).await);
    for load in [&held, &other] {
        load.batch_execute("BEGIN; SELECT pg_sleep(0.01)")
            .await
            .unwrap();
    }
    held.batch_execute(&now(2).insert()).await.unwrap();
    other.batch_execute(&now(3).insert()).await.unwrap();
    other.batch_execute("COMMIT").await.unwrap();

    let report = db.count(FILTERS, None).await;
    assert_eq!(report.groups[0].trips, 2);
    assert_eq!(db.since(&report).await, (2, 0, 0), "nothing has changed");

    held.batch_execute("COMMIT").await.unwrap();
    assert_eq!(
        db.since(&report).await,
        (3, 1, 0),
        "the trip of the open load"
    );
    let second = db.count(FILTERS, None).await;
    assert_eq!(db.since(&second).await, (3, 0, 0), "it is new only once");
}

#[tokio::test]
async fn a_load_that_has_written_nothing_yet_during_a_report_is_new_to_the_next_one() {
    let db = Db::migrated().await;
    let load = sql(&db.url).await;
    load.batch_execute("BEGIN; SELECT now()").await.unwrap();
    let report = db.count(FILTERS, None).await;
    let row = Row {
        modified: "now",
        ..ROW
    };
    load.batch_execute(&row.insert()).await.unwrap();
    load.batch_execute("COMMIT").await.unwrap();
    assert_eq!(db.since(&report).await, (1, 1, 0));
}

#[tokio::test]
async fn what_a_report_has_seen_is_recorded() {
    let db = Db::migrated().await;
    let report = MadeReport {
        seen: db.count(FILTERS, None).await.seen,
        filters: FILTERS,
        providers: BTreeMap::new(),
    };
    assert!(report.seen.settled_until.unwrap() < report.seen.made_at);
    let month = "2020-03".parse::<Month>().unwrap().first_day();
    db.store.record_report(month, &report).await.unwrap();
    let last = db.store.last_report(month, report.seen.made_at).await;
    assert_eq!(last.unwrap().unwrap(), report);
}

#[tokio::test]
async fn an_id_of_two_entries_counts_under_the_entry_of_each_trips_block() {
    let db = Db::planned().await;
    db.insert(ROW).await;
    db.insert(Row { device: 2, ..ROW }).await;
    let statement = format!(
        "INSERT INTO api.providers (provider_name, mds_provider_id) VALUES ('bird-mopeds', '00000000-0000-0000-0000-00000000b1d0');
         INSERT INTO api.schedule (schedule_id, provider_id, block_start, block_end, date, year, month, day, hour)
         SELECT 4711, provider_id, '2020-03-10T12:00Z', '2020-03-10T13:00Z', '2020-03-10', 2020, 3, 10, 7
         FROM api.providers WHERE provider_name = 'bird-mopeds';
         UPDATE api.trips SET schedule_id = CASE WHEN device_id::text LIKE '%1' THEN {} ELSE 4711 END",
        db.schedule_id(0).await
    );
    db.sql.batch_execute(&statement).await.unwrap();
    let groups = db.groups(FILTERS, None).await;
    let names: Vec<_> = groups
        .iter()
        .map(|group| (group.provider.as_str(), group.trips))
        .collect();
    assert_eq!(names, [("bird", 1), ("bird-mopeds", 1)]);
}

#[tokio::test]
async fn the_last_report_of_a_month_is_found() {
    let db = Db::migrated().await;
    let month: Month = "2020-03".parse().unwrap();
    let (month, other) = (month.first_day(), month.next().unwrap().first_day());
    let made = |made_at: &str, trips| MadeReport {
        seen: seen_at(made_at),
        filters: FILTERS,
        providers: BTreeMap::from([("bird".to_owned(), ReportedCounts { trips, counted: 1 })]),
    };
    let (first, second) = (
        made("2020-04-02T08:00:00Z", 5),
        made("2020-04-09T08:00:00Z", 6),
    );
    let last = async |month, until| db.store.last_report(month, instant(until)).await.unwrap();
    assert_eq!(last(month, "2020-05-01T00:00:00Z").await, None);
    for report in [&second, &first] {
        db.store.record_report(month, report).await.unwrap();
    }
    assert_eq!(last(month, "2020-05-01T00:00:00Z").await, Some(second));
    assert_eq!(last(month, "2020-04-02T08:00:00Z").await, Some(first));
    assert_eq!(last(month, "2020-04-02T07:59:59Z").await, None);
    assert_eq!(last(other, "2020-05-01T00:00:00Z").await, None);
}
