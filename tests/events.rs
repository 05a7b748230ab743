//! Examples of every event, and the tables that the protocol makes of them.
//!
//! The tables show each example byte for byte, so they also hold both encoders to what they have always written.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parlor::model::EventKind as Kind;
use parlor::model::{
    AdminAnswer, Bell, Cell, Draft, Event, GroupInfo, GroupNews, GroupRole, GroupSanction, GroupSettings, LoginError,
    Message, MessageId, Mode, Name, Online, Outcome, OutputFormat, Penalty, Profile, Question, QuitReason,
    RegistrationError, Report, SanctionTerms, Scope, SearchEnd, Table, Target, TokenShown, UserError,
};
use parlor::protocol::{Dialect, JSON, MACHINE};

use crate::support::every_variant;

/// When an event comes, and an example of it.
type Row = (&'static str, Kind);

/// A list of examples, each after what is said of it. It does not compile while a variant of the enum has none.
macro_rules! examples {
    (
        $Enum:ident $(except $($Except:ident)|+)?;
        $($when:literal => $Variant:ident $(($($value:expr),+))? $({$($field:ident $(: $of:expr)?),+ $(,)?})?,)+
    ) => {{
        every_variant!($Enum: $($Variant),+ $($(, $Except)+)?);
        vec![$(($when, $Enum::$Variant $(($($value),+))? $({$($field $(: $of)?),+})?)),+]
    }};
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn at(minutes: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_micros(1_795_194_192_402_117) + Duration::from_secs(60 * minutes)
}

fn rows() -> Vec<Row> {
    let (alice, bob, lunch, ci) = (name("alice"), name("bob"), name("lunch"), name("ci"));
    let text = || Arc::<str>::from("soup today?");
    let online = |away: Option<&str>| Online {
        since: at(0),
        idle: Duration::from_secs(90),
        away: away.map(Arc::from),
        shared: vec![lunch],
    };
    let profile = |online, last_seen| Box::new(Profile { name: bob, online, last_seen });
    let report = |by| Box::new(Report { number: 3, at: at(0), by, about: "bob".into(), why: "rude".into() });
    let penalty = vec![Cell::text("ban"), Cell::text("bob"), Cell::Time(None), Cell::text("spam")];
    let penalties = Table { of: "penalties", columns: &["penalty", "whom", "until", "text"], rows: vec![penalty] };
    let rows = examples! {
        Kind except Nothing | Batch | Group | AdminReply;
        "the server asks for the name" => AskName,
        "the server asks for the password" => AskPassword,
        "logged in; `text` is the message of the day, if there is one" => Welcome { motd: Some("Be kind.".into()) },
        "what a guest is called" => YouAreGuest { name: name("guest-3") },
        "wrong name or password, or a bad token" => LoginFailed(LoginError::WrongNameOrPassword),
        "right password, but the user is logged in already" => LoginFailed(LoginError::AlreadyLoggedIn),
        "right password, but the user has too many sessions" => LoginFailed(LoginError::TooManySessions { limit: 16 }),
        "too many wrong passwords came from the address" => LoginFailed(LoginError::TooManyAttempts),
        "too many guests" => LoginFailed(LoginError::TooManyGuests { limit: 100 }),
        "tokens cannot be checked at the moment" => LoginFailed(LoginError::TokensUnreadable),
        "an operator has banned the user; without a time `until` has no value" =>
            LoginFailed(LoginError::Banned { until: Some(at(0)), why: "spam".into() }),
        "an operator has banned the address" => AddressBanned { until: None, why: "flood".into() },
        "too many connections from the address are logging in" => LoginFailed(LoginError::TooManyConnections { limit: 8 }),
        "no account was made" => RegistrationFailed(RegistrationError::Taken),

        "somebody writes to you" => PrivateMessage { from: bob, text: text() },
        "you write to somebody, here or in another session" => PrivateMessageSent { to: bob, text: text() },
        "somebody writes to everybody; you, too" => Broadcast { from: bob, text: text() },
        "somebody writes in a group of yours; you, too" => GroupMessage { group: lunch, from: bob, text: text() },
        "`/me` in a group; in the same way `private` and `sent`" =>
            Action { from: alice, scope: Scope::Group(lunch), text: "waves".into(), own: false },
        "after `/typing on`: somebody types in a group, or to you (`to` is then your name)" =>
            Typing { from: bob, scope: Scope::Group(lunch) },
        "answer to `/typing`" => TypingWanted { wanted: true },

        "at the login: that many messages follow that came while you were away" => Missed { count: 3 },
        "after them: there are more" => MissedMore { count: 20 },
        "messages of the log, the oldest first: to somebody, in a group, or to everybody; `gone` are those of its names that have no account any more" =>
            PastMessages { reader: alice, messages: messages(), gone: vec![bob] },
        "answer to `/history`, before that many messages; `of` is a name, a group with `#`, or `all`" =>
            HistoryHeader { scope: Some(Scope::Group(lunch)), before: Some(MessageId(40)), count: 20 },
        "the same for the newest messages" => HistoryHeader { scope: None, before: None, count: 20 },
        "after the messages: there are more, and this asks for them" =>
            HistoryMore { scope: Some(Scope::Group(lunch)), count: 20, before: MessageId(7) },
        "answer to `/search`, before that many messages" => SearchHeader { scope: None, count: 1 },
        "after the messages: `indexing` if some are not searched yet, `limit` if it looked at as many as it may" =>
            SearchIncomplete { end: SearchEnd::Indexing },
        "answer to `/clear`" => Cleared { scope: Some(Scope::User(bob)) },
        "a message was deleted, by its author or an operator; `(console)` is the server's own" =>
            Deleted { by: "bob".into(), id: MessageId(9) },
        "after `/receipts on`: your private message was written to its recipient" =>
            Received { by: bob, id: MessageId(41) },
        "after `/receipts on`: the recipient says that they have read it" => Read { by: bob, id: MessageId(41) },
        "answer to `/read`" => YouRead { id: MessageId(42) },
        "a line with a tag was carried out, and nothing else answers it" => Accepted,
        "answer to `/receipts`" => Receipts { wanted: true },

        "somebody comes" => UserJoined { user: bob },
        "somebody leaves" => UserLeft { user: bob },
        "you make a group" => GroupCreated { group: lunch },
        "you join a group" => YouJoined { group: lunch },
        "you leave a group; `gone` if you were the last member" => YouLeft { group: lunch, gone: false },
        "somebody joins a group of yours" => MemberJoined { group: lunch, user: bob },
        "somebody leaves a group of yours" => MemberLeft { group: lunch, user: bob },

        "answer to `/users`" => Users { users: vec![(alice, None), (bob, Some("lunch".into()))] },
        "answer to `/whois`, of a user who is here; `idle` is in seconds" => WhoIs(profile(Some(online(None)), None)),
        "of a user who is away" => WhoIs(profile(Some(online(Some("lunch"))), None)),
        "of a user who is offline" => WhoIs(profile(None, Some(at(0)))),
        "of a user who was not here since the server started" => WhoIs(profile(None, None)),
        "answer to `/away`" => YouAreAway { away: Some("lunch".into()) },
        "answer to `/back`" => YouAreAway { away: None },
        "you wrote to a user who is away" => UserIsAway { user: bob, away: "lunch".into() },
        "you wrote to a user who is offline; the message is kept for them" => StoredFor { user: bob },
        "answer to `/groups`; objects also have the topics of your rooms" =>
            Groups { groups: vec![(name("K7QX"), Some("plans".into())), (lunch, None)] },
        "answer to `/groups_users`; a long list comes in several events, of which the first has `first`" =>
            GroupsUsers { rosters: vec![(lunch, vec![alice, bob]), (name("tea"), vec![bob])], first: true },
        "answer to `/talk`" => TalkTarget { target: Some(Target::Group(lunch)) },
        "the same when plain text goes nowhere" => TalkTarget { target: None },
        "answer to `/whoami`" =>
            WhoAmI { name: alice, peer: "127.0.0.1:33446".into(), sessions: 1, groups: vec![lunch], target: None },
        "answer to `/ping`" => Pong { text: "42".into() },
        "answer to `/mode`, which changes nothing for WebSockets" =>
            Mode { format: OutputFormat { mode: Mode::Machine, ids: false, bell: Bell::Off } },
        "the same when plain text shows ids and rings the bell, for `mentions` or `all`" =>
            Mode { format: OutputFormat { mode: Mode::Machine, ids: true, bell: Bell::Mentions } },
        "answer to `/ignore bob`" => Ignored { whom: bob, ignored: true },
        "answer to `/unignore bob`" => Ignored { whom: bob, ignored: false },
        "answer to `/ignore`" => IgnoredUsers { names: vec![alice, bob] },
        "a command asks: `old_password`, `new_password`, `same_again` or `password`; the next line is the answer" =>
            Ask(Question::SameAgain),
        "answer to `/passwd`, after its questions" => PasswordChanged,
        "an empty answer to a question ends the command" => Cancelled,
        "answer to `/token new`: `text` is the token, which is shown only here" =>
            TokenMade { name: ci, secret: "parlor_…".into(), expires: Some(at(0)) },
        "answer to `/token list`" => Tokens {
            tokens: vec![
                TokenShown { name: ci, made: at(0), expires: Some(at(10)) },
                TokenShown { name: name("phone"), made: at(0), expires: None },
            ],
        },
        "answer to `/token revoke`" => TokenRevoked { name: ci },
        "answer to `/help`" => Help { lines: vec!["/msg <username> <message>".into(), "say something to one user".into()] },
        "a command was refused; `text` is the sentence for people" => Refused(UserError::NoSuchUser("zoe".into())),
        "answer to telnet's interrupt" => HowToLeave { logged_in: true },
        "answer to telnet's are-you-there" => StillHere,

        "an operator tells everybody" => Announced { text: "lunch is served".into() },
        "an operator deletes a group of yours" => GroupDropped { group: lunch, why: "spam".into() },
        "somebody with whom you share a kept group is called `name` from now on" =>
            Renamed { from: bob, to: name("robert") },
        "an operator has muted you" => YouAreMuted { muted: true, until: Some(at(10)), why: "loud".into() },
        "you are no longer muted" => YouAreMuted { muted: false, until: None, why: "sorry".into() },
        "the server will shut down in so many seconds" =>
            ShutdownScheduled { after: Duration::from_secs(300), why: "new disk".into() },
        "the shutdown is cancelled" => ShutdownCancelled,
        "to operators: somebody reports a user or a message" => ReportFiled(report(Some(alice))),
        "to operators: the word filter reports a message" => ReportFiled(report(None)),
        "an operator ends your session, and why; `closed` follows" => SessionEnded { why: "update your bot".into() },
        "the last event; the reasons are those of the log, with `_` for a space" =>
            Closed { reason: QuitReason::Shutdown },
        "an operator has renamed you; log in as `name`" => Closed { reason: QuitReason::Renamed(name("robert")) },
    };
    let answers = [("answer to an operator who looks at something", AdminAnswer::Table(penalties))];
    let done = outcomes().into_iter().map(|(when, outcome)| (when, AdminAnswer::Done(outcome)));
    let replies = done.chain(answers).map(|(when, answer)| (when, Kind::AdminReply(answer)));
    rows.into_iter().chain(group_news()).chain(replies).collect()
}

/// A message to somebody, an action in a group, and a broadcast that was deleted.
fn messages() -> Vec<Message> {
    let said =
        |scope, text: &str, action| Draft { at: at(0), from: name("bob"), scope, text: text.into(), action, tag: None };
    let message = |id, said, deleted| Message { id: MessageId(id), said, deleted };
    vec![
        message(7, said(Scope::User(name("alice")), "hi", false), false),
        message(8, said(Scope::Group(name("lunch")), "waves", true), false),
        message(9, said(Scope::Everybody, "", false), true),
    ]
}

fn group_news() -> Vec<Row> {
    let (alice, bob) = (name("alice"), name("bob"));
    let timed = SanctionTerms { by: alice, reason: Some("loud".into()), until: Some(at(10)) };
    let for_good = SanctionTerms { until: None, ..timed.clone() };
    let settings = GroupSettings { limit: Some(50), topic: Some("soup".into()), ..GroupSettings::default() };
    let info = |settings: &GroupSettings, role| {
        let (settings, owners, admins) = (settings.clone(), vec![alice], vec![bob]);
        Box::new(GroupInfo { settings, members: 2, owners, admins, role })
    };
    let infos = [info(&settings, Some(GroupRole::Owner)), info(&GroupSettings::default(), None)];
    let [of_member, of_outsider] = infos;
    let muted = GroupSanction { user: bob, penalty: Penalty::Mute, terms: timed.clone() };
    let banned = GroupSanction { user: name("eve"), penalty: Penalty::Ban, terms: for_good.clone() };
    let news = examples! {
        GroupNews;
        "somebody is `owner`, `admin` or `member` of a group of yours now" =>
            Role { user: bob, role: GroupRole::Admin, by: Some(alice) },
        "somebody follows the last owner" => Role { user: bob, role: GroupRole::Owner, by: None },
        "somebody, or you, had to leave a group of yours" => Kicked { user: bob, by: alice, reason: None, you: false },
        "the same, and may not come back; without a time `until` has no value" =>
            Sanctioned { user: bob, penalty: Penalty::Ban, terms: for_good, you: false },
        "somebody, or you, may no longer talk in a group of yours" =>
            Sanctioned { user: bob, penalty: Penalty::Mute, terms: timed, you: false },
        "a ban is lifted" => Lifted { user: bob, penalty: Penalty::Ban, by: alice, you: false },
        "a mute is lifted" => Lifted { user: bob, penalty: Penalty::Mute, by: alice, you: false },
        "answer to `/bans`; a long list comes in several events, of which the first has `first`, or the line `bans`" =>
            Bans { all: vec![muted, banned], first: true },
        "answer to `/invite`" => YouInvited { user: bob },
        "somebody invites you" => Invited { by: alice },
        "a group of yours is like this now; `text` is its topic" => Changed { by: alice, settings },
        "answer to `/group`; `role` is yours" => GroupInfo(of_member),
        "the same for a user who is not in the group" => GroupInfo(of_outsider),
        "you make a room; `group` is its code" => RoomCreated { limit: 4, topic: None },
        "you join a room; `text` is its topic" => RoomJoined { count: 2, limit: 4, topic: Some("plans".into()) },
        "somebody comes into a room of yours" => RoomEntered { user: bob, count: 3, limit: 4 },
        "somebody leaves a room of yours" => RoomLeft { user: bob, count: 2, limit: 4 },
        "you leave a room; `gone` if you were the last one" => YouLeftRoom { gone: true },
    };
    let row = |(when, news)| {
        let room = matches!(
            news,
            GroupNews::RoomCreated { .. }
                | GroupNews::RoomJoined { .. }
                | GroupNews::RoomEntered { .. }
                | GroupNews::RoomLeft { .. }
                | GroupNews::YouLeftRoom { .. }
        );
        (when, Kind::Group { group: name(if room { "K7QX" } else { "lunch" }), news })
    };
    news.into_iter().map(row).collect()
}

fn outcomes() -> Vec<(&'static str, Outcome)> {
    let (bob, whom) = (name("bob"), || "bob".to_owned());
    examples! {
        Outcome;
        "answer to `/report`" => Reported { number: 3, operators: 1 },
        "answer to `/reports done`" => ReportDone { number: 3 },
        "answer to `/ban`" => Sanctioned { penalty: Penalty::Ban, whom: whom(), until: None, sessions: 1 },
        "answer to `/mute`" => Sanctioned { penalty: Penalty::Mute, whom: whom(), until: Some(at(10)), sessions: 0 },
        "answer to `/unban` and `/unmute`" => Lifted { penalty: Penalty::Mute, whom: whom() },
        "answer to `/disconnect`" => Disconnected { whom: whom(), sessions: 1 },
        "answer to `/announce`" => Announced { sessions: 12 },
        "answer to `/delete` of somebody else's message" => Deleted { id: MessageId(9), from: bob },
        "answer to `/drop_group`" => Dropped { group: name("lunch"), members: 4 },
        "answer to `/rename`" => Renamed { from: bob, to: name("robert"), sessions: 1 },
        "answer to `/reload`" => Reloaded { users: 12, words: 3 },
        "answer to `/shutdown`" => ShutdownScheduled { after: Some(Duration::from_secs(300)) },
        "answer to `/shutdown cancel`" => ShutdownCancelled,
    }
}

/// Whether an event comes only before a client can choose the machine mode.
fn is_before_login(kind: &Kind) -> bool {
    matches!(
        kind,
        Kind::AskName
            | Kind::AskPassword
            | Kind::Welcome { .. }
            | Kind::YouAreGuest { .. }
            | Kind::LoginFailed(_)
            | Kind::AddressBanned { .. }
            | Kind::RegistrationFailed(_)
    )
}

fn encoded(dialect: &dyn Dialect, kind: &Kind) -> String {
    let said = kind.spoken().is_some() || matches!(kind, Kind::PrivateMessageSent { .. });
    let event = Event::said(MessageId(if said { 42 } else { 0 }), at(0), kind.clone());
    String::from_utf8(dialect.encode(&event).to_vec()).unwrap()
}

fn table<'r>(rows: impl Iterator<Item = &'r Row>, dialect: &dyn Dialect) -> String {
    let shown = |kind: &Kind| {
        let lines: Vec<String> = encoded(dialect, kind).lines().map(|line| format!("`{line}`")).collect();
        lines.join("<br>").replace('|', "\\|")
    };
    let row = |(when, kind): &Row| format!("| {} | {when} |\n", shown(kind));
    format!("| event | when |\n| --- | --- |\n{}", rows.map(row).collect::<String>())
}

/// The table of events in machine mode, in which lines have no tags.
pub(crate) fn lines_table() -> String {
    table(rows().iter().filter(|(_, kind)| !is_before_login(kind) && *kind != Kind::Accepted), &MACHINE)
}

/// The table of events as JSON.
pub(crate) fn objects_table() -> String {
    table(rows().iter().filter(|(_, kind)| !matches!(kind, Kind::HowToLeave { .. } | Kind::StillHere)), &JSON)
}

#[test]
fn every_event_is_one_object_and_at_least_one_line() {
    for (when, kind) in rows() {
        let object = encoded(&JSON, &kind);
        let parsed: serde_json::Value = serde_json::from_str(&object).unwrap();
        assert!(parsed["event"].is_string(), "{when}: {object}");
        assert_eq!(object.matches('\n').count(), 1, "{object}");
        let lines = encoded(&MACHINE, &kind);
        assert!(lines.ends_with('\n') && lines.lines().all(|line| line.starts_with(char::is_alphabetic)), "{lines:?}");
    }
}
