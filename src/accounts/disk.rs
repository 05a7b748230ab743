//! The users file on disk: read whole, and replaced whole, so that at every moment it is the old one or the new one.

use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::model::StartError;

/// A users file is at most this long: a hundred thousand hashes fit five times.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// How long one editor waits for another.
const PATIENCE: Duration = Duration::from_secs(10);

/// Reads the whole file.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, StartError> {
    let failed = |e: io::Error| refusal(path, format!("cannot be read: {e}"));
    // Asked before it is opened, because opening a pipe waits for its other end.
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

/// One rewrite of a users file; as long as it lasts, no other begins.
pub(super) struct Rewrite<'a> {
    /// The path as the operator gave it, for what is said to him.
    path: &'a Path,
    /// The file itself, behind all links, so that a link stays one.
    file: PathBuf,
    /// The new file while it is written. A killed rewrite leaves it; the next one begins by removing it.
    draft: PathBuf,
    /// Opened and locked: a lock on the file itself would be replaced together with it.
    folder: File,
}

/// A draft removes itself, unless it has become the file.
struct Draft<'a>(Option<&'a Path>);

impl<'a> Rewrite<'a> {
    /// Begins, as soon as no other rewrite is in the same folder.
    pub(super) fn begin(path: &'a Path) -> Result<Rewrite<'a>, StartError> {
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
        wait_for(&folder).map_err(failed)?;
        let draft = parent.join(name);
        match fs::remove_file(&draft) {
            Err(e) if e.kind() != ErrorKind::NotFound => Err(failed(e)),
            _ => Ok(Rewrite { path, file, draft, folder }),
        }
    }

    /// The file as it is, or `None` if there is none yet.
    pub(super) fn read(&self) -> Result<Option<Vec<u8>>, StartError> {
        match fs::symlink_metadata(&self.file) {
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            _ => read(&self.file).map(Some).map_err(|e| match e {
                StartError::Users(_, why) => refusal(self.path, why),
                other => other,
            }),
        }
    }

    /// Puts `new` in the place of `old`, unless something else stands there by now.
    pub(super) fn replace(self, old: Option<&[u8]>, new: &[u8]) -> Result<(), StartError> {
        let failed = |e: io::Error| refusal(self.path, format!("cannot be rewritten: {e}; it is as it was"));
        let draft = self.write_draft(new).map_err(failed)?;
        // An editor that takes no lock may have been at it, and hashing a long file takes minutes.
        if self.read()?.as_deref() != old {
            return Err(refusal(self.path, "was changed by someone else meanwhile; nothing was done".to_owned()));
        }
        draft.become_file(&self.file).map_err(failed)?;
        self.folder.sync_all().map_err(|e| refusal(self.path, format!("is rewritten, but maybe not yet on disk: {e}")))
    }

    fn write_draft(&self, bytes: &[u8]) -> io::Result<Draft<'_>> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&self.draft)?;
        let draft = Draft(Some(&self.draft));
        self.keep_owner(&file)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        Ok(draft)
    }

    /// Lets the new file be read by whom the old one was meant for: its owner, and its group if that had been chosen,
    /// that is, if not simply everybody could read it.
    fn keep_owner(&self, draft: &File) -> io::Result<()> {
        let old = match fs::metadata(&self.file) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
            found => found?,
        };
        let new = draft.metadata()?;
        if (old.uid(), old.gid()) != (new.uid(), new.gid()) {
            fchown(draft, Some(old.uid()), Some(old.gid()))
                .map_err(|e| io::Error::new(e.kind(), format!("its owner and group could not be kept ({e})")))?;
        }
        let kept = if old.mode() & 0o007 == 0 { 0o640 } else { 0o600 };
        draft.set_permissions(Permissions::from_mode(old.mode() & kept))
    }
}

impl Draft<'_> {
    fn become_file(mut self, file: &Path) -> io::Result<()> {
        if let Some(draft) = self.0 {
            fs::rename(draft, file)?;
            self.0 = None;
        }
        Ok(())
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        if let Some(draft) = self.0 {
            // It lies in the way of nobody: the next rewrite removes it, if this cannot.
            let _ = fs::remove_file(draft);
        }
    }
}

fn wait_for(folder: &File) -> io::Result<()> {
    let patience = Instant::now() + PATIENCE;
    loop {
        match folder.try_lock() {
            Err(TryLockError::WouldBlock) if Instant::now() < patience => sleep(Duration::from_millis(10)),
            Err(TryLockError::WouldBlock) => {
                return Err(io::Error::other("another `parlord user` is at work in its folder"));
            }
            Err(TryLockError::Error(e)) => return Err(e),
            Ok(()) => return Ok(()),
        }
    }
}

fn refusal(path: &Path, why: String) -> StartError {
    StartError::Users(path.to_owned(), why)
}
