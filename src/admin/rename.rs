//! Renaming a user. The hub, the store and the users file have to agree on the new name.

use std::collections::BTreeSet;
use std::time::Instant;

use super::{Actor, Admin};
use crate::accounts::{AccountError, Accounts};
use crate::model::limits::RENAME_TIME;
use crate::model::{Name, Outcome, RenameError, Role, StartError, UserError};
use crate::store::{Entry, Store};

/// Finishes the renames that a crash interrupted: puts into the users file what only the store has. Called at startup, before
/// anybody can log in.
///
/// # Errors
/// Why the users file or the store cannot be changed, and what to do.
pub(crate) fn finish_renames(store: &dyn Store, accounts: &Accounts) -> Result<(), StartError> {
    let failed = |e| StartError::Config(format!("an interrupted renaming cannot be finished: {e}"));
    for (from, to) in store.renamings().map_err(failed)? {
        let left = accounts.finish_rename(&from, to)?;
        store.append(&[Entry::RenameSettled { from, to }]).map_err(failed)?;
        log::info!("rename finished user={from} name={to} rewritten={left}");
    }
    Ok(())
}

/// How many accounts are made or ended in one transaction at the start.
const ACCOUNTS_PIECE: usize = 1_000;

/// Tells the store which accounts have come into the users file and gone from it while the server did not run. Called at
/// startup, before anybody can log in.
///
/// # Errors
/// Why the store cannot be used.
pub(crate) fn match_accounts(store: &dyn Store, accounts: &Accounts) -> Result<(), StartError> {
    let failed = |e| StartError::Config(format!("the accounts cannot be compared with the store: {e}"));
    let live: BTreeSet<Name> = store.accounts().map_err(failed)?.into_iter().map(|(name, _)| name).collect();
    let gone = live.iter().filter(|name| accounts.find(name).is_none()).map(|user| Entry::AccountEnded { user: *user });
    let new = accounts.names().into_iter().filter(|name| !live.contains(name));
    let entries: Vec<Entry> = gone.chain(new.map(|user| Entry::AccountSeen { user })).collect();
    entries.chunks(ACCOUNTS_PIECE).try_for_each(|piece| store.append(piece).map(drop)).map_err(failed)
}

impl Admin {
    /// Ends the user's sessions, then renames in the hub and the store, which notes the rename as begun, then in the users
    /// file. If the file cannot be rewritten, hub and store take the rename back.
    pub(super) fn rename(
        &self,
        whom: &str,
        wanted: &str,
        why: &str,
        (by, rank): (&Actor, Role),
        accounts: &Accounts,
    ) -> Result<Outcome, UserError> {
        let (from, to) = self.check_names(whom, wanted, (by, rank), accounts)?;
        let deadline = Instant::now() + RENAME_TIME;
        let shut = self.hub.lock_name(from, to, why, deadline).ok_or(RenameError::StillHere(from))?;
        let mut failure = None;
        let store = || {
            self.hub.rename(from, to).map_err(|e| {
                self.hub.undo_rename(from, to);
                failure = Some(e);
                AccountError::Unavailable
            })
        };
        let renamed = accounts.rename(&from, to, deadline, store, || self.hub.undo_rename(from, to));
        let known = renamed.map_err(|unchanged| match (unchanged, failure) {
            (AccountError::NotFound, _) => UserError::NoSuchUser(from.to_string()),
            (AccountError::Taken, _) => RenameError::Taken(to).into(),
            (AccountError::UsersFile(why), _) => RenameError::Failed(why).into(),
            (_, Some(e)) => RenameError::Failed(e.to_string()).into(),
            (
                AccountError::TimedOut
                | AccountError::Full
                | AccountError::BadPassword(_)
                | AccountError::Refused
                | AccountError::Unavailable,
                None,
            ) => UserError::Busy,
        })?;
        if known {
            self.hub.confirm_rename(from, to);
        } else {
            log::warn!("rename unsettled user={from} name={to}: the next start finds out what the users file says");
        }
        log::info!("renamed user={from} name={to} by={by}");
        self.hub.tell_renamed(from, to);
        Ok(Outcome::Renamed { from, to, sessions: shut.sessions })
    }

    /// Resolves and checks both names.
    fn check_names(
        &self,
        whom: &str,
        wanted: &str,
        (by, rank): (&Actor, Role),
        accounts: &Accounts,
    ) -> Result<(Name, Name), UserError> {
        let known: Option<Name> = whom.parse().ok();
        if known.is_some_and(|name| name.is_guest()) {
            return Err(RenameError::Guest.into());
        }
        let from = known.and_then(|name| accounts.find(&name)).ok_or_else(|| UserError::NoSuchUser(whom.to_owned()))?;
        self.expect_below(&from, rank)?;
        if *by == Actor::User(from) {
            return Err(RenameError::Yourself.into());
        }
        let to: Name = wanted.parse().map_err(|why| RenameError::BadName(wanted.to_owned(), why))?;
        if to.is_guest() {
            return Err(RenameError::GuestName(to).into());
        }
        if to.as_str() == from.as_str() {
            return Err(RenameError::Same(to).into());
        }
        if to != from {
            self.expect_free(to, accounts)?;
        }
        // A failing store must be noticed before the user's sessions are ended.
        self.hub.record(Vec::new()).map_err(|e| RenameError::Failed(e.to_string()))?;
        Ok((from, to))
    }

    /// Refuses a name that is or was somebody's, or under which anything is stored.
    fn expect_free(&self, to: Name, accounts: &Accounts) -> Result<(), UserError> {
        if accounts.find(&to).is_some() || self.hub.is_here(&to) {
            return Err(RenameError::Taken(to).into());
        }
        if accounts.is_taken(&to) {
            return Err(RenameError::Deleted(to).into());
        }
        match self.hub.knows(&to) {
            Ok(false) => Ok(()),
            Ok(true) => Err(RenameError::Traces(to).into()),
            Err(e) => Err(UserError::NotReadable(e.to_string())),
        }
    }
}
