//! Expressions over one row, and aggregates over many rows.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use super::date::DateFunction;
use super::value::Cell;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Aggregate {
    Count,
    Sum,
    Average,
    Min,
    Max,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expression {
    Literal(Cell),
    Column(String),
    Date(DateFunction, Box<Expression>),
    Aggregate(Aggregate, Option<Box<Expression>>),
    Compare(Comparison, Box<Expression>, Box<Expression>),
    In(Box<Expression>, Vec<Expression>),
    IsNull(Box<Expression>),
    Not(Box<Expression>),
    And(Box<Expression>, Box<Expression>),
    Or(Box<Expression>, Box<Expression>),
}

impl Expression {
    /// The value for one row. An aggregate is null, since it needs many rows.
    pub(super) fn evaluate(&self, row: &Map<String, Value>) -> Cell {
        match self {
            Self::Literal(cell) => cell.clone(),
            Self::Column(name) => Cell::of(row.get(name)),
            Self::Date(function, time) => function.apply(&time.evaluate(row)),
            Self::Aggregate(..) => Cell::Null,
            Self::Compare(comparison, left, right) => {
                comparison.compare(&left.evaluate(row), &right.evaluate(row))
            }
            Self::In(value, list) => {
                let value = value.evaluate(row);
                Cell::Bool(
                    list.iter()
                        .any(|item| value.compare(&item.evaluate(row)) == Some(Ordering::Equal)),
                )
            }
            Self::IsNull(value) => Cell::Bool(value.evaluate(row) == Cell::Null),
            Self::Not(value) => match value.evaluate(row) {
                Cell::Bool(value) => Cell::Bool(!value),
                _ => Cell::Null,
            },
            Self::And(left, right) => {
                Cell::Bool(left.evaluate(row).is_true() && right.evaluate(row).is_true())
            }
            Self::Or(left, right) => {
                Cell::Bool(left.evaluate(row).is_true() || right.evaluate(row).is_true())
            }
        }
    }

    /// The expressions that this one consists of.
    pub(super) fn parts(&self) -> Vec<&Self> {
        match self {
            Self::Literal(_) | Self::Column(_) | Self::Aggregate(_, None) => Vec::new(),
            Self::Date(_, part)
            | Self::Aggregate(_, Some(part))
            | Self::IsNull(part)
            | Self::Not(part) => vec![part],
            Self::Compare(_, left, right) | Self::And(left, right) | Self::Or(left, right) => {
                vec![left, right]
            }
            Self::In(value, list) => std::iter::once(&**value).chain(list).collect(),
        }
    }

    pub(super) fn is_aggregate(&self) -> bool {
        matches!(self, Self::Aggregate(..))
    }

    /// The name of the column in the result, unless there is an `AS`.
    pub(super) fn default_name(&self) -> String {
        match self {
            Self::Column(name) => name.clone(),
            Self::Aggregate(Aggregate::Count, None) => "count".to_owned(),
            Self::Aggregate(aggregate, argument) => {
                let argument = argument
                    .as_ref()
                    .map(|argument| argument.default_name())
                    .unwrap_or_default();
                format!("{}_{argument}", aggregate.name())
            }
            Self::Date(function, time) => format!("{}_{}", function.name(), time.default_name()),
            _ => "expression".to_owned(),
        }
    }
}

impl Comparison {
    fn compare(self, left: &Cell, right: &Cell) -> Cell {
        let Some(order) = left.compare(right) else {
            return Cell::Null;
        };
        Cell::Bool(match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        })
    }
}

impl Aggregate {
    fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Sum => "sum",
            Self::Average => "avg",
            Self::Min => "min",
            Self::Max => "max",
        }
    }
}

/// The running values of one aggregate over one group.
#[derive(Clone, Debug)]
pub(super) struct Accumulator {
    count: u64,
    sum: f64,
    min: Cell,
    max: Cell,
}

impl Default for Accumulator {
    fn default() -> Self {
        Self {
            count: 0,
            sum: 0.0,
            min: Cell::Null,
            max: Cell::Null,
        }
    }
}

impl Accumulator {
    /// Adds the value of `argument` for one row. `count(*)` has no argument and counts every row.
    pub(super) fn add(&mut self, argument: Option<&Expression>, row: &Map<String, Value>) {
        let Some(argument) = argument else {
            self.count += 1;
            return;
        };
        let cell = argument.evaluate(row);
        if cell == Cell::Null {
            return;
        }
        self.count += 1;
        self.sum += cell.number().unwrap_or_default();
        if cell.order(&self.min).is_lt() {
            self.min = cell.clone();
        }
        if self.max == Cell::Null || cell.order(&self.max).is_gt() {
            self.max = cell;
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "row counts are far below 2^52")]
    pub(super) fn result(&self, aggregate: Aggregate) -> Cell {
        match aggregate {
            Aggregate::Count => Cell::Number(self.count as f64),
            _ if self.count == 0 => Cell::Null,
            Aggregate::Sum => Cell::Number(self.sum),
            Aggregate::Average => Cell::Number(self.sum / self.count as f64),
            Aggregate::Min => self.min.clone(),
            Aggregate::Max => self.max.clone(),
        }
    }
}
