//! Users' own accounts: their password, their tokens, and deleting the account.

use std::time::{Duration, Instant, SystemTime};

use log::Level;

use super::{Args, Command, Context, Dialog, Role, Spec};
use crate::accounts::{AccountError, Verification, tokens};
use crate::log_limit::{self, Who};
use crate::model::limits::{MAX_DAYS, PASSWORD_COST};
use crate::model::{EventKind, Name, Net, Peer, Question, QuitReason, TokenShown, UserError};
use crate::store::{Entry, StoreError, Token};

/// The commands of this family.
pub(super) const COMMANDS: &[Spec] = &[PASSWD, DELETE_ACCOUNT, TOKEN];

const PASSWD: Spec = Spec {
    name: "passwd",
    aliases: &[],
    role: Role::User,
    console: false,
    usage: "/passwd",
    help: "change your password",
    details: "It asks for the old password, and twice for the new one. Your sessions stay; an empty answer cancels.",
    example: "/passwd",
    parse: |args| args.end().map(|()| Box::new(Passwd) as Box<dyn Command>),
};

struct Passwd;

impl Command for Passwd {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        context.expect_account()?;
        context.ask(self);
        Ok(())
    }
}

impl Dialog for Passwd {
    fn questions(&self) -> &'static [Question] {
        &[Question::OldPassword, Question::NewPassword, Question::SameAgain]
    }

    fn finish(self: Box<Self>, answers: &[Vec<u8>], context: &mut Context<'_>) -> Result<(), UserError> {
        let [old, new, again] = answers else { return Ok(()) };
        if new != again {
            return Err(UserError::PasswordsDiffer);
        }
        let (me, peer) = (context.caller.client.name, Peer(context.caller.client.peer));
        if context.accounts.has_just_changed(&me, Instant::now()) {
            return Err(UserError::PasswordJustChanged);
        }
        let deadline = Instant::now() + context.hub.limits().login_timeout;
        context.expect_password(old, deadline)?;
        // Right or wrong, it costs what a guess costs.
        context.accounts.guesses().take(Net::of(context.caller.client.peer.ip()), Instant::now());
        let changed = context.accounts.hash_password(new, deadline);
        let changed = changed.and_then(|secret| context.accounts.change_password(&me, secret, deadline));
        changed.map_err(|why| account_error(why, context))?;
        log::info!("password changed user={me} {peer}");
        context.reply(EventKind::PasswordChanged);
        Ok(())
    }
}

const DELETE_ACCOUNT: Spec = Spec {
    name: "delete_account",
    aliases: &[],
    role: Role::User,
    console: false,
    usage: "/delete_account",
    help: "delete your account for good",
    details: "It asks for your password, and ends all your sessions and tokens. Nobody else can take your name. Messages that you sent to others stay with them. An empty answer cancels.",
    example: "/delete_account",
    parse: |args| args.end().map(|()| Box::new(DeleteAccount) as Box<dyn Command>),
};

struct DeleteAccount;

impl Command for DeleteAccount {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        context.expect_account()?;
        context.ask(self);
        Ok(())
    }
}

impl Dialog for DeleteAccount {
    fn questions(&self) -> &'static [Question] {
        &[Question::Password]
    }

    fn finish(self: Box<Self>, answers: &[Vec<u8>], context: &mut Context<'_>) -> Result<(), UserError> {
        let [password] = answers else { return Ok(()) };
        let deadline = Instant::now() + context.hub.limits().login_timeout;
        context.expect_password(password, deadline)?;
        let (user, peer) = (context.caller.client.name, Peer(context.caller.client.peer));
        context.accounts.delete(&user, deadline).map_err(|why| account_error(why, context))?;
        log::info!("account deleted user={user} {peer}");
        // The account is gone whatever the store says; the store forgets its user as soon as it can.
        let _ = context.hub.forget_user(user);
        context.hub.disconnect(&user, QuitReason::Deleted);
        Ok(())
    }
}

const TOKEN: Spec = Spec {
    name: "token",
    aliases: &[],
    role: Role::User,
    console: false,
    usage: "/token new <name> [<days>] | list | revoke <name>",
    help: "create, list or revoke tokens, the passwords of scripts",
    details: "A token is shown once. It logs in to your account for the given number of days, or until you revoke it. Revoking it ends the sessions that used it.",
    example: "/token new backup 90",
    parse: parse_token,
};

fn parse_token(args: &mut Args<'_>) -> Option<Box<dyn Command>> {
    match args.word()?.to_ascii_lowercase().as_str() {
        "new" => {
            let name = args.word()?.to_owned();
            let days = match args.word() {
                None => None,
                Some(typed) => Some(typed.parse().ok().filter(|days| (1..=MAX_DAYS).contains(days))?),
            };
            args.end()?;
            Some(Box::new(NewToken { name, days }))
        }
        "list" => args.end().map(|()| Box::new(ListTokens) as Box<dyn Command>),
        "revoke" => Some(Box::new(RevokeToken(args.only_word()?.to_owned()))),
        _ => None,
    }
}

struct NewToken {
    name: String,
    days: Option<u32>,
}

