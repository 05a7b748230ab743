//! Verbs decide, changes apply: the one place that changes groups, sessions and lists of users.
//!
//! A verb looks at the state and returns [`StateChange`]s or an error; it changes nothing.
//! [`HubState::apply`] carries a change out, tells users about it, and says what the store has to keep of it.
//! It never asks whether a change is allowed, and it works nothing out that a verb could have decided: who may do
//! something, and who inherits a group, is decided once. Both halves run in one section of the central lock.
//!
//! Messages take the same way with other names: `Hub::check` decides, `Entry::Said` goes through the log, and
//! `Hub::deliver` applies it. Sanctions of the whole server have a lock of their own, and their changes are entries.

use std::sync::Arc;
use std::time::SystemTime;

use super::client::{Client, ClientId};
use super::log::Batch;
use super::outbox::FlushList;
use super::sanctions::{SanctionChange, Sanctions};
use super::state::{GroupState, Hub, HubState, Member, ReplyPartners};
use crate::failpoint;
use crate::model::{
    Event, EventKind, GroupNews, GroupRole, GroupSettings, Name, Penalty, QuitReason, SanctionTerms, UserError,
};
use crate::store::Entry;

/// The decision of a verb.
pub(super) type Decision = Result<Vec<StateChange>, UserError>;

/// One change of the state, complete: applying it needs no clock, no limit and no other lock.
pub(super) enum StateChange {
    /// A session is here; its outbox takes what comes from now on.
    SessionAttached { client: Arc<Client> },
    /// A session is gone. With the last one of its user, [`LeaveCause::LoggedOut`] follows for each group the user loses.
    SessionDetached { id: ClientId, user: Name, reason: QuitReason },
    /// A user says why they are away, or is back.
    AwayChanged { user: Name, away: Option<Arc<str>> },
    /// A user hears nothing more from another one, or hears them again.
    IgnoreChanged { user: Name, whom: Name, ignored: bool },
    /// A user, who is offline, has another name.
    UserRenamed { from: Name, to: Name },
    /// An account is gone: the next user of that name is somebody else. `entry` is what the store has to be told, unless it
    /// knows.
    UserForgotten { user: Name, entry: Option<Entry> },
    /// A group exists, with its owner as the only member.
    GroupCreated { group: Name, owner: Name, settings: GroupSettings },
    /// A group has other settings.
    SettingsChanged { group: Name, settings: GroupSettings, by: Name },
    /// A group is taken away from all its members by an operator.
    GroupDropped { group: Name, why: Arc<str> },
    /// A user is a member of a group; `by_code` when they gave the code of a room.
    MemberJoined { group: Name, user: Name, role: GroupRole, by_code: bool },
    /// A user is no member any more. A group without members is gone.
    MemberLeft { group: Name, user: Name, cause: LeaveCause },
    /// A member has another role; `by` is `None` for whoever inherits the group from its last owner.
    RoleChanged { group: Name, user: Name, role: GroupRole, by: Option<Name> },
    /// A user may join without a password until then.
    Invited { group: Name, user: Name, by: Name, until: SystemTime },
    /// An invitation has run out.
    InvitationExpired { group: Name, user: Name },
    /// A user is banned from a group or muted in it.
    MemberSanctioned { group: Name, user: Name, penalty: Penalty, terms: SanctionTerms },
    /// A ban or mute in a group is over; `by` is `None` where it had run out.
    MemberLifted { group: Name, user: Name, penalty: Penalty, by: Option<Name> },
}

/// Why a user is no member of a group any more; it decides who is told what.
pub(super) enum LeaveCause {
    /// They left it.
    Left,
    /// Their last session ended, and the group keeps nobody who is offline.
    LoggedOut,
    /// Somebody took them out.
    Kicked { by: Name, reason: Option<Arc<str>> },
    /// They are banned; that news was told before.
    Banned,
    /// The group is no longer persistent, and they are offline.
    NotPersistent,
    /// Their account is gone.
    AccountDeleted,
}

impl Hub {
    /// Decides and applies in one section of the central lock, then waits until the store has what it is to keep. If the
    /// store does not work, it gets that later.
    pub(super) fn change(
        &self,
        flush_list: &mut FlushList,
        decide: impl FnOnce(&HubState) -> Decision,
    ) -> Result<(), UserError> {
        let batch = self.decide_and_apply(flush_list, decide)?;
        if let Some(batch) = batch {
            let _ = self.commit(&batch);
        }
        Ok(())
    }

