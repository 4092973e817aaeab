//! Tests of the sweep: which images and files it deletes, and which it keeps.
use super::{Images, sweep::Swept};
use crate::{
    actors::{Actors, Supervisor},
    config::Config,
    domain::{
        Email, Handle, ImageId, MemberId, Outcome, Password, Patch, PostText, Profile, ProfilePatch, Purpose, Timestamp,
    },
    storage::Stores,
};
use bytes::Bytes;
use std::{collections::BTreeSet, path::Path, time::Duration};

struct Deployment {
    actors: Actors,
    _supervisor: Supervisor,
    stores: Stores,
    owner: MemberId,
    folder: tempfile::TempDir,
}

async fn start() -> Deployment {
    let folder = tempfile::tempdir().unwrap();
    let config = Config::for_tests(folder.path());
    let stores = Stores::open(&config).await.unwrap();
    let (actors, supervisor) = Actors::start(stores.clone(), &config).await.unwrap();
    let profile = ProfilePatch { member_name: Patch::Set("이름".to_owned()), ..ProfilePatch::default() };
    let (email, handle) = (Email::new("owner@example.com").unwrap(), Handle::new("owner").unwrap());
    let draft = actors.members.draft_member(email, handle, Profile::new(profile).unwrap());
    let owner = draft.member.id;
    let password = Password::new("password", "Passw0rd!").unwrap();
    actors.members.sign_up(draft, password, None, [127, 0, 0, 1].into()).await.unwrap();
    Deployment { actors, _supervisor: supervisor, stores, owner, folder }
}

fn png() -> Bytes {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::DynamicImage::new_rgb8(20, 10).write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner().into()
}

async fn upload(images: &Images, owner: MemberId, purpose: Purpose) -> ImageId {
    let permit = images.acquire_upload(owner).unwrap();
    let draft = images.draft_image(&permit, owner, purpose, png()).await.unwrap();
    let id = draft.image.picture.id;
    assert_eq!(images.create_image(draft, None).await.unwrap().value, Outcome::Done);
    id
}

/// The ids of the images that have files.
fn files(folder: &Path) -> BTreeSet<u64> {
    let parts = std::fs::read_dir(folder.join("images")).unwrap().map(|part| part.unwrap().path());
    let files = parts.flat_map(|part| std::fs::read_dir(part).unwrap().map(|file| file.unwrap().file_name()));
    files.map(|name| name.to_str().unwrap().split_once('-').unwrap().0.parse().unwrap()).collect()
}

fn hours_ahead(hours: u64) -> Timestamp {
    Timestamp::now().after(Duration::from_secs(hours * 3_600))
}

/// Sweeps for a day, so that every part of the files is visited.
async fn a_day_of_sweeps(images: &Images, from_hour: u64) -> Swept {
    let mut all = Swept::default();
    for hour in from_hour..from_hour + 24 {
        let swept = images.sweep(hours_ahead(hour)).await.unwrap();
        all.unused += swept.unused;
        all.orphans += swept.orphans;
    }
    all
}

#[tokio::test]
async fn unused_images_are_deleted_after_a_day_and_used_ones_stay() {
    let Deployment { actors, stores, owner, folder, .. } = &start().await;
    let images = &actors.images;
    let [posted, unused] = [upload(images, *owner, Purpose::Post).await, upload(images, *owner, Purpose::Post).await];
    let [old, avatar] =
        [upload(images, *owner, Purpose::Profile).await, upload(images, *owner, Purpose::Profile).await];
    let text = PostText::new(None, "사진").unwrap().with_images(vec![posted]).unwrap();
    let draft = actors.content.draft_post(*owner, text).await.unwrap();
    actors.content.create_post(draft, None).await.unwrap();
    for id in [old, avatar] {
        let patch = ProfilePatch { avatar: Patch::Set(id), ..ProfilePatch::default() };
        actors.members.change_profile(*owner, patch, None).await.unwrap();
    }

    assert_eq!(a_day_of_sweeps(images, 0).await, Swept::default(), "younger than a day");
    assert_eq!(a_day_of_sweeps(images, 25).await, Swept { unused: 2, orphans: 0 });
    let left = BTreeSet::from([posted.0, avatar.0]);
    assert_eq!(files(folder.path()), left);
    let known = stores.images.images(&[posted, unused, old, avatar]).await.unwrap();
    assert_eq!(known.iter().map(|image| image.picture.id.0).collect::<BTreeSet<_>>(), left);
}

#[tokio::test]
async fn orphans_are_deleted_and_other_files_stay() {
    let Deployment { actors, stores, owner, folder, .. } = &start().await;
    let images = &actors.images;
    let known = upload(images, *owner, Purpose::Profile).await;
    let patch = ProfilePatch { avatar: Patch::Set(known), ..ProfilePatch::default() };
    actors.members.change_profile(*owner, patch, None).await.unwrap();
    let orphans: Vec<ImageId> = (1..300u64).map(|number| ImageId(number << 12)).collect();
    for orphan in &orphans {
        stores.image_files.write(*orphan, png(), png()).await.unwrap();
    }
    std::fs::write(folder.path().join("images/00/README"), "not ours").unwrap();

    assert_eq!(a_day_of_sweeps(images, 0).await.orphans, 0, "their rows may not be stored yet");
    assert_eq!(a_day_of_sweeps(images, 25).await, Swept { unused: 0, orphans: orphans.len() });
    std::fs::remove_file(folder.path().join("images/00/README")).unwrap();
    assert_eq!(files(folder.path()), BTreeSet::from([known.0]));
}

#[tokio::test]
async fn images_of_a_purged_post_are_swept() {
    let Deployment { actors, stores, owner, folder, .. } = &start().await;
    let images = &actors.images;
    let [posted, kept] = [upload(images, *owner, Purpose::Post).await, upload(images, *owner, Purpose::Profile).await];
    let text = PostText::new(None, "사진").unwrap().with_images(vec![posted]).unwrap();
    let draft = actors.content.draft_post(*owner, text).await.unwrap();
    let post = draft.post.id;
    actors.content.create_post(draft, None).await.unwrap();
    let patch = ProfilePatch { avatar: Patch::Set(kept), ..ProfilePatch::default() };
    actors.members.change_profile(*owner, patch, None).await.unwrap();
    actors.content.delete_post(*owner, post).await.unwrap();

    let purge = async |hours| {
        let nothing = crate::domain::Position(0);
        stores.housekeeping.prune(hours_ahead(hours), Timestamp(0), nothing).await.unwrap();
    };
    assert_eq!(a_day_of_sweeps(images, 25).await.unused, 0, "the post is not purged yet");
    purge(31 * 24).await;
    assert_eq!(a_day_of_sweeps(images, 25).await.unused, 1);
    assert_eq!(files(folder.path()), BTreeSet::from([kept.0]));
    stores.members.deactivate(*owner, Timestamp::now()).await.unwrap();
    purge(31 * 24).await;
    assert_eq!(a_day_of_sweeps(images, 25).await.unused, 1);
    assert_eq!(files(folder.path()), BTreeSet::new());
}
