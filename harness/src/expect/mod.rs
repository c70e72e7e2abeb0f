//! Judges what an author expects beyond the rules.
