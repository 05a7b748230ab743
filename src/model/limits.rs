//! Every limit in one place: everything that a stranger can make grow is bounded by one of these numbers.
//!
//! A bound that operators can change is a field of [`Limits`], which declares its setting; all others are constants.

use std::sync::LazyLock;
use std::time::Duration;

use clap::Args;

use super::setting::{defaults, number, seconds, seconds_or_none};

/// The bounds that are settings: each field is called like its setting, and its text is the help of that setting.
#[derive(Debug, Clone, PartialEq, Args)]
#[command(next_help_heading = "Limits")]
#[group(skip)]
pub struct Limits {
    /// Sessions that are logged in; when full, logins are refused; lowered at startup to what the process allows.
    #[arg(long, value_name = "N", default_value = "4096", value_parser = number::<usize>(1..=1_000_000))]
    pub max_clients: usize,

    /// Connections that have not logged in; when full, the address with the most of them loses its oldest one.
    #[arg(long, value_name = "N", default_value = "256", value_parser = number::<usize>(1..=1_000_000))]
    pub max_unauthenticated: usize,

    /// Connections of one address (IPv6: one /64) that have not logged in; more are refused; loopback is exempt.
    #[arg(long, value_name = "N", default_value = "8", value_parser = number::<usize>(1..=1_000_000))]
    pub max_unauthenticated_per_address: usize,

    /// Seconds from the connection to the end of the login; then the connection is closed.
    #[arg(long, value_name = "SECS", default_value = "30", value_parser = seconds(1..=3_600))]
    pub login_timeout: Duration,

    /// Seconds between two lines of a user; then the session is closed; 0 for no limit.
    // The path keeps clap from taking it for an option that may be missing.
    #[arg(long, value_name = "SECS", default_value = "0", value_parser = seconds_or_none(31_536_000))]
    pub idle_timeout: std::option::Option<Duration>,

    /// Bytes of a line, with its line end; a longer line is dropped, and its sender is told.
    // A line longer than `FLOOD_BYTES` would close its connection before it could end.
    #[arg(long, value_name = "BYTES", default_value = "4096", value_parser = number::<usize>(64..=FLOOD_BYTES as usize))]
    pub line_limit: usize,

    /// Commands a second that a user may keep sending; beyond it they are slowed; 0 for no limit.
    #[arg(long, value_name = "PER_SEC", default_value = "100", value_parser = number::<u32>(0..=1_000_000))]
    pub rate: u32,

    /// Commands that a user may send at once before they are slowed.
    #[arg(long, value_name = "N", default_value = "2000", value_parser = number::<u32>(1..=1_000_000))]
    pub burst: u32,

    /// Messages that may wait for a client; beyond it the client is closed as too slow.
    #[arg(long, value_name = "N", default_value = "1024", value_parser = number::<usize>(16..=1_000_000))]
    pub outbox_items: usize,

    /// Bytes that may wait for a client; beyond it the client is closed as too slow; at least twice line-limit.
    #[arg(long, value_name = "BYTES", default_value = "262144", value_parser = number::<usize>(65_536..=1 << 30))]
    pub outbox_bytes: usize,

    /// Seconds that a message may wait for a client; then the client is closed as too slow.
    #[arg(long, value_name = "SECS", default_value = "20", value_parser = seconds(1..=3_600))]
    pub outbox_age: Duration,

    /// Groups on the server; when full, none can be created.
    #[arg(long, value_name = "N", default_value = "10000", value_parser = number::<usize>(1..=10_000_000))]
    pub max_groups: usize,

    /// Groups that one user may be in; when full, they can join no other.
    #[arg(long, value_name = "N", default_value = "2000", value_parser = number::<usize>(1..=10_000_000))]
    pub max_memberships: usize,

    /// Sessions that one user may have at the same time, where duplicate-login is allow; more are refused.
    #[arg(long, value_name = "N", default_value = "16", value_parser = number::<usize>(1..=1_000_000))]
    pub max_sessions_per_user: usize,

    /// Guests that may be logged in at the same time; more are refused.
    #[arg(long, value_name = "N", default_value = "100", value_parser = number::<usize>(1..=10_000))]
    pub max_guests: usize,

    /// Login tokens that one user may have, expired ones included; when full, none can be created.
    #[arg(long, value_name = "N", default_value = "20", value_parser = number::<usize>(1..=1_000))]
    pub max_tokens_per_user: usize,
}

impl Limits {
    /// Checks the bounds that depend on each other.
    ///
    /// # Errors
    /// The setting that must change, as a sentence.
    pub fn check(&self) -> Result<(), String> {
        // A line that no outbox can hold would close everyone it is sent to.
        let (bytes, line) = (self.outbox_bytes, self.line_limit);
        if bytes < 2 * line {
            return Err(format!("outbox-bytes must be at least twice line-limit ({line}), not {bytes}"));
        }
        Ok(())
    }
}

