//! Under which ids devices are published.

use chrono::{Datelike, NaiveDate};
use uuid::Uuid;

use crate::ids::PublicIdKey;
use crate::named_enum;

named_enum! {
    /// A period of civil time after which a device is published under another id.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum DeviceIdPeriod {
        /// A calendar month.
        Month => "month",
        /// A week from Monday to Sunday.
        Week => "week",
        /// A day.
        Day => "day",
    }
}

/// Under which ids devices are published (`PUBLIC_DEVICE_ID_PERIOD`).
#[derive(Debug, Clone, Default)]
pub enum DeviceIds {
    /// Under the public id that a device has in `api.devices`.
    #[default]
    Forever,
    /// Under an id that is derived from it for each period.
    Changing {
        /// How long a device keeps an id.
        period: DeviceIdPeriod,
        /// Without it, nobody can connect the ids of two periods.
        key: PublicIdKey,
    },
}

impl DeviceIds {
    /// The id of a device in a row whose trip starts on this civil day.
    pub(super) fn on(&self, day: NaiveDate, public_id: Uuid) -> Uuid {
        match self {
            Self::Forever => public_id,
            Self::Changing { period, key } => key.device_in_period(public_id, &period.name(day)),
        }
    }

    /// Tells these ids from others. The key is known by an id that it makes for no device and no
    /// period.
    pub(super) fn fingerprint(&self) -> String {
        match self {
            Self::Forever => "forever".to_owned(),
            Self::Changing { period, key } => {
                format!("{period} {}", key.device_in_period(Uuid::nil(), ""))
            }
        }
    }
}

impl DeviceIdPeriod {
    /// The period that contains a day, in the forms of ISO 8601, which are distinct: `2020-03`,
    /// `2020-W10`, `2020-03-02`. The ids depend on them.
    fn name(self, day: NaiveDate) -> String {
        match self {
            Self::Month => format!("{:04}-{:02}", day.year(), day.month()),
            Self::Week => {
                let week = day.iso_week();
                format!("{:04}-W{:02}", week.year(), week.week())
            }
            Self::Day => format!("{:04}-{:02}-{:02}", day.year(), day.month(), day.day()),
        }
    }
}
