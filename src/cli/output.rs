//! How the tools of the command line speak: what they write, what they ask, and the names they are given.

use std::fmt::Display;
use std::io::{self, BufRead, ErrorKind, IsTerminal, Read, Write};
use std::time::{Duration, Instant};

use crate::accounts::edit::MAX_PASSWORD;
use crate::model::{BadName, Name, StartError};

/// How often a long command reports its progress.
const PROGRESS: Duration = Duration::from_secs(2);

/// Writes to standard output, or to what stands in for it. `false` when nobody reads it any more, as with `| head`:
/// that is no error, and nothing more needs to be written.
///
/// # Errors
/// When it cannot be written.
pub(super) fn say(out: &mut dyn Write, text: impl Display) -> Result<bool, StartError> {
    delivered(write!(out, "{text}"))
}

/// Writes out what is buffered; `false` when nobody reads it any more.
///
/// # Errors
/// When it cannot be written.
pub(super) fn flush(out: &mut dyn Write) -> Result<bool, StartError> {
    delivered(out.flush())
}

fn delivered(written: io::Result<()>) -> Result<bool, StartError> {
    match written {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(e) => Err(StartError::System("cannot write the output".to_owned(), e)),
    }
}

/// Reports on standard error how much of how much is done, every two seconds: `Copied 1024 of 4096 pages …`.
pub(super) fn progress(done: &'static str, of: &'static str) -> impl FnMut(u64, u64) {
    let mut last = Instant::now();
    move |now, total| {
        if last.elapsed() >= PROGRESS {
            last = Instant::now();
            // The work goes on whether or not anybody reads this.
            let _ = writeln!(io::stderr(), "{done} {now} of {total} {of} …");
        }
    }
}

/// `1 message`, `2 messages`.
pub(super) fn count(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// Parses the name of a user or a group as an argument.
///
/// # Errors
/// A sentence that begins with "the name".
pub(super) fn parse_name(text: &str) -> Result<Name, String> {
    text.parse().map_err(|why: BadName| format!("the name {why}"))
}

/// Asks for a new password: at a terminal twice and without echo; otherwise it is one line of standard input.
///
/// # Errors
/// When nothing can be read, or the two differ.
pub(super) fn ask_password(name: &Name) -> Result<String, StartError> {
    let failed = |e| StartError::System("cannot read the password".to_owned(), e);
    if !io::stdin().is_terminal() {
        return read_line(&mut io::stdin().lock()).map_err(failed);
    }
    let first = rpassword::prompt_password(format!("New password for {name}: ")).map_err(failed)?;
    if rpassword::prompt_password("Repeat password: ").map_err(failed)? == first {
        Ok(first)
    } else {
        Err(StartError::Config("the passwords do not match; nothing was changed".to_owned()))
    }
}

/// Asks for the name of a user who is about to be erased: at a terminal with a warning; otherwise it is one line of
/// standard input.
///
/// # Errors
/// When nothing can be read.
pub(super) fn ask_name(user: &Name) -> Result<String, StartError> {
    if io::stdin().is_terminal() {
        // Somebody who cannot read the question answers it with nothing, and nothing is erased.
        let _ =
            write!(io::stderr(), "This cannot be undone. Type {user} again to erase all messages from and to them: ");
    }
    let line = read_line(&mut io::stdin().lock());
    line.map(|line| line.trim().to_owned()).map_err(|e| StartError::System("cannot read the name".to_owned(), e))
}

/// One line of at most a few bytes more than the longest password: enough to notice that it is too long.
fn read_line(input: &mut dyn BufRead) -> io::Result<String> {
    let mut line = Vec::new();
    input.take(MAX_PASSWORD as u64 + 3).read_until(b'\n', &mut line)?;
    let line = line.strip_suffix(b"\n").unwrap_or(&line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    // The error of the conversion would carry the bytes along.
    std::str::from_utf8(line).map(str::to_owned).map_err(|_| io::Error::other("it is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stands in for an output that fails in one way.
    struct Failing(ErrorKind);

    impl Write for Failing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(self.0.into())
        }
    }

    #[test]
    fn a_reader_that_has_gone_is_no_error() {
        let mut out = Vec::new();
        assert_eq!(say(&mut out, "hi\n").unwrap(), flush(&mut out).unwrap());
        assert_eq!(out, b"hi\n");
        assert!(!say(&mut Failing(ErrorKind::BrokenPipe), "hi\n").unwrap());
        assert!(!flush(&mut Failing(ErrorKind::BrokenPipe)).unwrap());
        assert!(say(&mut Failing(ErrorKind::StorageFull), "hi\n").is_err());
    }

    #[test]
    fn a_piped_password_is_one_line() {
        let read = |mut text: &[u8]| read_line(&mut text).map_err(|e| e.to_string());
        assert_eq!(read(b"pass word\nmore\n").unwrap(), "pass word");
        assert_eq!(read(b"word\r\n").unwrap(), "word");
        assert_eq!(read(b"word").unwrap(), "word");
        assert_eq!(read(b"").unwrap(), "");
        assert_eq!(read(b"marked\xFF\n").unwrap_err(), "it is not UTF-8");
        assert!(read(&[b'x'; 5000]).unwrap().len() > MAX_PASSWORD);
    }
}
