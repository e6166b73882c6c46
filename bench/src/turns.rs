//! Rounds in which a step and its yardstick alternate.

use serde::Serialize;

/// The seconds of several rounds.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Spread {
    pub(crate) fn of(mut seconds: Vec<f64>) -> Self {
        seconds.sort_by(f64::total_cmp);
        let at = |index: usize| seconds.get(index).copied().unwrap_or(f64::NAN);
        Self {
            median: at(seconds.len() / 2),
            min: at(0),
            max: at(seconds.len().saturating_sub(1)),
        }
    }
}

/// Runs two tasks alternately, so that other load on the machine affects both. Each returns its
/// seconds. The first round, which warms caches, does not count.
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
