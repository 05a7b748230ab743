//! What changes the maps: who comes and goes, who joins and leaves a group, what its roles and settings are, and what the
//! store is told of it.

use std::sync::Arc;

use super::client::Client;
use super::outbox::FlushList;
use super::state::{GroupState, Hub, HubState, Member, MemberRemoval, ReplyPartners, SessionRemoval};
use crate::model::{Event, EventKind, GroupNews, GroupRole, Name, Penalty, UserError};
use crate::store::Entry;

impl Hub {
    /// Does something in one section of the lock, and waits until what is to be stored of it is; if the store does not
    /// work, it is stored later.
    pub(super) fn change<T>(
        &self,
        work: impl FnOnce(&mut HubState, &mut Vec<Entry>) -> Result<T, UserError>,
    ) -> Result<T, UserError> {
        let (answer, batch) = self.locked(|state| {
            let mut entries = Vec::new();
            let answer = work(state, &mut entries)?;
            // Submitted where it became true, so that it has its place among the messages.
            let batch = (!entries.is_empty()).then(|| self.inner.log.submit(entries));
            Ok::<_, UserError>((answer, batch))
        })?;
        if let Some(batch) = batch {
            let _ = self.commit(&batch);
        }
        Ok(answer)
    }
}

impl HubState {
    /// Puts a session in. With others of its user there already it hears his groups from now on.
    pub(super) fn insert(&mut self, client: &Arc<Client>) {
        self.clients.insert(client.id, Arc::clone(client));
        let user = self.queues.entry(client.name).or_default();
        user.since.get_or_insert(client.since);
        user.sessions.insert(client.id, Arc::clone(client));
        for name in self.memberships.get(&client.name).into_iter().flatten() {
            if let Some(group) = self.groups.get_mut(name) {
                group.audience.insert(client.id, Arc::clone(client));
            }
        }
    }

    /// Takes a session out; with the last one of a user he leaves all his groups that are not kept. Says what that ended,
    /// and what is to be stored of it.
    pub(super) fn remove(&mut self, client: &Client, entries: &mut Vec<Entry>) -> SessionRemoval {
        if self.clients.remove(&client.id).is_none() {
            return SessionRemoval::default();
        }
        let Some(user) = self.queues.get_mut(&client.name) else { return SessionRemoval::default() };
        user.sessions.remove(&client.id);
        let last = user.sessions.is_empty();
        let mut leaves = Vec::new();
        for name in self.memberships.get(&client.name).into_iter().flatten() {
            let Some(group) = self.groups.get_mut(name) else { continue };
            group.audience.remove(&client.id);
            if last && !group.keeps(&client.name) {
                leaves.push(*name);
            }
        }
        if last {
            self.queues.remove(&client.name);
            if client.name.is_guest() {
                // The next one of this name is somebody else.
                self.forget_contact(&client.name);
                self.forget_ignored(&client.name);
            }
        }
        SessionRemoval { user: last, left: self.leave_all(&client.name, leaves, entries) }
    }

    /// Takes a user out of these groups at once.
    fn leave_all(&mut self, user: &Name, groups: Vec<Name>, entries: &mut Vec<Entry>) -> Vec<(Name, Option<Name>)> {
        let recorded = |name| self.groups.get(name).is_some_and(|group: &GroupState| group.is_recorded(user));
        if groups.iter().any(recorded) {
            // One word for all of them, which says nothing of those that are kept.
            entries.push(Entry::Left { user: *user, group: None, upto: self.last });
        }
        let mut ended = Vec::new();
        let each = groups.into_iter().map(|name| (name, self.remove_member(&name, user, &mut ended).heir));
        let left = each.collect();
        entries.extend(ended.into_iter().filter(|entry| !matches!(entry, Entry::Left { .. })));
        left
    }