impl Default for Limits {
    fn default() -> Limits {
        static DEFAULT: LazyLock<Limits> = LazyLock::new(defaults);
        DEFAULT.clone()
    }
}

// Login and framing

/// Bytes without a line end after which a connection is closed.
pub const FLOOD_BYTES: u64 = 64 * 1024;

/// How long a client without line ends may pause within one name, password or over-long message.
pub const RAW_PAUSE: Duration = Duration::from_millis(300);

/// How long a second login waits for the first session to turn out dead.
pub const STALE_SESSION_CHECK: Duration = Duration::from_millis(100);

/// The reply to a failed login is sent at a multiple of this time after the password, so that timing tells nothing about
/// the name.
pub const LOGIN_FAILURE_DELAY: Duration = Duration::from_millis(500);

/// Wrong passwords that one address may send at once; it gets another try every [`GUESS_REFILL`]. Loopback is exempt.
pub const GUESS_BURST: u32 = 8;

/// Time until an address may guess once more: with the burst, 13 guesses in the first minute.
pub const GUESS_REFILL: Duration = Duration::from_secs(12);

/// Accounts that one address may register at once; it gets one more every [`REGISTRATION_REFILL`]. Loopback is exempt.
pub const REGISTRATION_BURST: u32 = 3;

/// Time until an address may register once more.
pub const REGISTRATION_REFILL: Duration = Duration::from_secs(600);

/// Accounts in the users file beyond which nobody can register; the file itself may hold many more.
pub const ACCOUNTS: usize = 100_000;

/// Addresses whose wrong passwords or registrations are remembered; beyond it, the one with the most tries left is
/// forgotten.
pub const THROTTLED_ADDRESSES: usize = 10_000;

/// Addresses of which it is remembered that a user of them has logged in, which gives them a share of the slots of
/// connections that nobody else gets. As many as are throttled.
pub const KNOWN_ADDRESSES: usize = 10_000;

/// One of so many slots of connections before login, or of requests to the web page, is kept for known addresses.
pub const RESERVED_SHARE: usize = 8;

/// The longest validity of a login token or an invitation, in days.
pub const MAX_DAYS: u32 = 3_650;

/// Cost of a login in the user's command budget, besides the cost of announcing it.
pub const LOGIN_COST: usize = 2;

// Writing to clients

/// The most bytes rendered into one write.
pub const WRITE_BATCH: usize = 64 * 1024;

/// The most messages to the same recipients that are queued as one.
pub const RUN_ITEMS: usize = 64;

/// Messages queued as one take at most about this fraction (1/n) of an outbox, so that a client that keeps up always has
/// room for them.
pub const RUN_SHARE: usize = 16;

/// Bytes of its render buffer that a thread keeps between writes: enough for a busy sender, little for an idle one.
pub const PAGE_KEPT: usize = 16 * 1024;

/// Messages are batched over sessions only if another session has spoken within this time.
pub const GATHER_TIME: Duration = Duration::from_millis(10);

/// How often a batch leader yields to other threads, as long as each time more of them have joined.
pub const GATHER_YIELDS: usize = 4;

/// Pause between two rounds of writing out arrivals and departures, which gathers those in between.
pub const ANNOUNCE_PACE: Duration = Duration::from_millis(2);

/// Recipients for whom a session keeps room from one message to the next.
pub const TOUCHED_KEPT: usize = 256;

/// How long a client that the server closes may take to accept its last words.
pub const BRIEF_FLUSH: Duration = Duration::from_millis(150);

/// How often a blocked write checks whether its session is closing.
pub const CLOSING_CHECK: Duration = Duration::from_millis(50);

/// How long a client's bytes are read and discarded after the last words: a reset would destroy the words.
pub const LINGER: Duration = Duration::from_millis(300);

/// The most bytes that are read and discarded after the last words.
pub const LINGER_BYTES: usize = 64 * 1024;

/// Initial size of a client's read buffer in bytes; it doubles when a read fills it.
pub const READ_MIN: usize = 256;

/// The largest read buffer of a client, in bytes.
pub const READ_MAX: usize = 16 * 1024;

/// Lines of one read that are executed before their output is written.
pub const LINES_PER_FLUSH: usize = 128;

/// Bytes of a line that cost as much as one more command. With the default burst, nobody can send at once what fills the
/// outbox of a slow reader.
pub const BYTES_PER_TOKEN: usize = 128;

