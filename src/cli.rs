//! [`Cli`]: the command line, its subcommands and their help.
use crate::{bench, seed};
use clap::{Parser, Subcommand};
use std::path::PathBuf;

/// Explains how to set configuration keys; printed at the end of `dailyfeed --help`.
const KEYS: &str = "Set configuration keys in the file or in the environment, which overrides the file: \
    http.listen is DAILYFEED_HTTP__LISTEN. Separate the items of a list by commas. `dailyfeed config` lists the keys.";

/// A social feed server in one binary
#[derive(Debug, Parser)]
#[command(version, about, long_about = None, after_help = KEYS)]
pub struct Cli {
    /// Configuration file (TOML) [default: ./dailyfeed.toml if it exists]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Command to run [default: serve]
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// A subcommand.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Starts the server (the default command)
    ///
    /// Creates the data folder at the first start, prints four lines with the addresses of API, documentation and
    /// metrics and the data folder, and runs until SIGTERM or Ctrl-C. Exit code 1: the server cannot start, or its
    /// actors kept failing.
    Serve,
    /// Prints the effective configuration: every key, its value and the origin of the value
    ///
    /// The output is a valid configuration file. Secrets are masked. Exit code 1: an unknown key or an invalid value.
    Config,
    /// Fills the data folder of a stopped server with members, follows and posts, in Korean and English
    ///
    /// The password of every seeded member is Passw0rd!, so never seed a server that strangers can reach. Progress goes
    /// to standard error, the totals to standard output. Exit code 1: a server uses the data folder, or it was seeded
    /// before.
    Seed(seed::Options),
    /// Recomputes every counter, prints `drift N`, and fails unless N is 0; can run beside a server
    Audit,
    /// Builds a new search index, in the running server or without one
    ///
    /// Sends the command to the server at `admin.listen` and waits until the new index is live; searches continue
    /// meanwhile. Without a server, builds the index itself. Exit code 1: the index cannot be built.
    Reindex,
    /// Measures a running server
    #[command(subcommand)]
    Bench(Bench),
}

/// A measurement.
#[derive(Debug, Subcommand)]
pub enum Bench {
    /// Holds live streams, creates posts, and reports latency, lost and duplicate events
    Sse(bench::sse::Options),
    /// Sends requests at a fixed rate or in the pattern of users, and reports latencies
    Load(bench::load::Options),
}
