//! The end of a log file, for operators who look into it: read from behind, and never more than a piece.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use crate::model::limits::LOG_TAIL;
use crate::model::text;

/// The last whole lines of a file, the oldest first: at most so many, and of its last [`LOG_TAIL`] bytes.
pub(super) fn read(path: &Path, lines: usize) -> io::Result<Vec<String>> {
    let mut file = File::open(path)?;
    let from = file.metadata()?.len().saturating_sub(LOG_TAIL);
    file.seek(SeekFrom::Start(from))?;
    let mut end = Vec::new();
    // It may have grown since.
    file.take(LOG_TAIL).read_to_end(&mut end)?;
    // Where it was cut, and where it is just being written, there is half a line.
    let skip = if from > 0 { end.iter().position(|byte| *byte == b'\n').map_or(end.len(), |at| at + 1) } else { 0 };
    let whole = end.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let all: Vec<&[u8]> = end.get(skip..whole).unwrap_or_default().split_inclusive(|byte| *byte == b'\n').collect();
    let last = &all[all.len().saturating_sub(lines)..];
    // Ours are plain ASCII; but somebody else may have written into the file.
    Ok(last.iter().map(|line| text::clean(String::from_utf8_lossy(line).trim_end_matches('\n'))).collect())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// What is read of a file that holds this.
    fn tail(content: impl AsRef<[u8]>, lines: usize) -> Vec<String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        fs::write(&path, content).unwrap();
        read(&path, lines).unwrap()
    }

    #[test]
    fn the_last_whole_lines_come_in_their_order() {
        assert_eq!(tail("a\nb\nc\n", 2), ["b", "c"]);
        assert_eq!(tail("a\nb\nhalf", 9), ["a", "b"]);
        assert_eq!(tail("a\n\nb\n", 2), ["", "b"]);
        assert!(tail("", 9).is_empty() && tail("half", 9).is_empty() && tail("a\n", 0).is_empty());
        assert_eq!(tail(b"\xff\x1b[31m\n", 1), ["\u{fffd}\u{fffd}[31m"]);
        assert!(read(Path::new("/nowhere/parlord.log"), 1).is_err());
    }

    #[test]
    fn of_a_long_file_only_the_end_is_read() {
        let size = usize::try_from(LOG_TAIL).unwrap();
        let line = |n: usize| format!("{n:0>9}\n");
        let many: String = (0..size).map(line).collect();
        let read = tail(&many, usize::MAX);
        assert_eq!(read.len(), size / 10, "whole lines, and no more than the piece holds");
        assert_eq!(read.last().unwrap(), line(size - 1).trim_end());
        // One line over the whole piece is none.
        assert!(tail("x".repeat(2 * size) + "\n", 9).is_empty());
    }
}
