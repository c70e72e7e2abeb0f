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
    /// The first that went wrong; after it nothing is written.
    failure: Mutex<Option<String>>,
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
        Ok(Self { folder: folder.to_owned(), failure: Mutex::default() })
    }

    /// Writes what one run sent.
    pub(super) fn keep(&self, id: &str, settings: &Settings, trace: &Trace) {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        if failure.is_none() {
            let path = self.folder.join(pcapng::file_name(id));
            let about = format!("{id}, seed {}, relay {}", settings.seed, settings.target.name);
            let written = write(&path, &about, trace);
            *failure =
                written.err().map(|error| format!("cannot write {}: {error}", path.display()));
        }
    }

    /// Why not all are there, if so.
    pub(super) fn failure(self) -> Option<String> {
        self.failure.into_inner().unwrap_or_else(PoisonError::into_inner)
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
