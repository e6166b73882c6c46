//! Changes inputs: the same seed is the same change.
//!
//! Half of the changes know JSON: members are renamed, repeated and left out, values take the place
//! of others. The rest work on bytes, as they break.

use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::json::Node;

/// Larger inputs are cut.
pub const MAX_BYTES: usize = 64 * 1024;
const MAX_CHANGES: usize = 4;

/// Values at which parsers differ.
const SCALARS: [&str; 44] = [
    "null",
    "true",
    "false",
    "0",
    "-0",
    "-0.0",
    "1",
    "-1",
    "0.5",
    "-1.5",
    "2.5",
    "1e3",
    "1E-7",
    "12.50",
    "1.4999999999999999999999",
    "1e308",
    "1e309",
    "-1e309",
    "1e-400",
    "1e99999999999999999999",
    "9007199254740993",
    "9007199254740992.5",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "340282366920938463463374607431768211456",
    "4294967296",
    "NaN",
    "Infinity",
    "-Infinity",
    "\"\"",
    "\" \"",
    "\"0\"",
    "\"1e3\"",
    "\"\\u0000\"",
    "\"\\ud800\"",
    "\"\\ud83d\\ude00\"",
    "\"ü\"",
    "\"\\\"\"",
    "[]",
    "{}",
    "[[]]",
    "{\"\":null}",
];

/// The bytes that JSON and texts break at.
const BYTES: &[u8] = b"{}[],:\"\\ \t\n0123456789-+.eEbTZ/=%?#&@\0\x7f\x80\xef\xff";

/// Changes inputs of one target.
pub struct Mutator<'a> {
    seeds: &'a [Vec<u8>],
    words: &'a [&'a str],
}

