//! What an attack did to the network and the database, whatever it attacked.

use std::fmt;
use std::ops::AddAssign;

/// Numbers of disturbances.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Disturbances {
    pub(crate) outages: u64,
    pub(crate) database_faults: u64,
    pub(crate) exchanges: u64,
    pub(crate) disturbed: u64,
}

impl AddAssign for Disturbances {
    fn add_assign(&mut self, more: Self) {
        self.outages += more.outages;
        self.database_faults += more.database_faults;
        self.exchanges += more.exchanges;
        self.disturbed += more.disturbed;
    }
}

impl fmt::Display for Disturbances {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} outages, {} faults of the database, {} of {} exchanges disturbed",
            self.outages, self.database_faults, self.disturbed, self.exchanges
        )
    }
}
