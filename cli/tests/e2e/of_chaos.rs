//! What the attacks on `mds` and those on the state machine share.

#[path = "../chaos/database.rs"]
pub(crate) mod database;
#[path = "../chaos/disturbances.rs"]
pub(crate) mod disturbances;
#[path = "../chaos/end.rs"]
pub(crate) mod end;
#[path = "../chaos/feed.rs"]
pub(crate) mod feed;
#[path = "../chaos/network.rs"]
pub(crate) mod network;
#[path = "../chaos/schedule.rs"]
pub(crate) mod schedule;
#[path = "../chaos/seeds.rs"]
pub(crate) mod seeds;
#[path = "../chaos/weather.rs"]
pub(crate) mod weather;
