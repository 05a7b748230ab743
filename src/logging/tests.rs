//! The log, with the disk, the terminal and the clock misbehaving.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use chrono::{DateTime, Days, Local, NaiveDate};
use crossbeam_channel::{Receiver, bounded};
use log::{Level, LevelFilter, Log, Record};
use tempfile::TempDir;

use super::archive::archive;
use super::file::{FileSink, read_tail};
use super::queue::{LogLine, Queue, Sink};
use super::{Clock, Logger, Logging, build_with};
use crate::model::LogSettings;
use crate::model::limits::{LOG_LINE, LOG_QUEUE, LOG_TAIL};

const INTERVAL: Duration = Duration::from_millis(10);
const DAY: u64 = 24 * 3600;

/// A folder for logs, and a clock that a test can advance.
struct TestLogs {
    root: TempDir,
    ahead: Arc<AtomicU64>,
}

impl TestLogs {
    fn new() -> TestLogs {
        TestLogs { root: tempfile::tempdir().unwrap(), ahead: Arc::default() }
    }

    fn settings(&self) -> LogSettings {
        LogSettings { log_dir: self.dir(), ..LogSettings::default() }
    }

    fn dir(&self) -> PathBuf {
        self.root.path().join("logs")
    }

    fn clock(&self) -> Clock {
        let ahead = self.ahead.clone();
        Arc::new(move || SystemTime::now() + Duration::from_secs(ahead.load(Ordering::Relaxed)))
    }

    fn today(&self) -> NaiveDate {
        DateTime::<Local>::from((self.clock())()).date_naive()
    }

    fn file(&self) -> PathBuf {
        self.dir().join(format!("parlord_{}.log", self.today()))
    }

    fn text(&self) -> String {
        fs::read_to_string(self.dir().join("parlord.log")).unwrap_or_default()
    }

    fn start(&self) -> (Logger, Logging) {
        build_with(&self.settings(), LevelFilter::Info, self.clock(), Box::new(io::sink()), INTERVAL).unwrap()
    }

    /// The file sink without its thread, so that a test decides what happens when; with the count of its lost lines.
    fn sink(&self) -> (FileSink, Arc<AtomicU64>) {
        self.sink_with(|_| ())
    }

    fn sink_with(&self, change: impl FnOnce(&mut LogSettings)) -> (FileSink, Arc<AtomicU64>) {
        let lost = Arc::new(AtomicU64::new(0));
        let (console, _) = Queue::new(LevelFilter::Off);
        let mut settings = self.settings();
        change(&mut settings);
        (FileSink::new(&settings, "parlord", self.clock(), Duration::ZERO, console, lost.clone()), lost)
    }
}

fn say(logger: &Logger, level: Level, what: &str) {
    say_as(logger, "parlor::session", level, what);
}

fn say_as(logger: &Logger, target: &str, level: Level, what: &str) {
    logger.log(&Record::builder().target(target).level(level).args(format_args!("{what}")).build());
}

fn line(what: &str) -> LogLine {
    LogLine::new(SystemTime::now(), Level::Info, format_args!("{what}"))
}

fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(Instant::now() < end, "never came: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn the_file_is_named_by_its_day_and_the_link_is_relative() {
    let logs = TestLogs::new();
    let (logger, logging) = logs.start();
    say(&logger, Level::Info, "login failed addr=192.0.2.7");
    logging.stop();
    assert_eq!(fs::read_link(logs.dir().join("parlord.log")).unwrap(), Path::new(logs.file().file_name().unwrap()));
    let moved = logs.root.path().join("moved");
    fs::rename(logs.dir(), &moved).unwrap();
    let text = fs::read_to_string(moved.join("parlord.log")).unwrap();
    let (time, rest) = text.split_once(" INFO  ").expect("level");
    DateTime::parse_from_str(time, "%Y-%m-%d %H:%M:%S%.3f %:z").expect("time with zone");
    let here = std::thread::current().name().unwrap().to_owned();
    assert_eq!(rest, format!("{here} login failed addr=192.0.2.7\n"));
}

#[test]
fn a_restart_appends_and_never_joins_two_lines() {
    let logs = TestLogs::new();
    for _ in 0..2 {
        let (logger, logging) = logs.start();
        say(&logger, Level::Info, "started");
        logging.stop();
    }
    assert_eq!(logs.text().matches(" started\n").count(), 2);
    fs::write(logs.file(), "half a li").unwrap();
    let (logger, logging) = logs.start();
    say(&logger, Level::Info, "started");
    logging.stop();
    assert!(logs.text().starts_with("half a li\n2"), "{}", logs.text());
    assert_eq!(logs.text().lines().count(), 2);
}

