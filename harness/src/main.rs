//! The `whitewater` command: the only place that prints, exits and reads the environment.

fn main() {}