    /// The section itself. Entries are submitted in it, so they stand in the log where they became true.
    pub(super) fn decide_and_apply(
        &self,
        flush_list: &mut FlushList,
        decide: impl FnOnce(&HubState) -> Decision,
    ) -> Result<Option<Arc<Batch>>, UserError> {
        self.locked(|state| {
            let changes = decide(state)?;
            let entries = state.apply_all(changes, flush_list);
            Ok((!entries.is_empty()).then(|| self.inner.log.submit(entries)))
        })
    }
}

impl HubState {
    /// Carries out changes in their order, and returns what the store has to keep of them.
    pub(super) fn apply_all(&mut self, changes: Vec<StateChange>, flush_list: &mut FlushList) -> Vec<Entry> {
        let mut entries = Vec::new();
        changes.into_iter().for_each(|change| self.apply(change, flush_list, &mut entries));
        entries
    }

    /// Carries out one change: the maps first, then what users are told.
    ///
    /// A login applies a change on its client's stack, of which every page that was ever touched stays in memory. So each
    /// kind of change has a frame of its own.
    pub(super) fn apply(&mut self, change: StateChange, flush_list: &mut FlushList, entries: &mut Vec<Entry>) {
        match change {
            StateChange::SessionAttached { client } => self.attach(&client, flush_list),
            StateChange::SessionDetached { id, user, reason } => self.detach(id, user, reason, flush_list, entries),
            StateChange::AwayChanged { user, away } => self.set_away(user, away, flush_list),
            StateChange::IgnoreChanged { user, whom, ignored } => self.set_ignored(user, whom, ignored, entries),
            StateChange::UserRenamed { from, to } => {
                self.rename(from, to);
                entries.push(Entry::Renamed { from, to });
            }
            StateChange::UserForgotten { user, entry } => self.forget_account(user, entry, entries),
            StateChange::GroupCreated { group, owner, settings } => {
                self.create_group(group, owner, settings, flush_list, entries);
            }
            StateChange::SettingsChanged { group, settings, by } => {
                self.set_settings(group, &settings, entries);
                self.tell_settings(group, settings, by, flush_list);
            }
            StateChange::GroupDropped { group, why } => self.drop_group(group, why, flush_list, entries),
            StateChange::MemberJoined { group, user, role, by_code } => {
                self.add_member(group, user, role, entries);
                self.tell_joined(group, user, by_code, flush_list);
            }
            StateChange::MemberLeft { group, user, cause } => {
                let is_room = self.groups.get(&group).is_some_and(|group| group.settings.room);
                self.remove_member(group, user, &cause, entries);
                self.tell_left(group, user, cause, is_room, flush_list);
            }
            StateChange::RoleChanged { group, user, role, by } => {
                self.set_role(group, user, role, entries);
                self.tell_role(group, user, role, by, flush_list);
            }
            StateChange::Invited { group, user, by, until } => self.add_invitation(group, user, by, until, flush_list),
            StateChange::InvitationExpired { group, user } => {
                self.groups.get_mut(&group).map(|group| group.invited.remove(&user));
            }
            StateChange::MemberSanctioned { group, user, penalty, terms } => {
                self.add_sanction(group, user, penalty, &terms, entries);
                self.tell_sanctioned(group, user, penalty, &terms, flush_list);
            }
            StateChange::MemberLifted { group, user, penalty, by } => {
                self.remove_sanction(group, user, penalty, entries);
                by.into_iter().for_each(|by| self.tell_lifted(group, user, penalty, by, flush_list));
            }
        }
    }
}

/// Sessions and users.
impl HubState {
    /// A session hears everything that its user's groups are told from now on.
    #[inline(never)]
    fn attach(&mut self, client: &Arc<Client>, flush_list: &mut FlushList) {
        self.clients.insert(client.id, Arc::clone(client));
        let user = self.queues.entry(client.name).or_default();
        user.since.get_or_insert(client.since);
        user.sessions.insert(client.id, Arc::clone(client));
        let is_first = user.sessions.len() == 1;
        for name in self.memberships.get(&client.name).into_iter().flatten() {
            if let Some(group) = self.groups.get_mut(name) {
                group.audience.insert(client.id, Arc::clone(client));
            }
        }
        if is_first {
            let joined = Event::new(EventKind::UserJoined { user: client.name });
            self.tell_all(&joined, Some(&client.name), flush_list);
        }
    }

