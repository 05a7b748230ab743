//! What the log promises, with the disk, the terminal and the clock misbehaving.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use chrono::{DateTime, Days, Local, NaiveDate};
use crossbeam_channel::{Receiver, bounded};
use log::{Level, LevelFilter, Log, Record};
use tempfile::TempDir;

use super::file::FileSink;
use super::line::Entry;
use super::queue::{Route, Sink};
use super::{Clock, Logger, Logging, archive, build_with};
use crate::model::LogSettings;
use crate::model::limits::{LOG_LINE, LOG_QUEUE};

const PACE: Duration = Duration::from_millis(10);
const DAY: u64 = 24 * 3600;

/// A folder for logs, and a clock that a test can put forward.
struct Place {
    root: TempDir,
    ahead: Arc<AtomicU64>,
}

impl Place {
    fn new() -> Place {
        Place { root: tempfile::tempdir().unwrap(), ahead: Arc::default() }
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
        build_with(&self.settings(), LevelFilter::Info, self.clock(), Box::new(io::sink()), PACE).unwrap()
    }

    /// The file sink without its thread, so that a test decides what happens when; with how many lines it lost by removal.
    fn sink(&self) -> (FileSink, Arc<AtomicU64>) {
        let lost = Arc::new(AtomicU64::new(0));
        let (console, _) = Route::new(LevelFilter::Off);
        (FileSink::new(&self.settings(), "parlord", self.clock(), Duration::ZERO, console, lost.clone()), lost)
    }
}

fn say(logger: &Logger, level: Level, what: &str) {
    say_as(logger, "parlor::session", level, what);
}

fn say_as(logger: &Logger, target: &str, level: Level, what: &str) {
    logger.log(&Record::builder().target(target).level(level).args(format_args!("{what}")).build());
}

fn entry(what: &str) -> Entry {
    Entry::here(SystemTime::now(), Level::Info, format_args!("{what}"))
}

fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(Instant::now() < end, "never came: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn the_file_has_its_day_in_the_name_and_the_link_survives_a_move_of_the_folder() {
    let place = Place::new();
    let (logger, logging) = place.start();
    say(&logger, Level::Info, "login failed addr=192.0.2.7");
    logging.stop();
    assert_eq!(fs::read_link(place.dir().join("parlord.log")).unwrap(), Path::new(place.file().file_name().unwrap()));
    let moved = place.root.path().join("moved");
    fs::rename(place.dir(), &moved).unwrap();
    let text = fs::read_to_string(moved.join("parlord.log")).unwrap();
    let (time, rest) = text.split_once(" INFO  ").expect("level");
    DateTime::parse_from_str(time, "%Y-%m-%d %H:%M:%S%.3f %:z").expect("time with zone");
    let here = std::thread::current().name().unwrap().to_owned();
    assert_eq!(rest, format!("{here} login failed addr=192.0.2.7\n"));
}

#[test]
fn a_restart_goes_on_in_the_same_file_and_never_joins_two_lines() {
    let place = Place::new();
    for _ in 0..2 {
        let (logger, logging) = place.start();
        say(&logger, Level::Info, "started");
        logging.stop();
    }
    assert_eq!(place.text().matches(" started\n").count(), 2);
    fs::write(place.file(), "half a li").unwrap();
    let (logger, logging) = place.start();
    say(&logger, Level::Info, "started");
    logging.stop();
    assert!(place.text().starts_with("half a li\n2"), "{}", place.text());
    assert_eq!(place.text().lines().count(), 2);
}

#[test]
fn midnight_moves_the_link_though_nobody_logs() {
    let place = Place::new();
    let (logger, logging) = place.start();
    say(&logger, Level::Info, "yesterday");
    let old = place.file();
    wait_for("the first line", || place.text().contains("yesterday"));
    place.ahead.store(DAY, Ordering::Relaxed);
    let new = place.file();
    assert_ne!(old, new);
    let link = place.dir().join("parlord.log");
    wait_for("the link to today's file", || fs::read_link(&link).is_ok_and(|to| to == new.file_name().unwrap()));
    say(&logger, Level::Info, "tomorrow");
    logging.stop();
    assert!(!fs::read_to_string(old).unwrap().contains("tomorrow"));
    assert_eq!(fs::read_to_string(new).unwrap().matches("tomorrow").count(), 1);
}

