//! All days of all providers at a glance: a line for each provider, over the same days.

use ::trips::words::counted;
use chrono::NaiveDate;
use pipeline::ProviderStatus;

use super::shapes::{Shape, Shapes};
use super::weeks::state_of;

/// The width of a day. The picture takes the room that there is.
const DAY: usize = 10;
const HEIGHT: usize = 12;

pub(super) struct Glance<'a> {
    pub(super) width: usize,
    pub(super) first: String,
    pub(super) last: String,
    pub(super) lines: Vec<Line<'a>>,
}

pub(super) struct Line<'a> {
    pub(super) provider: &'a str,
    pub(super) shapes: Shapes,
    /// `33 days whole or empty, 2 not`.
    pub(super) words: String,
}

impl<'a> Glance<'a> {
    pub(super) fn new(providers: &'a [ProviderStatus]) -> Self {
        let days = || providers.iter().flat_map(|it| &it.days).map(|it| it.day);
        let (Some(first), Some(last)) = (days().min(), days().max()) else {
            return Self {
                width: 0,
                first: String::new(),
                last: String::new(),
                lines: Vec::new(),
            };
        };
        let name = |day: NaiveDate| day.format("%-d %B %Y").to_string();
        Self {
            width: distance(first, last) + DAY,
            first: name(first),
            last: name(last),
            lines: providers.iter().map(|it| Line::new(first, it)).collect(),
        }
    }

    pub(super) fn height(&self) -> usize {
        HEIGHT
    }

    /// Few days are not drawn as wide as the page.
    pub(super) fn max_width(&self) -> usize {
        self.width * 2
    }
}

impl<'a> Line<'a> {
    fn new(first: NaiveDate, status: &'a ProviderStatus) -> Self {
        let mut shapes = Shapes::default();
        let mut complete = 0;
        for day in &status.days {
            let state = state_of(day);
            complete += usize::from(state.is_complete());
            shapes.add_to_path(Shape {
                x: distance(first, day.day),
                y: 0,
                width: DAY - 1,
                height: HEIGHT,
                state,
            });
        }
        let words = match status.days.len() - complete {
            0 => format!("{} whole or empty", counted(complete, "day")),
            others => format!("{} whole or empty, {others} not", counted(complete, "day")),
        };
        Self {
            provider: status.provider.as_str(),
            shapes,
            words,
        }
    }
}

fn distance(first: NaiveDate, day: NaiveDate) -> usize {
    usize::try_from((day - first).num_days()).unwrap_or(0) * DAY
}
