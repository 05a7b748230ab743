//! Groups under the central lock: who belongs to one and as what, who comes after its last owner, and what of it is to
//! be stored. Pure, as the rest of the state.

use std::collections::BTreeMap;
use std::time::SystemTime;

use super::state::{Audience, State};
use super::touched::Touched;
use crate::model::{
    Event, EventKind, GroupError, GroupNews, GroupRole, GroupSettings, Name, Penalty, SanctionTerms, UserError,
};
use crate::store::Entry;

/// A group: who belongs to it, which sessions hear what is said in it, and what its owners chose.
#[derive(Default)]
pub(super) struct Group {
    /// Members of a kept group may be away; those of any other are here.
    pub(super) members: BTreeMap<Name, Member>,
    /// Exactly the sessions of the members; kept beside them so that a message costs no look-up per member.
    pub(super) audience: Audience,
    pub(super) settings: GroupSettings,
    /// Who is banned or muted; of some of them that has ended.
    pub(super) sanctions: BTreeMap<(Name, Penalty), SanctionTerms>,
    /// Who may join it without a password, and until when.
    pub(super) invited: BTreeMap<Name, SystemTime>,
    /// The rank that the next member gets.
    pub(super) next_rank: u64,
}

/// What somebody is in a group.
#[derive(Clone, Copy)]
pub(super) struct Member {
    pub(super) role: GroupRole,
    /// Smaller for who has been in it for longer.
    pub(super) rank: u64,
}

/// What a member's leaving has changed beside that.
#[derive(Default)]
pub(super) struct Parting {
    /// He was the last one.
    pub(super) gone: bool,
    /// Who owns it now, where nobody else did.
    pub(super) heir: Option<Name>,
}

impl Group {
    pub(super) fn role(&self, user: &Name) -> Option<GroupRole> {
        self.members.get(user).map(|member| member.role)
    }

    /// What is withheld from a user at this moment.
    pub(super) fn ruling(&self, user: &Name, penalty: Penalty, now: SystemTime) -> Option<&SanctionTerms> {
        // Asked for each message, and nearly always without a sanction in the group.
        let laid = if self.sanctions.is_empty() { None } else { self.sanctions.get(&(*user, penalty)) };
        laid.filter(|ruling| ruling.holds(now))
    }

    pub(super) fn is_invited(&self, user: &Name, now: SystemTime) -> bool {
        self.invited.get(user).is_some_and(|until| now < *until)
    }

    /// Whether somebody may learn that it is there.
    pub(super) fn is_shown_to(&self, user: &Name, now: SystemTime) -> bool {
        !self.settings.private || self.members.contains_key(user) || self.is_invited(user, now)
    }

    /// Whether a member stays one while he is not here.
    pub(super) fn keeps(&self, user: &Name) -> bool {
        self.settings.keep && !user.is_guest()
    }

    /// Whether stays in it are stored, so that members see later what was said.
    pub(super) fn is_recorded(&self, user: &Name) -> bool {
        !self.settings.ephemeral && !user.is_guest()
    }

    pub(super) fn owners(&self) -> impl Iterator<Item = &Name> {
        self.members.iter().filter(|(_, member)| member.role == GroupRole::Owner).map(|(name, _)| name)
    }

    /// Who follows the last owner: the admin, or else the member, who has been there for longest. Of a kept group no
    /// guest can be owner after a restart, so none follows.
    pub(super) fn heir(&self) -> Option<Name> {
        let fit = self.members.iter().filter(|(name, _)| !self.settings.keep || !name.is_guest());
        fit.max_by_key(|(_, member)| (member.role, std::cmp::Reverse(member.rank))).map(|(name, _)| *name)
    }

    /// What the store is to know of a member, if it is to know of him.
    pub(super) fn member_entry(&self, group: Name, user: &Name) -> Option<Entry> {
        let member = self.members.get(user).filter(|_| self.keeps(user))?;
        Some(Entry::Member { group, user: *user, role: member.role, rank: member.rank })
    }
}

impl State {
    /// The group of this name, under the name it was made with.
    pub(super) fn group(&self, name: &Name) -> Result<(Name, &Group), UserError> {
        let (shown, group) = self.groups.get_key_value(name).ok_or_else(|| UserError::NoSuchGroup(name.to_string()))?;
        Ok((*shown, group))
    }

