//! `--pcap DIR`: a capture of each run, in a folder.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write as _},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use crate::{net::Engine, report::pcapng, suite::Settings, trace::Trace};

/// A folder that captures are written to.
#[derive(Debug)]
pub(super) struct Captures {
    folder: PathBuf,
    written: Mutex<Written>,
}

/// How far it got.
#[derive(Debug, Default)]
struct Written {
    files: usize,
    /// The first that went wrong; after it nothing is written.
    failure: Option<String>,
}

impl Captures {
    /// Into this folder, which is made where it does not exist.
    ///
    /// # Errors
    /// What is wrong with it, in words; also that this engine shows no packets.
    pub(super) fn into(folder: &Path, engine: Engine) -> Result<Self, String> {
        if !engine.shows_packets() {
            let shows = Engine::TurmoilNet;
            return Err(format!(
                "the engine {engine} shows no packets: --pcap goes with --engine {shows}"
            ));
        }
        let cannot = |error| {
            let folder = folder.display();
            format!(
                "cannot make the folder {folder} for --pcap: {error}; name one that can be written"
            )
        };
        fs::create_dir_all(folder).map_err(cannot)?;
        Ok(Self { folder: folder.to_owned(), written: Mutex::default() })
    }

    /// Writes what one run sent.
    pub(super) fn keep(&self, id: &str, settings: &Settings, trace: &Trace) {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if written.failure.is_some() {
            return;
        }
        let path = self.folder.join(pcapng::file_name(id));
        let about = format!("{id}, seed {}, relay {}", settings.seed, settings.target.name);
        match write(&path, &about, trace) {
            Ok(()) => written.files += 1,
            Err(error) => {
                written.failure = Some(format!("cannot write {}: {error}", path.display()));
            }
        }
    }

    /// What is there, in words.
    ///
    /// # Errors
    /// Why not all are there.
    pub(super) fn told(self) -> Result<String, String> {
        let written = self.written.into_inner().unwrap_or_else(PoisonError::into_inner);
        let Written { files, failure } = written;
        let noun = if files == 1 { "capture" } else { "captures" };
        let told = format!("{files} {noun} written below {}", self.folder.display());
        failure.map_or(Ok(told), Err)
    }
}

fn write(path: &Path, about: &str, trace: &Trace) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut file = BufWriter::new(File::create(path)?);
    pcapng::write(trace, about, &mut file)?;
    file.flush()
}
