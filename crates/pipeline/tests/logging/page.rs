//! What docs/LOGGING.md says.

use std::collections::BTreeSet;

const PAGE: &str = include_str!("../../../../docs/LOGGING.md");

pub(crate) struct Page {
    pub(crate) span_fields: BTreeSet<String>,
    pub(crate) line_fields: BTreeSet<String>,
    /// Each with its level and its fields.
    pub(crate) messages: Vec<(String, String, BTreeSet<String>)>,
}

impl Page {
    pub(crate) fn read() -> Self {
        let fields = section("## Fields");
        let (of_span, of_line) = fields.split_once("Of the line:").unwrap();
        let names = |text: &str| rows(text).map(|row| unquoted(&row[0])).collect();
        Self {
            span_fields: names(of_span),
            line_fields: names(of_line),
            messages: rows(section("## Messages"))
                .map(|row| (unquoted(&row[0]), row[1].clone(), quoted(&row[2])))
                .collect(),
        }
    }

    /// Whether a line may have a member of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        ["timestamp", "level", "message"].contains(&name)
            || self.span_fields.contains(name)
            || self.line_fields.contains(name)
    }
}

fn section(heading: &str) -> &'static str {
    let (_, text) = PAGE.split_once(&format!("\n{heading}\n")).unwrap();
    text.split("\n## ").next().unwrap()
}

/// The cells of the rows of the tables in a text, without their headings.
fn rows(text: &str) -> impl Iterator<Item = Vec<String>> {
    text.lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| {
            let cells = line.trim_matches('|').split('|');
            cells.map(|cell| cell.trim().to_owned()).collect()
        })
}

fn unquoted(cell: &str) -> String {
    cell.trim_matches('`').to_owned()
}

/// The names in backticks.
fn quoted(cell: &str) -> BTreeSet<String> {
    cell.split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}
