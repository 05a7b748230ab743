//! Everything that clients are told, as typed values. A dialect turns them into bytes; nothing here knows any wording.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::account::{LoginError, Question, RegistrationError, TokenShown};
use super::answer::{AdminAnswer, Cell, Table};
use super::encodings::{Encodings, Slot};
use super::error::UserError;
use super::group::GroupNews;
use super::message::{EVENT_OVERHEAD, Message, MessageId, Scope, SearchEnd};
use super::name::Name;
use super::people::{NameAndNote, Profile, Roster};
use super::policy::OutputFormat;
use super::reason::QuitReason;
use super::sanction::Report;
use super::tag::Tag;

/// One thing that happened: created once, encoded at most once per dialect, shared by all recipients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its position in the message log, for a batch that of the last event; 0 if it is not stored.
    pub id: MessageId,
    /// When it happened, for users and stores.
    pub at: SystemTime,
    /// When it happened, on the clock of the deadlines.
    pub queued_at: Instant,
    /// The kind of event and its data.
    pub kind: EventKind,
    /// The tag of the line that caused it; only the user who sent that line is told.
    tag: Option<Tag>,
    weight: usize,
    encodings: Encodings,
}

/// Where text without a command goes.
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

/// The kinds of events. Each has its own wording in every dialect.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are named after what they hold")]
pub enum EventKind {
    /// The server asks for the name.
    AskName,
    /// The server asks for the password.
    AskPassword,
    /// The server asks for another secret.
    Ask(Question),
    /// The login failed.
    LoginFailed(LoginError),
    /// The registration failed.
    RegistrationFailed(RegistrationError),
    /// The login succeeded; holds the message of the day, if there is one.
    Welcome { motd: Option<Arc<str>> },
    /// The name of a guest, sent after the welcome.
    YouAreGuest { name: Name },
    /// A user's first session began; sent to everybody else.
    UserJoined { user: Name },
    /// A user's last session ended; sent to everybody else.
    UserLeft { user: Name },
    /// A private message, to its recipient.
    PrivateMessage { from: Name, text: Arc<str> },
    /// A private message, to its author.
    PrivateMessageSent { to: Name, text: Arc<str> },
    /// A message to everybody online.
    Broadcast { from: Name, text: Arc<str> },
    /// A message to a group.
    GroupMessage { group: Name, from: Name, text: Arc<str> },
    /// A message in the third person (`/me`); `own` to the author of a private one.
    Action { from: Name, scope: Scope, text: Arc<str>, own: bool },
    /// Answer to `/create_group`.
    GroupCreated { group: Name },
    /// Answer to `/join_group`.
    YouJoined { group: Name },
    /// Answer to `/leave_group`; `gone` if the group was deleted with its last member.
    YouLeft { group: Name, gone: bool },
    /// A user joined a group; sent to its other members.
    MemberJoined { group: Name, user: Name },
    /// A user left a group; sent to the remaining members.
    MemberLeft { group: Name, user: Name },
    /// Any other news of a group.
    Group { group: Name, news: GroupNews },
    /// Answer to `/users`.
    Users { users: Vec<NameAndNote> },
    /// Answer to `/whois`.
    WhoIs(Box<Profile>),
    /// Answer to `/away` and `/back`.
    YouAreAway { away: Option<Arc<str>> },
    /// Sent to the author of a private message to a user who is away.
    UserIsAway { user: Name, away: Arc<str> },
    /// Sent to the author of a private message that is kept for a user who is offline.
    StoredFor { user: Name },
    /// A receipt: a private message was written to its recipient.
    Received { by: Name, id: MessageId },
    /// A receipt: the recipient of a private message says that they have read it.
    Read { by: Name, id: MessageId },
    /// Answer to `/read`.
    YouRead { id: MessageId },
    /// A tagged line was carried out, and nothing else answers it.
    Accepted,
    /// Answer to `/receipts`: whether the session gets receipts.
    Receipts { wanted: bool },
    /// So many messages follow that the user missed.
    Missed { count: usize },
    /// The user missed so many more messages than were shown.
    MissedMore { count: u64 },
    /// Messages of the log, in order, as this reader sees them.
    ///
    /// `gone` are those of the names in them that no longer have an account.
    PastMessages { reader: Name, messages: Vec<Message>, gone: Vec<Name> },
    /// Answer to `/history`, before the messages: their conversation (`None` for all) and their number.
    HistoryHeader { scope: Option<Scope>, before: Option<MessageId>, count: usize },
    /// There are more messages than `/history` has shown, and this is how to ask for them.
    HistoryMore { scope: Option<Scope>, count: usize, before: MessageId },
    /// Answer to `/search`, before the messages: the conversation (`None` for all) and the number of matches.
    SearchHeader { scope: Option<Scope>, count: usize },
    /// After the matches of `/search`: there may be more.
    SearchIncomplete { end: SearchEnd },
    /// Answer to `/clear`: the user no longer sees earlier messages of a conversation (`None` for all).
    Cleared { scope: Option<Scope> },
    /// A message was deleted; sent to everybody online who could see it.
    Deleted { by: String, id: MessageId },
    /// Takes the place of a message whose author the recipient ignores; nothing is written.
    Nothing,
    /// Consecutive messages of one conversation, queued, encoded and written as one.
    Batch { events: Vec<Event> },
    /// Answer to `/ignore` with a name, and to `/unignore`.
    Ignored { whom: Name, ignored: bool },
    /// Answer to `/ignore` alone.
    IgnoredUsers { names: Vec<Name> },
    /// A user is typing; sent to sessions that asked for it.
    Typing { from: Name, scope: Scope },
    /// Answer to `/typing`: whether the session is told who is typing.
    TypingWanted { wanted: bool },
    /// Answer to `/groups`.
    Groups { groups: Vec<NameAndNote> },
    /// One page of the answer to `/groups_users`; `first` for the first page.
    GroupsUsers { rosters: Vec<Roster>, first: bool },
    /// Answer to `/talk`: where plain text now goes.
    TalkTarget { target: Option<Target> },
    /// Answer to `/whoami`.
    WhoAmI { name: Name, peer: String, sessions: usize, groups: Vec<Name>, target: Option<Target> },
    /// Answer to `/ping`, with its argument.
    Pong { text: String },
    /// Answer to `/mode`: the format of everything from here on.
    Mode { format: OutputFormat },
    /// Answer to `/passwd`, after its questions.
    PasswordChanged,
    /// The user cancelled the questions of a command.
    Cancelled,
    /// Answer to `/token new`, the only event with the secret.
    TokenMade { name: Name, secret: String, expires: Option<SystemTime> },
    /// Answer to `/token list`.
    Tokens { tokens: Vec<TokenShown> },
    /// Answer to `/token revoke`.
    TokenRevoked { name: Name },
    /// Answer to `/help`: lines from the command table.
    Help { lines: Vec<String> },
    /// Answer to a telnet interrupt: how to leave.
    HowToLeave { logged_in: bool },
    /// Answer to telnet's "are you there".
    StillHere,
    /// A command was refused.
    Refused(UserError),
    /// An operator has banned the address; sent instead of the first prompt.
    AddressBanned { until: Option<SystemTime>, why: String },
    /// Before the last words of a session that an operator ends with a reason.
    SessionEnded { why: Arc<str> },
    /// An announcement of an operator.
    Announced { text: String },
    /// An operator deleted a group; sent to its members.
    GroupDropped { group: Name, why: Arc<str> },
    /// An operator renamed a user; sent to everybody who shares a kept group with them.
    Renamed { from: Name, to: Name },
    /// An operator muted or unmuted the recipient.
    YouAreMuted { muted: bool, until: Option<SystemTime>, why: String },
    /// A report was filed; sent to the operators.
    ReportFiled(Box<Report>),
    /// The server will shut down after this time.
    ShutdownScheduled { after: Duration, why: String },
    /// The scheduled shutdown was cancelled.
    ShutdownCancelled,
    /// Answer to an admin command.
    AdminReply(AdminAnswer),
    /// Last words before the connection is closed.
    Closed { reason: QuitReason },
}

