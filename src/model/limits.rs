//! Every bound in one place: whatever a stranger can make grow stops at one of these numbers.
//!
//! A bound that operators can change is a field of [`Limits`], which declares its setting; all others are constants.

mod order;
mod web;

use std::sync::LazyLock;
use std::time::Duration;

use clap::Args;

use super::setting::{defaults, number, seconds, seconds_or_none};
pub use order::*;
pub use web::*;

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

/// Bytes without a line end after which a connection is closed.
pub const FLOOD_BYTES: u64 = 64 * 1024;

/// How long a client without line ends may pause within one name, password or over-long message.
pub const RAW_PAUSE: Duration = Duration::from_millis(300);

/// How long a second login waits for the first session to be seen dead.
pub const STALE_SESSION_CHECK: Duration = Duration::from_millis(100);

/// The answer to a failed login comes this long after the password, or at a multiple of it: no sooner for an unknown name.
pub const LOGIN_FAILURE_DELAY: Duration = Duration::from_millis(500);

/// Wrong passwords one address may send at once; it gets a new try every [`GUESS_REFILL`]. Loopback is exempt.
pub const GUESS_BURST: u32 = 8;

/// How long until an address may guess once more: with the burst, 13 guesses in the first minute.
pub const GUESS_REFILL: Duration = Duration::from_secs(12);

/// Accounts that may be registered from one address at once; it gets one more every [`REGISTRATION_REFILL`]. Loopback is
/// exempt.
pub const REGISTRATION_BURST: u32 = 3;

/// Lines with an account in the users file from which on nobody registers any more: far below what the file may hold.
pub const ACCOUNTS: usize = 100_000;

/// How long until an address may register once more.
pub const REGISTRATION_REFILL: Duration = Duration::from_secs(600);

/// Addresses whose wrong passwords, or registrations, are remembered; beyond it the one with the most tries left is
/// forgotten.
pub const THROTTLED_ADDRESSES: usize = 10_000;

/// The most days that a token may be asked to be good for.
pub const MAX_DAYS: u32 = 3_650;

/// The most that is rendered into one write, in bytes.
pub const WRITE_BATCH: usize = 64 * 1024;

/// The most messages to the same people that are queued as one.
pub const RUN_ITEMS: usize = 64;

/// What is queued as one takes at most about this part of an outbox, so that who is not behind always has room for it.
pub const RUN_SHARE: usize = 16;

/// What a thread keeps of its page from one write to the next, in bytes: enough for a busy sender, little for an idle one.
pub const PAGE_KEPT: usize = 16 * 1024;

/// What others say is gathered only if somebody else has said something within this time; where there is little to do,
/// nobody lets others go first.
pub const GATHER_TIME: Duration = Duration::from_millis(10);

/// How long what is said waits at the most for what was said before to be written out, so that it gathers meanwhile.
pub const PASS_PATIENCE: Duration = Duration::from_millis(20);

/// How often at the most who gathers lets others get ahead, as long as more of them have joined each time.
pub const GATHER_YIELDS: usize = 4;

/// How long who came or left is gathered before it is written to everybody again; nobody notices so little.
pub const ANNOUNCE_PACE: Duration = Duration::from_millis(2);

/// How many recipients a session keeps room for from one message to the next.
pub const TOUCHED_KEPT: usize = 256;

/// How long a client whom the server closes may take to accept his last words.
pub const BRIEF_FLUSH: Duration = Duration::from_millis(150);

/// Who waits for a client's socket looks this often whether the session is to end.
pub const CLOSING_CHECK: Duration = Duration::from_millis(50);

/// After the last words the client's own bytes are read away for this long, so that a reset does not eat the words.
pub const LINGER: Duration = Duration::from_millis(300);

/// After the last words the client's own bytes are read away up to this many.
pub const LINGER_BYTES: usize = 64 * 1024;

/// The read buffer of a client begins at this many bytes and doubles when a read fills it.
pub const READ_MIN: usize = 256;

/// The largest read buffer of a client, in bytes.
pub const READ_MAX: usize = 16 * 1024;

/// Lines of one read that are handled before what they caused is written out.
pub const LINES_PER_FLUSH: usize = 128;

/// Bytes of a line that cost as much as one command more: with the default burst nobody can send at once what fills the
/// outbox of one who reads slowly.
pub const BYTES_PER_TOKEN: usize = 128;

/// What coming in costs of the user's budget, in commands, beside what it takes to tell everybody.
pub const LOGIN_COST: usize = 2;

/// Recipients of a broadcast that cost as much as one command in the sender's budget.
pub const RECIPIENTS_PER_TOKEN: usize = 50;

/// The most names one page of `/groups_users` holds before it is written out.
pub const ROSTER_PAGE: usize = 2_000;

/// The most characters of what a user says about being away; it stands in lists, so it is short.
pub const AWAY_CHARS: usize = 100;

/// Users whom one user may ignore.
pub const IGNORED_PER_USER: usize = 200;

/// How long it takes until it is told again that somebody is typing in the same conversation.
pub const TYPING_PACE: Duration = Duration::from_secs(3);

/// Conversations in which a user may be typing at the same time, as far as others are told.
pub const TYPING_KEPT: usize = 16;

/// The most bans and mutes of one group; those that have ended make room.
pub const SANCTIONS_PER_GROUP: usize = 1_000;

