//! adapter-sandbox
