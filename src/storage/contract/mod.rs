//! What every backend must do, told through the roles alone. Runs on the embedded profile; another profile adds an
//! opening and nothing else.
mod activity;
mod conditions;
mod content;
mod counters;
mod follows;
mod given;
mod images;
mod leaving;
mod log;
mod members;
mod operations;
mod ranking;
mod relations;
mod search;
mod sessions;
mod tokens;
mod top3;
mod upkeep;

use super::{NewMember, Stores};
use crate::{
    config::Config,
    domain::{
        Email, Handle, IdGenerator, MemberId, Patch, Post, PostCounts, PostId, Profile, ProfilePatch, Timestamp, markup,
    },
};
use std::sync::LazyLock;

static IDS: LazyLock<IdGenerator> = LazyLock::new(|| IdGenerator::new(1, 0));

/// An empty deployment; the folder lives as long as the test.
pub(super) async fn open() -> (Stores, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let stores = Stores::open(&Config::for_tests(folder.path())).await.unwrap();
    (stores, folder)
}

pub(super) fn id() -> u64 {
    IDS.next()
}

pub(super) fn newcomer(handle: &str) -> NewMember {
    let profile = ProfilePatch { member_name: Patch::Set("이름".to_owned()), ..ProfilePatch::default() };
    NewMember {
        id: MemberId(id()),
        email: Email::new(&format!("{handle}@example.com")).unwrap(),
        handle: Handle::new(handle).unwrap(),
        password_hash: "hash".to_owned(),
        profile: Profile::new(profile).unwrap(),
        created_at: Timestamp::now(),
    }
}

pub(super) async fn member(stores: &Stores, handle: &str) -> MemberId {
    let new = newcomer(handle);
    let id = new.id;
    stores.members.sign_up(new, None).await.unwrap();
    id
}

pub(super) fn draft(author: MemberId, content: &str) -> Post {
    Post {
        id: PostId(id()),
        author,
        title: None,
        content: content.to_owned(),
        tags: markup::find(content).tags,
        mentions: Vec::new(),
        images: Vec::new(),
        counts: PostCounts::default(),
        created_at: Timestamp::now(),
        edited_at: None,
    }
}

pub(super) async fn post(stores: &Stores, author: MemberId, content: &str) -> PostId {
    let post = draft(author, content);
    let id = post.id;
    stores.content.publish(post, None).await.unwrap();
    id
}