    /// As [`State::group`], for somebody from whom a private one is hidden.
    pub(super) fn group_for(&self, user: &Name, name: &Name, now: SystemTime) -> Result<(Name, &Group), UserError> {
        let (shown, group) = self.group(name)?;
        if group.is_shown_to(user, now) { Ok((shown, group)) } else { Err(UserError::NoSuchGroup(name.to_string())) }
    }

    /// The group of this name, which `user` has to be a member of, and what he is there.
    pub(super) fn group_of(&self, user: &Name, name: &Name, now: SystemTime) -> Result<(Name, GroupRole), UserError> {
        let (shown, group) = self.group_for(user, name, now)?;
        group.role(user).map(|role| (shown, role)).ok_or(UserError::NotMember(shown))
    }

    /// The group of this name, in which `user` has to be at least this.
    pub(super) fn group_run_by(
        &self,
        user: &Name,
        name: &Name,
        role: GroupRole,
        now: SystemTime,
    ) -> Result<(Name, GroupRole), UserError> {
        let (shown, his) = self.group_of(user, name, now)?;
        if his >= role { Ok((shown, his)) } else { Err(GroupError::NeedsRole(shown, role).into()) }
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
    pub(super) fn remove_member(&mut self, name: &Name, user: &Name, entries: &mut Vec<Entry>) -> Parting {
        let last = self.last;
        let Some(group) = self.groups.get_mut(name) else { return Parting::default() };
        let Some(member) = group.members.remove(user) else { return Parting::default() };
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
    pub(super) fn part(&mut self, name: &Name, role: GroupRole, entries: &mut Vec<Entry>) -> Parting {
        let Some(group) = self.groups.get_mut(name) else { return Parting::default() };
        if group.members.is_empty() {
            if group.settings.keep {
                entries.push(Entry::GroupGone { group: *name });
            }
            self.groups.remove(name);
            return Parting { gone: true, heir: None };
        }
        let heir = if role == GroupRole::Owner && group.owners().next().is_none() { group.heir() } else { None };
        if let Some(heir) = heir {
            group.members.entry(heir).and_modify(|member| member.role = GroupRole::Owner);
            entries.extend(group.member_entry(*name, &heir));
        }
        Parting { gone: false, heir }
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
    pub(super) fn tell_heir(&self, name: Name, heir: Option<Name>, touched: &mut Touched) {
        let kept = self.groups.get(&name).is_some_and(|group| group.settings.keep);
        if let Some(user) = heir.filter(|_| kept) {
            self.tell_news(name, GroupNews::Role { user, role: GroupRole::Owner, by: None }, None, touched);
        }
    }

    /// Tells the groups that somebody left by leaving the chat what that line does not say: how many are left in a room,
    /// and who owns a kept group now.
    pub(super) fn tell_parted(&self, user: Name, left: Vec<(Name, Option<Name>)>, touched: &mut Touched) {
        for (name, heir) in left {
            if self.groups.get(&name).is_some_and(|group| group.settings.room) {
                self.tell_room_left(name, user, touched);
            }
            self.tell_heir(name, heir, touched);
        }
    }

    /// Tells the members of a group, all but one.
    pub(super) fn tell_news(&self, group: Name, news: GroupNews, except: Option<&Name>, touched: &mut Touched) {
        self.tell_group(&group, &Event::new(EventKind::Group { group, news }), except, touched);
    }

    /// Tells one user something about a group.
    pub(super) fn tell_news_to(&self, user: &Name, group: Name, news: GroupNews, touched: &mut Touched) {
        self.tell_user(user, &Event::new(EventKind::Group { group, news }), touched);
    }

    /// The rooms of a user.
    pub(super) fn rooms_of(&self, user: &Name) -> Vec<Name> {
        let groups = self.memberships.get(user).into_iter().flatten();
        groups.filter(|name| self.groups.get(name).is_some_and(|group| group.settings.room)).copied().collect()
    }

    /// How many are in a group, and how many may be.
    pub(super) fn count(&self, group: &Name) -> (usize, usize) {
        let group = self.groups.get(group);
        group.map_or((0, 0), |group| (group.members.len(), group.settings.limit.unwrap_or(usize::MAX)))
    }
}
