//! The `sync-db` step as a function of AWS Lambda.
