//! What a file may contain, and the errors for files that cannot be used.

use rstest::rstest;
use serde_json::{Value, json};

use super::fixture::*;
use crate::{Boundaries, BoundaryError, LayerName, check_geometry};

#[rstest]
#[case(json!("9"), "9")]
#[case(json!("District 9"), "District 9")]
#[case(json!(9), "9")]
#[case(json!(9.0), "9")]
#[case(json!(9.5), "9.5")]
#[case(json!(48_453_001_100_u64), "48453001100")]
#[case(json!(0), "0")]
fn a_label_is_a_string_or_a_number(#[case] property: Value, #[case] expected: &str) {
    let boundaries = cells(json!([square(property, 0.0, 1.0)]));
    assert_eq!(cell(&boundaries, 0.5, 0.5), Some(expected));
}

#[rstest]
#[case(Value::Null)]
#[case(json!(""))]
fn a_feature_without_a_label_hides_the_later_ones(#[case] property: Value) {
    let features = json!([square(property, 0.0, 1.0), square("later", 0.0, 2.0)]);
    let boundaries = cells(features);
    assert_eq!(cell(&boundaries, 0.5, 0.5), None);
    assert_eq!(cell(&boundaries, 1.5, 1.5), Some("later"));
}

#[rstest]
#[case(json!({"other": 1}))]
#[case(Value::Null)]
fn a_feature_may_lack_the_property(#[case] properties: Value) {
    let mut feature = square("x", 0.0, 1.0);
    feature["properties"] = properties;
    let boundaries = cells(json!([feature, square("b", 2.0, 3.0)]));
    assert_eq!(cell(&boundaries, 0.5, 0.5), None);
    assert_eq!(cell(&boundaries, 2.5, 2.5), Some("b"));
}

#[test]
fn a_feature_may_have_no_geometry() {
    let mut feature = square("nowhere", 0.0, 1.0);
    feature["geometry"] = Value::Null;
    let boundaries = cells(json!([feature, square("b", 0.0, 1.0)]));
    assert_eq!(cell(&boundaries, 0.5, 0.5), Some("b"));
    let boundaries = cells(json!([feature]));
    assert_eq!(cell(&boundaries, 0.5, 0.5), None);
}

#[rstest]
#[case(json!({"type": "Polygon", "coordinates": []}))]
#[case(json!({"type": "Polygon", "coordinates": [[]]}))]
#[case(json!({"type": "MultiPolygon", "coordinates": []}))]
#[case(json!({"type": "MultiPolygon", "coordinates": [[]]}))]
#[case(json!({"type": "MultiPolygon", "coordinates": [[[]]]}))]
#[case(json!({"type": "GeometryCollection", "geometries": []}))]
#[case(json!({"type": "GeometryCollection", "geometries": [{"type": "Polygon", "coordinates": []}]}))]
#[case(json!({"type": "GeometryCollection", "geometries": [{"type": "Point", "coordinates": [0, 0]}]}))]
#[case::null_coordinates(json!({"type": "Polygon", "coordinates": null}))]
#[case::no_coordinates(json!({"type": "MultiPolygon"}))]
#[case::nothing(json!({}))]
#[case::null_type(json!({"type": null, "coordinates": null}))]
#[case::null_geometries(json!({"type": "GeometryCollection", "geometries": null}))]
#[case::no_geometries(json!({"type": "GeometryCollection"}))]
#[case::null_member(json!({"type": "GeometryCollection", "geometries": [null, {}]}))]
#[case::empty_point(json!({"type": "Point", "coordinates": []}))]
#[case::empty_line(json!({"type": "LineString", "coordinates": []}))]
#[case::empty_lines(json!({"type": "MultiLineString", "coordinates": [[], [ ]]}))]
#[case::null_points(json!({"type": "MultiPoint", "coordinates": null}))]
#[case::empty_rings(json!({"type": "Polygon", "coordinates": [[], []]}))]
fn an_empty_geometry_is_no_area(#[case] geometry: Value) {
    let mut feature = square("nowhere", 0.0, 1.0);
    feature["geometry"] = geometry;
    let boundaries = cells(json!([feature, square("b", 0.0, 1.0)]));
    assert_eq!(cell(&boundaries, 0.5, 0.5), Some("b"));
    let boundaries = cells(json!([feature]));
    assert_eq!(cell(&boundaries, 0.5, 0.5), None);
}

