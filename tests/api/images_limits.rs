//! What images may cost: places, time, disk, memory.
use crate::{
    common::{Member, PATIENCE},
    pictures::{form, gif_of, jpeg, photo, png_of_zeros, written},
    process::Process,
    support::{member, own, problem, until},
};
use futures::{StreamExt, stream};
use image::ImageFormat;
use reqwest::{Body, Method};
use serde_json::json;
use std::time::Duration;
use tokio::sync::oneshot;

/// A form whose second half waits until it is told to come.
fn in_two_halves(image: &[u8]) -> (Body, oneshot::Sender<()>) {
    let form = form(&[("purpose", b"post"), ("image", image)]);
    let (first, second) = (form[..form.len() / 2].to_vec(), form[form.len() / 2..].to_vec());
    let (tell, told) = oneshot::channel();
    let second = async move {
        let _ = told.await;
        Ok(second)
    };
    let pieces = stream::once(async { Ok::<_, std::io::Error>(first) }).chain(stream::once(second));
    (Body::wrap_stream(pieces), tell)
}

/// Begins an upload that does not end until told.
fn begin(who: &Member) -> (tokio::task::JoinHandle<reqwest::Response>, oneshot::Sender<()>) {
    let (body, go_on) = in_two_halves(&jpeg(40, 20));
    let who = who.clone();
    (tokio::spawn(async move { who.send_form("/api/images", body).await }), go_on)
}

/// Uploads that are under way, and how to let each end.
type Begun = Vec<(tokio::task::JoinHandle<reqwest::Response>, oneshot::Sender<()>)>;

/// Begins one more upload than there are places: returns those that have one, and the answer to the one that has none.
async fn fill(who: &Member, places: usize) -> (Begun, reqwest::Response) {
    let mut begun: Begun = (0..=places).map(|_| begin(who)).collect();
    let (refused, at, _) = futures::future::select_all(begun.iter_mut().map(|(upload, _)| upload)).await;
    begun.remove(at);
    (begun, refused.unwrap())
}

#[tokio::test]
async fn one_more_upload_than_there_are_places_is_told_to_come_again() {
    let own = own(|config| (config.images.decoders, config.images.waiting_max) = (1, 1)).await;
    let who = own.member().await;
    let (begun, refused) = fill(&who, 2).await;
    assert!(refused.headers().contains_key("retry-after"));
    problem(refused, 503, "BUSY").await;
    problem(who.send_image("post", &jpeg(40, 20)).await, 503, "BUSY").await;
    for (upload, go_on) in begun {
        go_on.send(()).unwrap();
        assert_eq!(upload.await.unwrap().status(), 201);
    }
    assert_eq!(who.send_image("post", &jpeg(40, 20)).await.status(), 201);
    own.server.shutdown().await;
}

#[tokio::test]
async fn one_member_does_not_take_every_place() {
    let own = own(|config| config.images.waiting_max = 6).await;
    let (who, other) = (own.member().await, own.member().await);
    let (begun, refused) = fill(&who, 4).await;
    problem(refused, 503, "BUSY").await;
    assert_eq!(other.send_image("post", &jpeg(40, 20)).await.status(), 201);
    for (upload, go_on) in begun {
        go_on.send(()).unwrap();
        assert_eq!(upload.await.unwrap().status(), 201);
    }
    assert_eq!(who.send_image("post", &jpeg(40, 20)).await.status(), 201);
    own.server.shutdown().await;
}

#[tokio::test]
async fn a_page_of_images_is_fetched_at_once_and_a_flood_is_not() {
    // Fewer a second than the slowest machine asks for.
    let own = own(|config| (config.limits.enabled, config.limits.image_per_second) = (true, 125)).await;
    let who = own.member().await;
    let image = who.image("profile", &jpeg(40, 40)).await;
    let url = format!("{}{}", own.base, image["thumbnailUrl"].as_str().unwrap());
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
    own.server.shutdown().await;
}

#[tokio::test]
async fn an_upload_that_does_not_end_is_ended() {
    let own = own(|config| config.images.upload_timeout_ms = 1_000).await;
    let who = own.member().await;
    let (upload, _never) = begin(&who);
    problem(upload.await.unwrap(), 408, "REQUEST_TIMEOUT").await;
    own.server.shutdown().await;
}

#[tokio::test]
async fn an_upload_may_take_longer_than_other_requests() {
    // Long enough for a sign-up on a busy machine.
    let own = own(|config| config.http.request_timeout_ms = 2_000).await;
    let who = own.member().await;
    let (upload, go_on) = begin(&who);
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    go_on.send(()).unwrap();
    assert_eq!(upload.await.unwrap().status(), 201);
    own.server.shutdown().await;
}

