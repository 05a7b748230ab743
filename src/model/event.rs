//! Everything a person can be told, as typed values; a dialect turns them into bytes.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::account::{LoginError, Question, RegistrationError, TokenShown};
use super::answer::{AdminAnswer, Cell, Table};
use super::encodings::{Encodings, Slot};
use super::error::UserError;
use super::group::GroupNews;
use super::message::{Message, MessageId, Scope};
use super::name::Name;
use super::people::{NameAndNote, Profile, Roster};
use super::policy::OutputFormat;
use super::reason::QuitReason;
use super::sanction::Report;

/// What an event weighs in an outbox beside its text, in bytes: its names, its fixed words and its own structure.
pub(super) const OVERHEAD: usize = 96;

/// One thing that happened: created once, encoded at most once per dialect, shared by all who are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its place in the message log, of several the last one's; 0 for what is not stored.
    pub id: MessageId,
    /// When it happened, for people and for stores.
    pub at: SystemTime,
    /// When it happened on the clock that deadlines run on.
    pub queued_at: Instant,
    /// What happened.
    pub kind: EventKind,
    weight: usize,
    encodings: Encodings,
}

/// To whom a text without a command goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A user, privately.
    User(Name),
    /// A group.
    Group(Name),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::User(name) => write!(f, "{name}"),
            Target::Group(name) => write!(f, "#{name}"),
        }
    }
}

