//! The targets themselves.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use fuzz_targets::run::{Finding, over_changes, over_seeds};
use fuzz_targets::{TARGETS, Target, corpus};

/// Changes of each target in `make test`, of a target with the cost 1.
const CHANGES: u64 = 400;
/// After these the rest mostly are the same.
const MAX_FINDINGS: usize = 5;
/// The threads of a long run.
const THREADS: u64 = 2;

fn number(variable: &str) -> Option<u64> {
    let number = std::env::var(variable).ok()?;
    Some(number.replace('_', "").parse().unwrap())
}

/// Those that `MDS_FUZZ_TARGET` names, or all.
fn chosen() -> Vec<Target> {
    let name = std::env::var("MDS_FUZZ_TARGET").unwrap_or_default();
    let chosen: Vec<Target> = TARGETS
        .iter()
        .copied()
        .filter(|target| name.is_empty() || target.name == name)
        .collect();
    assert!(!chosen.is_empty(), "there is no target {name}");
    chosen
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Keeps an input, so that it can be looked at and become a seed.
fn keep(target: Target, finding: &Finding) -> String {
    let folder = root().join("target/fuzz-findings");
    fs::create_dir_all(&folder).unwrap();
    let name = format!("{}-{}", target.name, finding.origin.replace(' ', "-"));
    fs::write(folder.join(&name), &finding.input).unwrap();
    format!(
        "{}, {}: {}\n  {:?}\n  kept as target/fuzz-findings/{name}",
        target.name,
        finding.origin,
        finding.message,
        String::from_utf8_lossy(&finding.input)
    )
}

fn none_of(target: Target, findings: &[Finding]) -> Vec<String> {
    findings
        .iter()
        .map(|finding| keep(target, finding))
        .collect()
}

#[test]
fn every_seed_has_the_outcome_that_is_right() {
    let mut faults = Vec::new();
    for target in chosen() {
        faults.extend(none_of(target, &over_seeds(target).unwrap()));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_change_of_a_seed_has_the_outcome_that_is_right() {
    let runs = number("MDS_FUZZ_RUNS");
    let first = number("MDS_FUZZ_FIRST").unwrap_or(0);
    let mut faults = Vec::new();
    for target in chosen() {
        let began = Instant::now();
        let count = runs.unwrap_or(CHANGES / u64::from(target.cost));
        let found = over_many(target, first, count);
        if runs.is_some() {
            let took = began.elapsed().as_secs_f64();
            println!(
                "{}: {count} inputs in {took:.0} s, {} findings",
                target.name,
                found.len()
            );
        }
        faults.extend(none_of(target, &found));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn over_many(target: Target, first: u64, count: u64) -> Vec<Finding> {
    let share = count.div_ceil(THREADS);
    let part = |thread: u64| {
        let from = first + thread * share;
        from..(from + share).min(first + count)
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| scope.spawn(move || over_changes(target, part(thread), MAX_FINDINGS)))
            .collect();
        let found = threads
            .into_iter()
            .map(|thread| thread.join().unwrap().unwrap());
        found.flatten().collect()
    })
}

/// `cargo fuzz list` shows a program for each target, each program has a target, and both have
/// seeds.
#[test]
fn cargo_fuzz_has_the_same_targets() {
    let names: BTreeSet<String> = TARGETS
        .iter()
        .map(|target| target.name.to_owned())
        .collect();
    let programs: BTreeSet<String> = fs::read_dir(root().join("fuzz/fuzz_targets"))
        .unwrap()
        .map(|file| file.unwrap().path())
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    assert_eq!(programs, names);
    let manifest = fs::read_to_string(root().join("fuzz/Cargo.toml")).unwrap();
    for name in &names {
        assert!(manifest.contains(&format!("name = \"{name}\"\n")), "{name}");
        let program = root().join(format!("fuzz/fuzz_targets/{name}.rs"));
        let program = fs::read_to_string(program).unwrap();
        assert!(
            program.contains(&format!("fuzz_targets::run(\"{name}\", data)")),
            "{name}"
        );
        assert!(
            corpus::seeds(name).unwrap().len() >= 3,
            "{name} has too few seeds"
        );
    }
}

/// A failure of the mutator would look like a parser without bugs.
#[test]
fn changes_differ_and_repeat() {
    for target in chosen() {
        let seeds: Vec<_> = corpus::seeds(target.name)
            .unwrap()
            .into_iter()
            .map(|it| it.bytes)
            .collect();
        let mutator = fuzz_targets::mutate::Mutator::new(&seeds, target.words);
        let inputs: BTreeSet<_> = (0..200).map(|number| mutator.input(number)).collect();
        assert!(
            inputs.len() > 150,
            "{}: {} different inputs",
            target.name,
            inputs.len()
        );
        assert_eq!(mutator.input(7), mutator.input(7));
    }
}
