//! The part of SoQL, Socrata's query language, that an audit of a dataset needs: `$select` with
//! aggregates, `$where`, `$group`, `$order`, `$limit`, `$offset` and `column=value`.

mod check;
mod date;
mod expression;
mod parse;
mod token;
mod value;

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde_json::{Map, Value};

use expression::{Accumulator, Comparison, Expression};
use parse::Selected;
use value::{Cell, as_returned};

use crate::columns::{Column, DataType};

/// How many rows a portal returns if the query has no `$limit`.
const DEFAULT_LIMIT: usize = 1_000;

type Row = Map<String, Value>;

/// A query that a portal refuses, or that this module does not support.
#[derive(Debug, thiserror::Error)]
#[error("the query has {what}")]
pub(super) struct SoqlError {
    /// The portal's name of the error.
    pub(super) code: &'static str,
    what: String,
}

impl SoqlError {
    fn new(what: impl Into<String>) -> Self {
        Self::coded("query.soql.invalid", what)
    }

    fn coded(code: &'static str, what: impl Into<String>) -> Self {
        Self {
            code,
            what: what.into(),
        }
    }
}

/// A query, from the parameters of a request.
#[derive(Debug)]
pub(super) struct Query {
    select: Option<Vec<Selected>>,
    conditions: Vec<Expression>,
    group: Vec<Expression>,
    order: Vec<(Expression, bool)>,
    limit: usize,
    offset: usize,
    types: BTreeMap<String, DataType>,
}

impl Query {
    /// Reads a query of a dataset with these columns, and refuses what a portal would refuse.
    pub(super) fn parse(
        parameters: &[(String, String)],
        columns: &[Column],
    ) -> Result<Self, SoqlError> {
        let mut query = Self {
            select: None,
            conditions: Vec::new(),
            group: Vec::new(),
            order: Vec::new(),
            limit: DEFAULT_LIMIT,
            offset: 0,
            types: columns
                .iter()
                .map(|column| (column.name.clone(), column.kind()))
                .collect(),
        };
        for (name, value) in parameters {
            query.add(name, value)?;
        }
        query.resolve_aliases();
        check::check(&query)?;
        Ok(query)
    }

    fn add(&mut self, name: &str, value: &str) -> Result<(), SoqlError> {
        let number = || {
            value
                .parse()
                .map_err(|_| SoqlError::new(format!("a {name} that is not a number")))
        };
        match name {
            "$select" => self.select = parse::select(value)?,
            "$where" => self.conditions.push(parse::condition(value)?),
            "$group" => self.group = parse::group(value)?,
            "$order" => self.order = parse::order(value)?,
            "$limit" => self.limit = number()?,
            "$offset" => self.offset = number()?,
            unknown if unknown.starts_with('$') => {
                return Err(SoqlError::new(format!(
                    "the parameter {unknown}, which the sandbox's portal does not support"
                )));
            }
            column => self.conditions.push(Expression::Compare(
                Comparison::Equal,
                Box::new(Expression::Column(column.to_owned())),
                Box::new(Expression::Literal(Cell::Text(value.to_owned()))),
            )),
        }
        Ok(())
    }

    /// Replaces names in `$group` that are aliases from `$select`.
    fn resolve_aliases(&mut self) {
        let Some(select) = &self.select else { return };
        for expression in &mut self.group {
            if let Expression::Column(name) = &*expression
                && let Some(selected) = select.iter().find(|selected| selected.name == *name)
            {
                *expression = selected.expression.clone();
            }
        }
    }

