//! Builds again when a scenario or a bad input comes or goes: tests and the embedded catalogue
//! are made of the files that stand there.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=../scenarios");
    println!("cargo::rerun-if-changed=tests/bad_input");
    println!("cargo::rerun-if-changed=tests/rich");
    println!("cargo::rerun-if-changed=tests/show");
}
