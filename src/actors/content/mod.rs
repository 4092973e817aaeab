//! `Content`: the handle that drafts, creates, edits, deletes, likes and shows posts and comments. Its methods for
//! comments are in `comments.rs` and `comment_lists.rs`.
mod commands;
mod comment_lists;
mod comments;

use super::{
    catalog::Catalog,
    error::{Error, StartError},
    page::{Page, page},
    slots::Slots,
    streams::Streams,
    supervisor::Supervisor,
    views::Views,
    visibility::Visibility,
};
use crate::{
    domain::{
        IdGenerator, ImageId, LikeState, MemberCard, MemberId, Mention, Outcome, Picture, Post, PostAudience,
        PostCounts, PostId, PostText, Receipt, Refusal, Surface, Timestamp, VisiblePost,
        cursor::{ListKind, decode_list_cursor, encode_list_cursor},
        markup,
        markup::ResolvedMarkup,
    },
    storage::{Committed, ImageStore, Listed, MemberStore, Stores},
};
use commands::{ContentCommand, ContentStores};
use std::sync::Arc;

/// The handle of content. Commands go through the slot of the acting member; reads need no order and go to the stores.
#[derive(Clone)]
pub struct Content {
    slots: Slots<ContentCommand>,
    stores: ContentStores,
    members: Arc<dyn MemberStore>,
    images: Arc<dyn ImageStore>,
    ids: Arc<IdGenerator>,
    catalog: Catalog,
    visibility: Visibility,
    streams: Streams,
    views: Views,
}

impl Content {
    pub(super) async fn start(
        supervisor: &Supervisor,
        stores: &Stores,
        ids: Arc<IdGenerator>,
        catalog: Catalog,
        visibility: Visibility,
        streams: Streams,
        views: Views,
    ) -> Result<Self, StartError> {
        let (members, images) = (stores.members.clone(), stores.images.clone());
        let stores = ContentStores {
            posts: stores.posts.clone(),
            comments: stores.comments.clone(),
            likes: stores.likes.clone(),
        };
        let slots = Slots::start(supervisor, "content", stores.clone()).await?;
        Ok(Self { slots, stores, members, images, ids, catalog, visibility, streams, views })
    }

    /// Drafts a post: its id, time, audience, tags, mentions, images and author are known before it is stored. Without an
    /// audience, it is what the author's privacy says. Refuses `ImageNotFound`.
    pub async fn draft_post(&self, author: MemberId, text: PostText) -> Result<VisiblePost, Error> {
        let ResolvedMarkup { tags, mentions } = self.markup(author, text.content()).await?;
        let images = self.pictures(text.images().unwrap_or_default()).await?;
        if text.audience().is_none() {
            // The author's last change of privacy decides.
            self.visibility.wait_for_own_writes(author).await;
        }
        let by_privacy = || PostAudience::default_of(self.visibility.privacy_of(author));
        let post = Post {
            id: PostId(self.ids.next()),
            author,
            title: text.title().map(str::to_owned),
            content: text.content().to_owned(),
            audience: text.audience().unwrap_or_else(by_privacy),
            tags,
            mentions,
            images,
            counts: PostCounts::default(),
            created_at: Timestamp::now(),
            edited_at: None,
        };
        Ok(VisiblePost::plain(Arc::new(post), self.member_card(author).await?))
    }

    /// Stores a draft. Followers see the post when the projection has applied its event, the author at the next read.
    /// Refuses `IdempotencyKeyReused`, `ImageNotFound`, `ImageForbidden`, and `Invalid` for an image of another post or
    /// of a profile.
    pub async fn create_post(&self, draft: VisiblePost, receipt: Option<Receipt>) -> Result<Committed<Outcome>, Error> {
        let post = Arc::unwrap_or_clone(draft.post);
        let author = post.author;
        let create = |reply| ContentCommand::CreatePost { post, receipt, reply };
        let created = self.slots.mailbox_of(author).ask(create).await?;
        self.visibility.note_write(author, created.at);
        Ok(created)
    }

    /// Returns one post and records a view of it. Refuses `PostNotFound`.
    pub async fn view_post(&self, viewer: MemberId, id: PostId) -> Result<VisiblePost, Error> {
        let visible = self.post_on_screen(viewer, id).await?;
        if visible.post.author != viewer {
            self.views.record(viewer, id);
        }
        Ok(visible)
    }

    /// Returns one post for a request that does not show it: records no view, and the viewer's streams do not report
    /// its counts. Refuses `PostNotFound`.
    pub async fn visible_post(&self, viewer_id: MemberId, id: PostId) -> Result<VisiblePost, Error> {
        let viewer = self.visibility.viewer(viewer_id).await?;
        self.visibility.posts(&viewer, &[id], Surface::Direct).await?.pop().ok_or(Refusal::PostNotFound.into())
    }

    /// Changes the text of a post, and its images if `text` names any. Refuses `PostNotFound`, `PostUpdateForbidden`,
    /// `PostEmpty`, `AudienceFixed`, for images what [`Content::create_post`] refuses, and `PreconditionFailed` for a
    /// post that differs from `expected`.
    pub async fn edit_post(
        &self,
        author: MemberId,
        id: PostId,
        text: PostText,
        expected: Option<Arc<Post>>,
    ) -> Result<Committed<VisiblePost>, Error> {
        self.check_post_visible(author, id).await?;
        let markup = self.markup(author, text.content()).await?;
        let edit = |reply| ContentCommand::EditPost { author, id, text, markup, expected, reply };
        let Committed { value: stored, at } = self.slots.mailbox_of(author).ask(edit).await?;
        if stored.audience == PostAudience::Mentioned {
            // Hides the post from members whom its text no longer mentions.
            self.visibility.put_in_force(author, at).await?;
        } else {
            self.visibility.note_write(author, at);
        }
        Ok(Committed { value: self.post_on_screen(author, id).await?, at })
    }

