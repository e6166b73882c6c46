//! A small chart of trips: an hour for each point, or a day where there are many.

use std::fmt::Write as _;

use ::trips::words::grouped;
use pipeline::DayStatus;

pub(super) const HEIGHT: usize = 60;
/// Above the highest value.
const MARGIN: usize = 2;

pub(super) struct Chart {
    /// The outline of the area, for an SVG path.
    pub(super) path: String,
    pub(super) width: usize,
    /// `hour` or `day`.
    pub(super) unit: &'static str,
    /// The highest value.
    pub(super) highest: String,
    pub(super) average: String,
}

impl Chart {
    /// A chart as wide as the picture above it.
    pub(super) fn new(days: &[DayStatus], width: usize, by_hour: bool) -> Self {
        let (unit, values): (_, Vec<u64>) = if by_hour {
            let hours = days.iter().flat_map(|day| &day.hours);
            ("hour", hours.map(|hour| hour.trips.unwrap_or(0)).collect())
        } else {
            ("day", days.iter().map(|day| day.trips).collect())
        };
        let highest = values.iter().copied().max().unwrap_or(0);
        let sum: u64 = values.iter().sum();
        Self {
            path: area(&values, width, highest),
            width,
            unit,
            highest: grouped(highest),
            average: grouped(sum.checked_div(values.len() as u64).unwrap_or(0)),
        }
    }

    pub(super) fn height(&self) -> usize {
        HEIGHT
    }
}

/// Steps, from the left to the right; their height is the value's share of the highest one.
fn area(values: &[u64], width: usize, highest: u64) -> String {
    let mut path = format!("M0 {HEIGHT}");
    for (n, value) in values.iter().enumerate() {
        let (left, right) = (
            tenths(n, values.len(), width),
            tenths(n + 1, values.len(), width),
        );
        let room = (HEIGHT - MARGIN) as u64;
        let y = HEIGHT as u64 - (value * room).checked_div(highest).unwrap_or(0);
        let _ = write!(path, "L{left} {y}L{right} {y}");
    }
    let _ = write!(path, "L{width} {HEIGHT}Z");
    path
}

/// A place between 0 and `width`, to a tenth.
fn tenths(n: usize, of: usize, width: usize) -> String {
    let tenths = n * width * 10 / of.max(1);
    match tenths % 10 {
        0 => (tenths / 10).to_string(),
        rest => format!("{}.{rest}", tenths / 10),
    }
}

#[cfg(test)]
mod tests;
