//! adapter-rest
