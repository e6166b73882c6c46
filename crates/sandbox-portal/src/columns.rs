//! The columns of the dataset.

/// A column of the dataset, for its description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// The name in rows and queries.
    pub name: String,
    /// The portal's name of the type: `text`, `number`, `calendar_date`.
    pub data_type: String,
}

/// What a column holds, as far as queries tell it apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DataType {
    Text,
    Number,
    /// A date and time without an offset.
    Time,
    Other,
}

impl Column {
    pub(crate) fn kind(&self) -> DataType {
        match self.data_type.as_str() {
            "text" => DataType::Text,
            "number" => DataType::Number,
            "calendar_date" | "date" => DataType::Time,
            _ => DataType::Other,
        }
    }

    /// A column with this name and type.
    #[must_use]
    pub fn new(name: &str, data_type: &str) -> Self {
        Self {
            name: name.to_owned(),
            data_type: data_type.to_owned(),
        }
    }
}

/// The columns of a city's dataset of trips.
#[must_use]
pub fn default_columns() -> Vec<Column> {
    let typed = [
        ("text", &["trip_id", "device_id", "vehicle_type"][..]),
        ("number", &["trip_duration", "trip_distance"]),
        (
            "calendar_date",
            &[
                "start_time",
                "end_time",
                "modified_date",
                "start_time_us_central",
                "end_time_us_central",
            ],
        ),
        ("number", &["year", "month", "hour", "day_of_week"]),
        (
            "text",
            &[
                "council_district_start",
                "council_district_end",
                "census_geoid_start",
                "census_geoid_end",
            ],
        ),
    ];
    typed
        .into_iter()
        .flat_map(|(data_type, names)| names.iter().map(move |name| Column::new(name, data_type)))
        .collect()
}
