//! Copies of a database while it is used: as it was at one moment, in one file, complete or not there at all.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::file::refusal;
use crate::model::StartError;

/// Pages that are copied between two looks at the clock.
const PAGES: i32 = 1024;

/// How long it is waited before a page that another connection holds is tried again.
const PAUSE: Duration = Duration::from_millis(20);

/// Copies the database into `to`, where nothing may stand yet; `progress` is told how many pages of how many are done.
pub(super) fn create(from: &Connection, to: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<(), StartError> {
    if to.symlink_metadata().is_ok() {
        return Err(refusal(to, "is there already; nothing was copied".to_owned()));
    }
    let draft = write(from, to, progress)?;
    place(&draft, to).and_then(|()| sync_folder(to)).map_err(|e| {
        // It is in the way of nobody else; the next copy removes it, if this cannot.
        let _ = fs::remove_file(&draft);
        refusal(to, format!("cannot be written: {e}"))
    })
}

/// Gives a complete copy its name, unless something of that name has come meanwhile.
fn place(draft: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, draft, CWD, to, RenameFlags::NOREPLACE) {
        // Some file systems do not know this way; those have links.
        Err(Errno::INVAL | Errno::NOSYS) => fs::hard_link(draft, to).and_then(|()| fs::remove_file(draft)),
        renamed => Ok(renamed?),
    }
}

/// Copies the database into `to`, in the place of what may stand there.
pub(super) fn replace(from: &Connection, to: &Path) -> Result<(), StartError> {
    let draft = write(from, to, &mut |_, _| ())?;
    fs::rename(&draft, to).and_then(|()| sync_folder(to)).map_err(|e| refusal(to, format!("cannot be written: {e}")))
}

/// The complete copy, under a name of its own beside `to`.
fn write(from: &Connection, to: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<PathBuf, StartError> {
    let mut name = OsString::from(".");
    name.push(to.file_name().unwrap_or_default());
    name.push(".part");
    let draft = to.with_file_name(name);
    let made = make_empty(&draft).map_err(|e| refusal(&draft, format!("cannot be written: {e}")));
    made.and_then(|()| {
        fill(from, &draft, progress).map_err(|e| {
            // Half a copy is of no use to anybody.
            let _ = fs::remove_file(&draft);
            refusal(to, format!("the copy failed: {e}"))
        })
    })?;
    Ok(draft)
}

/// An empty file that only its owner can read, in the place of what an interrupted copy left there.
pub(super) fn make_empty(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map(drop)
}

fn fill(from: &Connection, draft: &Path, progress: &mut dyn FnMut(u64, u64)) -> rusqlite::Result<()> {
    // As long as this lasts, the copy is of this one moment, whatever others write; without it each of their
    // transactions would make it begin again.
    let moment = from.unchecked_transaction()?;
    moment.query_row("SELECT last FROM server", [], |_| Ok(()))?;
    let mut to = Connection::open(draft)?;
    {
        let backup = Backup::new(&moment, &mut to)?;
        loop {
            match backup.step(PAGES)? {
                StepResult::Done => break,
                StepResult::More => {
                    let rusqlite::backup::Progress { remaining, pagecount } = backup.progress();
                    let (all, left) = (u64::from(pagecount.unsigned_abs()), u64::from(remaining.unsigned_abs()));
                    progress(all.saturating_sub(left), all);
                }
                _ => std::thread::sleep(PAUSE),
            }
        }
    }
    to.close().map_err(|(_, e)| e)
}

/// Makes sure that a new name in the folder of `path` outlives a loss of power.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new("."))).and_then(|folder| folder.sync_all())
}
