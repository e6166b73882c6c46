use super::*;
use rstest::rstest;

const DAY: Duration = Duration::from_secs(24 * 3600);
const GRACE: Duration = Duration::from_secs(48 * 3600);

#[rstest]
#[case("0.2", MdsVersion::V0_2)]
#[case("0.2.0", MdsVersion::V0_2)]
#[case("0.3.2", MdsVersion::V0_3)]
#[case("0.4.1", MdsVersion::V0_4)]
#[case("1.0.0", MdsVersion::V1_0)]
#[case("1.1.1", MdsVersion::V1_1)]
#[case("1.2.0", MdsVersion::V1_2)]
#[case("2.0", MdsVersion::V2_0)]
#[case("2.0.0-rc1", MdsVersion::V2_0)]
#[case("2", MdsVersion::V2_0)]
#[case(" 1.2 ", MdsVersion::V1_2)]
fn reads_a_version_with_or_without_patch(#[case] text: &str, #[case] version: MdsVersion) {
    assert_eq!(text.parse(), Ok(version));
}

#[rstest]
#[case("")]
#[case("0.1")]
#[case("3.0")]
#[case("1.3")]
#[case("1.2.")]
#[case("1.2.x")]
#[case("v1.2")]
fn refuses_other_versions(#[case] text: &str) {
    assert_eq!(text.parse::<MdsVersion>(), Err(UnknownVersion));
}

#[rstest]
fn not_found_means_no_service_only_once_the_hour_is_old(#[values(404, 410)] status: u16) {
    assert_eq!(StatusMeaning::of(status, DAY, GRACE), StatusMeaning::NotYet);
    assert_eq!(
        StatusMeaning::of(status, GRACE, GRACE),
        StatusMeaning::NotOperating
    );
}

#[rstest]
#[case(200, StatusMeaning::Ready)]
#[case(102, StatusMeaning::NotYet)]
#[case(202, StatusMeaning::NotYet)]
#[case(203, StatusMeaning::Senseless)]
#[case(204, StatusMeaning::NoContent)]
#[case(304, StatusMeaning::Senseless)]
#[case(302, StatusMeaning::Redirect)]
#[case(400, StatusMeaning::Rejected)]
#[case(401, StatusMeaning::Unauthorized)]
#[case(403, StatusMeaning::Unauthorized)]
#[case(406, StatusMeaning::Rejected)]
#[case(408, StatusMeaning::Unavailable)]
#[case(425, StatusMeaning::Unavailable)]
#[case(416, StatusMeaning::Rejected)]
#[case(429, StatusMeaning::Throttled)]
#[case(500, StatusMeaning::Unavailable)]
#[case(503, StatusMeaning::Unavailable)]
fn a_status_has_its_meaning(#[case] status: u16, #[case] meaning: StatusMeaning) {
    assert_eq!(StatusMeaning::of(status, DAY, GRACE), meaning);
}

#[test]
fn the_media_type_has_major_and_minor_only() {
    for version in MdsVersion::ALL.into_iter().skip(1) {
        let accept = version.rules().accept;
        assert!(accept.ends_with(&format!(";version={version}")), "{accept}");
    }
}
