#![allow(clippy::unwrap_used, reason = "a test may panic")]
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::*;

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

/// The folders of the workspace's packages: those that `members` of the root manifest lists.
fn packages() -> Vec<PathBuf> {
    let root = workspace();
    let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let members = manifest
        .lines()
        .find_map(|line| line.strip_prefix("members = "))
        .unwrap();
    let members: Vec<String> = serde_json::from_str(members).unwrap();
    let mut folders = Vec::new();
    for member in members {
        match member.strip_suffix("/*") {
            None => folders.push(root.join(member)),
            Some(parent) => {
                let entries = fs::read_dir(root.join(parent)).unwrap();
                folders.extend(entries.map(|entry| entry.unwrap().path()));
            }
        }
    }
    folders.retain(|folder| folder.join("Cargo.toml").exists());
    folders
}

/// The names of a package and of its binaries as the targets of log lines have them.
fn crates(package: &Path) -> Vec<String> {
    let manifest = fs::read_to_string(package.join("Cargo.toml")).unwrap();
    let mut section = "";
    let mut names = Vec::new();
    for line in manifest.lines() {
        match line.strip_prefix("name = ") {
            Some(name) if ["[package]", "[lib]", "[[bin]]"].contains(&section) => {
                names.push(name.trim_matches('"').replace('-', "_"));
            }
            _ if line.starts_with('[') => section = line,
            _ => {}
        }
    }
    names
}

#[test]
fn every_crate_of_the_workspace_is_ours_and_no_other() {
    let packages = packages();
    assert!(packages.len() > 15);
    let crates: BTreeSet<String> = packages.iter().flat_map(|it| crates(it)).collect();
    let ours: BTreeSet<String> = OURS.iter().map(|&name| name.to_owned()).collect();
    assert_eq!(ours, crates);
}

#[test]
fn a_crate_whose_name_begins_like_ours_is_not_ours() {
    assert!(is_ours("config") && is_ours("config::settings"));
    assert!(!is_ours("config_rs") && !is_ours("storelib::config"));
}
