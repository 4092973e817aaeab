//! The command line.
use crate::{bench, seed};
use clap::{Parser, Subcommand};
use std::path::PathBuf;

/// How keys are given, under every `--help` of the whole command.
const KEYS: &str = "Every key of the configuration can be given in the file or in the environment, which wins: \
    http.listen is DAILYFEED_HTTP__LISTEN. A list there is separated by commas. `dailyfeed config` lists the keys.";

/// A social feed server in one binary
#[derive(Debug, Parser)]
#[command(version, about, long_about = None, after_help = KEYS)]
pub struct Cli {
    /// Configuration file (TOML); without it ./dailyfeed.toml where there is one
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What to do; without it the server is started
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Starts the server (this is what happens without a command)
    ///
    /// Makes its data folder at first start, says in four lines where the API, its documentation, the metrics and the data are,
    /// and runs until SIGTERM or Ctrl-C. Exit code 1: it could not be started, or its actors kept failing.
    Serve,
    /// Prints the effective configuration: every key, its value, and where that came from
    ///
    /// What is printed is a configuration file itself. Secrets are masked. Exit code 1: an unknown key or a bad value.
    Config,
    /// Fills a stopped server with members, follows and posts, Korean and English
    ///
    /// Every seeded member's password is Passw0rd!, so never seed a server that strangers can reach. Progress goes to
    /// standard error, the totals to standard output. Exit code 1: a server has the data folder, or it was seeded before.
    Seed(seed::Options),
    /// Recomputes every counter, prints `drift N`, and fails unless N is 0; may run beside a server
    Audit,
    /// Builds a new search index: beside the live one where a server runs, else on its own
    ///
    /// Asks the server at `admin.listen`, and waits until the new index has taken over; searches go on meanwhile. Exit
    /// code 1: it could not be built.
    Reindex,
    /// Measures a running server
    #[command(subcommand)]
    Bench(Bench),
}

/// What to measure.
#[derive(Debug, Subcommand)]
pub enum Bench {
    /// Holds live streams, writes posts, and reports latency, losses and doubles
    Sse(bench::sse::Options),
    /// Offers requests at a rate, or as users would, and reports latencies
    Load(bench::load::Options),
}