/// Recipients of a broadcast that cost as much as one command.
pub const RECIPIENTS_PER_TOKEN: usize = 50;

// Users and groups

/// The most names in one page of `/groups_users`.
pub const ROSTER_PAGE: usize = 2_000;

/// The most characters of an away message; it is shown in lists.
pub const AWAY_CHARS: usize = 100;

/// Users that one user may ignore.
pub const IGNORED_PER_USER: usize = 200;

/// The shortest time between two typing notices for the same conversation.
pub const TYPING_PACE: Duration = Duration::from_secs(3);

/// Conversations for which a user's last typing notice is remembered.
pub const TYPING_KEPT: usize = 16;

/// The most bans and mutes of one group; expired ones make room.
pub const SANCTIONS_PER_GROUP: usize = 1_000;

/// The most open invitations to one group; expired ones make room.
pub const INVITATIONS_PER_GROUP: usize = 1_000;

/// How long an invitation to a group is valid.
pub const INVITATION_TIME: Duration = Duration::from_secs(7 * 86_400);

/// The most persistent groups that one user may own.
pub const KEPT_GROUPS_PER_OWNER: usize = 50;

/// The most characters of a group's topic, and of the reason for a kick, ban or mute in a group.
pub const TOPIC_CHARS: usize = 200;

/// The largest member limit that a group may have.
pub const GROUP_LIMIT_MAX: usize = 100_000;

/// Codes drawn for a new room, of which a free one is used.
pub const ROOM_CODES: usize = 16;

/// Cost in commands of setting or giving a group's password, because it is hashed.
pub const PASSWORD_COST: usize = 20;

// Messages and the store

/// How long a store that failed is left alone before it is tried again.
pub const STORE_REST: Duration = Duration::from_secs(1);

/// Changes other than messages that are kept in memory while the store fails.
pub const UNSAVED_KEPT: usize = 65_536;

/// The most missed messages shown at login; `/history` has the rest.
pub const CATCH_UP: usize = 500;

/// Messages that `/history` shows by default.
pub const HISTORY_COUNT: usize = 20;

/// The most messages one `/history` shows; its last line says how to continue.
pub const HISTORY_MAX: usize = 500;

/// Matches that `/search` shows, newest last.
pub const SEARCH_COUNT: usize = 20;

/// Cost of a `/search` in commands: it examines much more than it shows.
pub const SEARCH_COST: usize = 10;

/// Messages in one event when many are shown, so that a slow reader gets them piece by piece.
pub const PAST_PAGE: usize = 50;

/// Receipts that wait for their message to be written; beyond it, the oldest are dropped.
pub const RECEIPTS_KEPT: usize = 10_000;

/// Messages that a server without a data folder keeps.
pub const MEMORY_MESSAGES: usize = 10_000;

/// Conversations whose database ids are cached.
pub const CONVERSATIONS_KEPT: usize = 50_000;

/// Damaged rows of the database that are named in the log, each once.
pub const DAMAGE_LOGGED: usize = 1_000;

/// How often the store's maintenance runs when nothing is pending.
pub const STORE_PACE: Duration = Duration::from_secs(1);

/// How long one step of the work on the search index takes, during which nothing else is stored.
pub const INDEX_TIME: Duration = Duration::from_millis(2);

/// Pages of the search index that are merged in one step: some milliseconds.
pub const PURGE_PAGES: i64 = 24;

/// Messages up to which deleted words leave the search index at once rather than once a day.
pub const PURGE_AT_ONCE: i64 = 20_000;

/// How long a search may look at messages.
pub const SEARCH_TIME: Duration = Duration::from_millis(60);

/// Candidates from the index that one search looks at.
pub const SEARCH_EXAMINED: usize = 10_000;

/// Messages that are not indexed yet and that one search looks at.
pub const SEARCH_UNINDEXED: usize = 5_000;

/// Expired messages deleted in one transaction.
pub const EXPIRE_PIECE: usize = 500;

/// Groups whose messages are counted in one transaction.
pub const EXPIRE_GROUPS: usize = 16;

/// Read connections in use at the same time; further readers wait.
pub const READERS: usize = 8;

/// Read connections that searches and histories leave to logins.
pub const READERS_FREE: usize = 2;

/// Idle read connections that are kept open.
pub const READERS_KEPT: usize = 4;

/// The furthest that deletion by age moves on from one deletion to the next, whatever the machine's clock says.
pub const EXPIRY_STEP: Duration = Duration::from_secs(86_400);

/// How long deletion by age then rests, if the machine's clock is still further ahead: after a month without the server,
/// everything that is due is deleted within thirty hours.
pub const EXPIRY_REST: Duration = Duration::from_secs(3_600);

