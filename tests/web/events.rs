//! Every event there is, as JSON: the table of the protocol is made of this one.

use std::fs;
use std::path::Path;
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

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn at(minutes: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_micros(1_795_194_192_402_117) + Duration::from_secs(60 * minutes)
}

fn spoken() -> Vec<Row> {
    let (alice, bob, text) = (name("alice"), name("bob"), Arc::<str>::from("soup today?"));
    let act = |scope, own| Kind::Action { from: alice, scope, text: "waves".into(), own };
    vec![
        ("somebody writes to you", Kind::PrivateMessage { from: bob, text: text.clone() }),
        ("you write to somebody, here or in another session", Kind::PrivateMessageSent { to: bob, text: text.clone() }),
        ("somebody writes to everybody; you, too", Kind::Broadcast { from: bob, text: text.clone() }),
        ("somebody writes in a group of yours; you, too", Kind::GroupMessage { group: name("lunch"), from: bob, text }),
        ("the same four as an action (`/me`)", act(Scope::Group(name("lunch")), false)),
    ]
}

fn past() -> Vec<Row> {
    let said = |scope, text: &str, action| Draft { at: at(0), from: name("bob"), scope, text: text.into(), action };
    let message = |id, said, deleted| Message { id: MessageId(id), said, deleted };
    let messages = vec![
        message(7, said(Scope::User(name("alice")), "hi", false), false),
        message(8, said(Scope::Group(name("lunch")), "waves", true), false),
        message(9, said(Scope::Everybody, "", false), true),
    ];
    let lunch = Some(Scope::Group(name("lunch")));
    vec![
        ("at the login: so many messages follow that came while you were away", Kind::Missed { count: 3 }),
        ("and there are so many more", Kind::MissedMore { count: 20 }),
        (
            "messages of the log, the oldest first: to somebody, in a group, or to everybody; `gone` are those of its names that have no account any more",
            Kind::PastMessages { reader: name("alice"), messages, gone: vec![name("bob")] },
        ),
        (
            "answer to `/history`, ahead of so many messages; `of` is a name, `#` and a group, or `all`",
            Kind::HistoryHeader { scope: lunch, before: Some(MessageId(40)), count: 20 },
        ),
        (
            "behind them: there is more, and this asks for it",
            Kind::HistoryMore { scope: lunch, count: 20, before: MessageId(7) },
        ),
        ("answer to `/search`, ahead of so many messages", Kind::SearchHeader { scope: None, count: 1 }),
        ("answer to `/clear`", Kind::Cleared { scope: Some(Scope::User(name("bob"))) }),
        ("a message lost its text", Kind::Deleted { by: "bob".into(), id: MessageId(9) }),
        ("your message has been written to its reader", Kind::Received { by: name("bob"), id: MessageId(41) }),
        ("he says that he has read it", Kind::Read { by: name("bob"), id: MessageId(41) }),
        ("answer to `/read`", Kind::YouRead { id: MessageId(42) }),
        ("answer to `/receipts`", Kind::Receipts { wanted: true }),
    ]
}

fn coming_and_going() -> Vec<Row> {
    let (group, user) = (name("lunch"), name("bob"));
    vec![
        ("somebody comes", Kind::UserJoined { user }),
        ("somebody leaves", Kind::UserLeft { user }),
        ("you make a group", Kind::GroupCreated { group }),
        ("you join one", Kind::YouJoined { group }),
        ("you leave one; `gone` if you were the last", Kind::YouLeft { group, gone: false }),
        ("somebody joins a group of yours", Kind::MemberJoined { group, user }),
        ("somebody leaves it", Kind::MemberLeft { group, user }),
        ("somebody types to you, or in a group", Kind::Typing { from: user, scope: Scope::Group(group) }),
        ("answer to `/typing`", Kind::TypingWanted { wanted: true }),
    ]
}

