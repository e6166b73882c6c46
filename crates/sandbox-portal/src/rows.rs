//! The rows of the dataset.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

pub(super) type Row = Map<String, Value>;

/// The member of a row that requests its deletion.
pub(super) const DELETED: &str = ":deleted";

/// The outcome of one row of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Created,
    Updated,
    Deleted,
    /// Also a deletion of a row that the dataset does not have.
    Refused,
}

/// All rows as compact JSON, and the file in which they outlive the process.
#[derive(Debug)]
pub(super) struct Rows {
    /// `None` for a dataset without a row identifier, to which every row is appended.
    identifier: Option<String>,
    appended: u64,
    rows: BTreeMap<String, String>,
    journal: Option<Journal>,
}

impl Rows {
    pub(super) fn open(identifier: Option<&str>, file: Option<&Path>) -> io::Result<Self> {
        let mut rows = Self {
            identifier: identifier.map(str::to_owned),
            appended: 0,
            rows: BTreeMap::new(),
            journal: None,
        };
        if let Some(path) = file {
            rows.replay(path)?;
            rows.journal = Some(Journal::rewrite(path, rows.rows.values())?);
        }
        Ok(rows)
    }

    /// Merges an uploaded row into the row with the same identifier, or adds it. Columns that the
    /// upload does not name keep their values.
    pub(super) fn upsert(&mut self, row: Row) -> io::Result<Outcome> {
        if let Some(journal) = &mut self.journal {
            journal.append(&row)?;
        }
        Ok(self.apply(row))
    }

    /// Writes buffered rows to the file.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.journal
            .as_mut()
            .map_or(Ok(()), |journal| journal.file.flush())
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn get(&self, identifier: &str) -> Option<Row> {
        self.rows
            .get(identifier)
            .and_then(|text| serde_json::from_str(text).ok())
    }

    /// All rows, in the order of their identifiers.
    pub(super) fn iter(&self) -> impl Iterator<Item = Row> + '_ {
        self.rows
            .values()
            .filter_map(|text| serde_json::from_str(text).ok())
    }

    fn apply(&mut self, mut row: Row) -> Outcome {
        let Some(column) = &self.identifier else {
            return self.append(row);
        };
        let Some(identifier) = row.get(column).and_then(as_identifier) else {
            return Outcome::Refused;
        };
        if row
            .remove(DELETED)
            .is_some_and(|deleted| deleted == Value::Bool(true))
        {
            return match self.rows.remove(&identifier) {
                Some(_) => Outcome::Deleted,
                None => Outcome::Refused,
            };
        }
        let before = self.get(&identifier);
        let outcome = if before.is_some() {
            Outcome::Updated
        } else {
            Outcome::Created
        };
        let mut merged = before.unwrap_or_default();
        merged.append(&mut row);
        self.rows
            .insert(identifier, Value::Object(merged).to_string());
        outcome
    }

    /// Without a row identifier a deletion does not say which row it means.
    fn append(&mut self, row: Row) -> Outcome {
        if row.contains_key(DELETED) {
            return Outcome::Refused;
        }
        self.appended += 1;
        let number = format!("{:020}", self.appended);
        self.rows.insert(number, Value::Object(row).to_string());
        Outcome::Created
    }

    fn replay(&mut self, path: &Path) -> io::Result<()> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        for line in BufReader::new(file).lines() {
            // A process that is killed during a write leaves half a line. Its upload got no
            // response.
            if let Ok(row) = serde_json::from_str::<Row>(&line?) {
                self.apply(row);
            }
        }
        Ok(())
    }
}

/// A file with uploaded rows in the order of their arrival, one JSON object per line.
#[derive(Debug)]
struct Journal {
    file: BufWriter<File>,
}

impl Journal {
    /// Writes a new file with the current rows and replaces the old one with it in one step.
    fn rewrite<'a>(path: &Path, rows: impl Iterator<Item = &'a String>) -> io::Result<Self> {
        let draft = draft_path(path);
        let mut file = BufWriter::new(File::create(&draft)?);
        for row in rows {
            writeln!(file, "{row}")?;
        }
        file.flush()?;
        fs::rename(&draft, path)?;
        Ok(Self { file })
    }

    fn append(&mut self, row: &Row) -> io::Result<()> {
        serde_json::to_writer(&mut self.file, row)?;
        writeln!(self.file)
    }
}

fn draft_path(path: &Path) -> PathBuf {
    let mut draft = path.as_os_str().to_owned();
    draft.push(".draft");
    PathBuf::from(draft)
}

fn as_identifier(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