/// How events are treated on their way, apart from their wording.
enum Class<'e> {
    /// A prompt, after which the line stays open.
    Prompt,
    /// A message, hidden from users who ignore its author.
    Message { from: &'e Name, text: &'e Arc<str> },
    /// Everything else.
    Other,
}

impl Event {
    /// An event that happens now and is not stored.
    pub fn new(kind: EventKind) -> Arc<Event> {
        Event::said(MessageId::default(), SystemTime::now(), kind)
    }

    /// A message of the log, or its echo.
    pub fn said(id: MessageId, at: SystemTime, kind: EventKind) -> Arc<Event> {
        Arc::new(Event::made(id, at, Instant::now(), kind))
    }

    /// Like [`Event::said`], with the time given and not yet shared.
    pub fn made(id: MessageId, at: SystemTime, queued_at: Instant, kind: EventKind) -> Event {
        let weight = EVENT_OVERHEAD + kind.text_len();
        Event { id, at, queued_at, kind, tag: None, weight, encodings: Encodings::default() }
    }

    /// Several messages as one event; `None` for no messages.
    pub fn several(events: Vec<Event>) -> Option<Event> {
        let Event { at, queued_at, .. } = *events.first()?;
        let id = events.iter().map(|event| event.id).max()?;
        let weight = events.iter().map(Event::weight).sum();
        let kind = EventKind::Batch { events };
        Some(Event { id, at, queued_at, kind, tag: None, weight, encodings: Encodings::default() })
    }

