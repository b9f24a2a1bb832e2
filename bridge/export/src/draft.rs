//! A file that has its name only when it is whole: written beside it, synced, and renamed. Only its owner can read it.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// What the name of an unfinished file ends with.
const PARTIAL: &str = ".partial";
const BUFFER: usize = 256 * 1024;

/// A file cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {path}: {why}")]
pub struct DraftError {
    /// The file.
    pub path: String,
    /// What the operating system said.
    pub why: io::Error,
}

/// A file in the making. Dropped, it leaves nothing; killed, it leaves a file named `.NAME.*.partial` that the next
/// draft of the same name clears away.
pub struct Draft {
    path: PathBuf,
    file: BufWriter<NamedTempFile>,
}

impl Draft {
    /// Begins a file that will have this path.
    ///
    /// # Errors
    /// [`DraftError`] if nothing can be written there.
    pub fn of(path: &Path) -> Result<Draft, DraftError> {
        let begin = || {
            let name = path
                .file_name()
                .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "it names no file"))?;
            let prefix = format!(".{}.", name.to_string_lossy());
            clear(folder(path), &prefix);
            // Made with mode 600.
            let file = tempfile::Builder::new()
                .prefix(&prefix)
                .suffix(PARTIAL)
                .tempfile_in(folder(path))?;
            file.as_file().lock()?;
            Ok(file)
        };
        let file = begin().map_err(|why| failed(path, why))?;
        Ok(Draft {
            path: path.into(),
            file: BufWriter::with_capacity(BUFFER, file),
        })
    }

    /// Gives the file its name. When this returns, it is on the disk as a whole.
    ///
    /// # Errors
    /// [`DraftError`]; what stood under the name stands there still.
    pub fn keep(mut self) -> Result<(), DraftError> {
        let path = self.path;
        let mut end = || {
            self.file.flush()?;
            self.file.get_ref().as_file().sync_all()
        };
        end().map_err(|why| failed(&path, why))?;
        let (file, rest) = self.file.into_parts();
        if !rest.is_ok_and(|rest| rest.is_empty()) {
            return Err(failed(&path, io::ErrorKind::WriteZero.into()));
        }
        let kept = file.persist(&path);
        kept.map_err(|error| failed(&path, error.error))?;
        // The name is on the disk when its folder is.
        #[cfg(unix)]
        File::open(folder(&path))
            .and_then(|folder| folder.sync_all())
            .map_err(|why| failed(&path, why))?;
        Ok(())
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn failed(path: &Path, why: io::Error) -> DraftError {
    DraftError {
        path: path.display().to_string(),
        why,
    }
}

fn folder(path: &Path) -> &Path {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// Removes what drafts left that were killed: whoever still writes one holds its lock. Leftovers harm nobody, so
/// trouble with them is none.
fn clear(folder: &Path, prefix: &str) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if !name.starts_with(prefix) || !name.ends_with(PARTIAL) {
            continue;
        }
        if File::open(entry.path()).is_ok_and(|file| file.try_lock().is_ok()) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_has_its_name_only_when_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("people.csv");
        std::fs::write(&path, "before").unwrap();
        let mut draft = Draft::of(&path).unwrap();
        draft.write_all(b"after").unwrap();
        draft.flush().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "before");
        // Another one at the same time leaves this one alone.
        drop(Draft::of(&path).unwrap());
        draft.keep().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "after");
        assert_eq!(names(folder.path()), ["people.csv"]);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn what_a_killed_one_left_is_cleared_away() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(".people.csv.dead.partial"), "half").unwrap();
        std::fs::write(folder.path().join(".other.csv.dead.partial"), "half").unwrap();
        drop(Draft::of(&folder.path().join("people.csv")).unwrap());
        assert_eq!(names(folder.path()), [".other.csv.dead.partial"]);
        assert!(Draft::of(&folder.path().join("no/people.csv")).is_err());
    }
}