fn groups() -> Vec<Row> {
    let (alice, bob) = (name("alice"), name("bob"));
    let ruling = SanctionTerms { by: alice, reason: Some("loud".into()), until: Some(at(10)) };
    let settings = GroupSettings { limit: Some(50), topic: Some("soup".into()), ..GroupSettings::default() };
    let portrait = GroupInfo {
        settings: settings.clone(),
        members: 2,
        owners: vec![alice],
        admins: vec![bob],
        role: Some(GroupRole::Owner),
    };
    let one = GroupSanction { user: bob, penalty: Penalty::Mute, ruling: ruling.clone() };
    let mute = |user, you| GroupNews::Sanctioned { user, penalty: Penalty::Mute, ruling: ruling.clone(), you };
    let ban = GroupNews::Sanctioned {
        user: bob,
        penalty: Penalty::Ban,
        ruling: SanctionTerms { until: None, ..ruling.clone() },
        you: false,
    };
    let lifted = |penalty| GroupNews::Lifted { user: bob, penalty, by: alice, you: false };
    let all = [
        (
            "somebody has another role; without `by` he follows the last owner",
            GroupNews::Role { user: bob, role: GroupRole::Admin, by: Some(alice) },
        ),
        ("somebody, or you, must leave a group", GroupNews::Kicked { user: bob, by: alice, reason: None, you: false }),
        ("the same, and may not come back; `until` is `null` for good", ban),
        ("somebody, or you, may say no more there", mute(bob, false)),
        ("that was ended", lifted(Penalty::Ban)),
        ("that was ended", lifted(Penalty::Mute)),
        ("answer to `/bans`; `first` in the first of several", GroupNews::Bans { all: vec![one], first: true }),
        ("answer to `/invite`", GroupNews::YouInvited { user: bob }),
        ("somebody invites you", GroupNews::Invited { by: alice }),
        ("a group of yours is like this now; `text` is its topic", GroupNews::Changed { by: alice, settings }),
        ("answer to `/group`; `role` is yours, `null` for an outsider", GroupNews::GroupInfo(Box::new(portrait))),
        ("you make a room; `group` is its code", GroupNews::RoomCreated { limit: 4, topic: None }),
        (
            "you join one; `text` is what it is about",
            GroupNews::RoomJoined { count: 2, limit: 4, topic: Some("plans".into()) },
        ),
        ("somebody comes into a room of yours", GroupNews::RoomEntered { user: bob, count: 3, limit: 4 }),
        ("somebody leaves it", GroupNews::RoomLeft { user: bob, count: 2, limit: 4 }),
        ("you leave it", GroupNews::YouLeftRoom { gone: true }),
    ];
    let group = |room: bool| name(if room { "K7QX" } else { "lunch" });
    let row = |(when, news): (&'static str, GroupNews)| {
        let room = format!("{news:?}").contains("Room");
        (when, Kind::Group { group: group(room), news })
    };
    all.into_iter().map(row).collect()
}

fn answers() -> Vec<Row> {
    let (alice, bob, lunch) = (name("alice"), name("bob"), name("lunch"));
    let here = Online { since: at(0), idle: Duration::from_secs(90), away: None, shared: vec![lunch] };
    let profile = |online, last_seen| Kind::WhoIs(Box::new(Profile { name: bob, online, last_seen }));
    let token = TokenShown { name: name("ci"), made: at(0), expires: None };
    vec![
        ("answer to `/users`", Kind::Users { users: vec![(alice, None), (bob, Some("lunch".into()))] }),
        ("answer to `/whois`, of who is here", profile(Some(here), None)),
        ("of who is not; `null` if that is not known", profile(None, Some(at(0)))),
        ("answer to `/away`, and with `null` to `/back`", Kind::YouAreAway { away: Some("lunch".into()) }),
        ("you wrote to somebody who is away", Kind::UserIsAway { user: bob, away: "lunch".into() }),
        ("you wrote to somebody who is offline; it is kept for him", Kind::StoredFor { user: bob }),
        (
            "answer to `/groups`; `topics` are those of your rooms",
            Kind::Groups { groups: vec![(name("K7QX"), Some("plans".into())), (lunch, None)] },
        ),
        (
            "answer to `/groups_users`; `first` in the first of several",
            Kind::GroupsUsers { rosters: vec![(lunch, vec![alice, bob])], first: true },
        ),
        ("answer to `/talk`; `null` for nobody", Kind::TalkTarget { target: Some(Target::Group(lunch)) }),
        (
            "answer to `/whoami`",
            Kind::WhoAmI {
                name: alice,
                peer: "127.0.0.1:33446".into(),
                sessions: 1,
                groups: vec![lunch],
                target: None,
            },
        ),
        ("answer to `/ping`", Kind::Pong { text: "42".into() }),
        (
            "answer to `/mode`, which changes nothing here",
            Kind::Mode { format: OutputFormat { mode: Mode::Plain, ids: false, bell: Bell::Off } },
        ),
        ("answer to `/ignore bob`", Kind::Ignored { whom: bob, ignored: true }),
        ("answer to `/unignore bob`", Kind::Ignored { whom: bob, ignored: false }),
        ("answer to `/ignore`", Kind::IgnoredUsers { names: vec![bob] }),
        ("answer to `/passwd`, behind its questions", Kind::PasswordChanged),
        ("an empty answer to a question ends it", Kind::Cancelled),
        (
            "answer to `/token new`: the only time that it is shown",
            Kind::TokenMade { name: name("ci"), secret: "parlor_…".into(), expires: Some(at(0)) },
        ),
        ("answer to `/token list`", Kind::Tokens { tokens: vec![token] }),
        ("answer to `/token revoke`", Kind::TokenRevoked { name: name("ci") }),
        (
            "answer to `/help`",
            Kind::Help { lines: vec!["/msg <username> <message>".into(), "say something to one user".into()] },
        ),
        (
            "something cannot be done; the codes are those of the machine mode",
            Kind::Refused(UserError::NoSuchUser("zoe".into())),
        ),
    ]
}