    /// An answer to a line with this tag.
    pub fn answer(kind: EventKind, tag: Option<Tag>) -> Arc<Event> {
        Arc::new(Event::made(MessageId::default(), SystemTime::now(), Instant::now(), kind).tagged(tag))
    }

    /// The same event, caused by a line with this tag.
    pub fn tagged(mut self, tag: Option<Tag>) -> Event {
        self.weight += tag.as_ref().map_or(0, |tag| tag.as_str().len());
        self.tag = tag;
        self
    }

    /// The tag, for this recipient: of a message, only its author is shown it.
    pub fn tag_for(&self, recipient: &Name) -> Option<&Tag> {
        self.tag.as_ref().filter(|_| self.kind.spoken().is_none_or(|(from, _)| from == recipient))
    }

    /// The events of a batch, or the event itself.
    pub fn each(&self) -> &[Event] {
        if let EventKind::Batch { events } = &self.kind { events } else { std::slice::from_ref(self) }
    }

    /// The bytes of this event in the dialect that owns `slot`, made by `encode` the first time and cached.
    pub fn encoded(&self, slot: Slot, encode: impl Fn() -> Vec<u8>) -> &[u8] {
        self.encodings.get(slot, encode)
    }

    /// Roughly how many bytes of memory this event takes, as counted by an outbox.
    pub fn weight(&self) -> usize {
        self.weight
    }
}

impl EventKind {
    /// Whether it is a prompt, after which the user types on the same line.
    pub fn is_prompt(&self) -> bool {
        matches!(self.class(), Class::Prompt)
    }

    /// Author and text, if this is a message to somebody other than its author.
    pub fn spoken(&self) -> Option<(&Name, &Arc<str>)> {
        match self.class() {
            Class::Message { from, text } => Some((from, text)),
            Class::Prompt | Class::Other => None,
        }
    }

    fn class(&self) -> Class<'_> {
        match self {
            EventKind::AskName | EventKind::AskPassword | EventKind::Ask(_) => Class::Prompt,
            EventKind::PrivateMessage { from, text }
            | EventKind::Broadcast { from, text }
            | EventKind::GroupMessage { from, text, .. }
            | EventKind::Action { from, text, own: false, .. } => Class::Message { from, text },
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
            | EventKind::Accepted
            | EventKind::Receipts { .. }
            | EventKind::Missed { .. }
            | EventKind::MissedMore { .. }
            | EventKind::PastMessages { .. }
            | EventKind::HistoryHeader { .. }
            | EventKind::HistoryMore { .. }
            | EventKind::SearchHeader { .. }
            | EventKind::SearchIncomplete { .. }
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
            | EventKind::Closed { .. } => Class::Other,
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
            | EventKind::Accepted
            | EventKind::Receipts { .. }
            | EventKind::Missed { .. }
            | EventKind::MissedMore { .. }
            | EventKind::HistoryHeader { .. }
            | EventKind::HistoryMore { .. }
            | EventKind::SearchHeader { .. }
            | EventKind::SearchIncomplete { .. }
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
