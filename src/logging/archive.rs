//! Old log files: they are compressed, and later deleted, by the date in their names.
//!
//! So days on which the server did not run count too.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use chrono::NaiveDate;
use flate2::{Compression, write::GzEncoder};

use crate::model::LogSettings;

/// Compresses and deletes the files that are due on the day `today`. A file that resists is logged and left for the next
/// day.
pub(super) fn archive(settings: &LogSettings, prefix: &str, today: NaiveDate) {
    let Ok(entries) = fs::read_dir(&settings.log_dir) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some((day, extension)) = name.to_str().and_then(|name| parse(prefix, name)) else { continue };
        if !entry.file_type().is_ok_and(|kind| kind.is_file()) {
            continue;
        }
        // A date in the future counts as today: the clock may have been wrong, but the file is not old.
        let age = u32::try_from((today - day).num_days()).unwrap_or(0);
        let done = if age > settings.log_keep_days {
            fs::remove_file(entry.path())
        } else if age > settings.log_compress_days && extension == "log" {
            compress(&entry.path())
        } else {
            Ok(())
        };
        if let Err(e) = done {
            log::warn!("log archive failed file={} error={e}", name.display());
        }
    }
}

/// The day and the extension of a name such as `parlord_2026-11-20.log`; other files are not ours to touch.
fn parse<'a>(prefix: &str, name: &'a str) -> Option<(NaiveDate, &'a str)> {
    let (day, extension) = name.strip_prefix(prefix)?.strip_prefix('_')?.split_once('.')?;
    let day = NaiveDate::parse_from_str(day, "%Y-%m-%d").ok()?;
    matches!(extension, "log" | "log.gz" | "log.gz.part").then_some((day, extension))
}

/// Replaces a file by its compressed form; at every moment one of the two is complete.
fn compress(plain: &Path) -> io::Result<()> {
    let part = plain.with_extension("log.gz.part");
    let renamed = write_gzip(plain, &part).and_then(|()| fs::rename(&part, plain.with_extension("log.gz")));
    if renamed.is_err() {
        // The disk may be full, and half a file is of no use.
        let _ = fs::remove_file(&part);
    }
    renamed?;
    fs::remove_file(plain)
}

fn write_gzip(plain: &Path, part: &Path) -> io::Result<()> {
    let mut source = File::open(plain)?;
    let mut encoder = GzEncoder::new(File::create(part)?, Compression::default());
    io::copy(&mut source, &mut encoder)?;
    let compressed = encoder.finish()?;
    let original = source.metadata()?;
    compressed.set_permissions(original.permissions())?;
    compressed.set_modified(original.modified()?)?;
    compressed.sync_all()
}
