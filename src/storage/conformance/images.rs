//! Rows of images, and the posts and profiles that they are attached to.
use super::{Backend, draft, fixtures, id};
use crate::{
    domain::{
        Avatar, EventKind, Fact, FieldError, IMAGES_UNUSED_MAX, Image, ImageDescription, ImageFile, ImageId, ImageKey,
        ImageKind, MemberId, Outcome, Patch, Picture, PostId, PostText, ProfilePatch, Purpose, Reason, Refusal,
        Timestamp, markup::ResolvedMarkup,
    },
    storage::{StoreResult, Stores},
};
use fixtures::refused;

conformance! {
    every_field_of_an_image_is_kept,
    an_image_is_on_one_post_of_its_owner,
    one_of_the_posts_of_a_commit_gets_a_contested_image,
    an_edit_without_images_keeps_them,
    a_description_changes_on_the_image_and_on_its_post,
    a_post_shows_the_description_at_its_commit,
    deleting_an_image_removes_it_from_its_post_and_profile_with_an_event,
    unused_images_are_limited_and_deleted_in_steps,
}

fn picture(id: ImageId) -> Picture {
    let key = ImageKey(u128::from(id.0) << 70 | 7);
    Picture { id, key, width: 40, height: 20, kind: ImageKind::Png, description: None }
}

pub(super) fn image(owner: MemberId, purpose: Purpose) -> Image {
    let file = |bytes, tag: &str| ImageFile { bytes, tag: tag.to_owned() };
    Image {
        picture: picture(ImageId(id())),
        owner,
        purpose,
        post: None,
        original: file(900, "aa"),
        thumbnail: file(300, "bb"),
        created_at: Timestamp::now(),
    }
}

pub(super) async fn create_image(stores: &Stores, owner: MemberId, purpose: Purpose) -> ImageId {
    let image = image(owner, purpose);
    let id = image.picture.id;
    assert_eq!(stores.images.create_image(image, None).await.unwrap().value, Outcome::Done);
    id
}

/// Creates a post with these images.
pub(super) async fn create_post(stores: &Stores, author: MemberId, images: &[ImageId]) -> StoreResult<PostId> {
    let mut post = draft(author, "사진");
    post.images = images.iter().copied().map(picture).collect();
    let id = post.id;
    stores.posts.create_post(post, None).await.map(|_| id)
}

pub(super) async fn shown(stores: &Stores, post: PostId) -> Vec<ImageId> {
    let post = stores.posts.posts(&[post]).await.unwrap().pop().unwrap();
    post.images.iter().map(|picture| picture.id).collect()
}

async fn every_field_of_an_image_is_kept(backend: &Backend) {
    let stores = &backend.stores().await;
    let owner = fixtures::member(stores).await;
    for purpose in [Purpose::Profile, Purpose::Post] {
        let image = image(owner, purpose);
        stores.images.create_image(image.clone(), None).await.unwrap();
        assert_eq!(stores.images.image(image.picture.id).await.unwrap(), Some(image.clone()));
        assert_eq!(stores.images.images(&[image.picture.id, ImageId(5)]).await.unwrap(), [image]);
    }
    assert_eq!(
        refused(stores.images.create_image(image(MemberId(5), Purpose::Post), None).await),
        Refusal::MemberNotFound
    );
}

async fn an_image_is_on_one_post_of_its_owner(backend: &Backend) {
    let stores = &backend.stores().await;
    let [owner, other] = fixtures::members(stores).await;
    let [first, second] =
        [create_image(stores, owner, Purpose::Post).await, create_image(stores, owner, Purpose::Post).await];
    let portrait = create_image(stores, owner, Purpose::Profile).await;
    assert_eq!(refused(create_post(stores, other, &[first]).await), Refusal::ImageForbidden);
    assert_eq!(refused(create_post(stores, owner, &[first, ImageId(5)]).await), Refusal::ImageNotFound);
    let wrong = |reason| Refusal::from(FieldError { field: "imageIds", reason });
    assert_eq!(refused(create_post(stores, owner, &[portrait]).await), wrong(Reason::UnknownValue));
    let post = create_post(stores, owner, &[second, first]).await.unwrap();
    assert_eq!(shown(stores, post).await, [second, first]);
    assert_eq!(stores.images.image(first).await.unwrap().unwrap().post, Some(post));
    assert_eq!(refused(create_post(stores, owner, &[first]).await), wrong(Reason::InUse));
    // The refused posts changed nothing.
    assert_eq!(fixtures::counts(stores, owner).await, [0, 0, 1]);
    let created = fixtures::events(stores).await.into_iter().filter(|event| event.fact.kind == EventKind::PostCreated);
    assert_eq!(created.count(), 1);
}

