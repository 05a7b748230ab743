//! One's own account: another password, and the end of it.

use std::time::Instant;

use super::{Command, Context, Dialog, Role, Spec};
use crate::accounts::{AccountError, Verdict};
use crate::model::{EventKind, Origin, Peer, Question, QuitReason, UserError};

pub(super) const PASSWD: Spec = Spec {
    name: "passwd",
    aliases: &[],
    role: Role::User,
    usage: "/passwd",
    help: "change your password; it is asked for",
    details: "Asks for the old password, and twice for the new one. Your sessions stay; an empty answer cancels.",
    example: "/passwd",
    parse: |args| args.end().map(|()| Box::new(Passwd) as Box<dyn Command>),
};

pub(super) const DELETE_ACCOUNT: Spec = Spec {
    name: "delete_account",
    aliases: &[],
    role: Role::User,
    usage: "/delete_account",
    help: "delete your account for good; your password is asked for",
    details: "Ends all your sessions and tokens. Nobody else can have your name; what you said to others stays with them. An empty answer cancels.",
    example: "/delete_account",
    parse: |args| args.end().map(|()| Box::new(DeleteAccount) as Box<dyn Command>),
};

struct Passwd;

struct DeleteAccount;

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
        let deadline = Instant::now() + context.hub.limits().login_timeout;
        context.expect_password(old, deadline)?;
        let (me, peer) = (context.me.name, Peer(context.me.peer));
        let changed = context.accounts.new_secret(new, deadline);
        let changed = changed.and_then(|secret| context.accounts.change_password(&me, secret, deadline));
        changed.map_err(|why| refusal(why, context))?;
        log::info!("password changed user={me} {peer}");
        context.reply(EventKind::PasswordChanged);
        Ok(())
    }
}

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
        let (user, peer) = (context.me.name, Peer(context.me.peer));
        context.accounts.delete(&user, deadline).map_err(|why| refusal(why, context))?;
        log::info!("account deleted user={user} {peer}");
        // The account is gone, whatever the store says; that forgets as soon as it can.
        let _ = context.hub.forget_user(user);
        context.hub.disconnect(&user, QuitReason::Deleted);
        Ok(())
    }
}

impl Context<'_> {
    /// Refuses a guest, who has no account.
    pub(super) fn expect_account(&self) -> Result<(), UserError> {
        if self.me.name.is_guest() { Err(UserError::NotForGuests) } else { Ok(()) }
    }

    /// Refuses what is not the asker's password; that costs him what a wrong password at the login costs.
    fn expect_password(&mut self, typed: &[u8], deadline: Instant) -> Result<(), UserError> {
        // Hashing takes its time, and others shall not wait for what they are to be sent.
        self.settle();
        let (me, asked) = (self.me, Instant::now());
        let judge = || self.accounts.judge(me.name.as_str().as_bytes(), typed, deadline);
        let (error, why) = match self.throttle.judged(Origin::of(me.peer.ip()), judge) {
            Verdict::Right(_) => return Ok(()),
            Verdict::Late | Verdict::Unreadable => return Err(UserError::Busy),
            Verdict::Wrong => (UserError::WrongPassword, "wrong password"),
            Verdict::TooMany => (UserError::TooManyAttempts, "too many attempts"),
        };
        log::info!("password refused user={} {} reason=\"{why}\"", me.name, Peer(me.peer));
        (self.delay_failure)(asked);
        Err(error)
    }
}

/// What the asker is told when his account stayed as it was.
pub(super) fn refusal(why: AccountError, context: &Context<'_>) -> UserError {
    match why {
        AccountError::BadPassword(why) => UserError::BadPassword(why),
        AccountError::Gone | AccountError::Taken => UserError::NoSuchUser(context.me.name.to_string()),
        AccountError::Late => UserError::Busy,
        AccountError::Forbidden | AccountError::Full | AccountError::Unavailable => UserError::Unavailable,
        AccountError::Broken(why) => {
            log::error!("users unchanged: {why}");
            UserError::Unavailable
        }
    }
}