#[test]
fn the_polygons_of_a_collection_count_and_its_lines_do_not() {
    let part = |from: f64| json!({"type": "Polygon", "coordinates": [ring(from, from + 1.0)]});
    let mut feature = square("clipped", 0.0, 1.0);
    feature["geometry"] = json!({"type": "GeometryCollection", "geometries": [
        part(0.0),
        {"type": "LineString", "coordinates": [[5, 5], [6, 6]]},
        {"type": "GeometryCollection", "geometries": [
            {"type": "MultiPolygon", "coordinates": [part(2.0)["coordinates"]]},
        ]},
    ]});
    let boundaries = cells(json!([feature]));
    for (at, label) in [(0.5, Some("clipped")), (2.5, Some("clipped")), (5.5, None)] {
        assert_eq!(cell(&boundaries, at, at), label);
    }
}

#[test]
fn null_members_stand_beside_others() {
    let part = json!({"type": "Polygon", "coordinates": [ring(0.0, 1.0)]});
    let mut feature = square("clipped", 0.0, 1.0);
    feature["geometry"] = json!({"type": "GeometryCollection", "geometries": [null, part]});
    let boundaries = cells(json!([null, feature]));
    assert_eq!(cell(&boundaries, 0.5, 0.5), Some("clipped"));
}

#[test]
fn heights_and_a_byte_order_mark_are_skipped() {
    let mut feature = square("high", 0.0, 1.0);
    feature["geometry"]["coordinates"] =
        json!([[[0, 0, 9], [1, 0, 9], [1, 1, 9], [0, 1, 9], [0, 0, 9]]]);
    let json = format!("\u{feff}{}", collection(json!([feature])));
    let boundaries = build(&json).unwrap();
    assert_eq!(cell(&boundaries, 0.5, 0.5), Some("high"));
}

#[rstest]
#[case(LayerName::CensusGeoid, json!(6_037_101_110_u64), 1)]
#[case(LayerName::CensusGeoid, json!("6037101110"), 1)]
#[case(LayerName::CensusGeoid, json!(48_453_001_100_u64), 0)]
#[case(LayerName::CensusGeoid, json!("06037101110"), 0)]
#[case(LayerName::Cell, json!(6_037_101_110_u64), 0)]
fn tracts_that_lost_a_zero_are_counted(
    #[case] name: LayerName,
    #[case] geoid: Value,
    #[case] shortened: usize,
) {
    let json = collection(json!([square(geoid, 0.0, 1.0)]));
    let builder = Boundaries::builder()
        .add_layer(&layer(name), json.as_bytes())
        .unwrap();
    assert_eq!(builder.shortened_geoids(), shortened);
}

#[test]
fn unknown_members_are_skipped() {
    let mut collection = json!({
        "FeatureIndex": {"a": {"geometry": "any"}},
        "crs": {"type": "name", "properties": {"name": "EPSG:4326"}},
        "type": "FeatureCollection",
        "bbox": [0, 0, 1, 1],
    });
    let mut feature = square("a", 0.0, 1.0);
    feature["id"] = json!(17);
    feature["bbox"] = json!("any");
    collection["features"] = json!([feature]);
    let boundaries = build(&collection.to_string()).unwrap();
    assert_eq!(cell(&boundaries, 0.5, 0.5), Some("a"));
}

#[rstest]
#[case("")]
#[case("[]")]
#[case("{}")]
#[case(r#"{"type":"FeatureCollection","features":null}"#)]
#[case(r#"{"type":"FeatureCollection","features":[{"geometry":[]}]}"#)]
fn a_file_that_is_not_a_collection_is_named(#[case] json: &str) {
    let error = build(json).unwrap_err();
    assert!(
        matches!(error, BoundaryError::Malformed { .. }),
        "{error:?}"
    );
    let text = error.to_string();
    assert!(
        text.contains("boundaries/test.json") && text.contains("`cell`"),
        "{text}"
    );
}

#[rstest]
#[case::a_point(json!({"type": "Point", "coordinates": [0, 0]}), "is a Point")]
#[case::a_line(json!({"type": "LineString", "coordinates": [[0, 0], [1, 1]]}), "is a LineString")]
#[case::short_in_a_collection(json!({"type": "GeometryCollection", "geometries": [
    {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [0, 0]]]}]}), "fewer than four")]
