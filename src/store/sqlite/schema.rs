//! The tables, version by version, and how an older database becomes one of this version.
//!
//! A step that was ever released is never changed: a new version is a new step at the end.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::copy;
use super::file::refusal;
use crate::model::StartError;

/// What makes version 1 out of nothing, version 2 out of version 1, and so on.
pub(super) const STEPS: &[&str] = &[include_str!("v1.sql")];

/// Stands in the header of every database of Parlor ("Parl"), so that no other one is taken for it.
pub(super) const APPLICATION: i64 = 0x5061_726C;

/// The number of the conversation that everybody is in.
pub(super) const EVERYBODY: i64 = 1;

/// Which version a database has; 0 when it has no tables yet.
pub(super) fn version(conn: &Connection) -> rusqlite::Result<usize> {
    conn.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0)).map(|n| usize::try_from(n).unwrap_or(0))
}

/// Takes the steps that a database lacks, each whole or not at all. Of one that holds something, a copy is made first.
pub(super) fn upgrade(conn: &mut Connection, path: &Path, steps: &[&str]) -> Result<(), StartError> {
    let failed = |e: rusqlite::Error| refusal(path, format!("cannot be upgraded: {e}"));
    let from = version(conn).map_err(failed)?;
    if from > 0 && from < steps.len() {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".v{from}.bak"));
        let copy = Path::new(&name);
        copy::replace(conn, copy)?;
        log::info!("database upgraded from={from} to={} copy={}", steps.len(), copy.display());
    }
    for (at, step) in steps.iter().enumerate().skip(from) {
        let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        transaction.execute_batch(step).map_err(failed)?;
        transaction.pragma_update(None, "user_version", at as i64 + 1).map_err(failed)?;
        transaction.commit().map_err(failed)?;
    }
    Ok(())
}
