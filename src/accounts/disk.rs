//! The users file on disk. It is read whole and replaced whole: at any moment it is the old file or the new one.

use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::files::{exchange, rename_new};
use crate::model::StartError;

/// What an editor that takes no lock has done.
const CHANGED: &str = "was changed by another program meanwhile; nothing was done";

/// The longest users file: a hundred thousand hashes fit in it five times.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// How long one editor waits for another.
const LOCK_PATIENCE: Duration = Duration::from_secs(10);

/// Reads the whole file.
///
/// # Errors
/// Why it cannot be read.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, StartError> {
    let failed = |e: io::Error| refusal(path, format!("cannot be read: {e}"));
    // Checked before it is opened, because opening a pipe waits for its other end.
    if !fs::metadata(path).map_err(failed)?.is_file() {
        return Err(refusal(path, "is not a file".to_owned()));
    }
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes)).map_err(failed)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(refusal(path, format!("is longer than {} MiB", MAX_BYTES >> 20)));
    }
    Ok(bytes)
}

/// A users file locked for rewriting: no other rewrite begins until it is dropped.
pub(super) struct LockedFile<'a> {
    /// The path as the operator gave it, for messages.
    path: &'a Path,
    /// The file itself, with all links resolved, so that a link stays a link.
    file: PathBuf,
    /// Where the new file is written. A killed rewrite leaves it behind, and the next one removes it.
    temporary: PathBuf,
    /// Locked in place of the file, which is replaced together with any lock on it.
    folder: File,
}

/// A temporary file. It is deleted when dropped, unless it was renamed.
struct TempFile<'a>(Option<&'a Path>);

impl<'a> LockedFile<'a> {
    /// Waits until no other rewrite is in progress in the same folder.
    ///
    /// # Errors
    /// Why the file cannot be rewritten.
    pub(super) fn lock(path: &'a Path) -> Result<LockedFile<'a>, StartError> {
        let failed = |e: io::Error| refusal(path, format!("cannot be rewritten: {e}"));
        let file = match fs::canonicalize(path) {
            Err(e) if e.kind() == ErrorKind::NotFound && !path.is_symlink() => path.to_owned(),
            found => found.map_err(failed)?,
        };
        let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut name = std::ffi::OsString::from(".");
        name.push(file.file_name().unwrap_or_default());
        name.push(".rewrite");
        let folder = File::open(parent).map_err(failed)?;
        lock_folder(&folder).map_err(failed)?;
        let temporary = parent.join(name);
        match fs::remove_file(&temporary) {
            Err(e) if e.kind() != ErrorKind::NotFound => Err(failed(e)),
            Ok(()) | Err(_) => Ok(LockedFile { path, file, temporary, folder }),
        }
    }

    /// The file as it is, or `None` if there is none yet.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub(super) fn read(&self) -> Result<Option<Vec<u8>>, StartError> {
        match fs::symlink_metadata(&self.file) {
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Ok(_) | Err(_) => read(&self.file).map(Some).map_err(|e| match e {
                StartError::Users(_, why) => refusal(self.path, why),
                other => other,
            }),
        }
    }

    /// Replaces the file, which must still contain `old`, by `new`.
    ///
    /// # Errors
    /// Why it was not replaced; or that it was, but may not survive a power loss yet.
    pub(super) fn replace(self, old: Option<&[u8]>, new: &[u8]) -> Result<(), StartError> {
        let failed = |e: io::Error| refusal(self.path, format!("cannot be rewritten: {e}; it is unchanged"));
        let temporary = self.write_temporary(new).map_err(failed)?;
        // An editor that takes no lock may have saved in the meantime: hashing a long file takes minutes.
        if self.read()?.as_deref() != old {
            return Err(refusal(self.path, CHANGED.to_owned()));
        }
        match old {
            None => temporary.become_new(&self.file),
            Some(_) => temporary.take_place_of(&self.file),
        }
        .map_err(failed)?;
        if let Some(old) = old {
            self.expect_replaced(old)?;
        }
        self.folder
            .sync_all()
            .map_err(|e| refusal(self.path, format!("was rewritten, but may not be on disk yet: {e}")))
    }

    /// Looks at the file that was replaced, which has the temporary name now. If somebody saved it in the last moment, it
    /// gets its place back.
    fn expect_replaced(&self, old: &[u8]) -> Result<(), StartError> {
        let failed =
            |e: io::Error| refusal(self.path, format!("was rewritten, but its old content is still beside it: {e}"));
        match fs::read(&self.temporary) {
            // The file system can only rename.
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
            Ok(replaced) if replaced == old => fs::remove_file(&self.temporary).map_err(failed),
            Ok(_) => {
                exchange(&self.temporary, &self.file)
                    .and_then(|()| fs::remove_file(&self.temporary))
                    .map_err(failed)?;
                Err(refusal(self.path, CHANGED.to_owned()))
            }
            Err(e) => Err(failed(e)),
        }
    }

    fn write_temporary(&self, bytes: &[u8]) -> io::Result<TempFile<'_>> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&self.temporary)?;
        let temporary = TempFile(Some(&self.temporary));
        self.copy_access(&file)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        Ok(temporary)
    }

    /// Gives the new file the owner, the group and the mode of the old one. Its group may read it only if the old file
    /// was closed to everyone else: only then was the group a choice.
    fn copy_access(&self, temporary: &File) -> io::Result<()> {
        let old = match fs::metadata(&self.file) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
            found => found?,
        };
        let new = temporary.metadata()?;
        if (old.uid(), old.gid()) != (new.uid(), new.gid()) {
            fchown(temporary, Some(old.uid()), Some(old.gid()))
                .map_err(|e| io::Error::new(e.kind(), format!("its owner and group could not be kept ({e})")))?;
        }
        let kept = if old.mode() & 0o007 == 0 { 0o640 } else { 0o600 };
        temporary.set_permissions(Permissions::from_mode(old.mode() & kept))
    }
}

impl TempFile<'_> {
    /// Becomes a file that is not there yet.
    fn become_new(mut self, file: &Path) -> io::Result<()> {
        self.0.map_or(Ok(()), |temporary| rename_new(temporary, file))?;
        self.0 = None;
        Ok(())
    }

    /// Takes the place of a file, which gets the temporary name, or none where the file system can only rename.
    fn take_place_of(mut self, file: &Path) -> io::Result<()> {
        let Some(temporary) = self.0 else { return Ok(()) };
        match exchange(temporary, file) {
            Err(e) if e.kind() == ErrorKind::Unsupported => fs::rename(temporary, file)?,
            exchanged => exchanged?,
        }
        self.0 = None;
        Ok(())
    }
}

impl Drop for TempFile<'_> {
    fn drop(&mut self) {
        if let Some(temporary) = self.0 {
            // If this fails, the next rewrite removes it.
            let _ = fs::remove_file(temporary);
        }
    }
}

fn lock_folder(folder: &File) -> io::Result<()> {
    let deadline = Instant::now() + LOCK_PATIENCE;
    loop {
        match folder.try_lock() {
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => sleep(Duration::from_millis(10)),
            Err(TryLockError::WouldBlock) => {
                return Err(io::Error::other("another `parlord user` is running in its folder"));
            }
            Err(TryLockError::Error(e)) => return Err(e),
            Ok(()) => return Ok(()),
        }
    }
}

fn refusal(path: &Path, why: String) -> StartError {
    StartError::Users(path.to_owned(), why)
}
