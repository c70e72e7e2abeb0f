//! Where a file finds the others that it names.

use std::{fs, io, io::Read as _, path::Path};

use super::FILE_SIZE_MAX;

/// Where a file finds the others that it names: on a disk, in an archive, nowhere.
pub trait Files {
    /// Reads the file at a path, which is the naming file's folder joined with what it names. Of a
    /// file over [`FILE_SIZE_MAX`] one byte more than that is enough.
    ///
    /// # Errors
    /// What the store says.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
}

/// The file system.
#[derive(Debug, Clone, Copy)]
pub struct OnDisk;

impl Files for OnDisk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let limit = u64::try_from(FILE_SIZE_MAX).unwrap_or(u64::MAX).saturating_add(1);
        let mut bytes = Vec::new();
        fs::File::open(path)?.take(limit).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

/// A store without any file: for a text that came over a network or out of a test.
#[derive(Debug, Clone, Copy)]
pub struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _: &Path) -> io::Result<Vec<u8>> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "this text cannot name files"))
    }
}
