use super::{VERSIONS, embedded};

#[test]
fn the_listed_versions_are_those_of_the_migrations() {
    let runner = embedded::migrations::runner();
    let mut versions: Vec<i32> = (runner.get_migrations().iter())
        .map(refinery::Migration::version)
        .collect();
    versions.sort_unstable();
    assert_eq!(VERSIONS, versions);
}
