//! A server's database that a test makes fail. Of all tests outside the store, only this file knows what is in it.

use std::time::Duration;

use parlor::config::Config;
use parlor::model::StoreAddress;
use rusqlite::Connection;

use super::{TestServer, eventually};

/// A connection of the test to the database of a server.
pub struct FailingDatabase(Connection);

impl FailingDatabase {
    /// A server over a database, and that database.
    pub fn under_server(change: impl FnOnce(&mut Config)) -> (TestServer, FailingDatabase) {
        let server = TestServer::with(|config| {
            config.data = StoreAddress::Folder(config.users.with_file_name("data"));
            change(config);
        });
        let connection = Connection::open(server.dir.path().join("data/parlor.db")).unwrap();
        connection.busy_timeout(Duration::from_secs(20)).unwrap();
        (server, FailingDatabase(connection))
    }

    /// Makes one kind of change fail from now on, such as `INSERT ON token`.
    pub fn refuse(&self, what: &str) {
        self.run(&format!("CREATE TRIGGER failing BEFORE {what} BEGIN SELECT RAISE(ABORT, 'a test'); END"));
    }

    /// Undoes [`FailingDatabase::refuse`], and waits until the server has noticed.
    pub fn repair(&self, server: &TestServer) {
        self.run("DROP TRIGGER failing");
        eventually("the store works again", || server.handle.hub().record(Vec::new()).is_ok());
    }

    /// Makes everything fail that reads or writes this table.
    pub fn hide(&self, table: &str) {
        self.run(&format!("ALTER TABLE {table} RENAME TO away"));
    }

    /// Undoes [`FailingDatabase::hide`].
    pub fn show(&self, table: &str) {
        self.run(&format!("ALTER TABLE away RENAME TO {table}"));
    }

    fn run(&self, sql: &str) {
        self.0.execute_batch(sql).unwrap();
    }
}
