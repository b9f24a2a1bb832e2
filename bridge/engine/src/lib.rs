//! bridge-engine
