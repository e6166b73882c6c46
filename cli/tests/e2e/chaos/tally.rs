//! What attacks did.

use std::fmt;
use std::ops::AddAssign;

use serde_json::Value;

use crate::disturbances::Disturbances;

/// Numbers of attacks.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Tally {
    pub(crate) attacks: u64,
    pub(crate) executions: u64,
    pub(crate) failed: u64,
    pub(crate) invocations: u64,
    pub(crate) environments: u64,
    pub(crate) killed: u64,
    pub(crate) frozen: u64,
    pub(crate) timed_out: u64,
    pub(crate) ghosts: u64,
    pub(crate) late: u64,
    pub(crate) disturbances: Disturbances,
}

impl Tally {
    /// Takes what `infra/local/aws.py` has counted.
    pub(crate) fn take(&mut self, figures: &Value) {
        let number = |name: &str| figures[name].as_u64().unwrap();
        let invocations = figures["invocations"].as_object().unwrap().values();
        self.invocations = invocations.filter_map(Value::as_u64).sum();
        self.environments = number("environments");
        self.killed = number("killed");
        self.frozen = number("frozen");
        self.timed_out = number("timed_out");
        self.ghosts = number("ghosts");
        self.late = number("late");
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, more: Self) {
        self.attacks += more.attacks;
        self.executions += more.executions;
        self.failed += more.failed;
        self.invocations += more.invocations;
        self.environments += more.environments;
        self.killed += more.killed;
        self.frozen += more.frozen;
        self.timed_out += more.timed_out;
        self.ghosts += more.ghosts;
        self.late += more.late;
        self.disturbances += more.disturbances;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} attacks, {} executions ({} failed), {} invocations in {} environments ({} killed, {} frozen, {} timed out, \
             of these {} while frozen, {} late responses), {}",
            self.attacks,
            self.executions,
            self.failed,
            self.invocations,
            self.environments,
            self.killed,
            self.frozen,
            self.timed_out,
            self.ghosts,
            self.late,
            self.disturbances
        )
    }
}
