//! Parlor: a chat server for people who have nothing but `nc` or `telnet`.
//!
//! The **hub** knows who is here, who is in which group and what each has still to be sent; it knows no sockets and no text.
//! A **session** is one client's thread: it reads lines, runs **commands** against the hub, and afterwards writes out what it caused.
//! Everything a person can be told is a typed **event**; a **protocol** turns events into bytes.
//!
//! The floors, from the ground up; a file imports only lower floors and its own folder:
//!
//! | floor | folders |
//! | --- | --- |
//! | 0 | [`model`], [`thread`], [`failpoint`], `files`, `log_limit`, `semaphore`, `sync` |
//! | 1 | [`accounts`], [`transport`], [`protocol`], [`store`] |
//! | 2 | [`hub`] |
//! | 3 | [`admin`] |
//! | 4 | [`command`] |
//! | 5 | `session` |
//! | 6 | `web` |
//! | 7 | [`server`]; [`config`] and [`logging`] stand beside it |

pub mod accounts;
pub mod admin;
pub mod cli;
pub mod command;
pub mod config;
pub mod failpoint;
mod files;
pub mod hub;
mod log_limit;
pub mod logging;
pub mod model;
pub mod protocol;
mod semaphore;
pub mod server;
mod session;
pub mod store;
mod sync;
pub mod thread;
pub mod transport;
mod web;
