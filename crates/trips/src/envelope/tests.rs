//! Envelopes of every form, whole and broken.

mod broken;
mod fixture;
mod forms;
mod odd;
mod round_trip;
