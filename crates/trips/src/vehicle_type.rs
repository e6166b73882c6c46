//! The vehicle types of MDS.

use crate::named_enum;

named_enum! {
    /// A vehicle type of any version of MDS.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum VehicleType {
        /// A bicycle.
        Bicycle => "bicycle",
        /// A bicycle for goods.
        CargoBicycle => "cargo_bicycle",
        /// A scooter, before MDS told two kinds apart.
        Scooter => "scooter",
        /// A scooter to stand on.
        ScooterStanding => "scooter_standing",
        /// A scooter to sit on.
        ScooterSeated => "scooter_seated",
        /// A moped.
        Moped => "moped",
        /// A motorcycle.
        Motorcycle => "motorcycle",
        /// A car.
        Car => "car",
        /// A van.
        Van => "van",
        /// A truck.
        Truck => "truck",
        /// A bus.
        Bus => "bus",
        /// A robot that delivers goods.
        DeliveryRobot => "delivery_robot",
        /// Another vehicle.
        Other => "other",
    }
}

impl VehicleType {
    /// The type that a provider's word means, in any case of its letters. `None` for a word that no
    /// version of MDS has.
    ///
    /// ```
    /// use trips::VehicleType;
    ///
    /// assert_eq!(VehicleType::of("Moped"), Some(VehicleType::Moped));
    /// assert_eq!(VehicleType::of("hoverboard"), None);
    /// ```
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str().eq_ignore_ascii_case(word))
    }

    /// The word that is published. MDS 2.0 tells standing and seated scooters apart; the published
    /// rows have one word for both.
    #[must_use]
    pub fn published(self) -> &'static str {
        match self {
            Self::ScooterStanding | Self::ScooterSeated => Self::Scooter.as_str(),
            other => other.as_str(),
        }
    }
}