/// What happened. One kind is one wording in each dialect.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields of an event are named by what they are")]
pub enum EventKind {
    /// The server asks for the name.
    AskName,
    /// The server asks for the password.
    AskPassword,
    /// The server asks for something else that nobody else may see.
    Ask(Question),
    /// The login failed.
    LoginFailed(LoginError),
    /// The registration failed.
    RegistrationFailed(RegistrationError),
    /// Logged in; holds the message of the day, if there is one.
    Welcome { motd: Option<Arc<str>> },
    /// What a guest is called; comes after his welcome.
    YouAreGuest { name: Name },
    /// A user came: told to everybody else.
    UserJoined { user: Name },
    /// A user's last session ended: told to everybody else.
    UserLeft { user: Name },
    /// A private message, to its recipient.
    PrivateMessage { from: Name, text: Arc<str> },
    /// A private message, to who sent it.
    PrivateMessageSent { to: Name, text: Arc<str> },
    /// A message to everybody logged in.
    Broadcast { from: Name, text: Arc<str> },
    /// A message to a group.
    GroupMessage { group: Name, from: Name, text: Arc<str> },
    /// Something that somebody does instead of saying it, there; `own` for the one who did it privately.
    Action { from: Name, scope: Scope, text: Arc<str>, own: bool },
    /// Answer to `/create_group`.
    GroupCreated { group: Name },
    /// Answer to `/join_group`.
    YouJoined { group: Name },
    /// Answer to `/leave_group`; `gone` when he was the last one.
    YouLeft { group: Name, gone: bool },
    /// A user joined a group: told to its other members.
    MemberJoined { group: Name, user: Name },
    /// A user left a group: told to the members who stay.
    MemberLeft { group: Name, user: Name },
    /// Something else happened in a group.
    Group { group: Name, news: GroupNews },
    /// Answer to `/users`.
    Users { users: Vec<NameAndNote> },
    /// Answer to `/whois`.
    WhoIs(Box<Profile>),
    /// Answer to `/away` and `/back`: what is said of him from now on.
    YouAreAway { away: Option<Arc<str>> },
    /// Told to who wrote to a user who is away.
    UserIsAway { user: Name, away: Arc<str> },
    /// Told to who wrote to a user who is offline: it is kept for him.
    StoredFor { user: Name },
    /// Told to who asked for receipts: his message has been written to its recipient.
    Received { by: Name, id: MessageId },
    /// Told to who asked for receipts: its recipient says that he has read it.
    Read { by: Name, id: MessageId },
    /// Answer to `/read`.
    YouRead { id: MessageId },
    /// Answer to `/receipts`: whether he is told of them.
    Receipts { wanted: bool },
    /// What he missed is coming: this many messages of it.
    Missed { count: usize },
    /// He missed this many more than he was shown.
    MissedMore { count: u64 },
    /// Messages of the log, in order, as this reader sees them.
    ///
    /// `gone` are those of the names in it that belong to no account any more.
    PastMessages { reader: Name, messages: Vec<Message>, gone: Vec<Name> },
    /// Answer to `/history`, ahead of the messages: where they were said (`None` for anywhere), and how many there are.
    HistoryHeader { scope: Option<Scope>, before: Option<MessageId>, count: usize },
    /// There is more before what `/history` has shown: how to ask for as much again.
    HistoryMore { scope: Option<Scope>, count: usize, before: MessageId },
    /// Answer to `/search`, ahead of the messages: where was searched (`None` for anywhere), and how many were found.
    SearchHeader { scope: Option<Scope>, count: usize },
    /// Answer to `/clear`: the asker sees no more of what was said there so far; `None` for anywhere.
    Cleared { scope: Option<Scope> },
    /// A message lost its text: told to all who are here and could see it.
    Deleted { by: String, id: MessageId },
    /// In place of a message of somebody whom this reader ignores: nothing is written.
    Nothing,
    /// What was said one after the other in one place: queued, encoded and written as one.
    Batch { events: Vec<Event> },
    /// Answer to `/ignore` with a name, and to `/unignore`.
    Ignored { whom: Name, ignored: bool },
    /// Answer to `/ignore` alone.
    IgnoredUsers { names: Vec<Name> },
    /// A user is typing there: told to those who asked for it.
    Typing { from: Name, scope: Scope },
    /// Answer to `/typing`: whether he is told who is.
    TypingWanted { wanted: bool },
    /// Answer to `/groups`.
    Groups { groups: Vec<NameAndNote> },
    /// Answer to `/groups_users`: one page of it, `first` when it opens the list.
    GroupsUsers { rosters: Vec<Roster>, first: bool },
    /// Answer to `/talk`: where plain text goes from now on.
    TalkTarget { target: Option<Target> },
    /// Answer to `/whoami`.
    WhoAmI { name: Name, peer: String, sessions: usize, groups: Vec<Name>, target: Option<Target> },
    /// Answer to `/ping`, with what came after it.
    Pong { text: String },
    /// Answer to `/mode`: how everything is put from now on.
    Mode { format: OutputFormat },
    /// Answer to `/passwd`, when all its questions are answered.
    PasswordChanged,
    /// Questions that followed a command will be asked no more, because that was wished.
    Cancelled,
    /// Answer to `/token new`: the only time that the secret is shown.
    TokenMade { name: Name, secret: String, expires: Option<SystemTime> },
    /// Answer to `/token list`.
    Tokens { tokens: Vec<TokenShown> },
    /// Answer to `/token revoke`.
    TokenRevoked { name: Name },
    /// Answer to `/help`: lines from the command table.
    Help { lines: Vec<String> },
    /// Answer to a telnet interrupt: how one leaves.
    HowToLeave { logged_in: bool },
    /// Answer to telnet's "are you there".
    StillHere,
    /// What was asked for cannot be done.
    Refused(UserError),
    /// An operator has banned the address; said instead of the first prompt.
    AddressBanned { until: Option<SystemTime>, why: String },
    /// Ahead of the last words, when an operator ends the session and has said why.
    SessionEnded { why: Arc<str> },
    /// An operator tells everybody.
    Announced { text: String },
    /// An operator took a group away: told to its members.
    GroupDropped { group: Name, why: Arc<str> },
    /// An operator gave a user another name: told to those who share a kept group with him.
    Renamed { from: Name, to: Name },
    /// An operator has muted or unmuted the user: told to him.
    YouAreMuted { muted: bool, until: Option<SystemTime>, why: String },
    /// Somebody reported something: told to the operators.
    ReportFiled(Box<Report>),
    /// The server is to stop in so long.
    ShutdownScheduled { after: Duration, why: String },
    /// It goes on after all.
    ShutdownCancelled,
    /// Answer to an operator.
    AdminReply(AdminAnswer),
    /// Last words: the connection is being closed.
    Closed { reason: QuitReason },
}

/// What sets some events apart from all others, whatever they say.
enum Sort<'e> {
    /// The line of a prompt stays open.
    Question,
    /// Said by a user; not shown to those who ignore its author.
    Message { from: &'e Name, text: &'e Arc<str> },
    /// Everything else.
    News,
}

impl Event {
    /// An event that happens now and is kept nowhere.
    pub fn new(kind: EventKind) -> Arc<Event> {
        Event::said(MessageId::default(), SystemTime::now(), kind)
    }

    /// A message of the log, or its echo.
    pub fn said(id: MessageId, at: SystemTime, kind: EventKind) -> Arc<Event> {
        Arc::new(Event::made(id, at, Instant::now(), kind))
    }