#[test]
fn midnight_moves_the_link_without_a_line() {
    let logs = TestLogs::new();
    let (logger, logging) = logs.start();
    say(&logger, Level::Info, "yesterday");
    let old = logs.file();
    wait_for("the first line", || logs.text().contains("yesterday"));
    logs.ahead.store(DAY, Ordering::Relaxed);
    let new = logs.file();
    assert_ne!(old, new);
    let link = logs.dir().join("parlord.log");
    wait_for("the link to today's file", || fs::read_link(&link).is_ok_and(|to| to == new.file_name().unwrap()));
    say(&logger, Level::Info, "tomorrow");
    logging.stop();
    assert!(!fs::read_to_string(old).unwrap().contains("tomorrow"));
    assert_eq!(fs::read_to_string(new).unwrap().matches("tomorrow").count(), 1);
}

#[test]
fn each_line_is_in_the_file_of_its_day() {
    let logs = TestLogs::new();
    let (mut sink, _) = logs.sink();
    for (ahead, word) in [(0, "one"), (DAY, "two"), (0, "three"), (DAY, "four")] {
        logs.ahead.store(ahead, Ordering::Relaxed);
        assert!(sink.write(&line(word)));
        assert!(logs.text().ends_with(&format!("{word}\n")));
    }
    assert_eq!(fs::read_dir(logs.dir()).unwrap().count(), 3, "two days and the link");
}

#[test]
fn a_removed_folder_is_recreated_and_its_lines_counted() {
    let logs = TestLogs::new();
    let (mut sink, lost) = logs.sink();
    assert!(sink.write(&line("before")));
    sink.check();
    fs::remove_dir_all(logs.dir()).unwrap();
    assert!(sink.write(&line("into the void")) && sink.write(&line("and another")));
    sink.check();
    assert_eq!(lost.load(Ordering::Relaxed), 2);
    assert!(sink.write(&line("after")));
    let text = logs.text();
    assert!(text.contains(" WARN  ") && text.contains(" log resumed lost=2\n") && text.ends_with(" after\n"), "{text}");
}

#[test]
fn lines_lost_before_midnight_or_the_end_are_counted() {
    let logs = TestLogs::new();
    let (mut sink, lost) = logs.sink();
    assert!(sink.write(&line("one")));
    fs::remove_dir_all(logs.dir()).unwrap();
    logs.ahead.store(DAY, Ordering::Relaxed);
    assert!(sink.write(&line("two")));
    fs::remove_dir_all(logs.dir()).unwrap();
    sink.close();
    assert!(logs.text().contains(" log resumed lost=2\n"), "{}", logs.text());
    assert_eq!(lost.load(Ordering::Relaxed), 3);
}

#[test]
fn the_thread_notices_a_removed_folder() {
    let logs = TestLogs::new();
    let (logger, logging) = logs.start();
    say(&logger, Level::Info, "before");
    wait_for("the first line", || logs.text().contains("before"));
    fs::remove_dir_all(logs.dir()).unwrap();
    wait_for("the folder", || logs.text().contains(" log resumed lost="));
    say(&logger, Level::Info, "after");
    logging.stop();
    assert!(logs.text().ends_with(" after\n"));
}

#[test]
fn a_blocked_folder_loses_lines_and_is_reported_once() {
    let logs = TestLogs::new();
    fs::write(logs.dir(), "in the way").unwrap();
    let (terminal, mut screen) = io::pipe().map(|(r, w)| (w, r)).unwrap();
    let (logger, logging) =
        build_with(&logs.settings(), LevelFilter::Info, logs.clock(), Box::new(terminal), INTERVAL).unwrap();
    for _ in 0..10 {
        say(&logger, Level::Debug, "nobody reads this");
    }
    wait_for("the count", || logging.lost() == 10);
    fs::remove_file(logs.dir()).unwrap();
    wait_for("the log", || logs.text().contains(" log resumed lost=10\n"));
    logging.stop();
    let mut seen = String::new();
    screen.read_to_string(&mut seen).unwrap();
    assert_eq!(seen.lines().count(), 1, "{seen}");
    assert!(seen.contains(" ERROR log-file log file failing dir="), "{seen}");
}

#[test]
fn a_full_disk_loses_lines_until_there_is_room() {
    let logs = TestLogs::new();
    fs::create_dir(logs.dir()).unwrap();
    symlink("/dev/full", logs.file()).unwrap();
    let (logger, logging) = logs.start();
    for _ in 0..5 {
        say(&logger, Level::Info, "no room");
    }
    wait_for("the count", || logging.lost() == 5);
    fs::remove_file(logs.file()).unwrap();
    wait_for("the log", || logs.text().contains(" log resumed lost=5\n"));
    say(&logger, Level::Info, "room");
    logging.stop();
    assert_eq!(logs.text().lines().count(), 2);
}

