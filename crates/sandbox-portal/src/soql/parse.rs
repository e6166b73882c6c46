//! A recursive descent parser from the tokens of a clause to expressions.

use super::SoqlError;
use super::date::DateFunction;
use super::expression::{Aggregate, Comparison, Expression};
use super::token::{Token, tokens};
use super::value::Cell;

/// An expression of `$select` with the name of its column in the result.
#[derive(Clone, Debug)]
pub(super) struct Selected {
    pub(super) name: String,
    pub(super) expression: Expression,
}

/// Parses `$select`. Returns `None` for all columns.
pub(super) fn select(clause: &str) -> Result<Option<Vec<Selected>>, SoqlError> {
    if clause.trim() == "*" {
        return Ok(None);
    }
    let mut parser = Parser::new(clause)?;
    let list = parser.list(Parser::selected)?;
    parser.end()?;
    Ok(Some(list))
}

/// Parses `$where`.
pub(super) fn condition(clause: &str) -> Result<Expression, SoqlError> {
    let mut parser = Parser::new(clause)?;
    let condition = parser.any_of()?;
    parser.end()?;
    Ok(condition)
}

/// Parses `$group`.
pub(super) fn group(clause: &str) -> Result<Vec<Expression>, SoqlError> {
    let mut parser = Parser::new(clause)?;
    let list = parser.list(Parser::operand)?;
    parser.end()?;
    Ok(list)
}

/// Parses `$order`. Returns each expression, with `true` if its order is descending.
pub(super) fn order(clause: &str) -> Result<Vec<(Expression, bool)>, SoqlError> {
    let mut parser = Parser::new(clause)?;
    let list = parser.list(|parser| {
        let expression = parser.operand()?;
        let descends = parser.keyword("desc");
        if !descends {
            parser.keyword("asc");
        }
        Ok((expression, descends))
    })?;
    parser.end()?;
    Ok(list)
}

struct Parser {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
}

impl Parser {
    fn new(clause: &str) -> Result<Self, SoqlError> {
        Ok(Self {
            tokens: tokens(clause)?.into_iter().peekable(),
        })
    }

