//! The relay stands in `tests/conformance.rs`, so that the whole example is one file.
