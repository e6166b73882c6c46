//! The figures as a table and as JSON.

use std::path::Path;

use serde::Serialize;

use crate::turns::Spread;

/// All figures of a run.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    rows: Vec<Row>,
}

/// One measurement: a step and its yardstick, or a single figure.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) work: String,
    /// Seconds.
    pub(crate) ours: Option<Spread>,
    pub(crate) yardstick: Option<(String, Spread)>,
    /// What the ratio, or another figure, should be.
    pub(crate) goal: String,
    /// A figure that is not a ratio.
    pub(crate) figure: Option<String>,
    pub(crate) peak_mib: Option<u64>,
}

impl Row {
    /// A step and its yardstick.
    pub(crate) fn comparison(
        work: impl Into<String>,
        ours: Spread,
        yardstick: impl Into<String>,
        its: Spread,
        goal: impl Into<String>,
    ) -> Self {
        Self {
            work: work.into(),
            ours: Some(ours),
            yardstick: Some((yardstick.into(), its)),
            goal: goal.into(),
            figure: None,
            peak_mib: None,
        }
    }

    /// A single figure.
    pub(crate) fn figure(
        work: impl Into<String>,
        figure: impl Into<String>,
        goal: impl Into<String>,
    ) -> Self {
        Self {
            work: work.into(),
            ours: None,
            yardstick: None,
            goal: goal.into(),
            figure: Some(figure.into()),
            peak_mib: None,
        }
    }
}

impl Report {
    /// Adds a row and prints it at once, since the whole table takes minutes.
    pub(crate) fn add(&mut self, row: Row) {
        println!("{}", line(&row));
        self.rows.push(row);
    }

    pub(crate) fn table(&self) -> String {
        let head = "| work | ours, s | yardstick | its, s | ratio | figure | goal | peak memory |\n\
                    | --- | --- | --- | --- | --- | --- | --- | --- |";
        std::iter::once(head.to_owned())
            .chain(self.rows.iter().map(line))
            .collect::<Vec<_>>()
            .join("\n")
    }

    pub(crate) fn write(&self, path: &Path) -> anyhow::Result<()> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        Ok(std::fs::write(path, serde_json::to_vec_pretty(self)?)?)
    }
}

fn line(row: &Row) -> String {
    let ratio = match (&row.ours, &row.yardstick) {
        (Some(ours), Some((_, its))) => format!("{:.2}", ours.median / its.median),
        _ => String::new(),
    };
    let seconds =
        |spread: &Spread| format!("{:.3} ({:.3}–{:.3})", spread.median, spread.min, spread.max);
    format!(
        "| {} | {} | {} | {} | {ratio} | {} | {} | {} |",
        row.work,
        row.ours.as_ref().map(seconds).unwrap_or_default(),
        row.yardstick
            .as_ref()
            .map(|(name, _)| name.as_str())
            .unwrap_or_default(),
        row.yardstick
            .as_ref()
            .map(|(_, its)| seconds(its))
            .unwrap_or_default(),
        row.figure.as_deref().unwrap_or_default(),
        row.goal,
        row.peak_mib
            .map(|mib| format!("{mib} MiB"))
            .unwrap_or_default(),
    )
}
