//! Parsers beside those of Python's libraries, which read the same cases: one process, a line of
//! JSON for each case and one for each answer.

mod digits;
mod fernet;
mod geometry;
#[path = "../../../../tools/testing/python.rs"]
mod python;
mod times;

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

const ORACLE: &str = include_str!("beside_python/oracle.py");
/// Cases in `make test`, of those that take a thousandth of a second.
const CASES: u64 = 600;

/// How many cases there are: as many as `make fuzz-stable` asks for, or a few.
fn cases() -> u64 {
    let runs = std::env::var("MDS_FUZZ_RUNS").ok();
    runs.map_or(CASES, |runs| runs.replace('_', "").parse().unwrap())
}

/// Numbers that are the same each time.
fn random(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// What Python makes of the cases, in their order.
fn ask(what: &str, cases: &[Value]) -> Vec<Value> {
    let mut child = Command::new(python::with_modules("cryptography.fernet, shapely, tzdata"))
        .args(["-c", ORACLE, what])
        // The zones are those of the package, whatever the machine has.
        .env("PYTHONTZPATH", "")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let lines: String = cases.iter().map(|case| format!("{case}\n")).collect();
    let feeder = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let stdout = BufReader::new(child.stdout.take().unwrap());
    let answers: Vec<Value> = stdout
        .lines()
        .map(|line| serde_json::from_str(&line.unwrap()).unwrap())
        .collect();
    feeder.join().unwrap().unwrap();
    assert!(child.wait().unwrap().success(), "Python failed");
    assert_eq!(answers.len(), cases.len(), "not an answer for each case");
    answers
}
