use super::*;

#[test]
fn every_quirk_has_a_name_and_a_bit_of_its_own() {
    for quirk in Quirk::ALL {
        assert_eq!(quirk.as_str().parse(), Ok(quirk));
        assert_eq!(Quirks::from([quirk]).iter().collect::<Vec<_>>(), [quirk]);
    }
    assert!("none".parse::<Quirk>().is_err());
}
