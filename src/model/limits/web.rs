//! What a browser, or somebody who pretends to be one, can make grow ends at one of these numbers.

use std::time::Duration;

/// Requests to the web page that are answered at the same time, in all; each has a thread.
pub const WEB_VISITS: usize = 64;

/// Threads of requests to the web page: one that had to make room for another may still be busy with its end.
pub const WEB_THREADS: usize = 2 * WEB_VISITS;

/// Requests to the web page that are answered at the same time, per address; a browser makes six at once.
pub const WEB_VISITS_PER_ADDRESS: usize = 24;

/// The longest head of a request to the web page, in bytes.
pub const WEB_HEAD: usize = 8 * 1024;

/// The most headers of a request to the web page.
pub const WEB_HEADERS: usize = 64;

/// The longest body of a request to the web page, in bytes.
pub const WEB_BODY: usize = 16 * 1024;

/// How long a request to the web page may take to come, and as long again its answer to be taken.
pub const WEB_TIME: Duration = Duration::from_secs(5);

/// Bytes that bring no line (pings, pieces of messages) which one WebSocket may send at once: a whole message, and more.
pub const WEB_CHATTER_BURST: usize = 128 * 1024;

/// How many such bytes a WebSocket may go on sending, per second: a ping now and then is ten.
pub const WEB_CHATTER_RATE: usize = 1024;

/// A browser that is silent is asked this often for a sign of life: sooner than proxies give up.
pub const WEB_PING: Duration = Duration::from_secs(30);
