//! Layers as the settings write them.

use super::*;

#[test]
fn the_default_layers_are_those_of_the_contract() {
    let layers: Vec<_> = default_layers()
        .into_iter()
        .map(|layer| (layer.layer.to_string(), layer.key, layer.property))
        .collect();
    let expected = [
        (
            "council_district",
            "boundaries/council_district.json",
            "district_n",
        ),
        ("census_geoid", "boundaries/census_geoid.json", "GEOID10"),
        ("cell", "boundaries/cell.json", "id"),
    ];
    assert_eq!(
        layers,
        expected.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned()))
    );
}

#[test]
fn a_layer_reads_as_the_settings_write_it() {
    let layer: Layer =
        serde_json::from_str(r#"{"layer":"cell","key":"b/hex.json","property":"id"}"#).unwrap();
    assert_eq!(layer.layer, LayerName::Cell);
}

#[test]
fn names_in_settings_and_in_print_are_the_same() {
    for layer in LayerName::ALL {
        assert_eq!(serde_json::to_value(layer).unwrap(), layer.as_str());
    }
}

#[test]
fn an_unknown_layer_is_refused_by_name() {
    let error = serde_json::from_str::<LayerName>(r#""ward""#)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("ward") && error.contains("census_geoid"),
        "{error}"
    );
}
