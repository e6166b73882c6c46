use rstest::rstest;

use super::*;

#[rstest]
#[case(Versions::Kept(0), "0 older versions in the bucket")]
#[case(Versions::Kept(1), "1 older version in the bucket")]
#[case(
    Versions::Purged { deleted: 1, kept: 2 },
    "1 older version deleted, 2 kept since they are younger"
)]
#[case(
    Versions::Purged { deleted: 3, kept: 0 },
    "3 older versions deleted, 0 kept since they are younger"
)]
fn older_versions_are_counted(#[case] versions: Versions, #[case] line: &str) {
    assert_eq!(versions.line(), line);
}
