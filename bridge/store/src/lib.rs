//! bridge-store
