//! dailyfeed: a social feed server in one process.
//!
//! Each layer is a folder and imports only the layers below it:
//! [`http`] → [`actors`] → [`storage`] → [`domain`]. Only [`app`] imports all of them.
// A guard that outlived its statement once deadlocked the whole server: ADR 0023. These lints are not in Cargo.toml
// because in tests they report every server that owns a temporary folder.
#![cfg_attr(not(test), warn(clippy::significant_drop_in_scrutinee, clippy::significant_drop_tightening))]

#[cfg(test)]
mod acknowledgement_tests;

pub mod actors;
pub mod app;

pub mod bench;
pub mod causes;
pub mod cli;
mod client;
pub mod config;
pub mod domain;
pub mod files;
pub mod http;

pub mod reindex;
pub mod seed;
pub mod signals;
pub mod storage;
pub mod telemetry;
pub mod watchdog;
