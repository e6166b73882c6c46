use super::*;

#[test]
fn reads_versions_with_and_without_a_patch_number() {
    assert_eq!("0.2.0".parse(), Ok(MdsVersion::V0_2));
    assert_eq!("1.2".parse(), Ok(MdsVersion::V1_2));
    assert_eq!("2.0.1".parse(), Ok(MdsVersion::V2_0));
    assert!("2.1".parse::<MdsVersion>().is_err());
    assert!("1".parse::<MdsVersion>().is_err());
}