#[test]
fn reopening_leaves_a_moved_file_and_loses_nothing() {
    let logs = TestLogs::new();
    let (logger, logging) = logs.start();
    say(&logger, Level::Info, "old");
    wait_for("the first line", || logs.text().contains("old"));
    let aside = logs.dir().join("aside");
    fs::rename(logs.file(), &aside).unwrap();
    logging.reopen();
    wait_for("a new file", || logs.file().exists());
    say(&logger, Level::Info, "new");
    logging.clone().stop();
    assert!(logs.text().ends_with(" new\n") && fs::read_to_string(aside).unwrap().ends_with(" old\n"));
    assert_eq!(logging.lost(), 0);
}

#[test]
fn one_event_is_one_line_of_plain_ascii() {
    let logs = TestLogs::new();
    let (logger, logging) = logs.start();
    say(&logger, Level::Info, "a\nb\r\u{1b}[31m\0\u{2028}\u{202e}ä\\n\t.");
    say(&logger, Level::Info, &"x\n".repeat(LOG_LINE));
    logging.stop();
    let text = logs.text();
    assert_eq!(text.lines().count(), 2);
    assert!(text.bytes().all(|b| matches!(b, b' '..=b'~' | b'\n')));
    assert!(text.contains(r"a\nb\r\u{1b}[31m\u{0}\u{2028}\u{202e}\u{e4}\n\t."), "{text}");
    assert!(text.lines().all(|line| line.len() < LOG_LINE + 60));
}

#[test]
fn other_crates_and_lower_levels_are_not_written() {
    let logs = TestLogs::new();
    let (logger, logging) = logs.start();
    say_as(&logger, "postgres::query", Level::Error, "the text of a message");
    say_as(&logger, "parlord", Level::Debug, "wanted");
    say_as(&logger, "parlor::hub", Level::Trace, "too fine");
    logging.stop();
    assert!(logs.text().ends_with(" wanted\n"));
    assert_eq!(logs.text().lines().count(), 1);
}

#[test]
fn stopping_writes_queued_lines() {
    let logs = TestLogs::new();
    let (logger, logging) = logs.start();
    for n in 0..1000 {
        say(&logger, Level::Debug, &format!("line {n}."));
    }
    logging.clone().stop();
    assert_eq!(logging.lost(), 0);
    let text = logs.text();
    assert!((0..1000).all(|n| text.contains(&format!(" line {n}.\n"))));
}

/// A terminal stopped with Ctrl-S: each write waits for the gate.
struct Stuck {
    gate: Receiver<()>,
    screen: io::PipeWriter,
}

impl Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.gate.recv();
        self.screen.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_stuck_console_delays_neither_caller_nor_file() {
    let logs = TestLogs::new();
    let (open, gate) = bounded::<()>(0);
    let (mut reader, screen) = io::pipe().unwrap();
    let settings = LogSettings { log_level: LevelFilter::Warn, ..logs.settings() };
    let (logger, logging) =
        build_with(&settings, LevelFilter::Info, logs.clock(), Box::new(Stuck { gate, screen }), INTERVAL).unwrap();
    for _ in 0..LOG_QUEUE + 100 {
        say(&logger, Level::Info, "console only");
    }
    say(&logger, Level::Warn, "for the file");
    wait_for("the line in the file", || logs.text().ends_with(" for the file\n"));
    assert_eq!(logging.lost(), 0, "what the console loses the file has not lost");
    let seen = std::thread::spawn(move || {
        let mut seen = String::new();
        reader.read_to_string(&mut seen).unwrap();
        seen
    });
    drop(open);
    logging.stop();
    let seen = seen.join().unwrap();
    assert!(seen.contains(" WARN  log-console console resumed lost="), "{} bytes", seen.len());
}

#[test]
fn a_closed_console_does_no_harm() {
    let logs = TestLogs::new();
    let (reader, terminal) = io::pipe().unwrap();
    drop(reader);
    let (logger, logging) =
        build_with(&logs.settings(), LevelFilter::Info, logs.clock(), Box::new(terminal), INTERVAL).unwrap();
    say(&logger, Level::Info, "still here");
    logging.stop();
    assert!(logs.text().ends_with(" still here\n"));
}

