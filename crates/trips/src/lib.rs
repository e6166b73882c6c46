//! trips
