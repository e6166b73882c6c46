//! Rows of `publish.json`.

use serde_json::Value;
use serde_json::value::RawValue;
use trips::json::Elements;
use trips::public_row::{Member, PublicTimes, PublishedRow, TimeRounding};

use crate::json::Members;
use crate::outcome::check_message;

pub(super) const WORDS: &[&str] = &[
    "trip_id",
    "device_id",
    "vehicle_type",
    "trip_duration",
    "trip_distance",
    "start_time",
    "end_time",
    "modified_date",
    "start_time_us_central",
    "end_time_us_central",
    "year",
    "month",
    "hour",
    "day_of_week",
    "council_district_start",
    "census_geoid_end",
    "scooter",
    "other",
    "2020-02-11T15:08:25",
    "9999-12-31T23:59:59",
    "0000-01-01T00:00:00",
    "2020-02-30T00:00:00",
    "2020-02-11T15:08:60",
    ":id",
    "start_lat",
];

pub(super) fn check(data: &[u8]) {
    let mut rows = Elements::new(data);
    let mut texts = Vec::new();
    let ended = loop {
        match rows.next_with(|row| row.get().to_owned()) {
            Ok(Some(row)) => texts.push(row),
            ended => break ended.map(drop),
        }
    };
    let whole = serde_json::from_slice::<Vec<&RawValue>>(trips::text::strip_byte_order_mark(data));
    assert_eq!(ended.is_ok(), whole.is_ok(), "{ended:?}, not {whole:?}");
    if let Ok(whole) = whole {
        let due: Vec<_> = whole.iter().map(|row| row.get()).collect();
        assert_eq!(texts, due, "other rows than those of the text");
    }
    if texts.is_empty() {
        texts.extend(str::from_utf8(data).map(str::to_owned));
    }
    for text in &texts {
        for rounding in [TimeRounding::NONE, TimeRounding::QUARTER_HOURS] {
            let times = PublicTimes {
                rounding,
                ..PublicTimes::default()
            };
            check_row(text, &times);
        }
    }
}

/// What is read is the closed published form, and what is written from it reads as the same.
fn check_row(text: &str, times: &PublicTimes) {
    let row = match PublishedRow::parse(text, times) {
        Ok(row) => row,
        Err(error) => return check_error(text, &error.to_string()),
    };
    let written = serde_json::to_string(&row).unwrap();
    let members = Members::read(&written).unwrap();
    let names: Vec<_> = members.0.iter().map(|(name, _)| name.clone()).collect();
    let due = Member::ALL.map(|member| member.to_string());
    assert_eq!(names, due, "other members than those of the published form");
    let again = PublishedRow::parse(&written, times).expect("a row that was written");
    assert_eq!(again, row, "another row after it was written");
    let sent = Members::read(text).unwrap();
    for (name, value) in &sent.0 {
        let kept = members.named(name).next().map(RawValue::get);
        let is_time = name.contains("time")
            || ["year", "month", "hour", "day_of_week"].contains(&name.as_str());
        if !is_time || times.rounding == TimeRounding::NONE {
            let same = |text: &str| serde_json::from_str::<Value>(text).unwrap();
            assert_eq!(
                kept.map(same),
                Some(same(value.get())),
                "`{name}` has changed"
            );
        }
    }
}

/// A message names members, and never a value.
fn check_error(text: &str, message: &str) {
    check_message(message);
    let Ok(Value::Object(members)) = serde_json::from_str::<Value>(text) else {
        return;
    };
    let own = Member::ALL.map(|member| member.to_string());
    let names: Vec<&str> = members.keys().map(String::as_str).collect();
    for value in members.values().filter_map(Value::as_str) {
        let is_own = own.iter().any(|own| own.contains(value))
            || OWN_WORDS.contains(value)
            || OWN_PHRASES.iter().any(|phrase| value.contains(phrase));
        let is_of_a_name = names.iter().any(|name| name.contains(value));
        let is_telling = value.len() > 8 && !is_of_a_name && !is_own;
        assert!(
            !is_telling || !message.contains(value),
            "a message shows a value: {message}"
        );
    }
}

/// Words of the messages.
const OWN_WORDS: &str = "a time such as 2020-02-11T15:08:25, a vehicle type of MDS";
/// Which a value may repeat, with names of members.
const OWN_PHRASES: [&str; 3] = ["row", "member", "`"];