#[test]
fn a_file_named_like_the_link_is_not_replaced() {
    let logs = TestLogs::new();
    fs::create_dir(logs.dir()).unwrap();
    fs::write(logs.dir().join("parlord.log"), "somebody's").unwrap();
    let (logger, logging) = logs.start();
    say(&logger, Level::Info, "hello");
    logging.stop();
    assert_eq!(logs.text(), "somebody's");
    assert!(fs::read_to_string(logs.file()).unwrap().ends_with(" hello\n"));
}

#[test]
fn old_days_are_compressed_and_older_ones_deleted() {
    let logs = TestLogs::new();
    let (dir, today) = (logs.dir(), logs.today());
    fs::create_dir(&dir).unwrap();
    let name = |age: u64, ending: &str| format!("parlord_{}.{ending}", today - Days::new(age));
    let all = [
        name(0, "log"),
        name(7, "log"),
        name(8, "log"),
        name(30, "log.gz"),
        name(31, "log.gz"),
        name(31, "log"),
        name(40, "log.gz.part"),
    ];
    let foreign = ["parlord_2001-01-01.txt", "parlord_notes.log", "other_2001-01-01.log"];
    for file in all.iter().map(String::as_str).chain(foreign) {
        fs::write(dir.join(file), file).unwrap();
    }
    archive(&logs.settings(), "parlord", logs.clock()());
    let mut left: Vec<String> =
        fs::read_dir(&dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    left.retain(|name| !name.starts_with('.'));
    left.sort();
    let mut expected = vec![name(0, "log"), name(7, "log"), name(8, "log.gz"), name(30, "log.gz")];
    expected.extend(foreign.map(str::to_owned));
    expected.sort();
    assert_eq!(left, expected);
    let mut text = String::new();
    flate2::read::GzDecoder::new(fs::File::open(dir.join(name(8, "log.gz"))).unwrap())
        .read_to_string(&mut text)
        .unwrap();
    assert_eq!(text, name(8, "log"));
}

#[test]
fn a_file_that_is_deleted_first_is_never_compressed() {
    let logs = TestLogs::new();
    let (dir, today) = (logs.dir(), logs.today());
    fs::create_dir(&dir).unwrap();
    let name = |age: u64| format!("parlord_{}.log", today - Days::new(age));
    (0..10).for_each(|age| fs::write(dir.join(name(age)), "text").unwrap());
    archive(&LogSettings { log_keep_days: 3, log_compress_days: 7, ..logs.settings() }, "parlord", logs.clock()());
    let mut left: Vec<String> =
        fs::read_dir(&dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    left.retain(|name| !name.starts_with('.'));
    left.sort();
    assert_eq!(left, [3, 2, 1, 0].map(name));
}

#[test]
fn the_log_archives_by_itself() {
    let logs = TestLogs::new();
    fs::create_dir(logs.dir()).unwrap();
    let old = logs.dir().join("parlord_2001-01-01.log");
    fs::write(&old, "old").unwrap();
    let (_logger, logging) = logs.start();
    wait_for("the removal", || !old.exists());
    logging.stop();
}

/// The names in the folder, hidden ones left out, in order.
fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = entries.filter(|name| !name.starts_with('.')).collect();
    names.sort();
    names
}

fn unpacked(path: &Path) -> String {
    let mut text = String::new();
    flate2::read::GzDecoder::new(fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    text
}

#[test]
fn an_archived_day_is_never_overwritten() {
    let logs = TestLogs::new();
    let (dir, day) = (logs.dir(), logs.today() - Days::new(9));
    fs::create_dir(&dir).unwrap();
    // The clock went back to that day twice, and each time its file was begun anew.
    for text in ["first", "second", "third"] {
        fs::write(dir.join(format!("parlord_{day}.log")), text).unwrap();
        archive(&logs.settings(), "parlord", logs.clock()());
    }
    let archived = ["", ".2", ".3"].map(|number| format!("parlord_{day}{number}.log.gz"));
    assert_eq!(names(&dir), [archived[1].clone(), archived[2].clone(), archived[0].clone()]);
    assert_eq!(archived.each_ref().map(|name| unpacked(&dir.join(name))), ["first", "second", "third"]);
    // They are deleted with their day.
    archive(&LogSettings { log_keep_days: 8, ..logs.settings() }, "parlord", logs.clock()());
    assert!(names(&dir).is_empty());
}

#[test]
fn a_clock_that_is_ahead_deletes_no_logs() {
    let logs = TestLogs::new();
    let (mut sink, _) = logs.sink();
    fs::create_dir(logs.dir()).unwrap();
    for age in 0..30 {
        fs::write(logs.dir().join(format!("parlord_{}.log", logs.today() - Days::new(age))), "text").unwrap();
    }
    let left = |sink: &mut FileSink| {
        sink.check();
        sink.wait_for_archiver();
        names(&logs.dir()).iter().filter(|name| name.starts_with("parlord_")).count()
    };
    assert_eq!(left(&mut sink), 30);
    // Ten years, and a restart in them: nothing is deleted for a minute, which no test waits for.
    logs.ahead.store(3_650 * DAY, Ordering::Relaxed);
    assert_eq!(left(&mut sink), 31, "and the file of the new day");
    let (mut sink, _) = logs.sink();
    assert_eq!(left(&mut sink), 31);
    logs.ahead.store(0, Ordering::Relaxed);
    let (mut sink, _) = logs.sink();
    assert_eq!(left(&mut sink), 31);
}

#[test]
fn a_log_from_before_the_clock_was_kept_is_not_deleted_either() {
    let logs = TestLogs::new();
    fs::create_dir(logs.dir()).unwrap();
    let old = logs.dir().join(format!("parlord_{}.log", logs.today() - Days::new(29)));
    fs::write(&old, "text").unwrap();
    logs.ahead.store(31 * DAY, Ordering::Relaxed);
    let (mut sink, _) = logs.sink();
    sink.check();
    sink.wait_for_archiver();
    assert!(old.exists());
}

#[test]
fn new_logs_are_private_whatever_the_umask_is() {
    let logs = TestLogs::new();
    let (mut sink, _) = logs.sink();
    assert!(sink.write(&line("hello")));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&logs.dir()), mode(&logs.file())), (0o750, 0o640));
    // What its owner chose instead stays.
    fs::set_permissions(logs.file(), fs::Permissions::from_mode(0o604)).unwrap();
    sink.reopen();
    assert!(sink.write(&line("hello")));
    assert_eq!(mode(&logs.file()), 0o604);
}