impl Command for NewToken {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        context.expect_account()?;
        // Otherwise whoever steals a token for a day could keep access forever.
        if context.caller.client.device.is_some() {
            return Err(UserError::NotWithToken);
        }
        let NewToken { name: typed, days } = *self;
        let name: Name = typed.parse().map_err(|why| UserError::BadTokenName(typed, why))?;
        let key = tokens::new_token().map_err(|e| unavailable(&e))?;
        let (user, made) = (context.caller.client.name, SystemTime::now());
        let expires = days.map(|days| made + Duration::from_secs(u64::from(days) * 86_400));
        let token = Token { user, name, secret: key.digest, made, expires };
        context.settle();
        // An account that is deleted in the meantime must not leave a token behind.
        let deadline = Instant::now() + context.hub.limits().login_timeout;
        let stored = context.accounts.with_account(&user, deadline, || store_token(context, token));
        stored.map_err(|why| account_error(why, context))??;
        log::info!("token made user={user} token={name}");
        context.reply(EventKind::TokenMade { name, secret: key.text, expires });
        Ok(())
    }
}

/// Stores a token if its user may have another one.
fn store_token(context: &Context<'_>, token: Token) -> Result<(), UserError> {
    let mut others = context.hub.tokens(&token.user).map_err(|e| unreadable(&e))?;
    let is_over = |other: &Token| other.expires.is_some_and(|expires| expires <= token.made);
    if let Some(other) = others.iter().find(|other| other.name == token.name && !is_over(other)) {
        return Err(UserError::TokenExists(other.name));
    }
    others.retain(|other| other.name != token.name);
    let max = context.hub.limits().max_tokens_per_user;
    if others.len() >= max {
        return Err(UserError::TooManyTokens(max));
    }
    context.hub.add_token(token).map_err(|e| unavailable(&e))
}

struct ListTokens;

impl Command for ListTokens {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        context.expect_account()?;
        let tokens = context.hub.tokens(&context.caller.client.name).map_err(|e| unreadable(&e))?;
        let shown = |token: Token| TokenShown { name: token.name, made: token.made, expires: token.expires };
        context.reply(EventKind::Tokens { tokens: tokens.into_iter().map(shown).collect() });
        Ok(())
    }
}

struct RevokeToken(String);

impl Command for RevokeToken {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        context.expect_account()?;
        let user = context.caller.client.name;
        let tokens = context.hub.tokens(&user).map_err(|e| unreadable(&e))?;
        let typed: Option<Name> = self.0.parse().ok();
        let found = tokens.iter().find(|token| Some(token.name) == typed);
        let name = found.ok_or(UserError::NoSuchToken(self.0))?.name;
        context.settle();
        let stored = context.hub.record(vec![Entry::TokenRevoked { user, name }]);
        log::info!("token revoked user={user} token={name}");
        // Before the sessions end, because the caller's own may be one of them.
        context.reply(match stored {
            Ok(()) => EventKind::TokenRevoked { name },
            Err(e) => EventKind::Refused(UserError::NotStoredYet(e.to_string())),
        });
        context.hub.disconnect_device(&user, Some(name), QuitReason::Revoked);
        Ok(())
    }
}

fn unreadable(e: &StoreError) -> UserError {
    log::error!("tokens unreadable error=\"{e}\"");
    UserError::Unavailable
}

fn unavailable(e: &dyn std::fmt::Display) -> UserError {
    log::error!("token unchanged error=\"{e}\"");
    UserError::Unavailable
}

impl Context<'_> {
    /// Refuses guests, who have no account.
    pub(super) fn expect_account(&self) -> Result<(), UserError> {
        if self.caller.client.name.is_guest() { Err(UserError::NotForGuests) } else { Ok(()) }
    }

    /// Refuses anything but the caller's password; a wrong one costs what it costs at the login.
    fn expect_password(&mut self, typed: &[u8], deadline: Instant) -> Result<(), UserError> {
        self.caller.cost += PASSWORD_COST;
        // Hashing is slow, and nobody's messages must wait for it.
        self.settle();
        let (me, asked) = (&self.caller.client, Instant::now());
        let verify = || self.accounts.verify(me.name.as_str().as_bytes(), typed, deadline);
        let (error, why) = match self.accounts.guesses().attempt(Net::of(me.peer.ip()), verify) {
            Verification::Verified(_) => return Ok(()),
            Verification::TimedOut | Verification::Unavailable => return Err(UserError::Busy),
            Verification::Wrong => (UserError::WrongPassword, "wrong password"),
            Verification::Throttled => (UserError::TooManyAttempts, "too many attempts"),
        };
        let (who, detail) = (Who::User(me.name, me.peer), format!("reason=\"{why}\""));
        log_limit::note(Level::Info, "password refused", who, &detail);
        self.delay_failure(asked);
        Err(error)
    }
}

/// The answer to the caller when their account was not changed.
pub(super) fn account_error(why: AccountError, context: &Context<'_>) -> UserError {
    match why {
        AccountError::BadPassword(why) => UserError::BadPassword(why),
        AccountError::NotFound | AccountError::Taken => UserError::NoSuchUser(context.caller.client.name.to_string()),
        AccountError::TimedOut => UserError::Busy,
        AccountError::Refused | AccountError::Full | AccountError::Unavailable => UserError::Unavailable,
        AccountError::UsersFile(why) => {
            log::error!("users unchanged: {why}");
            UserError::Unavailable
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_arguments_are_checked() {
        let taken = |text: &str| parse_token(&mut Args::new(text)).is_some();
        for good in ["new a", "new a 1", "NEW a 3650", "list", "revoke a"] {
            assert!(taken(good), "{good}");
        }
        for bad in
            ["", "new", "new a 0", "new a 3651", "new a b", "new a 1 1", "new a -1", "list a", "revoke", "burn a"]
        {
            assert!(!taken(bad), "{bad}");
        }
    }
}
