//! The `extract` step as a function of AWS Lambda.
