use super::is_understood;

#[test]
fn a_level_names_levels_and_crates() {
    for level in [
        "debug",
        "off",
        "warn,pipeline=debug",
        "INFO",
        "error, store=info",
        "pipeline",
    ] {
        assert!(is_understood(level), "{level}");
    }
    for level in ["inof", "!!!", "warn,verbose"] {
        assert!(!is_understood(level), "{level}");
    }
}
