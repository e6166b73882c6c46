//! Where the headers of a response say that another page follows it.
//!
//! Web linking (RFC 8288) has `Link: <URL>; rel="next"`. Other providers send headers of their own,
//! such as `X-Next-Page`. A next page that is named there and in no other place must not be lost.

use reqwest::header::{HeaderMap, LINK};
use trips::envelope::is_name_of_next;

/// What the headers of a page say about the page after it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum HeaderLink {
    /// Nothing.
    #[default]
    None,
    /// Its URL, which may be relative.
    Url(String),
    /// There is one, but nobody knows where; the message quotes nothing of the header.
    Unclear(String),
}

impl HeaderLink {
    /// Reads the headers of a response.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut said = Said::default();
        for value in headers.get_all(LINK) {
            said.add_links(&String::from_utf8_lossy(value.as_bytes()));
        }
        for (name, value) in headers {
            let own = name.as_str().strip_prefix("x-").unwrap_or(name.as_str());
            if is_name_of_next(own) {
                said.add_value(name.as_str(), &String::from_utf8_lossy(value.as_bytes()));
            }
        }
        said.finish()
    }
}

#[derive(Default)]
struct Said {
    urls: Vec<String>,
    unclear: Option<String>,
}

impl Said {
    /// Takes the links of one `Link` header.
    fn add_links(&mut self, value: &str) {
        for link in parts(value, ',') {
            match Link::read(link) {
                Some(link) if link.is_next() && link.is_of_this_page() => self.add_url(link.target),
                // A link of something else that has a next page of its own.
                Some(_) => {}
                None if mentions_next(link) => self.is_unclear(LINK.as_str()),
                None => {}
            }
        }
    }

    /// Takes a header of a provider's own. Texts that are no URL are cursors or numbers of pages.
    fn add_value(&mut self, header: &str, value: &str) {
        let value = value.trim();
        let is_absent = ["", "0", "false", "null", "none"]
            .iter()
            .any(|absent| value.eq_ignore_ascii_case(absent));
        let is_url = ["https://", "http://", "/", "?"]
            .iter()
            .any(|start| value.starts_with(start));
        match (is_absent, is_url) {
            (true, _) => {}
            (false, true) => self.add_url(value),
            (false, false) => self.is_unclear(header),
        }
    }

    fn add_url(&mut self, url: &str) {
        if !self.urls.iter().any(|known| known == url) {
            self.urls.push(url.to_owned());
        }
    }

    fn is_unclear(&mut self, header: &str) {
        self.unclear.get_or_insert_with(|| {
            format!(
                "it has a next page, but the header `{header}` names it in a form that is not \
                 understood, so the trips there would be lost; known is `Link: <URL>; rel=\"next\"`"
            )
        });
    }

    fn finish(mut self) -> HeaderLink {
        match (self.urls.pop(), self.unclear) {
            (Some(_), _) if !self.urls.is_empty() => {
                HeaderLink::Unclear("its headers have two links to the next page".to_owned())
            }
            (Some(url), _) => HeaderLink::Url(url),
            (None, Some(why)) => HeaderLink::Unclear(why),
            (None, None) => HeaderLink::None,
        }
    }
}

/// One link: `<target>; name=value; …`.
struct Link<'a> {
    target: &'a str,
    parameters: Vec<(&'a str, String)>,
}

impl<'a> Link<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let (target, rest) = text.trim().strip_prefix('<')?.split_once('>')?;
        let parameters = parts(rest, ';')
            .into_iter()
            .map(|parameter| parameter.split_once('=').unwrap_or((parameter, "")))
            .map(|(name, value)| (name.trim(), unquoted(value.trim())))
            .collect();
        Some(Self {
            target: target.trim(),
            parameters,
        })
    }

    /// The first parameter of this name counts; the others have no meaning.
    fn parameter(&self, name: &str) -> Option<&str> {
        let mut named = self.parameters.iter();
        let (_, value) = named.find(|(it, _)| it.eq_ignore_ascii_case(name))?;
        Some(value)
    }

    fn is_next(&self) -> bool {
        self.parameter("rel").is_some_and(|relations| {
            relations
                .split_ascii_whitespace()
                .any(|relation| relation.eq_ignore_ascii_case("next"))
        })
    }

    /// Whether it does not name another page that it begins at.
    fn is_of_this_page(&self) -> bool {
        self.parameter("anchor").is_none_or(str::is_empty)
    }
}

/// The parts of `text` between separators, but not those within `<…>` or quotes.
fn parts(text: &str, separator: char) -> Vec<&str> {
    let (mut in_target, mut in_quotes, mut is_escaped) = (false, false, false);
    let parts = text.split(|c| {
        let was_escaped = std::mem::take(&mut is_escaped);
        match c {
            '\\' if in_quotes && !was_escaped => is_escaped = true,
            '"' if !in_target && !was_escaped => in_quotes = !in_quotes,
            '<' if !in_quotes => in_target = true,
            '>' if !in_quotes => in_target = false,
            _ => return c == separator && !in_quotes && !in_target,
        }
        false
    });
    parts.filter(|part| !part.trim().is_empty()).collect()
}

fn unquoted(value: &str) -> String {
    let Some(quoted) = value.strip_prefix('"') else {
        return value.to_owned();
    };
    let quoted = quoted.strip_suffix('"').unwrap_or(quoted);
    let mut is_escaped = false;
    quoted
        .chars()
        .filter(|c| {
            is_escaped = *c == '\\' && !is_escaped;
            !is_escaped
        })
        .collect()
}

/// Whether something that is no link has the word `next`.
fn mentions_next(text: &str) -> bool {
    text.split(|c: char| !c.is_ascii_alphanumeric())
        .any(|word| word.eq_ignore_ascii_case("next"))
}

#[cfg(test)]
mod tests;