    #[inline(never)]
    fn detach(
        &mut self,
        id: ClientId,
        name: Name,
        reason: QuitReason,
        flush_list: &mut FlushList,
        entries: &mut Vec<Entry>,
    ) {
        *self.counts.closed.entry(reason.as_str()).or_default() += 1;
        if self.clients.remove(&id).is_none() {
            return;
        }
        let Some(user) = self.queues.get_mut(&name) else { return };
        user.sessions.remove(&id);
        let was_last = user.sessions.is_empty();
        let mut is_recorded = false;
        for group in self.memberships.get(&name).into_iter().flatten() {
            let Some(group) = self.groups.get_mut(group) else { continue };
            group.audience.remove(&id);
            is_recorded |= !group.keeps(&name) && group.is_recorded(&name);
        }
        if !was_last {
            return;
        }
        if is_recorded {
            // One entry for all of them; it says nothing about persistent groups.
            entries.push(Entry::Left { user: name, group: None, upto: self.last });
        }
        self.queues.remove(&name);
        if name.is_guest() {
            self.forget_guest(name);
        }
        if !self.closing {
            self.tell_all(&Event::new(EventKind::UserLeft { user: name }), None, flush_list);
        }
    }

    #[inline(never)]
    fn set_away(&mut self, name: Name, away: Option<Arc<str>>, flush_list: &mut FlushList) {
        if let Some(user) = self.queues.get_mut(&name) {
            user.away.clone_from(&away);
        }
        self.tell_user(&name, &Event::new(EventKind::YouAreAway { away }), flush_list);
    }

    #[inline(never)]
    fn set_ignored(&mut self, user: Name, whom: Name, ignored: bool, entries: &mut Vec<Entry>) {
        if ignored {
            self.ignored.add(user, whom);
        } else {
            self.ignored.remove(&user, &whom);
        }
        // Guests come and go, and nothing is stored about them.
        let stored = !user.is_guest() && !whom.is_guest();
        entries.extend(stored.then_some(Entry::Ignored { user, whom, ignored }));
    }

    #[inline(never)]
    fn forget_account(&mut self, user: Name, entry: Option<Entry>, entries: &mut Vec<Entry>) {
        self.ignored.forget(&user);
        // The store forgets these by itself.
        self.groups.values_mut().for_each(|group| group.forget(&user));
        self.forget_contact(&user);
        entries.extend(entry);
    }

    /// Everything that belongs to a guest ends with them: the next guest of this name is somebody else.
    fn forget_guest(&mut self, name: Name) {
        self.forget_contact(&name);
        self.ignored.forget(&name);
        for group in self.guest_marks.remove(&name).into_iter().flatten() {
            self.groups.get_mut(&group).into_iter().for_each(|group| group.forget(&name));
        }
        self.leaving_guests.insert(name);
    }

    /// Notes that a group has something about a guest.
    fn mark_guest(&mut self, user: Name, group: Name) {
        if user.is_guest() {
            self.guest_marks.entry(user).or_default().insert(group);
        }
    }

    /// Nobody replies to this user any more.
    fn forget_contact(&mut self, gone: &Name) {
        for ReplyPartners { from, to } in self.queues.values_mut().map(|user| &mut user.reply) {
            from.get_mut().take_if(|name| name == gone);
            to.get_mut().take_if(|name| name == gone);
        }
    }

    #[inline(never)]
    fn rename(&mut self, from: Name, to: Name) {
        if let Some(groups) = self.memberships.remove(&from) {
            self.memberships.insert(to, groups);
        }
        self.groups.values_mut().for_each(|group| group.rename(from, to));
        self.ignored.rename(&from, to);
        let partners = self.queues.values_mut().flat_map(|user| [user.reply.from.get_mut(), user.reply.to.get_mut()]);
        partners.flatten().filter(|name| **name == from).for_each(|name| *name = to);
    }
}

/// Groups and their members.
impl HubState {
    #[inline(never)]
    fn drop_group(&mut self, group: Name, why: Arc<str>, flush_list: &mut FlushList, entries: &mut Vec<Entry>) {
        self.tell_group(&group, &Event::new(EventKind::GroupDropped { group, why }), None, flush_list);
        self.remove_group(&group, entries);
    }