    /// As [`Event::said`], for who knows what time it is, and will share it later.
    pub fn made(id: MessageId, at: SystemTime, queued_at: Instant, kind: EventKind) -> Event {
        let weight = OVERHEAD + kind.text_len();
        Event { id, at, queued_at, kind, weight, encodings: Encodings::default() }
    }

    /// Several things said one after the other, as one.
    pub fn several(events: Vec<Event>) -> Option<Event> {
        let Event { at, queued_at, .. } = *events.first()?;
        let id = events.iter().map(|event| event.id).max()?;
        let weight = events.iter().map(Event::weight).sum();
        Some(Event { id, at, queued_at, kind: EventKind::Batch { events }, weight, encodings: Encodings::default() })
    }

    /// The things that it is: several, or just itself.
    pub fn each(&self) -> &[Event] {
        if let EventKind::Batch { events } = &self.kind { events } else { std::slice::from_ref(self) }
    }

    /// The bytes of this event in the dialect that owns `slot`: created by `encode` the first time, remembered afterwards.
    pub fn encoded(&self, slot: Slot, encode: impl Fn() -> Vec<u8>) -> &[u8] {
        self.encodings.get(slot, encode)
    }

    /// About how many bytes this event keeps in memory: what an outbox counts.
    pub fn weight(&self) -> usize {
        self.weight
    }
}

impl EventKind {
    /// Whether it is a question, behind which people type their answer.
    pub fn is_prompt(&self) -> bool {
        matches!(self.sort(), Sort::Question)
    }

    /// Author and text, if this is a message as everybody but its author is told it.
    pub fn spoken(&self) -> Option<(&Name, &Arc<str>)> {
        match self.sort() {
            Sort::Message { from, text } => Some((from, text)),
            Sort::Question | Sort::News => None,
        }
    }

