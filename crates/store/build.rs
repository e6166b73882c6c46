//! Tells cargo to build the crate again when a migration is added or changed: the macro that embeds
//! the migrations does not. Lists their versions, so that a function, which only compares them with
//! those of the database, does not carry what reads and applies migrations.

use std::error::Error;
use std::path::Path;
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=migrations");
    let mut versions = Vec::new();
    for entry in fs::read_dir("migrations")? {
        let name = entry?.file_name();
        versions.push(version_of(&name.to_string_lossy())?);
    }
    versions.sort_unstable();
    let folder = env::var_os("OUT_DIR").ok_or("Cargo has set no OUT_DIR")?;
    fs::write(
        Path::new(&folder).join("versions.rs"),
        format!("&{versions:?}"),
    )?;
    Ok(())
}

/// The number of `V12__audits.sql`.
fn version_of(name: &str) -> Result<i32, Box<dyn Error>> {
    let number = name.strip_prefix('V').and_then(|it| it.split_once("__"));
    let (number, _) = number.ok_or_else(|| format!("{name} is no name of a migration"))?;
    Ok(number.parse()?)
}
