//! dailyfeed: a social feed server in one process.
//!
//! One layer per folder, and imports that only point down:
//! [`http`] → [`actors`] → [`storage`] → [`domain`]. Only [`app`] names them all.
// A guard that outlived its statement once stopped the whole server: ADR 0023. Not in Cargo.toml: in tests these two
// report every server that has a folder to remove.
#![cfg_attr(not(test), warn(clippy::significant_drop_in_scrutinee, clippy::significant_drop_tightening))]

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