fn login() -> Vec<Row> {
    vec![
        ("the server asks for the name", Kind::AskName),
        ("… for the password", Kind::AskPassword),
        (
            "… for something else: `old_password`, `new_password`, `same_again`, `password`",
            Kind::Ask(Question::SameAgain),
        ),
        ("logged in; `text` is the message of the day", Kind::Welcome { motd: Some("Be kind.".into()) }),
        ("what a guest is called", Kind::YouAreGuest { name: name("guest-3") }),
        ("wrong name or password, or a bad token", Kind::LoginRefused),
        ("right, but the user is here already", Kind::AlreadyLoggedIn),
        ("right, but he is here too often", Kind::TooManySessions { limit: 16 }),
        ("too many wrong passwords from the address", Kind::TooManyAttempts),
        ("too many guests", Kind::TooManyGuests { limit: 100 }),
        ("tokens cannot be read now", Kind::TokensUnreadable),
        ("an operator has banned the user", Kind::YouAreBanned { until: Some(at(0)), why: "spam".into() }),
        ("an operator has banned the address", Kind::AddressBanned { until: None, why: "flood".into() }),
        ("too many connections of the address are logging in", Kind::TooManyConnections { limit: 8 }),
        ("no account was made", Kind::NotRegistered(NotRegistered::Taken)),
        ("answer to telnet's interrupt, which a WebSocket cannot send", Kind::HowToLeave { logged_in: true }),
        ("answer to telnet's are-you-there, likewise", Kind::StillHere),
        (
            "the last event of all; the reasons are those of the log, with `_` for a space",
            Kind::Closed { reason: QuitReason::Shutdown },
        ),
    ]
}

fn orders() -> Vec<Row> {
    let report = Report { number: 3, at: at(0), by: Some(name("alice")), about: "bob".into(), why: "rude".into() };
    let deed = Outcome::Sanctioned { penalty: Penalty::Ban, whom: "bob".into(), until: None, sessions: 1 };
    let rows = vec![vec![Cell::text("ban"), Cell::text("bob"), Cell::Time(None), Cell::text("spam")]];
    let table = Table { of: "penalties", columns: &["penalty", "whom", "until", "text"], rows };
    vec![
        ("an operator tells everybody", Kind::Announced { text: "lunch is served".into() }),
        ("an operator takes a group of yours away", Kind::GroupDropped { group: name("lunch"), why: "spam".into() }),
        (
            "somebody with whom you share a kept group is called `name` from now on",
            Kind::Renamed { from: name("bob"), to: name("robert") },
        ),
        (
            "what you say is refused from now on, or no more",
            Kind::YouAreMuted { muted: true, until: Some(at(10)), why: "loud".into() },
        ),
        (
            "an operator ends your session, and why; `closed` follows",
            Kind::SessionEnded { why: Arc::from("update your bot") },
        ),
        (
            "the server is to stop in so long",
            Kind::ShutdownScheduled { after: Duration::from_secs(300), why: "new disk".into() },
        ),
        ("it goes on after all", Kind::ShutdownCancelled),
        (
            "to operators: somebody reports something; `by` is `null` for the word filter",
            Kind::ReportFiled(Box::new(report)),
        ),
        ("answer to `/report`, and to an operator's act", Kind::AdminReply(AdminAnswer::Done(deed))),
        ("answer to an operator who looks at something", Kind::AdminReply(AdminAnswer::Table(table))),
    ]
}

fn rows() -> Vec<Row> {
    [login(), spoken(), past(), coming_and_going(), groups(), answers(), orders()].concat()
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

/// The variants of an enum of the model, by its source.
fn variants(file: &str, kind: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/model").join(file);
    let source = fs::read_to_string(path).unwrap();
    let (_, body) = source.split_once(&format!("pub enum {kind} {{")).unwrap();
    let lines = body.split_once("\n}").unwrap().0.lines();
    let names = lines.filter(|line| line.starts_with("    ") && line[4..].starts_with(char::is_uppercase));
    names.map(|line| line.trim().split(|c: char| !c.is_alphanumeric()).next().unwrap().to_owned()).collect()
}

#[test]
fn every_kind_of_event_has_a_json_form_in_the_table() {
    let shown: Vec<String> = rows().iter().map(|(_, kind)| format!("{kind:?}")).collect();
    let kinds = variants("event.rs", "EventKind");
    assert!(kinds.len() > 60, "{kinds:?}");
    for kind in kinds.iter().filter(|kind| !["Silence", "Several"].contains(&kind.as_str())) {
        let begins = |one: &&String| one.split(|c: char| !c.is_alphanumeric()).next() == Some(kind);
        assert!(shown.iter().any(|one| begins(&one)), "no row shows {kind}");
    }
    for news in variants("group.rs", "GroupNews") {
        assert!(shown.iter().any(|one| one.contains(&format!("news: {news}"))), "no row shows GroupNews::{news}");
    }
    for (when, kind) in rows() {
        let line = json(&kind);
        assert!(line.starts_with("{\"event\":\"") && line.ends_with("}\n"), "{when}: {line}");
        assert!(line.matches('\n').count() == 1 && !line.contains(",,"), "{line}");
    }
}
