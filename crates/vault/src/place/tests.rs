//! Places of keys, and the frames that name them.

use rstest::rstest;

use super::*;

#[rstest]
#[case("production/bird/2020/1/1/22/trips.json")]
#[case("production/bird/2020/1/1/22/trips.2020-01-03T05-00-12Z.json")]
fn the_archive_and_its_copies_have_one_place(#[case] key: &str) {
    let place = Place::of(key);
    assert_eq!(place, Place::of("production/bird/2020/1/1/22/trips.json"));
    assert_eq!(place.to_string(), "trips of production/bird/2020/1/1/22");
}

#[test]
fn a_refused_response_is_none_that_was_believed() {
    let archive = Place::of("production/bird/2020/1/1/22/trips.json");
    let refused = Place::of("production/bird/2020/1/1/22/trips.refused.json");
    assert_eq!(
        refused.to_string(),
        "trips.refused of production/bird/2020/1/1/22"
    );
    assert!(refused.takes(&refused) && !archive.takes(&refused));
    // As earlier versions sealed it.
    assert!(refused.takes(&archive));
    let other = Place::of("production/bird/2020/1/1/23/trips.json");
    assert!(!refused.takes(&other) && !archive.takes(&other));
}

#[rstest]
#[case("production/bird/2020/1/1/22/extract.json")]
#[case("production/bird/2020/1/1/22/trips.refused.json")]
#[case("production/bird/2020/1/1/23/trips.json")]
#[case("production/lime/2020/1/1/22/trips.json")]
#[case("staging/bird/2020/1/1/22/trips.json")]
#[case("trips.json")]
fn another_kind_hour_provider_or_stage_is_another_place(#[case] key: &str) {
    assert_ne!(
        Place::of(key),
        Place::of("production/bird/2020/1/1/22/trips.json")
    );
}

#[test]
fn the_frames_are_read_back_and_every_reader_of_zstd_skips_them() {
    let place = Place::of("staging/a \"quoted\" name/trips.json");
    let mut content = place.frames();
    assert_eq!(zstd::decode_all(content.as_slice()).unwrap(), b"");
    for piece in ["one, ", "two"] {
        content.extend(zstd::bulk::compress(piece.as_bytes(), 1).unwrap());
    }
    assert_eq!(zstd::decode_all(content.as_slice()).unwrap(), b"one, two");

    let head = Head::read(&mut content.as_slice()).unwrap();
    assert_eq!(head.place, Some(place));
    assert!(head.is_compressed && content.starts_with(&head.bytes));
}

#[rstest]
#[case::nothing(Vec::new(), false)]
#[case::json(b"{\"trips\": []}".to_vec(), false)]
#[case::compressed(zstd::bulk::compress(b"{}", 1).unwrap(), true)]
#[case::compressed_nothing(zstd::bulk::compress(b"", 1).unwrap(), true)]
fn content_without_a_place_is_read_as_before(#[case] content: Vec<u8>, #[case] compressed: bool) {
    let head = Head::read(&mut content.as_slice()).unwrap();
    assert_eq!(head.place, None);
    assert_eq!(head.is_compressed, compressed);
    assert!(content.starts_with(&head.bytes));
}

#[test]
fn a_place_that_cannot_be_read_is_an_error() {
    let whole = Place::of("a/b.json").frames();
    let mut endless = whole.clone();
    endless[13..17].copy_from_slice(&u32::MAX.to_le_bytes());
    for bad in [&whole[..whole.len() - 1], &endless] {
        let error = Head::read(&mut &*bad).err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
}

#[rstest]
#[case("boundaries/cell.json", true)]
#[case("config/history/boundaries/cell.2026-11-26T08-53-03Z.json", true)]
#[case("config/history/settings_staging.2026-11-26T08-53-03Z.json", false)]
#[case("staging/runs/0197a1b2/manifest.json", true)]
#[case("production/runs/map-results/x/SUCCEEDED_0.json", true)]
#[case("config/settings_production.json", false)]
#[case("staging/bird/2020/1/1/22/trips.json", false)]
#[case("notes.txt", false)]
#[case("staging/status.html", true)]
#[case("staging/bird/status.html", false)]
#[case("status.html", false)]
fn only_boundaries_runs_and_the_status_page_may_be_plain(#[case] key: &str, #[case] may: bool) {
    assert_eq!(may_be_plain(key), may);
}
