//! What the sweep takes, and what it leaves.
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
    let newcomer = actors.members.newcomer(email, handle, Profile::new(profile).unwrap());
    let owner = newcomer.member.id;
    let password = Password::new("password", "Passw0rd!").unwrap();
    actors.members.sign_up(newcomer, password, None, [127, 0, 0, 1].into()).await.unwrap();
    Deployment { actors, _supervisor: supervisor, stores, owner, folder }
}

fn png() -> Bytes {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::DynamicImage::new_rgb8(20, 10).write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner().into()
}

async fn sent(images: &Images, owner: MemberId, purpose: Purpose) -> ImageId {
    let place = images.enter(owner).unwrap();
    let draft = images.draft(&place, owner, purpose, png()).await.unwrap();
    let id = draft.image.picture.id;
    assert_eq!(images.add(draft, None).await.unwrap(), Outcome::Done(()));
    id
}

/// The images that have files.
fn files(folder: &Path) -> BTreeSet<u64> {
    let parts = std::fs::read_dir(folder.join("images")).unwrap().map(|part| part.unwrap().path());
    let files = parts.flat_map(|part| std::fs::read_dir(part).unwrap().map(|file| file.unwrap().file_name()));
    files.map(|name| name.to_str().unwrap().split_once('-').unwrap().0.parse().unwrap()).collect()
}

fn hours_ahead(hours: u64) -> Timestamp {
    Timestamp::now().after(Duration::from_secs(hours * 3_600))
}

/// A day of rounds, so that every part of the files is looked at.
async fn a_day_of_sweeps(images: &Images, from_hour: u64) -> Swept {
    let mut all = Swept::default();
    for hour in from_hour..from_hour + 24 {
        let swept = images.sweep(hours_ahead(hour)).await.unwrap();
        (all.unused, all.strays) = (all.unused + swept.unused, all.strays + swept.strays);
    }
    all
}

#[tokio::test]
async fn images_on_nothing_go_after_a_day_and_those_on_something_stay() {
    let Deployment { actors, stores, owner, folder, .. } = &start().await;
    let images = &actors.images;
    let [posted, unused] = [sent(images, *owner, Purpose::Post).await, sent(images, *owner, Purpose::Post).await];
    let [old, avatar] = [sent(images, *owner, Purpose::Profile).await, sent(images, *owner, Purpose::Profile).await];
    let text = PostText::new(None, "사진").unwrap().with_images(vec![posted]).unwrap();
    let draft = actors.content.draft_post(*owner, text).await.unwrap();
    actors.content.publish(draft, None).await.unwrap();
    for id in [old, avatar] {
        let patch = ProfilePatch { avatar: Patch::Set(id), ..ProfilePatch::default() };
        actors.members.change_profile(*owner, patch, None).await.unwrap();
    }

    assert_eq!(a_day_of_sweeps(images, 0).await, Swept::default(), "younger than a day");
    assert_eq!(a_day_of_sweeps(images, 25).await, Swept { unused: 2, strays: 0 });
    let left = BTreeSet::from([posted.0, avatar.0]);
    assert_eq!(files(folder.path()), left);
    let known = stores.images.images(&[posted, unused, old, avatar]).await.unwrap();
    assert_eq!(known.iter().map(|image| image.picture.id.0).collect::<BTreeSet<_>>(), left);
}

#[tokio::test]
async fn files_that_nothing_knows_go_and_others_stay() {
    let Deployment { actors, stores, owner, folder, .. } = &start().await;
    let images = &actors.images;
    let known = sent(images, *owner, Purpose::Profile).await;
    let patch = ProfilePatch { avatar: Patch::Set(known), ..ProfilePatch::default() };
    actors.members.change_profile(*owner, patch, None).await.unwrap();
    let strays: Vec<ImageId> = (1..300u64).map(|number| ImageId(number << 12)).collect();
    for stray in &strays {
        stores.image_files.write(*stray, png(), png()).await.unwrap();
    }
    std::fs::write(folder.path().join("images/00/README"), "not ours").unwrap();

    assert_eq!(a_day_of_sweeps(images, 0).await.strays, 0, "what is known of them may be on its way");
    assert_eq!(a_day_of_sweeps(images, 25).await, Swept { unused: 0, strays: strays.len() });
    std::fs::remove_file(folder.path().join("images/00/README")).unwrap();
    assert_eq!(files(folder.path()), BTreeSet::from([known.0]));
}

#[tokio::test]
async fn what_a_purge_leaves_is_swept() {
    let Deployment { actors, stores, owner, folder, .. } = &start().await;
    let images = &actors.images;
    let [posted, kept] = [sent(images, *owner, Purpose::Post).await, sent(images, *owner, Purpose::Profile).await];
    let text = PostText::new(None, "사진").unwrap().with_images(vec![posted]).unwrap();
    let draft = actors.content.draft_post(*owner, text).await.unwrap();
    let post = draft.post.id;
    actors.content.publish(draft, None).await.unwrap();
    let patch = ProfilePatch { avatar: Patch::Set(kept), ..ProfilePatch::default() };
    actors.members.change_profile(*owner, patch, None).await.unwrap();
    actors.content.delete_post(*owner, post).await.unwrap();

    let purge = async |hours| {
        let nothing = crate::domain::Position(0);
        stores.upkeep.prune(hours_ahead(hours), Timestamp(0), nothing).await.unwrap();
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