/// How long nothing is deleted for its age after the machine's clock was set: long enough for its owner, or NTP, to set
/// it right.
pub const EXPIRY_PATIENCE: Duration = Duration::from_secs(60);

// Administration

/// Bans and mutes on the server in force at the same time.
pub const SANCTIONS: usize = 10_000;

/// Open reports; beyond it, nobody can file another.
pub const REPORTS: usize = 1_000;

/// Cost of a report in commands: it is stored, and every operator is told.
pub const REPORT_COST: usize = 50;

/// The most characters of an operator's reason or of a report; they are shown in lists.
pub const REASON_CHARS: usize = 200;

/// Console requests served at the same time; others wait.
pub const CTL_CLIENTS: usize = 8;

/// The longest console request, in bytes.
pub const CTL_BYTES: usize = 8 * 1024;

/// How long a console request may take to arrive, and its answer to be read.
pub const CTL_TIME: Duration = Duration::from_secs(2);

/// How long a rename waits for the user's sessions to end, and then for the turn to change the users file.
pub const RENAME_TIME: Duration = Duration::from_secs(5);

/// How often an operator who waits for the turn checks whether their own session is ending.
pub const TURN_CHECK: Duration = Duration::from_millis(50);

/// How long the audit log does not repeat that an operator uses the same view: an open page polls every few seconds.
pub const VIEW_AUDIT_INTERVAL: Duration = Duration::from_secs(600);

/// The most bytes of the word filter's file.
pub const FILTER_BYTES: usize = 64 * 1024;

/// The most patterns of the word filter: each is tried on each word of a message.
pub const FILTER_PATTERNS: usize = 500;

/// The most bytes of the message of the day.
pub const MOTD_BYTES: usize = 16 * 1024;

// The web

/// HTTP requests served at the same time; each has a thread.
pub const WEB_CONNECTIONS: usize = 64;

/// Threads for HTTP requests: one that had to make room may still be closing.
pub const WEB_THREADS: usize = 2 * WEB_CONNECTIONS;

/// HTTP requests served at the same time per address; a browser opens six connections.
pub const WEB_CONNECTIONS_PER_ADDRESS: usize = 24;

/// The longest head of an HTTP request, in bytes.
pub const WEB_HEAD: usize = 8 * 1024;

/// The most headers of an HTTP request.
pub const WEB_HEADERS: usize = 64;

/// The longest body of an HTTP request, in bytes.
pub const WEB_BODY: usize = 16 * 1024;

/// How long an HTTP request may take to arrive, and its answer to be read.
pub const WEB_TIME: Duration = Duration::from_secs(5);

/// Bytes without a complete line (pings, fragments) that one WebSocket may send at once: more than a whole message.
pub const WEB_CHATTER_BURST: usize = 128 * 1024;

/// Such bytes per second that a WebSocket may send steadily; an occasional ping takes ten.
pub const WEB_CHATTER_RATE: usize = 1024;

/// How often a silent browser is pinged: sooner than proxies give up.
pub const WEB_PING: Duration = Duration::from_secs(30);

// The log

/// Log lines that wait for the file, and as many for the console; further ones are counted as lost.
pub const LOG_QUEUE: usize = 4096;

/// The longest log line in bytes; with the queue, 16 MiB at most.
pub const LOG_LINE: usize = 4096;

/// How often a line that strangers can cause is logged for the same event, reason and address; further ones are counted.
pub const LOG_REPEAT: Duration = Duration::from_secs(1);

/// Addresses whose lines are counted apart at the same time; beyond it they are counted together.
pub const LOG_REPEAT_ADDRESSES: usize = 256;

/// The part of a day's log that is left to warnings and errors once the rest of it is full: one part in so many.
pub const LOG_RESERVE: u64 = 16;

/// The most bytes of the end of the log shown at once.
pub const LOG_TAIL: u64 = 64 * 1024;

/// Lines that `/log` shows by default.
pub const LOG_COUNT: usize = 20;

/// The most lines one `/log` shows.
pub const LOG_MAX: usize = 200;

/// How often the log checks whether its file is in place, a new day has begun, or a failed file works again.
pub const LOG_PACE: Duration = Duration::from_secs(1);

/// How long the server's exit may wait for queued log lines.
pub const LOG_DRAIN: Duration = Duration::from_secs(1);

// Threads

/// The stack of a client's thread in bytes; only touched pages take memory.
pub const CLIENT_STACK: usize = 256 * 1024;

/// The stack of a thread that writes to a client that is behind, in bytes.
pub const WRITER_STACK: usize = 128 * 1024;

/// How long a stop may take before the process ends regardless.
pub const STOP_TIME: Duration = Duration::from_millis(4_500);
