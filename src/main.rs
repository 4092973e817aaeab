//! The `dailyfeed` binary: parses arguments, loads the configuration, runs the command, sets the exit code.
use anyhow::Context;
use clap::Parser;
use dailyfeed::{
    app, audit, bench,
    cli::{Bench, Cli, Command},
    config::Config,
    reindex, seed, telemetry,
};
use std::{io::Write, process::ExitCode};

/// Takes a quarter of the memory of the system allocator under load, and serves more requests: `docs/PERFORMANCE.md`.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[tokio::main]
async fn main() -> ExitCode {
    match run(Cli::parse()).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("dailyfeed: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    if let Some(Command::Bench(what)) = cli.command {
        match what {
            Bench::Sse(options) => bench::sse::run(options).await?,
            Bench::Load(options) => bench::load::run(options).await?,
        }
        return Ok(ExitCode::SUCCESS);
    }
    let loaded = Config::load(cli.config.as_deref()).context("cannot load the configuration")?;
    telemetry::init_tracing(&loaded.config.log);
    match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => app::serve(loaded.config).await?,
        Command::Config => {
            let mut out = std::io::stdout().lock();
            for row in loaded.rows {
                writeln!(out, "{} = {}  # {}", row.key, row.value, row.origin)?;
            }
        }
        Command::Seed(options) => println!("{}", seed::run(&loaded.config, &options).await?),
        Command::Reindex => println!("{}", reindex::run(&loaded.config).await?),
        Command::Audit => {
            let drift = audit::run(&loaded.config).await?;
            println!("drift {drift}");
            return Ok(if drift == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        Command::Bench(_) => {}
    }
    Ok(ExitCode::SUCCESS)
}
