use super::*;

fn shape(x: usize, state: HourState) -> Shape {
    Shape {
        x,
        y: 0,
        width: 4,
        height: 6,
        state,
    }
}

#[test]
fn complete_hours_share_a_path_and_the_others_have_words() {
    let mut shapes = Shapes::default();
    shapes.add(shape(0, HourState::Whole), String::new);
    shapes.add(shape(5, HourState::Whole), String::new);
    shapes.add(shape(10, HourState::Failed), || "5 h: failed".to_owned());
    let drawn = shapes.render().unwrap();
    assert_eq!(
        drawn.trim(),
        "<path class=\"whole\" d=\"M0 0h4v6h-4zM5 0h4v6h-4z\"/>\
         <rect class=\"failed\" x=\"10\" y=\"0\" width=\"4\" height=\"6\"><title>5 h: failed</title></rect>"
    );
}

#[test]
fn a_picture_does_not_grow_with_the_words_of_thousands_of_hours() {
    let mut shapes = Shapes::default();
    for x in 0..5000 {
        shapes.add(shape(x, HourState::Missing), || "missing".to_owned());
    }
    assert_eq!(shapes.with_words.len(), MAX_WITH_WORDS);
    assert!(shapes.paths[&HourState::Missing].len() < 5000 * 20);
}