    /// Returns a post as the viewer sees it, and notes that the viewer's client shows it: the viewer's streams report
    /// its counts from now on. Refuses `PostNotFound`.
    async fn post_on_screen(&self, viewer_id: MemberId, id: PostId) -> Result<VisiblePost, Error> {
        let viewer = self.visibility.viewer(viewer_id).await?;
        self.streams.note_on_screen(viewer_id, std::iter::once(id));
        self.visibility.posts(&viewer, &[id], Surface::Direct).await?.pop().ok_or(Refusal::PostNotFound.into())
    }

    /// Refuses `PostNotFound` for a hidden post, so that no later refusal reveals it.
    async fn check_post_visible(&self, member: MemberId, id: PostId) -> Result<(), Error> {
        let viewer = self.visibility.viewer(member).await?;
        self.visibility.check_post(&viewer, id).await
    }

    /// Deletes a post; it is hidden from everybody when this returns. Refuses `PostNotFound`, `PostDeleteForbidden`,
    /// and `Late` as `Visibility::put_in_force` does.
    pub async fn delete_post(&self, author: MemberId, id: PostId) -> Result<Committed<()>, Error> {
        self.check_post_visible(author, id).await?;
        let delete = |reply| ContentCommand::DeletePost { author, id, reply };
        let deleted = self.slots.mailbox_of(author).ask(delete).await?;
        self.visibility.put_in_force(author, deleted.at).await?;
        Ok(deleted)
    }

    /// Sets or withdraws a like, and returns the number of likes that is visible to the member. Refuses `PostNotFound`.
    pub async fn like_post(&self, member: MemberId, id: PostId, like: bool) -> Result<Committed<LikeState>, Error> {
        let viewer = self.visibility.viewer(member).await?;
        self.visibility.check_post(&viewer, id).await?;
        let key = self.ids.next();
        let like = |reply| ContentCommand::LikePost { key, member, id, like, reply };
        let liked = self.slots.mailbox_of(member).ask(like).await?;
        self.visibility.note_write(member, liked.at);
        if viewer.relations().blocked.is_empty() {
            return Ok(liked);
        }
        // The store counts the likes of blocked members too.
        let visible = self.post_on_screen(member, id).await?;
        Ok(liked.map(|state| LikeState { like_count: visible.counts().likes, ..state }))
    }

    /// Lists the members who like the post, newest like first, without hidden ones. Refuses `PostNotFound`,
    /// `CursorInvalid`.
    pub async fn post_likes(
        &self,
        viewer_id: MemberId,
        id: PostId,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<MemberCard>, Error> {
        let viewer = self.visibility.viewer(viewer_id).await?;
        self.visibility.check_post(&viewer, id).await?;
        let before = match cursor {
            Some(text) => decode_list_cursor(text, ListKind::PostLikes, id.0)?[0],
            None => u64::MAX,
        };
        let likes = self.stores.likes.post_likes(id, before, limit + 1).await?;
        let next = |last: &Listed<_>| encode_list_cursor(ListKind::PostLikes, id.0, [last.key, 0]);
        let mut page = page(likes, limit, next, |listed| listed.item);
        page.items.retain(|card| viewer.sees(card.id, Surface::Direct));
        Ok(page)
    }

    /// Makes the actor of the member's slot panic when `when` is sent.
    #[cfg(test)]
    pub(crate) async fn crash(&self, member: MemberId, when: tokio::sync::oneshot::Receiver<()>) -> Result<(), Error> {
        self.slots.mailbox_of(member).ask(|reply| ContentCommand::Crash { when, reply }).await
    }

    /// Returns the card of a member. Refuses `MemberNotFound`.
    async fn member_card(&self, member: MemberId) -> Result<Arc<MemberCard>, Error> {
        self.catalog.cards(&[member]).await?.pop().ok_or(Refusal::MemberNotFound.into())
    }

    /// Returns the pictures of `ids` in the same order. Does not check their owner, because the commit does. Refuses
    /// `ImageNotFound`.
    async fn pictures(&self, ids: &[ImageId]) -> Result<Vec<Picture>, Error> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let found = self.images.images(ids).await?;
        let picture =
            |id: &ImageId| found.iter().map(|image| &image.picture).find(|picture| picture.id == *id).cloned();
        ids.iter().map(|id| picture(id).ok_or(Refusal::ImageNotFound.into())).collect()
    }

    /// Finds the tags of a text, and the mentions of members that are visible to its author.
    async fn markup(&self, author: MemberId, text: &str) -> Result<ResolvedMarkup, Error> {
        let found = markup::find(text);
        if found.possible_mentions.is_empty() {
            return Ok(ResolvedMarkup { tags: found.tags, mentions: Vec::new() });
        }
        let keys: Vec<String> = found.possible_mentions.iter().map(|mention| mention.key.clone()).collect();
        let viewer = self.visibility.viewer(author).await?;
        let mut cards = self.members.cards_by_handle(&keys).await?;
        cards.retain(|card| viewer.sees(card.id, Surface::Direct));
        let resolve = |possible: markup::PossibleMention| {
            let card = cards.iter().find(|card| card.handle.eq_ignore_ascii_case(&possible.key))?;
            let (handle, member) = (card.handle.clone(), card.id);
            Some(Mention { handle, member, start: possible.start, end: possible.end })
        };
        let mentions = found.possible_mentions.into_iter().filter_map(resolve).collect();
        Ok(ResolvedMarkup { tags: found.tags, mentions })
    }
}
