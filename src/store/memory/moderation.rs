//! What operators keep order with, in memory.

use std::collections::BTreeMap;

use super::rename::rekey;
use crate::model::{Name, Penalty, Report, Role, Sanction, SanctionTarget};
use crate::store::Entry;

/// Roles, penalties and reports.
#[derive(Default)]
pub(super) struct Moderation {
    roles: BTreeMap<Name, Role>,
    sanctions: BTreeMap<(Penalty, SanctionTarget), Sanction>,
    reports: BTreeMap<u64, Report>,
}

impl Moderation {
    pub(super) fn apply(&mut self, entry: &Entry) {
        match entry {
            Entry::Role { user, role: Role::User } => drop(self.roles.remove(user)),
            Entry::Role { user, role } => drop(self.roles.insert(*user, *role)),
            Entry::Sanctioned(sanction) => {
                self.sanctions.insert((sanction.penalty, sanction.subject), sanction.clone());
            }
            Entry::Lifted { penalty, subject } => drop(self.sanctions.remove(&(*penalty, *subject))),
            Entry::Reported(report) => drop(self.reports.insert(report.number, report.clone())),
            Entry::ReportDone { number } => drop(self.reports.remove(number)),
            _ => {}
        }
    }

    /// The next one of this name has no role.
    pub(super) fn forget(&mut self, user: &Name) {
        self.roles.remove(user);
    }

    /// Whether he has a role, or something was laid upon him.
    pub(super) fn knows(&self, user: &Name) -> bool {
        let subject = SanctionTarget::User(*user);
        self.roles.contains_key(user) || self.sanctions.keys().any(|(_, upon)| *upon == subject)
    }

    pub(super) fn rename(&mut self, from: &Name, to: Name) {
        let now = |name: Name| if name == *from { to } else { name };
        rekey(&mut self.roles, now);
        rekey(&mut self.sanctions, |(penalty, subject)| (penalty, subject.renamed(from, to)));
        self.sanctions.values_mut().for_each(|sanction| *sanction = sanction.renamed(from, to));
        self.reports.values_mut().for_each(|report| *report = report.renamed(from, to));
    }

    pub(super) fn role(&self, user: &Name) -> Role {
        self.roles.get(user).copied().filter(|_| !user.is_guest()).unwrap_or_default()
    }

    pub(super) fn operators(&self) -> Vec<(Name, Role)> {
        self.roles.iter().map(|(user, role)| (*user, *role)).collect()
    }

    pub(super) fn sanctions(&self) -> Vec<Sanction> {
        self.sanctions.values().cloned().collect()
    }

    pub(super) fn reports(&self) -> Vec<Report> {
        self.reports.values().cloned().collect()
    }
}
