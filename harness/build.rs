//! Rebuilds when a scenario comes or goes: one test a file is made at compile time.

fn main() {
    println!("cargo::rerun-if-changed=../scenarios");
    println!("cargo::rerun-if-changed=build.rs");
}
