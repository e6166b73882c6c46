//! The labels of a point: the districts that it lies in.

/// The labels of a point, by layer. `None` for a point that no feature contains, a feature without
/// a label, and a layer that does not exist.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Labels<'a> {
    /// The council district.
    pub council_district: Option<&'a str>,
    /// The census tract.
    pub census_geoid: Option<&'a str>,
    /// The cell of the hexagonal grid.
    pub cell: Option<&'a str>,
}