    /// Makes `user`, who is here, a member of a group, which comes into being with its first one.
    pub(super) fn add_member(&mut self, name: Name, user: &Name, role: GroupRole, entries: &mut Vec<Entry>) {
        let Some(entry) = self.queues.get(user) else { return };
        self.memberships.entry(*user).or_default().insert(name);
        let group = self.groups.entry(name).or_default();
        // Where the last account left nobody but guests behind in a kept group, the next one owns it.
        let orphaned = group.keeps(user) && group.owners().next().is_none();
        let role = if orphaned { GroupRole::Owner } else { role };
        group.members.insert(*user, Member { role, rank: group.next_rank });
        group.next_rank += 1;
        group.invited.remove(user);
        group.audience.extend(entry.sessions.iter().map(|(id, client)| (*id, client.clone())));
        // From here on, under the lock, what is said in the group is for its new member too.
        if group.is_recorded(user) {
            entries.push(Entry::Entered { user: *user, group: name, after: self.last });
        }
        entries.extend(group.member_entry(name, user));
        // One that was there and has ended would otherwise stand beside his membership.
        if group.sanctions.remove(&(*user, Penalty::Ban)).is_some() && group.settings.keep {
            entries.push(Entry::MemberLifted { group: name, user: *user, penalty: Penalty::Ban });
        }
    }

    /// Takes `user` out of a group, which vanishes with its last one.
    pub(super) fn remove_member(&mut self, name: &Name, user: &Name, entries: &mut Vec<Entry>) -> MemberRemoval {
        let last = self.last;
        let Some(group) = self.groups.get_mut(name) else { return MemberRemoval::default() };
        let Some(member) = group.members.remove(user) else { return MemberRemoval::default() };
        for id in self.queues.get(user).into_iter().flat_map(|user| user.sessions.keys()) {
            group.audience.remove(id);
        }
        if group.is_recorded(user) {
            entries.push(Entry::Left { user: *user, group: Some(*name), upto: last });
        }
        self.end_membership(name, user);
        self.part(name, member.role, entries)
    }

    /// What follows when somebody of this role is not in a group any more.
    pub(super) fn part(&mut self, name: &Name, role: GroupRole, entries: &mut Vec<Entry>) -> MemberRemoval {
        let Some(group) = self.groups.get_mut(name) else { return MemberRemoval::default() };
        if group.members.is_empty() {
            if group.settings.keep {
                entries.push(Entry::GroupGone { group: *name });
            }
            self.groups.remove(name);
            return MemberRemoval { gone: true, heir: None };
        }
        let heir = if role == GroupRole::Owner && group.owners().next().is_none() { group.heir() } else { None };
        if let Some(heir) = heir {
            group.members.entry(heir).and_modify(|member| member.role = GroupRole::Owner);
            entries.extend(group.member_entry(*name, &heir));
        }
        MemberRemoval { gone: false, heir }
    }

    fn end_membership(&mut self, name: &Name, user: &Name) {
        if let Some(groups) = self.memberships.get_mut(user) {
            groups.remove(name);
            if groups.is_empty() {
                self.memberships.remove(user);
            }
        }
    }

    /// Takes a group away from all who are in it.
    pub(super) fn remove_group(&mut self, name: &Name, entries: &mut Vec<Entry>) {
        let Some(group) = self.groups.remove(name) else { return };
        for user in group.members.keys() {
            self.end_membership(name, user);
            if group.is_recorded(user) {
                entries.push(Entry::Left { user: *user, group: Some(*name), upto: self.last });
            }
        }
        entries.extend(group.settings.keep.then_some(Entry::GroupGone { group: *name }));
    }

    /// Gives a member another role.
    pub(super) fn set_role(&mut self, name: Name, user: &Name, role: GroupRole, entries: &mut Vec<Entry>) {
        if let Some(group) = self.groups.get_mut(&name) {
            group.members.entry(*user).and_modify(|member| member.role = role);
            entries.extend(group.member_entry(name, user));
        }
    }

    /// Tells a kept group who owns it now. In any other the roles change hands silently, for its members are told
    /// nothing but who left.
    pub(super) fn tell_heir(&self, name: Name, heir: Option<Name>, flush_list: &mut FlushList) {
        let kept = self.groups.get(&name).is_some_and(|group| group.settings.keep);
        if let Some(user) = heir.filter(|_| kept) {
            self.tell_news(name, GroupNews::Role { user, role: GroupRole::Owner, by: None }, None, flush_list);
        }
    }

    /// Tells the groups that somebody left by leaving the chat what that line does not say: how many are left in a room,
    /// and who owns a kept group now.
    pub(super) fn tell_parted(&self, user: Name, left: Vec<(Name, Option<Name>)>, flush_list: &mut FlushList) {
        for (name, heir) in left {
            if self.groups.get(&name).is_some_and(|group| group.settings.room) {
                self.tell_room_left(name, user, flush_list);
            }
            self.tell_heir(name, heir, flush_list);
        }
    }

