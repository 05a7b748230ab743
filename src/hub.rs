//! Floor 2, the hub: who is online, who is in which group, and what still has to be written to each client.
//!
//! One central lock guards the client, group and queue maps. Under it there is map work, a sequence number and a push into
//! an outbox; never a socket, a file, hashing, a log line, rendering, or a wait. The hub knows no sockets and no texts
//! for people.
//!
//! A verb *decides* on the state and returns changes or an error; `apply` carries them out and queues events, in the same
//! section of the lock. A message goes through the log between the two. The verbs of [`Hub`], by what they are about:
//!
//! | file | verbs |
//! | --- | --- |
//! | `delivery`, the path of a message | `check`, `check_mute`; `publish`, `submit`, `publish_and_wait`; `record` for any other change |
//! | `groups` | `create`, `create_room`, `join`, `leave`, `change_settings`, `invite`; `membership`, `group_info`, `groups`, `rooms`, `rosters`, `group_overview`, `group_sanctions`, `group_count`, `group_password`, `is_ephemeral` |
//! | `roles` | `move_role`, `transfer`, `kick`, `sanction_member`, `lift_from_member` |
//! | `presence` | `attach`, `detached_client`, `disconnect`, `disconnect_device`, `close_all`, `forget_user`, `start_announcer`; `set_away`, `typing`, `ignore`, `unignore`, `reply_partner`; `is_here`, `online_users`, `profile`, `ignored`, `session_count`, `sessions_and_groups`, `oldest_session` |
//! | `positions`, how far each device has got | `backlog`, `note_caught_up`, `note_drained`, `clear_history`, `tokens`, `add_token`; `give_read_receipt`, `give_ignored_receipts`; `tend` |
//! | `moderation`, what operators do | `list_sessions`, `end_sessions`, `announce`, `tell_users`, `role`, `impose`, `lift`, `sanctions`, `ban_of`, `ban_at`, `drop_group`, `delete_message` |
//! | `rename` | `lock_name`, `is_name_locked`, `rename`, `undo_rename`, `confirm_rename`, `tell_renamed`, `is_renamed`, `retain_renamed`, `knows` |
//! | `stats` | `stats`, `traffic` |
//! | `state`, the maps and the lock | `new`, `store`, `limits` |
//!
//! Below the verbs are `apply` (what changes the maps), `log` (the way into the store: batches, turns, held echoes),
//! `sanctions` (bans and mutes of the server), `outbox` (a client's queue, who writes it out, and the flush list) and
//! `client` (one session).

mod apply;
mod client;
mod delivery;
mod groups;
mod log;
mod moderation;
mod outbox;
mod positions;
mod presence;
mod rename;
mod roles;
mod sanctions;
mod state;
mod stats;
#[cfg(test)]
pub(crate) mod tests;

pub use client::{Client, ClientId};
pub use delivery::{Destination, PendingDelivery};
pub use groups::JoinVia;
pub use log::PendingMessage;
pub use moderation::SessionInfo;
pub use outbox::{ConnectionHandle, FlushList, Outbox, PushOutcome};
pub use presence::{AttachError, NewSession, Presence};
pub use rename::NameLock;
pub use state::Hub;
pub use stats::Stats;
