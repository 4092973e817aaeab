//! dailyfeed: a social feed server in one process.
//!
//! One layer per folder, and imports that only point down:
//! [`http`] → [`actors`] → [`storage`] → [`domain`]. Only [`app`] names them all.
pub mod actors;
pub mod app;

pub mod bench;
pub mod causes;
pub mod cli;
pub mod config;
pub mod domain;
pub mod files;
pub mod http;

pub mod reindex;
pub mod seed;
pub mod signals;
pub mod storage;
pub mod telemetry;
