//! What a trip, a block and an hour are: the rules of the system, free of clock and I/O.
//!
//! Everything here is a function of its arguments: the present moment is passed in, nothing is read
//! or written. The other crates carry these values between a provider, the archive, Postgres and
//! the portal.
//!
//! - [`time`]: a city's civil time, and the times people write
//! - [`block`]: hours, ranges of hours, and the places of a block's objects
//! - [`status`]: what is done of a block, and what is still to do
//! - [`ids`]: integer ids as UUIDs, and the public ids
//! - [`envelope`]: the JSON around a provider's trips, read and written as a stream
//! - [`trip`]: one trip: what refuses it, what is odd about it
//! - [`vehicle`]: what MDS 2.0 says of a device beside its trips
//! - [`public_row`]: what the portal is told of a trip

pub mod block;
mod changes;
pub mod envelope;
pub mod ids;
pub mod json;
mod named_enum;
pub mod public_row;
pub mod status;
pub mod time;
pub mod trip;
pub mod vehicle;

pub use changes::Changes;
