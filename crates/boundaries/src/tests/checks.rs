//! What a person is told who stores a layer.

use rstest::rstest;
use serde_json::{Value, json};

use super::fixture::*;
use crate::{BoundaryError, LayerName, check_geometry, check_layer};

fn without_geometry(name: &str) -> Value {
    let mut feature = square(name, 0.0, 1.0);
    feature["geometry"] = Value::Null;
    feature
}

#[rstest]
#[case::null(json!([without_geometry("a"), without_geometry("b")]))]
#[case::empty(json!([{"properties": {"name": "a"}, "geometry": {"type": "MultiPolygon", "coordinates": []}}]))]
#[case::area_without_label(json!([without_geometry("a"), square(Value::Null, 0.0, 1.0)]))]
fn a_layer_that_can_never_label_a_point_is_refused_and_still_loads(#[case] features: Value) {
    let json = collection(features);
    let error = check_layer(&layer(LayerName::Cell), json.as_bytes()).unwrap_err();
    assert!(matches!(error, BoundaryError::NoArea { .. }), "{error:?}");
    let text = error.to_string();
    assert!(
        text.contains("`cell`") && text.contains("boundaries/test.json"),
        "{text}"
    );
    assert!(build(&json).is_ok());
}

#[rstest]
#[case(json!([without_geometry("a")]))]
#[case(json!([]))]
fn a_file_of_no_layer_without_an_area_is_refused(#[case] features: Value) {
    let error = check_geometry("boundaries/x.json", collection(features).as_bytes()).unwrap_err();
    assert!(error.to_string().contains("has an area"), "{error}");
}

#[test]
fn a_null_geometry_among_others_is_good() {
    let json = collection(json!([without_geometry("a"), square("b", 0.0, 1.0)]));
    let warnings = check_layer(&layer(LayerName::Cell), json.as_bytes()).unwrap();
    assert_eq!(warnings, [""; 0]);
}

#[rstest]
#[case(LayerName::CensusGeoid, json!(6_037_101_110_u64), &["feature 2", "`name` is 6037101110", "ten digits", "\"06037101110\"", "1 other feature"])]
#[case(LayerName::CensusGeoid, json!("6037101110"), &["ten digits"])]
#[case(LayerName::CensusGeoid, json!(0), &["feature 2", "`name` is 0,", "in no feature"])]
#[case(LayerName::CouncilDistrict, json!("0"), &["feature 2", "`council_district`", "`name` is 0,"])]
#[case(LayerName::CouncilDistrict, json!(0.0), &["`name` is 0,"])]
#[case(LayerName::CouncilDistrict, json!(10), &[])]
#[case(LayerName::CensusGeoid, json!("06037101110"), &[])]
#[case(LayerName::CensusGeoid, json!("30.27010,-97.74020"), &["feature 2", "pair of coordinates", "1 other feature"])]
#[case(LayerName::CouncilDistrict, json!("District 9.1"), &[])]
#[case(LayerName::Cell, json!("30.27010,-97.74020"), &[])]
// Cells are not published, and have ids of any form.
#[case(LayerName::Cell, json!(0), &[])]
#[case(LayerName::Cell, json!(6_037_101_110_u64), &[])]
fn labels_that_are_seldom_meant_are_named(
    #[case] name: LayerName,
    #[case] label: Value,
    #[case] expected: &[&str],
) {
    let features = json!([
        square("48453001100", 0.0, 1.0),
        square(label.clone(), 1.0, 2.0),
        square(label, 2.0, 3.0)
    ]);
    let warnings = check_layer(&layer(name), collection(features).as_bytes()).unwrap();
    assert_eq!(
        warnings.len(),
        usize::from(!expected.is_empty()),
        "{warnings:?}"
    );
    for part in expected {
        assert!(warnings[0].contains(part), "{warnings:?} lacks {part}");
    }
}

/// Parcels of 40 by 66 m, as a city may have them with addresses.
#[rstest]
#[case(LayerName::CensusGeoid, 0.0006, true)]
#[case(LayerName::CouncilDistrict, 0.0006, true)]
#[case(LayerName::CensusGeoid, 0.01, false)]
#[case(LayerName::Cell, 0.0006, false)]
fn a_published_layer_of_tiny_features_is_warned_of(
    #[case] name: LayerName,
    #[case] degrees: f64,
    #[case] is_warned: bool,
) {
    // One is as large as a district.
    let features = json!([
        square("a", 0.0, degrees),
        square("b", 1.0, 1.0 + degrees),
        square("c", 2.0, 3.0)
    ]);
    let warnings = check_layer(&layer(name), collection(features).as_bytes()).unwrap();
    assert_eq!(warnings.len(), usize::from(is_warned), "{warnings:?}");
    if is_warned {
        let text = &warnings[0];
        assert!(
            text.contains("3 labels have a median area of 4")
                && text.contains("take districts or census tracts"),
            "{text}"
        );
    }
}

/// Three districts, and slivers at their borders that belong to one of them.
#[test]
fn the_median_area_is_one_of_labels_and_not_of_pieces() {
    let district = |label: &str, at: f64| square(label, at, at + 0.03);
    let sliver = |at: f64| square("1", at, at + 0.001);
    let mut features = vec![district("1", 1.0), district("2", 2.0), district("3", 3.0)];
    features.extend((10..18).map(f64::from).map(sliver));
    let layer = layer(LayerName::CouncilDistrict);
    let warnings = check_layer(&layer, collection(json!(features)).as_bytes()).unwrap();
    assert_eq!(warnings, Vec::<String>::new());
}
