//! Limits of image uploads and reads: permits, time, disk, memory, rate; where images are stored, and their metrics.
use crate::{
    common::{Member, TIMEOUT},
    image_fixtures::{encoded, form, gif_of, jpeg, photo, png_of_zeros},
    process::Process,
    support::{member, problem, start_server, until},
};
use futures::{StreamExt, stream};
use image::ImageFormat;
use reqwest::{Body, Method};
use serde_json::json;
use std::time::Duration;
use tokio::sync::oneshot;

/// Returns a form whose second half is sent once the sender fires.
fn in_two_halves(image: &[u8]) -> (Body, oneshot::Sender<()>) {
    let form = form(&[("purpose", b"post"), ("image", image)]);
    let (first, second) = (form[..form.len() / 2].to_vec(), form[form.len() / 2..].to_vec());
    let (release, released) = oneshot::channel();
    let second = async move {
        let _ = released.await;
        Ok(second)
    };
    let pieces = stream::once(async { Ok::<_, std::io::Error>(first) }).chain(stream::once(second));
    (Body::wrap_stream(pieces), release)
}

/// Starts an upload that stalls until the sender fires.
fn start_upload(who: &Member) -> (tokio::task::JoinHandle<reqwest::Response>, oneshot::Sender<()>) {
    let (body, go_on) = in_two_halves(&jpeg(40, 20));
    let who = who.clone();
    (tokio::spawn(async move { who.send_form("/api/images", body).await }), go_on)
}

/// Stalled uploads, each with the sender that lets it finish.
type Stalled = Vec<(tokio::task::JoinHandle<reqwest::Response>, oneshot::Sender<()>)>;

/// Starts one more upload than there are permits. Returns the uploads that hold a permit and the response of the
/// refused one.
async fn exhaust_permits(who: &Member, permits: usize) -> (Stalled, reqwest::Response) {
    let mut stalled: Stalled = (0..=permits).map(|_| start_upload(who)).collect();
    let (refused, at, _) = futures::future::select_all(stalled.iter_mut().map(|(upload, _)| upload)).await;
    stalled.remove(at);
    (stalled, refused.unwrap())
}

#[tokio::test]
async fn an_upload_without_a_free_permit_is_busy() {
    let server = start_server(|config| (config.images.decoders, config.images.waiting_max) = (1, 1)).await;
    let who = server.member().await;
    let (stalled, refused) = exhaust_permits(&who, 2).await;
    assert!(refused.headers().contains_key("retry-after"));
    problem(refused, 503, "BUSY").await;
    problem(who.send_image("post", &jpeg(40, 20)).await, 503, "BUSY").await;
    for (upload, go_on) in stalled {
        go_on.send(()).unwrap();
        assert_eq!(upload.await.unwrap().status(), 201);
    }
    assert_eq!(who.send_image("post", &jpeg(40, 20)).await.status(), 201);
    server.app.shutdown().await;
}

#[tokio::test]
async fn one_member_cannot_hold_every_upload_permit() {
    let server = start_server(|config| config.images.waiting_max = 6).await;
    let (who, other) = (server.member().await, server.member().await);
    let (stalled, refused) = exhaust_permits(&who, 4).await;
    problem(refused, 503, "BUSY").await;
    assert_eq!(other.send_image("post", &jpeg(40, 20)).await.status(), 201);
    for (upload, go_on) in stalled {
        go_on.send(()).unwrap();
        assert_eq!(upload.await.unwrap().status(), 201);
    }
    assert_eq!(who.send_image("post", &jpeg(40, 20)).await.status(), 201);
    server.app.shutdown().await;
}

#[tokio::test]
async fn a_page_of_images_is_within_the_rate_limit_and_a_flood_is_not() {
    // The limit is below the rate that the slowest machine reaches.
    let server = start_server(|config| (config.limits.enabled, config.limits.image_per_second) = (true, 125)).await;
    let who = server.member().await;
    let image = who.image("profile", &jpeg(40, 40)).await;
    let url = format!("{}{}", server.base, image["thumbnailUrl"].as_str().unwrap());
    let client = crate::common::client();
    let fetched = futures::future::join_all((0..120).map(|_| client.get(&url).send())).await;
    assert!(fetched.into_iter().all(|answer| answer.unwrap().status() == 200));
    let flood = stream::iter(0..5_000).map(|_| client.get(&url).send()).buffer_unordered(32);
    let refused = flood.filter(|answer| std::future::ready(answer.as_ref().unwrap().status() == 429));
    assert!(
        std::pin::pin!(refused)
            .next()
            .await
            .is_some_and(|answer| answer.unwrap().headers().contains_key("retry-after"))
    );
    server.app.shutdown().await;
}

#[tokio::test]
async fn a_stalled_upload_times_out() {
    let server = start_server(|config| config.images.upload_timeout_ms = 1_000).await;
    let who = server.member().await;
    let (upload, _never) = start_upload(&who);
    problem(upload.await.unwrap(), 408, "REQUEST_TIMEOUT").await;
    server.app.shutdown().await;
}

