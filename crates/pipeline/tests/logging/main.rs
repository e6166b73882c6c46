//! docs/LOGGING.md against the sources and against the log lines of a run.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod page;
mod run;
mod sources;

use std::collections::BTreeSet;

use page::Page;
use sources::{Kind, Statement, statements};

#[test]
fn the_page_lists_every_message_with_its_level_and_fields_and_no_other() {
    let written: BTreeSet<_> = statements()
        .into_iter()
        .filter_map(|it| match it.kind {
            Kind::Event(level) => Some((level, it.message, it.fields)),
            Kind::Span(_) => None,
        })
        .collect();
    assert!(written.len() > 15);
    let listed: BTreeSet<_> = Page::read().messages.into_iter().collect();
    let missing: Vec<_> = written.difference(&listed).collect();
    let gone: Vec<_> = listed.difference(&written).collect();
    assert!(
        missing.is_empty() && gone.is_empty(),
        "not on the page: {missing:#?}\nnot in the sources: {gone:#?}"
    );
}

#[test]
fn the_page_lists_every_field_and_no_other() {
    let page = Page::read();
    let of_kind = |is_span: bool| -> BTreeSet<String> {
        let statements = statements().into_iter();
        statements
            .filter(|it| matches!(it.kind, Kind::Span(_)) == is_span)
            .flat_map(|it| it.fields)
            .collect()
    };
    assert_eq!(page.span_fields, of_kind(true));
    assert_eq!(page.line_fields, of_kind(false));
}

#[test]
fn spans_are_opened_in_one_place_and_no_line_repeats_their_fields() {
    let page = Page::read();
    for Statement {
        kind, file, fields, ..
    } in statements()
    {
        match kind {
            Kind::Span(level) => {
                assert!(file.ends_with("pipeline/src/span.rs"), "{file}");
                // With a lower level, a log of warnings would lose the span's fields.
                assert_eq!(level, "error");
            }
            Kind::Event(_) => assert!(fields.is_disjoint(&page.span_fields), "{file}: {fields:?}"),
        }
    }
}

#[test]
fn a_message_is_a_plain_sentence() {
    for Statement { message, file, .. } in statements() {
        let first = message.split(' ').next().unwrap();
        let is_name = first.chars().skip(1).any(char::is_uppercase);
        assert!(
            is_name || first.starts_with(|c: char| c.is_ascii_lowercase()),
            "{file}: {message}"
        );
        assert!(
            !message.contains('{') && !message.ends_with('.'),
            "{file}: {message}"
        );
    }
}
