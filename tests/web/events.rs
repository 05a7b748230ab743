//! Examples of every event there is, of which the tables of the protocol are made.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parlor::model::EventKind as Kind;
use parlor::model::{
    AdminAnswer, Bell, Cell, Draft, Event, GroupInfo, GroupNews, GroupRole, GroupSanction, GroupSettings, Message,
    MessageId, Mode, Name, NotRegistered, Online, Outcome, OutputFormat, Penalty, Profile, Question, QuitReason,
    Report, SanctionTerms, Scope, Table, Target, TokenShown, UserError,
};
use parlor::protocol::{Dialect, JSON};

/// When it comes, and an example.
type Row = (&'static str, Kind);

/// A list of examples, each behind what is said of it. It does not compile while a variant of the enum has none.
macro_rules! examples {
    (
        $Enum:ident $(except $($Except:ident)|+)?;
        $($when:literal => $Variant:ident $(($($value:expr),+))? $({$($field:ident $(: $of:expr)?),+ $(,)?})?,)+
    ) => {{
        #[allow(unreachable_patterns, reason = "a variant may have several examples")]
        fn _every_variant_has_an_example(value: &$Enum) {
            match value {
                $($Enum::$Variant { .. } => {})+
                $($($Enum::$Except { .. } => {})+)?
            }
        }
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
    let online = Online { since: at(0), idle: Duration::from_secs(90), away: None, shared: vec![lunch] };
    let report = Report { number: 3, at: at(0), by: Some(alice), about: "bob".into(), why: "rude".into() };
    let banned = Outcome::Sanctioned { penalty: Penalty::Ban, whom: "bob".into(), until: None, sessions: 1 };
    let penalty = vec![Cell::text("ban"), Cell::text("bob"), Cell::Time(None), Cell::text("spam")];
    let penalties = Table { of: "penalties", columns: &["penalty", "whom", "until", "text"], rows: vec![penalty] };
    let rows = examples! {
        Kind except Nothing | Batch | Group;
        "the server asks for the name" => AskName,
        "… for the password" => AskPassword,
        "… for something else: `old_password`, `new_password`, `same_again`, `password`" => Ask(Question::SameAgain),
        "logged in; `text` is the message of the day" => Welcome { motd: Some("Be kind.".into()) },
        "what a guest is called" => YouAreGuest { name: name("guest-3") },
        "wrong name or password, or a bad token" => LoginRefused,
        "right, but the user is here already" => AlreadyLoggedIn,
        "right, but he is here too often" => TooManySessions { limit: 16 },
        "too many wrong passwords from the address" => TooManyAttempts,
        "too many guests" => TooManyGuests { limit: 100 },
        "tokens cannot be read now" => TokensUnreadable,
        "an operator has banned the user" => YouAreBanned { until: Some(at(0)), why: "spam".into() },
        "an operator has banned the address" => AddressBanned { until: None, why: "flood".into() },
        "too many connections of the address are logging in" => TooManyConnections { limit: 8 },
        "no account was made" => NotRegistered(NotRegistered::Taken),
        "answer to telnet's interrupt, which a WebSocket cannot send" => HowToLeave { logged_in: true },
        "answer to telnet's are-you-there, likewise" => StillHere,
        "the last event of all; the reasons are those of the log, with `_` for a space" => Closed { reason: QuitReason::Shutdown },

        "somebody writes to you" => PrivateMessage { from: bob, text: text() },
        "you write to somebody, here or in another session" => PrivateMessageSent { to: bob, text: text() },
        "somebody writes to everybody; you, too" => Broadcast { from: bob, text: text() },
        "somebody writes in a group of yours; you, too" => GroupMessage { group: lunch, from: bob, text: text() },
        "the same four as an action (`/me`)" => Action { from: alice, scope: Scope::Group(lunch), text: "waves".into(), own: false },

        "at the login: so many messages follow that came while you were away" => Missed { count: 3 },
        "and there are so many more" => MissedMore { count: 20 },
        "messages of the log, the oldest first: to somebody, in a group, or to everybody; `gone` are those of its names that have no account any more" =>
            PastMessages { reader: alice, messages: messages(), gone: vec![bob] },
        "answer to `/history`, ahead of so many messages; `of` is a name, `#` and a group, or `all`" =>
            HistoryHeader { scope: Some(Scope::Group(lunch)), before: Some(MessageId(40)), count: 20 },
        "behind them: there is more, and this asks for it" =>
            HistoryMore { scope: Some(Scope::Group(lunch)), count: 20, before: MessageId(7) },
        "answer to `/search`, ahead of so many messages" => SearchHeader { scope: None, count: 1 },
        "answer to `/clear`" => Cleared { scope: Some(Scope::User(bob)) },
        "a message lost its text" => Deleted { by: "bob".into(), id: MessageId(9) },
        "your message has been written to its reader" => Received { by: bob, id: MessageId(41) },
        "he says that he has read it" => Read { by: bob, id: MessageId(41) },
        "answer to `/read`" => YouRead { id: MessageId(42) },
        "answer to `/receipts`" => Receipts { wanted: true },

        "somebody comes" => UserJoined { user: bob },
        "somebody leaves" => UserLeft { user: bob },
        "you make a group" => GroupCreated { group: lunch },
        "you join one" => YouJoined { group: lunch },
        "you leave one; `gone` if you were the last" => YouLeft { group: lunch, gone: false },
        "somebody joins a group of yours" => MemberJoined { group: lunch, user: bob },
        "somebody leaves it" => MemberLeft { group: lunch, user: bob },
        "somebody types to you, or in a group" => Typing { from: bob, scope: Scope::Group(lunch) },
        "answer to `/typing`" => TypingWanted { wanted: true },

        "answer to `/users`" => Users { users: vec![(alice, None), (bob, Some("lunch".into()))] },
        "answer to `/whois`, of who is here" => WhoIs(Box::new(Profile { name: bob, online: Some(online), last_seen: None })),
        "of who is not; `null` if that is not known" => WhoIs(Box::new(Profile { name: bob, online: None, last_seen: Some(at(0)) })),
        "answer to `/away`, and with `null` to `/back`" => YouAreAway { away: Some("lunch".into()) },
        "you wrote to somebody who is away" => UserIsAway { user: bob, away: "lunch".into() },
        "you wrote to somebody who is offline; it is kept for him" => StoredFor { user: bob },
        "answer to `/groups`; `topics` are those of your rooms" =>
            Groups { groups: vec![(name("K7QX"), Some("plans".into())), (lunch, None)] },
        "answer to `/groups_users`; `first` in the first of several" =>
            GroupsUsers { rosters: vec![(lunch, vec![alice, bob])], first: true },
        "answer to `/talk`; `null` for nobody" => TalkTarget { target: Some(Target::Group(lunch)) },
        "answer to `/whoami`" =>
            WhoAmI { name: alice, peer: "127.0.0.1:33446".into(), sessions: 1, groups: vec![lunch], target: None },
        "answer to `/ping`" => Pong { text: "42".into() },
        "answer to `/mode`, which changes nothing here" =>
            Mode { format: OutputFormat { mode: Mode::Plain, ids: false, bell: Bell::Off } },
        "answer to `/ignore bob`" => Ignored { whom: bob, ignored: true },
        "answer to `/unignore bob`" => Ignored { whom: bob, ignored: false },
        "answer to `/ignore`" => IgnoredUsers { names: vec![bob] },
        "answer to `/passwd`, behind its questions" => PasswordChanged,
        "an empty answer to a question ends it" => Cancelled,
        "answer to `/token new`: the only time that it is shown" =>
            TokenMade { name: ci, secret: "parlor_…".into(), expires: Some(at(0)) },
        "answer to `/token list`" => Tokens { tokens: vec![TokenShown { name: ci, made: at(0), expires: None }] },
        "answer to `/token revoke`" => TokenRevoked { name: ci },
        "answer to `/help`" => Help { lines: vec!["/msg <username> <message>".into(), "say something to one user".into()] },
        "something cannot be done; the codes are those of the machine mode" => Refused(UserError::NoSuchUser("zoe".into())),

        "an operator tells everybody" => Announced { text: "lunch is served".into() },
        "an operator takes a group of yours away" => GroupDropped { group: lunch, why: "spam".into() },
        "somebody with whom you share a kept group is called `name` from now on" => Renamed { from: bob, to: name("robert") },
        "what you say is refused from now on, or no more" =>
            YouAreMuted { muted: true, until: Some(at(10)), why: "loud".into() },
        "an operator ends your session, and why; `closed` follows" => SessionEnded { why: "update your bot".into() },
        "the server is to stop in so long" => ShutdownScheduled { after: Duration::from_secs(300), why: "new disk".into() },
        "it goes on after all" => ShutdownCancelled,
        "to operators: somebody reports something; `by` is `null` for the word filter" => ReportFiled(Box::new(report)),
        "answer to `/report`, and to an operator's act" => AdminReply(AdminAnswer::Done(banned)),
        "answer to an operator who looks at something" => AdminReply(AdminAnswer::Table(penalties)),
    };
    // The news of groups stand behind the comings and goings.
    let (before, behind) = rows.split_at(rows.iter().position(|(_, kind)| matches!(kind, Kind::Users { .. })).unwrap());
    [before, &group_rows(), behind].concat()
}

/// A message to somebody, an action in a group, and a broadcast that was deleted.
fn messages() -> Vec<Message> {
    let said = |scope, text: &str, action| Draft { at: at(0), from: name("bob"), scope, text: text.into(), action };
    let message = |id, said, deleted| Message { id: MessageId(id), said, deleted };
    vec![
        message(7, said(Scope::User(name("alice")), "hi", false), false),
        message(8, said(Scope::Group(name("lunch")), "waves", true), false),
        message(9, said(Scope::Everybody, "", false), true),
    ]
}

fn group_rows() -> Vec<Row> {
    let (alice, bob) = (name("alice"), name("bob"));
    let timed = SanctionTerms { by: alice, reason: Some("loud".into()), until: Some(at(10)) };
    let for_good = SanctionTerms { until: None, ..timed.clone() };
    let settings = GroupSettings { limit: Some(50), topic: Some("soup".into()), ..GroupSettings::default() };
    let portrait = GroupInfo {
        settings: settings.clone(),
        members: 2,
        owners: vec![alice],
        admins: vec![bob],
        role: Some(GroupRole::Owner),
    };
    let muted = GroupSanction { user: bob, penalty: Penalty::Mute, ruling: timed.clone() };
    let news = examples! {
        GroupNews;
        "somebody has another role; without `by` he follows the last owner" => Role { user: bob, role: GroupRole::Admin, by: Some(alice) },
        "somebody, or you, must leave a group" => Kicked { user: bob, by: alice, reason: None, you: false },
        "the same, and may not come back; `until` is `null` for good" =>
            Sanctioned { user: bob, penalty: Penalty::Ban, ruling: for_good, you: false },
        "somebody, or you, may say no more there" =>
            Sanctioned { user: bob, penalty: Penalty::Mute, ruling: timed, you: false },
        "that was ended" => Lifted { user: bob, penalty: Penalty::Ban, by: alice, you: false },
        "that was ended" => Lifted { user: bob, penalty: Penalty::Mute, by: alice, you: false },
        "answer to `/bans`; `first` in the first of several" => Bans { all: vec![muted], first: true },
        "answer to `/invite`" => YouInvited { user: bob },
        "somebody invites you" => Invited { by: alice },
        "a group of yours is like this now; `text` is its topic" => Changed { by: alice, settings },
        "answer to `/group`; `role` is yours, `null` for an outsider" => GroupInfo(Box::new(portrait)),
        "you make a room; `group` is its code" => RoomCreated { limit: 4, topic: None },
        "you join one; `text` is what it is about" => RoomJoined { count: 2, limit: 4, topic: Some("plans".into()) },
        "somebody comes into a room of yours" => RoomEntered { user: bob, count: 3, limit: 4 },
        "somebody leaves it" => RoomLeft { user: bob, count: 2, limit: 4 },
        "you leave it" => YouLeftRoom { gone: true },
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

fn json(kind: &Kind) -> String {
    let said = kind.spoken().is_some() || matches!(kind, Kind::PrivateMessageSent { .. });
    let event = Event::said(MessageId(if said { 42 } else { 0 }), at(0), kind.clone());
    String::from_utf8(JSON.encode(&event).to_vec()).unwrap()
}

/// The table of the protocol.
pub fn events_table() -> String {
    let row = |(when, kind): &Row| format!("| `{}` | {when} |\n", json(kind).trim_end().replace('|', "\\|"));
    format!("| event | when |\n| --- | --- |\n{}", rows().iter().map(row).collect::<String>())
}

#[test]
fn every_event_is_one_line_of_json() {
    for (when, kind) in rows() {
        let line = json(&kind);
        assert!(line.starts_with("{\"event\":\"") && line.ends_with("}\n"), "{when}: {line}");
        assert!(line.matches('\n').count() == 1 && !line.contains(",,"), "{line}");
    }
}
