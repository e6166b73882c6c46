use rstest::rstest;
use serde_json::json;

use super::*;

#[rstest]
#[case::settings(FileKind::Settings, json!({"DATABASE_URL": "x"}), false)]
#[case::providers(FileKind::Providers, json!({"bird": {"mds_api_url": "x"}}), false)]
#[case::providers_as_settings(FileKind::Settings, json!({"bird": {"mds_api_url": "x"}}), true)]
#[case::settings_as_providers(FileKind::Providers, json!({"DATABASE_URL": "x"}), true)]
#[case::nothing(FileKind::Providers, json!({}), false)]
#[case::half_an_entry(FileKind::Settings, json!({"bird": {"token": "x"}}), false)]
#[case::list(FileKind::Settings, json!([{"mds_api_url": "x"}]), false)]
fn the_other_file_is_known_by_what_it_has(
    #[case] kind: FileKind,
    #[case] file: Value,
    #[case] is_mistaken: bool,
) {
    assert_eq!(kind.mistaken(&file).is_some(), is_mistaken);
}
