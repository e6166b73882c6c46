//! Reads the pages of `docs`: their tables and JSON examples, by the heading above them.

use std::collections::BTreeMap;

use serde_json::Value;

/// Pages are read when a test runs, so that an edit of them compiles nothing.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs");
const CONTRACT: &str = "CONTRACT.md";

/// The part of a page from one heading to the next.
#[derive(Default)]
pub(crate) struct Section {
    page: String,
    title: String,
    tables: Vec<Table>,
    pub(crate) examples: Vec<Value>,
}

/// A Markdown table.
#[derive(Clone)]
pub(crate) struct Table {
    place: String,
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

/// The sections of a page, by their headings of any level.
pub(crate) fn page(name: &str) -> BTreeMap<String, Section> {
    let text = std::fs::read_to_string(format!("{FOLDER}/{name}")).unwrap();
    let mut sections = BTreeMap::new();
    let mut section = Section {
        page: name.to_owned(),
        ..Section::default()
    };
    let mut example: Option<String> = None;
    let mut is_in_table = false;
    for line in text.lines() {
        if let Some(json) = &mut example {
            if line == "```" {
                section.examples.push(serde_json::from_str(json).unwrap());
                example = None;
            } else {
                json.push_str(line);
            }
            continue;
        }
        if line == "```json" {
            example = Some(String::new());
        } else if line.starts_with('#') {
            let title = line.trim_start_matches('#').trim().to_owned();
            let next = Section {
                page: name.to_owned(),
                title: title.clone(),
                ..Section::default()
            };
            let done = std::mem::replace(&mut section, next);
            let twice = sections.insert(done.title.clone(), done);
            assert!(
                twice.is_none(),
                "two sections before `{title}` have one heading"
            );
        } else if line.starts_with('|') {
            section.add_row(line, is_in_table);
        }
        is_in_table = line.starts_with('|');
    }
    sections.insert(section.title.clone(), section);
    sections
}

/// The sections whose headings begin with `prefix`, without it.
pub(crate) fn sections_of(prefix: &str) -> BTreeMap<String, Section> {
    page(CONTRACT)
        .into_iter()
        .filter_map(|(title, section)| Some((title.strip_prefix(prefix)?.to_owned(), section)))
        .collect()
}

pub(crate) fn section(title: &str) -> Section {
    page(CONTRACT)
        .remove(title)
        .unwrap_or_else(|| panic!("docs/CONTRACT.md has no section `{title}`"))
}

/// The table of a section whose first column has this name.
pub(crate) fn table(title: &str, first_column: &str) -> Table {
    section(title).table(first_column)
}

impl Section {
    fn add_row(&mut self, line: &str, is_in_table: bool) {
        let cells: Vec<String> = line
            .trim_matches('|')
            .split('|')
            .map(|cell| cell.trim().to_owned())
            .collect();
        if !is_in_table {
            self.tables.push(Table {
                place: format!("docs/{}, \"{}\"", self.page, self.title),
                columns: cells,
                rows: Vec::new(),
            });
            return;
        }
        let is_rule = cells.iter().all(|cell| cell == "---");
        if let (false, Some(table)) = (is_rule, self.tables.last_mut()) {
            assert_eq!(cells.len(), table.columns.len(), "{}: {line}", self.title);
            table.rows.push(cells);
        }
    }

    pub(crate) fn last_table(&self) -> Table {
        self.tables.last().unwrap().clone()
    }

    pub(crate) fn table(&self, first_column: &str) -> Table {
        let mut tables = self.tables.iter();
        tables
            .find(|table| table.columns[0] == first_column)
            .unwrap_or_else(|| panic!("`{}` has no table of `{first_column}`", self.title))
            .clone()
    }
}

impl Table {
    /// The cells of a column, from top to bottom.
    pub(crate) fn cells(&self, column: &str) -> Vec<String> {
        let place = self
            .columns
            .iter()
            .position(|it| it == column)
            .unwrap_or_else(|| panic!("{} has no column `{column}`", self.place));
        self.rows.iter().map(|row| row[place].clone()).collect()
    }

    /// The names in backticks of a column, row by row.
    pub(crate) fn names_by_row(&self, column: &str) -> Vec<Vec<String>> {
        self.cells(column).iter().map(|cell| names(cell)).collect()
    }

    /// The names in backticks of a column, from top to bottom.
    pub(crate) fn names(&self, column: &str) -> Vec<String> {
        self.names_by_row(column).concat()
    }

    /// Fails unless the column has these names and no others, in whatever order.
    pub(crate) fn assert_names<T: ToString>(
        &self,
        column: &str,
        code: impl IntoIterator<Item = T>,
    ) {
        let mut page = self.names(column);
        let mut code: Vec<String> = code.into_iter().map(|name| name.to_string()).collect();
        page.sort();
        code.sort();
        code.dedup();
        let only = |these: &[String], those: &[String]| -> Vec<String> {
            let missing = these.iter().filter(|name| !those.contains(name));
            missing.cloned().collect()
        };
        assert_eq!(
            page,
            code,
            "{}, column `{column}`: only on the page {:?}, only in the code {:?}",
            self.place,
            only(&page, &code),
            only(&code, &page),
        );
    }

    /// As [`Table::assert_names`], and in this order.
    pub(crate) fn assert_names_in_order<T: ToString>(
        &self,
        column: &str,
        code: impl IntoIterator<Item = T>,
    ) {
        let code: Vec<String> = code.into_iter().map(|name| name.to_string()).collect();
        self.assert_names(column, &code);
        assert_eq!(
            self.names(column),
            code,
            "{}, column `{column}`: the order of the code",
            self.place
        );
    }
}

/// The texts in backticks of a cell.
fn names(cell: &str) -> Vec<String> {
    cell.split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}
