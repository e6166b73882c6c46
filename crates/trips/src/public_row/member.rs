//! The names of a published row's members.

use crate::named_enum;

named_enum! {
    /// A member of a published row, in the order in which a row has them (docs/CONTRACT.md, "The
    /// published row").
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Member {
        /// The trip's public id.
        TripId => "trip_id",
        /// The device's public id.
        DeviceId => "device_id",
        /// A word of MDS.
        VehicleType => "vehicle_type",
        /// Seconds.
        TripDuration => "trip_duration",
        /// Metres.
        TripDistance => "trip_distance",
        /// The start in UTC.
        StartTime => "start_time",
        /// The end in UTC.
        EndTime => "end_time",
        /// When the trip's row in the database last changed, in UTC.
        ModifiedDate => "modified_date",
        /// The start in civil time.
        StartTimeUsCentral => "start_time_us_central",
        /// The end in civil time.
        EndTimeUsCentral => "end_time_us_central",
        /// Year of the end.
        Year => "year",
        /// Month of the end.
        Month => "month",
        /// Hour of the end.
        Hour => "hour",
        /// Day of the week of the end.
        DayOfWeek => "day_of_week",
        /// Council district of the start.
        CouncilDistrictStart => "council_district_start",
        /// Council district of the end.
        CouncilDistrictEnd => "council_district_end",
        /// Census tract of the start.
        CensusGeoidStart => "census_geoid_start",
        /// Census tract of the end.
        CensusGeoidEnd => "census_geoid_end",
    }
}

impl Member {
    pub(super) fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|member| member.as_str() == name)
    }
}