#[test]
fn every_line_is_in_the_file_of_its_day_also_when_a_day_begins_twice() {
    let place = Place::new();
    let (mut sink, _) = place.sink();
    for (ahead, word) in [(0, "one"), (DAY, "two"), (0, "three"), (DAY, "four")] {
        place.ahead.store(ahead, Ordering::Relaxed);
        assert!(sink.write(&entry(word)));
        assert!(place.text().ends_with(&format!("{word}\n")));
    }
    assert_eq!(fs::read_dir(place.dir()).unwrap().count(), 3, "two days and the link");
}

#[test]
fn a_removed_folder_comes_back_and_says_what_went_with_it() {
    let place = Place::new();
    let (mut sink, lost) = place.sink();
    assert!(sink.write(&entry("before")));
    sink.look();
    fs::remove_dir_all(place.dir()).unwrap();
    assert!(sink.write(&entry("into the void")) && sink.write(&entry("and another")));
    sink.look();
    assert_eq!(lost.load(Ordering::Relaxed), 2);
    assert!(sink.write(&entry("after")));
    let text = place.text();
    assert!(text.contains(" WARN  ") && text.contains(" log resumed lost=2\n") && text.ends_with(" after\n"), "{text}");
}

#[test]
fn what_went_with_a_folder_just_before_midnight_or_the_end_is_counted_too() {
    let place = Place::new();
    let (mut sink, lost) = place.sink();
    assert!(sink.write(&entry("one")));
    fs::remove_dir_all(place.dir()).unwrap();
    place.ahead.store(DAY, Ordering::Relaxed);
    assert!(sink.write(&entry("two")));
    fs::remove_dir_all(place.dir()).unwrap();
    sink.close();
    assert!(place.text().contains(" log resumed lost=2\n"), "{}", place.text());
    assert_eq!(lost.load(Ordering::Relaxed), 3);
}

#[test]
fn the_thread_finds_a_removed_folder_by_itself() {
    let place = Place::new();
    let (logger, logging) = place.start();
    say(&logger, Level::Info, "before");
    wait_for("the first line", || place.text().contains("before"));
    fs::remove_dir_all(place.dir()).unwrap();
    wait_for("the folder", || place.text().contains(" log resumed lost="));
    say(&logger, Level::Info, "after");
    logging.stop();
    assert!(place.text().ends_with(" after\n"));
}

#[test]
fn a_file_in_place_of_the_folder_costs_lines_and_the_console_hears_of_it_once() {
    let place = Place::new();
    fs::write(place.dir(), "in the way").unwrap();
    let (terminal, mut screen) = io::pipe().map(|(r, w)| (w, r)).unwrap();
    let (logger, logging) =
        build_with(&place.settings(), LevelFilter::Info, place.clock(), Box::new(terminal), PACE).unwrap();
    for _ in 0..10 {
        say(&logger, Level::Debug, "nobody reads this");
    }
    wait_for("the count", || logging.lost() == 10);
    fs::remove_file(place.dir()).unwrap();
    wait_for("the log", || place.text().contains(" log resumed lost=10\n"));
    logging.stop();
    let mut seen = String::new();
    screen.read_to_string(&mut seen).unwrap();
    assert_eq!(seen.lines().count(), 1, "{seen}");
    assert!(seen.contains(" ERROR log-file log file failing dir="), "{seen}");
}

#[test]
fn a_full_disk_costs_lines_and_the_file_goes_on_when_there_is_room() {
    let place = Place::new();
    fs::create_dir(place.dir()).unwrap();
    symlink("/dev/full", place.file()).unwrap();
    let (logger, logging) = place.start();
    for _ in 0..5 {
        say(&logger, Level::Info, "no room");
    }
    wait_for("the count", || logging.lost() == 5);
    fs::remove_file(place.file()).unwrap();
    wait_for("the log", || place.text().contains(" log resumed lost=5\n"));
    say(&logger, Level::Info, "room");
    logging.stop();
    assert_eq!(place.text().lines().count(), 2);
}

#[test]
fn reopening_leaves_a_moved_file_alone_and_loses_nothing() {
    let place = Place::new();
    let (logger, logging) = place.start();
    say(&logger, Level::Info, "old");
    wait_for("the first line", || place.text().contains("old"));
    let aside = place.dir().join("aside");
    fs::rename(place.file(), &aside).unwrap();
    logging.reopen();
    wait_for("a new file", || place.file().exists());
    say(&logger, Level::Info, "new");
    logging.clone().stop();
    assert!(place.text().ends_with(" new\n") && fs::read_to_string(aside).unwrap().ends_with(" old\n"));
    assert_eq!(logging.lost(), 0);
}

