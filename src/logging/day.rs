//! One day's log file: written by flexi_logger, and known by its path and its inode.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use flexi_logger::writers::{ArcFileLogWriter, FileLogWriter};
use flexi_logger::{FileSpec, FlexiLoggerError};

/// What the names of the main log's files begin with.
pub(super) const MAIN: &str = "parlord";

/// What the names of the audit log's files begin with.
pub(super) const AUDIT: &str = "audit";

/// What always leads to today's file.
pub(super) fn link(dir: &Path, base: &str) -> PathBuf {
    dir.join(format!("{base}.log"))
}

/// One open file, of one day.
pub(super) struct DayFile {
    pub(super) day: NaiveDate,
    pub(super) path: PathBuf,
    writer: ArcFileLogWriter,
    /// A second look at the file that is being written: says whether it still has a name, even when the path does not.
    held: File,
    /// Lines since the file was last seen in its place.
    pub(super) unproven: u64,
    /// The last thing in the file is half a line.
    torn: bool,
}

/// Where the file is that is being written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In its place.
    Kept,
    /// Under another name: its lines are safe, but nobody finds new ones there.
    Moved,
    /// Without any name: its lines vanish when it is closed.
    Removed,
}

impl DayFile {
    /// Opens the file of `day`, makes it and its folder where they are missing, and goes on after what is in it.
    ///
    /// Without flexi_logger's own rotation, on purpose (0.31.10): with only the date in the name it begins a second file
    /// when the first line of a day comes within milliseconds of midnight, and when the folder is gone by then it panics.
    pub(super) fn open(dir: &Path, base: &str, day: NaiveDate) -> io::Result<DayFile> {
        let spec = FileSpec::default().directory(dir).basename(base).discriminant(day.to_string()).suppress_timestamp();
        let path = spec.as_pathbuf(None);
        let built = FileLogWriter::builder(spec).append().try_build_with_handle();
        let (mut writer, _) = built.map_err(|e| match e {
            FlexiLoggerError::OutputIo(e) => e,
            other => io::Error::other(other),
        })?;
        // It opens with the first write, and an empty one will do; `write_all` would not even begin.
        let _nothing = writer.write(b"")?;
        let held = File::open(&path)?;
        let length = held.metadata()?.len();
        let mut last = [b'\n'];
        if length > 0 {
            held.read_exact_at(&mut last, length - 1)?;
        }
        Ok(DayFile { day, path, writer, held, unproven: 0, torn: last != *b"\n" })
    }

    /// Appends one line. What a full disk or a crash has left of another one is ended first, else two would look like one.
    pub(super) fn append(&mut self, line: &[u8]) -> io::Result<()> {
        if self.torn {
            self.writer.write_all(b"\n")?;
            self.torn = false;
        }
        self.writer.write_all(line)?;
        self.unproven += 1;
        Ok(())
    }

    pub(super) fn place(&self) -> Place {
        let Ok(held) = self.held.metadata() else { return Place::Moved };
        match fs::metadata(&self.path) {
            Ok(found) if (found.dev(), found.ino()) == (held.dev(), held.ino()) => Place::Kept,
            // A folder that was closed to us does not keep us from writing on.
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied => Place::Kept,
            _ if held.nlink() == 0 => Place::Removed,
            _ => Place::Moved,
        }
    }
}