async fn one_of_the_posts_of_a_commit_gets_a_contested_image(backend: &Backend) {
    let stores = &backend.stores().await;
    let owner = fixtures::member(stores).await;
    let id = create_image(stores, owner, Purpose::Post).await;
    let ids = [id];
    let answers = futures::future::join_all((0..20).map(|number| {
        let with: &[ImageId] = if number % 2 == 0 { &ids } else { &[] };
        create_post(stores, owner, with)
    }));
    let answers = answers.await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 11);
    assert!(answers.iter().skip(1).step_by(2).all(Result::is_ok));
    fixtures::no_drift(stores).await;
}

async fn an_edit_without_images_keeps_them(backend: &Backend) {
    let stores = &backend.stores().await;
    let owner = fixtures::member(stores).await;
    let [first, second] =
        [create_image(stores, owner, Purpose::Post).await, create_image(stores, owner, Purpose::Post).await];
    let post = create_post(stores, owner, &[first]).await.unwrap();
    let edit = async |images: Option<Vec<ImageId>>| {
        let text = PostText::new(None, "나중").unwrap();
        let text = images.map_or(Ok(text.clone()), |ids| text.with_images(ids)).unwrap();
        stores.posts.edit_post(owner, post, text, ResolvedMarkup::default(), None, Timestamp::now()).await.map(|_| ())
    };
    edit(None).await.unwrap();
    assert_eq!(shown(stores, post).await, [first]);
    edit(Some(vec![second])).await.unwrap();
    assert_eq!(shown(stores, post).await, [second]);
    assert_eq!(stores.images.image(first).await.unwrap().unwrap().post, None);
    assert_eq!(refused(edit(Some(vec![second, ImageId(5)])).await), Refusal::ImageNotFound);
    assert_eq!(shown(stores, post).await, [second], "all of a change or nothing");
    edit(Some(Vec::new())).await.unwrap();
    assert_eq!(shown(stores, post).await, []);
    let unused = stores.images.delete_unused_images(Timestamp(i64::MAX), 10).await.unwrap().value;
    assert_eq!(unused.len(), 2);
}

/// Returns the descriptions that a post shows.
async fn descriptions(stores: &Stores, post: PostId) -> Vec<Option<ImageDescription>> {
    let post = stores.posts.posts(&[post]).await.unwrap().pop().unwrap();
    post.images.into_iter().map(|picture| picture.description).collect()
}

fn words(text: &str) -> Option<ImageDescription> {
    ImageDescription::new(text).unwrap()
}

async fn a_description_changes_on_the_image_and_on_its_post(backend: &Backend) {
    let stores = &backend.stores().await;
    let [owner, other] = fixtures::members(stores).await;
    let mut described = image(owner, Purpose::Post);
    described.picture.description = words("처음");
    let first = described.picture.id;
    stores.images.create_image(described.clone(), None).await.unwrap();
    assert_eq!(stores.images.image(first).await.unwrap(), Some(described.clone()));
    let second = create_image(stores, owner, Purpose::Post).await;
    let describe = async |id, text, expected| {
        stores.images.describe_image(owner, id, words(text), expected).await.map(|described| described.value)
    };
    let before = fixtures::events(stores).await.len();
    assert_eq!(describe(second, "아직 글에 없다", None).await.unwrap().picture.description, words("아직 글에 없다"));
    assert_eq!(fixtures::events(stores).await.len(), before, "no post shows it");

    let post = create_post(stores, owner, &[second, first]).await.unwrap();
    assert_eq!(descriptions(stores, post).await, [words("아직 글에 없다"), words("처음")]);
    let before = fixtures::events(stores).await.len();
    for (text, expected) in [("\"따옴표\" 'a' {}", words("\"따옴표\" 'a' {}")), ("", None), ("끝", words("끝"))]
    {
        let now = describe(second, text, None).await.unwrap();
        assert_eq!((&now.picture.description, now.post), (&expected, Some(post)));
        assert_eq!(stores.images.image(second).await.unwrap().unwrap(), now);
        assert_eq!(descriptions(stores, post).await, [expected, words("처음")]);
        assert_eq!(describe(second, text, None).await.unwrap(), now, "unchanged");
    }
    let events = fixtures::events(stores).await.split_off(before);
    let expected = Fact::new(EventKind::PostUpdated, owner).on_post(post);
    assert_eq!(events.iter().map(|event| event.fact).collect::<Vec<_>>(), [expected; 3]);

    assert_eq!(refused(describe(first, "늦음", Some(image(owner, Purpose::Post))).await), Refusal::PreconditionFailed);
    describe(first, "제때", Some(described)).await.unwrap();
    assert_eq!(refused(describe(ImageId(5), "없음", None).await), Refusal::ImageNotFound);
    let foreign = stores.images.describe_image(other, first, words("남의 것"), None).await;
    assert_eq!(refused(foreign), Refusal::ImageForbidden);
    assert_eq!(descriptions(stores, post).await, [words("끝"), words("제때")]);
}

