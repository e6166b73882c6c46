//! The targets.

mod boundaries;
mod envelope;
mod known_trip;
mod published;
mod times;
mod trip;
mod vehicle;

#[cfg(feature = "services")]
mod block_item;
#[cfg(feature = "services")]
mod fernet;
#[cfg(feature = "services")]
mod links;
#[cfg(feature = "services")]
mod plan_request;
#[cfg(feature = "services")]
mod portal;
#[cfg(feature = "services")]
mod providers;
#[cfg(feature = "services")]
mod rows;
#[cfg(feature = "services")]
mod sealed;
#[cfg(feature = "services")]
mod secrets;
#[cfg(feature = "services")]
mod settings;
#[cfg(feature = "services")]
mod words;

/// Something that reads what strangers or people write.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name, which is that of its folder of seeds.
    pub name: &'static str,
    /// Reads an input, and panics if anything about the result is wrong.
    pub check: fn(&[u8]),
    /// Words that the parser knows. Mutations insert them.
    pub words: &'static [&'static str],
    /// How much of the time of `make test` an input takes, compared with most targets.
    pub cost: u32,
}

impl Target {
    const fn new(name: &'static str, check: fn(&[u8]), words: &'static [&'static str]) -> Self {
        Self {
            name,
            check,
            words,
            cost: 1,
        }
    }

    const fn costing(self, cost: u32) -> Self {
        Self { cost, ..self }
    }
}

/// All targets.
pub const TARGETS: &[Target] = &[
    Target::new("envelope", envelope::check, envelope::WORDS).costing(4),
    Target::new("trip", trip::check, trip::WORDS),
    Target::new("vehicle", vehicle::check, vehicle::WORDS),
    Target::new("boundaries", boundaries::check, boundaries::WORDS).costing(40),
    Target::new("times", times::check, times::WORDS),
    Target::new("published", published::check, published::WORDS),
    #[cfg(feature = "services")]
    Target::new("settings", settings::check, settings::WORDS).costing(20),
    #[cfg(feature = "services")]
    Target::new("providers", providers::check, providers::WORDS).costing(4),
    #[cfg(feature = "services")]
    Target::new("fernet", fernet::check, fernet::WORDS),
    #[cfg(feature = "services")]
    Target::new("zstd", sealed::check, sealed::WORDS),
    #[cfg(feature = "services")]
    Target::new("links", links::check, links::WORDS),
    #[cfg(feature = "services")]
    Target::new("words", words::check, words::WORDS),
    #[cfg(feature = "services")]
    Target::new("rows", rows::check, rows::WORDS),
    #[cfg(feature = "services")]
    Target::new("portal", portal::check, portal::WORDS),
    #[cfg(feature = "services")]
    Target::new("plan_request", plan_request::check, plan_request::WORDS),
    #[cfg(feature = "services")]
    Target::new("block_item", block_item::check, block_item::WORDS),
];

/// The target of this name.
#[must_use]
pub fn target(name: &str) -> Option<Target> {
    TARGETS.iter().copied().find(|target| target.name == name)
}
