//! Conversions as text.
