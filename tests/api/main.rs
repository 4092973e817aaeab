//! The server from outside, on the embedded profile: a module per resource and aspect.
mod authentication;
mod comments;
#[path = "../common/mod.rs"]
mod common;
mod feeds;
mod follows;
mod http;
mod idempotency;
mod likes;
mod members;
mod operating;
mod posts;
mod profile;
mod sessions;
mod signup;
mod stream;
mod stream_ends;
mod support;
mod tokens;
