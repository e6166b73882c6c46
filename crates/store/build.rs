//! Tells cargo to build the crate again when a migration is added or changed: the macro that embeds
//! the migrations does not.

fn main() {
    println!("cargo::rerun-if-changed=migrations");
}
