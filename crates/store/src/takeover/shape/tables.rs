//! The tables that the Python tools have too, as this program needs them.

use super::Absent::{self, Computed, Is, Null, Refused};
use super::Kind::{self, Bigint, Bool, Date, Float, Instant, Int, Json, Text, TextArray, Uuid};
use super::{Table, Target};

const fn column(name: &'static str, kind: Kind, absent: Absent) -> Target {
    Target {
        name,
        kind,
        absent,
        is_later: false,
    }
}

/// A nullable column that a migration adds.
const fn later(name: &'static str, kind: Kind) -> Target {
    Target {
        name,
        kind,
        absent: Absent::Null,
        is_later: true,
    }
}

const fn later_with(name: &'static str, kind: Kind, default: &'static str) -> Target {
    Target {
        name,
        kind,
        absent: Absent::Is(default),
        is_later: true,
    }
}

pub(in crate::takeover) const PROVIDERS: Table = Table {
    name: "providers",
    key: &["provider_id"],
    columns: &[
        column("provider_id", Int, Refused),
        column("provider_name", Text, Refused),
        later("mds_provider_id", Uuid),
        later("answered_address", Text),
        later("answered_at", Instant),
        later("next_request_at", Instant),
        later("not_before", Instant),
        later("held_off_address", Text),
        later("active_from", Instant),
        later("lag_hours", Int),
        later("enabled", Bool),
    ],
};

pub(in crate::takeover) const STATUSES: Table = Table {
    name: "schedule_status",
    key: &["status_id"],
    columns: &[
        column("status_id", Int, Refused),
        column("description", Text, Is("''")),
        later("state", Text),
    ],
};

pub(in crate::takeover) const SCHEDULE: Table = Table {
    name: "schedule",
    key: &["schedule_id"],
    columns: &[
        column("schedule_id", Bigint, Refused),
        column("provider_id", Int, Refused),
        column("block_start", Instant, Computed),
        column("block_end", Instant, Computed),
        column("date", Date, Computed),
        column("year", Int, Computed),
        column("month", Int, Computed),
        column("day", Int, Computed),
        column("hour", Int, Computed),
        column("status_id", Int, Is("0")),
        column("payload", Text, Null),
        column("message", Text, Null),
        column("payload_trips_count", Bigint, Null),
        column("records_total", Bigint, Null),
        column("records_processed", Bigint, Null),
        column("records_error_count", Bigint, Null),
        later("records_duplicate_count", Bigint),
        column("error_payload", Json, Null),
        column("rerun_flag", Bool, Is("false")),
        column("socrata_status", Json, Null),
        later("run_id", Uuid),
        later_with("updated_at", Instant, "clock_timestamp()"),
        later("extracted_at", Instant),
        later("published_at", Instant),
        later("trips_new", Bigint),
        later("trips_changed", Bigint),
        later("trips_gone", Bigint),
        later("trips_late", Bigint),
        later("archived_at", Instant),
        later("loaded_at", Instant),
    ],
};

pub(in crate::takeover) const TRIPS: Table = Table {
    name: "trips",
    key: &["provider_id", "trip_id"],
    columns: &[
        column("id", Uuid, Refused),
        column("provider_id", Uuid, Refused),
        column("provider_name", Text, Null),
        column("device_id", Uuid, Refused),
        column("vehicle_id", Text, Null),
        column("vehicle_type", Text, Null),
        column("propulsion_type", Text, Null),
        column("trip_id", Uuid, Refused),
        column("trip_duration", Bigint, Refused),
        column("trip_distance", Bigint, Refused),
        column("accuracy", Bigint, Null),
        column("start_time", Instant, Refused),
        column("end_time", Instant, Refused),
        later("publication_time", Instant),
        column("parking_verification_url", Text, Null),
        column("standard_cost", Bigint, Null),
        column("actual_cost", Bigint, Null),
        later("currency", Text),
        column("start_latitude", Float, Refused),
        column("start_longitude", Float, Refused),
        column("end_latitude", Float, Refused),
        column("end_longitude", Float, Refused),
        column("council_district_start", Text, Null),
        column("council_district_end", Text, Null),
        column("census_geoid_start", Text, Null),
        column("census_geoid_end", Text, Null),
        column("orig_cell_id", Text, Null),
        column("dest_cell_id", Text, Null),
        later("data_provider_id", Uuid),
        later("journey_id", Uuid),
        later("trip_type", Text),
        later("parking_category", Text),
        later_with("flags", TextArray, "'{}'"),
        later("mds_version", Text),
        later("schedule_id", Bigint),
        column("modified_date", Instant, Is("now()")),
        later("delivered_at", Instant),
        later("seen_at", Instant),
        later("withdrawn_at", Instant),
    ],
};

pub(in crate::takeover) const DEVICES: Table = Table {
    name: "devices",
    key: &["provider_id", "device_id"],
    columns: &[
        column("id", Uuid, Refused),
        column("provider_id", Uuid, Refused),
        column("device_id", Uuid, Refused),
    ],
};

pub(in crate::takeover) const TABLES: [&Table; 5] =
    [&PROVIDERS, &STATUSES, &SCHEDULE, &TRIPS, &DEVICES];
