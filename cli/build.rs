//! Finds out which commit `mds` is built from, for `mds --version`.
//!
//! The first of these that knows it: the variable `MDS_BUILD_COMMIT`, for a build without the
//! repository, as in a container; git, in a clone; `commit.txt`, in an archive that git made.
//! Nothing else than the commit goes in, so that two builds of it are equal. `SOURCE_DATE_EPOCH`
//! replaces the commit's date.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the binary is made of. A change elsewhere, as in a document, does not make it another.
const SOURCES: [&str; 6] = [
    "Cargo.toml",
    "Cargo.lock",
    "crates",
    "cli/src",
    "cli/build.rs",
    "cli/Cargo.toml",
];
const COMMIT: &str = "MDS_BUILD_COMMIT";
const IMAGE: &str = "MDS_BUILD_IMAGE";
const DATE: &str = "SOURCE_DATE_EPOCH";
const SHOWN_DIGITS: usize = 9;

/// What is known about the sources.
#[derive(Default)]
struct Origin {
    commit: Option<String>,
    /// Seconds since 1970.
    date: Option<i64>,
    is_modified: bool,
}

fn main() {
    let root = Path::new("..");
    let origin = from_environment()
        .or_else(|| from_git(root))
        .or_else(from_archive)
        .unwrap_or_default();
    let date = text(DATE)
        .and_then(|seconds| seconds.parse().ok())
        .or(origin.date)
        .map(day);
    let package = text("CARGO_PKG_VERSION").unwrap_or_default();
    let image = text(IMAGE).unwrap_or_else(|| format!("mds-etl:{package}"));
    let commit = origin.commit.map_or_else(
        || "commit unknown".to_owned(),
        |commit| commit.chars().take(SHOWN_DIGITS).collect(),
    );
    let modified = origin.is_modified.then(|| "modified".to_owned());
    let parts: Vec<_> = [Some(commit), date.clone(), modified]
        .into_iter()
        .flatten()
        .collect();
    set(
        "BUILD_VERSION",
        &format!("{package} ({})", parts.join(", ")),
    );
    set("BUILD_DATE", &date.unwrap_or_default());
    set("BUILD_IMAGE", &image);
    watch(root);
}

fn from_environment() -> Option<Origin> {
    Some(Origin {
        commit: Some(text(COMMIT)?),
        ..Origin::default()
    })
}

fn from_git(root: &Path) -> Option<Origin> {
    // The sources may lie inside of somebody else's repository.
    let top = PathBuf::from(git(root, &["rev-parse", "--show-toplevel"])?);
    if top.canonicalize().ok()? != root.canonicalize().ok()? {
        return None;
    }
    let log = git(root, &["log", "-1", "--format=%H %ct"])?;
    let (commit, date) = log.split_once(' ')?;
    let status = ["status", "--porcelain", "--untracked-files=no", "--"];
    let changes = git(root, &[&status[..], &SOURCES].concat())?;
    Some(Origin {
        commit: Some(commit.to_owned()),
        date: date.parse().ok(),
        is_modified: !changes.is_empty(),
    })
}

/// `git archive` puts the commit and its date into this file.
fn from_archive() -> Option<Origin> {
    let line = fs::read_to_string("commit.txt").ok()?;
    let (commit, date) = line.trim().split_once(' ')?;
    let is_commit = !commit.is_empty() && commit.chars().all(|c| c.is_ascii_hexdigit());
    is_commit.then(|| Origin {
        commit: Some(commit.to_owned()),
        date: date.parse().ok(),
        is_modified: false,
    })
}

/// Runs this script again when its result may differ, and only then.
fn watch(root: &Path) {
    for name in [COMMIT, IMAGE, DATE] {
        println!("cargo::rerun-if-env-changed={name}");
    }
    println!("cargo::rerun-if-changed=commit.txt");
    for source in SOURCES {
        println!("cargo::rerun-if-changed={}", root.join(source).display());
    }
    // The files that change with a commit, and with a change of the branch.
    let reference = git(root, &["symbolic-ref", "--quiet", "HEAD"]);
    for name in ["HEAD", "packed-refs"]
        .into_iter()
        .chain(reference.as_deref())
    {
        let path = git(root, &["rev-parse", "--git-path", name]).map(|path| root.join(path));
        // A file that is not there would run the script at every build.
        if let Some(path) = path.filter(|path| path.exists()) {
            println!("cargo::rerun-if-changed={}", path.display());
        }
    }
}

/// The output of git, or nothing if there is no git or no repository.
fn git(root: &Path, args: &[&str]) -> Option<String> {
    let output = Command::new("git")
        // Without it, git rewrites its index, which others may be reading.
        .arg("--no-optional-locks")
        .args(args)
        .current_dir(root)
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

fn text(name: &str) -> Option<String> {
    env::var(name).ok().filter(|text| !text.trim().is_empty())
}

fn set(name: &str, value: &str) {
    println!("cargo::rustc-env={name}={value}");
}

/// The day of an instant in UTC, by the calendar's cycle of 400 years.
fn day(seconds: i64) -> String {
    let days = seconds.div_euclid(86_400) + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Years begin with March here, so that a leap day is the last.
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}
