//! Floor 0: what the standard library lacks about files: renaming without overwriting, free names, and exact modes.
//!
//! It knows nothing of what the files hold.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, RenameFlags, mkdir, renameat_with};
use rustix::io::Errno;

/// Names that [`rename_to_free`] tries: far more than one file is ever archived or copied again.
const NAMES: u32 = 10_000;

/// Renames a file, unless there is something under the new name already, even if that came a moment ago.
///
/// # Errors
/// [`ErrorKind::AlreadyExists`] when the name is taken, and then nothing has changed; and what the system refuses.
pub(crate) fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // Some file systems cannot do this, but they have links.
        Err(Errno::INVAL | Errno::NOSYS) => fs::hard_link(from, to).and_then(|()| fs::remove_file(from)),
        renamed => Ok(renamed?),
    }
}

/// Renames a file to the first free name of `name(1)`, `name(2)` and so on, and returns that.
///
/// # Errors
/// What the system refuses; the file then has its old name.
pub(crate) fn rename_to_free(from: &Path, name: impl Fn(u32) -> PathBuf) -> io::Result<PathBuf> {
    for number in 1..=NAMES {
        let to = name(number);
        match rename_new(from, &to) {
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
            renamed => return renamed.map(|()| to),
        }
    }
    Err(ErrorKind::AlreadyExists.into())
}

/// Exchanges two files that both exist.
///
/// # Errors
/// [`ErrorKind::Unsupported`] where the file system cannot do this; and what the system refuses. Nothing has changed then.
pub(crate) fn exchange(one: &Path, other: &Path) -> io::Result<()> {
    match renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE) {
        Err(Errno::INVAL | Errno::NOSYS) => Err(ErrorKind::Unsupported.into()),
        exchanged => Ok(exchanged?),
    }
}

/// Creates a file with exactly this mode, whatever the umask is.
///
/// # Errors
/// [`ErrorKind::AlreadyExists`] when there is one, which is left as it is; and what the system refuses.
pub(crate) fn create_new(path: &Path, mode: u32) -> io::Result<File> {
    // Until its mode is set, it is nobody else's.
    let file = OpenOptions::new().write(true).create_new(true).mode(mode & 0o600).open(path)?;
    file.set_permissions(Permissions::from_mode(mode))?;
    Ok(file)
}

/// Creates a folder with exactly this mode, whatever the umask is, unless it exists; missing parents get the usual mode.
///
/// # Errors
/// What the system refuses.
pub(crate) fn create_folder(path: &Path, mode: u32) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        fs::create_dir_all(parent)?;
    }
    // Until its mode is set, it is nobody else's.
    match mkdir(path, Mode::RWXU) {
        Err(Errno::EXIST) if path.is_dir() => Ok(()),
        created => Ok(created?).and_then(|()| fs::set_permissions(path, Permissions::from_mode(mode))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_name_is_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let numbered = |number: u32| path(&format!("kept.{number}"));
        for text in ["one", "two", "three"] {
            fs::write(path("new"), text).unwrap();
            rename_to_free(&path("new"), numbered).unwrap();
        }
        let kept = [1, 2, 3].map(|number| fs::read_to_string(numbered(number)).unwrap());
        assert_eq!(kept, ["one", "two", "three"]);
        fs::write(path("new"), "four").unwrap();
        assert_eq!(rename_new(&path("new"), &numbered(2)).unwrap_err().kind(), ErrorKind::AlreadyExists);
        // A link that leads nowhere is a taken name, too.
        std::os::unix::fs::symlink("nowhere", path("link")).unwrap();
        assert_eq!(rename_new(&path("new"), &path("link")).unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(path("new")).unwrap(), "four");
        exchange(&path("new"), &numbered(1)).unwrap();
        assert_eq!((fs::read_to_string(path("new")).unwrap(), fs::read_to_string(numbered(1)).unwrap()), {
            ("one".to_owned(), "four".to_owned())
        });
    }

    #[test]
    fn modes_are_exact_and_what_exists_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let (file, folder) = (dir.path().join("file"), dir.path().join("a/b"));
        create_new(&file, 0o666).unwrap();
        assert_eq!(mode(&file), 0o666, "the umask takes nothing away");
        assert_eq!(create_new(&file, 0o600).unwrap_err().kind(), ErrorKind::AlreadyExists);
        create_folder(&folder, 0o777).unwrap();
        assert_eq!(mode(&folder), 0o777);
        create_folder(&folder, 0o700).unwrap();
        assert_eq!((mode(&folder), mode(&file)), (0o777, 0o666));
    }
}