/// The most open invitations to one group; those that have ended make room.
pub const INVITATIONS_PER_GROUP: usize = 1_000;

/// How long an invitation to a group is good.
pub const INVITATION_TIME: Duration = Duration::from_secs(7 * 86_400);

/// The most kept groups that one user may own: they are there when nobody is.
pub const KEPT_GROUPS_PER_OWNER: usize = 50;

/// The most characters of a group's topic, and of why somebody is kicked, banned or muted.
pub const TOPIC_CHARS: usize = 200;

/// The largest number that a group may have as its limit.
pub const GROUP_LIMIT_MAX: usize = 100_000;

/// Codes that are tried for a new room, of which a free one is taken.
pub const ROOM_CODES: usize = 16;

/// How long a store that failed is left alone before it is tried again.
pub const STORE_REST: Duration = Duration::from_secs(1);

/// Changes, other than messages, that are kept in memory while the store does not work.
pub const UNSAVED_KEPT: usize = 65_536;

/// The most lines of what a user missed that he is shown at his login; `/history` has the rest.
pub const CATCH_UP: usize = 500;

/// How many messages `/history` shows when it is asked for no number.
pub const HISTORY_COUNT: usize = 20;

/// The most messages one `/history` shows; the next ones are asked for with its last line.
pub const HISTORY_MAX: usize = 500;

/// How many matches `/search` shows, the newest ones.
pub const SEARCH_COUNT: usize = 20;

/// What a `/search` costs of its asker's budget, in commands: it looks at much more than it shows.
pub const SEARCH_COST: usize = 10;

/// What a password of a group costs of the budget of who sets or gives it, in commands: it is hashed.
pub const PASSWORD_COST: usize = 20;

/// How many messages of the log one event holds when many are shown: a slow reader gets them piece by piece.
pub const PAST_PAGE: usize = 50;

/// Receipts that wait until a message has been written to its recipient; beyond it the oldest are never given.
pub const RECEIPTS_KEPT: usize = 10_000;

/// Messages that a server without a data folder remembers.
pub const MEMORY_MESSAGES: usize = 10_000;

/// Conversations whose numbers in the database are remembered; beyond it they are looked up anew.
pub const CONVERSATIONS_KEPT: usize = 50_000;

/// How often the store is looked after when there is nothing to do.
pub const STORE_PACE: Duration = Duration::from_secs(1);

/// Messages whose words are brought into the index in one transaction: some milliseconds.
pub const INDEX_PIECE: usize = 500;

/// Messages whose words are taken out of the index in one transaction; that costs more.
pub const UNINDEX_PIECE: usize = 50;

/// Messages that are too old and go in one transaction.
pub const EXPIRE_PIECE: usize = 500;

/// Groups whose messages are counted in one transaction.
pub const EXPIRE_GROUPS: usize = 16;

/// Connections for reading that are used at the same time; who needs one more waits.
pub const READERS: usize = 8;

/// Connections for reading that are kept open when nobody reads.
pub const READERS_KEPT: usize = 4;

/// The furthest that deletion by age moves on from one deletion to the next, whatever the machine's clock says.
pub const EXPIRY_STEP: Duration = Duration::from_secs(86_400);

/// How long deletion by age then rests, if the machine's clock is still further ahead: after a month without the server,
/// everything that is due is deleted within thirty hours.
pub const EXPIRY_REST: Duration = Duration::from_secs(3_600);

/// How long nothing is deleted for its age after the machine's clock was set: long enough for its owner, or NTP, to set
/// it right.
pub const EXPIRY_PATIENCE: Duration = Duration::from_secs(60);

/// The most bytes of a message of the day.
pub const MOTD_BYTES: usize = 16 * 1024;

/// Log lines that wait for the file, and as many for the console; what comes on top is counted as lost.
pub const LOG_QUEUE: usize = 4096;

/// The longest log line before its end is left out, in bytes: with the queue, 16 MiB at the very most.
pub const LOG_LINE: usize = 4096;

/// How often a line that strangers can cause is logged for the same event, reason and address; further ones are counted.
pub const LOG_REPEAT: Duration = Duration::from_secs(1);

/// Addresses whose lines are counted apart at the same time; beyond it they are counted together.
pub const LOG_REPEAT_ADDRESSES: usize = 256;

/// The part of a day's log that is left to warnings and errors once the rest of it is full: one part in so many.
pub const LOG_RESERVE: u64 = 16;

/// The most of a log file's end that an operator is shown at once, in bytes.
pub const LOG_TAIL: u64 = 64 * 1024;

/// How many lines of the log `/log` shows when it is asked for no number.
pub const LOG_COUNT: usize = 20;

/// The most lines of the log one `/log` shows.
pub const LOG_MAX: usize = 200;

/// How often the log looks whether its file is still in its place, a new day has begun, or a failed file works again.
pub const LOG_PACE: Duration = Duration::from_secs(1);

/// How long the end of the server may wait for queued log lines to be written.
pub const LOG_DRAIN: Duration = Duration::from_secs(1);

/// The stack of a client's thread, in bytes; only touched pages count.
pub const CLIENT_STACK: usize = 256 * 1024;

/// The stack of the thread that writes to a client who is behind, in bytes.
pub const WRITER_STACK: usize = 128 * 1024;

/// How long a stop may take before the process ends regardless.
pub const STOP_TIME: Duration = Duration::from_millis(4_500);
