//! `parlord invite`: an invitation for one person to register with.

use std::io::{ErrorKind, Write};
use std::time::{Duration, SystemTime};

use crate::accounts::tokens;
use crate::model::StartError;
use crate::store::{Entry, Store};

/// Makes an invitation that is good for `days` days, stores what is to be kept of it, and shows it, once.
///
/// # Errors
/// When it cannot be made or stored, nothing was shown; or that it could not be shown.
pub fn invite(store: &dyn Store, days: u32, out: &mut dyn Write) -> Result<(), StartError> {
    let append = |entry| {
        let stored = store.append(&[entry]).map(drop);
        stored.map_err(|e| StartError::System("the invitation cannot be stored".to_owned(), std::io::Error::other(e)))
    };
    invite_with(append, days, out)
}

/// As [`invite`], where something else than a store does the appending: beside a daemon that works with it, say.
///
/// # Errors
/// As [`invite`].
pub fn invite_with(
    append: impl FnOnce(Entry) -> Result<(), StartError>,
    days: u32,
    out: &mut dyn Write,
) -> Result<(), StartError> {
    let failed = |what: &str, e| StartError::System(what.to_owned(), e);
    let key = tokens::new_invite().map_err(|e| failed("no invitation can be made", e))?;
    let expires = SystemTime::now() + Duration::from_secs(u64::from(days) * 86_400);
    append(Entry::Invited { invite: key.digest, expires })?;
    let days = if days == 1 { "1 day".to_owned() } else { format!("{days} days") };
    let shown = writeln!(
        out,
        "{}\nGood once, for {days}. To use it, answer the prompt for the username with: /register <name> {}",
        key.text, key.text
    );
    match shown.and_then(|()| out.flush()) {
        Err(e) if e.kind() != ErrorKind::BrokenPipe => Err(failed("the invitation could not be shown", e)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MemoryStore;

    #[test]
    fn an_invitation_is_good_once_and_for_its_days() {
        let (store, mut out) = (MemoryStore::default(), Vec::new());
        invite(&store, 3, &mut out).unwrap();
        invite(&store, 1, &mut out).unwrap();
        let said = String::from_utf8(out).unwrap();
        let lines: Vec<&str> = said.lines().collect();
        assert!(lines[1].contains("for 3 days") && lines[3].contains("for 1 day."), "{said}");
        assert!(lines[1].ends_with(&format!("/register <name> {}", lines[0])), "{said}");
        let in_days = |days: u64| SystemTime::now() + Duration::from_secs(days * 86_400 - 60);
        let [first, second] = [lines[0], lines[2]].map(tokens::invite_digest);
        assert_eq!(store.redeem(&first, in_days(3)), Ok(true));
        assert_eq!(store.redeem(&first, in_days(3)), Ok(false), "it is used up");
        assert_eq!(store.redeem(&second, in_days(2)), Ok(false), "it is too old");
    }
}
