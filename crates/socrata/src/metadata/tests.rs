use super::*;
use rstest::rstest;
use serde_json::json;

const COLUMNS: [(&str, ColumnKind); 4] = [
    ("trip_id", ColumnKind::Text),
    ("trip_duration", ColumnKind::Number),
    ("end_time", ColumnKind::Time),
    ("council_district_end", ColumnKind::Label),
];

fn info(identifier: Option<i64>, types: [&str; 4]) -> DatasetInfo {
    let columns: Vec<_> = COLUMNS
        .iter()
        .zip(types)
        .zip(1..)
        .map(|(((name, _), data_type), id)| {
            json!({"id": id, "fieldName": name, "dataTypeName": data_type, "position": id})
        })
        .collect();
    let view = json!({"id": "abcd-2345", "name": "Trips", "rowIdentifierColumnId": identifier, "columns": columns});
    DatasetInfo::read(view.to_string().as_bytes()).unwrap()
}

const GOOD: [&str; 4] = ["text", "number", "calendar_date", "number"];

#[rstest]
#[case(GOOD)]
#[case(["text", "text", "text", "text"])]
#[case(["text", "number", "text", "text"])]
fn a_dataset_with_the_columns_fits(#[case] types: [&str; 4]) {
    info(Some(1), types).check("trip_id", &COLUMNS).unwrap();
}

#[rstest]
#[case::no_identifier(None, GOOD, "set the row identifier to `trip_id`")]
#[case::other_identifier(Some(2), GOOD, "is the column `trip_duration`")]
#[case::unknown_identifier(Some(9), GOOD, "without a row identifier")]
#[case::id_as_number(Some(1), ["number", "number", "date", "text"], "change it to text")]
#[case::number_as_time(Some(1), ["text", "calendar_date", "date", "text"], "change it to number or text")]
#[case::time_as_number(Some(1), ["text", "number", "number", "text"], "change it to calendar_date")]
#[case::fixed_time(Some(1), ["text", "number", "date", "text"], "has the type date: change it to calendar_date")]
#[case::odd_type(Some(1), ["text", "number", "<script>", "text"], "has the type (unknown)")]
fn another_dataset_is_refused_with_the_remedy(
    #[case] identifier: Option<i64>,
    #[case] types: [&str; 4],
    #[case] remedy: &str,
) {
    let error = info(identifier, types)
        .check("trip_id", &COLUMNS)
        .unwrap_err();
    assert!(matches!(
        error,
        SocrataError::Config {
            key: "SOCRATA_DATASET",
            ..
        }
    ));
    assert!(error.to_string().contains(remedy), "{error}");
}

#[test]
fn a_missing_column_is_named() {
    let columns = [COLUMNS[0], ("month", ColumnKind::Number)];
    let error = info(Some(1), GOOD).check("trip_id", &columns).unwrap_err();
    assert!(
        error.to_string().contains("without the column `month`"),
        "{error}"
    );
}

#[rstest]
#[case("")]
#[case("[]")]
#[case("{}")]
#[case("<html>canary</html>")]
fn other_descriptions_are_refused(#[case] body: &str) {
    let error = DatasetInfo::read(body.as_bytes()).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("canary"));
}
