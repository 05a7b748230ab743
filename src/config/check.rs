//! Checks beyond a single value: settings that depend on each other, host names, and the message of the day.

use std::fs::File;
use std::io::Read;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use super::{Address, Config};
use crate::model::StartError;
use crate::model::limits::MOTD_BYTES;
use crate::model::text::{Escaped, clean};

impl Config {
    /// Checks what the server would otherwise find out only while starting. Changes nothing.
    ///
    /// # Errors
    /// [`StartError::Config`] with a sentence that names the setting.
    pub fn check(&self) -> Result<(), StartError> {
        self.limits.check().map_err(StartError::Config)?;
        resolve("listen", &self.listen)?;
        resolve("web", &self.web)?;
        resolve("metrics", &self.metrics)?;
        self.message_of_the_day().map(|_| ())
    }

    /// Reads and cleans the message of the day: lines joined by `\n`, none at the end, at most 16 KiB. A file without any
    /// text is no message.
    ///
    /// # Errors
    /// [`StartError::Config`] when the file cannot be read, is too long, or is not UTF-8.
    pub fn message_of_the_day(&self) -> Result<Option<Arc<str>>, StartError> {
        let Some(path) = &self.motd else { return Ok(None) };
        let shown = path.display();
        let mut bytes = Vec::new();
        let read = File::open(path).and_then(|file| file.take(MOTD_BYTES as u64 + 1).read_to_end(&mut bytes));
        if let Err(e) = read {
            return refuse(format!("motd: cannot read {shown}: {e}"));
        }
        if bytes.len() > MOTD_BYTES {
            return refuse(format!("motd: {shown} must have at most {MOTD_BYTES} bytes"));
        }
        let Ok(text) = String::from_utf8(bytes) else {
            return refuse(format!("motd: {shown} is not valid UTF-8"));
        };
        let lines: Vec<String> = text.trim_end().lines().map(clean).collect();
        let text = lines.join("\n");
        // A control character grows to the three bytes of U+FFFD when it is cleaned.
        if text.len() > MOTD_BYTES {
            return refuse(format!("motd: {shown} must have at most {MOTD_BYTES} bytes without control characters"));
        }
        Ok((!text.is_empty()).then(|| text.into()))
    }
}

/// Looks up the addresses of a setting; a host name stands for the first address that the system gives for it.
///
/// # Errors
/// [`StartError::Config`] when one has no address, or two are the same.
pub fn resolve(setting: &str, addresses: &[Address]) -> Result<Vec<SocketAddr>, StartError> {
    let mut all = Vec::new();
    for Address(name) in addresses {
        let addr = match name.to_socket_addrs().map(|mut found| found.next()) {
            Ok(Some(addr)) => addr,
            Ok(None) => return refuse(format!("{setting}: no address is known for '{}'", Escaped(name))),
            Err(e) => return refuse(format!("{setting}: cannot look up '{}': {e}", Escaped(name))),
        };
        // Port 0 is a different free port each time.
        if addr.port() != 0 && all.contains(&addr) {
            return refuse(format!("{setting}: {addr} is given twice"));
        }
        all.push(addr);
    }
    Ok(all)
}

fn refuse<T>(sentence: String) -> Result<T, StartError> {
    Err(StartError::Config(sentence))
}