    /// Tells those who stay in a room that somebody left it.
    pub(super) fn tell_room_left(&self, room: Name, user: Name, flush_list: &mut FlushList) {
        let (count, limit) = self.count(&room);
        self.tell_news(room, GroupNews::RoomLeft { user, count, limit }, None, flush_list);
    }

    /// The entries that make a group kept, as it is now; whatever was kept of one of this name goes.
    pub(super) fn keep(&self, name: Name, entries: &mut Vec<Entry>) {
        let Some(group) = self.groups.get(&name) else { return };
        entries.push(Entry::GroupGone { group: name });
        entries.push(Entry::GroupKept { group: name, settings: group.settings.clone() });
        entries.extend(group.members.keys().filter_map(|user| group.member_entry(name, user)));
        entries.extend(group.sanctions.iter().map(|((user, penalty), ruling)| Entry::MemberSanctioned {
            group: name,
            user: *user,
            penalty: *penalty,
            ruling: ruling.clone(),
        }));
    }

    /// Ends what keeps a group: who is not here is no member any more.
    pub(super) fn unkeep(&mut self, name: Name, entries: &mut Vec<Entry>) {
        entries.push(Entry::GroupGone { group: name });
        let Some(group) = self.groups.get(&name) else { return };
        let away: Vec<Name> = group.members.keys().filter(|user| !self.queues.contains_key(user)).copied().collect();
        for user in away {
            self.remove_member(&name, &user, entries);
        }
    }

    /// Takes somebody who has no account any more out of the kept groups, where he would stay for ever.
    pub(super) fn forget(&mut self, user: Name, entries: &mut Vec<Entry>, flush_list: &mut FlushList) {
        let groups = self.memberships.get(&user).cloned().unwrap_or_default();
        for name in groups {
            if self.groups.get(&name).is_some_and(|group| group.settings.keep) {
                let heir = self.remove_member(&name, &user, entries).heir;
                let left = Event::new(EventKind::MemberLeft { group: name, user });
                self.tell_group(&name, &left, None, flush_list);
                self.tell_heir(name, heir, flush_list);
            }
        }
        // The store forgets these by itself.
        for group in self.groups.values_mut() {
            for penalty in [Penalty::Ban, Penalty::Mute] {
                group.sanctions.remove(&(user, penalty));
            }
        }
    }

    /// A user is gone for good: the next one of his name is somebody else.
    pub(super) fn forget_ignored(&mut self, user: &Name) {
        self.ignored.forget(user);
    }

    /// Nobody answers this one any more.
    pub(super) fn forget_contact(&mut self, gone: &Name) {
        for ReplyPartners { from, to } in self.queues.values_mut().map(|user| &mut user.reply) {
            from.get_mut().take_if(|name| name == gone);
            to.get_mut().take_if(|name| name == gone);
        }
    }

    /// Who answers this one answers the other name from now on.
    pub(super) fn rename_contact(&mut self, from: &Name, to: Name) {
        let touches = self.queues.values_mut().flat_map(|user| [user.reply.from.get_mut(), user.reply.to.get_mut()]);
        touches.flatten().filter(|name| **name == *from).for_each(|name| *name = to);
    }

    /// A user who is not here is called otherwise from now on.
    pub(super) fn rename(&mut self, from: Name, to: Name) {
        if let Some(groups) = self.memberships.remove(&from) {
            self.memberships.insert(to, groups);
        }
        self.groups.values_mut().for_each(|group| group.rename(from, to));
        self.ignored.rename(&from, to);
        self.rename_contact(&from, to);
    }
}

impl GroupState {
    pub(super) fn rename(&mut self, from: Name, to: Name) {
        // Names that differ in their letters' case alone are equal, and an equal key would stay as it is.
        if let Some(member) = self.members.remove(&from) {
            self.members.insert(to, member);
        }
        if let Some(until) = self.invited.remove(&from) {
            self.invited.insert(to, until);
        }
        for penalty in [Penalty::Ban, Penalty::Mute] {
            if let Some(ruling) = self.sanctions.remove(&(from, penalty)) {
                self.sanctions.insert((to, penalty), ruling);
            }
        }
        self.sanctions.values_mut().filter(|ruling| ruling.by == from).for_each(|ruling| ruling.by = to);
    }
}
