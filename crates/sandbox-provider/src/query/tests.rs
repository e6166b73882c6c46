use super::*;

fn parse(style: QueryStyle, parameters: &[(&str, &str)]) -> Result<TripQuery, String> {
    let owned: Vec<_> = parameters
        .iter()
        .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
        .collect();
    TripQuery::parse(style, &owned)
}

#[test]
fn an_hour_is_thirteen_characters() {
    let query = parse(QueryStyle::EndHour, &[("end_time", "2019-10-01T07")]).unwrap();
    assert_eq!((query.first_hour, query.end_hour), (436_087, 436_088));
    for wrong in [
        "2019-10-01T7",
        "2019-10-01T07:00",
        "2019-10-01T07Z",
        "2019-10-01T25",
        "1569913200000",
    ] {
        assert!(
            parse(QueryStyle::EndHour, &[("end_time", wrong)]).is_err(),
            "{wrong}"
        );
    }
    assert!(
        parse(QueryStyle::EndHour, &[])
            .unwrap_err()
            .contains("end_time")
    );
}

#[test]
fn windows_may_start_and_end_anywhere() {
    let window = [
        ("min_end_time", "1569913200000"),
        ("max_end_time", "1569916800001"),
    ];
    let query = parse(QueryStyle::EndBetween, &window).unwrap();
    assert_eq!((query.first_hour, query.end_hour), (436_087, 436_089));
    let window = [("start_time", "1569913200.5"), ("end_time", "1569916800.0")];
    let query = parse(QueryStyle::StartAndEnd, &window).unwrap();
    assert_eq!((query.first_hour, query.last_hour()), (436_087, 436_087));
}

#[test]
fn windows_of_the_wrong_unit_or_length_are_refused() {
    for (start, end) in [
        ("1569913200000", "1569916800000"),
        ("20", "10"),
        ("0", "1569916800"),
        ("a", "1"),
    ] {
        assert!(
            parse(
                QueryStyle::StartAndEnd,
                &[("start_time", start), ("end_time", end)]
            )
            .is_err()
        );
    }
    assert!(
        parse(QueryStyle::EndBetween, &[("min_end_time", "5")])
            .unwrap_err()
            .contains("max_end_time")
    );
}