#[case::texts(json!({"type": "Polygon", "coordinates": [[["0", "0"]]]}), "are not those of a Polygon")]
#[case::flat(json!({"type": "MultiPolygon", "coordinates": [[[0, 0], [1, 1]]]}), "of a MultiPolygon")]
#[case::no_type(json!({"coordinates": [[[0, 0], [1, 1], [0, 0]]]}), "no `type`")]
#[case::unknown_type(json!({"type": "Circle", "coordinates": []}), "is a Circle")]
#[case::short_ring(json!({"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [0, 0]]]}), "fewer than four")]
#[case::short_position(json!({"type": "Polygon", "coordinates": [[[0, 0], [1], [1, 1], [0, 0]]]}), "fewer than two")]
#[case::feet(json!({"type": "Polygon", "coordinates": [[[3.1e6, 1e7], [3.2e6, 1e7], [3.1e6, 1e6], [3.1e6, 1e7]]]}), "EPSG:4326")]
fn an_unusable_geometry_is_named(#[case] geometry: Value, #[case] problem: &str) {
    let mut feature = square("x", 0.0, 1.0);
    feature["geometry"] = geometry;
    let error = build(&collection(json!([square("a", 0.0, 1.0), feature]))).unwrap_err();
    assert!(
        matches!(error, BoundaryError::Feature { number: 2, .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains(problem), "{error}");
    assert!(!error.to_string().contains("at line"), "{error}");
}

#[rstest]
#[case::label(json!({"properties": {"name": "Zilker"}}), " (name \"Zilker\") of")]
#[case::name(json!({"properties": {"NAME": "Zilker", "name": null}}), " (NAME \"Zilker\") of")]
#[case::id_property(json!({"properties": {"OBJECTID": 7}, "id": 8}), " (OBJECTID 7) of")]
#[case::id(json!({"properties": null, "id": 8}), " (id 8) of")]
#[case::long(json!({"properties": {"id": "x".repeat(500)}}), " (id \"xxx")]
#[case::nothing(json!({"properties": {"area": 1}, "id": null}), "feature 2 of")]
fn a_refused_feature_is_named_as_the_file_names_it(#[case] members: Value, #[case] words: &str) {
    let mut feature = members;
    feature["geometry"] = json!({"type": "Point", "coordinates": [0, 0]});
    let json = collection(json!([square("a", 0.0, 1.0), feature]));
    let error = build(&json).unwrap_err().to_string();
    assert!(
        error.contains("feature 2") && error.contains(words),
        "{error}"
    );
    assert!(error.len() < 400, "{error}");
    let error = check_geometry("boundaries/x.json", json.as_bytes()).unwrap_err();
    let error = error.to_string();
    assert!(error.contains(words.trim_end_matches(" of")), "{error}");
}

#[rstest]
#[case(json!(true))]
#[case(json!(["9"]))]
#[case(json!({}))]
#[case(json!("9".repeat(201)))]
fn a_label_of_another_type_or_beyond_the_length_of_one_is_named(#[case] property: Value) {
    let error = build(&collection(json!([square(property, 0.0, 1.0)]))).unwrap_err();
    assert!(
        matches!(error, BoundaryError::Feature { number: 1, .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains("`name`"), "{error}");
}

#[rstest]
#[case(json!([]))]
#[case(json!([{"properties": {"NAME": "9"}, "geometry": null}]))]
fn a_property_that_no_feature_has_is_named(#[case] features: Value) {
    let error = build(&collection(features)).unwrap_err();
    assert!(matches!(error, BoundaryError::NoLabels { .. }), "{error:?}");
    assert!(error.to_string().contains("`name`"), "{error}");
}

#[test]
fn a_layer_may_be_added_only_once() {
    let json = collection(json!([square("a", 0.0, 1.0)]));
    let cell = layer(LayerName::Cell);
    let builder = Boundaries::builder()
        .add_layer(&cell, json.as_bytes())
        .unwrap();
    let error = builder.add_layer(&cell, json.as_bytes()).unwrap_err();
    assert!(matches!(
        error,
        BoundaryError::Duplicate {
            layer: LayerName::Cell
        }
    ));
}
