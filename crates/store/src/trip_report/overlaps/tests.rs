use uuid::Uuid;

use super::{MAX_UNDER_WAY, Overlaps, Ride};
use crate::trip_report::TripGroup;
use crate::trip_report::rows::TripRow;
use crate::trip_report::sums::{GroupKey, Place, Sums};

/// Hours are enough here: the slices of these tests begin at 10 and at 0.
fn ride(device: u128, start: i64, end: i64) -> Ride {
    let trip = TripRow {
        provider_id: Uuid::nil(),
        device_id: Uuid::from_u128(device),
        schedule_id: None,
        start,
        end,
        vehicle_type: None,
        metres: 1_000,
        seconds: 600,
        received_at: None,
        class: 0,
    };
    Ride::new(&trip, 0)
}

/// The number of overlapping trips in two slices, of which the later one is searched first.
fn overlapping(later: Vec<Ride>, earlier: Vec<Ride>) -> u64 {
    let (mut sums, places) = one_group();
    let mut overlaps = Overlaps::default();
    overlaps.add_slice(10, Some(later), &places, &mut sums);
    overlaps.add_slice(0, Some(earlier), &places, &mut sums);
    assert!(overlaps.are_complete());
    sums.into_groups().map(|(_, group)| group.overlapping).sum()
}

fn one_group() -> (Sums, Vec<Place>) {
    let mut sums = Sums::default();
    let key = GroupKey {
        entry: None,
        id: Uuid::nil(),
        vehicle_type: None,
    };
    let places = sums.add(vec![(key, TripGroup::default())]).unwrap();
    (sums, places)
}

#[test]
fn a_trip_that_reaches_into_an_earlier_slice_overlaps_trips_of_that_slice() {
    assert_eq!(overlapping(vec![ride(1, 5, 12)], vec![ride(1, 4, 6)]), 1);
    assert_eq!(overlapping(vec![ride(1, 5, 12)], vec![ride(1, 6, 7)]), 1);
    assert_eq!(overlapping(vec![ride(1, 5, 12)], vec![ride(1, 4, 5)]), 0);
    assert_eq!(overlapping(vec![ride(1, 5, 12)], vec![ride(2, 4, 6)]), 0);
}

#[test]
fn a_trip_that_overlaps_trips_of_several_slices_counts_once() {
    let later = vec![ride(1, 3, 11), ride(1, 4, 12)];
    assert_eq!(overlapping(later, vec![ride(1, 2, 5)]), 2);
}

#[test]
fn of_equal_trips_all_but_one_count_however_they_are_ordered_elsewhere() {
    let twice = || vec![ride(1, 4, 12), ride(1, 4, 12)];
    assert_eq!(overlapping(twice(), vec![]), 1);
    assert_eq!(overlapping(twice(), vec![ride(1, 6, 7)]), 2);
    assert_eq!(overlapping(twice(), vec![ride(1, 2, 5)]), 2);
    assert_eq!(overlapping(twice(), vec![ride(2, 2, 5)]), 1);
}

#[test]
fn too_many_trips_under_way_leave_the_search_to_the_database() {
    let (mut sums, places) = one_group();
    let mut overlaps = Overlaps::default();
    let rides = (0..=MAX_UNDER_WAY as u128).map(|device| ride(device, 5, 12));
    overlaps.add_slice(10, Some(rides.collect()), &places, &mut sums);
    assert!(!overlaps.are_complete());
    overlaps.add_slice(0, Some(vec![ride(1, 4, 6)]), &places, &mut sums);
    assert!(!overlaps.are_complete());
}
