//! Small text files that people write: read whole, never more than a bound.

use std::{
    fs::{self, File},
    io::Read as _,
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

/// The largest file that is read, in bytes. A list of ten thousand keys has some 600 KB.
const LARGEST: u64 = 1 << 20;

/// The text of the file at `path`.
///
/// # Errors
/// The reason and the remedy, naming the file as `what`.
pub(crate) fn read(what: &str, path: &str) -> Result<String, String> {
    let wrong = |reason: &str| format!("cannot read the {what} `{path}`: {reason}");
    let file = File::open(path).map_err(|error| wrong(&error.to_string()))?;
    if file.metadata().is_ok_and(|about| about.is_dir()) {
        return Err(wrong("it is a directory; name a file"));
    }
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|error| wrong(&error.to_string()))?;
    if bytes.len() as u64 > LARGEST {
        return Err(wrong("it is larger than 1 MiB; is it the right file?"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = before.split(|byte| *byte == b'\n').count();
        wrong(&format!("line {line} is not UTF-8; save it as UTF-8"))
    })
}

/// A warning where everybody on the machine can read a file that holds keys.
pub(crate) fn readable_by_all(what: &str, path: &Path) -> Option<String> {
    let open = fs::metadata(path).is_ok_and(|about| about.permissions().mode() & 0o004 != 0);
    open.then(|| {
        let path = path.display();
        format!(
            "everybody on this machine can read the {what} `{path}`, which holds keys: chmod o-r it"
        )
    })
}
