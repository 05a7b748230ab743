//! A naive model of the hub: lists instead of maps of maps, and no audiences. What it says, the hub has to say.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{EventKind, Name, UserError};

/// The naive model: who is here in the order they came, and who is in which group. No maps of maps, no audiences.
#[derive(Default)]
pub(super) struct Model {
    here: Vec<(u64, Name)>,
    pub(super) groups: BTreeMap<Name, BTreeSet<Name>>,
    pub(super) told: BTreeMap<u64, Vec<EventKind>>,
    /// What was said privately to users who are away.
    missed: BTreeMap<Name, Vec<String>>,
}

impl Model {
    pub(super) fn tell(&mut self, kind: &EventKind, hears: impl Fn(Name) -> bool) {
        for (id, user) in &self.here {
            if hears(*user) {
                self.told.entry(*id).or_default().push(kind.clone());
            }
        }
    }

    pub(super) fn is_here(&self, user: Name) -> bool {
        self.here.iter().any(|(_, name)| *name == user)
    }

    /// Lets a session in, and says what its user missed.
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
            self.groups.values_mut().for_each(|members| {
                members.remove(&user);
            });
            self.groups.retain(|_, members| !members.is_empty());
            self.tell(&EventKind::UserLeft { user }, |_| true);
        }
    }

    pub(super) fn whisper(&mut self, from: Name, to: Name, text: String) -> Result<(), UserError> {
        self.tell(&EventKind::Whisper { from, text: text.clone() }, |name| name == to);
        self.tell(&EventKind::WhisperSent { to, text: text.clone() }, |name| name == from);
        if !self.is_here(to) {
            self.tell(&EventKind::KeptFor { user: to }, |name| name == from);
            self.missed.entry(to).or_default().push(text);
        }
        Ok(())
    }

    pub(super) fn members(&self, group: Name, me: Name) -> Result<BTreeSet<Name>, UserError> {
        let members = self.groups.get(&group).ok_or(UserError::NoSuchGroup(group.to_string()))?;
        if members.contains(&me) { Ok(members.clone()) } else { Err(UserError::NotMember(group)) }
    }

    pub(super) fn create(&mut self, me: Name, group: Name) -> Result<(), UserError> {
        if self.groups.contains_key(&group) {
            return Err(UserError::GroupExists(group));
        }
        self.groups.insert(group, BTreeSet::from([me]));
        self.tell(&EventKind::GroupCreated { group }, |name| name == me);
        Ok(())
    }

    pub(super) fn join(&mut self, me: Name, group: Name) -> Result<(), UserError> {
        let members = self.groups.get_mut(&group).ok_or(UserError::NoSuchGroup(group.to_string()))?;
        if !members.insert(me) {
            return Err(UserError::AlreadyMember(group));
        }
        let others = members.clone();
        self.tell(&EventKind::MemberJoined { group, user: me }, |name| name != me && others.contains(&name));
        self.tell(&EventKind::YouJoined { group }, |name| name == me);
        Ok(())
    }

    pub(super) fn leave(&mut self, me: Name, group: Name) -> Result<(), UserError> {
        let mut others = self.members(group, me)?;
        others.remove(&me);
        let gone = others.is_empty();
        if gone {
            self.groups.remove(&group)
        } else {
            self.groups.insert(group, others.clone())
        };
        self.tell(&EventKind::MemberLeft { group, user: me }, |name| others.contains(&name));
        self.tell(&EventKind::YouLeft { group, gone }, |name| name == me);
        Ok(())
    }

    pub(super) fn post(&mut self, me: Name, group: Name, text: String) -> Result<(), UserError> {
        let members = self.members(group, me)?;
        self.tell(&EventKind::GroupMessage { group, from: me, text }, |name| members.contains(&name));
        Ok(())
    }
}
