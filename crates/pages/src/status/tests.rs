use std::collections::BTreeSet;

use super::*;

const STYLE: &str = include_str!("../../templates/status.css");
/// Colours that differ by less than this are hard to tell apart in small areas (CIE 1976).
const DISTINCT: f64 = 20.0;
/// How people see colours who lack one kind of cones (Machado, Oliveira and Fernandes, 2009), over
/// linear red, green and blue.
const SIGHTS: [(&str, [[f64; 3]; 3]); 4] = [
    (
        "all cones",
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
    ),
    (
        "protanopia",
        [
            [0.152_286, 1.052_583, -0.204_868],
            [0.114_503, 0.786_281, 0.099_216],
            [-0.003_882, -0.048_116, 1.051_998],
        ],
    ),
    (
        "deuteranopia",
        [
            [0.367_322, 0.860_646, -0.227_968],
            [0.280_085, 0.672_501, 0.047_413],
            [-0.011_820, 0.042_940, 0.968_881],
        ],
    ),
    (
        "tritanopia",
        [
            [1.255_528, -0.076_749, -0.178_779],
            [-0.078_411, 0.930_809, 0.147_602],
            [0.004_733, 0.691_367, 0.303_900],
        ],
    ),
];

/// The colour of a state in the style sheet: in its first rule, or in that for dark screens.
fn colour(state: HourState, is_dark: bool) -> [f64; 3] {
    let name = format!("--{}: #", class(state));
    let mut found = STYLE.match_indices(&name).map(|(at, _)| at + name.len());
    let at = if is_dark { found.nth(1) } else { found.next() };
    let at = at.unwrap_or_else(|| panic!("{state} has no colour"));
    [0, 2, 4].map(|digit| {
        let level = u8::from_str_radix(&STYLE[at + digit..at + digit + 2], 16).unwrap();
        let level = f64::from(level) / 255.0;
        if level <= 0.040_45 {
            level / 12.92
        } else {
            ((level + 0.055) / 1.055).powf(2.4)
        }
    })
}

fn seen(sight: &[[f64; 3]; 3], colour: [f64; 3]) -> [f64; 3] {
    sight.map(|row| {
        let sum: f64 = row.iter().zip(colour).map(|(a, b)| a * b).sum();
        sum.clamp(0.0, 1.0)
    })
}

/// CIE L*a*b* under daylight.
fn lab([red, green, blue]: [f64; 3]) -> [f64; 3] {
    let root = |t: f64| {
        if t > 0.008_856 {
            t.cbrt()
        } else {
            7.787 * t + 16.0 / 116.0
        }
    };
    let x = root((0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.950_47);
    let y = root(0.2126 * red + 0.7152 * green + 0.0722 * blue);
    let z = root((0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.088_83);
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

#[test]
fn the_colour_blind_can_tell_the_states_apart() {
    for (name, sight) in &SIGHTS {
        for is_dark in [false, true] {
            let colours = HourState::ALL.map(|it| (it, lab(seen(sight, colour(it, is_dark)))));
            for (n, (one, a)) in colours.iter().enumerate() {
                for (other, b) in &colours[n + 1..] {
                    let squares = a.iter().zip(b).map(|(a, b)| (a - b).powi(2));
                    let distance = squares.sum::<f64>().sqrt();
                    assert!(
                        distance >= DISTINCT,
                        "{name}, dark {is_dark}: {one} and {other} differ by {distance:.0}"
                    );
                }
            }
        }
    }
}

#[test]
fn every_state_but_whole_has_a_pattern_and_every_state_a_name_of_its_own() {
    let names: BTreeSet<_> = HourState::ALL.into_iter().map(class).collect();
    assert_eq!(names.len(), HourState::ALL.len());
    let page = include_str!("../../templates/status.html");
    for state in HourState::ALL {
        if state != HourState::Whole {
            let pattern = format!("id=\"p-{}\"", class(state));
            assert!(page.contains(&pattern), "{state}");
        }
    }
}