#[test]
fn one_event_is_one_line_of_plain_ascii() {
    let place = Place::new();
    let (logger, logging) = place.start();
    say(&logger, Level::Info, "a\nb\r\u{1b}[31m\0\u{2028}\u{202e}ä\\n\t.");
    say(&logger, Level::Info, &"x\n".repeat(LOG_LINE));
    logging.stop();
    let text = place.text();
    assert_eq!(text.lines().count(), 2);
    assert!(text.bytes().all(|b| matches!(b, b' '..=b'~' | b'\n')));
    assert!(text.contains(r"a\nb\r\u{1b}[31m\u{0}\u{2028}\u{202e}\u{e4}\n\t."), "{text}");
    assert!(text.lines().all(|line| line.len() < LOG_LINE + 60));
}

#[test]
fn other_crates_and_unwanted_levels_are_not_written() {
    let place = Place::new();
    let (logger, logging) = place.start();
    say_as(&logger, "postgres::query", Level::Error, "the text of a message");
    say_as(&logger, "parlord", Level::Debug, "wanted");
    say_as(&logger, "parlor::hub", Level::Trace, "too fine");
    logging.stop();
    assert!(place.text().ends_with(" wanted\n"));
    assert_eq!(place.text().lines().count(), 1);
}

#[test]
fn stopping_writes_what_is_queued() {
    let place = Place::new();
    let (logger, logging) = place.start();
    for n in 0..1000 {
        say(&logger, Level::Debug, &format!("line {n}."));
    }
    logging.clone().stop();
    assert_eq!(logging.lost(), 0);
    let text = place.text();
    assert!((0..1000).all(|n| text.contains(&format!(" line {n}.\n"))));
}

/// A terminal somebody has stopped with Ctrl-S: each write waits for the gate.
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
fn a_stuck_console_holds_up_neither_the_caller_nor_the_file() {
    let place = Place::new();
    let (open, gate) = bounded::<()>(0);
    let (mut reader, screen) = io::pipe().unwrap();
    let settings = LogSettings { log_level: LevelFilter::Warn, ..place.settings() };
    let (logger, logging) =
        build_with(&settings, LevelFilter::Info, place.clock(), Box::new(Stuck { gate, screen }), PACE).unwrap();
    for _ in 0..LOG_QUEUE + 100 {
        say(&logger, Level::Info, "console only");
    }
    say(&logger, Level::Warn, "for the file");
    wait_for("the line in the file", || place.text().ends_with(" for the file\n"));
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
fn a_closed_console_is_no_trouble() {
    let place = Place::new();
    let (reader, terminal) = io::pipe().unwrap();
    drop(reader);
    let (logger, logging) =
        build_with(&place.settings(), LevelFilter::Info, place.clock(), Box::new(terminal), PACE).unwrap();
    say(&logger, Level::Info, "still here");
    logging.stop();
    assert!(place.text().ends_with(" still here\n"));
}

#[test]
fn a_file_named_like_the_link_is_not_replaced() {
    let place = Place::new();
    fs::create_dir(place.dir()).unwrap();
    fs::write(place.dir().join("parlord.log"), "somebody's").unwrap();
    let (logger, logging) = place.start();
    say(&logger, Level::Info, "hello");
    logging.stop();
    assert_eq!(place.text(), "somebody's");
    assert!(fs::read_to_string(place.file()).unwrap().ends_with(" hello\n"));
}

#[test]
fn old_days_are_compressed_and_older_ones_removed_by_the_date_in_the_name() {
    let place = Place::new();
    let (dir, today) = (place.dir(), place.today());
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
    archive::tidy(&place.settings(), "parlord", today);
    let mut left: Vec<String> =
        fs::read_dir(&dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
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
fn the_log_tidies_up_by_itself() {
    let place = Place::new();
    fs::create_dir(place.dir()).unwrap();
    let old = place.dir().join("parlord_2001-01-01.log");
    fs::write(&old, "old").unwrap();
    let (_logger, logging) = place.start();
    wait_for("the removal", || !old.exists());
    logging.stop();
}
