use super::*;
use rstest::rstest;

#[rstest]
#[case(
    "https://a.example/mds/trips?key=1",
    "https://a.example/mds/vehicles?key=1"
)]
#[case(
    "https://a.example/trips/brussels",
    "https://a.example/vehicles/brussels"
)]
#[case(
    "https://a.example/my%20city/trips/",
    "https://a.example/my%20city/vehicles/"
)]
fn other_lists_are_siblings_of_the_trips(#[case] trips: &str, #[case] vehicles: &str) {
    let url = Url::parse(trips).unwrap();
    assert_eq!(list_url(&url, "vehicles").as_str(), vehicles);
}
