//! Old log files: which day a file is of, when it is compressed and when it is removed.
//!
//! It goes by the date in the name, so days on which the server did not run count too.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use chrono::NaiveDate;
use flate2::{Compression, write::GzEncoder};

use crate::model::LogSettings;

/// Compresses and removes what is due on the day `today`. A file that resists is logged and left for the next day.
pub(super) fn tidy(settings: &LogSettings, base: &str, today: NaiveDate) {
    let Ok(entries) = fs::read_dir(&settings.log_dir) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some((day, ending)) = name.to_str().and_then(|name| parse(base, name)) else { continue };
        if !entry.file_type().is_ok_and(|kind| kind.is_file()) {
            continue;
        }
        // A day to come counts as today: the clock may have been wrong, the file is not old.
        let age = u32::try_from((today - day).num_days()).unwrap_or(0);
        let done = if age > settings.log_keep_days {
            fs::remove_file(entry.path())
        } else if age > settings.log_compress_days && ending == "log" {
            compress(&entry.path())
        } else {
            Ok(())
        };
        if let Err(e) = done {
            log::warn!("log archive failed file={} error={e}", name.display());
        }
    }
}

/// The day and the ending of a name such as `parlord_2026-11-20.log`; anything else is not ours to touch.
fn parse<'a>(base: &str, name: &'a str) -> Option<(NaiveDate, &'a str)> {
    let (day, ending) = name.strip_prefix(base)?.strip_prefix('_')?.split_once('.')?;
    let day = NaiveDate::parse_from_str(day, "%Y-%m-%d").ok()?;
    matches!(ending, "log" | "log.gz" | "log.gz.part").then_some((day, ending))
}

/// Replaces a file by its compressed form; at every moment one of the two is whole.
fn compress(plain: &Path) -> io::Result<()> {
    let part = plain.with_extension("log.gz.part");
    let packed = pack(plain, &part).and_then(|()| fs::rename(&part, plain.with_extension("log.gz")));
    if packed.is_err() {
        // The disk may be full, and half a file is of no use.
        let _ = fs::remove_file(&part);
    }
    packed?;
    fs::remove_file(plain)
}

fn pack(plain: &Path, part: &Path) -> io::Result<()> {
    let mut source = File::open(plain)?;
    let mut packer = GzEncoder::new(File::create(part)?, Compression::default());
    io::copy(&mut source, &mut packer)?;
    let packed = packer.finish()?;
    let like = source.metadata()?;
    packed.set_permissions(like.permissions())?;
    packed.set_modified(like.modified()?)?;
    packed.sync_all()
}
