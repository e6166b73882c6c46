//! Envelopes of every form, whole and broken.

mod broken;
mod fixture;
mod forms;
mod next_page;
mod not_json;
mod not_utf8;
mod odd;
mod round_trip;
