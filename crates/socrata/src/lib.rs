//! socrata
