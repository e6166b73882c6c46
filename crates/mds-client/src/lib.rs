//! mds-client
