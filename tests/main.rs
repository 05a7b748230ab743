//! All integration tests in one binary: a file per subject, and what they share in `support`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod accounts;
mod actions;
mod answers;
mod bell;
mod bounds;
#[allow(unreachable_pub, reason = "its driver is here for every scene")]
mod browser;
mod budget;
mod chat;
mod clients;
mod covered;
mod daemon;
mod documents;
mod ephemeral;
mod events;
mod floors;
mod framing;
mod groups;
mod history;
mod identity;
mod ignoring;
mod login;
mod logs;
mod machine;
mod offline;
mod operators;
mod presence;
#[allow(dead_code, unreachable_pub, reason = "helpers are here for every promise")]
mod promises;
mod replying;
mod second_login;
mod signals;
mod store;
#[allow(dead_code, unreachable_pub, reason = "what a subject needs next is often here already")]
mod support;
mod telnet;
mod transcripts;
mod typing;
#[allow(unreachable_pub, reason = "its helpers are here for each subject in it")]
mod web;