    #[inline(never)]
    fn add_invitation(&mut self, group: Name, user: Name, by: Name, until: SystemTime, flush_list: &mut FlushList) {
        if let Some(state) = self.groups.get_mut(&group) {
            state.invited.insert(user, until);
            self.mark_guest(user, group);
        }
        self.tell_news_to(&user, group, GroupNews::Invited { by }, flush_list);
        self.tell_news_to(&by, group, GroupNews::YouInvited { user }, flush_list);
    }

    #[inline(never)]
    fn tell_settings(&self, group: Name, settings: GroupSettings, by: Name, flush_list: &mut FlushList) {
        self.tell_news(group, GroupNews::Changed { by, settings }, None, flush_list);
    }

    /// In a group that is not persistent roles are inherited silently: its members are told only who left.
    #[inline(never)]
    fn tell_role(&self, group: Name, user: Name, role: GroupRole, by: Option<Name>, flush_list: &mut FlushList) {
        if by.is_some() || (self.is_persistent(&group) && !self.closing) {
            self.tell_news(group, GroupNews::Role { user, role, by }, None, flush_list);
        }
    }

    #[inline(never)]
    fn tell_sanctioned(
        &self,
        group: Name,
        user: Name,
        penalty: Penalty,
        terms: &SanctionTerms,
        flush_list: &mut FlushList,
    ) {
        let news = |you| GroupNews::Sanctioned { user, penalty, terms: terms.clone(), you };
        self.tell_concerned(group, user, news, flush_list);
    }

    #[inline(never)]
    fn tell_lifted(&self, group: Name, user: Name, penalty: Penalty, by: Name, flush_list: &mut FlushList) {
        let news = |you| GroupNews::Lifted { user, penalty, by, you };
        self.tell_concerned(group, user, news, flush_list);
    }

    #[inline(never)]
    fn create_group(
        &mut self,
        group: Name,
        owner: Name,
        settings: GroupSettings,
        flush_list: &mut FlushList,
        entries: &mut Vec<Entry>,
    ) {
        // The store knows nothing of an ephemeral group.
        entries.extend((!settings.ephemeral).then_some(Entry::GroupMade { group }));
        entries.extend(settings.keep.then(|| Entry::GroupKept { group, settings: settings.clone() }));
        let created = if settings.room {
            let limit = settings.limit.unwrap_or(usize::MAX);
            EventKind::Group { group, news: GroupNews::RoomCreated { limit, topic: settings.topic.clone() } }
        } else {
            EventKind::GroupCreated { group }
        };
        self.groups.entry(group).or_default().settings = settings;
        self.add_member(group, owner, GroupRole::Owner, entries);
        failpoint::reach("under the lock", &owner);
        self.tell_user(&owner, &Event::new(created), flush_list);
    }

    #[inline(never)]
    fn set_settings(&mut self, name: Name, settings: &GroupSettings, entries: &mut Vec<Entry>) {
        let Some(group) = self.groups.get_mut(&name) else { return };
        let was_persistent = group.settings.keep;
        group.settings.clone_from(settings);
        match (was_persistent, settings.keep) {
            (false, true) => group.record_all(name, entries),
            (true, false) => entries.push(Entry::GroupGone { group: name }),
            (true, true) => entries.push(Entry::GroupKept { group: name, settings: settings.clone() }),
            (false, false) => {}
        }
    }

    #[inline(never)]
    fn remove_group(&mut self, name: &Name, entries: &mut Vec<Entry>) {
        let Some(group) = self.groups.remove(name) else { return };
        for user in group.members.keys() {
            self.end_membership(name, user);
            if group.is_recorded(user) {
                entries.push(Entry::Left { user: *user, group: Some(*name), upto: self.last });
            }
        }
        entries.extend(group.settings.keep.then_some(Entry::GroupGone { group: *name }));
    }