#[test]
fn a_full_day_takes_warnings_a_while_and_then_nothing() {
    let logs = TestLogs::new();
    let (mut sink, _) = logs.sink_with(|settings| settings.log_day_bytes = 16_000);
    let write = |sink: &mut FileSink, level, text: &str| {
        let line = LogLine::new(SystemTime::now(), level, format_args!("{text}"));
        (0..200).filter(|_| sink.write(&line)).count()
    };
    let text = "x".repeat(100);
    let infos = write(&mut sink, Level::Info, &text);
    assert!((50..130).contains(&infos), "{infos}");
    sink.check();
    assert_eq!(write(&mut sink, Level::Info, "short"), 0);
    assert!((1..20).contains(&write(&mut sink, Level::Warn, &text)));
    assert_eq!(write(&mut sink, Level::Error, &text), 0);
    let full = " log full bytes=16000: only warnings and errors are written until midnight\n";
    assert!(logs.text().matches(full).count() == 1 && !logs.text().contains("log resumed"), "{}", logs.text());
    assert!(logs.text().len() < 16_500, "{}", logs.text().len());
    logs.ahead.store(DAY, Ordering::Relaxed);
    assert_eq!(write(&mut sink, Level::Info, &text), infos, "the next day has as much room");
}

/// The tail of a file with this content.
fn tail(content: impl AsRef<[u8]>, lines: usize) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    fs::write(&path, content).unwrap();
    read_tail(&path, lines).unwrap()
}

#[test]
fn the_tail_is_the_last_whole_lines_in_order() {
    assert_eq!(tail("a\nb\nc\n", 2), ["b", "c"]);
    assert_eq!(tail("a\nb\nhalf", 9), ["a", "b"]);
    assert_eq!(tail("a\n\nb\n", 2), ["", "b"]);
    assert!(tail("", 9).is_empty() && tail("half", 9).is_empty() && tail("a\n", 0).is_empty());
    assert_eq!(tail(b"\xff\x1b[31m\n", 1), ["\u{fffd}\u{fffd}[31m"]);
    assert!(read_tail(Path::new("/nowhere/parlord.log"), 1).is_err());
}

#[test]
fn the_tail_of_a_long_file_is_bounded() {
    let size = usize::try_from(LOG_TAIL).unwrap();
    let line = |n: usize| format!("{n:0>9}\n");
    let many: String = (0..size).map(line).collect();
    let read = tail(&many, usize::MAX);
    assert_eq!(read.len(), size / 10, "whole lines, and no more than the piece holds");
    assert_eq!(read.last().unwrap(), line(size - 1).trim_end());
    // A line longer than the piece is left out.
    assert!(tail("x".repeat(2 * size) + "\n", 9).is_empty());
}
