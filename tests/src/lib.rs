//! bridge-tests