    fn list<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<T, SoqlError>,
    ) -> Result<Vec<T>, SoqlError> {
        let mut items = vec![item(self)?];
        while self.symbol(",") {
            items.push(item(self)?);
        }
        Ok(items)
    }

    fn selected(&mut self) -> Result<Selected, SoqlError> {
        let expression = self.operand()?;
        let name = if self.keyword("as") {
            self.name()?
        } else {
            expression.default_name()
        };
        Ok(Selected { name, expression })
    }

    fn any_of(&mut self) -> Result<Expression, SoqlError> {
        let mut left = self.all_of()?;
        while self.keyword("or") {
            left = Expression::Or(Box::new(left), Box::new(self.all_of()?));
        }
        Ok(left)
    }

    fn all_of(&mut self) -> Result<Expression, SoqlError> {
        let mut left = self.negation()?;
        while self.keyword("and") {
            left = Expression::And(Box::new(left), Box::new(self.negation()?));
        }
        Ok(left)
    }

    fn negation(&mut self) -> Result<Expression, SoqlError> {
        if self.keyword("not") {
            return Ok(Expression::Not(Box::new(self.negation()?)));
        }
        if self.symbol("(") {
            let inner = self.any_of()?;
            self.expect(")")?;
            return Ok(inner);
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Result<Expression, SoqlError> {
        let left = self.operand()?;
        if self.keyword("is") {
            let negated = self.keyword("not");
            if !self.keyword("null") {
                return Err(SoqlError::new("`is` without `null`"));
            }
            return Ok(negate(Expression::IsNull(Box::new(left)), negated));
        }
        let negated = self.keyword("not");
        if self.keyword("between") {
            let low = self.operand()?;
            if !self.keyword("and") {
                return Err(SoqlError::new("`between` without `and`"));
            }
            return Ok(negate(between(&left, low, self.operand()?), negated));
        }
        if self.keyword("in") {
            self.expect("(")?;
            let list = self.list(Self::operand)?;
            self.expect(")")?;
            return Ok(negate(Expression::In(Box::new(left), list), negated));
        }
        let comparison = self.comparison_symbol()?;
        Ok(Expression::Compare(
            comparison,
            Box::new(left),
            Box::new(self.operand()?),
        ))
    }

    fn comparison_symbol(&mut self) -> Result<Comparison, SoqlError> {
        match self.tokens.next() {
            Some(Token::Symbol("=")) => Ok(Comparison::Equal),
            Some(Token::Symbol("!=" | "<>")) => Ok(Comparison::NotEqual),
            Some(Token::Symbol("<")) => Ok(Comparison::Less),
            Some(Token::Symbol("<=")) => Ok(Comparison::LessOrEqual),
            Some(Token::Symbol(">")) => Ok(Comparison::Greater),
            Some(Token::Symbol(">=")) => Ok(Comparison::GreaterOrEqual),
            _ => Err(SoqlError::new("a condition without a comparison")),
        }
    }

    fn operand(&mut self) -> Result<Expression, SoqlError> {
        match self.tokens.next() {
            Some(Token::Text(text)) => Ok(Expression::Literal(Cell::Text(text))),
            Some(Token::Number(number)) => Ok(Expression::Literal(Cell::Number(number))),
            Some(Token::Symbol("-")) => match self.tokens.next() {
                Some(Token::Number(number)) => Ok(Expression::Literal(Cell::Number(-number))),
                _ => Err(SoqlError::new("a minus without a number")),
            },
            Some(Token::Name(name)) if self.symbol("(") => self.call(&name),
            Some(Token::Name(name)) => Ok(named(name)),
            _ => Err(SoqlError::new("a column or a value is missing")),
        }
    }

    fn call(&mut self, function: &str) -> Result<Expression, SoqlError> {
        let function = function.to_ascii_lowercase();
        if function == "count" && self.symbol("*") {
            self.expect(")")?;
            return Ok(Expression::Aggregate(Aggregate::Count, None));
        }
        let argument = Box::new(self.operand()?);
        self.expect(")")?;
        let aggregate = |aggregate| Ok(Expression::Aggregate(aggregate, Some(argument.clone())));
        match function.as_str() {
            "count" => aggregate(Aggregate::Count),
            "sum" => aggregate(Aggregate::Sum),
            "avg" => aggregate(Aggregate::Average),
            "min" => aggregate(Aggregate::Min),
            "max" => aggregate(Aggregate::Max),
            name => DateFunction::of(name)
                .map(|date| Expression::Date(date, argument))
                .ok_or_else(|| SoqlError::new("a function that the sandbox's portal lacks")),
        }
    }

    fn name(&mut self) -> Result<String, SoqlError> {
        match self.tokens.next() {
            Some(Token::Name(name)) => Ok(name),
            _ => Err(SoqlError::new("a name is missing")),
        }
    }

    fn symbol(&mut self, symbol: &'static str) -> bool {
        self.tokens.next_if_eq(&Token::Symbol(symbol)).is_some()
    }

    fn keyword(&mut self, keyword: &str) -> bool {
        let is_match = |token: &Token| matches!(token, Token::Name(name) if name.eq_ignore_ascii_case(keyword));
        self.tokens.next_if(is_match).is_some()
    }

    fn expect(&mut self, symbol: &'static str) -> Result<(), SoqlError> {
        if self.symbol(symbol) {
            Ok(())
        } else {
            Err(SoqlError::new("unbalanced parentheses"))
        }
    }

    fn end(&mut self) -> Result<(), SoqlError> {
        if self.tokens.next().is_none() {
            Ok(())
        } else {
            Err(SoqlError::new("text after the end of a clause"))
        }
    }
}

fn named(name: String) -> Expression {
    match name.to_ascii_lowercase().as_str() {
        "null" => Expression::Literal(Cell::Null),
        "true" => Expression::Literal(Cell::Bool(true)),
        "false" => Expression::Literal(Cell::Bool(false)),
        _ => Expression::Column(name),
    }
}

fn negate(expression: Expression, negated: bool) -> Expression {
    if negated {
        Expression::Not(Box::new(expression))
    } else {
        expression
    }
}

fn between(value: &Expression, low: Expression, high: Expression) -> Expression {
    let compare = |comparison, bound| {
        Expression::Compare(comparison, Box::new(value.clone()), Box::new(bound))
    };
    Expression::And(
        Box::new(compare(Comparison::GreaterOrEqual, low)),
        Box::new(compare(Comparison::LessOrEqual, high)),
    )
}
