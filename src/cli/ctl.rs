//! `parlord ctl`: the other end of the console's socket, for people and for scripts.

use std::io::{self, ErrorKind, IsTerminal, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use super::output::{flush, say};
use crate::model::StartError;
use crate::server::console_socket as socket;

/// How long a request may take in all its parts: a server that is alive is far quicker.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often `top` looks.
const PACE: Duration = Duration::from_secs(1);

/// Asks the server that works in this data folder for what `words` say, and writes its answer to `out`, as JSON if wanted.
///
/// # Errors
/// When no server works there, or it refused; then the answer is the sentence.
pub fn ctl(data: Option<&Path>, words: &[String], json: bool, out: &mut dyn Write) -> Result<(), StartError> {
    let form = if json { "json" } else { "text" };
    let answer = ask(folder(data)?, form, &words.join(" "))?;
    match answer {
        Ok(body) => say(out, format_args!("{body}\n")).map(drop),
        Err(body) if json => {
            say(out, format_args!("{body}\n"))?;
            Err(StartError::Config("the server refused".to_owned()))
        }
        Err(body) => Err(StartError::Config(body)),
    }
}

/// Shows how the server is and who is there, every second until it is interrupted, or just once.
///
/// # Errors
/// As [`ctl`]; and when it cannot be written.
pub fn top(data: Option<&Path>, once: bool, out: &mut dyn Write) -> Result<(), StartError> {
    let dir = folder(data)?;
    let redraw = !once && io::stdout().is_terminal();
    let mut looked = false;
    loop {
        let [vitals, sessions] = match look(dir) {
            // Also in the middle of an answer.
            Err(_) if looked && UnixStream::connect(socket(dir)).is_err() => {
                return Err(StartError::Store(dir.to_owned(), "the server has ended".to_owned()));
            }
            seen => seen?,
        };
        let (rows, columns) = if redraw { room() } else { (usize::MAX, usize::MAX) };
        let page = page(&vitals, &sessions, rows, columns);
        let went_on = say(out, if redraw { over(&page) } else { page })? && flush(out)?;
        if once || !went_on {
            return Ok(());
        }
        looked = true;
        std::thread::sleep(PACE);
    }
}

/// A page over the one before: from the first line on, each line cleared before it is written, and what is below at the end.
/// Nothing of it has to be undone, and what has scrolled away stays there.
fn over(page: &str) -> String {
    let lines: String = page.lines().map(|line| format!("\x1B[K{line}\n")).collect();
    format!("\x1B[H{lines}\x1B[J")
}

/// What `top` shows: the numbers, and the sessions.
fn look(dir: &Path) -> Result<[String; 2], StartError> {
    let see = |what| ask(dir, "text", what)?.map_err(StartError::Config);
    Ok([see("top")?, see("top sessions")?])
}

/// The rows and columns of the terminal; no end of them where they are unknown.
fn room() -> (usize, usize) {
    let of = |size: u16| if size == 0 { usize::MAX } else { usize::from(size) };
    let size = rustix::termios::tcgetwinsize(io::stdout());
    size.map_or((usize::MAX, usize::MAX), |size| (of(size.ws_row), of(size.ws_col)))
}

/// How wide a number is with its name and the space behind it: three of them fit into 80 columns.
const CELL: usize = 26;

/// The numbers, three a line or as many as fit, and as many sessions as there is room for. No line is wider than the terminal,
/// or it would take two of its rows.
fn page(vitals: &str, sessions: &str, rows: usize, columns: usize) -> String {
    let pairs: Vec<String> = vitals
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once(' '))
        .map(|(name, value)| format!("{:<width$} ", format!("{name} {}", value.trim()), width = CELL - 1))
        .collect();
    let beside = (columns / CELL).clamp(1, 3);
    let mut lines: Vec<String> = pairs.chunks(beside).map(|some| some.concat().trim_end().to_owned()).collect();
    lines.push(String::new());
    lines.extend(sessions.lines().map(str::to_owned));
    // The last line of the terminal stays free, or it would scroll.
    lines.truncate(rows.saturating_sub(1).max(1));
    let cut = |line: &String| line.chars().take(columns).chain(['\n']).collect::<String>();
    lines.iter().map(cut).collect()
}

fn folder(data: Option<&Path>) -> Result<&Path, StartError> {
    data.ok_or_else(|| StartError::Config("there is no console: the setting data is none".to_owned()))
}

/// What the server answers; `Err` in there is that it refused.
fn ask(dir: &Path, form: &str, words: &str) -> Result<Result<String, String>, StartError> {
    let path = socket(dir);
    let failed = |what: &str, e| StartError::System(format!("{}: {what}", path.display()), e);
    let mut stream = match UnixStream::connect(&path) {
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {
            let why = "no parlord works in this folder; --data says in which one it does".to_owned();
            return Err(StartError::Store(dir.to_owned(), why));
        }
        connected => connected.map_err(|e| failed("cannot be connected to", e))?,
    };
    let mut answer = String::new();
    let exchanged = stream
        .set_read_timeout(Some(PATIENCE))
        .and_then(|()| stream.set_write_timeout(Some(PATIENCE)))
        // A line end would be the end of the request.
        .and_then(|()| stream.write_all(format!("{form} {}\n", words.replace(['\n', '\r'], " ")).as_bytes()))
        .and_then(|()| stream.read_to_string(&mut answer));
    exchanged.map_err(|e| failed("gives no answer", e))?;
    match answer.trim_end().split_once('\n') {
        Some(("ok", body)) => Ok(Ok(body.to_owned())),
        Some(("refused", body)) => Ok(Err(body.to_owned())),
        _ => Err(failed("gives no answer", ErrorKind::UnexpectedEof.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_fits_into_its_terminal() {
        let vitals = "name  value\na     1\nb     2\nc     3\nstore works\n";
        let sessions = "session  user\n1        ann\n2        bob\n";
        let whole = page(vitals, sessions, usize::MAX, usize::MAX);
        let lines: Vec<&str> = whole.lines().collect();
        assert_eq!(lines[0].split_whitespace().collect::<Vec<_>>(), ["a", "1", "b", "2", "c", "3"]);
        assert_eq!(&lines[1..], ["store works", "", "session  user", "1        ann", "2        bob"]);
        assert_eq!(page(vitals, sessions, 5, 80).lines().count(), 4);
        assert_eq!(over("a 1\n\n"), "\x1B[H\x1B[Ka 1\n\x1B[K\n\x1B[J");
        let long = format!("name value\n{}", "lock_held_mean_ns 1234567\n".repeat(15));
        for (columns, lines) in [(200, 5), (80, 5), (79, 5), (77, 8), (52, 8), (40, 15), (10, 15)] {
            let page = page(&long, "", usize::MAX, columns);
            assert_eq!(page.lines().filter(|line| !line.is_empty()).count(), lines, "{columns}");
            assert!(page.lines().all(|line| line.len() <= columns), "{columns}: {page}");
        }
    }
}
