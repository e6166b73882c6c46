use super::*;

fn is_believed(loaded: u64, missing: u64, max_loss: f64) -> bool {
    Loss::of(Kept::Loaded, loaded, missing, max_loss).is_none()
}

#[test]
fn a_response_may_lack_three_trips_or_the_given_share() {
    for (loaded, missing, max_loss, believed) in [
        (0, 0, 0.2, true),
        (3, 3, 0.0, true),
        (4, 3, 0.0, true),
        (4, 4, 0.2, false),
        (20, 4, 0.2, true),
        (19, 4, 0.2, false),
        (100, 20, 0.2, true),
        (100, 21, 0.2, false),
        (100, 100, 1.0, true),
    ] {
        assert_eq!(
            is_believed(loaded, missing, max_loss),
            believed,
            "{missing} of {loaded}, {max_loss}"
        );
    }
}