    /// Runs the query. Returns the rows of the result.
    pub(super) fn run(&self, rows: impl Iterator<Item = Row>) -> Vec<Value> {
        let typed = rows.map(|row| self.typed(row));
        let matching = typed.filter(|row| {
            self.conditions
                .iter()
                .all(|condition| condition.evaluate(row).is_true())
        });
        let mut result: Vec<Row> = match &self.select {
            Some(select) if self.is_grouped() => self.grouped(select, matching),
            _ => matching.collect(),
        };
        if !self.order.is_empty() {
            result.sort_by(|left, right| self.compare(left, right));
        }
        let page = result.into_iter().skip(self.offset).take(self.limit);
        page.map(|row| self.projected(row)).collect()
    }

    /// The row as its columns hold it: what does not fit the type of its column is null.
    fn typed(&self, mut row: Row) -> Row {
        row.retain(|name, value| match self.types.get(name) {
            Some(DataType::Time) => Cell::of(Some(value)).time().is_some(),
            Some(DataType::Number) => Cell::of(Some(value)).number().is_some(),
            _ => true,
        });
        row
    }

    fn is_grouped(&self) -> bool {
        let aggregates = self
            .select
            .iter()
            .flatten()
            .any(|selected| selected.expression.is_aggregate());
        aggregates || !self.group.is_empty()
    }

    fn compare(&self, left: &Row, right: &Row) -> Ordering {
        let orders = self.order.iter().map(|(expression, descends)| {
            let cell = |row: &Row| match row.get(&expression.default_name()) {
                Some(value) => Cell::of(Some(value)),
                None => expression.evaluate(row),
            };
            let order = cell(left).order(&cell(right));
            if *descends { order.reverse() } else { order }
        });
        orders.fold(Ordering::Equal, Ordering::then)
    }

    fn projected(&self, row: Row) -> Value {
        let row: Row = match &self.select {
            Some(select) if !self.is_grouped() => {
                let cell = |selected: &Selected| {
                    (
                        selected.name.clone(),
                        selected.expression.evaluate(&row).to_json(),
                    )
                };
                select.iter().map(cell).collect()
            }
            _ => row,
        };
        // A portal leaves out null cells.
        row.into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name, as_returned(value)))
            .collect()
    }

    fn grouped(&self, select: &[Selected], rows: impl Iterator<Item = Row>) -> Vec<Row> {
        let mut groups: BTreeMap<String, Group> = BTreeMap::new();
        if self.group.is_empty() {
            groups.insert(String::new(), Group::new(select, &Row::new()));
        }
        for row in rows {
            let key: Vec<Value> = self
                .group
                .iter()
                .map(|expression| expression.evaluate(&row).to_json())
                .collect();
            let key = if key.is_empty() {
                String::new()
            } else {
                Value::from(key).to_string()
            };
            groups
                .entry(key)
                .or_insert_with(|| Group::new(select, &row))
                .add(select, &row);
        }
        groups
            .into_values()
            .map(|group| group.row(select))
            .collect()
    }
}

/// The state of one group, which becomes one row of the result.
struct Group {
    first_row: Vec<Cell>,
    accumulators: Vec<Accumulator>,
}

impl Group {
    fn new(select: &[Selected], row: &Row) -> Self {
        let first_row = select
            .iter()
            .map(|selected| selected.expression.evaluate(row))
            .collect();
        Self {
            first_row,
            accumulators: vec![Accumulator::default(); select.len()],
        }
    }

    fn add(&mut self, select: &[Selected], row: &Row) {
        for (selected, accumulator) in select.iter().zip(&mut self.accumulators) {
            if let Expression::Aggregate(_, argument) = &selected.expression {
                accumulator.add(argument.as_deref(), row);
            }
        }
    }

    fn row(&self, select: &[Selected]) -> Row {
        let columns = select.iter().zip(&self.accumulators).zip(&self.first_row);
        let cells = columns.map(|((selected, accumulator), first)| {
            let cell = match &selected.expression {
                Expression::Aggregate(aggregate, _) => accumulator.result(*aggregate),
                _ => first.clone(),
            };
            (selected.name.clone(), cell.to_json())
        });
        cells.collect()
    }
}

#[cfg(test)]
mod tests;
