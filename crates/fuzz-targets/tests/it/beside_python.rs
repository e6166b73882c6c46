//! Parsers beside those of Python's libraries, which read the same cases: one process, a line of
//! JSON for each case and one for each answer.

mod digits;
mod fernet;
mod geometry;
mod times;

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
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

/// Finds a Python that has the modules. Without one the test fails: it must not pass untested.
fn python() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let candidates = [
        std::env::var_os("MDS_PYTHON").map(PathBuf::from),
        Some(root.join(".venv/bin/python")),
        Some(PathBuf::from("python3")),
    ];
    let has_modules = |python: &PathBuf| {
        Command::new(python)
            .args(["-c", "import cryptography.fernet, shapely, tzdata"])
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    candidates.into_iter().flatten().find(has_modules).unwrap_or_else(|| {
        panic!(
            "no Python with the modules cryptography, shapely and tzdata was found: run `make setup`, or set MDS_PYTHON"
        )
    })
}

/// What Python makes of the cases, in their order.
fn ask(what: &str, cases: &[Value]) -> Vec<Value> {
    let mut child = Command::new(python())
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
