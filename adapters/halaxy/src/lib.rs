//! adapter-halaxy
