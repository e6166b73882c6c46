//! The `plan-blocks` step as a function of AWS Lambda.
