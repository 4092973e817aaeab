//! `dailyfeed reindex`: has the running server build a new search index, or builds it in this process.
use crate::{
    actors::search::{BuildReport, build_offline},
    client::Client,
    config::Config,
    storage::{self, Stores},
};
use anyhow::{Context, bail};
use serde_json::Value;
use std::{net::SocketAddr, time::Duration};

/// Interval between two requests for the state of the build.
const EVERY: Duration = Duration::from_millis(200);

/// Builds a search index and returns its figures as one line.
pub async fn run(config: &Config) -> anyhow::Result<String> {
    let address: SocketAddr = config.admin.listen.parse().context("admin.listen is not an address")?;
    match Client::open(address, 0, None).await {
        Ok(server) => by_server(server).await,
        Err(_) => in_this_process(config).await,
    }
}

async fn in_this_process(config: &Config) -> anyhow::Result<String> {
    storage::require_database(config)?;
    let stores = Stores::open(config).await.context("found no server at admin.listen, and cannot open the stores")?;
    let BuildReport { size, elapsed } = build_offline(&stores, config).await?;
    Ok(format!("{} documents, {} bytes, {} ms", size.documents, size.bytes, elapsed.as_millis()))
}

async fn by_server(mut server: Client) -> anyhow::Result<String> {
    let before = server.json("POST", "/admin/search/reindex", None).await?;
    let count = |status: &Value, name: &str| status[name].as_u64().unwrap_or(0);
    loop {
        tokio::time::sleep(EVERY).await;
        let now = server.json("GET", "/admin/search", None).await?;
        if count(&now, "built") > count(&before, "built") {
            return Ok(format!("{} documents", count(&now, "documents")));
        }
        if count(&now, "failed") > count(&before, "failed") {
            bail!("the server cannot build the search index: {}", now["error"].as_str().unwrap_or("see its log"));
        }
    }
}
