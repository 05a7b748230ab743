//! `parlord invite`: an invitation for one person to register with.

use std::io::Write;
use std::time::{Duration, SystemTime};

use super::output::{count, say};
use crate::accounts::tokens;
use crate::model::{StartError, StoreAddress};
use crate::store::{self, Entry};

/// Creates an invitation that is good for `days` days in the store at `data`, and shows it.
///
/// # Errors
/// As [`create`]; and when there is no store to keep it in.
pub(super) fn run(data: &StoreAddress, days: u16, out: &mut dyn Write) -> Result<(), StartError> {
    let none = || StartError::Config("invitations cannot be stored: the setting data is none".to_owned());
    let tools = store::tools(data).ok_or_else(none)?;
    create(|entry| tools.append(&[entry]), days, out)
}

/// Creates an invitation, has `append` store its digest, and shows it, once.
///
/// # Errors
/// When it cannot be created or stored, and nothing was shown; or when it could not be shown.
fn create(
    append: impl FnOnce(Entry) -> Result<(), StartError>,
    days: u16,
    out: &mut dyn Write,
) -> Result<(), StartError> {
    let failed = |e| StartError::System("cannot create an invitation".to_owned(), e);
    let invite = tokens::new_invite().map_err(failed)?;
    let expires = SystemTime::now() + Duration::from_secs(u64::from(days) * 86_400);
    append(Entry::Invited { invite: invite.digest, expires })?;
    let (text, days) = (invite.text, count(days.into(), "day"));
    let usage = format!("To use it, answer the username prompt with: /register <name> {text}");
    say(out, format_args!("{text}\nValid once, for {days}. {usage}\n")).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{MemoryStore, Store};

    #[test]
    fn an_invitation_is_good_once_and_for_its_days() {
        let (store, mut out) = (MemoryStore::default(), Vec::new());
        let append = |entry| store.append(&[entry]).map(drop).map_err(|e| StartError::Config(e.to_string()));
        create(append, 3, &mut out).unwrap();
        create(append, 1, &mut out).unwrap();
        let printed = String::from_utf8(out).unwrap();
        let lines: Vec<&str> = printed.lines().collect();
        assert!(lines[1].contains("for 3 days") && lines[3].contains("for 1 day."), "{printed}");
        assert!(lines[1].ends_with(&format!("/register <name> {}", lines[0])), "{printed}");
        let in_days = |days: u64| SystemTime::now() + Duration::from_secs(days * 86_400 - 60);
        let [first, second] = [lines[0], lines[2]].map(tokens::invite_digest);
        assert_eq!(store.redeem(&first, in_days(3)), Ok(true));
        assert_eq!(store.redeem(&first, in_days(3)), Ok(false), "it is used up");
        assert_eq!(store.redeem(&second, in_days(2)), Ok(false), "it is too old");
    }
}