#[tokio::test]
async fn who_goes_away_in_the_middle_leaves_the_place_to_others() {
    let own = own(|config| (config.images.decoders, config.images.waiting_max) = (1, 0)).await;
    let who = own.member().await;
    let (begun, refused) = fill(&who, 1).await;
    assert_eq!(refused.status(), 503);
    begun[0].0.abort();
    until(async || (who.send_image("post", &jpeg(40, 20)).await.status() == 201).then_some(())).await;
    own.server.shutdown().await;
}

#[tokio::test]
async fn a_member_cannot_fill_the_disk_with_images_that_nobody_sees() {
    let who = member().await;
    let dot = written(&photo(4, 4), ImageFormat::Png);
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
async fn images_outlive_the_server() {
    let own = own(|_| {}).await;
    let who = own.member().await;
    let image = who.image("post", &jpeg(300, 200)).await;
    let before = who.variants(&image).await.map(|variant| variant.bytes);
    let own = own.again(async |_| {}).await;
    let who = Member { base: own.base.clone(), ..who };
    assert_eq!(who.variants(&image).await.map(|variant| variant.bytes), before);
    own.server.shutdown().await;
}

#[tokio::test]
async fn images_are_kept_in_the_folder_that_is_named() {
    let elsewhere = tempfile::tempdir().unwrap();
    let url = format!("file://{}/pictures", elsewhere.path().display());
    let own = own(|config| config.images.url = url).await;
    let who = own.member().await;
    who.image("post", &jpeg(30, 20)).await;
    let parts = std::fs::read_dir(elsewhere.path().join("pictures")).unwrap().count();
    assert_eq!(parts, 1);
    assert!(!own.folder.path().join("images").exists());
    own.server.shutdown().await;
}

#[tokio::test]
async fn what_became_of_uploads_is_counted() {
    let own = Process::start(&[]).await;
    let who = own.member().await;
    who.image("post", &jpeg(40, 20)).await;
    for file in [b"".as_slice(), b"<svg/>", b"GIF89a", &crate::pictures::png_that_says(60_000, 60_000)] {
        assert!(who.send_image("post", file).await.status().is_client_error());
    }
    let text = reqwest::get(format!("{}/metrics", own.admin)).await.unwrap().text().await.unwrap();
    for outcome in ["made", "unsupported", "corrupted", "too_large"] {
        assert!(text.contains(&format!("dailyfeed_images_total{{outcome=\"{outcome}\"}} 1")), "{outcome}: {text}");
    }
    assert!(text.contains("dailyfeed_image_duration_seconds_count 4"), "{text}");
    own.stop().await;
}

/// Forgets what a process held before; from now on its most is counted anew.
fn count_anew(process: &Process) {
    std::fs::write(format!("/proc/{}/clear_refs", process.id()), "5").unwrap();
}

/// The most memory that a process held, in MiB.
fn most_held(process: &Process) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

/// The bound says: 12 bytes a pixel of the 40 megapixels that are decoded at once, and 26 MiB an upload under way. What is
/// sent here takes less: 40 megapixels of grey are 40 MB, and the uploads are small.
#[tokio::test]
async fn memory_stays_within_its_bound_whatever_comes_at_once() {
    let own = Process::start(&[("DAILYFEED_IMAGES__WAITING_MAX", "64")]).await;
    let (bomb, largest) = (png_of_zeros(9_000, 9_000), png_of_zeros(8_000, 5_000));
    let (said, frames) = (crate::pictures::png_that_says(60_000, 60_000), gif_of(10_000));
    // Before it is measured: hashing a password takes memory of its own.
    let members = futures::future::join_all((0..6).map(|_| own.member())).await;
    members[0].image("post", &jpeg(100, 100)).await;
    count_anew(&own);
    let before = most_held(&own);
    let mut sent = Vec::new();
    for who in &members {
        for (image, status) in [(&bomb, 413), (&said, 413), (&frames, 201), (&largest, 201)] {
            let (who, image) = (who.clone(), image.clone());
            sent.push(tokio::spawn(async move { (who.send_image("post", &image).await.status().as_u16(), status) }));
        }
    }
    for sent in sent {
        let (got, expected) = tokio::time::timeout(PATIENCE * 3, sent).await.unwrap().unwrap();
        assert_eq!(got, expected);
    }
    let grown = most_held(&own) - before;
    assert!(grown < 200, "{grown} MiB more than before");
    own.stop().await;
}
