//! Rectangles of states, drawn with few bytes: those in which nothing is left to do share one path
//! for each state, the others have words of their own.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use ::trips::hour_state::HourState;
use askama::Template;

use super::class;

/// A picture may have this many rectangles with words; a reader points at no more, and a browser
/// draws paths much faster.
const MAX_WITH_WORDS: usize = 400;

/// A rectangle of a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) x: usize,
    pub(super) y: usize,
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) state: HourState,
}

impl Shape {
    fn class(&self) -> &'static str {
        class(self.state)
    }
}

/// The rectangles of a picture. As a template it is the inside of an SVG.
#[derive(Template)]
#[template(path = "shapes.svg", escape = "html")]
#[derive(Debug, Default)]
pub(super) struct Shapes {
    /// By state, the outlines for an SVG path.
    pub(super) paths: BTreeMap<HourState, String>,
    /// Those that are not complete, with words such as `2020-03-01, 5 to 7 h: failed`.
    pub(super) with_words: Vec<(Shape, String)>,
}

impl Shapes {
    fn by_class(&self) -> impl Iterator<Item = (&'static str, &String)> {
        self.paths.iter().map(|(state, path)| (class(*state), path))
    }

    pub(super) fn add(&mut self, shape: Shape, words: impl FnOnce() -> String) {
        if shape.state.is_complete() || self.with_words.len() == MAX_WITH_WORDS {
            self.add_to_path(shape);
        } else {
            self.with_words.push((shape, words()));
        }
    }

    pub(super) fn add_to_path(&mut self, shape: Shape) {
        let Shape {
            x,
            y,
            width,
            height,
            state,
        } = shape;
        let path = self.paths.entry(state).or_default();
        let _ = write!(path, "M{x} {y}h{width}v{height}h-{width}z");
    }
}

#[cfg(test)]
mod tests;
