use rstest::rstest;

use super::*;

/// Counts of a load with this status that has changed so many rows.
fn counts(status: BlockStatus, updated: u64) -> LoadCounts {
    LoadCounts {
        status,
        loaded: 3,
        rejected: 0,
        duplicates: 0,
        inserted: 0,
        updated,
        unchanged: 3 - updated,
        withdrawn: 0,
    }
}

fn moved() -> DateTime<Utc> {
    "2020-01-15T12:00:00Z".parse().unwrap()
}

#[rstest]
#[case::nothing_has_changed(0, false, None, Entered::Changed { since: None, now: false })]
#[case::a_row_has_changed(1, false, None, Entered::Changed { since: None, now: true })]
#[case::a_trip_has_moved(0, false, Some(moved()), Entered::Changed { since: Some(moved()), now: false })]
#[case::all_is_sent_again(0, true, None, Entered::All)]
#[case::all_is_sent_again_with_a_change(1, true, Some(moved()), Entered::All)]
fn a_load_enters_what_the_portal_must_receive(
    #[case] updated: u64,
    #[case] republishes: bool,
    #[case] moved_since: Option<DateTime<Utc>>,
    #[case] entered: Entered,
    #[values(BlockStatus::Loaded, BlockStatus::LoadedWithRejects)] status: BlockStatus,
) {
    let must_publish = updated > 0 || republishes || moved_since.is_some();
    assert_eq!(
        Entry::of(&counts(status, updated), republishes, moved_since),
        Entry {
            entered,
            must_publish,
            may_be_published: !must_publish,
            while_pending: None,
        }
    );
}

#[rstest]
#[case::nothing_is_left(0, Entered::Nothing)]
#[case::trips_have_gone(1, Entered::Changed { since: None, now: true })]
fn a_load_that_rejects_everything_sends_nothing_again(
    #[case] updated: u64,
    #[case] entered: Entered,
    #[values(false, true)] republishes: bool,
) {
    let entry = Entry::of(
        &counts(BlockStatus::AllRejected, updated),
        republishes,
        None,
    );
    assert_eq!(entry.entered, entered);
    assert_eq!(entry.must_publish, updated > 0);
    assert!(!entry.may_be_published);
}

#[test]
fn a_block_without_trips_counts_as_loaded_until_the_portal_has_lost_its_rows() {
    let entry = Entry::of(&counts(BlockStatus::NoTrips, 1), false, None);
    assert_eq!(entry.while_pending, Some(BlockStatus::Loaded));
    let entry = Entry::of(&counts(BlockStatus::NoTrips, 0), false, None);
    assert!(!entry.must_publish && !entry.may_be_published);
}
