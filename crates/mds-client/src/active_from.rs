//! `active_from`: the hour from which on runs over all providers include a provider.

use std::fmt;

use trips::block::Hour;
use trips::time::{CivilZone, TimeError};

use crate::fields::ProviderConfigError;

/// The hour of `active_from`, as the file writes it: a civil hour has its instant only in the
/// city's zone, which is a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActiveFrom(String);

impl ActiveFrom {
    /// The key in the file.
    pub const KEY: &'static str = "active_from";

    /// Checks all that can be checked without the zone.
    pub(crate) fn parse(text: &str) -> Result<Self, ProviderConfigError> {
        match CivilZone::default().parse_time(text) {
            Ok(_) | Err(TimeError::NotRepeated { .. }) => Ok(Self(text.trim().to_owned())),
            Err(_) => Err(ProviderConfigError::new(
                Self::KEY,
                "must be a civil hour such as 2020-03-01-00, or an instant on a whole hour such as 2020-03-01T06:00:00Z",
            )),
        }
    }

    /// The first hour, in the city's zone. The second occurrence of an hour that this zone does not
    /// repeat is that hour.
    ///
    /// # Errors
    ///
    /// None for a value that was read from an entry.
    pub fn hour(&self, zone: &CivilZone) -> Result<Hour, TimeError> {
        match zone.parse_time(&self.0) {
            Err(TimeError::NotRepeated { .. }) => zone.parse_time(self.0.trim_end_matches('b')),
            read => read,
        }
    }
}

impl fmt::Display for ActiveFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests;
