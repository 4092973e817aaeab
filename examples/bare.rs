//! A minimal axum server that returns the bytes of a file for every request: the upper bound for measurements of the
//! home feed. `cargo run --example bare -- 127.0.0.1:8090 body.json`
use axum::{Router, body::Bytes, http::header, routing::any};
use std::net::SocketAddr;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let address: SocketAddr = arguments.next().unwrap_or_else(|| "127.0.0.1:8090".to_owned()).parse()?;
    let body = Bytes::from(std::fs::read(arguments.next().unwrap_or_else(|| "body.json".to_owned()))?);
    let handler = move || {
        let body = body.clone();
        async move { ([(header::CONTENT_TYPE, "application/json")], body) }
    };
    let listener = tokio::net::TcpListener::bind(address).await?;
    axum::serve(listener, Router::new().fallback(any(handler))).await?;
    Ok(())
}
