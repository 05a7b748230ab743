//! A naive model of the hub: lists instead of maps of maps, and no audiences. The hub has to say what it says.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use crate::hub::JoinVia;
use crate::model::{
    EventKind, GroupError, GroupNews, GroupRole, GroupSettings, Name, Penalty, Sanction, SanctionTerms, UserError,
};

pub(super) type Answer = Result<(), UserError>;

/// The naive model: who is online in the order they came, and who is in which group.
pub(super) struct Model {
    here: Vec<(u64, Name)>,
    pub(super) groups: BTreeMap<Name, ModelGroup>,
    pub(super) told: BTreeMap<u64, Vec<EventKind>>,
    /// Messages to users who are offline.
    missed: BTreeMap<Name, Vec<String>>,
    /// Messages in each group while a user was a member of it.
    pub(super) heard: BTreeMap<(Name, Name), Vec<String>>,
    /// Sanctions that operators have imposed and not lifted.
    pub(super) sanctions: Vec<Sanction>,
    pub(super) now: SystemTime,
}

/// A group of the model.
#[derive(Clone, Default)]
pub(super) struct ModelGroup {
    /// In the order in which they joined.
    pub(super) members: Vec<(Name, GroupRole)>,
    pub(super) settings: GroupSettings,
    pub(super) sanctions: Vec<(Name, Penalty, SanctionTerms)>,
    pub(super) invited: Vec<(Name, SystemTime)>,
}

impl ModelGroup {
    pub(super) fn role(&self, user: Name) -> Option<GroupRole> {
        self.members.iter().find(|(name, _)| *name == user).map(|(_, role)| *role)
    }

    pub(super) fn terms(&self, user: Name, penalty: Penalty, now: SystemTime) -> Option<&SanctionTerms> {
        let found = self.sanctions.iter().find(|(of, kind, _)| *of == user && *kind == penalty);
        found.map(|(.., terms)| terms).filter(|terms| terms.until.is_none_or(|until| now < until))
    }

    fn invited(&self, user: Name, now: SystemTime) -> bool {
        self.invited.iter().any(|(name, until)| *name == user && now < *until)
    }

    pub(super) fn set_role(&mut self, user: Name, role: GroupRole) {
        self.members.iter_mut().filter(|(name, _)| *name == user).for_each(|member| member.1 = role);
    }

    /// Takes a member out, and says who inherits the group.
    fn remove(&mut self, user: Name) -> Option<Name> {
        let owned = self.role(user) == Some(GroupRole::Owner);
        self.members.retain(|(name, _)| *name != user);
        if !owned || self.members.iter().any(|(_, role)| *role == GroupRole::Owner) {
            return None;
        }
        let admin = self.members.iter().find(|(_, role)| *role == GroupRole::Admin);
        let heir = admin.or(self.members.first()).map(|(name, _)| *name)?;
        self.set_role(heir, GroupRole::Owner);
        Some(heir)
    }
}

impl Model {
    pub(super) fn new() -> Model {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
        let (here, groups, told, missed, heard, sanctions) = Default::default();
        Model { here, groups, told, missed, heard, sanctions, now }
    }

    pub(super) fn tell(&mut self, kind: &EventKind, hears: impl Fn(Name) -> bool) {
        for (id, user) in &self.here {
            if hears(*user) {
                self.told.entry(*id).or_default().push(kind.clone());
            }
        }
    }

    pub(super) fn tell_news(&mut self, group: Name, news: GroupNews, except: Option<Name>) {
        let members = self.groups.get(&group).map(|group| group.members.clone()).unwrap_or_default();
        let hears = |user| except != Some(user) && members.iter().any(|(name, _)| *name == user);
        self.tell(&EventKind::Group { group, news }, hears);
    }

    pub(super) fn is_here(&self, user: Name) -> bool {
        self.here.iter().any(|(_, name)| *name == user)
    }

    /// Lets a session in, and returns what its user missed.
    pub(super) fn come(&mut self, id: u64, user: Name) -> Vec<String> {
        if !self.is_here(user) {
            self.tell(&EventKind::UserJoined { user }, |_| true);
        }
        self.here.push((id, user));
        self.missed.remove(&user).unwrap_or_default()
    }

    pub(super) fn go(&mut self, at: usize) {
        let (id, user) = self.here.remove(at);
        self.told.remove(&id);
        if !self.is_here(user) {
            self.groups.values_mut().filter(|group| !group.settings.keep).for_each(|group| {
                group.remove(user);
            });
            self.groups.retain(|_, group| !group.members.is_empty());
            self.tell(&EventKind::UserLeft { user }, |_| true);
        }
    }

    pub(super) fn whisper(&mut self, from: Name, to: Name, text: String) -> Answer {
        self.tell(&EventKind::PrivateMessage { from, text: text.as_str().into() }, |name| name == to);
        self.tell(&EventKind::PrivateMessageSent { to, text: text.as_str().into() }, |name| name == from);
        if !self.is_here(to) {
            self.tell(&EventKind::StoredFor { user: to }, |name| name == from);
            self.missed.entry(to).or_default().push(text);
        }
        Ok(())
    }

    /// The group, for a user who may know of it.
    fn shown(&self, me: Name, group: Name) -> Result<&ModelGroup, UserError> {
        let unknown = || UserError::NoSuchGroup(group.to_string());
        let entry = self.groups.get(&group).ok_or_else(unknown)?;
        let shown = !entry.settings.private || entry.role(me).is_some() || entry.invited(me, self.now);
        if shown { Ok(entry) } else { Err(unknown()) }
    }

