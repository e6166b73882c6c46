//! Rounds in which two works take turns.

use serde::Serialize;

/// Seconds of several rounds.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Spread {
    pub(crate) fn of(mut seconds: Vec<f64>) -> Self {
        seconds.sort_by(f64::total_cmp);
        let at = |index: usize| seconds.get(index).copied().unwrap_or(f64::NAN);
        Self {
            median: at(seconds.len() / 2),
            least: at(0),
            most: at(seconds.len().saturating_sub(1)),
        }
    }
}

/// Lets two works take turns, each of which answers its seconds, so that whatever else the machine
/// does hits both. A first turn of each, which warms caches, does not count.
pub(crate) async fn in_turn(
    rounds: usize,
    mut ours: impl AsyncFnMut() -> anyhow::Result<f64>,
    mut yardstick: impl AsyncFnMut() -> anyhow::Result<f64>,
) -> anyhow::Result<(Spread, Spread)> {
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for round in 0..=rounds {
        let (a, b) = (ours().await?, yardstick().await?);
        if round > 0 {
            first.push(a);
            second.push(b);
        }
    }
    Ok((Spread::of(first), Spread::of(second)))
}