async fn a_post_shows_the_description_at_its_commit(backend: &Backend) {
    let stores = &backend.stores().await;
    let owner = fixtures::member(stores).await;
    let id = create_image(stores, owner, Purpose::Post).await;
    // Drafted before the change.
    let mut post = draft(owner, "사진");
    post.images = vec![picture(id)];
    let on = post.id;
    stores.images.describe_image(owner, id, words("한강"), None).await.unwrap();
    stores.posts.create_post(post, None).await.unwrap();
    assert_eq!(descriptions(stores, on).await, [words("한강")]);
}

async fn deleting_an_image_removes_it_from_its_post_and_profile_with_an_event(backend: &Backend) {
    let stores = &backend.stores().await;
    let [owner, other] = fixtures::members(stores).await;
    let ids = [create_image(stores, owner, Purpose::Post).await, create_image(stores, owner, Purpose::Post).await];
    let portrait = create_image(stores, owner, Purpose::Profile).await;
    let post = create_post(stores, owner, &ids).await.unwrap();
    let patch = ProfilePatch { avatar: Patch::Set(portrait), ..ProfilePatch::default() };
    stores.members.change_profile(owner, patch, None).await.unwrap();
    let avatar = async || stores.members.cards(&[owner]).await.unwrap().pop().unwrap().avatar;
    assert_eq!(avatar().await, Some(Avatar { id: portrait, key: picture(portrait).key }));
    assert_eq!(refused(stores.images.delete_image(other, ids[0]).await), Refusal::ImageForbidden);
    let before = fixtures::events(stores).await.len();
    for id in [ids[0], portrait] {
        stores.images.delete_image(owner, id).await.unwrap();
        assert_eq!(refused(stores.images.delete_image(owner, id).await), Refusal::ImageNotFound);
    }
    assert_eq!((shown(stores, post).await, avatar().await), (vec![ids[1]], None));
    let events = fixtures::events(stores).await.split_off(before);
    let kinds: Vec<_> = events.iter().map(|event| (event.fact.kind, event.fact.post)).collect();
    assert_eq!(kinds, [(EventKind::PostUpdated, Some(post)), (EventKind::ProfileChanged, None)]);
    stores.images.delete_image(owner, ids[1]).await.unwrap();
    assert_eq!(shown(stores, post).await, []);
}

async fn unused_images_are_limited_and_deleted_in_steps(backend: &Backend) {
    let stores = &backend.stores().await;
    let [owner, other] = fixtures::members(stores).await;
    for _ in 0..IMAGES_UNUSED_MAX {
        create_image(stores, owner, Purpose::Post).await;
    }
    let full = Refusal::TooManyImages { max: IMAGES_UNUSED_MAX };
    assert_eq!(refused(stores.images.create_image(image(owner, Purpose::Post), None).await), full);
    create_image(stores, other, Purpose::Post).await;
    assert_eq!(stores.images.delete_unused_images(fixtures::hours_from_now(-1), 10).await.unwrap().value, []);
    assert_eq!(stores.images.delete_unused_images(fixtures::hours_from_now(1), 40).await.unwrap().value.len(), 40);
    assert_eq!(stores.images.delete_unused_images(fixtures::hours_from_now(1), 100).await.unwrap().value.len(), 61);
}