    fn member(&self, me: Name, group: Name) -> Result<(ModelGroup, GroupRole), UserError> {
        let entry = self.shown(me, group)?;
        entry.role(me).map(|role| (entry.clone(), role)).ok_or(UserError::NotMember(group))
    }

    pub(super) fn with_role(
        &self,
        me: Name,
        group: Name,
        needed: GroupRole,
    ) -> Result<(ModelGroup, GroupRole), UserError> {
        let (entry, role) = self.member(me, group)?;
        if role >= needed { Ok((entry, role)) } else { Err(GroupError::NeedsRole(group, needed).into()) }
    }

    pub(super) fn with_power_over(&self, me: Name, group: Name, user: Name) -> Result<ModelGroup, UserError> {
        let (entry, mine) = self.with_role(me, group, GroupRole::Admin)?;
        match entry.role(user) {
            _ if user == me => Err(GroupError::Yourself.into()),
            Some(theirs) if theirs >= mine => Err(GroupError::Outranked(user, group, theirs).into()),
            _ => Ok(entry),
        }
    }

    pub(super) fn create(&mut self, me: Name, group: Name, settings: GroupSettings) -> Answer {
        if self.groups.contains_key(&group) {
            return Err(UserError::GroupExists(group));
        }
        if !settings.ephemeral {
            // It is another group, so the history of an earlier one is not its own.
            self.heard.retain(|(_, of), _| *of != group);
        }
        self.groups
            .insert(group, ModelGroup { members: vec![(me, GroupRole::Owner)], settings, ..ModelGroup::default() });
        self.tell(&EventKind::GroupCreated { group }, |name| name == me);
        Ok(())
    }

    pub(super) fn join(&mut self, me: Name, group: Name, way: JoinVia<'_>) -> Answer {
        let unknown = UserError::NoSuchGroup(group.to_string());
        let not_invited: UserError = GroupError::NotInvited(group.to_string()).into();
        let (now, uninvited) = (self.now, matches!(way, JoinVia::Invitation));
        let Some(entry) = self.groups.get_mut(&group) else {
            return Err(if uninvited { not_invited } else { unknown });
        };
        let settings = &entry.settings;
        if entry.role(me).is_some() {
            return Err(UserError::AlreadyMember(group));
        }
        if !entry.invited(me, now) {
            let right = matches!(way, JoinVia::Password(given) if settings.password.as_ref() == Some(given));
            let locked = settings.password.is_some() && !right;
            if uninvited {
                return Err(not_invited);
            } else if settings.private && !right {
                return Err(unknown);
            } else if locked {
                let wrong = matches!(way, JoinVia::Password(_));
                return Err(
                    if wrong { GroupError::WrongPassword(group) } else { GroupError::NeedsPassword(group) }.into()
                );
            }
        }
        if let Some(ban) = entry.terms(me, Penalty::Ban, now) {
            return Err(GroupError::Banned(group, ban.until, ban.reason.clone()).into());
        }
        if let Some(limit) = settings.limit.filter(|limit| entry.members.len() >= *limit) {
            return Err(GroupError::Full(group, limit).into());
        }
        entry.invited.retain(|(name, _)| *name != me);
        entry.sanctions.retain(|(name, penalty, _)| *name != me || *penalty != Penalty::Ban);
        let others: Vec<Name> = entry.members.iter().map(|(name, _)| *name).collect();
        entry.members.push((me, GroupRole::Member));
        self.tell(&EventKind::MemberJoined { group, user: me }, |name| others.contains(&name));
        self.tell(&EventKind::YouJoined { group }, |name| name == me);
        Ok(())
    }

    /// Takes a member out of a group, which may be gone by that; says who inherits it.
    pub(super) fn take_out(&mut self, group: Name, user: Name) -> Option<Name> {
        let heir = self.groups.get_mut(&group).and_then(|entry| entry.remove(user));
        self.groups.retain(|_, entry| !entry.members.is_empty());
        heir
    }

    pub(super) fn leave(&mut self, me: Name, group: Name) -> Answer {
        let (entry, _) = self.member(me, group)?;
        let heir = self.take_out(group, me);
        let others: Vec<Name> = entry.members.iter().map(|(name, _)| *name).filter(|name| *name != me).collect();
        self.tell(&EventKind::MemberLeft { group, user: me }, |name| others.contains(&name));
        if let Some(user) = heir.filter(|_| entry.settings.keep) {
            self.tell_news(group, GroupNews::Role { user, role: GroupRole::Owner, by: None }, None);
        }
        self.tell(&EventKind::YouLeft { group, gone: others.is_empty() }, |name| name == me);
        Ok(())
    }

    pub(super) fn post(&mut self, me: Name, group: Name, text: String) -> Answer {
        let (entry, role) = self.member(me, group)?;
        if let Some(mute) = entry.terms(me, Penalty::Mute, self.now).filter(|_| role != GroupRole::Owner) {
            return Err(GroupError::Muted(group, mute.until, mute.reason.clone()).into());
        }
        if entry.settings.announce && role == GroupRole::Member {
            return Err(GroupError::AnnounceOnly(group).into());
        }
        for (user, _) in &entry.members {
            self.heard.entry((*user, group)).or_default().push(text.clone());
            if !self.is_here(*user) {
                self.missed.entry(*user).or_default().push(text.clone());
            }
        }
        self.tell(&EventKind::GroupMessage { group, from: me, text: text.into() }, |name| entry.role(name).is_some());
        Ok(())
    }

    /// The groups that a user may know of.
    pub(super) fn listed(&self, me: Name) -> Vec<Name> {
        self.groups.keys().filter(|group| self.shown(me, **group).is_ok()).copied().collect()
    }
}