    /// From here on, under the lock, what is said in the group is for its new member too.
    #[inline(never)]
    fn add_member(&mut self, name: Name, user: Name, role: GroupRole, entries: &mut Vec<Entry>) {
        let Some(online) = self.queues.get(&user) else { return };
        self.memberships.entry(user).or_default().insert(name);
        let group = self.groups.entry(name).or_default();
        group.members.insert(user, Member { role, rank: group.next_rank });
        group.next_rank += 1;
        group.invited.remove(&user);
        group.audience.extend(online.sessions.iter().map(|(id, client)| (*id, client.clone())));
        if group.is_recorded(&user) {
            entries.push(Entry::Entered { user, group: name, after: self.last });
        }
        entries.extend(group.member_entry(name, &user));
    }

    #[inline(never)]
    fn remove_member(&mut self, name: Name, user: Name, cause: &LeaveCause, entries: &mut Vec<Entry>) {
        let Some(group) = self.groups.get_mut(&name) else { return };
        if group.members.remove(&user).is_none() {
            return;
        }
        for id in self.queues.get(&user).into_iter().flat_map(|user| user.sessions.keys()) {
            group.audience.remove(id);
        }
        // For those who log out one entry says it for all groups.
        if group.is_recorded(&user) && !matches!(cause, LeaveCause::LoggedOut) {
            entries.push(Entry::Left { user, group: Some(name), upto: self.last });
        }
        if group.members.is_empty() {
            entries.extend(group.settings.keep.then_some(Entry::GroupGone { group: name }));
            self.groups.remove(&name);
        }
        self.end_membership(&name, &user);
    }

    fn end_membership(&mut self, name: &Name, user: &Name) {
        if let Some(groups) = self.memberships.get_mut(user) {
            groups.remove(name);
            if groups.is_empty() {
                self.memberships.remove(user);
            }
        }
    }

    #[inline(never)]
    fn set_role(&mut self, name: Name, user: Name, role: GroupRole, entries: &mut Vec<Entry>) {
        if let Some(group) = self.groups.get_mut(&name) {
            group.members.entry(user).and_modify(|member| member.role = role);
            entries.extend(group.member_entry(name, &user));
        }
    }

    #[inline(never)]
    fn add_sanction(
        &mut self,
        name: Name,
        user: Name,
        penalty: Penalty,
        terms: &SanctionTerms,
        entries: &mut Vec<Entry>,
    ) {
        let Some(group) = self.groups.get_mut(&name) else { return };
        if penalty == Penalty::Ban {
            group.invited.remove(&user);
        }
        group.sanctions.insert((user, penalty), terms.clone());
        let is_stored = group.keeps(&user);
        self.mark_guest(user, name);
        let entry = Entry::MemberSanctioned { group: name, user, penalty, terms: terms.clone() };
        entries.extend(is_stored.then_some(entry));
    }

    #[inline(never)]
    fn remove_sanction(&mut self, name: Name, user: Name, penalty: Penalty, entries: &mut Vec<Entry>) {
        let Some(group) = self.groups.get_mut(&name) else { return };
        group.sanctions.remove(&(user, penalty));
        entries.extend(group.keeps(&user).then_some(Entry::MemberLifted { group: name, user, penalty }));
    }

    fn is_persistent(&self, name: &Name) -> bool {
        self.groups.get(name).is_some_and(|group| group.settings.keep)
    }
}

/// Telling users about groups.
impl HubState {
    #[inline(never)]
    fn tell_joined(&self, group: Name, user: Name, by_code: bool, flush_list: &mut FlushList) {
        if by_code {
            let (count, limit) = self.count(&group);
            self.tell_news(group, GroupNews::RoomEntered { user, count, limit }, Some(&user), flush_list);
            let topic = self.groups.get(&group).and_then(|group| group.settings.topic.clone());
            self.tell_news_to(&user, group, GroupNews::RoomJoined { count, limit, topic }, flush_list);
        } else {
            let joined = Event::new(EventKind::MemberJoined { group, user });
            self.tell_group(&group, &joined, Some(&user), flush_list);
            self.tell_user(&user, &Event::new(EventKind::YouJoined { group }), flush_list);
        }
    }

