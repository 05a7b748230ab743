//! Login tokens: what a script gives in place of its user's password.

use std::time::{Duration, Instant, SystemTime};

use super::account::refusal;
use super::{Args, Command, Context, Role, Spec};
use crate::accounts::tokens;
use crate::model::limits::{MAX_DAYS, TOKENS_PER_USER};
use crate::model::{EventKind, Name, QuitReason, TokenShown, UserError};
use crate::store::{Entry, StoreError, Token};

pub(super) const TOKEN: Spec = Spec {
    name: "token",
    aliases: &[],
    role: Role::User,
    usage: "/token new <name> [<days>] | list | revoke <name>",
    help: "make, show or revoke tokens, the passwords of scripts",
    details: "A token is shown once, is good at the login for so many days or until you revoke it, and opens only your account. Revoking ends the sessions that used it.",
    example: "/token new backup 90",
    parse,
};

fn parse(args: &mut Args<'_>) -> Option<Box<dyn Command>> {
    match args.word()?.to_ascii_lowercase().as_str() {
        "new" => {
            let name = args.word()?.to_owned();
            let days = match args.word() {
                None => None,
                Some(typed) => Some(typed.parse().ok().filter(|days| (1..=MAX_DAYS).contains(days))?),
            };
            args.end()?;
            Some(Box::new(New { name, days }))
        }
        "list" => args.end().map(|()| Box::new(List) as Box<dyn Command>),
        "revoke" => Some(Box::new(Revoke(args.only_word()?.to_owned()))),
        _ => None,
    }
}

struct New {
    name: String,
    days: Option<u32>,
}

struct List;

struct Revoke(String);

impl Command for New {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        context.expect_account()?;
        // Or a token that was lost for a day could be kept for ever.
        if context.me.device.is_some() {
            return Err(UserError::NotWithToken);
        }
        let New { name: typed, days } = *self;
        let name: Name = typed.parse().map_err(|why| UserError::BadTokenName(typed, why))?;
        let key = tokens::new_token().map_err(|e| unavailable(&e))?;
        let (user, made) = (context.me.name, SystemTime::now());
        let expires = days.map(|days| made + Duration::from_secs(u64::from(days) * 86_400));
        let token = Token { user, name, secret: key.digest, made, expires };
        context.settle();
        // An account that is deleted meanwhile would leave a token behind.
        let deadline = Instant::now() + context.hub.limits().login_timeout;
        let kept = context.accounts.while_kept(&user, deadline, || keep(context, token));
        kept.map_err(|why| refusal(why, context))??;
        log::info!("token made user={user} token={name}");
        context.reply(EventKind::TokenMade { name, secret: key.text, expires });
        Ok(())
    }
}

/// Stores a token beside the others of its user, if there is room.
fn keep(context: &Context<'_>, token: Token) -> Result<(), UserError> {
    let mut others = context.hub.tokens(&token.user).map_err(|e| unreadable(&e))?;
    let is_over = |other: &Token| other.expires.is_some_and(|expires| expires <= token.made);
    if let Some(other) = others.iter().find(|other| other.name == token.name && !is_over(other)) {
        return Err(UserError::TokenExists(other.name));
    }
    others.retain(|other| other.name != token.name);
    if others.len() >= TOKENS_PER_USER {
        return Err(UserError::TooManyTokens(TOKENS_PER_USER));
    }
    context.hub.add_token(token).map_err(|e| unavailable(&e))
}

impl Command for List {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        context.expect_account()?;
        let tokens = context.hub.tokens(&context.me.name).map_err(|e| unreadable(&e))?;
        let shown = |token: Token| TokenShown { name: token.name, made: token.made, expires: token.expires };
        context.reply(EventKind::Tokens { tokens: tokens.into_iter().map(shown).collect() });
        Ok(())
    }
}

impl Command for Revoke {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        context.expect_account()?;
        let user = context.me.name;
        let tokens = context.hub.tokens(&user).map_err(|e| unreadable(&e))?;
        let typed: Option<Name> = self.0.parse().ok();
        let found = tokens.iter().find(|token| Some(token.name) == typed);
        let name = found.ok_or(UserError::NoSuchToken(self.0))?.name;
        context.settle();
        let stored = context.hub.record(vec![Entry::TokenRevoked { user, name }]);
        log::info!("token revoked user={user} token={name}");
        // Before the sessions end, for his own may be one of them.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_bounded_and_each_word_has_its_own_arguments() {
        let taken = |text: &str| parse(&mut Args::new(text)).is_some();
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
