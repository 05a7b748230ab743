//! What operators keep order with: roles, penalties and reports, written and read.

use rusqlite::{Connection, OptionalExtension, params};

use super::apply::run;
use super::row::{self, micros};
use super::write::Batch;
use crate::model::{Name, Penalty, Report, Role, Sanction, SanctionTarget};
use crate::store::{Entry, StoreError};

/// Makes one such change, as part of a batch.
pub(super) fn apply(batch: &Batch<'_>, entry: &Entry) -> Result<(), StoreError> {
    match entry {
        Entry::Role { user, role: Role::User } => {
            run(batch, "DELETE FROM server_role WHERE user = ?1", [user.as_str()])
        }
        Entry::Role { user, role } => {
            let sql = "INSERT OR REPLACE INTO server_role (user, role) VALUES (?1, ?2)";
            run(batch, sql, params![user.as_str(), *role as i64])
        }
        Entry::Sanctioned(sanction) => {
            let Sanction { penalty, subject, by, reason, made, until } = sanction;
            let sql = "INSERT OR REPLACE INTO sanction (penalty, subject, author, reason, made, expires) \
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            let (subject, until) = (subject.to_string(), until.map(micros));
            run(batch, sql, params![penalty.as_str(), subject, by, reason, micros(*made), until])
        }
        Entry::Lifted { penalty, subject } => {
            let sql = "DELETE FROM sanction WHERE penalty = ?1 AND subject = ?2";
            run(batch, sql, params![penalty.as_str(), subject.to_string()])
        }
        Entry::Reported(Report { number, at, by, about, why }) => {
            let sql = "INSERT OR REPLACE INTO report (number, at, author, about, why) VALUES (?1, ?2, ?3, ?4, ?5)";
            let by = by.as_ref().map(Name::as_str);
            run(batch, sql, params![number.cast_signed(), micros(*at), by, about, why])
        }
        Entry::ReportDone { number } => run(batch, "DELETE FROM report WHERE number = ?1", [number.cast_signed()]),
        _ => Ok(()),
    }
}

/// The role of a user.
pub(super) fn role(conn: &Connection, user: &Name) -> Result<Role, StoreError> {
    let mut find = conn.prepare_cached("SELECT role FROM server_role WHERE user = ?1")?;
    let number = find.query_row([user.as_str()], |row| row.get(0)).optional()?;
    number.map_or(Ok(Role::User), numbered)
}

/// Everybody with a role.
pub(super) fn operators(conn: &Connection) -> Result<Vec<(Name, Role)>, StoreError> {
    let mut find = conn.prepare_cached("SELECT user, role FROM server_role ORDER BY user")?;
    let mut rows = find.query([])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.push((row::name(&row.get::<_, String>(0)?)?, numbered(row.get(1)?)?));
    }
    Ok(all)
}

/// All penalties.
pub(super) fn sanctions(conn: &Connection) -> Result<Vec<Sanction>, StoreError> {
    let sql = "SELECT penalty, subject, author, reason, made, expires FROM sanction";
    let mut find = conn.prepare_cached(sql)?;
    let mut rows = find.query([])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let (penalty, subject): (String, String) = (row.get(0)?, row.get(1)?);
        let penalty = [Penalty::Ban, Penalty::Mute].into_iter().find(|known| known.as_str() == penalty);
        let damaged = || StoreError::Damaged("a penalty that is none".to_owned());
        all.push(Sanction {
            penalty: penalty.ok_or_else(damaged)?,
            subject: SanctionTarget::parse(&subject).ok_or_else(damaged)?,
            by: row.get(2)?,
            reason: row.get(3)?,
            made: row::time(row.get(4)?),
            until: row.get::<_, Option<i64>>(5)?.map(row::time),
        });
    }
    // As memory orders them.
    all.sort_by_key(|sanction| (sanction.penalty, sanction.subject));
    Ok(all)
}

/// All reports.
pub(super) fn reports(conn: &Connection) -> Result<Vec<Report>, StoreError> {
    let mut find = conn.prepare_cached("SELECT number, at, author, about, why FROM report ORDER BY number")?;
    let mut rows = find.query([])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.push(Report {
            number: row.get::<_, i64>(0)?.cast_unsigned(),
            at: row::time(row.get(1)?),
            by: row.get::<_, Option<String>>(2)?.map(|name| row::name(&name)).transpose()?,
            about: row.get(3)?,
            why: row.get(4)?,
        });
    }
    Ok(all)
}

fn numbered(number: i64) -> Result<Role, StoreError> {
    let all = [Role::User, Role::Moderator, Role::Admin];
    let found = all.into_iter().find(|role| *role as i64 == number);
    found.ok_or_else(|| StoreError::Damaged("a role that is none".to_owned()))
}