    /// Tells those who stay, and the one who left.
    #[inline(never)]
    fn tell_left(&self, group: Name, user: Name, cause: LeaveCause, is_room: bool, flush_list: &mut FlushList) {
        let gone = !self.groups.contains_key(&group);
        match cause {
            LeaveCause::Left if is_room => {
                self.tell_room_left(group, user, flush_list);
                self.tell_news_to(&user, group, GroupNews::YouLeftRoom { gone }, flush_list);
            }
            LeaveCause::Left => {
                self.tell_group(&group, &Event::new(EventKind::MemberLeft { group, user }), None, flush_list);
                self.tell_user(&user, &Event::new(EventKind::YouLeft { group, gone }), flush_list);
            }
            // Elsewhere it goes without saying: everybody is told that the user left the chat.
            LeaveCause::LoggedOut if is_room && !self.closing => self.tell_room_left(group, user, flush_list),
            LeaveCause::Kicked { by, reason } => {
                let news = |you| GroupNews::Kicked { user, by, reason: reason.clone(), you };
                self.tell_news(group, news(false), None, flush_list);
                self.tell_news_to(&user, group, news(true), flush_list);
            }
            LeaveCause::AccountDeleted => {
                self.tell_group(&group, &Event::new(EventKind::MemberLeft { group, user }), None, flush_list);
            }
            LeaveCause::LoggedOut | LeaveCause::Banned | LeaveCause::NotPersistent => {}
        }
    }

    fn tell_room_left(&self, room: Name, user: Name, flush_list: &mut FlushList) {
        let (count, limit) = self.count(&room);
        self.tell_news(room, GroupNews::RoomLeft { user, count, limit }, None, flush_list);
    }

    /// Tells a group about one user, and the user, if they are a member; `news` is made for one or the other.
    #[inline(never)]
    fn tell_concerned(&self, group: Name, user: Name, news: impl Fn(bool) -> GroupNews, flush_list: &mut FlushList) {
        self.tell_news(group, news(false), Some(&user), flush_list);
        if self.groups.get(&group).is_some_and(|group| group.members.contains_key(&user)) {
            self.tell_news_to(&user, group, news(true), flush_list);
        }
    }
}

impl GroupState {
    /// The entries for a group that becomes persistent. Whatever the store kept of one of this name goes.
    fn record_all(&self, name: Name, entries: &mut Vec<Entry>) {
        entries.push(Entry::GroupGone { group: name });
        entries.push(Entry::GroupKept { group: name, settings: self.settings.clone() });
        entries.extend(self.members.keys().filter_map(|user| self.member_entry(name, user)));
        let stored = self.sanctions.iter().filter(|((user, _), _)| self.keeps(user));
        entries.extend(stored.map(|((user, penalty), terms)| Entry::MemberSanctioned {
            group: name,
            user: *user,
            penalty: *penalty,
            terms: terms.clone(),
        }));
    }

    /// The entry about a member, if the store has to know of them.
    fn member_entry(&self, group: Name, user: &Name) -> Option<Entry> {
        let member = self.members.get(user).filter(|_| self.keeps(user))?;
        Some(Entry::Member { group, user: *user, role: member.role, rank: member.rank })
    }

    /// Forgets what the group has about a user who is no member.
    fn forget(&mut self, user: &Name) {
        self.invited.remove(user);
        self.sanctions.remove(&(*user, Penalty::Ban));
        self.sanctions.remove(&(*user, Penalty::Mute));
    }

    fn rename(&mut self, from: Name, to: Name) {
        // Names that differ only in case are equal, and inserting an equal key would keep the old spelling.
        if let Some(member) = self.members.remove(&from) {
            self.members.insert(to, member);
        }
        if let Some(until) = self.invited.remove(&from) {
            self.invited.insert(to, until);
        }
        for penalty in [Penalty::Ban, Penalty::Mute] {
            if let Some(terms) = self.sanctions.remove(&(from, penalty)) {
                self.sanctions.insert((to, penalty), terms);
            }
        }
        self.sanctions.values_mut().filter(|terms| terms.by == from).for_each(|terms| terms.by = to);
    }
}

impl Sanctions {
    /// Carries out changes in their order, and returns what the store has to keep of them.
    pub(super) fn apply_all(&mut self, changes: Vec<SanctionChange>) -> Vec<Entry> {
        changes.into_iter().map(|change| self.apply(change)).collect()
    }

    fn apply(&mut self, change: SanctionChange) -> Entry {
        match change {
            SanctionChange::Imposed(sanction) => {
                self.insert(sanction.clone());
                Entry::Sanctioned(sanction)
            }
            SanctionChange::Lifted { penalty, subject } => {
                self.remove(penalty, subject);
                Entry::Lifted { penalty, subject }
            }
        }
    }
}
