//! `parlord ctl`: the client of the console's socket, for people and for scripts.

use std::io::{self, ErrorKind, IsTerminal, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use super::output::{flush, say};
use crate::model::{StartError, StoreAddress};
use crate::server::console_socket;

/// How long each read and write of a request may take: a server that is alive is far quicker.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often `top` asks for new figures.
const TOP_INTERVAL: Duration = Duration::from_secs(1);

/// Has the server at `data` run the command that `words` spell, and writes its answer to `out`, as JSON if wanted.
/// `top` alone is shown again and again until it is interrupted, or once.
///
/// # Errors
/// When no server works there, or it refused (then the error is its answer), or the answer cannot be written.
pub(super) fn run(
    data: &StoreAddress,
    words: &[String],
    json: bool,
    once: bool,
    out: &mut dyn Write,
) -> Result<(), StartError> {
    let none = || StartError::Config("there is no console: the setting data is none".to_owned());
    let dir = data.folder().ok_or_else(none)?;
    if !json && matches!(words, [word] if word == "top") {
        return top(dir, once, out);
    }
    match ask(dir, if json { "json" } else { "text" }, &words.join(" "))? {
        Ok(body) => say(out, format_args!("{body}\n")).map(drop),
        Err(body) if json => {
            say(out, format_args!("{body}\n"))?;
            Err(StartError::Config("the server refused".to_owned()))
        }
        Err(body) => Err(StartError::Config(body)),
    }
}

/// Sends one command and returns the answer; the inner `Err` is a refusal.
fn ask(dir: &Path, format: &str, words: &str) -> Result<Result<String, String>, StartError> {
    let path = console_socket(dir);
    let failed = |what: &str, e| StartError::System(format!("{}: {what}", path.display()), e);
    let mut stream = match UnixStream::connect(&path) {
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {
            let why = "no parlord is running in this folder; --data names another one".to_owned();
            return Err(StartError::Store(dir.to_owned(), why));
        }
        connected => connected.map_err(|e| failed("cannot connect", e))?,
    };
    let mut answer = String::new();
    let exchanged = stream
        .set_read_timeout(Some(PATIENCE))
        .and_then(|()| stream.set_write_timeout(Some(PATIENCE)))
        // A line end would end the request.
        .and_then(|()| stream.write_all(format!("{format} {}\n", words.replace(['\n', '\r'], " ")).as_bytes()))
        .and_then(|()| stream.read_to_string(&mut answer));
    exchanged.map_err(|e| failed("does not answer", e))?;
    match answer.trim_end().split_once('\n') {
        Some(("ok", body)) => Ok(Ok(body.to_owned())),
        Some(("refused", body)) => Ok(Err(body.to_owned())),
        _ => Err(failed("does not answer", ErrorKind::UnexpectedEof.into())),
    }
}

/// Shows the server's figures and its sessions, until nobody reads them any more, or once.
fn top(dir: &Path, once: bool, out: &mut dyn Write) -> Result<(), StartError> {
    let at_terminal = !once && io::stdout().is_terminal();
    let mut shown = false;
    loop {
        let [numbers, sessions] = match ask_top(dir) {
            // The server may also end in the middle of an answer.
            Err(_) if shown && UnixStream::connect(console_socket(dir)).is_err() => {
                return Err(StartError::Store(dir.to_owned(), "the server has ended".to_owned()));
            }
            answers => answers?,
        };
        let (rows, columns) = if at_terminal { terminal_size() } else { (usize::MAX, usize::MAX) };
        let page = top_page(&numbers, &sessions, rows, columns);
        let delivered = say(out, if at_terminal { redraw(&page) } else { page })? && flush(out)?;
        if once || !delivered {
            return Ok(());
        }
        shown = true;
        std::thread::sleep(TOP_INTERVAL);
    }
}

/// The two tables of `top`: the figures and the sessions.
fn ask_top(dir: &Path) -> Result<[String; 2], StartError> {
    let table = |words| ask(dir, "text", words)?.map_err(StartError::Config);
    Ok([table("top")?, table("top sessions")?])
}

/// The rows and columns of the terminal; unbounded where they are unknown.
fn terminal_size() -> (usize, usize) {
    let known = |size: u16| if size == 0 { usize::MAX } else { usize::from(size) };
    let size = rustix::termios::tcgetwinsize(io::stdout());
    size.map_or((usize::MAX, usize::MAX), |size| (known(size.ws_row), known(size.ws_col)))
}

/// Draws a page over the one before: from the top, each line cleared before it is written, then everything below. It
/// leaves the terminal in no special state, and what has scrolled away stays there.
fn redraw(page: &str) -> String {
    let lines: String = page.lines().map(|line| format!("\x1B[K{line}\n")).collect();
    format!("\x1B[H{lines}\x1B[J")
}

/// The width of one figure with its name and a space: three fit in 80 columns.
const CELL: usize = 26;

/// Lays out the figures, up to three a line, and below them as many sessions as there is room for. No line is wider
/// than the terminal, where it would take two rows.
fn top_page(numbers: &str, sessions: &str, rows: usize, columns: usize) -> String {
    let cells: Vec<String> = numbers
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once(' '))
        .map(|(name, value)| format!("{:<width$} ", format!("{name} {}", value.trim()), width = CELL - 1))
        .collect();
    let per_line = (columns / CELL).clamp(1, 3);
    let mut lines: Vec<String> = cells.chunks(per_line).map(|some| some.concat().trim_end().to_owned()).collect();
    lines.push(String::new());
    lines.extend(sessions.lines().map(str::to_owned));
    // A line end in the terminal's last row would scroll.
    lines.truncate(rows.saturating_sub(1).max(1));
    let cut = |line: &String| line.chars().take(columns).chain(['\n']).collect::<String>();
    lines.iter().map(cut).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_fits_the_terminal() {
        let numbers = "name  value\na     1\nb     2\nc     3\nstore works\n";
        let sessions = "session  user\n1        ann\n2        bob\n";
        let whole = top_page(numbers, sessions, usize::MAX, usize::MAX);
        let lines: Vec<&str> = whole.lines().collect();
        assert_eq!(lines[0].split_whitespace().collect::<Vec<_>>(), ["a", "1", "b", "2", "c", "3"]);
        assert_eq!(&lines[1..], ["store works", "", "session  user", "1        ann", "2        bob"]);
        assert_eq!(top_page(numbers, sessions, 5, 80).lines().count(), 4);
        assert_eq!(redraw("a 1\n\n"), "\x1B[H\x1B[Ka 1\n\x1B[K\n\x1B[J");
        let long = format!("name value\n{}", "lock_held_mean_ns 1234567\n".repeat(15));
        for (columns, lines) in [(200, 5), (80, 5), (79, 5), (77, 8), (52, 8), (40, 15), (10, 15)] {
            let page = top_page(&long, "", usize::MAX, columns);
            assert_eq!(page.lines().filter(|line| !line.is_empty()).count(), lines, "{columns}");
            assert!(page.lines().all(|line| line.len() <= columns), "{columns}: {page}");
        }
    }
}
