//! The tokens of a SoQL clause.

use super::SoqlError;

/// A token of a clause. Names keep their case. Keywords are names here.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Name(String),
    Text(String),
    Number(f64),
    Symbol(&'static str),
}

const SYMBOLS: [&str; 12] = [
    "<=", ">=", "!=", "<>", "=", "<", ">", "(", ")", ",", "*", "-",
];

/// Splits a clause into its tokens.
pub(super) fn tokens(clause: &str) -> Result<Vec<Token>, SoqlError> {
    let mut found = Vec::new();
    let mut rest = clause.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, length) = match first {
            '\'' => text(rest)?,
            '`' => quoted_name(rest)?,
            '0'..='9' => number(rest)?,
            first if first.is_alphabetic() || matches!(first, '_' | ':') => name(rest),
            _ => symbol(rest)?,
        };
        found.push(token);
        rest = rest[length..].trim_start();
    }
    Ok(found)
}

fn text(rest: &str) -> Result<(Token, usize), SoqlError> {
    let mut value = String::new();
    let mut characters = rest.char_indices().skip(1).peekable();
    while let Some((at, character)) = characters.next() {
        if character != '\'' {
            value.push(character);
        } else if characters.next_if(|(_, next)| *next == '\'').is_some() {
            value.push('\'');
        } else {
            return Ok((Token::Text(value), at + 1));
        }
    }
    Err(SoqlError::new("a text without its closing quote"))
}

fn quoted_name(rest: &str) -> Result<(Token, usize), SoqlError> {
    let end = rest[1..]
        .find('`')
        .ok_or_else(|| SoqlError::new("a name without its closing backquote"))?;
    Ok((Token::Name(rest[1..=end].to_owned()), end + 2))
}

fn number(rest: &str) -> Result<(Token, usize), SoqlError> {
    let length = rest
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(rest.len());
    let number = rest[..length]
        .parse()
        .map_err(|_| SoqlError::new("a malformed number"))?;
    Ok((Token::Number(number), length))
}

fn name(rest: &str) -> (Token, usize) {
    let length = rest
        .find(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | ':' | '@'))
        .unwrap_or(rest.len());
    (Token::Name(rest[..length].to_owned()), length)
}

fn symbol(rest: &str) -> Result<(Token, usize), SoqlError> {
    let symbol = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol));
    symbol
        .map(|symbol| (Token::Symbol(symbol), symbol.len()))
        .ok_or_else(|| SoqlError::new("a character that is not part of SoQL"))
}

#[cfg(test)]
mod tests;
