//! Builds the relay twice: first one that counts how often each part of it runs, then, by what it
//! counted under load, the one to be used (profile-guided optimisation, "Profile-guided Optimization" in
//! the book of rustc).
//!
//! `cargo run -p relay --example dist -- --help` tells more. All that is built stays in
//! `target/by-profile`; the last line on standard output is the program's path.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it is a program for the terminal")]

mod load;

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};

use clap::Parser;

/// Builds the relay by a profile of its own work. Takes some minutes and 1 GB, and needs rustup's
/// component `llvm-tools`.
#[derive(Debug, Parser)]
struct Options {
    /// Features of the relay, besides its default ones.
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    features: Vec<String>,
    /// How cargo builds it; `dev` shows quickly whether all of this works.
    #[arg(long, value_name = "NAME", default_value = "dist")]
    profile: String,
}

fn main() -> ExitCode {
    match build(Options::parse()) {
        Ok(relay) => {
            println!("{}", relay.display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Where the program is.
fn build(options: Options) -> io::Result<PathBuf> {
    let dist = Dist::new(options)?;
    eprintln!("1 of 3: building a relay that counts what it does");
    let counting = dist.with("counting", "-Cprofile-generate")?;
    let profile = dist.folder.join("relay.profdata");
    if is_older(&profile, &counting)? {
        eprintln!("2 of 3: relaying streams while it counts");
        dist.merge(&counts(&dist.folder, &counting)?, &profile)?;
    } else {
        eprintln!("2 of 3: it has counted already, in {}", profile.display());
    }
    eprintln!("3 of 3: building the relay by its counts");
    let built = dist.with("built", &format!("-Cprofile-use={}", profile.display()))?;
    let relay = dist.folder.join("relay");
    // One that runs is not written to.
    let copy = relay.with_extension("new");
    fs::copy(built, &copy)?;
    fs::rename(copy, &relay)?;
    Ok(relay)
}

/// Where and how it is built.
struct Dist {
    options: Options,
    root: PathBuf,
    folder: PathBuf,
    /// The machine's own target: given by name, flags are not for build scripts too, which would count.
    target: String,
    profdata: PathBuf,
}

impl Dist {
    fn new(options: Options) -> io::Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
        let rustc = |what: &str| said(Command::new("rustc").args(["--print", what]), &root);
        // This example lies in `target/debug/examples`.
        let own = env::current_exe()?;
        let folder = own.ancestors().nth(3).unwrap_or(&root);
        let folder = folder.join("by-profile").join(&options.profile);
        fs::create_dir_all(&folder)?;
        let libraries = PathBuf::from(rustc("target-libdir")?);
        let profdata = libraries.with_file_name("bin").join("llvm-profdata");
        if !profdata.exists() {
            return Err(io::Error::other(format!(
                "{} is missing; run `rustup component add llvm-tools`, or build without a profile: \
                 `cargo build --profile dist -p relay`",
                profdata.display()
            )));
        }
        let target = rustc("host-tuple")?;
        Ok(Self { options, root, folder, target, profdata })
    }

    /// The program built with a flag for rustc, in a folder of its own.
    fn with(&self, name: &str, flag: &str) -> io::Result<PathBuf> {
        let folder = self.folder.join(name);
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(["build", "--package", "relay", "--bin", "relay", "--target", &self.target]);
        cargo.args(["--profile", &self.options.profile]).arg("--target-dir").arg(&folder);
        cargo.args(["--features", &self.options.features.join(",")]);
        // Where the variable is set, cargo takes no flags from anywhere else.
        if let Some(flags) = flags_of_environment() {
            cargo.env("CARGO_ENCODED_RUSTFLAGS", format!("{flags}\u{1f}{flag}"));
        } else {
            let flag = toml::Value::from(flag);
            cargo.args(["--config", &format!("build.rustflags = [{flag}]")]);
        }
        run(&mut cargo, &self.root)?;
        let profile = if self.options.profile == "dev" { "debug" } else { &*self.options.profile };
        Ok(folder.join(&self.target).join(profile).join("relay"))
    }

    /// Brings what each process counted together.
    fn merge(&self, counts: &Path, profile: &Path) -> io::Result<()> {
        run(
            Command::new(&self.profdata).arg("merge").arg(counts).arg("-o").arg(profile),
            &self.root,
        )
    }
}

/// Flags for rustc from the environment, as `CARGO_ENCODED_RUSTFLAGS` has them.
#[expect(clippy::disallowed_methods, reason = "this is the program's main file")]
fn flags_of_environment() -> Option<String> {
    let plain = || env::var("RUSTFLAGS").ok().filter(|flags| !flags.trim().is_empty());
    env::var("CARGO_ENCODED_RUSTFLAGS")
        .ok()
        .or_else(|| Some(plain()?.split_whitespace().collect::<Vec<_>>().join("\u{1f}")))
}

/// The folder with what the program counts under load.
fn counts(folder: &Path, counting: &Path) -> io::Result<PathBuf> {
    let folder = folder.join("counts");
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        removed => removed?,
    }
    fs::create_dir_all(&folder)?;
    load::run(counting, &folder)?;
    if fs::read_dir(&folder)?.next().is_none() {
        return Err(io::Error::other(
            "the relay counted nothing; flags for rustc under `target` in a configuration of cargo put \
             those of this build out of force: give them in RUSTFLAGS instead",
        ));
    }
    Ok(folder)
}

/// Whether the first is not there, or was made before the second.
fn is_older(first: &Path, second: &Path) -> io::Result<bool> {
    let second = fs::metadata(second)?.modified()?;
    Ok(fs::metadata(first).and_then(|first| first.modified()).map_or(true, |first| first < second))
}

fn run(command: &mut Command, root: &Path) -> io::Result<()> {
    let status = command.current_dir(root).stdout(Stdio::null()).status()?;
    if status.success() { Ok(()) } else { Err(failed(command)) }
}

fn said(command: &mut Command, root: &Path) -> io::Result<String> {
    let output = command.current_dir(root).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(failed(command));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}

fn failed(command: &Command) -> io::Error {
    let program = command.get_program().display();
    io::Error::other(format!("{program} failed; what it said is above"))
}
