//! The `sync-socrata` step as a function of AWS Lambda.
