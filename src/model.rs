//! Floor 0: values. What everything else is written in: names, events, reasons, errors, limits and clean text.
//!
//! Nothing here may know a socket, a file, a lock or a thread.

pub mod account;
pub mod answer;
pub mod bucket;
mod encodings;
pub mod error;
pub mod event;
pub mod expiry;
pub mod group;
pub mod histogram;
pub mod limits;
pub mod line;
pub mod mention;
pub mod message;
pub mod name;
pub mod net;
pub mod people;
pub mod policy;
pub mod reason;
pub mod role;
pub mod sanction;
pub(crate) mod setting;
pub mod start;
pub mod store_address;
pub mod tag;
pub mod text;
pub mod web_origin;

pub use account::{LoginError, Question, RegistrationError, TokenShown};
pub use answer::{AdminAnswer, Cell, Outcome, Table};
pub use bucket::{Bucket, Rate};
pub use encodings::Slot;
pub use error::{GroupError, RenameError, UserError};
pub use event::{Event, EventKind, Target};
pub use expiry::ExpiryClock;
pub use group::{
    Article, EndAndReason, GroupInfo, GroupNews, GroupPassword, GroupRole, GroupSanction, GroupSetting, GroupSettings,
    SanctionTerms,
};
pub use histogram::Histogram;
pub use limits::Limits;
pub use message::{Draft, Message, MessageId, Scope, SearchEnd};
pub use name::{BadName, Name};
pub use net::{BadNet, Net, Peer};
pub use people::{NameAndNote, Online, Profile, Roster};
pub use policy::{
    Bell, DuplicateLogin, Durability, LogSettings, Mode, OutputFormat, Registration, Retention, TelnetMode,
};
pub use reason::{LastWords, QuitReason};
pub use role::Role;
pub use sanction::{Penalty, Report, Sanction, SanctionTarget};
pub use start::StartError;
pub use store_address::StoreAddress;
pub use tag::{BadTag, Tag};
pub use web_origin::WebOrigin;
