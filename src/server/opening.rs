//! The store at the start: opened, and brought to agree with the users file where something was interrupted.

use std::sync::Arc;

use crate::accounts::Accounts;
use crate::config::Config;
use crate::model::StartError;
use crate::store::{self, Entry, Store};

/// The store that the settings ask for.
pub(super) fn open_store(config: &Config, accounts: &Accounts) -> Result<Arc<dyn Store>, StartError> {
    let store = store::open(&config.data, &config.retention)?;
    let failed = |e| StartError::Config(format!("an interrupted renaming cannot be finished: {e}"));
    for (from, to) in store.renamings().map_err(failed)? {
        let left = accounts.finish_rename(&from, to)?;
        store.append(&[Entry::RenameSettled { from, to }]).map_err(failed)?;
        log::info!("rename finished user={from} name={to} rewritten={left}");
    }
    Ok(store)
}