    fn sort(&self) -> Sort<'_> {
        match self {
            EventKind::AskName | EventKind::AskPassword | EventKind::Ask(_) => Sort::Question,
            EventKind::PrivateMessage { from, text }
            | EventKind::Broadcast { from, text }
            | EventKind::GroupMessage { from, text, .. }
            | EventKind::Action { from, text, own: false, .. } => Sort::Message { from, text },
            EventKind::Action { own: true, .. }
            | EventKind::LoginFailed(_)
            | EventKind::RegistrationFailed(_)
            | EventKind::Welcome { .. }
            | EventKind::YouAreGuest { .. }
            | EventKind::UserJoined { .. }
            | EventKind::UserLeft { .. }
            | EventKind::PrivateMessageSent { .. }
            | EventKind::GroupCreated { .. }
            | EventKind::YouJoined { .. }
            | EventKind::YouLeft { .. }
            | EventKind::MemberJoined { .. }
            | EventKind::MemberLeft { .. }
            | EventKind::Group { .. }
            | EventKind::Users { .. }
            | EventKind::WhoIs(_)
            | EventKind::YouAreAway { .. }
            | EventKind::UserIsAway { .. }
            | EventKind::StoredFor { .. }
            | EventKind::Received { .. }
            | EventKind::Read { .. }
            | EventKind::YouRead { .. }
            | EventKind::Receipts { .. }
            | EventKind::Missed { .. }
            | EventKind::MissedMore { .. }
            | EventKind::PastMessages { .. }
            | EventKind::HistoryHeader { .. }
            | EventKind::HistoryMore { .. }
            | EventKind::SearchHeader { .. }
            | EventKind::Cleared { .. }
            | EventKind::Deleted { .. }
            | EventKind::Nothing
            | EventKind::Batch { .. }
            | EventKind::Ignored { .. }
            | EventKind::IgnoredUsers { .. }
            | EventKind::Typing { .. }
            | EventKind::TypingWanted { .. }
            | EventKind::Groups { .. }
            | EventKind::GroupsUsers { .. }
            | EventKind::TalkTarget { .. }
            | EventKind::WhoAmI { .. }
            | EventKind::Pong { .. }
            | EventKind::Mode { .. }
            | EventKind::PasswordChanged
            | EventKind::Cancelled
            | EventKind::TokenMade { .. }
            | EventKind::Tokens { .. }
            | EventKind::TokenRevoked { .. }
            | EventKind::Help { .. }
            | EventKind::HowToLeave { .. }
            | EventKind::StillHere
            | EventKind::Refused(_)
            | EventKind::AddressBanned { .. }
            | EventKind::SessionEnded { .. }
            | EventKind::Announced { .. }
            | EventKind::GroupDropped { .. }
            | EventKind::Renamed { .. }
            | EventKind::YouAreMuted { .. }
            | EventKind::ReportFiled(_)
            | EventKind::ShutdownScheduled { .. }
            | EventKind::ShutdownCancelled
            | EventKind::AdminReply(_)
            | EventKind::Closed { .. } => Sort::News,
        }
    }

    fn text_len(&self) -> usize {
        const NAME: usize = size_of::<Name>();
        match self {
            EventKind::PrivateMessage { text, .. }
            | EventKind::PrivateMessageSent { text, .. }
            | EventKind::Broadcast { text, .. }
            | EventKind::GroupMessage { text, .. }
            | EventKind::Action { text, .. } => text.len(),
            EventKind::Users { users: all } | EventKind::Groups { groups: all } => {
                all.iter().map(|(_, text)| NAME + text.as_ref().map_or(0, |text| text.len())).sum()
            }
            EventKind::UserIsAway { away, .. } => away.len(),
            EventKind::PastMessages { messages, .. } => {
                messages.iter().map(|m| size_of::<Message>() + m.said.text.len()).sum()
            }
            EventKind::IgnoredUsers { names } => names.len() * NAME,
            EventKind::WhoAmI { groups, .. } => groups.len() * NAME,
            EventKind::Group { news, .. } => news.text_len(),
            EventKind::GroupsUsers { rosters, .. } => rosters.iter().map(|(_, users)| (1 + users.len()) * NAME).sum(),
            EventKind::TokenMade { secret, .. } => secret.len(),
            EventKind::Tokens { tokens } => tokens.len() * size_of::<TokenShown>(),
            EventKind::Help { lines } => lines.iter().map(String::len).sum(),
            EventKind::Welcome { motd: Some(motd) } => motd.len(),
            EventKind::Announced { text } | EventKind::Pong { text } => text.len(),
            EventKind::AdminReply(AdminAnswer::Table(Table { rows, .. })) => {
                let text = |cell: &Cell| if let Cell::Text(text) = cell { text.len() } else { 0 };
                rows.iter().flatten().map(|cell| size_of::<Cell>() + text(cell)).sum()
            }
            EventKind::Welcome { motd: None }
            | EventKind::AdminReply(AdminAnswer::Done(_))
            | EventKind::AskName
            | EventKind::AskPassword
            | EventKind::Ask(_)
            | EventKind::LoginFailed(_)
            | EventKind::RegistrationFailed(_)
            | EventKind::YouAreGuest { .. }
            | EventKind::UserJoined { .. }
            | EventKind::UserLeft { .. }
            | EventKind::GroupCreated { .. }
            | EventKind::YouJoined { .. }
            | EventKind::YouLeft { .. }
            | EventKind::MemberJoined { .. }
            | EventKind::MemberLeft { .. }
            | EventKind::WhoIs(_)
            | EventKind::YouAreAway { .. }
            | EventKind::StoredFor { .. }
            | EventKind::Received { .. }
            | EventKind::Read { .. }
            | EventKind::YouRead { .. }
            | EventKind::Receipts { .. }
            | EventKind::Missed { .. }
            | EventKind::MissedMore { .. }
            | EventKind::HistoryHeader { .. }
            | EventKind::HistoryMore { .. }
            | EventKind::SearchHeader { .. }
            | EventKind::Cleared { .. }
            | EventKind::Deleted { .. }
            | EventKind::Nothing
            | EventKind::Batch { .. }
            | EventKind::Ignored { .. }
            | EventKind::Typing { .. }
            | EventKind::TypingWanted { .. }
            | EventKind::TalkTarget { .. }
            | EventKind::Mode { .. }
            | EventKind::PasswordChanged
            | EventKind::Cancelled
            | EventKind::TokenRevoked { .. }
            | EventKind::HowToLeave { .. }
            | EventKind::StillHere
            | EventKind::Refused(_)
            | EventKind::AddressBanned { .. }
            | EventKind::SessionEnded { .. }
            | EventKind::GroupDropped { .. }
            | EventKind::Renamed { .. }
            | EventKind::YouAreMuted { .. }
            | EventKind::ReportFiled(_)
            | EventKind::ShutdownScheduled { .. }
            | EventKind::ShutdownCancelled
            | EventKind::Closed { .. } => 0,
        }
    }
}
