use super::*;

/// Checks the rules of the specification that a line can break: a directive names only members of
/// the root, dimensions are texts and metrics are numbers, with at most 30 dimensions in a set and
/// 100 metrics in a directive.
fn check(line: &Value) {
    let aws = &line["_aws"];
    assert!(aws["Timestamp"].is_i64());
    for directive in aws["CloudWatchMetrics"].as_array().unwrap() {
        assert_eq!(directive["Namespace"], NAMESPACE);
        let sets = directive["Dimensions"].as_array().unwrap();
        assert!(!sets.is_empty());
        for set in sets {
            let set = set.as_array().unwrap();
            assert!(set.len() <= 30);
            for name in set {
                assert!(line[name.as_str().unwrap()].is_string(), "{name}");
            }
        }
        let metrics = directive["Metrics"].as_array().unwrap();
        assert!((1..=100).contains(&metrics.len()));
        for metric in metrics {
            assert!(line[metric["Name"].as_str().unwrap()].is_number());
            assert!(["Count", "Seconds"].contains(&metric["Unit"].as_str().unwrap()));
        }
    }
}

#[test]
fn a_line_keeps_the_rules_of_the_format() {
    let line = Metrics::at(DateTime::UNIX_EPOCH)
        .dimension(Dimension::Stage, "staging")
        .dimension(Dimension::Provider, "bird")
        .dimension(Dimension::Step, "sync-db")
        .property("run_id", "r")
        .measure(
            &[
                &[Dimension::Stage],
                &[Dimension::Stage, Dimension::Provider],
            ],
            &[Metric::count("TripsLoaded", 41)],
        )
        .measure(
            &[&[Dimension::Stage, Dimension::Step]],
            &[Metric::seconds("StepSeconds", 0.25)],
        )
        .line();
    let line: Value = serde_json::from_str(&line).unwrap();
    check(&line);
    assert_eq!(line["TripsLoaded"], 41.0);
    assert_eq!(line["StepSeconds"], 0.25);
    assert_eq!(line["run_id"], "r");
    assert_eq!(
        line["_aws"]["CloudWatchMetrics"].as_array().unwrap().len(),
        2
    );
}
