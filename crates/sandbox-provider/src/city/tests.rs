use super::*;

#[test]
fn the_limit_holds_in_every_direction() {
    for step in 0..360 {
        let bearing = TAU * f64::from(step) / 360.0;
        let (lat, lng) = Place::polar(limit(bearing) * 0.99, bearing).lat_lng();
        assert!(covers(lat, lng));
        let (lat, lng) = Place::polar(limit(bearing) * 1.01, bearing).lat_lng();
        assert!(!covers(lat, lng));
    }
}
