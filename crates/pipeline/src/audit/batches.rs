//! Hours that are compared row by row, in batches that fit into one page of the portal.

use trips::block::{Hour, HourRange};

use super::portal::PAGE_ROWS;

/// How many stretches of time one query names.
const MAX_STRETCHES: usize = 20;

/// Hours whose rows are read together, as stretches without gaps.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Batch {
    pub(super) stretches: Vec<HourRange>,
    rows: u64,
}

impl Batch {
    fn add(&mut self, hour: Hour, rows: u64) {
        self.rows += rows;
        let last = self.stretches.last_mut();
        if let Some(stretch) = last.filter(|stretch| stretch.end() == hour)
            && let Some(longer) = HourRange::new(stretch.first(), hour.next())
        {
            *stretch = longer;
            return;
        }
        self.stretches.extend(HourRange::new(hour, hour.next()));
    }

    fn has_room(&self, hour: Hour, rows: u64) -> bool {
        let continues = self.stretches.last().is_some_and(|it| it.end() == hour);
        self.rows + rows <= PAGE_ROWS as u64 && (continues || self.stretches.len() < MAX_STRETCHES)
    }
}

/// Puts hours, in their order and with their numbers of rows, into batches.
pub(super) fn batches(hours: impl Iterator<Item = (Hour, u64)>) -> Vec<Batch> {
    let mut batches = Vec::<Batch>::new();
    for (hour, rows) in hours {
        match batches.last_mut() {
            Some(batch) if batch.has_room(hour, rows) => batch.add(hour, rows),
            _ => {
                let mut batch = Batch::default();
                batch.add(hour, rows);
                batches.push(batch);
            }
        }
    }
    batches
}

#[cfg(test)]
mod tests;
