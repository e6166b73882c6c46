//! What a portal refuses in a query that can be read: columns that do not exist, functions over
//! other types, and columns beside aggregates that are not grouped by.

use super::expression::{Aggregate, Expression};
use super::{Query, SoqlError};
use crate::columns::DataType;

const NO_SUCH_COLUMN: &str = "query.soql.no-such-column";
const TYPE_MISMATCH: &str = "query.soql.type-mismatch";
const NOT_GROUPED: &str = "query.soql.column-not-in-group-bys";
const AGGREGATE_IN_WHERE: &str = "query.soql.aggregate-in-where";

pub(super) fn check(query: &Query) -> Result<(), SoqlError> {
    let selected = query.select.iter().flatten();
    for expression in selected.clone().map(|selected| &selected.expression) {
        check_types(query, expression)?;
    }
    for expression in query.conditions.iter().chain(&query.group) {
        check_types(query, expression)?;
        if has_aggregate(expression) {
            return Err(SoqlError::coded(
                AGGREGATE_IN_WHERE,
                "an aggregate in $where or $group",
            ));
        }
    }
    for (expression, _) in &query.order {
        if !is_alias(query, expression) {
            check_types(query, expression)?;
            check_grouped(query, expression)?;
        }
    }
    if query.is_grouped() && query.select.is_none() {
        return Err(SoqlError::coded(NOT_GROUPED, "a $group without a $select"));
    }
    for selected in selected {
        check_grouped(query, &selected.expression)?;
    }
    Ok(())
}

/// Beside aggregates only what is grouped by has one value.
fn check_grouped(query: &Query, expression: &Expression) -> Result<(), SoqlError> {
    let is_fixed = |expression: &Expression| {
        matches!(expression, Expression::Literal(_)) || query.group.contains(expression)
    };
    if !query.is_grouped() || has_aggregate(expression) || is_fixed(expression) {
        return Ok(());
    }
    Err(SoqlError::coded(
        NOT_GROUPED,
        format!("`{}`, which is not in $group", expression.default_name()),
    ))
}

fn is_alias(query: &Query, expression: &Expression) -> bool {
    let Expression::Column(name) = expression else {
        return false;
    };
    let mut selected = query.select.iter().flatten();
    selected.any(|selected| selected.name == *name)
}

fn has_aggregate(expression: &Expression) -> bool {
    expression.is_aggregate() || expression.parts().into_iter().any(has_aggregate)
}

fn check_types(query: &Query, expression: &Expression) -> Result<(), SoqlError> {
    match expression {
        // Names of the portal's own columns begin with a colon.
        Expression::Column(name) if !name.starts_with(':') && !query.types.contains_key(name) => {
            return Err(SoqlError::coded(
                NO_SUCH_COLUMN,
                format!("`{name}`, which is not a column of the dataset"),
            ));
        }
        Expression::Date(function, time)
            if has_type(query, time, DataType::Text) || has_type(query, time, DataType::Number) =>
        {
            return Err(SoqlError::coded(
                TYPE_MISMATCH,
                format!("{} over a column that is no time", function.name()),
            ));
        }
        Expression::Aggregate(Aggregate::Sum | Aggregate::Average, Some(value))
            if has_type(query, value, DataType::Text) || has_type(query, value, DataType::Time) =>
        {
            return Err(SoqlError::coded(
                TYPE_MISMATCH,
                "a sum or an average over a column that is no number",
            ));
        }
        _ => {}
    }
    for part in expression.parts() {
        check_types(query, part)?;
    }
    Ok(())
}

fn has_type(query: &Query, expression: &Expression, data_type: DataType) -> bool {
    let Expression::Column(name) = expression else {
        return false;
    };
    query.types.get(name) == Some(&data_type)
}
