//! How a provider's feed has to be read.

/// What the provider's configuration, and the version of its body, say about the values.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Feed {
    /// Whether the provider sends latitude and longitude in each other's place.
    pub swap_coordinates: bool,
    /// Whether the version of MDS that the body names, or else that of the configuration, has
    /// timestamps in seconds, as 0.2 does.
    pub seconds_expected: bool,
    /// The unit of its costs.
    pub cost_unit: CostUnit,
}

/// The unit in which a feed sends costs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CostUnit {
    /// The currency's minor unit, such as cents: what MDS specifies.
    #[default]
    Minor,
    /// The currency's major unit, such as dollars.
    Major,
}