impl<'a> Mutator<'a> {
    /// A mutator of these inputs, which knows these words.
    #[must_use]
    pub fn new(seeds: &'a [Vec<u8>], words: &'a [&'a str]) -> Self {
        Self { seeds, words }
    }

    /// The changed input of this number.
    #[must_use]
    pub fn input(&self, number: u64) -> Vec<u8> {
        let mut random = ChaCha8Rng::seed_from_u64(number);
        let mut input = self.seeds.choose(&mut random).cloned().unwrap_or_default();
        for _ in 0..random.random_range(1..=MAX_CHANGES) {
            let as_json = random.random_bool(0.5);
            let tree = as_json
                .then(|| Node::read(str::from_utf8(&input).ok()?))
                .flatten();
            match tree {
                Some(mut tree) => {
                    self.change_tree(&mut tree, &mut random);
                    input = tree.to_string().into_bytes();
                }
                None => self.change_bytes(&mut input, &mut random),
            }
        }
        input.truncate(MAX_BYTES);
        input
    }

    fn change_tree(&self, tree: &mut Node, random: &mut ChaCha8Rng) {
        let donor = self.node(tree, random);
        let number = random.random_range(0..tree.count());
        let word = self.word(random).to_owned();
        let Some(node) = tree.nth(number) else { return };
        match (random.random_range(0..12), node) {
            (0 | 1, Node::Object(members)) if !members.is_empty() => {
                members.remove(random.random_range(0..members.len()));
            }
            (2, Node::Object(members)) if !members.is_empty() => {
                let twice = members[random.random_range(0..members.len())].clone();
                members.insert(random.random_range(0..=members.len()), twice);
            }
            (3, Node::Object(members)) if !members.is_empty() => {
                let index = random.random_range(0..members.len());
                members[index].0 = word;
            }
            (4, Node::Object(members)) => {
                members.insert(random.random_range(0..=members.len()), (word, donor));
            }
            (5, node @ Node::Object(_)) => {
                let Node::Object(members) = node.clone() else {
                    return;
                };
                *node = Node::List(members.into_iter().map(|(_, value)| value).collect());
            }
            (0..=2, Node::List(list)) if !list.is_empty() => {
                list.remove(random.random_range(0..list.len()));
            }
            (3 | 4, Node::List(list)) => {
                list.insert(random.random_range(0..=list.len()), donor);
            }
            (5, Node::List(list)) if list.len() > 1 => {
                let (a, b) = (
                    random.random_range(0..list.len()),
                    random.random_range(0..list.len()),
                );
                list.swap(a, b);
            }
            (6, node) => *node = Node::List(vec![node.clone()]),
            (7, node) => *node = Node::Object(vec![(word, node.clone())]),
            (8, node) => *node = donor,
            (9, Node::Scalar(text)) => *text = in_other_quotes(text),
            (10, Node::Scalar(text)) => {
                let mut bytes = std::mem::take(text).into_bytes();
                self.change_bytes(&mut bytes, random);
                *text = String::from_utf8_lossy(&bytes).into_owned();
            }
            (11, node) => *node = Node::Scalar(serde_json::Value::from(word).to_string()),
            (_, node) => {
                let scalar = SCALARS.choose(random).copied().unwrap_or("null");
                *node = Node::Scalar(scalar.to_owned());
            }
        }
    }

    /// A node of this tree or of a seed.
    fn node(&self, tree: &Node, random: &mut ChaCha8Rng) -> Node {
        let seed = self
            .seeds
            .choose(random)
            .and_then(|seed| Node::read(str::from_utf8(seed).ok()?));
        let mut tree = match seed {
            Some(seed) if random.random_bool(0.5) => seed,
            _ => tree.clone(),
        };
        let number = random.random_range(0..tree.count());
        let node = tree.nth(number).cloned();
        node.unwrap_or(Node::Scalar("null".to_owned()))
    }

    fn word(&self, random: &mut ChaCha8Rng) -> &str {
        self.words.choose(random).copied().unwrap_or("x")
    }

    fn change_bytes(&self, input: &mut Vec<u8>, random: &mut ChaCha8Rng) {
        let at = random.random_range(0..=input.len());
        let length = random.random_range(0..=16.min(input.len() - at));
        match random.random_range(0..10) {
            0 if at < input.len() => input[at] ^= 1 << random.random_range(0..8),
            1 if at < input.len() => input[at] = byte(random),
            2 => input.insert(at, byte(random)),
            3 => drop(input.drain(at..at + length)),
            4 => input.truncate(at),
            5 => {
                let twice = input[at..at + length].to_vec();
                input.splice(at..at, twice);
            }
            6 => {
                let other = self.seeds.choose(random).map_or(&[][..], Vec::as_slice);
                let from = random.random_range(0..=other.len());
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
            7 => {
                let scalar = SCALARS.choose(random).copied().unwrap_or("0");
                input.splice(at..at + length, scalar.bytes());
            }
            8 => change_number(input, at, random),
            _ => {
                let word = self.word(random).as_bytes().to_vec();
                input.splice(at..at + length, word);
            }
        }
    }
}

fn byte(random: &mut ChaCha8Rng) -> u8 {
    BYTES.choose(random).copied().unwrap_or_default()
}

/// Adds or subtracts a little where digits stand.
fn change_number(input: &mut Vec<u8>, from: usize, random: &mut ChaCha8Rng) {
    let is_digit = |byte: &u8| byte.is_ascii_digit();
    let Some(start) = input[from..].iter().position(is_digit).map(|at| at + from) else {
        return;
    };
    let length = input[start..]
        .iter()
        .take_while(|byte| is_digit(byte))
        .count();
    let digits = str::from_utf8(&input[start..start + length]).unwrap_or_default();
    let Ok(number) = digits.parse::<u128>() else {
        return;
    };
    let by = [1, 2, 10, 24, 60, 3600, 1 << 32]
        .choose(random)
        .copied()
        .unwrap_or(1);
    let changed = if random.random_bool(0.5) {
        number.saturating_add(by)
    } else {
        number.saturating_sub(by)
    };
    let width = if random.random_bool(0.5) { length } else { 0 };
    input.splice(
        start..start + length,
        format!("{changed:0width$}").into_bytes(),
    );
}

/// A text that holds a number as that number, and a number as a text.
fn in_other_quotes(text: &str) -> String {
    match serde_json::from_str::<String>(text) {
        Ok(inner) if serde_json::from_str::<serde_json::Number>(&inner).is_ok() => inner,
        Ok(_) => text.to_owned(),
        Err(_) => format!("\"{text}\""),
    }
}
