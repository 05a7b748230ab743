//! Where a server keeps what outlives its sessions: the setting `data`, as an address.

use std::fmt;
use std::path::{Path, PathBuf};

/// The address of a store. Each form is one implementation in the folder `store`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreAddress {
    /// `none`: in the memory of the server, until it ends.
    Memory,
    /// A path: a database in this folder of this machine. A folder called `none` is `./none`.
    Folder(PathBuf),
}

impl StoreAddress {
    /// Parses an address, which is a path of this system unless it is `none` or has a scheme (`name://…`).
    ///
    /// # Errors
    /// A sentence, if it has a scheme: no store of this build is reached over a network.
    pub fn parse(text: PathBuf) -> Result<StoreAddress, &'static str> {
        match text.to_str().and_then(scheme) {
            Some("postgres" | "postgresql") => Err("must be a folder or none (this build has no PostgreSQL)"),
            Some(_) => Err("must be a folder or none"),
            None if text == Path::new("none") => Ok(StoreAddress::Memory),
            None => Ok(StoreAddress::Folder(text)),
        }
    }

    /// The store's folder on this machine, if it has one. Files of the running server that belong to the store, such as
    /// the socket of the console, are there too; a store without a folder has none of them.
    pub fn folder(&self) -> Option<&Path> {
        match self {
            StoreAddress::Memory => None,
            StoreAddress::Folder(path) => Some(path),
        }
    }
}

/// The scheme of a URL: what comes before `://`, where it looks like one (RFC 3986, section 3.1).
fn scheme(text: &str) -> Option<&str> {
    let (scheme, _) = text.split_once("://")?;
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    (scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(fits)).then_some(scheme)
}

impl fmt::Display for StoreAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreAddress::Memory => f.write_str("none"),
            StoreAddress::Folder(path) => path.display().fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_folder_and_none_is_memory() {
        assert_eq!(StoreAddress::parse("none".into()), Ok(StoreAddress::Memory));
        for path in ["data", "./none", "/var/lib/parlor", "None", "a:b", "./x://y", "://", "9p://x"] {
            let address = StoreAddress::parse(path.into());
            assert_eq!(address, Ok(StoreAddress::Folder(path.into())));
            assert_eq!(address.map(|address| address.to_string()), Ok(path.to_owned()));
        }
        assert_eq!(StoreAddress::Memory.to_string(), "none");
    }

    #[test]
    fn an_address_of_another_kind_of_store_is_refused() {
        let postgres = Err("must be a folder or none (this build has no PostgreSQL)");
        assert_eq!(StoreAddress::parse("postgres://parlor@db/chat".into()), postgres);
        assert_eq!(StoreAddress::parse("postgresql://".into()), postgres);
        assert_eq!(StoreAddress::parse("redis://cache".into()), Err("must be a folder or none"));
    }
}
