use super::*;

#[test]
fn every_oddity_has_a_name_and_a_place_of_its_own() {
    for (place, oddity) in Oddity::ALL.into_iter().enumerate() {
        assert_eq!(oddity as usize, place);
        assert_eq!(oddity.name().parse(), Ok(oddity));
        assert_eq!(
            Oddities::from([oddity]).iter().collect::<Vec<_>>(),
            [oddity]
        );
    }
    assert!("none".parse::<Oddity>().is_err());
}
