//! Runs a target over its seeds and over changes of them.

use std::cell::{Cell, RefCell};
use std::io;
use std::ops::Range;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;
use std::time::{Duration, Instant};

use crate::Target;
use crate::corpus;
use crate::mutate::Mutator;

/// An input that takes longer is a finding, also in a build without optimization.
pub const SLOW: Duration = Duration::from_secs(5);

/// An input with which a target failed.
pub struct Finding {
    /// Where it comes from: the name of a seed, or the number of a change.
    pub origin: String,
    /// The input, made as small as the failure allows.
    pub input: Vec<u8>,
    /// What the target said.
    pub message: String,
}

/// Runs a target over all of its seeds.
///
/// # Errors
///
/// The seeds cannot be read.
pub fn over_seeds(target: Target) -> io::Result<Vec<Finding>> {
    let seeds = corpus::seeds(target.name)?;
    let findings = seeds.iter().filter_map(|seed| {
        let message = fault(target, &seed.bytes)?;
        Some(Finding {
            origin: format!("seed {}", seed.name),
            input: seed.bytes.clone(),
            message,
        })
    });
    Ok(findings.collect())
}

/// Runs a target over the changes of these numbers, up to this many findings.
///
/// # Errors
///
/// The seeds cannot be read.
pub fn over_changes(
    target: Target,
    numbers: Range<u64>,
    max_findings: usize,
) -> io::Result<Vec<Finding>> {
    let seeds: Vec<Vec<u8>> = corpus::seeds(target.name)?
        .into_iter()
        .map(|seed| seed.bytes)
        .collect();
    let mutator = Mutator::new(&seeds, target.words);
    let findings = numbers.filter_map(|number| {
        let input = mutator.input(number);
        let message = fault(target, &input)?;
        Some(Finding {
            origin: format!("change {number}"),
            input: smallest(target, input, &message),
            message,
        })
    });
    Ok(findings.take(max_findings).collect())
}

thread_local! {
    static IS_IN_TARGET: Cell<bool> = const { Cell::new(false) };
    static MESSAGE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Keeps the message of a panic in a target, which else would be printed thousands of times.
fn keep_messages() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if IS_IN_TARGET.get() {
                let place = panic
                    .location()
                    .map(ToString::to_string)
                    .unwrap_or_default();
                let text = panic.payload_as_str().unwrap_or("it panicked");
                MESSAGE.set(format!("{text} ({place})"));
            } else {
                usual(panic);
            }
        }));
    });
}

/// What is wrong with the result of an input.
fn fault(target: Target, input: &[u8]) -> Option<String> {
    keep_messages();
    match attempt(target, input) {
        Ok(took) if took < SLOW => None,
        // The machine may have been busy.
        Ok(_) => match attempt(target, input) {
            Ok(took) if took >= SLOW => Some(format!("took {took:?}")),
            again => again.err(),
        },
        Err(message) => Some(message),
    }
}

fn attempt(target: Target, input: &[u8]) -> Result<Duration, String> {
    let began = Instant::now();
    IS_IN_TARGET.set(true);
    let ended = panic::catch_unwind(AssertUnwindSafe(|| (target.check)(input)));
    IS_IN_TARGET.set(false);
    ended.map(|()| began.elapsed()).map_err(|_| MESSAGE.take())
}

/// Leaves out pieces of the input for as long as the target fails with the same first words.
fn smallest(target: Target, mut input: Vec<u8>, message: &str) -> Vec<u8> {
    let kind = |message: &str| message.chars().take(24).collect::<String>();
    let expected = kind(message);
    let deadline = Instant::now() + SLOW;
    let mut piece = input.len().div_ceil(2);
    while piece > 0 {
        let mut at = 0;
        while at < input.len() && Instant::now() < deadline {
            let mut shorter = input.clone();
            shorter.drain(at..(at + piece).min(input.len()));
            if fault(target, &shorter).is_some_and(|message| kind(&message) == expected) {
                input = shorter;
            } else {
                at += piece;
            }
        }
        piece /= 2;
    }
    input
}