#[tokio::test]
async fn an_upload_may_exceed_the_request_timeout() {
    // Long enough for a signup on a busy machine.
    let server = start_server(|config| config.http.request_timeout_ms = 2_000).await;
    let who = server.member().await;
    let (upload, go_on) = start_upload(&who);
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    go_on.send(()).unwrap();
    assert_eq!(upload.await.unwrap().status(), 201);
    server.app.shutdown().await;
}

#[tokio::test]
async fn an_aborted_upload_releases_its_permit() {
    let server = start_server(|config| (config.images.decoders, config.images.waiting_max) = (1, 0)).await;
    let who = server.member().await;
    let (stalled, refused) = exhaust_permits(&who, 1).await;
    assert_eq!(refused.status(), 503);
    stalled[0].0.abort();
    until(async || (who.send_image("post", &jpeg(40, 20)).await.status() == 201).then_some(())).await;
    server.app.shutdown().await;
}

#[tokio::test]
async fn a_member_has_at_most_a_hundred_unused_images() {
    let who = member().await;
    let dot = encoded(&photo(4, 4), ImageFormat::Png);
    let first = who.image_id("post", &dot).await;
    for _ in 1..100 {
        who.image("post", &dot).await;
    }
    problem(who.send_image("post", &dot).await, 429, "TOO_MANY_REQUESTS").await;
    who.ok(Method::POST, "/api/posts", json!({"content": "사진", "imageIds": [first]})).await;
    who.image("post", &dot).await;
    problem(who.send_image("post", &dot).await, 429, "TOO_MANY_REQUESTS").await;
}

#[tokio::test]
async fn images_survive_a_restart() {
    let server = start_server(|_| {}).await;
    let who = server.member().await;
    let image = who.image("post", &jpeg(300, 200)).await;
    let before = who.variants(&image).await.map(|variant| variant.bytes);
    let server = server.restart(async |_| {}).await;
    let who = Member { base: server.base.clone(), ..who };
    assert_eq!(who.variants(&image).await.map(|variant| variant.bytes), before);
    server.app.shutdown().await;
}

#[tokio::test]
async fn images_are_stored_in_the_configured_folder() {
    let elsewhere = tempfile::tempdir().unwrap();
    let url = format!("file://{}/pictures", elsewhere.path().display());
    let server = start_server(|config| config.images.url = url).await;
    let who = server.member().await;
    who.image("post", &jpeg(30, 20)).await;
    let parts = std::fs::read_dir(elsewhere.path().join("pictures")).unwrap().count();
    assert_eq!(parts, 1);
    assert!(!server.folder.path().join("images").exists());
    server.app.shutdown().await;
}

#[tokio::test]
async fn the_outcomes_of_uploads_are_counted() {
    let server = Process::start(&[]).await;
    let who = server.member().await;
    who.image("post", &jpeg(40, 20)).await;
    for file in [b"".as_slice(), b"<svg/>", b"GIF89a", &crate::image_fixtures::png_with_header(60_000, 60_000)] {
        assert!(who.send_image("post", file).await.status().is_client_error());
    }
    let text =
        crate::common::client().get(format!("{}/metrics", server.admin)).send().await.unwrap().text().await.unwrap();
    for outcome in ["made", "unsupported", "corrupted", "too_large"] {
        assert!(text.contains(&format!("dailyfeed_images_total{{outcome=\"{outcome}\"}} 1")), "{outcome}: {text}");
    }
    assert!(text.contains("dailyfeed_image_duration_seconds_count 4"), "{text}");
    server.stop().await;
}

/// Resets the peak memory of a process.
fn reset_peak(process: &Process) {
    std::fs::write(format!("/proc/{}/clear_refs", process.id()), "5").unwrap();
}

/// Returns the peak memory of a process since [`reset_peak`], in MiB.
fn peak_mebibytes(process: &Process) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

/// The documented bound is 12 bytes a pixel of the 40 megapixels that are decoded at once, and 26 MiB for each upload.
/// The images of this test need less: 40 megapixels of grey are 40 MB, and the uploads are small.
#[tokio::test]
async fn memory_stays_bounded_under_concurrent_image_bombs() {
    let server = Process::start(&[("DAILYFEED_IMAGES__WAITING_MAX", "64")]).await;
    let (bomb, largest) = (png_of_zeros(9_000, 9_000), png_of_zeros(8_000, 5_000));
    let (declared, frames) = (crate::image_fixtures::png_with_header(60_000, 60_000), gif_of(10_000));
    // Signups come before the measurement: hashing a password needs memory.
    let members = futures::future::join_all((0..6).map(|_| server.member())).await;
    members[0].image("post", &jpeg(100, 100)).await;
    reset_peak(&server);
    let before = peak_mebibytes(&server);
    let mut sent = Vec::new();
    for who in &members {
        for (image, status) in [(&bomb, 413), (&declared, 413), (&frames, 201), (&largest, 201)] {
            let (who, image) = (who.clone(), image.clone());
            sent.push(tokio::spawn(async move { (who.send_image("post", &image).await.status().as_u16(), status) }));
        }
    }
    for sent in sent {
        let (got, expected) = tokio::time::timeout(TIMEOUT * 3, sent).await.unwrap().unwrap();
        assert_eq!(got, expected);
    }
    let grown = peak_mebibytes(&server) - before;
    assert!(grown < 200, "{grown} MiB more than before");
    server.stop().await;
}
