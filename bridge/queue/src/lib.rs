//! bridge-queue
